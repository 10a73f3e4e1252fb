//! The only printer: arguments in, text or JSON and an exit code out.

mod args;
mod audit;
mod backup;
mod check;
mod deployments;
mod diff;
mod doctor;
mod exit;
mod gc;
mod init;
mod kinds;
mod models;
mod out;
mod plugins;
mod progress;
mod rerun;
mod run;
mod runs;
mod schedule;
mod serve;
mod story;
mod table;
mod tokens;
mod torture;
mod why;

use std::process::ExitCode;

use clap::Parser;

use crate::app::{App, find_home, serve_hidden};
use args::{Args, Command};
use exit::Exit;
use out::Out;

/// Reads the arguments, does what they ask, and returns the exit code.
pub fn main() -> ExitCode {
    if let Some(code) = serve_hidden(std::env::args_os().skip(1)) {
        return ExitCode::from(code);
    }
    // Whichever library speaks TLS first finds ring installed; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Invalid } else { Exit::Succeeded };
            let _ = error.print();
            return code.into();
        }
    };
    init_tracing(matches!(args.command, Command::Serve(_)));
    let mut out = Out::new(args.colour);
    let code = execute(args, &mut out).unwrap_or_else(|error| exit::report(&error, &mut out));
    code.into()
}

fn execute(args: Args, out: &mut Out) -> Result<Exit, crate::app::AppError> {
    let current = std::env::current_dir()
        .map_err(|source| crate::app::AppError::Unreadable { path: ".".into(), source })?;
    let app = App::new(find_home(std::env::var_os("SLUICE_HOME"), &current)).in_folder(&current);
    match args.command {
        Command::Init(args) => init::init(&args, out),
        Command::Image(args) => init::image(&app, &args, out),
        Command::Completions(args) => Ok(init::completions(&args, out)),
        Command::Man(args) => init::man(&args, out),
        Command::Check(args) => check::check(&app, &args, out),
        Command::Plan(args) => check::plan(&app, &args, out),
        Command::Graph(args) => check::graph(&app, &args, out),
        Command::Run(args) => run::run(&app, args, out),
        Command::Runs(args) => runs::runs(&app, args, out),
        Command::Schedule(command) => schedule::schedule(&app, command, out),
        Command::Why(args) => why::why(&app, &args, out),
        Command::Serve(args) => serve::serve(&app, args, out),
        Command::Tokens(args) => tokens::tokens(&app, args, out),
        Command::Audit(args) => audit::audit(&app, &args, out),
        Command::Models(args) => models::models(&app, args, out),
        Command::Deployments(args) => deployments::deployments(&app, args, out),
        Command::Kinds(args) => kinds::kinds(&app, args, out),
        Command::Plugins(args) => plugins::plugins(&app, args, out),
        Command::Schema => Ok(kinds::schema(&app, out)),
        Command::Gc(args) => gc::gc(&app, &args, out),
        Command::Torture(args) => torture::torture(&app, args, out),
        Command::Backup(args) => backup::backup(&app, &args, out),
        Command::Restore(args) => backup::restore(&app, &args, out),
        Command::Doctor(args) => doctor::doctor(&app, &args, out),
    }
}

/// Diagnostics of the program itself go to standard error: what `SLUICE_LOG` asks for, or else what a user must know: warnings with their time from
/// the daemon, which nobody watches, and errors from commands.
fn init_tracing(is_daemon: bool) {
    let asked = tracing_subscriber::EnvFilter::try_from_env("SLUICE_LOG").ok();
    let is_terse = asked.is_none() && !is_daemon;
    let filter =
        asked.unwrap_or_else(|| if is_daemon { "sluicegate=warn" } else { "sluicegate=error" }.into());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let _ = if is_terse { log.without_time().with_target(false).try_init() } else { log.try_init() };
}
