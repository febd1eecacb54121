//! What the program lends to plugins.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use miette::Diagnostic;
use samkit_models::{LocalModel, ModelError, PullOptions, Store};
use samkit_plugin_host::{
    ClipService, HostServices, LogLevel, ModelService, SamService, ServiceError,
};
use samkit_scene::Scene;

use super::Talk;
use crate::{
    console::{Console, Fetching},
    error::one_line,
};

/// Why something that plugins are lent cannot be had, in the program's own words.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub(crate) struct NotLent {
    message: String,
    #[help]
    help: Option<String>,
}

impl NotLent {
    /// The failure of a service, with what to do about it.
    pub(super) fn service(error: &impl Diagnostic) -> ServiceError {
        let (message, help) = (one_line(error), error.help().map(|help| help.to_string()));
        ServiceError::Failed(Box::new(Self { message, help }))
    }

    pub(super) fn take_help(&mut self) -> Option<String> {
        self.help.take()
    }
}

/// The services of one call.
pub(super) struct Services {
    /// None while a task is made: nobody has an image then.
    scene: Option<Arc<Scene>>,
    talk: Talk,
    heard: Mutex<Heard>,
}

/// What a plugin said for the record.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Warnings and errors.
    pub(super) notes: Vec<String>,
    pub(super) numbers: BTreeMap<String, f64>,
    /// What it was given.
    pub(super) weights: Vec<LocalModel>,
}

impl Services {
    pub(super) fn new(scene: Option<Arc<Scene>>, talk: Talk) -> Self {
        Self { scene, talk, heard: Mutex::default() }
    }

    pub(super) fn into_heard(self) -> Heard {
        self.heard.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Weights for the record.
    pub(super) fn keep(&self, weights: LocalModel) {
        self.heard().weights.push(weights);
    }

    pub(super) fn console(&self) -> Console {
        self.talk.console
    }

    pub(super) fn is_offline(&self) -> bool {
        self.talk.offline
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostServices for Services {
    fn log(&self, level: LogLevel, text: &str) {
        match level {
            LogLevel::Error | LogLevel::Warn => {
                self.heard().notes.push(text.to_owned());
            }
            LogLevel::Info | LogLevel::Debug => {
                self.talk.bar.suspend(|| self.talk.console.detail(text));
            }
        }
    }

    fn progress(&self, done: u64, total: u64) -> ControlFlow<()> {
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        self.talk.progress(count(done), count(total))
    }

    fn record(&self, name: &str, value: f64) {
        self.heard().numbers.insert(name.to_owned(), value);
    }

    fn threads(&self) -> usize {
        rayon::current_num_threads()
    }

    fn sam(&self) -> Option<&dyn SamService> {
        HostServices::sam(self.scene.as_deref()?)
    }

    fn clip(&self) -> Option<&dyn ClipService> {
        Some(self)
    }

    fn models(&self) -> Option<&dyn ModelService> {
        Some(self)
    }
}

impl ModelService for Services {
    fn weights_path(&self, id: &str) -> Result<PathBuf, ServiceError> {
        let failed = |error: ModelError| NotLent::service(&error);
        let spec = samkit_models::find(id).map_err(failed)?;
        let options = PullOptions { offline: self.talk.offline, ..PullOptions::default() };
        let store = Store::open_default().map_err(failed)?;
        let local = store.ensure(spec, &options, &Fetching::new(self.talk.console));
        let local = local.map_err(failed)?;
        let path = local.path.clone();
        self.keep(local);
        Ok(path)
    }
}
