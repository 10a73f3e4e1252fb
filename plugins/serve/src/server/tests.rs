use std::{path::PathBuf, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::oneshot, task::JoinHandle};

use super::*;

/// Writes a bundle that predicts `2·a + intercept`.
fn write_bundle(folder: &Path, intercept: f64) -> PathBuf {
    use sluicegate_model::{Bundle, Estimator, InputColumn, InputType, ModelTask, Provenance, Signature};
    let bundle = Bundle {
        target: "y".into(),
        task: ModelTask::Regression,
        signature: Signature {
            inputs: vec![InputColumn { name: "a".into(), input_type: InputType::Number, nullable: false }],
        },
        transforms: Vec::new(),
        estimator: Estimator::Linear { coefficients: vec![2.0], intercept },
        provenance: Provenance { kind: "train.linear 1".into(), n_rows: 2, rows: String::new() },
    };
    let path = folder.join(format!("model-{intercept}.bundle"));
    std::fs::write(&path, bundle.to_bytes()).unwrap();
    path
}

/// A server of a bundle that predicts `2·a + 1`.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    done: JoinHandle<Result<(), ServeError>>,
    _folder: tempfile::TempDir,
}

fn options(bundle: PathBuf) -> ServeOptions {
    ServeOptions {
        bundle,
        model: "m".into(),
        version: Some(3),
        bundle_hash: "abc".into(),
        bind: "127.0.0.1:0".parse().unwrap(),
        address_file: None,
        detach: false,
        listening: None,
    }
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (tell, told) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let mut options = options(write_bundle(folder.path(), 1.0));
        options.listening = Some(Box::new(|address| tell.send(address).unwrap()));
        let done = tokio::spawn(serve_until(options, async { stopped.await.unwrap() }));
        Self { address: told.await.unwrap(), stop, done, _folder: folder }
    }

    async fn ask(&self, method: Method, path: &str, body: impl Into<String>) -> (u16, String) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::builder().method(method).uri(path).header("host", "x");
        let reply = sender
            .send_request(request.body(Full::<bytes::Bytes>::from(body.into())).unwrap())
            .await
            .unwrap();
        let status = reply.status().as_u16();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn predict(&self, body: impl Into<String>) -> (u16, String) {
        self.ask(Method::POST, "/predict", body).await
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.done.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rows_in_every_form_are_predicted() {
    let server = Server::start().await;
    let one = r#"{"model":"m","version":3,"predictions":[{"prediction":5.0}]}"#;
    for body in [r#"{"rows":[{"a":2}]}"#, r#"[{"a":2}]"#, r#"{"a":2}"#] {
        assert_eq!(server.predict(body).await, (200, one.to_owned()), "{body}");
    }
    let many = format!("[{}]", vec![r#"{"a":1}"#; 20_000].join(","));
    let (status, body) = server.predict(many).await;
    assert_eq!((status, body.matches("3.0").count()), (200, 20_000));
    server.end().await;
}

#[tokio::test]
async fn every_problem_of_a_request_is_named() {
    let server = Server::start().await;
    let (status, body) = server.predict(r#"[{"a":1},{"b":2},{"a":"x"}]"#).await;
    assert_eq!(status, 400);
    let problems = serde_json::from_str::<serde_json::Value>(&body).unwrap()["error"]["problems"].clone();
    let places: Vec<_> =
        problems.as_array().unwrap().iter().map(|problem| (&problem["row"], &problem["column"])).collect();
    assert_eq!(places.len(), 3, "{body}");
    assert_eq!(server.predict("{").await.0, 400);
    assert_eq!(server.predict("").await.0, 400);
    assert_eq!(server.predict("[1]").await.0, 400);
    assert_eq!(server.predict("x".repeat(9 << 20)).await.0, 413);
    assert_eq!(server.ask(Method::GET, "/predict", "").await.0, 405);
    assert_eq!(server.ask(Method::GET, "/absent", "").await.0, 404);
    server.end().await;
}

#[tokio::test]
async fn health_and_metrics_tell_what_happened() {
    let server = Server::start().await;
    assert_eq!(server.predict(r#"[{"a":2},{"a":3}]"#).await.0, 200);
    assert_eq!(server.predict("nonsense").await.0, 400);
    assert_eq!(server.ask(Method::GET, "/health/live", "").await.0, 200);
    let (status, ready) = server.ask(Method::GET, "/health/ready", "").await;
    assert_eq!(status, 200);
    assert!(ready.contains(r#""bundle":"abc""#), "{ready}");
    let (_, page) = server.ask(Method::GET, "/metrics", "").await;
    for line in [
        r#"sluice_inference_requests_total{outcome="ok"} 1"#,
        r#"sluice_inference_requests_total{outcome="invalid"} 1"#,
        "sluice_inference_rows_total 2",
        "sluice_inference_errors_total 0",
        r#"sluice_model_info{model="m",version="3",bundle="abc"} 1"#,
        r#"_duration_seconds_bucket{le="0.00005"}"#,
    ] {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
    server.end().await;
}

#[tokio::test]
async fn a_bundle_that_cannot_be_loaded_ends_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    std::fs::write(&path, "no bundle").unwrap();
    let never = std::future::pending();
    let served =
        tokio::time::timeout(Duration::from_mins(1), serve_until(options(path), never)).await.unwrap();
    assert!(matches!(served, Err(ServeError::Bundle(_))), "{served:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_at_once() {
    let server = Server::start().await;
    let mut options = options(PathBuf::from("absent"));
    options.bind = server.address;
    assert!(matches!(serve_until(options, std::future::pending()).await, Err(ServeError::Bind { .. })));
    server.end().await;
}

#[test]
fn a_changed_bundle_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = write_bundle(folder.path(), 1.0);
    let hash = bundle_hash(&bundle, None).unwrap();
    assert_eq!(bundle_hash(&bundle, Some(&hash)).unwrap(), hash);
    std::fs::write(&bundle, "changed").unwrap();
    let error = bundle_hash(&bundle, Some(&hash)).unwrap_err();
    assert!(matches!(error, ServeError::WrongBundle { wanted, .. } if wanted == hash));
    let missing = bundle_hash(&folder.path().join("none"), None).unwrap_err();
    assert!(matches!(missing, ServeError::Unreadable { .. }));
}
