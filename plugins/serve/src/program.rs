//! The program `sluice-server`.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Parser;

use crate::{ServeError, ServeOptions, bundle_hash, serve};

/// Asks the program for the shared libraries that it runs with, one path a line, instead of serving.
pub const LIBRARIES_COMMAND: &str = "__libraries";

/// It was asked to stop, or told what it was asked for.
const SUCCEEDED: u8 = 0;

/// It cannot serve.
const FAILED: u8 = 1;

/// The arguments are wrong, or the bundle is not the one asked for.
const INVALID: u8 = 2;

/// Serves a model bundle over HTTP until it is asked to stop.
///
/// `POST /predict`, `GET /health/live`, `GET /health/ready` and `GET /metrics`. Requests under way have 5 seconds
/// after SIGTERM or SIGINT.
#[derive(Parser)]
#[command(name = "sluice-server", version, about, long_about)]
struct Args {
    /// The bundle's file
    #[arg(long)]
    bundle: PathBuf,
    /// The BLAKE3 that the file must have
    #[arg(long)]
    bundle_hash: Option<String>,
    /// The model's name, for replies and metrics
    #[arg(long, default_value = "model", allow_hyphen_values = true)]
    name: String,
    /// The model's version, for replies and metrics
    #[arg(long)]
    model_version: Option<u64>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    bind: SocketAddr,
    /// Write the address to this file once it listens
    #[arg(long)]
    address_file: Option<PathBuf>,
    /// Leave the session of the caller; a port that is given is shared with the server that it takes over from
    #[arg(long)]
    detach: bool,
}

/// What one server is started with.
pub struct ServerArguments<'a> {
    /// The bundle's file.
    pub bundle: &'a Path,
    /// The BLAKE3 that it must have.
    pub bundle_hash: &'a str,
    /// The model's name.
    pub name: &'a str,
    /// The registered version, when it is one.
    pub version: Option<u64>,
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
}

impl ServerArguments<'_> {
    /// The arguments, without the program's name.
    pub fn to_list(&self) -> Vec<OsString> {
        let mut list: Vec<OsString> = vec!["--bundle".into(), self.bundle.into()];
        list.extend(["--bundle-hash", self.bundle_hash, "--name", self.name].map(OsString::from));
        if let Some(version) = self.version {
            list.extend(["--model-version".into(), version.to_string().into()]);
        }
        list.extend(["--bind".into(), self.bind.to_string().into()]);
        list
    }
}

/// Does what the arguments ask for, and returns the exit code. The first argument is the program's own name.
///
/// Exits with 0 when it was asked to stop, with 1 when it cannot serve, and with 2 when the arguments are wrong or the
/// file is not the bundle that it should be.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if arguments.get(1).is_some_and(|first| first == LIBRARIES_COMMAND) {
        return list_libraries();
    }
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { INVALID } else { SUCCEEDED };
        }
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SLUICE_LOG");
    let filter = filter.unwrap_or_else(|_| "sluicegate=error".into());
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
    match run(args) {
        Ok(()) => SUCCEEDED,
        Err(error) => {
            complain(&error);
            match error {
                ServeError::WrongBundle { .. } => INVALID,
                _ => FAILED,
            }
        }
    }
}

fn run(args: Args) -> Result<(), ServeError> {
    let bundle_hash = bundle_hash(&args.bundle, args.bundle_hash.as_deref())?;
    let options = ServeOptions {
        bundle: args.bundle,
        model: args.name,
        version: args.model_version,
        bundle_hash,
        bind: args.bind,
        address_file: args.address_file,
        detach: args.detach,
        listening: Some(Box::new(|address| {
            let _ = writeln!(io::stdout(), "http://{address}");
        })),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|source| ServeError::Runtime { source })?.block_on(serve(options))
}

/// The error with its causes, on standard error.
fn complain(error: &ServeError) {
    let mut text = format!("error: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text += &format!(": {inner}");
        cause = inner.source();
    }
    if let ServeError::WrongBundle { .. } = error {
        text += "\n  hint: the file was changed; deploy the model again";
    }
    let _ = writeln!(io::stderr(), "{text}");
}

fn list_libraries() -> u8 {
    let Ok(maps) = std::fs::read_to_string("/proc/self/maps") else { return FAILED };
    let paths = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    let libraries: BTreeSet<&str> = paths.filter(|path| is_library(path)).collect();
    let lines: String = libraries.into_iter().map(|path| format!("{path}\n")).collect();
    match io::stdout().write_all(lines.as_bytes()) {
        Ok(()) => SUCCEEDED,
        Err(_) => FAILED,
    }
}

/// Such as `libm.so` and `libm.so.6`.
fn is_library(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.split('.').skip(1).any(|part| part == "so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_a_deployment_are_understood() {
        let asked = ServerArguments {
            bundle: Path::new("/a b/model.bundle"),
            bundle_hash: "00ff",
            name: "-odd",
            version: Some(7),
            bind: "[::1]:80".parse().unwrap(),
        };
        let list = [OsString::from("sluice-server")].into_iter().chain(asked.to_list());
        let args = Args::try_parse_from(list).unwrap();
        assert_eq!((args.bundle.as_path(), args.bundle_hash.as_deref()), (asked.bundle, Some("00ff")));
        assert_eq!((args.name.as_str(), args.model_version, args.bind), ("-odd", Some(7), asked.bind));
    }

    #[test]
    fn libraries_are_told_by_their_names() {
        for (path, expected) in [
            ("/lib/x86_64-linux-gnu/libm.so.6", true),
            ("/lib/libgcc_s.so", true),
            ("/usr/bin/so", false),
            ("/tmp/x.solid/model.bundle", false),
        ] {
            assert_eq!(is_library(path), expected, "{path}");
        }
    }
}
