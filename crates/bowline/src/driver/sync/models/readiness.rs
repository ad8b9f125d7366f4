//! The signal tells what is unread, and no new socket is forgotten.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::endpoint::SocketId;
use bowline_io::udp::UdpSocket;
use loom::thread;

use super::check;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::Nudge;

#[test]
fn the_signal_tells_what_is_unread_in_the_end() {
    check(|| {
        let lobby = Arc::new(Lobby::<()>::new(100));
        lobby.make_signal().unwrap();
        let reader = {
            let lobby = Arc::clone(&lobby);
            thread::spawn(move || {
                let mut nudge = Nudge::default();
                lobby.all_read(&mut nudge);
                lobby.act_on(nudge, || {});
            })
        };
        let mut nudge = Nudge::default();
        lobby.unread(&mut nudge);
        lobby.act_on(nudge, || {});
        reader.join().unwrap();
        assert_eq!(lobby.made_signal().is_set(), lobby.lock().is_ready());
    });
}

#[test]
fn no_new_socket_is_forgotten() {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let socket = Arc::new(UdpSocket::bind(any, false).unwrap());
    check(move || {
        let lobby = Arc::new(Lobby::<()>::new(100));
        let adders: Vec<_> = (1..3)
            .map(|id| {
                let (lobby, socket) = (Arc::clone(&lobby), Arc::clone(&socket));
                thread::spawn(move || lobby.add_socket(SocketId::new(id), &socket))
            })
            .collect();
        // The thread that drives looks at any time, and once more when it is woken after an addition.
        let mut count = lobby.take_new_sockets().len();
        for adder in adders {
            adder.join().unwrap();
            count += lobby.take_new_sockets().len();
        }
        assert_eq!(count, 2);
    });
}
