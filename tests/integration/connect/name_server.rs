//! A name server that knows one SRV name.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// `(priority, weight, port)` of `localhost`.
pub type Records = Vec<(u16, u16, u16)>;

/// A name server on loopback; ends with the process.
pub struct NameServer {
    /// Where it is.
    pub address: SocketAddr,
    records: Arc<Mutex<Records>>,
}

impl NameServer {
    /// Answers every question about `name` with the records, and others with "no such name".
    pub fn start(name: &'static str, records: Records) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let records = Arc::new(Mutex::new(records));
        let known = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut packet = [0_u8; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let records = known.lock().unwrap().clone();
                let answer = answer(&packet[..length], name, &records);
                if socket.send_to(&answer, from).is_err() {
                    return;
                }
            }
        });
        Self { address, records }
    }

    /// Changes what it answers.
    pub fn now_answers(&self, records: Records) {
        *self.records.lock().unwrap() = records;
    }
}

/// RFC 1035: header, the question as it came, answers.
fn answer(query: &[u8], name: &str, records: &Records) -> Vec<u8> {
    let encoded = |name: &str| {
        let mut out = Vec::new();
        for label in name.split('.') {
            out.push(u8::try_from(label.len()).unwrap());
            out.extend_from_slice(label.as_bytes());
        }
        out.push(0);
        out
    };
    let end = 12 + query[12..].iter().position(|&b| b == 0).unwrap() + 1;
    let question = &query[12..end + 4];
    let known = query[12..end].eq_ignore_ascii_case(&encoded(name));
    let answers = if known { records.as_slice() } else { &[] };
    let mut out = query[..2].to_vec();
    // A response, recursion available; 3 is "no such name".
    out.extend([0x81, if known { 0x80 } else { 0x83 }]);
    out.extend([0, 1]);
    out.extend(u16::try_from(answers.len()).unwrap().to_be_bytes());
    out.extend([0, 0, 0, 0]);
    out.extend_from_slice(question);
    for (priority, weight, port) in answers {
        let target = encoded("localhost");
        out.extend([0xc0, 12, 0, 33, 0, 1, 0, 0, 0, 1]);
        out.extend(u16::try_from(6 + target.len()).unwrap().to_be_bytes());
        for number in [priority, weight, port] {
            out.extend(number.to_be_bytes());
        }
        out.extend(target);
    }
    out
}
