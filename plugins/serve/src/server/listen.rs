//! Connections: binding, accepting, and ending in good order.

use std::{convert::Infallible, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use axum::{Router, body::Body, response::IntoResponse};
use futures_util::FutureExt;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinHandle},
};

use super::{ServeError, reply::Refusal};

/// Connections that wait to be accepted.
pub(super) const BACKLOG: u32 = 1024;

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 4096;

/// How long a client may take to send a request's head, or to think of the next request.
const HEAD_WAIT: Duration = Duration::from_secs(30);

/// How long requests under way have when the server is asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// How long to wait when no connection can be accepted, as when there are too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Takes the address. A shared port may be taken by servers of the same user that share it too.
pub(super) fn bind(address: SocketAddr, shared: bool) -> Result<TcpSocket, ServeError> {
    let failed = |source| ServeError::Bind { bind: address, source };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(failed)?;
    socket.set_reuseaddr(true).map_err(failed)?;
    if shared {
        socket.set_reuseport(true).map_err(failed)?;
    }
    socket.bind(address).map_err(failed)?;
    Ok(socket)
}

/// What came of loading the bundle.
pub(super) fn loaded(result: Result<Result<(), ServeError>, JoinError>) -> Result<(), ServeError> {
    result.unwrap_or_else(|_| Err(ServeError::SelfCheck("loading it panicked".into())))
}

/// Serves connections until `shutdown` ends, or until `loading` fails.
pub(super) async fn accept(
    listener: TcpListener,
    router: Router,
    mut loading: Option<JoinHandle<Result<(), ServeError>>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let connections = Connections::new(router);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            result = ended(&mut loading) => loaded(result)?,
            (stream, permit) = connections.next(&listener) => connections.serve(stream, permit),
        }
    }
    connections.drain(&listener);
    drop(listener);
    connections.end().await;
    Ok(())
}

/// Waits for the end of loading; for ever, when it was seen already.
async fn ended(
    loading: &mut Option<JoinHandle<Result<(), ServeError>>>,
) -> Result<Result<(), ServeError>, JoinError> {
    match loading {
        Some(handle) => {
            let result = handle.await;
            *loading = None;
            result
        }
        None => std::future::pending().await,
    }
}

struct Connections {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    slots: Arc<Semaphore>,
    graceful: GracefulShutdown,
}

impl Connections {
    fn new(router: Router) -> Self {
        // HTTP/1 alone: the builder that finds out the version waits for the first byte without any limit of time.
        let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT);
        Self {
            builder,
            router,
            slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            graceful: GracefulShutdown::new(),
        }
    }

    /// The next connection, once there is room for one.
    async fn next(&self, listener: &TcpListener) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        let permit = Arc::clone(&self.slots).acquire_owned().await.ok();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, permit: Option<OwnedSemaphorePermit>) {
        // Replies are small and wanted at once.
        let _ = stream.set_nodelay(true);
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request| guarded(router.clone(), request));
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let watched = self.graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection broke");
            }
            drop(permit);
        });
    }

    /// Takes the connections that were made but not yet accepted: closing the listener would reset them.
    fn drain(&self, listener: &TcpListener) {
        while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
            self.serve(stream, None);
        }
    }

    /// Waits for requests under way, not for ever.
    async fn end(self) {
        if tokio::time::timeout(GRACE, self.graceful.shutdown()).await.is_err() {
            tracing::warn!("requests under way were cut off");
        }
    }
}

/// A panic anywhere in a request is one reply with status 500.
async fn guarded(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let reply = AssertUnwindSafe(hyper::service::Service::call(&router, request)).catch_unwind().await;
    reply.unwrap_or_else(|_| {
        tracing::error!("a request panicked");
        Ok(Refusal::internal().into_response())
    })
}
