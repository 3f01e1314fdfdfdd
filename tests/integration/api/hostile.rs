//! A walk over all operations of the document with valid, invalid and hostile input: no answer is a
//! fault of the program, and none is one that the document does not know.
//!
//! Of some 7,000 requests each flavour sends every sixth, each another one; all of them with
//! `DB_TAXI_HOSTILE=all`.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Map, Value, json};

use super::document::{Document, Op};
use super::{LIMIT, connection, service};
use crate::both_flavours;
use crate::support::http::Reply;
use crate::support::{Client, DbTaxi, Flavour, Pair, wait_until};

/// Texts that have broken programs before.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\u{0}",
    "a\u{0}b",
    "\r\nX-Injected: 1",
    "\u{202e}\u{feff}\u{1f4a9}",
    "' OR 1=1 -- ",
    "`; DROP DATABASE x; --",
    "${env:HOME}",
    "${file:/etc/passwd}",
    "${",
    "../../etc/passwd",
    "%s%n",
    "*",
    "true",
    "null",
    "-1",
    "1e999",
    "99999999999999999999w",
    "9223372036854775807ms",
    "0s",
    "\u{d7ff}\u{10ffff}",
    "{\"a\": 1}",
    "[]",
];

/// What is put in the place of a field.
fn values() -> Vec<Value> {
    let mut values: Vec<Value> = TEXTS.iter().map(|text| json!(text)).collect();
    values.extend([
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!([]),
        json!({}),
        json!([[]]),
        json!([null]),
        json!({"": {}}),
        json!("x".repeat(70_000)),
        json!(["x", "x"]),
        nested(100),
    ]);
    values
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// Bodies that are no object of ours, whatever is asked for.
fn bodies() -> Vec<Vec<u8>> {
    let deep = 5_000;
    let mut bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{}",
        "{\"a\":}",
        "{\"name\":1e400}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "\u{feff}{}",
        "{\"__proto__\":{}}",
        "NaN",
        "{'a':1}",
        "{}{}",
        "{\"a\":1,}",
        "&a [*a]",
        "a: &a [*a, *a]",
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><x>&e;</x>",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push("[".repeat(deep).into_bytes());
    bodies.push(format!("{}1{}", "[".repeat(deep), "]".repeat(deep)).into_bytes());
    bodies.push(format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)).into_bytes());
    bodies.push(b"{\"name\":\"\xff\xfe\"}".to_vec());
    bodies.push(b"\x00\x01\x02".to_vec());
    bodies.push(format!("{{\"port\": {}}}", "9".repeat(10_000)).into_bytes());
    bodies
}

/// An alias that stands for two of the one before, thirty times.
fn laughs() -> String {
    let mut text = "a0: &a0 x\n".to_owned();
    for n in 1..30 {
        text += &format!("a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1);
    }
    text
}

/// What the walk works on.
struct Walk {
    doc: Document,
    /// An id for each path that has one.
    connection: String,
    config: String,
    job: String,
    made: u32,
    /// Of so many requests one is sent.
    share: usize,
    turn: usize,
}

impl Walk {
    fn id_for(&self, op: &Op) -> &str {
        match op.path.split('/').nth(3) {
            Some("connections") => &self.connection,
            Some("configs") => &self.config,
            _ => &self.job,
        }
    }

    /// Whether it is the turn of one of the many.
    fn due(&mut self) -> bool {
        self.turn += 1;
        self.turn.is_multiple_of(self.share)
    }

    fn path(&self, op: &Op) -> String {
        op.at(self.id_for(op))
    }

    fn ask(&mut self, op: &Op, path: &str, headers: &[&str], body: Option<&[u8]>) -> Reply {
        self.doc.ask(op, path, headers, body)
    }

    /// The example of an operation's body, with what it refers to put in.
    fn example(&mut self, op: &Op) -> Option<Value> {
        let body = self
            .doc
            .resolved(&op.doc["requestBody"]["content"]["application/json"]["schema"]);
        let mut example = body["examples"][0].clone();
        if example.is_null() {
            return None;
        }
        self.made += 1;
        let fresh = format!("made {}", self.made);
        match op.id.as_str() {
            "create_connection" => example["name"] = json!(fresh),
            // What it works on stays what it is.
            "replace_connection" => {
                let at = format!("/api/sync/connections/{}", self.connection);
                example = self.doc.client.get(&at).expect(200).json();
            }
            // Nothing is waited for: nobody listens there.
            "test_unsaved_connection" => {
                example["host"] = json!("127.0.0.1");
                example["port"] = json!(1);
                example["connect_timeout"] = json!("1s");
            }
            "create_config" | "replace_config" => {
                example["connection_id"] = json!(self.connection);
                let table = format!("t{}", self.made);
                example["tables"] = json!([{"source_table": table}]);
                if op.id == "create_config" {
                    example["name"] = json!(fresh);
                }
            }
            "start_job" => example = json!({"config_id": self.config, "kind": "verify"}),
            "plan_config" | "undo_job" => example = json!({"tables": []}),
            _ => {}
        }
        Some(example)
    }

    /// Every field of the example and every one that the schema has beside it, with each value.
    fn fields(&mut self, op: &Op) -> Vec<Value> {
        let Some(example) = self.example(op) else {
            return Vec::new();
        };
        let schema = op.doc["requestBody"]["content"]["application/json"]["schema"].clone();
        let schema = self.doc.resolved(&schema).clone();
        let mut bodies = Vec::new();
        let stored = (op.id == "replace_connection").then(|| example.clone());
        let names: Vec<String> = schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .cloned()
            .collect();
        for name in names {
            // Where a test would go out and ask name servers.
            let is_address =
                op.id == "test_unsaved_connection" && (name == "host" || name == "socket");
            let inner = self
                .doc
                .resolved(&schema["properties"][name.as_str()])
                .clone();
            for value in values() {
                if is_address && value.as_str().is_some_and(|text| !text.trim().is_empty()) {
                    continue;
                }
                let mut body = stored
                    .clone()
                    .or_else(|| self.example(op))
                    .unwrap_or_default();
                body[name.as_str()] = value;
                bodies.push(body);
            }
            // One floor down, a few values for each field.
            for below in inner["properties"]
                .as_object()
                .into_iter()
                .flat_map(Map::keys)
            {
                for value in [
                    json!("\u{0}"),
                    json!("99999999999999999999w"),
                    json!(-1),
                    json!({}),
                    json!(u64::MAX),
                    json!("x"),
                ] {
                    let mut body = stored
                        .clone()
                        .or_else(|| self.example(op))
                        .unwrap_or_default();
                    body[name.as_str()] = json!({ below.as_str(): value });
                    bodies.push(body);
                }
            }
        }
        for name in example.as_object().into_iter().flat_map(Map::keys) {
            let mut body = self.example(op).unwrap_or_default();
            body.as_object_mut().unwrap().remove(name);
            bodies.push(body);
        }
        let mut more = example.clone();
        more["unknown"] = json!(1);
        bodies.push(more);
        bodies
    }

    fn rules(&mut self) -> Vec<Value> {
        let rule =
            self.doc.schemas.0["components"]["schemas"]["TableRuleFields"]["properties"].clone();
        let mut bodies = Vec::new();
        for name in rule.as_object().unwrap().keys() {
            for value in [
                json!("\u{0}"),
                json!("x"),
                json!(" "),
                json!(-1),
                json!({}),
                json!([]),
                json!(u64::MAX),
                json!(["x", "x"]),
                json!({"a": {"method": "hash", "length": 1e9}}),
                json!("x".repeat(70_000)),
                json!("99999999999999999999w"),
                json!("* * * * *"),
                json!(true),
            ] {
                self.made += 1;
                let mut rule = json!({"source_table": format!("r{}", self.made)});
                rule[name.as_str()] = value;
                bodies.push(json!({"name": format!("rule {}", self.made), "connection_id": self.connection, "tables": [rule]}));
            }
        }
        bodies
    }
}

/// What is sent in the place of an id or of a parameter's value, as it is on the wire.
const RAW: &[&str] = &[
    "x",
    "%00",
    "%ff",
    "%c0%af",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "%F0%9F%92%A9",
    "%",
    "%zz",
    "-1",
    "0",
    "1e9",
    "99999999999999999999",
    "18446744073709551615",
    "NaN",
    "true",
    "null",
    "%27%20OR%201%3D1--",
    "%0d%0aX:1",
    "{id}",
    "*",
    "00000000-0000-0000-0000-000000000000",
    "9999-12-31T23:59:59-23:59",
    "0000-01-01T00:00:00Z",
    "last:all",
    "+",
    "a+b",
];

/// See above.
fn share() -> usize {
    if std::env::var_os("DB_TAXI_HOSTILE").is_some() {
        1
    } else {
        6
    }
}

fn expect_alive(client: &Client) {
    assert_eq!(client.get("/health").expect(200).json()["status"], "ok");
}

both_flavours! {
    async fn no_input_makes_an_answer_that_is_not_documented(pair: Pair) {
        pair.source.sql(&format!("CREATE TABLE {} (id INT PRIMARY KEY)", pair.source_table("t")));
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let id = |reply: Reply| reply.json()["id"].as_str().unwrap().to_owned();
        let mut stored = connection(&pair);
        stored["name"] = json!("stored");
        let source = id(client.post("/api/sync/connections", &stored).expect(201));
        let config = json!({"name": "all", "connection_id": source, "tables": ["t"]});
        let config = id(client.post("/api/sync/configs", &config).expect(201));
        let job = id(client.post("/api/sync/jobs", &json!({"config_id": config})).expect(202));
        let at = format!("/api/sync/jobs/{job}");
        wait_until(LIMIT, "the end of the job", || client.get(&at).json()["state"] == "completed");
        let mut walk = Walk { doc: Document::of(&client), connection: source, config, job, made: 0, share: share(), turn: usize::from(pair.flavour == Flavour::Mysql) * 3 };
        let ops = walk.doc.ops.clone();

        // Before a source is stored that nobody reaches.
        let check = walk.doc.op("check_mapping");
        walk.ask(&check, &check.path, &[], None).expect(200);

        // What is valid succeeds, or is refused for the state of things.
        for op in ops.iter().filter(|op| op.method != "DELETE") {
            let path = walk.path(op);
            let body = walk.example(op).map(|body| body.to_string());
            let reply = walk.ask(op, &path, &[], body.as_deref().map(str::as_bytes));
            assert!(matches!(reply.status, 200..=299 | 409 | 422), "{} {path}: {reply:?}", op.method);
        }
        wait_until(LIMIT, "jobs to end", || client.get("/api/sync/jobs?state=pending").json()["items"] == json!([])
            && client.get("/api/sync/jobs?state=running").json()["items"] == json!([]));

        for op in &ops {
            // Paths. Nothing that is there is removed by them.
            for raw in RAW.iter().copied().chain([&*"x".repeat(4_000), ""]) {
                if op.path.contains("{id}") && walk.due() && !(raw.is_empty() && op.path.ends_with("{id}")) {
                    let reply = walk.ask(op, &op.at(raw), &[], op.doc["requestBody"].is_object().then_some(b"{}"));
                    assert!(reply.status >= 400, "{} {}: {reply:?}", op.method, op.at(raw));
                }
            }
            if op.path.starts_with("/health") {
                continue;
            }
            // Queries.
            let path = walk.path(op);
            let mut names: Vec<String> = vec!["unknown".to_owned()];
            for parameter in op.doc["parameters"].as_array().into_iter().flatten() {
                let parameter = walk.doc.resolved(parameter);
                if parameter["in"] == "query" {
                    names.push(parameter["name"].as_str().unwrap().to_owned());
                }
            }
            if op.method == "GET" {
                for name in &names {
                    for raw in RAW.iter().copied().chain(["", &*"x".repeat(4_000)]) {
                        if walk.due() {
                            walk.ask(op, &format!("{path}?{name}={raw}"), &[], None);
                        }
                    }
                    walk.ask(op, &format!("{path}?{name}=1&{name}=2"), &[], None);
                }
                for query in ["?", "?&&", "?=", "?%00=%00", "?%ff", "?a[]=1"] {
                    walk.ask(op, &format!("{path}{query}"), &[], None);
                }
            } else if op.method != "DELETE" {
                let reply = walk.ask(op, &format!("{path}?unknown=1"), &[], Some(b"{}"));
                assert_eq!(reply.status, 400, "{} {path}: {reply:?}", op.method);
            }
            // Conditions.
            for tag in ["\"0\"", "W/\"1\"", "x", "\"99999999999999999999\"", "\"\u{e9}\"", ""] {
                if op.doc["parameters"].to_string().contains("If-Match") {
                    let reply = walk.ask(op, &path, &[&format!("If-Match: {tag}")], Some(b"{}"));
                    assert!(reply.status >= 400, "{tag}: {reply:?}");
                }
            }
            // Bodies.
            if op.doc["requestBody"].is_null() {
                if op.method == "POST" {
                    assert_eq!(walk.ask(op, &path, &[], Some(b"{\"a\": 1}")).status, 400, "{path}");
                    assert_eq!(walk.ask(op, &path, &[], Some(&[b'x'; 5_000])).status, 413, "{path}");
                }
                continue;
            }
            for body in bodies().iter().filter(|_| walk.due()).cloned().collect::<Vec<_>>() {
                walk.ask(op, &path, &[], Some(&body));
            }
            for kind in ["", "text/plain", "application/x-www-form-urlencoded", "application/json/x", "\u{e9}", "multipart/form-data; boundary=x"] {
                let reply = walk.ask(op, &path, &[&format!("Content-Type: {kind}")], Some(b"{\"a\": 1}"));
                assert_eq!(reply.status, 415, "{kind}: {reply:?}");
            }
            let reply = walk.ask(op, &path, &[], Some(&vec![b' '; (16 << 20) + 1]));
            assert_eq!(reply.status, 413, "{} {path}: {reply:?}", op.method);
            for body in walk.fields(op) {
                if walk.due() {
                    walk.ask(op, &path, &[], Some(body.to_string().as_bytes()));
                }
            }
        }
        let create = walk.doc.op("create_config");
        for body in walk.rules() {
            if walk.due() {
                walk.ask(&create, &create.path, &[], Some(body.to_string().as_bytes()));
            }
        }
        let import = walk.doc.op("import_mapping");
        for text in [laughs(), "version: 1\nversion: 1".to_owned(), "a: b: c".to_owned(), "!!python/object:os.system x".to_owned(), "- ".repeat(20_000), "{".repeat(20_000)] {
            let reply = walk.ask(&import, &import.path, &["Content-Type: application/yaml"], Some(text.as_bytes()));
            assert!(matches!(reply.status, 400 | 422), "{reply:?}");
        }
        let start = walk.doc.op("start_job");
        for key in ["", "\u{e9}", &"k".repeat(300)] {
            let body = json!({"config_id": walk.config}).to_string();
            walk.ask(&start, &start.path, &[&format!("Idempotency-Key: {key}")], Some(body.as_bytes()));
        }
        walk.doc.expect_agreement();
        expect_alive(&client);

        // What was stored on the way reads back, and can be put back as it was given.
        for kind in ["connection", "config"] {
            let show = walk.doc.op(&format!("get_{kind}"));
            let replace = walk.doc.op(&format!("replace_{kind}"));
            let list = client.get(&format!("/api/sync/{kind}s?limit=500")).expect(200).json();
            let items = list["items"].as_array().unwrap();
            assert!(items.len() > 5, "only {} were stored", items.len());
            for item in items {
                let path = show.at(item["id"].as_str().unwrap());
                let shown = walk.ask(&show, &path, &[], None).expect(200);
                let tag = format!("If-Match: {}", shown.header("etag").unwrap());
                walk.ask(&replace, &path, &[&tag], Some(shown.body.as_bytes())).expect(200);
                let again = walk.ask(&show, &path, &[], None).expect(200).json();
                let (mut before, mut after) = (shown.json(), again);
                for side in [&mut before, &mut after] {
                    side["updated_at"] = Value::Null;
                }
                assert_eq!(before, after);
            }
        }
        walk.doc.expect_agreement();
        for op in &ops {
            let seen = &walk.doc.seen[&op.id];
            assert!(seen.iter().any(|status| *status < 300) || op.method == "DELETE" || op.id == "undo_job"
                || matches!(op.id.as_str(), "stop_job" | "pause_job" | "resume_job" | "retry_job" | "change_job"),
                "{} never succeeded: {seen:?}", op.id);
        }
    }

    /// The router and the document know the same operations.
    async fn what_the_document_does_not_name_is_no_route(pair: Pair) {
        let taxi = DbTaxi::new(&pair);
        let (_service, client) = service(&taxi);
        let doc = Document::of(&client);
        let id = "00000000-0000-0000-0000-000000000000";
        for op in &doc.ops {
            let methods: Vec<&str> = doc.ops.iter().filter(|o| o.path == op.path).map(|o| o.method.as_str()).collect();
            let path = op.at(id);
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "x"] {
                if methods.contains(&method) {
                    continue;
                }
                let reply = client.ask(method, &path, &[], Some("{}"));
                // A longer path of another operation may fit with a word for the id.
                assert_eq!((reply.status, reply.code().as_str()), (405, "method_not_allowed"), "{method} {path}");
                let allowed = reply.header("allow").unwrap_or_default();
                for method in &methods {
                    assert!(allowed.contains(method), "{path}: {allowed}");
                }
            }
            if methods.contains(&"GET") && !op.is_stream() {
                let head = client.ask("HEAD", &path, &[], None);
                assert!(head.status != 405 && head.body.is_empty(), "{path}: {head:?}");
            }
            for wrong in [format!("{path}/"), format!("{path}/x/y"), format!("/{path}"), path.to_uppercase()] {
                let reply = client.get(&wrong);
                assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{wrong}");
            }
        }
        // What is no HTTP has no JSON, and harms nobody.
        for raw in ["\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\u{0}b\r\n\r\n",
            "GET /\u{0} HTTP/1.1\r\nHost: localhost\r\n\r\n", "POST /api/sync/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            "POST /api/sync/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
            "POST /api/sync/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n"] {
            let mut stream = TcpStream::connect(("127.0.0.1", client.port)).unwrap();
            stream.write_all(raw.as_bytes()).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let reply = Reply::of(&answer);
            assert!(matches!(reply.status, 0 | 400..=499), "{raw:?}: {reply:?}");
        }
        expect_alive(&client);
    }
}
