//! The answer of a COMMIT is lost: whether it happened must be found out, not guessed.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::world::{LIMIT, at_once, expect_done, fill_few, install};
use crate::both_flavours;
use crate::support::Pair;

/// A text COMMIT as a packet: length, number, command, statement.
const COMMIT: &[u8] = b"\x07\0\0\0\x03COMMIT";

/// What happens to the COMMIT that is cut off.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// The server commits, its answer is lost.
    Answer,
    /// The server never hears it, and sees the connection end.
    Request,
    /// It is under way: it reaches the server when the next data comes by another connection.
    Late,
}

/// Forwards to a server, and cuts one data connection at its COMMIT.
struct Proxy {
    port: u16,
    cut: Arc<AtomicBool>,
}

struct Shared {
    how: Cut,
    commits: AtomicU32,
    at: u32,
    done: Arc<AtomicBool>,
    held: Mutex<bool>,
    released: Condvar,
}

impl Proxy {
    fn start(server: u16, how: Cut, at: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let shared = Arc::new(Shared {
            how,
            commits: AtomicU32::new(0),
            at,
            done: Arc::clone(&cut),
            held: Mutex::new(false),
            released: Condvar::new(),
        });
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), shared) = (client, Arc::clone(&shared)) else {
                    return;
                };
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    return;
                };
                std::thread::spawn(move || shared.forward(client, server));
            }
        });
        Self { port, cut }
    }
}

impl Shared {
    fn forward(&self, mut client: TcpStream, mut server: TcpStream) {
        let (mut back_from, mut back_to) =
            (server.try_clone().unwrap(), client.try_clone().unwrap());
        let muted = Arc::new(AtomicBool::new(false));
        let mute = Arc::clone(&muted);
        let answers = std::thread::spawn(move || {
            let mut buffer = [0; 16 << 10];
            while let Ok(n) = back_from.read(&mut buffer) {
                // An answer that is cut off tells that the server has committed.
                if n == 0 || mute.load(Ordering::SeqCst) || back_to.write_all(&buffer[..n]).is_err()
                {
                    break;
                }
            }
            let _gone = back_to.shutdown(Shutdown::Both);
        });
        let mut loads = false;
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n) = client.read(&mut buffer) {
            if n == 0 {
                break;
            }
            let bytes = &buffer[..n];
            if bytes
                .windows(9)
                .any(|w| w.eq_ignore_ascii_case(b"LOAD DATA"))
            {
                loads = true;
                if self.done.load(Ordering::SeqCst) {
                    *self.held.lock().unwrap() = true;
                    self.released.notify_all();
                }
            }
            let cut = loads
                && bytes.ends_with(COMMIT)
                && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.at;
            if !cut {
                if server.write_all(bytes).is_err() {
                    break;
                }
                continue;
            }
            self.done.store(true, Ordering::SeqCst);
            match self.how {
                Cut::Answer => {
                    muted.store(true, Ordering::SeqCst);
                    server.write_all(bytes).unwrap();
                    // Until the answer has come.
                    answers.join().unwrap();
                }
                Cut::Request => {}
                Cut::Late => {
                    muted.store(true, Ordering::SeqCst);
                    client.shutdown(Shutdown::Both).unwrap();
                    let held = self.held.lock().unwrap();
                    let _released = self
                        .released
                        .wait_while(held, |released| !*released)
                        .unwrap();
                    let _maybe_killed = server.write_all(bytes);
                    let _end = answers.join();
                    return;
                }
            }
            break;
        }
        let _gone = client.shutdown(Shutdown::Both);
        let _gone = server.shutdown(Shutdown::Both);
    }
}

both_flavours! {
    async fn a_commit_whose_answer_is_lost_is_neither_repeated_nor_missing(pair: Pair) {
        at_once(&pair, &["answer", "request", "late"], |pair, point| {
            let how = match point {
                "answer" => Cut::Answer,
                "request" => Cut::Request,
                _ => Cut::Late,
            };
            fill_few(pair);
            let proxy = Proxy::start(pair.local.port, how, 3);
            let taxi = install(pair).set(&format!("database.port={}", proxy.port));
            let ended = taxi.start(&["run", "everything"]).wait(LIMIT).expect_code(0);
            assert!(proxy.cut.load(Ordering::SeqCst), "nothing was cut");
            assert!(!ended.stdout.contains("failed"), "{}", ended.stdout);
            expect_done(pair);
        });
    }
}
