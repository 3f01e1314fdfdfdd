//! A collector: takes OTLP over HTTP, and decodes protobuf by hand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A span as it was sent.
#[derive(Debug, Clone)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty for the first of a trace.
    pub parent: String,
    pub kind: u64,
    pub from: u64,
    pub to: u64,
    pub failed: bool,
    /// Its own and those of its process.
    attributes: BTreeMap<String, String>,
}

impl Span {
    /// An attribute as text.
    pub fn text(&self, name: &str) -> &str {
        let found = self.attributes.get(name);
        found.unwrap_or_else(|| panic!("{} has no {name}: {self:#?}", self.name))
    }
}

/// Listens until the test ends.
pub struct Collector {
    port: u16,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    /// A collector that answers each request with this status.
    pub fn start(status: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let into = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = Arc::clone(&into);
                std::thread::spawn(move || serve(stream, status, &into));
            }
        });
        Self { port, bodies }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Whether a text was sent, anywhere.
    pub fn holds(&self, text: &str) -> bool {
        let bodies = self.bodies.lock().unwrap();
        let text = text.as_bytes();
        bodies
            .iter()
            .any(|body| body.windows(text.len()).any(|part| part == text))
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap();
        bodies.iter().flat_map(|body| spans_of(body)).collect()
    }
}

fn serve(stream: TcpStream, status: u16, into: &Mutex<Vec<Vec<u8>>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_lowercase());
        }
        assert!(head[0].starts_with("post /v1/traces "), "{head:?}");
        let is_proto = |line: &String| line == "content-type: application/x-protobuf";
        assert!(head.iter().any(is_proto), "{head:?}");
        let length = head
            .iter()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        into.lock().unwrap().push(body);
        let answer = format!("HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// A field of a protobuf message.
enum Field<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

impl<'b> Field<'b> {
    fn bytes(&self) -> &'b [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) => panic!("a number where bytes were expected"),
        }
    }

    fn number(&self) -> u64 {
        match self {
            Self::Number(n) => *n,
            Self::Bytes(_) => panic!("bytes where a number was expected"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap()
    }

    fn hex(&self) -> String {
        self.bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number without an end");
}

fn take<'b>(bytes: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, rest) = bytes.split_at(length);
    *bytes = rest;
    taken
}

/// The fields of a message: number and value.
fn message(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let value = match tag & 7 {
            0 => Field::Number(varint(&mut bytes)),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8).try_into().unwrap())),
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                Field::Bytes(take(&mut bytes, length))
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut bytes, 4).try_into().unwrap()).into()),
            other => panic!("wire type {other}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn all<'b>(fields: &[(u64, Field<'b>)], number: u64) -> Vec<&'b [u8]> {
    let wanted = fields.iter().filter(|(at, _)| *at == number);
    wanted.map(|(_, value)| value.bytes()).collect()
}

/// `KeyValue`: key 1, value 2, which is text 1, flag 2, integer 3 or float 4.
fn attributes(of: &[&[u8]]) -> BTreeMap<String, String> {
    of.iter()
        .map(|pair| {
            let pair = message(pair);
            let key = pair.iter().find(|(at, _)| *at == 1).unwrap().1.text();
            let value = all(&pair, 2);
            let shown = match message(value[0]).first() {
                Some((1, text)) => text.text(),
                Some((2, flag)) => (flag.number() == 1).to_string(),
                Some((3, n)) => n.number().to_string(),
                Some((4, n)) => f64::from_bits(n.number()).to_string(),
                _ => String::new(),
            };
            (key, shown)
        })
        .collect()
}

/// `ExportTraceServiceRequest`: resource spans 1, in them resource 1 (attributes 1) and scope spans 2, in
/// them spans 2.
fn spans_of(body: &[u8]) -> Vec<Span> {
    let mut spans = Vec::new();
    for resource_spans in all(&message(body), 1) {
        let resource_spans = message(resource_spans);
        let mut process = BTreeMap::new();
        for resource in all(&resource_spans, 1) {
            process.extend(attributes(&all(&message(resource), 1)));
        }
        for scope in all(&resource_spans, 2) {
            for span in all(&message(scope), 2) {
                spans.push(span_of(span, &process));
            }
        }
    }
    spans
}

/// `Span`: trace 1, id 2, parent 4, name 5, kind 6, start 7, end 8, attributes 9, status 15 (code 3).
fn span_of(bytes: &[u8], process: &BTreeMap<String, String>) -> Span {
    let fields = message(bytes);
    let one = |number| {
        fields
            .iter()
            .find(|(at, _)| *at == number)
            .map(|(_, value)| value)
    };
    let mut held = process.clone();
    held.extend(attributes(&all(&fields, 9)));
    let failed = all(&fields, 15).iter().any(|status| {
        message(status)
            .iter()
            .any(|(at, code)| *at == 3 && code.number() == 2)
    });
    Span {
        name: one(5).unwrap().text(),
        trace: one(1).unwrap().hex(),
        id: one(2).unwrap().hex(),
        parent: one(4).map(Field::hex).unwrap_or_default(),
        kind: one(6).map_or(0, Field::number),
        from: one(7).unwrap().number(),
        to: one(8).unwrap().number(),
        failed,
        attributes: held,
    }
}
