//! The model registry and the model server, as commands see them.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use sluicegate_deploy::{ServeOptions, serve};
use sluicegate_plugin::{ModelVersion, Selector};

use super::{App, AppError};
use crate::store::{AliasRecord, ModelSummary};

/// A model with all its versions.
pub struct ModelDetail {
    /// Its versions, oldest first.
    pub versions: Vec<ModelVersion>,
    /// What each alias stands for.
    pub aliases: BTreeMap<String, u64>,
    /// Every move of an alias, oldest first.
    pub history: Vec<AliasRecord>,
}

/// What to serve, and where.
pub struct ServeRequest {
    /// The model's name.
    pub model: String,
    /// The version, when it is a registered one.
    pub version: Option<u64>,
    /// The bundle's file.
    pub bundle: PathBuf,
    /// BLAKE3 of the bundle.
    pub bundle_hash: String,
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where to write the address once it listens.
    pub address_file: Option<PathBuf>,
    /// True to leave the session of the caller.
    pub detach: bool,
}

impl App {
    /// Every registered model.
    pub fn models(&self) -> Result<Vec<ModelSummary>, AppError> {
        if !self.has_state() {
            return Ok(Vec::new());
        }
        Ok(self.store()?.models()?)
    }

    /// One model with all its versions.
    pub fn model(&self, name: &str) -> Result<ModelDetail, AppError> {
        self.require_model(name)?;
        let store = self.store()?;
        let versions = store.versions(name)?;
        Ok(ModelDetail { versions, aliases: store.aliases(name)?, history: store.alias_history(name)? })
    }

    /// Finds a registered model by `NAME`, `NAME@ALIAS` or `NAME@VERSION`; the alias `champion` when none is given.
    pub fn find_model(&self, text: &str) -> Result<(ModelVersion, PathBuf), AppError> {
        let (name, selector) = text.split_once('@').unwrap_or((text, "champion"));
        self.require_model(name)?;
        let Some(version) = self.store()?.find_model(name, &Selector::parse(selector))? else {
            return Err(AppError::NotFound {
                message: format!("model `{name}` has no `{selector}`"),
                hint: format!("`sluice models show {name}` lists its versions and aliases"),
            });
        };
        let path = self.artifacts()?.path(&version.bundle);
        Ok((version, path))
    }

    fn require_model(&self, name: &str) -> Result<(), AppError> {
        let models = self.models()?;
        if models.iter().any(|model| model.name == name) { Ok(()) } else { Err(no_model(name, &models)) }
    }

    /// Serves a model until it is asked to stop. `listening` gets the address.
    pub fn serve_model(
        &self,
        request: ServeRequest,
        listening: impl FnOnce(SocketAddr) + Send + 'static,
    ) -> Result<(), AppError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| AppError::Internal(format!("cannot start the runtime: {error}")))?;
        let options = ServeOptions {
            bundle: request.bundle,
            model: request.model,
            version: request.version,
            bundle_hash: request.bundle_hash,
            bind: request.bind,
            address_file: request.address_file,
            detach: request.detach,
            listening: Some(Box::new(listening)),
        };
        Ok(runtime.block_on(serve(options))?)
    }
}

fn no_model(name: &str, models: &[ModelSummary]) -> AppError {
    let near = sluicegate_plugin::nearest(name, models.iter().map(|model| model.name.as_str()));
    AppError::NotFound {
        message: format!("no model is named `{name}`"),
        hint: match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`sluice models list` lists them; a `register` task makes them".into(),
        },
    }
}
