//! Clients that send too much, too slowly, or come in crowds.

use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;
use std::time::Instant;

use bowline_hub::limits::HTTP_HEADER_TIMEOUT;
use bowline_hub::limits::HTTP_REQUEST_TIMEOUT;
use bowline_hub::limits::MAX_HTTP_BODY;
use bowline_hub::limits::MAX_HTTP_CONNECTIONS;
use bowline_hub::limits::MAX_HTTP_HEAD;
use bowline_hub::limits::MAX_HTTP_HEADERS;
use serde_json::json;

use crate::Place;
use crate::TOKEN;
use crate::read;

#[test]
fn limit_bytes_of_a_body() {
    let place = Place::new();
    let body = json!({"app": 480, "identity": "str:dev-anna"}).to_string();
    let fitting = body.clone() + &" ".repeat(MAX_HTTP_BODY - body.len());
    assert_eq!(place.admin("POST", "/admin/kick", &fitting).status, 200);
    let larger = fitting + " ";
    let refused = place.admin("POST", "/admin/kick", &larger);
    assert_eq!(refused.status, 413);
    let most = format!("at most {MAX_HTTP_BODY} bytes");
    assert!(refused.body.contains(&most), "{}", refused.body);
    let endless = "Transfer-Encoding: chunked\r\n";
    let mut stream = place.connect();
    let request = format!(
        "POST /admin/kick HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\n{endless}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
    while stream.write_all(chunk.as_bytes()).is_ok() {
        let mut one = [0; 1];
        stream
            .set_read_timeout(Some(Duration::from_millis(10)))
            .unwrap();
        if stream.read(&mut one).is_ok() {
            break;
        }
    }
    assert_eq!(place.get("/healthz").status, 200);
}

#[test]
fn limit_headers_of_a_request() {
    let place = Place::new();
    let many = |count: usize| {
        (0..count)
            .map(|index| format!("X-{index}: 1\r\n"))
            .collect::<String>()
    };
    // Three more are there anyway.
    assert_eq!(
        place
            .ask("GET", "/healthz", &many(MAX_HTTP_HEADERS - 3), "")
            .status,
        200
    );
    assert_eq!(
        place
            .ask("GET", "/healthz", &many(MAX_HTTP_HEADERS - 2), "")
            .status,
        431
    );
    let large = format!("X: {}\r\n", "x".repeat(MAX_HTTP_HEAD));
    let status = place.ask("GET", "/healthz", &large, "").status;
    assert!(matches!(status, 0 | 431), "{status}");
}

#[test]
fn limit_time_of_a_request() {
    let place = Place::new();
    let began = Instant::now();
    let (mut silent, mut slow, mut idle, mut body) = (
        place.connect(),
        place.connect(),
        place.connect(),
        place.connect(),
    );
    slow.write_all(b"GET /healthz HTTP/1.1\r\nX: ").unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n")
        .unwrap();
    let head = format!(
        "POST /admin/kick HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 10\r\n\r\n"
    );
    body.write_all(head.as_bytes()).unwrap();
    let trickle = std::thread::spawn(move || {
        let began = Instant::now();
        while began.elapsed() < 3 * HTTP_HEADER_TIMEOUT && slow.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
        began.elapsed()
    });
    assert!(matches!(read(&mut silent).status, 0 | 408));
    assert_eq!(read(&mut idle).status, 200);
    assert!(trickle.join().unwrap() < 2 * HTTP_HEADER_TIMEOUT);
    assert_eq!(read(&mut body).status, 408);
    assert!(began.elapsed() < HTTP_REQUEST_TIMEOUT + 2 * HTTP_HEADER_TIMEOUT);
}

#[test]
fn limit_connections() {
    let place = Place::new();
    let idle: Vec<TcpStream> = (0..2 * MAX_HTTP_CONNECTIONS)
        .map(|_| place.connect())
        .collect();
    let began = Instant::now();
    // Those in front go once their time is over.
    assert_eq!(place.get("/healthz").status, 200);
    assert!(
        began.elapsed() < 4 * HTTP_HEADER_TIMEOUT,
        "{:?}",
        began.elapsed()
    );
    drop(idle);
    assert_eq!(place.get("/healthz").status, 200);
}
