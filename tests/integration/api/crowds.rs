//! Clients that are slow on purpose, and guessers of tokens, while a job runs.
//!
//! `scripts/hostile.sh` runs this with full numbers; here they are smaller.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::LIMIT;
use crate::support::{Client, DbTaxi, Flavour, Pair, run, wait_until};

/// A number of the environment, or what is enough here.
fn number(name: &str, here: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(here)
}

/// How a client is slow.
#[derive(Clone, Copy)]
enum Slow {
    /// Its head never ends.
    Head,
    /// Its body never ends.
    Body,
    /// It asks and asks and reads nothing.
    Reader,
}

struct SlowClient {
    how: Slow,
    stream: Option<TcpStream>,
}

impl SlowClient {
    /// Goes on being slow; whoever was cut off comes again.
    fn step(&mut self, port: u16, token: &str) {
        let Some(stream) = &mut self.stream else {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
                return;
            };
            stream.set_nonblocking(true).unwrap();
            let head = match self.how {
                Slow::Head => "GET /api/status HTTP/1.1\r\nHost: localhost\r\n".to_owned(),
                Slow::Body => format!(
                    "POST /api/sync/connections HTTP/1.1\r\nHost: localhost\r\n\
                     Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
                     Content-Length: 100000\r\n\r\n"
                ),
                Slow::Reader => String::new(),
            };
            let _ = stream.write_all(head.as_bytes());
            self.stream = Some(stream);
            return;
        };
        let went_on = match self.how {
            Slow::Head => stream.write_all(b"x"),
            Slow::Body => stream.write_all(b" "),
            Slow::Reader => {
                let one = format!(
                    "GET /api/sync/stats HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
                );
                match stream.write(one.repeat(20).as_bytes()) {
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
                    other => other.map(drop),
                }
            }
        };
        if went_on.is_err() {
            self.stream = None;
            return;
        }
        if !matches!(self.how, Slow::Reader) {
            // Cut off: the end of the stream, whatever came before.
            let mut rest = [0; 512];
            if matches!(stream.read(&mut rest), Ok(0)) {
                self.stream = None;
            }
        }
    }
}

/// The slowest answer of `/health/live`, in milliseconds, while it is asked all the time.
fn watch(client: Client, stop: Arc<AtomicBool>, slowest: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        client.get("/health/live").expect(200);
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
        slowest.fetch_max(took, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn slow_clients_and_guessers_hold_up_neither_jobs_nor_health() {
    run(Flavour::Mariadb, crowd);
}

async fn crowd(pair: Pair) {
    let (crowd, guesses) = (number("DB_TAXI_CROWD", 120), number("DB_TAXI_GUESSES", 600));
    let allowed = number("DB_TAXI_LIVE_MS", 10_000);
    pair.source.sql(&format!(
        "USE `{}`; CREATE TABLE big (id INT PRIMARY KEY, t VARCHAR(200)); INSERT INTO big \
         SELECT seq, REPEAT('x', 100) FROM seq_1_to_40000",
        pair.source_db()
    ));
    let taxi = DbTaxi::new(&pair)
        .set("server.read_timeout=3s")
        .set("server.write_timeout=3s");
    taxi.import_tables(&pair, "[big]", "{batch_size: 100, max_concurrency: 1}");
    let made = taxi.run(&["tokens", "create", "own", "--json", "--scope", "admin"]);
    let token = made.expect_code(0).json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
    let client = Client::of(&service).with(&token);
    wait_until(LIMIT, "the service to be ready", || {
        client.get("/health/ready").status == 200
    });

    let stop = Arc::new(AtomicBool::new(false));
    let slowest = Arc::new(AtomicU64::new(0));
    let reconnects = Arc::new(AtomicU64::new(0));
    let guessed = Arc::new(AtomicU64::new(0));
    std::thread::scope(|threads| {
        let (watched, ended, worst) = (client.clone(), Arc::clone(&stop), Arc::clone(&slowest));
        threads.spawn(move || watch(watched, ended, worst));
        let (ended, cut, own) = (Arc::clone(&stop), Arc::clone(&reconnects), token.clone());
        let port = client.port;
        threads.spawn(move || {
            let mut clients: Vec<SlowClient> = (0..crowd)
                .map(|n| SlowClient {
                    how: [Slow::Head, Slow::Body, Slow::Reader][usize::try_from(n % 3).unwrap()],
                    stream: None,
                })
                .collect();
            while !ended.load(Ordering::Relaxed) {
                for one in &mut clients {
                    let was = one.stream.is_some();
                    one.step(port, &own);
                    if was && one.stream.is_none() {
                        cut.fetch_add(1, Ordering::Relaxed);
                    }
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let (guesser, count) = (client.from([127, 0, 0, 3]), Arc::clone(&guessed));
        threads.spawn(move || {
            for n in 0..guesses {
                let told = guesser
                    .with(&format!("dbt_wrong_{n}"))
                    .get("/api/status")
                    .status;
                assert!(
                    if n < 10 {
                        told == 401
                    } else {
                        told == 401 || told == 429
                    },
                    "{told}"
                );
                count.fetch_add(u64::from(told == 429), Ordering::Relaxed);
            }
        });
        let job = client
            .post("/api/sync/jobs", &json!({"config": "everything"}))
            .expect(202);
        let at = job.header("location").unwrap();
        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(LIMIT * 2, "the job to complete in spite of them", || {
                client.get(&at).expect(200).json()["state"] == "completed"
            });
            // Slow ones of every kind were there long enough to be cut off.
            wait_until(LIMIT * 2, "slow clients to be cut off", || {
                reconnects.load(Ordering::Relaxed) >= crowd
            });
            wait_until(LIMIT * 4, "guessers to be told to wait", || {
                guessed.load(Ordering::Relaxed) + 60 >= guesses
            });
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(why) = finished {
            std::panic::resume_unwind(why);
        }
    });
    pair.judge("big", "big").equal();
    let slowest = slowest.load(Ordering::Relaxed);
    assert!(slowest <= allowed, "/health/live took {slowest} ms");
    client.get("/api/sync/stats").expect(200);
    let cut = reconnects.load(Ordering::Relaxed);
    let told = format!(
        "{crowd} slow clients, cut off {cut} times; {guesses} guesses; /health/live within {slowest} ms\n"
    );
    std::io::stderr().write_all(told.as_bytes()).unwrap();
}
