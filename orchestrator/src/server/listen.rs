//! Connections over TCP, TLS and the Unix socket: accepting, guarding, and ending in good order.

use std::{
    convert::Infallible, io, net::SocketAddr, panic::AssertUnwindSafe, path::PathBuf, sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, response::IntoResponse};
use futures_util::FutureExt;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, broadcast::error::RecvError, watch},
};

use super::{error::ApiError, peer::Peer, routes, state::ServerState, tls::Tls};

/// Connections over TCP at a time, when that many files may be open twice over; more wait.
const MAX_CONNECTIONS: usize = 8192;

/// How long what was sent may wait for a client that reads nothing, in milliseconds.
const UNREAD: u32 = 300_000;

/// The most headers of a request.
const MAX_HEADERS: usize = 100;

/// How long a client may take to send a request's head, to think of the next request, or to agree on keys.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long requests under way have when the server is asked to stop. Streams end at once.
const GRACE: Duration = Duration::from_secs(2);

/// How long to wait when no connection can be accepted, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("cannot listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The socket cannot be made.
    #[error("cannot listen on `{path}`", path = path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("`{path}` cannot be used: {reason}", path = path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// The next step.
        hint: &'static str,
    },
}

/// Where the server listens.
pub struct Listeners {
    tcp: TcpListener,
    socket: UnixListener,
    path: PathBuf,
    tls: Option<Tls>,
    uid: u32,
}

impl Listeners {
    /// Takes an address and makes the socket, which only this user may open. The caller holds the store, so that a socket which is there
    /// belongs to a daemon that is gone.
    pub async fn bind(address: SocketAddr, path: PathBuf, tls: Option<Tls>) -> Result<Self, ListenError> {
        let tcp = TcpListener::bind(address).await.map_err(|source| ListenError::Bind { address, source })?;
        let bound = || {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let socket = UnixListener::bind(&path)?;
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            Ok(socket)
        };
        let socket = bound().map_err(|source| ListenError::Socket { path: path.clone(), source })?;
        Ok(Self { tcp, socket, path, tls, uid: rustix::process::getuid().as_raw() })
    }

    /// The address with its port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// Answers until `stop` says so; then ends streams, lets requests under way end, and cuts off what takes longer.
pub async fn serve(state: Arc<ServerState>, listeners: Listeners, mut stop: watch::Receiver<bool>) {
    let connections = Connections::new(routes::router(&state));
    let counting = tokio::spawn(count_ends(Arc::clone(&state)));
    let Listeners { tcp, socket, path, tls, uid } = listeners;
    let mut socket_gone = false;
    let mut permit = None;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            free = Arc::clone(&connections.slots).acquire_owned(), if permit.is_none() => permit = free.ok(),
            accepted = tcp.accept(), if permit.is_some() => match accepted {
                Ok((stream, address)) => {
                    // Replies are small and wanted at once.
                    let _ = stream.set_nodelay(true);
                    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD);
                    let permit = permit.take();
                    match tls.clone() {
                        None => connections.serve(stream, Peer::Net { address, tls: false }, permit),
                        Some(tls) => connections.serve_tls(tls, stream, address, permit),
                    }
                }
                Err(error) => pause(&error).await,
            },
            accepted = socket.accept(), if !socket_gone => match accepted {
                Ok((stream, _)) => match stream.peer_cred() {
                    Ok(peer) if peer.uid() == uid || peer.uid() == 0 => {
                        // Whoever floods the port does not lock commands out.
                        connections.serve(stream, Peer::Socket { uid: peer.uid() }, None);
                    }
                    Ok(peer) => tracing::warn!("user {} may not use the socket", peer.uid()),
                    Err(error) => tracing::warn!(%error, "nobody knows who opened the socket"),
                },
                Err(error) => {
                    socket_gone = error.kind() == io::ErrorKind::InvalidInput;
                    pause(&error).await;
                }
            },
        }
    }
    // First the name, so that commands do not find a daemon that is about to go.
    let _ = std::fs::remove_file(&path);
    drop((tcp, socket));
    connections.end().await;
    counting.abort();
}

/// Counts how runs end, for Prometheus.
async fn count_ends(state: Arc<ServerState>) {
    let mut feed = state.parts.engine.follow_all();
    loop {
        match feed.recv().await {
            Ok(row) if row.status.is_final() => state.metrics.finished(row.status),
            Ok(_) => {}
            Err(RecvError::Lagged(n)) => tracing::warn!("{n} steps of runs were not counted"),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Waits until the server is to stop.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "a connection was not accepted");
    tokio::time::sleep(PAUSE).await;
}

/// As many connections as leave half of the files that may be open to the rest of the daemon.
fn max_connections() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    files.map_or(MAX_CONNECTIONS, |n| usize::try_from(n / 2).unwrap_or(usize::MAX)).clamp(16, MAX_CONNECTIONS)
}

struct Connections {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    slots: Arc<Semaphore>,
    graceful: Arc<GracefulShutdown>,
}

impl Connections {
    fn new(router: Router) -> Self {
        // HTTP/1 alone: the builder that finds out the version waits for the first byte without any limit of time.
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
        builder.http1().max_buf_size(64 << 10).max_headers(MAX_HEADERS);
        Self {
            builder,
            router,
            slots: Arc::new(Semaphore::new(max_connections())),
            graceful: Arc::new(GracefulShutdown::new()),
        }
    }

    fn serve<C>(&self, stream: C, peer: Peer, permit: Option<OwnedSemaphorePermit>)
    where
        C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request| guarded(router.clone(), peer, request));
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let watched = self.graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }

    fn serve_tls(
        &self,
        tls: Tls,
        stream: tokio::net::TcpStream,
        address: SocketAddr,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let (builder, router) = (self.builder.clone(), self.router.clone());
        let watcher = self.graceful.watcher();
        tokio::spawn(async move {
            let agreed = tokio::time::timeout(HEAD_WAIT, tls.accept(stream)).await;
            let Ok(Ok(stream)) = agreed else { return };
            let peer = Peer::Net { address, tls: true };
            let router = TowerToHyperService::new(router);
            let service = service_fn(move |request| guarded(router.clone(), peer, request));
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }

    /// Waits for requests under way, not for ever.
    async fn end(self) {
        let Ok(graceful) = Arc::try_unwrap(self.graceful) else { return };
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests under way were cut off");
        }
    }
}

/// A panic anywhere in a request is one reply with status 500.
async fn guarded(
    router: TowerToHyperService<Router>,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    request.extensions_mut().insert(peer);
    let reply = AssertUnwindSafe(hyper::service::Service::call(&router, request)).catch_unwind().await;
    reply.unwrap_or_else(|_| Ok(ApiError::internal(&io::Error::other("a request panicked")).into_response()))
}
