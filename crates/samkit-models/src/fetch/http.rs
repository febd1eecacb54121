//! One file over HTTP(S).

use std::path::Path;
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, http::Response};

use crate::hash::{Meter, copy_verified};
use crate::{FileSpec, ModelError};

/// Short, so that where a hub is blocked the next source follows in seconds.
const CONNECT: Duration = Duration::from_secs(5);
/// For the answer to begin, and between two pieces of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Downloads `url` to `path`, following redirects and the proxy variables of
/// the environment, verifying size and hash on the way.
pub(super) fn download(
    url: &str,
    spec: &FileSpec,
    path: &Path,
    meter: Meter<'_>,
) -> Result<(), ModelError> {
    let response = agent()
        .get(url)
        .call()
        .map_err(|e| ModelError::Http { url: url.to_owned(), reason: explain(&e) })?;
    check_announced_length(&response, spec)?;
    let mut body = response.into_body().into_reader();
    copy_verified(&mut body, path, spec, meter)
}

fn agent() -> Agent {
    // The system's certificates, as a company's proxy may have its own.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    Agent::config_builder()
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
fn check_announced_length(response: &Response<Body>, spec: &FileSpec) -> Result<(), ModelError> {
    match response.body().content_length() {
        Some(found) if found != spec.size => {
            Err(ModelError::SizeMismatch { file: spec.name.clone(), expected: spec.size, found })
        }
        _ => Ok(()),
    }
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
