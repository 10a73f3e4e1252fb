//! The model server: one bundle over HTTP.
//!
//! It binds before it loads the bundle, so that a taken port is known at once. `/health/live` answers from then on,
//! `/health/ready` once the bundle is loaded and has predicted a row. `/predict` waits for that too.

mod body;
mod error;
mod listen;
mod metrics;
mod model;
mod predict;
mod reply;
mod routes;

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

pub use error::ServeError;
use model::Served;
use tokio::signal::unix::{SignalKind, signal};

/// What to serve, and where.
pub struct ServeOptions {
    /// The bundle's file.
    pub bundle: PathBuf,
    /// The model's name, for replies and metrics.
    pub model: String,
    /// The registered version, when it is one.
    pub version: Option<u64>,
    /// BLAKE3 of the bundle, for replies and metrics.
    pub bundle_hash: String,
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Where to write `IP:PORT` once it listens; written whole or not at all.
    pub address_file: Option<PathBuf>,
    /// True for a server that a deployment starts: it leaves the session of its caller, and on a port that is given it listens
    /// only once it is ready, beside the generation that it takes over from.
    pub detach: bool,
    /// Called with the address once it listens.
    pub listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
}

/// The BLAKE3 of a bundle file, in lowercase hexadecimal.
///
/// # Errors
///
/// The file cannot be read, or it has another hash than the one that is wanted.
pub fn bundle_hash(path: &Path, wanted: Option<&str>) -> Result<String, ServeError> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|source| ServeError::Unreadable { path: path.to_owned(), source })?;
    let hash = hasher.finalize().to_hex().to_string();
    match wanted {
        Some(wanted) if wanted != hash => {
            Err(ServeError::WrongBundle { path: path.to_owned(), hash, wanted: wanted.to_owned() })
        }
        _ => Ok(hash),
    }
}

/// Serves a model until the process is asked to stop (SIGTERM or SIGINT); requests under way then have 5 seconds.
pub async fn serve(options: ServeOptions) -> Result<(), ServeError> {
    let signals = |source| ServeError::Signals { source };
    let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(signals)?;
    let shutdown = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    serve_until(options, shutdown).await
}

/// Serves a model until `shutdown` ends; requests under way then have 5 seconds.
///
/// Fails when it cannot listen, and when the bundle cannot be loaded or cannot predict.
pub async fn serve_until(
    options: ServeOptions,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    if options.detach {
        // Refused only to the leader of a process group, who is detached enough.
        let _ = rustix::process::setsid();
    }
    let shared = options.detach && options.bind.port() != 0;
    let socket = listen::bind(options.bind, shared)?;
    let served = Arc::new(Served::new(options.model, options.version, options.bundle_hash));
    let loader = Arc::clone(&served);
    let bundle = options.bundle;
    let mut loading = Some(tokio::task::spawn_blocking(move || loader.load(&bundle)));
    if shared && let Some(loaded) = loading.take() {
        // Connections to a shared port reach this server as soon as it listens.
        listen::loaded(loaded.await)?;
    }
    let listener =
        socket.listen(listen::BACKLOG).map_err(|source| ServeError::Bind { bind: options.bind, source })?;
    let address = listener.local_addr().map_err(|source| ServeError::Bind { bind: options.bind, source })?;
    if let Some(path) = &options.address_file {
        write_address(path, address)?;
    }
    tracing::info!(%address, "listening");
    if let Some(listening) = options.listening {
        listening(reachable(address));
    }
    listen::accept(listener, routes::router(served), loading, shutdown).await
}

/// An address that can be connected to from this host: that of every interface becomes the loopback's.
fn reachable(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(reachable_ip(address.ip()), address.port())
}

/// The IP address at which a server that is bound to `ip` can be connected to from this host.
pub fn reachable_ip(ip: IpAddr) -> IpAddr {
    match ip {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

fn write_address(path: &Path, address: SocketAddr) -> Result<(), ServeError> {
    let failed = |source| ServeError::AddressFile { path: path.to_owned(), source };
    let mut staged = path.as_os_str().to_owned();
    staged.push(format!(".{}", std::process::id()));
    std::fs::write(&staged, format!("{address}\n")).map_err(failed)?;
    std::fs::rename(&staged, path).map_err(failed)
}

#[cfg(test)]
mod tests;
