//! A service held to its own OpenAPI document.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::Value;

use crate::support::http::{Client, Reply};
use crate::support::schema::Schemas;

/// One operation of the document.
#[derive(Debug, Clone)]
pub struct Op {
    pub id: String,
    pub method: String,
    pub path: String,
    pub doc: Value,
}

impl Op {
    /// Its path with an id in it.
    pub fn at(&self, id: &str) -> String {
        self.path.replace("{id}", id)
    }

    /// Whether it answers with a stream that does not end by itself.
    pub fn is_stream(&self) -> bool {
        self.doc["responses"]["200"]["content"]["text/event-stream"].is_object()
    }
}

/// The document that a service gives, and how its answers agreed with it.
pub struct Document {
    pub client: Client,
    pub schemas: Schemas,
    pub ops: Vec<Op>,
    /// Statuses that each operation answered with.
    pub seen: BTreeMap<String, BTreeSet<u16>>,
    /// Answers that the document does not allow.
    pub faults: Vec<String>,
    pub asked: usize,
}

impl Document {
    pub fn of(client: &Client) -> Self {
        let document = client.get("/openapi.json").expect(200).json();
        let mut ops = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for (method, doc) in methods.as_object().unwrap() {
                ops.push(Op {
                    id: doc["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase(),
                    path: path.clone(),
                    doc: doc.clone(),
                });
            }
        }
        Self {
            client: client.clone(),
            schemas: Schemas(document),
            ops,
            seen: BTreeMap::new(),
            faults: Vec::new(),
            asked: 0,
        }
    }

    pub fn op(&self, id: &str) -> Op {
        let found = self.ops.iter().find(|op| op.id == id);
        found.unwrap_or_else(|| panic!("no operation {id}")).clone()
    }

    /// What a `$ref` leads to, or the value itself.
    pub fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => {
                let found = self.schemas.0.pointer(reference.trim_start_matches('#'));
                self.resolved(found.unwrap())
            }
            None => value,
        }
    }

    /// Asks, and holds the answer to the document.
    pub fn ask(&mut self, op: &Op, path: &str, headers: &[&str], body: Option<&[u8]>) -> Reply {
        let began = Instant::now();
        let reply = if op.is_stream() {
            self.client.open(path, headers)
        } else {
            self.client.send(&op.method, path, headers, body)
        };
        self.asked += 1;
        self.seen
            .entry(op.id.clone())
            .or_default()
            .insert(reply.status);
        if let Some(fault) = self.fault(op, &reply) {
            let shown: String = String::from_utf8_lossy(body.unwrap_or_default())
                .chars()
                .take(300)
                .collect();
            let path: String = path.chars().take(200).collect();
            let size = body.unwrap_or_default().len();
            self.faults.push(format!(
                "{} {path} {headers:?} {size} bytes: {shown}\n  -> after {:?}: {fault}",
                op.method,
                began.elapsed()
            ));
        }
        reply
    }

    fn fault(&self, op: &Op, reply: &Reply) -> Option<String> {
        let body: String = reply.body.chars().take(400).collect();
        if reply.status == 500 || reply.status == 0 {
            return Some(format!("{}: {body}", reply.status));
        }
        let answer = &op.doc["responses"][reply.status.to_string().as_str()];
        if answer.is_null() {
            return Some(format!(
                "the status {} is not documented: {body}",
                reply.status
            ));
        }
        let answer = self.resolved(answer);
        for name in answer["headers"]
            .as_object()
            .into_iter()
            .flat_map(|all| all.keys())
        {
            if reply.header(name).is_none() {
                return Some(format!("{} has no {name}", reply.status));
            }
        }
        let Value::Object(content) = &answer["content"] else {
            let empty = reply.body.is_empty();
            return (!empty).then(|| format!("{} has a body: {body}", reply.status));
        };
        let kind = reply.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default();
        let Some(content) = content.get(kind) else {
            return Some(format!(
                "{} is {kind:?}, which is not documented",
                reply.status
            ));
        };
        let value = if kind == "application/json" {
            match serde_json::from_str(&reply.body) {
                Ok(value) => value,
                Err(error) => {
                    return Some(format!("{} is not JSON: {error}: {body}", reply.status));
                }
            }
        } else if kind == "application/yaml" {
            match serde_yaml::from_str(&reply.body) {
                Ok(value) => value,
                Err(error) => {
                    return Some(format!("{} is not YAML: {error}: {body}", reply.status));
                }
            }
        } else {
            Value::from(reply.body.as_str())
        };
        let faults = self.schemas.faults(&content["schema"], &value);
        (!faults.is_empty()).then(|| format!("{}: {}", reply.status, faults.join("; ")))
    }

    /// Fails with every answer that the document does not allow.
    #[track_caller]
    pub fn expect_agreement(&self) {
        let shown: Vec<&str> = self.faults.iter().take(25).map(String::as_str).collect();
        assert!(
            self.faults.is_empty(),
            "{} of {} answers are not documented:\n{}",
            self.faults.len(),
            self.asked,
            shown.join("\n")
        );
    }
}
