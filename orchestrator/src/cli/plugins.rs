//! `plugins list|show|lock|new|test`: the project's own kinds.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use serde_json::{Value, json};
use sluicegate_plugin::{PluginCode, with_causes};

use super::{
    args::{Format, FormatArg},
    exit::Exit,
    out::{Out, Style},
    table::TextTable,
};
use crate::{
    app::{App, AppError, Check, CheckVerdict, Conformance, ConformanceRequest, PluginRow},
    plugin::{Language, Plugin, Refusal},
};

#[derive(Subcommand)]
pub(super) enum PluginsCommand {
    /// List the project's plugins, and why one is not used
    List(FormatArg),
    /// Show a plugin: where it is, what it is made of, its kinds
    Show(PluginArgs),
    /// Write a new plugin that builds, and passes its own test
    New(NewArgs),
    /// Run the conformance suite: a plugin, or the name of a built-in pack
    Test(TestArgs),
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

#[derive(ClapArgs)]
pub(super) struct NewArgs {
    /// The plugin's name, with which the names of its kinds begin
    name: String,
    /// What it is written in
    #[arg(long = "lang", value_enum)]
    language: LanguageArg,
    /// Where to write it; the default is the project's plugin folder
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,
    /// Use the SDK of this folder instead of the one that this program brings, for Rust
    #[arg(long, value_name = "FOLDER")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum LanguageArg {
    Rust,
    C,
    Python,
}

#[derive(ClapArgs)]
pub(super) struct TestArgs {
    /// The plugin's folder or library, or the name of a built-in pack
    what: PathBuf,
    /// The folder with the test cases [default: `tests` beside the plugin]
    #[arg(long, value_name = "FOLDER")]
    cases: Option<PathBuf>,
    /// How long one task may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0)]
    timeout: f64,
    /// How much memory one task may use, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    memory: u64,
    #[command(flatten)]
    format: FormatArg,
}

pub(super) fn plugins(app: &App, command: PluginsCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        PluginsCommand::List(format) => list(app, format.format, out),
        PluginsCommand::Show(args) => show(app, &args, out),
        PluginsCommand::New(args) => new(app, args, out),
        PluginsCommand::Test(args) => test(app, args, out),
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
        out.line(&format!(
            "no plugins; `sluice plugins new NAME --lang rust|c|python` writes one to `{place}`"
        ));
        return Ok(Exit::Succeeded);
    }
    let mut table = TextTable::new(&["PLUGIN", "VERSION", "KINDS", "STATE", "WHERE"]);
    for row in &rows {
        let place = relative(app, row);
        let (version, kinds, state) = match row.state {
            Ok(plugin) => (
                plugin.about.version.clone(),
                kind_names(plugin).join(" "),
                (Style::Good, pinned(plugin).to_owned()),
            ),
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
    out.line(&format!(
        "{} {}",
        out.paint(Style::Bold, &row.name),
        out.paint(Style::Dim, &plugin.about.version)
    ));
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
    out.line(&format!(
        "pinned {plugins}, {} new or changed, in `{}`",
        report.n_changed,
        report.file.display()
    ));
    for (name, hash) in &report.pinned {
        out.line(&format!("  {name}  {}", out.paint(Style::Dim, hash)));
    }
    Ok(Exit::Succeeded)
}

fn new(app: &App, args: NewArgs, out: &mut Out) -> Result<Exit, AppError> {
    let language = match args.language {
        LanguageArg::Rust => Language::Rust,
        LanguageArg::C => Language::C,
        LanguageArg::Python => Language::Python,
    };
    let written = app.new_plugin(&args.name, language, args.to, args.sdk)?;
    let current = std::env::current_dir().unwrap_or_default();
    let folder = written.folder.strip_prefix(&current).unwrap_or(&written.folder).display().to_string();
    out.line(&format!("wrote `{folder}`: {}", written.files.join(" ")));
    let build = match language {
        Language::Rust => Some(format!("(cd {folder} && cargo build --release)")),
        Language::C => Some(format!("make -C {folder}")),
        Language::Python => None,
    };
    out.line(&out.paint(Style::Dim, "next:"));
    for step in build.into_iter().chain([format!("sluice plugins test {folder}")]) {
        out.line(&format!("  {step}"));
    }
    Ok(Exit::Succeeded)
}

fn test(app: &App, args: TestArgs, out: &mut Out) -> Result<Exit, AppError> {
    let TestArgs { what, cases, timeout, memory, format } = args;
    if !(timeout > 0.0 && timeout.is_finite()) {
        return Err(AppError::Invalid {
            message: format!("`--timeout {timeout}` is no time"),
            hint: "give a number of seconds above zero".into(),
        });
    }
    let request = ConformanceRequest { what, cases, timeout, memory: memory << 20 };
    let found = app.conformance(&request)?;
    if format.format == Format::Json {
        out.json(&json!({
            "name": found.name,
            "passed": found.is_passed(),
            "checks": found.checks.iter().map(check_json).collect::<Vec<_>>(),
        }));
    } else {
        print_checks(&found, out);
    }
    Ok(if found.is_passed() { Exit::Succeeded } else { Exit::Failed })
}

fn check_json(check: &Check) -> Value {
    let (verdict, why) = match &check.verdict {
        CheckVerdict::Passed => ("passed", None),
        CheckVerdict::Warned(why) => ("warned", Some(why)),
        CheckVerdict::Skipped(why) => ("skipped", Some(why)),
        CheckVerdict::Failed(why) => ("failed", Some(why)),
    };
    json!({ "kind": check.kind, "name": check.name, "verdict": verdict, "why": why })
}

fn print_checks(found: &Conformance, out: &mut Out) {
    out.line(&out.paint(Style::Bold, &found.name));
    let mut kind = None;
    for check in &found.checks {
        if check.kind != kind {
            kind.clone_from(&check.kind);
            out.line(&out.paint(Style::Bold, kind.as_deref().unwrap_or(&found.name)));
        }
        let (style, word, why) = match &check.verdict {
            CheckVerdict::Passed => (Style::Good, "pass", None),
            CheckVerdict::Warned(why) => (Style::Warn, "warn", Some(why)),
            CheckVerdict::Skipped(why) => (Style::Dim, "skip", Some(why)),
            CheckVerdict::Failed(why) => (Style::Bad, "FAIL", Some(why)),
        };
        out.line(&format!("  {} {}", out.paint(style, word), check.name));
        for line in why.map(String::as_str).unwrap_or_default().lines() {
            out.line(&format!("       {line}"));
        }
    }
    let n_failed =
        found.checks.iter().filter(|check| matches!(check.verdict, CheckVerdict::Failed(_))).count();
    out.line(&format!("{} checks, {n_failed} failed", found.checks.len()));
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
