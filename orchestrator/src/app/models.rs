//! The model registry and the model server, as commands see them.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use sluicegate_plugin::{AliasMove, ModelVersion, Selector};
use sluicegate_serve::{ServeOptions, serve};

pub use sluicegate_serve::bundle_hash;

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

/// A model in the store's own form, as the daemon tells it.
#[derive(Deserialize)]
struct TalkedModel {
    summary: ModelSummary,
    versions: Vec<ModelVersion>,
    history: Vec<AliasRecord>,
}

/// A move of an alias that a person asks for.
pub struct Promotion {
    /// The model.
    pub model: String,
    /// The alias.
    pub alias: String,
    /// The version; without one, what the alias stood for before.
    pub version: Option<u64>,
    /// Why.
    pub reason: String,
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
        if let Some(all) = self.talked_models()? {
            return Ok(all.into_iter().map(|model| model.summary).collect());
        }
        Ok(self.store()?.models()?)
    }

    /// The models as the daemon tells them, when there is one.
    fn talked_models(&self) -> Result<Option<Vec<TalkedModel>>, AppError> {
        let Some(reply) = self.ask_daemon(Method::GET, "/api/v1/local/models", None)? else {
            return Ok(None);
        };
        serde_json::from_value(reply).map(Some).map_err(|error| AppError::Internal(error.to_string()))
    }

    /// Lets an alias stand for a version, or for the one before; returns that version, and whether the alias moved.
    pub fn promote(&self, promotion: &Promotion, actor: &str) -> Result<(u64, bool), AppError> {
        let Promotion { model, alias, version, reason } = promotion;
        self.require_model(model)?;
        let (what, body) = match version {
            Some(version) => ("promote", json!({ "alias": alias, "version": version, "reason": reason })),
            None => ("rollback", json!({ "alias": alias, "reason": reason })),
        };
        let path = format!("/api/v1/models/{model}/{what}");
        if let Some(reply) = self.ask_daemon(Method::POST, &path, Some(&body))? {
            let version = reply["version"].as_u64().unwrap_or_default();
            return Ok((version, reply["moved"].as_bool().unwrap_or_default()));
        }
        let store = self.store()?;
        let version = match version {
            Some(version) => *version,
            None => before(&store.alias_history(model)?, model, alias)?,
        };
        if store.find_model(model, &Selector::Version(version))?.is_none() {
            return Err(AppError::NotFound {
                message: format!("model `{model}` has no version {version}"),
                hint: format!("`sluice models show {model}` lists its versions"),
            });
        }
        let step = AliasMove {
            model: model.clone(),
            alias: alias.clone(),
            version,
            reason: reason.clone(),
            actor: actor.to_owned(),
        };
        Ok((version, store.move_alias(step, self.now())?))
    }

    /// One model with all its versions.
    pub fn model(&self, name: &str) -> Result<ModelDetail, AppError> {
        self.require_model(name)?;
        if let Some(all) = self.talked_models()? {
            let found = all.into_iter().find(|model| model.summary.name == name);
            let TalkedModel { summary, versions, history } =
                found.ok_or_else(|| AppError::Internal(format!("model `{name}` went away")))?;
            return Ok(ModelDetail { versions, aliases: summary.aliases, history });
        }
        let store = self.store()?;
        let versions = store.versions(name)?;
        Ok(ModelDetail { versions, aliases: store.aliases(name)?, history: store.alias_history(name)? })
    }

    /// Finds a registered model by `NAME`, `NAME@ALIAS` or `NAME@VERSION`; the alias `champion` when none is given.
    pub fn find_model(&self, text: &str) -> Result<(ModelVersion, PathBuf), AppError> {
        let (name, selector) = text.split_once('@').unwrap_or((text, "champion"));
        self.require_model(name)?;
        let Some(version) = self.version_of(name, &Selector::parse(selector))? else {
            return Err(AppError::NotFound {
                message: format!("model `{name}` has no `{selector}`"),
                hint: format!("`sluice models show {name}` lists its versions and aliases"),
            });
        };
        let path = self.artifacts()?.path(&version.bundle);
        Ok((version, path))
    }

    fn version_of(&self, name: &str, selector: &Selector) -> Result<Option<ModelVersion>, AppError> {
        let Some(all) = self.talked_models()? else { return Ok(self.store()?.find_model(name, selector)?) };
        let Some(model) = all.into_iter().find(|model| model.summary.name == name) else { return Ok(None) };
        let aliases = model.summary.aliases;
        Ok(model.versions.into_iter().find(|version| match selector {
            Selector::Bundle(hash) => version.bundle == *hash,
            Selector::Version(number) => version.version == *number,
            Selector::Alias(alias) => aliases.get(alias) == Some(&version.version),
        }))
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

/// What an alias stood for before its latest move.
fn before(history: &[AliasRecord], model: &str, alias: &str) -> Result<u64, AppError> {
    let latest = history.iter().rev().find(|record| record.step.alias == alias);
    let latest = latest.ok_or_else(|| AppError::NotFound {
        message: format!("model `{model}` has no alias `{alias}`"),
        hint: format!("`sluice models show {model}` lists its aliases"),
    })?;
    latest.from.ok_or_else(|| AppError::Invalid {
        message: format!("`{alias}` has stood for version {} from the beginning", latest.step.version),
        hint: "there is nothing to go back to".into(),
    })
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
