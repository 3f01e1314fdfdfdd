//! A plain HTTP client: what curl sends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::process::{Running, wait_until};

/// A service that says nothing for so long is none.
const LIMIT: Duration = Duration::from_secs(120);

/// A caller of one service.
#[derive(Debug, Clone)]
pub struct Client {
    pub port: u16,
    pub token: Option<String>,
    /// Where it calls from.
    from: Option<[u8; 4]>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: String,
    pub body: String,
}

impl Client {
    pub fn new(port: u16) -> Self {
        Self {
            port,
            token: None,
            from: None,
        }
    }

    /// A client of a service that listens, as soon as it says where.
    pub fn of(service: &Running) -> Self {
        let mut port = 0;
        wait_until(LIMIT, "the port", || {
            let said = service.stderr();
            let address = said.split("listening on http").nth(1);
            port = address
                .and_then(|text| text.split([' ', '"', '\n']).next())
                .and_then(|address| address.rsplit(':').next())
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0);
            port != 0
        });
        Self::new(port)
    }

    /// The same from another address of this machine.
    pub fn from(&self, address: [u8; 4]) -> Self {
        Self {
            from: Some(address),
            ..self.clone()
        }
    }

    fn connect(&self) -> TcpStream {
        let Some(from) = self.from else {
            return TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        };
        let port = self.port;
        // The standard library can't say where a connection comes from.
        let connecting = std::thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(async move {
                let socket = tokio::net::TcpSocket::new_v4().unwrap();
                socket.bind((from, 0).into()).unwrap();
                let stream = socket.connect(([127, 0, 0, 1], port).into()).await;
                stream.unwrap().into_std().unwrap()
            })
        });
        let stream = connecting.join().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream
    }

    pub fn with(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.ask("POST", path, &[], Some(&body.to_string()))
    }

    /// One request; `headers` as they are on the wire.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: Option<&str>) -> Reply {
        self.send(method, path, headers, body.map(str::as_bytes))
    }

    /// The same with a body of any bytes.
    pub fn send(&self, method: &str, path: &str, headers: &[&str], body: Option<&[u8]>) -> Reply {
        let mut stream = self.begin(method, path, headers, body);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Reply::of(&answer)
    }

    /// A request whose answer goes on: its head, and what came with it.
    pub fn open(&self, path: &str, headers: &[&str]) -> Reply {
        let mut stream = self.begin("GET", path, headers, None);
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        let is_whole = |answer: &[u8]| {
            let text = String::from_utf8_lossy(answer);
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                return false;
            };
            // An error is short and ends the connection.
            head.contains("text/event-stream") || body.ends_with('}')
        };
        while !is_whole(&answer) {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend(&buffer[..count]),
            }
        }
        Reply::of(&answer)
    }

    /// A connection on which a request was sent.
    pub fn begin(
        &self,
        method: &str,
        path: &str,
        headers: &[&str],
        body: Option<&[u8]>,
    ) -> TcpStream {
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        let has = |name: &str| headers.iter().any(|h| h.to_lowercase().starts_with(name));
        if !has("host:") {
            text += &format!("Host: localhost:{}\r\n", self.port);
        }
        if let Some(token) = &self.token {
            text += &format!("Authorization: Bearer {token}\r\n");
        }
        for header in headers {
            text += &format!("{header}\r\n");
        }
        if let Some(body) = body {
            if !has("content-type:") {
                text += "Content-Type: application/json\r\n";
            }
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        let mut stream = self.connect();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        if let Some(body) = body {
            // A service that refuses a body may close before it has it all.
            let _ = stream.write_all(body);
        }
        stream
    }
}

impl Reply {
    /// What was read of a connection.
    pub fn of(answer: &[u8]) -> Self {
        let answer = String::from_utf8_lossy(answer).into_owned();
        let (headers, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Self {
            status: headers
                .split(' ')
                .nth(1)
                .and_then(|s| s.parse().ok())
                .unwrap_or(0),
            headers: headers.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The code of an error body.
    pub fn code(&self) -> String {
        self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}
