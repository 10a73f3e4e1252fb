//! `models list|show|serve`.

use std::path::Path;

use serde_json::json;
use sluicegate_plugin::ModelVersion;

use super::{
    args::{Format, ModelArgs, ModelsCommand, PromoteArgs, RollbackArgs, ServeArgs},
    exit::Exit,
    out::{Out, Style},
    table::{TextTable, local, rfc3339, size},
};
use crate::{
    app::{App, AppError, ModelDetail, Promotion, ServeRequest, bundle_hash},
    run::Timestamp,
};

pub(super) fn models(app: &App, command: ModelsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        ModelsCommand::List(format) => list(app, format.format, out),
        ModelsCommand::Show(args) => show(app, &args, out),
        ModelsCommand::Promote(args) => {
            let PromoteArgs { name, version, alias, reason, format } = args;
            let promotion = Promotion { model: name, alias, version: Some(version), reason };
            promote(app, &promotion, format.format, out)
        }
        ModelsCommand::Rollback(args) => {
            let RollbackArgs { name, alias, reason, format } = args;
            promote(app, &Promotion { model: name, alias, version: None, reason }, format.format, out)
        }
        ModelsCommand::Serve(args) => serve(app, args, out),
    }
}

fn promote(app: &App, promotion: &Promotion, format: Format, out: &mut Out) -> Result<Exit, AppError> {
    let actor = std::env::var("USER").ok().filter(|user| !user.is_empty());
    let actor = actor.unwrap_or_else(|| "the command line".into());
    let (version, moved) = app.promote(promotion, &actor)?;
    let Promotion { model, alias, .. } = promotion;
    if format == Format::Json {
        out.json(&json!({ "name": model, "alias": alias, "version": version, "moved": moved }));
    } else if moved {
        out.line(&format!("`{alias}` of model `{model}` stands for version {version} now"));
    } else {
        out.line(&format!("`{alias}` of model `{model}` stood for version {version} already"));
    }
    Ok(Exit::Succeeded)
}

fn list(app: &App, format: Format, out: &mut Out) -> Result<Exit, AppError> {
    let models = app.models()?;
    if format == Format::Json {
        out.json(&models);
        return Ok(Exit::Succeeded);
    }
    if models.is_empty() {
        out.line("no models yet; a `register` task in a workflow makes them");
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["MODEL", "VERSIONS", "LATEST", "ALIASES"]);
    for model in &models {
        let aliases: Vec<_> =
            model.aliases.iter().map(|(alias, version)| format!("{alias} = v{version}")).collect();
        table.row(vec![
            (Style::Plain, model.name.clone()),
            (Style::Plain, model.n_versions.to_string()),
            (Style::Plain, format!("v{}", model.latest)),
            (Style::Plain, aliases.join(", ")),
        ]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

fn version_json(version: &ModelVersion, detail: &ModelDetail) -> serde_json::Value {
    let aliases: Vec<_> =
        detail.aliases.iter().filter(|(_, v)| **v == version.version).map(|(alias, _)| alias).collect();
    json!({
        "version": version.version, "aliases": aliases, "bundle": version.bundle, "size": version.size,
        "run": version.run_id, "task": version.task, "registered_at": rfc3339(Timestamp(version.registered_at)),
        "metrics": version.metrics, "decision": version.decision,
    })
}

fn show(app: &App, args: &ModelArgs, out: &mut Out) -> Result<Exit, AppError> {
    let detail = app.model(&args.name)?;
    if args.format.format == Format::Json {
        let history: Vec<_> = detail
            .history
            .iter()
            .map(|record| {
                json!({
                    "alias": record.step.alias, "version": record.step.version, "from": record.from,
                    "reason": record.step.reason, "actor": record.step.actor, "at": rfc3339(record.at),
                })
            })
            .collect();
        out.json(&json!({
            "name": args.name, "aliases": detail.aliases, "history": history,
            "versions": detail.versions.iter().map(|version| version_json(version, &detail)).collect::<Vec<_>>(),
        }));
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["VERSION", "ALIASES", "REGISTERED", "SIZE", "GATE", "RUN"]);
    for version in detail.versions.iter().rev() {
        let aliases: Vec<_> = detail
            .aliases
            .iter()
            .filter(|(_, v)| **v == version.version)
            .map(|(alias, _)| alias.clone())
            .collect();
        table.row(vec![
            (Style::Bold, format!("v{}", version.version)),
            (Style::Good, aliases.join(", ")),
            (Style::Dim, local(Timestamp(version.registered_at))),
            (Style::Plain, size(version.size)),
            (Style::Plain, version.decision.map(|decision| decision.to_string()).unwrap_or_default()),
            (Style::Dim, version.run_id.clone()),
        ]);
    }
    table.print(out);
    if !detail.history.is_empty() {
        out.line("");
    }
    for record in detail.history.iter().rev() {
        let from = record.from.map(|from| format!(" from v{from}")).unwrap_or_default();
        let step = &record.step;
        let line = format!("{} {}{from} to v{}: {}", local(record.at), step.alias, step.version, step.reason);
        out.line(&line);
        out.line(&out.paint(Style::Dim, &format!("  by {}", step.actor)));
    }
    Ok(Exit::Succeeded)
}

fn serve(app: &App, args: ServeArgs, out: &mut Out) -> Result<Exit, AppError> {
    let request = match &args.bundle {
        Some(bundle) => request_for_file(bundle, &args)?,
        None => {
            let (version, bundle) = app.find_model(args.model.as_deref().unwrap_or_default())?;
            ServeRequest {
                model: version.model,
                version: Some(version.version),
                bundle,
                bundle_hash: version.bundle,
                bind: args.bind,
                address_file: args.address_file,
                detach: args.detach,
            }
        }
    };
    let version = request.version.map(|version| format!(" v{version}")).unwrap_or_default();
    let name = format!("{}{version}", request.model);
    out.note(&format!("serving {name}; stop with Ctrl-C"));
    app.serve_model(request, move |address| {
        let _ = std::io::Write::write_all(&mut std::io::stdout(), format!("http://{address}\n").as_bytes());
    })?;
    Ok(Exit::Succeeded)
}

/// A bundle file is served only when it has the hash that was asked for.
fn request_for_file(bundle: &Path, args: &ServeArgs) -> Result<ServeRequest, AppError> {
    Ok(ServeRequest {
        model: args.name.clone(),
        version: args.version,
        bundle: bundle.to_owned(),
        bundle_hash: bundle_hash(bundle, args.bundle_hash.as_deref())?,
        bind: args.bind,
        address_file: args.address_file.clone(),
        detach: args.detach,
    })
}
