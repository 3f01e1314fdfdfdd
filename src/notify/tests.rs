//! Tries against a small server and small programs; what is told of is tested with real servers.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use ring::hmac;
use secrecy::SecretString;

use super::command::run_within;
use super::send::{signature, slack};
use super::webhook::post_within;

const LIMIT: Duration = Duration::from_secs(20);

/// Answers one request with `answer`, and gives what was asked.
fn serve(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/hook?token=canary",
        listener.local_addr().unwrap()
    );
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let read = stream.read(&mut buffer).unwrap();
            asked.extend_from_slice(&buffer[..read]);
            let text = String::from_utf8_lossy(&asked).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.lines().find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            });
            if read == 0 || length == Some(body.len()) {
                break;
            }
        }
        let _closed = stream.write_all(answer.as_bytes());
        String::from_utf8(asked).unwrap()
    });
    (url, served)
}

async fn post(answer: &'static str) -> (Result<(), String>, String) {
    let (url, served) = serve(answer);
    let url = SecretString::from(url);
    let body = "{\"v\":1}".to_owned();
    let signature = signature(&SecretString::from("key"), body.as_bytes());
    let posted = post_within(url, body, Some(signature), LIMIT).await;
    (posted, served.join().unwrap())
}

#[tokio::test]
async fn a_webhook_is_posted_with_its_signature() {
    let (posted, asked) = post("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(posted, Ok(()));
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /hook?token=canary HTTP/1.1\r\n"),
        "{head}"
    );
    let head = head.to_lowercase();
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(body, "{\"v\":1}");
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
    let given = head
        .lines()
        .find_map(|line| line.strip_prefix("x-db-taxi-signature: sha256="))
        .unwrap();
    let tag: Vec<u8> = (0..given.len() / 2)
        .map(|at| u8::from_str_radix(&given[at * 2..at * 2 + 2], 16).unwrap())
        .collect();
    hmac::verify(&key, body.as_bytes(), &tag).unwrap();
}

#[tokio::test]
async fn whatever_is_no_success_is_an_error_and_a_redirect_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    for (answer, expected) in [
        (
            "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            "answered 500",
        ),
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            "answered 404",
        ),
        ("nonsense\r\n\r\n", ""),
        ("", ""),
    ] {
        let error = post(answer).await.0.unwrap_err();
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains("canary"), "{error}");
    }
    for status in [301, 307] {
        let to = elsewhere.local_addr().unwrap();
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: http://{to}/\r\ncontent-length: 0\r\n\r\n"
        );
        let error = post(answer.leak()).await.0.unwrap_err();
        assert!(
            error.contains("a redirect, which is not followed"),
            "{error}"
        );
    }
    assert!(elsewhere.accept().is_err(), "nobody came");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = SecretString::from(format!("http://{}/", silent.local_addr().unwrap()));
    let began = Instant::now();
    let error = post_within(url, "{}".to_owned(), None, Duration::from_secs(1)).await;
    assert_eq!(error, Err("no answer within 1 s".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(15));
    let nobody = SecretString::from("http://127.0.0.1:1/canary");
    let error = post_within(nobody, "{}".to_owned(), None, LIMIT)
        .await
        .unwrap_err();
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn slack_gets_the_sentence_with_its_signs_escaped() {
    let body = r#"{"v":1,"text":"a <b> & \"c\""}"#;
    assert_eq!(slack(body), r#"{"text":"a &lt;b&gt; &amp; \"c\""}"#);
}

fn argv(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_command_gets_the_body_and_little_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got");
    let path = file.to_str().unwrap();
    // More than a pipe holds.
    let body = format!("{{\"v\":1,\"text\":\"{}\"}}", "x".repeat(200_000));
    let script = format!("cat > {path}; env >> {path}.env; pwd >> {path}.env");
    run_within(&argv(&script), &body, LIMIT).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), body);
    let env = std::fs::read_to_string(format!("{path}.env")).unwrap();
    assert!(!env.contains("CARGO"), "{env}");
    assert!(env.lines().any(|line| line == "/"), "{env}");
    // One that reads nothing, and one that writes much.
    run_within(&argv("exit 0"), &body, LIMIT).await.unwrap();
    run_within(&argv("head -c 1000000 /dev/zero"), "{}", LIMIT)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_command_that_fails_is_an_error_and_none_is_a_shell() {
    let error = run_within(&argv("echo no route >&2; exit 3"), "{}", LIMIT)
        .await
        .unwrap_err();
    assert!(
        error.contains("exit status: 3") && error.contains("no route"),
        "{error}"
    );
    let nothing = vec!["/no/such/program; echo".to_owned()];
    let error = run_within(&nothing, "{}", LIMIT).await.unwrap_err();
    assert!(error.contains("can't be started"), "{error}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let path = file.to_str().unwrap();
    let script = format!("sleep 600 & echo $! > {path}; echo $$ >> {path}; wait");
    let error = run_within(&argv(&script), "{}", Duration::from_secs(8))
        .await
        .unwrap_err();
    assert!(error.contains("killed with its children"), "{error}");
    let pids = std::fs::read_to_string(&file).unwrap();
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        let deadline = Instant::now() + LIMIT;
        // A zombie that nobody has waited for yet is dead as well.
        let lives = || {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| !stat.contains(") Z "))
        };
        while lives() {
            assert!(Instant::now() < deadline, "{pid} lives");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
