//! A web server as small as it can be, which does as it is told.

use std::io::Read;
use std::io::Write as _;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Endpoint;

/// What it does with a request.
#[derive(Clone, Debug)]
pub(super) enum Manner {
    /// Answers with this body.
    Say(String),
    /// Answers with this status, these headers, and nothing else.
    Status(&'static str),
    /// Answers with bytes as they are.
    Raw(Vec<u8>),
    /// Takes the request and says nothing.
    Hang,
    /// Sends a byte now and then.
    Trickle,
    /// Sends without an end.
    Flood,
    /// Closes at once.
    Close,
}

/// A web server on a port of its own.
pub(super) struct Web {
    port: u16,
    manner: Arc<Mutex<Manner>>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    connections: Arc<AtomicUsize>,
}

impl Web {
    pub(super) fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let web = Self {
            port: listener.local_addr().unwrap().port(),
            manner: Arc::new(Mutex::new(manner)),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let (manner, requests) = (Arc::clone(&web.manner), Arc::clone(&web.requests));
        let connections = Arc::clone(&web.connections);
        // They end with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::Relaxed);
                let (manner, requests) = (Arc::clone(&manner), Arc::clone(&requests));
                std::thread::spawn(move || serve(stream, &manner, &requests));
            }
        });
        web
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint::new(&format!("http://{}/path?key=1", self.address()), false).unwrap()
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    pub(super) fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(super) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Where nobody listens.
pub(super) fn nowhere() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    Endpoint::new(&format!("http://127.0.0.1:{port}/"), false).unwrap()
}

fn serve(mut stream: TcpStream, manner: &Mutex<Manner>, requests: &Mutex<Vec<Vec<u8>>>) {
    let request = read_request(&mut stream);
    requests.lock().unwrap().push(request);
    let manner = manner.lock().unwrap().clone();
    // The client may go before all is written.
    let _ = match manner {
        Manner::Say(body) => {
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes())
        }
        Manner::Status(status) => {
            let head =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        Manner::Raw(bytes) => stream.write_all(&bytes),
        Manner::Hang => stream.read(&mut [0; 1]).map(|_| ()),
        Manner::Trickle => {
            let mut done = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
            while done.is_ok() {
                std::thread::sleep(Duration::from_millis(20));
                done = stream.write_all(b" ");
            }
            done
        }
        Manner::Flood => {
            let mut done =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while done.is_ok() {
                done = stream.write_all(&[b' '; 4096]);
            }
            done
        }
        Manner::Close => Ok(()),
    };
}

/// A request as it comes; as much of it as came if it has no end.
pub(super) fn read_request(stream: &mut impl Read) -> Vec<u8> {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return request,
        }
    }
    let text = String::from_utf8_lossy(&request).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    request.extend(body);
    request
}
