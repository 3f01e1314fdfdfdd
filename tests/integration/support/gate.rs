//! The network of one process: ways to servers that can be cut and come back.
//!
//! While it is shut nothing passes, no connection ends, and nothing is lost: what was sent arrives when
//! it is open again, as it does on a network whose routes were gone for a while.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;

/// A gate on all ways of one process; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    /// Cuts every way.
    pub fn shut(&self) {
        *self.0.0.lock().unwrap() = true;
    }

    /// Lets everything pass again.
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = false;
        self.0.1.notify_all();
    }

    /// A way to a server; the port to connect to.
    pub fn tcp(&self, server: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = self.clone();
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                gate.join(client.try_clone().unwrap(), client, server);
            }
        });
        port
    }

    /// The same by a Unix socket at `path`.
    pub fn unix(&self, path: &Path, server: u16) {
        let listener = UnixListener::bind(path).unwrap();
        let gate = self.clone();
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                gate.join(client.try_clone().unwrap(), client, server);
            }
        });
    }

    fn join<C: Stream>(&self, read: C, mut client: C, server: u16) {
        let Ok(mut asked) = TcpStream::connect(("127.0.0.1", server)) else {
            return client.end();
        };
        let mut answers = asked.try_clone().unwrap();
        let (forth, back) = (self.clone(), self.clone());
        spawn(move || {
            forth.pass(read, &mut asked);
            asked.end();
        });
        spawn(move || {
            back.pass(&mut answers, &mut client);
            client.end();
        });
    }

    fn pass(&self, mut from: impl Read, mut to: impl Write) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n) = from.read(&mut buffer) {
            let shut = self.0.0.lock().unwrap();
            drop(self.0.1.wait_while(shut, |shut| *shut).unwrap());
            if n == 0 || to.write_all(&buffer[..n]).is_err() {
                return;
            }
        }
    }
}

/// One end of a connection.
trait Stream: Read + Write + Send + 'static {
    /// Both ways are over.
    fn end(&self);
}

impl Stream for TcpStream {
    fn end(&self) {
        let _ended = self.shutdown(Shutdown::Both);
    }
}

impl Stream for UnixStream {
    fn end(&self) {
        let _ended = self.shutdown(Shutdown::Both);
    }
}
