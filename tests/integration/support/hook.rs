//! A receiver of webhooks: answers as it is told, and keeps what it got.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use ring::hmac;
use serde_json::Value;

/// What the receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// This status.
    Status(u16),
    /// None, until the caller goes away.
    Silence,
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Hooked {
    /// Its head, in lower case.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Hooked {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it was signed with this secret.
    pub fn is_signed(&self, secret: &str) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, self.body.as_bytes());
        let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let line = format!("x-db-taxi-signature: sha256={hex}");
        self.head.lines().any(|one| one == line)
    }
}

/// The receiver.
#[derive(Debug)]
pub struct Hook {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Hooked>>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hook {
    /// Answers the first requests with `answers`, every later one with 200.
    pub fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got: Arc<Mutex<Vec<Hooked>>> = Arc::default();
        let closing = Arc::new(AtomicBool::new(false));
        let (kept, over) = (Arc::clone(&got), Arc::clone(&closing));
        let mut answers: VecDeque<Answer> = answers.iter().copied().collect();
        let thread = std::thread::spawn(move || {
            let mut silent = Vec::new();
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Some(mut stream) = stream.ok() else {
                    continue;
                };
                let Some(asked) = read(&mut stream) else {
                    continue;
                };
                kept.lock().unwrap().push(asked);
                match answers.pop_front().unwrap_or(Answer::Status(200)) {
                    Answer::Status(status) => {
                        let text = format!(
                            "HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                        );
                        let _gone = stream.write_all(text.as_bytes());
                    }
                    Answer::Silence => silent.push(stream),
                }
            }
        });
        Self {
            address,
            got,
            closing,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook/canary", self.address)
    }

    /// What came so far.
    pub fn got(&self) -> Vec<Hooked> {
        self.got.lock().unwrap().clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Hooked> {
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let mut asked = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let read = stream.read(&mut buffer).ok()?;
        asked.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&asked).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            if length == Some(body.len()) {
                let body = body.to_owned();
                return Some(Hooked { head, body });
            }
        }
        if read == 0 {
            return None;
        }
    }
}
