//! A way to a server that sees what is asked, and may hold it up.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Sees what one connection asks, piece by piece, before the server does.
pub type Ear = Box<dyn FnMut(&[u8]) + Send>;

/// Forwards connections to a server; gives the port to connect to.
pub fn wire(server: u16, ear: impl Fn() -> Ear + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let Ok(client) = client else { return };
            let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                return;
            };
            let (back_from, back_to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            let ear = ear();
            std::thread::spawn(move || forward(client, server, ear));
            std::thread::spawn(move || forward(back_from, back_to, Box::new(|_| {})));
        }
    });
    port
}

fn forward(mut from: TcpStream, mut to: TcpStream, mut ear: Ear) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n) = from.read(&mut buffer) {
        if n == 0 {
            break;
        }
        ear(&buffer[..n]);
        if to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _gone = to.shutdown(Shutdown::Both);
    let _gone = from.shutdown(Shutdown::Both);
}
