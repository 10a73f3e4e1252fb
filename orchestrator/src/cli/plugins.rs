//! `plugins list|show|lock|new|test`: the project's own kinds.

use clap::{Args as ClapArgs, Subcommand};
use serde_json::{Value, json};
use sluicegate_plugin::{PluginCode, with_causes};

use super::{
    args::{Format, FormatArg},
    exit::Exit,
    out::{Out, Style},
    table::TextTable,
};
use crate::{
    app::{App, AppError, PluginRow},
    plugin::{Plugin, Refusal},
};

#[derive(Subcommand)]
pub(super) enum PluginsCommand {
    /// List the project's plugins, and why one is not used
    List(FormatArg),
    /// Show a plugin: where it is, what it is made of, its kinds
    Show(PluginArgs),
    /// Pin the plugins as they are now in `plugins.lock`: changed ones are refused from then on
    Lock(FormatArg),
}

#[derive(ClapArgs)]
pub(super) struct PluginArgs {
    /// The plugin's name
    name: String,
    #[command(flatten)]
    format: FormatArg,
}

pub(super) fn plugins(app: &App, command: PluginsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        PluginsCommand::List(format) => list(app, format.format, out),
        PluginsCommand::Show(args) => show(app, &args, out),
        PluginsCommand::Lock(format) => lock(app, format.format, out),
    }
}

fn list(app: &App, format: Format, out: &mut Out) -> Result<Exit, AppError> {
    app.project()?;
    let rows = app.plugin_rows();
    if format == Format::Json {
        out.json(&rows.iter().map(row_json).collect::<Vec<_>>());
        return Ok(Exit::Succeeded);
    }
    if rows.is_empty() {
        let place = app.project_folder().join("plugins").display().to_string();
        out.line(&format!("no plugins; `sluice plugins new NAME --lang rust|c|python` writes one to `{place}`"));
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["PLUGIN", "VERSION", "KINDS", "STATE", "WHERE"]);
    for row in &rows {
        let place = relative(app, row);
        let (version, kinds, state) = match row.state {
            Ok(plugin) => (plugin.about.version.clone(), kind_names(plugin).join(" "), (Style::Good, pinned(plugin).to_owned())),
            Err(_) => ("-".into(), "-".into(), (Style::Bad, "refused".to_owned())),
        };
        table.row(vec![
            (Style::Plain, row.name.clone()),
            (Style::Dim, version),
            (Style::Plain, kinds),
            state,
            (Style::Dim, place),
        ]);
    }
    table.print(out);
    for row in &rows {
        if let Err(refusal) = row.state {
            out.line("");
            out.line(&format!("{} is refused: {}", out.paint(Style::Bold, &row.name), with_causes(refusal)));
            out.line(&format!("  {} {}", out.paint(Style::Dim, "hint:"), refusal.hint()));
        }
    }
    Ok(Exit::Succeeded)
}

fn show(app: &App, args: &PluginArgs, out: &mut Out) -> Result<Exit, AppError> {
    app.project()?;
    let row = app.plugin_row(&args.name)?;
    if args.format.format == Format::Json {
        out.json(&row_json(&row));
        return Ok(if row.state.is_ok() { Exit::Succeeded } else { Exit::Failed });
    }
    let plugin = match row.state {
        Ok(plugin) => plugin,
        Err(refusal) => {
            return Err(AppError::Invalid {
                message: format!("plugin `{}` is refused: {}", row.name, with_causes(refusal)),
                hint: refusal.hint(),
            });
        }
    };
    out.line(&format!("{} {}", out.paint(Style::Bold, &row.name), out.paint(Style::Dim, &plugin.about.version)));
    let what = match &plugin.found.code {
        PluginCode::Library { path } => format!("library `{}`", path.display()),
        PluginCode::Program { command, .. } => format!("program `{}`", command.join(" ")),
    };
    out.line(&format!("{what} in `{}`", relative(app, &row)));
    if !plugin.about.build.is_empty() {
        out.line(&out.paint(Style::Dim, &format!("made with {}", plugin.about.build)));
    }
    out.line(&out.paint(Style::Dim, &format!("blake3 {} ({})", plugin.hash, pinned(plugin))));
    out.line("");
    let mut table = TextTable::new(&["KIND", "WHAT IT DOES"]);
    for kind in &plugin.about.kinds {
        table.row(vec![(Style::Plain, kind.name.clone()), (Style::Plain, kind.summary.clone())]);
    }
    table.print(out);
    Ok(Exit::Succeeded)
}

fn lock(app: &App, format: Format, out: &mut Out) -> Result<Exit, AppError> {
    let report = app.lock_plugins()?;
    if format == Format::Json {
        out.json(&json!({ "file": report.file, "plugins": report.pinned, "changed": report.n_changed }));
        return Ok(Exit::Succeeded);
    }
    let n_pinned = report.pinned.len();
    let plugins = if n_pinned == 1 { "1 plugin".into() } else { format!("{n_pinned} plugins") };
    out.line(&format!("pinned {plugins}, {} new or changed, in `{}`", report.n_changed, report.file.display()));
    for (name, hash) in &report.pinned {
        out.line(&format!("  {name}  {}", out.paint(Style::Dim, hash)));
    }
    Ok(Exit::Succeeded)
}

fn kind_names(plugin: &Plugin) -> Vec<String> {
    plugin.about.kinds.iter().map(|kind| kind.name.clone()).collect()
}

fn pinned(plugin: &Plugin) -> &'static str {
    if plugin.is_pinned { "pinned" } else { "not pinned" }
}

fn relative(app: &App, row: &PluginRow<'_>) -> String {
    row.place.strip_prefix(app.project_folder()).unwrap_or(&row.place).display().to_string()
}

fn row_json(row: &PluginRow<'_>) -> Value {
    let mut value = json!({ "name": row.name, "path": row.place });
    match row.state {
        Ok(plugin) => {
            value["state"] = json!("usable");
            value["version"] = json!(plugin.about.version);
            value["build"] = json!(plugin.about.build);
            value["hash"] = json!(plugin.hash);
            value["pinned"] = json!(plugin.is_pinned);
            value["kinds"] = json!(kind_names(plugin));
        }
        Err(refusal) => {
            value["state"] = json!("refused");
            value["error"] = error_json(refusal);
        }
    }
    value
}

fn error_json(refusal: &Refusal) -> Value {
    json!({ "code": refusal.code(), "message": with_causes(refusal), "hints": [refusal.hint()] })
}
