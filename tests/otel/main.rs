//! Traces as a collector gets them (feature `otel`): the real program, a real job, and a collector that
//! decodes the protobuf of OTLP/HTTP by its specification.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what went wrong by failing"
)]

/// What the integration tests stand on; here it has more than is needed.
#[path = "../integration"]
mod integration {
    #[expect(dead_code, unused_imports, reason = "of the integration tests")]
    pub mod support;
}

use integration::support;

mod collector;

use std::time::{Duration, Instant};

use collector::{Collector, Span};
use support::{Client, DbTaxi, Pair, wait_until};

const LIMIT: Duration = Duration::from_secs(120);

fn fill(pair: &Pair) {
    pair.source.sql(&format!(
        "USE `{}`; CREATE TABLE people (id INT PRIMARY KEY, secret VARCHAR(40)); \
         INSERT INTO people VALUES (1, 'canary-of-a-row'), (2, 'x'); \
         CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1);",
        pair.source_db()
    ));
}

fn named<'s>(spans: &'s [Span], name: &str) -> Vec<&'s Span> {
    spans.iter().filter(|span| span.name == name).collect()
}

both_flavours! {
    /// One span for the job, one within it for each table, one within that for each chunk; and no row.
    async fn a_job_is_a_trace_of_its_tables_and_their_chunks(pair: Pair) {
        fill(&pair);
        let collector = Collector::start(200);
        let taxi = DbTaxi::new(&pair).set(&format!("logging.otlp_endpoint={}", collector.endpoint()));
        taxi.import_tables(&pair, "[people, orders, {source_table: gone}]", "{}");
        taxi.run(&["run", "everything"]).expect_code(1);
        let spans = collector.spans();
        let jobs = named(&spans, "job");
        let [job] = jobs.as_slice() else { panic!("{spans:#?}") };
        assert_eq!(job.parent, "");
        assert_eq!(job.text("dbtaxi.config"), "everything");
        assert_eq!(job.text("dbtaxi.connection"), "source");
        assert_eq!(job.text("dbtaxi.job.state"), "completed_with_errors");
        assert_eq!(job.text("service.name"), "db-taxi");
        let tables = named(&spans, "table");
        let mut names: Vec<&str> = tables.iter().map(|t| t.text("dbtaxi.table.target")).collect();
        names.sort_unstable();
        assert_eq!(names, ["orders", "people"]);
        for table in &tables {
            assert_eq!((&table.trace, &table.parent), (&job.trace, &job.id));
            assert!(job.from <= table.from && table.to <= job.to, "{table:?} within {job:?}");
            assert!(!table.failed);
        }
        let people = tables.iter().find(|t| t.text("dbtaxi.table.target") == "people").unwrap();
        assert_eq!(people.text("dbtaxi.rows"), "2");
        let chunks: Vec<&Span> = spans.iter().filter(|s| s.name == "chunk" && s.parent == people.id).collect();
        let phases: Vec<&str> = chunks.iter().map(|chunk| chunk.text("dbtaxi.phase")).collect();
        assert!(phases.contains(&"copy") && phases.contains(&"verify"), "{phases:?}");
        assert!(chunks.iter().all(|chunk| people.from <= chunk.from && chunk.to <= people.to));
        assert!(!collector.holds("canary-of-a-row"), "a row was sent");
    }

    /// A collector that is away, or hangs, costs a run nothing but the last wait.
    async fn a_collector_that_is_away_or_hangs_holds_nothing_up(pair: Pair) {
        fill(&pair);
        let taxi = DbTaxi::new(&pair);
        taxi.import_tables(&pair, "[people, orders]", "{}");
        // The first binds and never reads.
        let hangs = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = hangs.local_addr().unwrap().port();
        for endpoint in [format!("http://127.0.0.1:{port}"), "http://127.0.0.1:1".to_owned()] {
            let set = format!("logging.otlp_endpoint={endpoint}");
            let began = Instant::now();
            taxi.run(&["--set", &set, "run", "everything"]).expect_code(0);
            assert!(began.elapsed() < Duration::from_secs(60), "{endpoint}");
        }
        pair.judge("people", "people").equal();
    }

    /// A request is a span of the caller's trace; one whose header is nonsense is a trace of its own.
    async fn requests_join_the_trace_of_their_caller(pair: Pair) {
        let collector = Collector::start(200);
        let taxi = DbTaxi::new(&pair).set(&format!("logging.otlp_endpoint={}", collector.endpoint()));
        let service = taxi.start(&["--headless", "--listen", "127.0.0.1:0"]);
        let client = Client::of(&service);
        wait_until(LIMIT, "the service", || client.get("/health/ready").status == 200);
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let mut told = Vec::new();
        for parent in [
            format!("00-{trace}-b7ad6b7169203331-01"),
            format!("ff-{trace}-b7ad6b7169203331-01"),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01".to_owned(),
            "nonsense".to_owned(),
        ] {
            let answer = client.ask("GET", "/api/sync/stats", &[&format!("traceparent: {parent}")], None);
            told.push(answer.expect(200).header("traceparent").unwrap());
        }
        let mut spans = Vec::new();
        wait_until(LIMIT, "the requests' spans", || {
            spans = collector.spans();
            named(&spans, "GET /api/sync/stats").len() == 4
        });
        let requests = named(&spans, "GET /api/sync/stats");
        let joined: Vec<&&Span> = requests.iter().filter(|span| span.trace == trace).collect();
        let [joined] = joined.as_slice() else { panic!("{requests:#?}") };
        assert_eq!(joined.parent, "b7ad6b7169203331");
        assert_eq!(joined.text("http.response.status_code"), "200");
        assert_eq!(joined.kind, 2, "a server");
        // What callers are told is what the collector got.
        for span in &requests {
            let own = format!("00-{}-{}-", span.trace, span.id);
            assert!(told.iter().any(|told| told.starts_with(&own)), "{own} in {told:?}");
        }
        drop(service);
    }
}
