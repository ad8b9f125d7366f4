//! Class 42: whoever sends junk fills no log.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bowline::{DebugLevel, DropReason, Sockets, clear_debug_output, set_debug_output};

use crate::support::{connect, listen, wait_until};

/// Datagrams of junk.
const JUNK: u64 = 20_000;
/// Lines per second of one place, as documented.
const PER_SECOND: u64 = 100;

#[test]
fn class_42_a_flood_of_junk_makes_few_lines_and_hides_none_that_matter() {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let kept = Arc::clone(&lines);
    let began = Instant::now();
    set_debug_output(DebugLevel::Everything, move |_, _, text| {
        kept.lock().unwrap().push(text.to_owned());
    })
    .unwrap();
    let server = Sockets::new().unwrap();
    let listener = listen(&server);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..JUNK {
        // Of a kind that does not exist, and data for nobody.
        let junk = if n % 2 == 0 { [0x01; 40] } else { [0x91; 40] };
        socket.send_to(&junk, listener.local_addr()).unwrap();
        if n % 200 == 0 {
            // The kernel's buffer is not what is under test.
            let taken = || {
                let drops = server.drops();
                drops.of(DropReason::UnknownKind) + drops.of(DropReason::UnknownConnection)
            };
            wait_until(|| taken() >= n);
        }
    }
    let client = Sockets::new().unwrap();
    let (accepted, _dialled) = connect(&server, &client, listener.local_addr());
    let connected = format!("connected id={}", accepted.id());
    wait_until(|| {
        lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.starts_with(&connected))
    });
    // What was left out is told, about once a second.
    wait_until(|| {
        socket.send_to(&[1; 40], listener.local_addr()).unwrap();
        lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("lines were left out"))
    });
    clear_debug_output();
    let seconds = began.elapsed().as_secs() + 2;
    let mut places = BTreeMap::<&str, u64>::new();
    let lines = lines.lock().unwrap();
    for line in lines.iter().filter(|line| line.starts_with("dropped")) {
        *places.entry(line).or_default() += 1;
    }
    assert!(!places.is_empty(), "{:?}", &lines[..lines.len().min(20)]);
    for (line, count) in places {
        assert!(
            count <= PER_SECOND * seconds,
            "{count} times {line:?} in {seconds} s"
        );
    }
}
