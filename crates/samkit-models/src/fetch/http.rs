//! One file over HTTP(S).

use std::path::Path;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, http::Response};

use crate::ModelError;
use crate::hash::{Expected, Meter, copy_verified};

/// Short, so that where a hub is blocked the next source follows in seconds.
const CONNECT: Duration = Duration::from_secs(5);
/// For the answer to begin, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than any honest server needs.
const REDIRECTS: u32 = 10;

/// Downloads `url` to `path`, following redirects and the proxy variables of
/// the environment, verifying size and hash on the way, and returns its SHA-256.
pub(super) fn download(
    url: &str,
    expected: &Expected,
    path: &Path,
    meter: Meter<'_>,
) -> Result<String, ModelError> {
    let response = agent(REDIRECTS).get(url).call().map_err(|e| failure(url, &e))?;
    check_announced_length(&response, expected)?;
    let mut body = response.into_body().into_reader();
    copy_verified(&mut body, path, expected, meter)
}

/// An agent that follows this many redirects; with none, it returns them as answers.
pub(super) fn agent(redirects: u32) -> Agent {
    // The system's certificates, as a company's proxy may have its own.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
        .max_redirects(redirects)
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("samkit/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls)
        .build()
        .into()
}

/// A wrong length is known before anything is transferred.
fn check_announced_length(
    response: &Response<Body>,
    expected: &Expected,
) -> Result<(), ModelError> {
    match response.body().content_length() {
        Some(found) if found != expected.size => Err(ModelError::SizeMismatch {
            file: expected.name.clone(),
            expected: expected.size,
            found,
        }),
        _ => Ok(()),
    }
}

pub(super) fn failure(url: &str, error: &ureq::Error) -> ModelError {
    ModelError::Http { url: url.to_owned(), reason: explain(error) }
}

fn explain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::StatusCode(404) => "not found (HTTP 404)".to_owned(),
        ureq::Error::StatusCode(code) => format!("the server answered HTTP {code}"),
        ureq::Error::HostNotFound => "the host name cannot be resolved".to_owned(),
        ureq::Error::Timeout(_) => "no answer in time".to_owned(),
        ureq::Error::Io(e) => format!("cannot connect: {e}"),
        other => crate::error::reason(other),
    }
}
