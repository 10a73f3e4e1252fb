//! `serve`: the daemon.

use super::{args::DaemonArgs, exit::Exit, out::Out};
use crate::app::{App, AppError, DaemonRequest, Listening};

pub(super) fn serve(app: &App, args: DaemonArgs, out: &mut Out) -> Result<Exit, AppError> {
    let request = DaemonRequest {
        bind: args.bind,
        workflows: args.workflows,
        hosts: args.hosts,
        tls: args.tls_cert.zip(args.tls_key),
        n_workers: args.workers.map(usize::from),
        address_file: args.address_file,
    };
    let with_clock = args.test_clock.map(|file| {
        out.note(&format!(
            "the clock is wrong by as much as `{}` says: this is for tests alone",
            file.display()
        ));
        app.with_wrong_clock(file)
    });
    with_clock.as_ref().unwrap_or(app).serve(request, |listening| greet(listening, out))?;
    out.line("stopped; tasks that run in workers go on, and the next `sluice serve` takes them over");
    Ok(Exit::Succeeded)
}

fn greet(listening: &Listening, out: &mut Out) {
    let scheme = if listening.tls { "https" } else { "http" };
    out.line(&format!("sluice listens on {scheme}://{}", listening.address));
    out.line(&format!("workflows come from `{}`", listening.workflows.display()));
    if listening.open {
        out.note("everyone on this machine may use it; `sluice tokens add` makes it ask for a token");
    }
}
