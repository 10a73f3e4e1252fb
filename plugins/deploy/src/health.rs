//! Asking a deployed server how it is.

use std::{net::SocketAddr, time::Duration};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpStream;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read.
const MAX_BYTES: usize = 64 << 10;

/// What a server says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Identity {
    /// BLAKE3 of the bundle it serves.
    pub(crate) bundle: String,
    /// Its process, as it sees itself.
    pub(crate) pid: u32,
}

/// Asks `GET /health/ready` of an address such as `http://127.0.0.1:8080`. An error is a fragment such as
/// `/health/ready said 503`.
pub(crate) async fn ready(address: &str) -> Result<Identity, String> {
    match tokio::time::timeout(PATIENCE, get(address, "/health/ready")).await {
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => Err(error.to_string()),
        Ok(Ok((StatusCode::OK, body))) => {
            serde_json::from_slice(&body).map_err(|_| "another program answers there".to_owned())
        }
        Ok(Ok((status, _))) => Err(format!("/health/ready said {}", status.as_u16())),
    }
}

async fn get(
    address: &str,
    path: &str,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let host: SocketAddr = address.trim_start_matches("http://").parse()?;
    let stream = TcpStream::connect(host).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path).header(header::HOST, host.to_string()).body(Empty::<Bytes>::new())?;
    let exchange = async {
        let reply = sender.send_request(request).await?;
        let status = reply.status();
        let body = Limited::new(reply.into_body(), MAX_BYTES).collect().await?.to_bytes();
        Ok((status, body))
    };
    tokio::pin!(connection);
    tokio::pin!(exchange);
    tokio::select! {
        reply = &mut exchange => reply,
        closed = &mut connection => {
            closed?;
            // The connection is done; what it brought is still to be read.
            exchange.await
        }
    }
}
