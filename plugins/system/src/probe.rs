//! Asking a program whether an attempt did its work whose outcome was lost.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use sluicegate_plugin::{Probe, ProbeContext};

use crate::{program::introduce, wait::Patience};

/// How long a probe may take.
const AT_MOST: Duration = Duration::from_secs(30);

/// Runs a probe: exit code 0 says that it happened, 1 that it did not; anything else says nothing.
pub(crate) fn ask(ctx: &ProbeContext, command: &[String], cwd: &Path) -> Probe {
    let Some((program, args)) = command.split_first() else { return Probe::Unknown };
    let mut command = Command::new(program);
    introduce(&mut command, &ctx.run);
    let secrets = ctx.secrets.iter().map(|(name, secret)| (name, secret.reveal()));
    command.args(args).current_dir(ctx.base_dir.join(cwd)).envs(&ctx.env).envs(secrets).process_group(0);
    let Ok(child) = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        return Probe::Unknown;
    };
    let began = Instant::now();
    let waited = Patience { is_cancelled: &|| began.elapsed() > AT_MOST }.wait(child);
    match waited.ok().flatten().and_then(|status| status.code()) {
        Some(0) => Probe::Happened,
        Some(1) => Probe::DidNotHappen,
        _ => Probe::Unknown,
    }
}
