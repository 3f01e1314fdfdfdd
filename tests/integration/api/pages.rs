//! Pages of browsers, certificates, and what is told of each request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{LIMIT, service};
use crate::support::{Client, DbTaxi, Flavour, Pair, Reply, run, wait_until};

fn preflight(client: &Client, origin: &str) -> Reply {
    let origin = format!("Origin: {origin}");
    let wanted = "Access-Control-Request-Method: POST";
    client.ask("OPTIONS", "/api/sync/jobs", &[&origin, wanted], None)
}

/// Only pages of listed origins may call; the list changes while the service runs.
#[test]
fn pages_of_listed_origins_may_call_and_no_others() {
    run(Flavour::Mariadb, listed_origins);
}

async fn listed_origins(pair: Pair) {
    let taxi = DbTaxi::new(&pair);
    let settings = std::fs::read_to_string(taxi.path("config.yaml")).unwrap();
    let origins = |list: &str| {
        taxi.write(
            "config.yaml",
            &format!("{settings}server:\n  cors_origins: {list}\n"),
        );
    };
    origins("['https://ops.example.com']");
    let (service, client) = service(&taxi);
    let (ours, other) = ("https://ops.example.com", "https://evil.example.com");
    let status = |origin: &str| {
        let origin = format!("Origin: {origin}");
        client.ask("GET", "/api/status", &[&origin], None)
    };
    let told = status(ours).expect(200);
    assert_eq!(
        told.header("access-control-allow-origin").as_deref(),
        Some(ours)
    );
    assert_eq!(told.header("access-control-allow-credentials"), None);
    assert_eq!(told.header("vary").as_deref(), Some("Origin"));
    let answer = preflight(&client, ours).expect(204);
    assert!(
        answer
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    let headers = answer.header("access-control-allow-headers").unwrap();
    assert!(headers.contains("Authorization"), "{headers}");
    for page in [
        other,
        "null",
        "http://ops.example.com",
        "https://ops.example.com.evil.org",
    ] {
        let refused = status(page).expect(403);
        assert_eq!(
            refused.header("access-control-allow-origin"),
            None,
            "{page}"
        );
        preflight(&client, page).expect(403);
    }
    // What browsers send without asking first does not get through either.
    let simple = [
        "Origin: https://evil.example.com",
        "Content-Type: text/plain",
    ];
    client
        .ask("POST", "/api/sync/jobs", &simple, Some("{}"))
        .expect(403);
    // A page of the service itself, and callers that are no browsers.
    status(&format!("http://localhost:{}", client.port)).expect(200);
    client.get("/api/status").expect(200);
    let elsewhere = client.ask("GET", "/api/status", &["Host: evil.example.com"], None);
    assert!(elsewhere.expect(403).body.contains("evil.example.com"));

    origins("['https://evil.example.com']");
    service.signal(Signal::HUP);
    wait_until(LIMIT, "the other origin to be allowed", || {
        status(other).status == 200
    });
    status(ours).expect(403);
    assert!(
        !service.stderr().contains("need a restart"),
        "{}",
        service.stderr()
    );
}

/// Each request has an id, a trace and one line; no line has a secret.
#[test]
fn each_request_is_one_line_with_route_status_and_actor() {
    run(Flavour::Mariadb, told_requests);
}

async fn told_requests(pair: Pair) {
    let taxi = DbTaxi::new(&pair).set("logging.format=text");
    let (service, client) = service(&taxi);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01");
    let own = ["X-Request-Id: build-7", parent.as_str()];
    let path = "/api/sync/jobs?state=canary-in-query";
    let told = client.ask("GET", path, &own, None).expect(400);
    assert_eq!(told.header("x-request-id").as_deref(), Some("build-7"));
    let given = told.header("traceparent").unwrap();
    assert!(
        given.starts_with(&format!("00-{trace}-")) && given.ends_with("-01"),
        "{given}"
    );
    assert!(!given.contains("00f067aa0ba902b7"), "{given}");
    let unsane = ["X-Request-Id: a b", "traceparent: 00-0-0-0"];
    let told = client
        .ask("GET", "/api/sync/configs/canary-in-path", &unsane, None)
        .expect(404);
    let id = told.header("x-request-id").unwrap();
    assert_eq!(
        (id.len(), told.header("traceparent").unwrap().len()),
        (36, 55)
    );
    let secret = client.with("canary-token");
    secret.get("/api/status").expect(401);
    client.get("/nothing/canary-in-path").expect(404);
    client.get("/health").expect(200);
    let lines = || -> Vec<String> {
        let said = service.stderr();
        let lines = said.lines().filter(|line| line.contains(" ms "));
        lines.map(str::to_owned).collect()
    };
    wait_until(LIMIT, "the last request to be told", || {
        lines().iter().any(|line| line.contains("GET none 404"))
    });
    let find = |words: &str| {
        lines()
            .into_iter()
            .filter(|line| line.contains(words))
            .count()
    };
    assert_eq!(find("GET /api/sync/jobs 400"), 1);
    assert_eq!(find("api@127.0.0.1 build-7"), 1);
    assert_eq!(find("GET /api/sync/configs/{id} 404"), 1);
    assert_eq!(find("GET /api/status 401"), 1);
    assert_eq!(find("/health"), 0);
    assert!(!service.stderr().contains("canary"), "{}", service.stderr());
}

/// A certificate and its key in the home of `taxi`.
fn certify(taxi: &DbTaxi) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    taxi.write("key.pem", &made.signing_key.serialize_pem());
    taxi.write("cert.pem", &made.cert.pem());
    made.cert.der().clone()
}

fn connect(
    port: u16,
    trusted: &CertificateDer<'static>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    StreamOwned::new(client, stream)
}

/// One request on a connection that stays open; the first line of its answer, or why there is none.
fn ask(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Result<String, String> {
    let request = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream
        .write_all(request)
        .map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") {
        let mut byte = [0];
        stream
            .read_exact(&mut byte)
            .map_err(|error| error.to_string())?;
        answer.push(byte[0]);
    }
    let answer = String::from_utf8(answer).unwrap();
    Ok(answer.lines().next().unwrap().to_owned())
}

/// TLS by certificate files that are read again, and connections outlive that.
#[test]
fn a_new_certificate_is_taken_without_dropping_connections() {
    run(Flavour::Mariadb, certificates);
}

async fn certificates(pair: Pair) {
    let taxi = DbTaxi::new(&pair);
    let first = certify(&taxi);
    let set = |name: &str, file: &str| format!("server.tls_{name}={}", taxi.path(file).display());
    let (cert, key) = (set("cert", "cert.pem"), set("key", "key.pem"));
    let args = [
        "--headless",
        "--listen",
        "127.0.0.1:0",
        "--set",
        &cert,
        "--set",
        &key,
    ];
    let service = taxi.start(&args);
    let client = Client::of(&service);
    service.wait_to_say(LIMIT, &["listening on https://"]);
    let mut old = connect(client.port, &first);
    assert_eq!(ask(&mut old).unwrap(), "HTTP/1.1 200 OK");
    // Who speaks no TLS gets no answer, and holds nobody up.
    assert_eq!(client.get("/health").status, 0);

    let second = certify(&taxi);
    service.signal(Signal::HUP);
    wait_until(LIMIT, "the new certificate", || {
        ask(&mut connect(client.port, &second)).is_ok()
    });
    assert!(ask(&mut connect(client.port, &first)).is_err());
    assert_eq!(ask(&mut old).unwrap(), "HTTP/1.1 200 OK");

    // Without being asked, too; and a pair that does not fit changes nothing.
    taxi.write("key.pem", "nothing");
    service.wait_to_say(LIMIT, &["the certificate stays as it is: server.tls_key"]);
    assert!(ask(&mut connect(client.port, &second)).is_ok());
    let third = certify(&taxi);
    wait_until(LIMIT, "the third certificate", || {
        ask(&mut connect(client.port, &third)).is_ok()
    });

    let wrong = taxi.write("wrong.pem", "nothing").display().to_string();
    for (name, key) in [("cert", "server.tls_cert"), ("key", "server.tls_key")] {
        let set = format!("{key}={wrong}");
        let mut args = args.to_vec();
        args.extend(["--set", &set]);
        let ended = taxi.run(&args).expect_code(2);
        assert!(
            ended.stderr.contains(key) && ended.stderr.contains("wrong.pem"),
            "{name}: {ended:?}"
        );
    }
}
