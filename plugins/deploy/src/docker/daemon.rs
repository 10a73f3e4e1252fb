//! The image of the daemon: `sluice` and `sluice-server`, on nothing or on another image.

use std::path::{Path, PathBuf};

use sluicegate_plugin::TaskError;

use super::{
    connect,
    image::{Content, Entry, LIBRARIES, build, program_entries, size},
};
use crate::{
    program::{ServerProgram, running_program},
    rollout,
};

/// Where the programs are inside the image.
const PROGRAMS: &str = "/usr/bin";

/// The certificates of authorities, where Debian and its kin, and the image, have them.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The image of the daemon that is asked for.
pub struct DaemonImage {
    /// Its name, such as `sluicegate:0.1.0`.
    pub name: String,
    /// An image of this engine to build on, for tasks that need a shell or Python; nothing by default.
    pub base: Option<String>,
}

/// Builds the image of the daemon, and returns its size in bytes.
///
/// # Errors
///
/// No Docker engine answers, it refuses a step, or a program cannot be read.
pub fn build_daemon_image(wanted: &DaemonImage) -> Result<u64, TaskError> {
    let sluice = ServerProgram::of_sluice(running_program()?);
    let server = ServerProgram::find()?;
    let unreadable = |program: &ServerProgram, error: &std::io::Error| {
        TaskError::permanent("docker", program.cannot("put into an image", error))
    };
    let mut entries = vec![Entry::folder("/project"), Entry::folder("/tmp")];
    let programs = [(&sluice, "sluice"), (&server, "sluice-server")];
    // A server that is `sluice` itself is there already.
    for (program, name) in programs.into_iter().take(if server.is_large() { 1 } else { 2 }) {
        let to = format!("{PROGRAMS}/{name}");
        if wanted.base.is_some() {
            entries.push(Entry::file(program.exe.clone(), to, 0o555));
            continue;
        }
        let found = program_entries(program, &to).map_err(|error| unreadable(program, &error))?;
        for entry in found {
            if entries.iter().all(|known| known.to != entry.to) {
                entries.push(entry);
            }
        }
    }
    if wanted.base.is_none() && Path::new(CERTIFICATES).exists() {
        entries.push(Entry::file(PathBuf::from(CERTIFICATES), CERTIFICATES.into(), 0o444));
    }
    let content = Content { dockerfile: dockerfile(wanted.base.as_deref()), entries };
    rollout::runtime()?.block_on(async {
        let docker = connect().await?;
        build(&docker, &wanted.name, content).await?;
        size(&docker, &wanted.name).await
    })
}

fn dockerfile(base: Option<&str>) -> String {
    let from = base.unwrap_or("scratch");
    // Another image has libraries of its own, with which its programs go on.
    let libraries = if base.is_some() { String::new() } else { format!("ENV LD_LIBRARY_PATH={LIBRARIES}\n") };
    format!(
        "FROM {from}\nCOPY root/ /\n{libraries}WORKDIR /project\nUSER 65534:65534\nEXPOSE 7411\n\
         ENTRYPOINT [\"{PROGRAMS}/sluice\"]\nCMD [\"serve\", \"--bind\", \"0.0.0.0:7411\"]\n"
    )
}
