//! `POST /predict`.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use sluicegate_model::Bundle;

use super::{body, metrics::Outcome, model::Served, reply::Refusal};

/// Bodies up to this size are predicted where they arrive; larger ones would hold up other connections.
const SMALL: usize = 32 << 10;

/// How long a request waits for a model that is being loaded.
const MAX_WAIT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Reply<'a> {
    model: &'a str,
    version: Option<u64>,
    predictions: Vec<Value>,
}

/// Predicts the rows of the body.
pub(super) async fn predict(State(served): State<Arc<Served>>, body: Body) -> Response {
    let bytes = match body::read(body).await {
        Ok(bytes) => bytes,
        Err(refusal) => {
            served.metrics.count(refusal.outcome(), 0, Duration::ZERO);
            return refusal.into_response();
        }
    };
    let start = Instant::now();
    let answer = answer(&served, bytes).await;
    let (outcome, n_rows) = match &answer {
        Ok(predictions) => (Outcome::ok, predictions.len()),
        Err(refusal) => (refusal.outcome(), 0),
    };
    let response = match answer {
        Ok(predictions) => {
            Json(Reply { model: &served.model, version: served.version, predictions }).into_response()
        }
        Err(refusal) => refusal.into_response(),
    };
    served.metrics.count(outcome, n_rows, start.elapsed());
    response
}

async fn answer(served: &Arc<Served>, bytes: Bytes) -> Result<Vec<Value>, Refusal> {
    let loaded = tokio::time::timeout(MAX_WAIT, served.loaded()).await.ok().flatten();
    let Some(bundle) = loaded else {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "the model is not loaded yet",
        ));
    };
    if bytes.len() <= SMALL {
        return guarded(bundle, &bytes);
    }
    let _core = served.cores.acquire().await;
    let served = Arc::clone(served);
    let large =
        move || served.bundle().map_or_else(|| Err(Refusal::internal()), |bundle| guarded(bundle, &bytes));
    tokio::task::spawn_blocking(large).await.unwrap_or_else(|_| Err(Refusal::internal()))
}

/// A panic is one failed request, not a dead server.
fn guarded(bundle: &Bundle, bytes: &[u8]) -> Result<Vec<Value>, Refusal> {
    let predict = AssertUnwindSafe(|| {
        let rows = body::rows(bytes)?;
        let predicted = bundle.predict_rows(&rows).map_err(Refusal::rows)?;
        Ok(predicted.to_json_rows())
    });
    std::panic::catch_unwind(predict).unwrap_or_else(|_| {
        tracing::error!("a prediction panicked");
        Err(Refusal::internal())
    })
}
