//! The daemon behind TLS: what it speaks, with which files, and what it refuses.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::{
    daemon::Daemon,
    project::{Project, repository},
};

/// A project with the files of a certificate, readable as a careful operator has them.
fn project() -> Project {
    let project = Project::new();
    project.file("sluice.toml", "").file("workflows/w.toml", "name = \"w\"\n[tasks.a]\nuses = \"noop\"\n");
    for name in ["certificate.pem", "key.pem", "other-key.pem"] {
        let text = std::fs::read(repository().join("tests/tls").join(name)).expect("the repository has it");
        project.file(name, text);
        mode(&project, name, 0o600);
    }
    project
}

fn mode(project: &Project, name: &str, mode: u32) {
    std::fs::set_permissions(project.path(name), PermissionsExt::from_mode(mode)).expect("it is ours");
}

const FILES: [&str; 6] = ["--bind", "127.0.0.1:0", "--tls-cert", "certificate.pem", "--tls-key", "key.pem"];

/// Sends a request under TLS, trusting the one certificate, and reads the answer to the end.
fn https(project: &Project, address: &str, request: &str) -> std::io::Result<String> {
    let certificate = CertificateDer::from_pem_file(project.path("certificate.pem")).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("it can be trusted");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(client, stream);
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        // Not every server says goodbye.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
}

#[test]
fn what_is_said_goes_through_tls_and_nothing_else_is_answered() {
    let project = project();
    let made = project.sluice(&["tokens", "add", "anna", "--role", "operator"]).expect(0);
    let daemon = Daemon::start_with(&project, &FILES);
    let health = https(&project, &daemon.address, &get("/health")).expect("it answers");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    // Whoever speaks plainly to the port gets no reply of the API.
    let plain = daemon.get("/health");
    assert_eq!((plain.status, plain.body.as_str()), (0, ""), "{}", plain.head);
    daemon.raw("GET / HTTP/1.0\r\n\r\n").expect(0);

    // The cookie of a session never goes where it could be read.
    let login = https(&project, &daemon.address, &get("/login")).expect("it answers");
    let at = login.find("name=\"csrf\" value=\"").expect("a form") + "name=\"csrf\" value=\"".len();
    let body = format!("csrf={}&token={}", &login[at..at + 64], made.stdout.trim());
    let form = format!(
        "POST /login HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\norigin: https://localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let entered = https(&project, &daemon.address, &form).expect("it answers");
    let cookie = entered.lines().find(|line| line.to_ascii_lowercase().starts_with("set-cookie:"));
    assert!(cookie.is_some_and(|cookie| cookie.contains("; Secure")), "{entered}");
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_next_step() {
    let project = project();
    project.file("nothing.pem", "").file("garbage.pem", "-----BEGIN CERTIFICATE-----\n!!\n");
    mode(&project, "nothing.pem", 0o600);
    let serve = |certificate: &str, key: &str| {
        let args = ["serve", "--bind", "127.0.0.1:0", "--tls-cert", certificate, "--tls-key", key];
        project.sluice(&args).expect(2).stderr
    };
    for (certificate, key, named, why) in [
        ("missing.pem", "key.pem", "missing.pem", "No such file"),
        ("certificate.pem", "missing.pem", "missing.pem", "No such file"),
        ("nothing.pem", "key.pem", "nothing.pem", "it holds no certificate"),
        ("key.pem", "key.pem", "key.pem", "it holds no certificate"),
        ("garbage.pem", "key.pem", "garbage.pem", "it ends in the middle"),
        ("certificate.pem", "certificate.pem", "certificate.pem", "nothing of that kind is in it"),
        ("certificate.pem", "nothing.pem", "nothing.pem", "nothing of that kind is in it"),
        (
            "certificate.pem",
            "other-key.pem",
            "certificate.pem",
            "hint: give the key that the first certificate",
        ),
    ] {
        let said = serve(certificate, key);
        assert!(
            said.contains(named) && said.contains(why) && said.contains("hint: "),
            "{certificate} {key}: {said}"
        );
        assert!(!said.contains("PRIVATE KEY-----\n"), "{said}");
    }
    // A key that everyone may read is none; one that a group of operators may read is.
    mode(&project, "key.pem", 0o644);
    let said = serve("certificate.pem", "key.pem");
    assert!(said.contains("everyone on this machine may use it") && said.contains("chmod 600"), "{said}");
    mode(&project, "key.pem", 0o640);
    let daemon = Daemon::start_with(&project, &FILES);
    assert!(https(&project, &daemon.address, &get("/health")).is_ok_and(|reply| reply.contains(" 200 ")));
}
