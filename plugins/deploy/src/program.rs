//! The program that serves a bundle.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
    process::{Command, Output},
};

use sluicegate_plugin::TaskError;
use sluicegate_serve::LIBRARIES_COMMAND;

/// Makes `sluice` the server: the arguments after it are those of `sluice-server`.
pub const SERVER_COMMAND: &str = "__server";

/// The file name of the small server.
const SMALL: &str = "sluice-server";

/// The file of this program.
pub(crate) fn running_program() -> Result<PathBuf, TaskError> {
    std::env::current_exe().map_err(|error| {
        TaskError::permanent("not_started", format!("cannot find the running program: {error}"))
    })
}

/// The program that serves a bundle: an executable and its first arguments.
#[derive(Clone, Debug)]
pub struct ServerProgram {
    /// The executable.
    pub exe: PathBuf,
    /// What comes before `--bundle` and the other options.
    pub args: Vec<String>,
}

impl ServerProgram {
    /// `sluice-server` beside this program; where there is none, this program, which holds the same server among much
    /// else.
    ///
    /// # Errors
    ///
    /// A `sluice-server` that does not start, or that is of another release than this program.
    pub(crate) fn find() -> Result<Self, TaskError> {
        let failed = |what: String| TaskError::permanent("not_started", what);
        let this = running_program()?;
        let exe = this.with_file_name(SMALL);
        if !exe.exists() {
            return Ok(Self::of_sluice(this));
        }
        let small = Self { exe, args: Vec::new() };
        let told = small.ask("--version").map_err(|error| failed(small.cannot("start", &error)))?;
        let told = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        let expected = format!("{SMALL} {}", env!("CARGO_PKG_VERSION"));
        if told == expected {
            return Ok(small);
        }
        let what = format!("`{}` is {told:?}, this program needs {expected:?}", small.exe.display());
        Err(failed(what).hint("install both programs from the same release"))
    }

    /// The server that `sluice` itself is.
    pub(crate) fn of_sluice(exe: PathBuf) -> Self {
        Self { exe, args: vec![SERVER_COMMAND.into()] }
    }

    /// Whether it is more than the server alone.
    pub(crate) fn is_large(&self) -> bool {
        !self.args.is_empty()
    }

    /// The shared libraries that it runs with, told by itself.
    pub(crate) fn libraries(&self) -> io::Result<Vec<PathBuf>> {
        let told = self.ask(LIBRARIES_COMMAND)?;
        let text =
            String::from_utf8(told.stdout).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        Ok(text.lines().map(PathBuf::from).collect())
    }

    /// Such as ``cannot start `/bin/x`: no such file``.
    pub(crate) fn cannot(&self, what: &str, error: &io::Error) -> String {
        format!("cannot {what} `{}`: {error}", self.exe.display())
    }

    /// Runs it with one argument, to its end.
    fn ask(&self, argument: &str) -> io::Result<Output> {
        let output = Command::new(&self.exe).args(&self.args).arg(argument).env_clear().output()?;
        if output.status.success() {
            return Ok(output);
        }
        Err(io::Error::other(format!("with `{argument}` it ended with {}", output.status)))
    }
}
