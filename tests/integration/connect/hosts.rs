//! Several hosts, SRV names, sockets.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use db_taxi::mysql::endpoint::Address;
use db_taxi::mysql::{Endpoint, MysqlError, Session, SessionKind, srv};

use super::name_server::NameServer;
use crate::both_flavours;
use crate::crash::world::run_until_frozen_and_then;
use crate::support::{DbTaxi, Pair};

fn at(pair: &Pair, addresses: Vec<Address>) -> Endpoint {
    let mut endpoint = (*pair.source.endpoint()).clone();
    endpoint.addresses = addresses;
    endpoint.connect_timeout = Duration::from_secs(2);
    endpoint
}

fn tcp(port: u16) -> Address {
    Address::Tcp("127.0.0.1".to_owned(), port)
}

async fn open(endpoint: &Endpoint) -> Result<Session, MysqlError> {
    let endpoint = Arc::new(endpoint.clone());
    Session::open(&endpoint, SessionKind::Probe, Duration::from_secs(60)).await
}

async fn answered(endpoint: &Endpoint) -> Address {
    let session = open(endpoint).await.unwrap();
    let address = session.server().address.clone();
    session.close().await;
    address
}

/// A port on which nobody listens, for now.
fn nobody() -> u16 {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    free.local_addr().unwrap().port()
}

/// Hands connections on to a server until it dies.
struct Relay {
    port: u16,
    dead: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Relay {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self {
            port: listener.local_addr().unwrap().port(),
            dead: Arc::default(),
            open: Arc::default(),
        };
        let (dead, open) = (Arc::clone(&relay.dead), Arc::clone(&relay.open));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if dead.load(Ordering::SeqCst) {
                    return;
                }
                let client = client.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server.try_clone().unwrap(), client.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _cut = std::io::copy(&mut from, &mut to);
                        let _gone = to.shutdown(Shutdown::Both);
                    });
                }
                open.lock().unwrap().extend([client, server]);
            }
        });
        relay
    }

    /// Cuts every connection and takes no other.
    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        // Wakes the listener, which then ends.
        let _woken = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.open.lock().unwrap().drain(..) {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

both_flavours! {
    /// The first host dies while ranges are copied: the run goes on at the second.
    async fn a_run_survives_the_death_of_its_first_host(pair: Pair) {
        let (first, second) = (Relay::start(pair.source.port), Relay::start(pair.source.port));
        pair.source.sql(&format!(
            "CREATE TABLE {t} (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(100)); \
             INSERT INTO {t} (v) SELECT CONCAT(a.TABLE_NAME, b.TABLE_NAME) \
             FROM information_schema.TABLES a, information_schema.TABLES b LIMIT 3000",
            t = pair.source_table("t")
        ));
        let taxi = DbTaxi::new(&pair);
        taxi.import(&format!(
            "version: 1\n\
             connections:\n\
             - name: source\n  host: '127.0.0.1:{},127.0.0.1:{}'\n  username: root\n  \
             database: {}\n  local_db_name: {}\n\
             configs:\n\
             - {{name: everything, connection: source, tables: '*', options: {{batch_size: 100}}}}\n",
            first.port, second.port, pair.source_db(), pair.target_db()
        ));
        let run = run_until_frozen_and_then(&taxi, "copy.written=stop");
        assert!(!first.open.lock().unwrap().is_empty() && second.open.lock().unwrap().is_empty());
        first.die();
        run.thaw();
        run.wait(Duration::from_secs(120)).expect_code(0);
        assert!(!second.open.lock().unwrap().is_empty());
        pair.judge("t", "t").equal();
    }

    async fn hosts_are_tried_in_order_and_a_dead_one_costs_its_time_once(pair: Pair) {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let mute = tcp(silent.local_addr().unwrap().port());
        let live = tcp(pair.source.port);
        let endpoint = at(&pair, vec![mute.clone(), tcp(nobody()), live.clone()]);
        assert_eq!(answered(&endpoint).await, live);
        let begun = Instant::now();
        assert_eq!(answered(&endpoint).await, live);
        assert!(begun.elapsed() < endpoint.connect_timeout, "the dead host was waited for again");
        // A host that answers is used although it comes second in line for now.
        let again = at(&pair, vec![live.clone(), mute]);
        assert_eq!(answered(&again).await, live);
    }

    async fn when_no_host_answers_each_is_named(pair: Pair) {
        let (first, second) = (nobody(), nobody());
        let endpoint = at(&pair, vec![tcp(first), tcp(second)]);
        let error = open(&endpoint).await.unwrap_err();
        for port in [first, second] {
            assert!(error.message.contains(&format!("127.0.0.1:{port}")), "{error}");
        }
        assert!(error.hint.unwrap().contains("nothing listens there"));
    }

    async fn a_refused_login_is_final_whatever_hosts_follow(pair: Pair) {
        let mut endpoint = at(&pair, vec![tcp(pair.source.port), tcp(nobody())]);
        endpoint.username = "nobody-at-all".to_owned();
        let error = open(&endpoint).await.unwrap_err();
        assert!(!error.message.contains("can't connect"), "{error}");
    }

    async fn an_srv_name_leads_to_its_hosts_by_priority_and_is_asked_anew(pair: Pair) {
        let service = "_mysql._tcp.taxi.test";
        let (live, dead) = (pair.source.port, nobody());
        let dns = NameServer::start(service, vec![(20, 0, live), (10, 5, dead)]);
        let mut endpoint = at(&pair, vec![Address::Service(service.to_owned())]);
        endpoint.name_server = srv::NameServer::At(dns.address);
        let local = |port| Address::Tcp("localhost".to_owned(), port);
        assert_eq!(answered(&endpoint).await, local(live), "the first by priority is dead");
        dns.now_answers(vec![(10, 0, live)]);
        assert_eq!(answered(&endpoint).await, local(live));
        dns.now_answers(vec![(10, 0, dead)]);
        let error = open(&endpoint).await.unwrap_err();
        assert!(error.message.contains(&format!("localhost:{dead}")), "{error}");
        // A dead name may stand beside hosts that are named.
        endpoint.addresses = vec![Address::Service("_other._tcp.taxi.test".to_owned()), tcp(live)];
        assert_eq!(answered(&endpoint).await, tcp(live));
        endpoint.addresses.pop();
        let error = open(&endpoint).await.unwrap_err();
        assert!(error.message.contains("_other._tcp.taxi.test: there is no such SRV record"), "{error}");
        assert!(error.hint.unwrap().contains("check the SRV name"));
    }

    async fn a_socket_is_an_address_too_and_needs_no_tls(pair: Pair) {
        let socket = Address::Socket(pair.source.socket().display().to_string());
        let mut endpoint = at(&pair, vec![socket.clone()]);
        endpoint.ssl.mode = db_taxi::model::connection::SslMode::VerifyIdentity;
        assert_eq!(answered(&endpoint).await, socket);
    }
}
