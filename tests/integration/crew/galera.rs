//! The local server is a Galera cluster of three nodes, and each instance works on another node.
//!
//! Its nodes know nothing of each other's locks, and a transaction may be refused at COMMIT because
//! another node was first.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use db_taxi::model::ids::{InstanceId, JobId};
use db_taxi::store::leases::Resource;
use db_taxi::store::{Store, StoreOptions, keys::KeyRing};
use rustix::process::Signal;

use crate::crash::world::numbers;
use crate::support::servers::{Servers, skipped};
use crate::support::{DbTaxi, Flavour, Pair, Running, Server, wait_until};

const LIMIT: Duration = Duration::from_secs(120);
const TABLES: [&str; 4] = ["t0", "t1", "t2", "t3"];

struct Cluster {
    nodes: Vec<Server>,
    folder: tempfile::TempDir,
}

fn script(name: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg(format!("{}/scripts/{name}", env!("CARGO_MANIFEST_DIR")));
    command
}

impl Cluster {
    /// `None`, said loudly, where there is no Galera.
    fn start() -> Option<Self> {
        let servers = Servers::get()?;
        drop(Pair::shared(Flavour::Mariadb)?);
        let folder = tempfile::Builder::new().prefix("gal").tempdir().unwrap();
        let log = tempfile::tempfile().unwrap();
        // To a file, not a pipe: the servers keep what the script had open.
        let status = script("galera.sh")
            .arg("up")
            .arg(folder.path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap();
        if status.code() == Some(3) {
            skipped("no Galera cluster: scripts/galera.sh up says why");
            return None;
        }
        assert!(status.success(), "galera.sh: {status}");
        let nodes = (1..=3).map(|n| {
            let data = folder.path().join(format!("node{n}"));
            let port = std::fs::read_to_string(data.join("port")).unwrap();
            Server {
                flavour: Flavour::Mariadb,
                port: port.trim().parse().unwrap(),
                data,
                client: servers.program(Flavour::Mariadb, "CLIENT"),
            }
        });
        let nodes = nodes.collect();
        Some(Self { nodes, folder })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for n in 1..=3 {
            let data = self.folder.path().join(format!("node{n}"));
            let _ended = script("server.sh").arg("kill").arg(data).status();
        }
    }
}

/// Claims of one resource at the same moment on all nodes: one of them wins. Prepared within their
/// transactions, one claim in about fifty was rolled back by its node without a word, and believed.
async fn one_of_three_wins(cluster: &Cluster, pair: &Pair, taxi: &DbTaxi) {
    let mut stores = Vec::new();
    for node in &cluster.nodes {
        let options = StoreOptions {
            endpoint: node.endpoint(),
            database: pair.control_db(),
            max_open: 4,
            max_idle: 2,
            lease_ttl: Duration::from_secs(30),
            key: KeyRing::load(&taxi.path("secret.key")).unwrap(),
        };
        stores.push(Store::open(options).await.unwrap());
    }
    for round in 0..200 {
        let resource = Arc::new(Resource::Job(JobId::generate()));
        let claims: Vec<_> = stores
            .iter()
            .map(|store| {
                let (store, resource) = (store.clone(), Arc::clone(&resource));
                tokio::spawn(async move { store.claim(&resource, InstanceId::generate()).await })
            })
            .collect();
        let mut won = Vec::new();
        for claim in claims {
            // A claim that failed is none: it may have lost the race at COMMIT, again and again.
            won.extend(claim.await.unwrap().ok().flatten());
        }
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        let (lease, _) = &won[0];
        for store in &stores {
            assert_eq!(
                store.renew(std::slice::from_ref(lease)).await.unwrap(),
                [true]
            );
        }
    }
    for store in stores {
        store.close().await;
    }
}

fn queue_all(taxi: &DbTaxi) {
    for table in TABLES {
        taxi.run(&["-q", "jobs", "start", &format!("c{table}")]);
    }
}

fn is_idle(node: &Server, pair: &Pair) -> bool {
    let active = format!(
        "SELECT COUNT(*) FROM {}.sync_jobs WHERE active_config IS NOT NULL",
        pair.control_db()
    );
    node.sql(&active) == "0"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_on_three_nodes_of_a_cluster_share_the_work_and_one_node_may_die() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let source = Servers::get().unwrap().server(Flavour::Mariadb, "SOURCE");
    let pair = Pair::on(source, cluster.nodes[0].clone());
    let first = DbTaxi::unmigrated(&pair);
    let taxis: Vec<DbTaxi> = cluster
        .nodes
        .iter()
        .enumerate()
        .map(|(n, node)| {
            first
                .sibling()
                .set(&format!("database.port={}", node.port))
                .set(&format!("instance.name=on{n}"))
        })
        .collect();
    // All at once, each on its node: a lock that only one node knows would let several migrate.
    let migrations: Vec<Running> = taxis.iter().map(|taxi| taxi.start(&["migrate"])).collect();
    for migration in migrations {
        migration.wait(LIMIT).expect_code(0);
    }
    let mut mapping = format!(
        "version: 1\nconnections:\n- name: source\n  host: 127.0.0.1\n  port: {}\n  username: root\n  \
         database: {}\n  local_db_name: {}\nconfigs:\n",
        pair.source.port,
        pair.source_db(),
        pair.target_db()
    );
    for (n, table) in TABLES.into_iter().enumerate() {
        pair.source.sql(&format!(
            "USE {}; CREATE TABLE {table} (id INT PRIMARY KEY, v INT, note VARCHAR(80), KEY (v)); \
             INSERT INTO {table} SELECT n, n % 7, REPEAT('x', n % 60) FROM {}",
            pair.source_db(),
            numbers(3_000)
        ));
        let how = ["swap", "in_place"][n % 2];
        mapping += &format!(
            "- name: c{table}\n  connection: source\n  tables: [{table}]\n  \
             options: {{max_concurrency: 2, full_strategy: {how}}}\n"
        );
    }
    first.import(&mapping);
    one_of_three_wins(&cluster, &pair, &first).await;

    let services: Vec<Running> = taxis
        .iter()
        .map(|taxi| taxi.start(&["--headless", "--listen", "127.0.0.1:0"]))
        .collect();
    for service in &services {
        service.wait_to_say(LIMIT, &["job engine started"]);
    }
    let change = TABLES.map(|table| {
        format!(
            "UPDATE {0}.{table} SET v = v + 1 WHERE id % 2 = 0;",
            pair.source_db()
        )
    });
    let change = change.concat();
    for _ in 0..2 {
        queue_all(&first);
        wait_until(LIMIT, "jobs to end", || is_idle(&cluster.nodes[1], &pair));
        pair.source.sql(&change);
    }
    // A node dies under its instance; what that one holds goes to the others.
    queue_all(&first);
    let status = script("server.sh")
        .arg("kill")
        .arg(&cluster.nodes[2].data)
        .status()
        .unwrap();
    assert!(status.success());
    wait_until(LIMIT, "the others to go on", || {
        let ready = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'wsrep_ready'";
        cluster.nodes[0].try_sql(ready).is_ok_and(|on| on == "ON")
    });
    wait_until(LIMIT, "jobs to end without a node", || {
        is_idle(&cluster.nodes[1], &pair)
    });
    queue_all(&first);
    wait_until(LIMIT, "the last jobs to end", || {
        is_idle(&cluster.nodes[0], &pair)
    });
    let bad = pair.local.sql(&format!(
        "SELECT config_name, state, error FROM {0}.sync_jobs j WHERE state <> 'completed' AND created_at = \
         (SELECT MAX(created_at) FROM {0}.sync_jobs n WHERE n.config_id = j.config_id)",
        pair.control_db()
    ));
    assert_eq!(bad, "");
    for table in TABLES {
        pair.judge(table, table).equal();
        let hashed = format!(
            "SET SESSION wsrep_sync_wait = 1; SELECT COUNT(*), SUM(CRC32(CONCAT_WS('#', id, v, note))) FROM {}.{table}",
            pair.target_db()
        );
        assert_eq!(
            cluster.nodes[0].sql(&hashed),
            cluster.nodes[1].sql(&hashed),
            "{table}"
        );
    }
    for service in services {
        service.signal(Signal::TERM);
        service.wait(LIMIT);
    }
}
