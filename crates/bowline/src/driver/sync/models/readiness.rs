//! The signal tells what is unread, and nothing that waits for a driver is forgotten.

use std::sync::Arc;

use loom::thread;

use super::check;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::Nudge;
use crate::driver::lobby::Told;
use crate::driver::sync::inbox::Inbox;

#[test]
fn the_signal_tells_what_is_unread_in_the_end() {
    check(|| {
        let lobby = Arc::new(Lobby::<()>::new(Told::all(100)));
        lobby.make_signal().unwrap();
        let reader = {
            let lobby = Arc::clone(&lobby);
            thread::spawn(move || {
                let mut nudge = Nudge::default();
                lobby.all_read(&mut nudge);
                lobby.act_on(nudge, |_| {});
            })
        };
        let mut nudge = Nudge::default();
        lobby.unread(&mut nudge);
        lobby.act_on(nudge, |_| {});
        reader.join().unwrap();
        assert_eq!(lobby.made_signal().is_set(), lobby.lock().is_ready());
    });
}

#[test]
fn no_new_socket_is_forgotten() {
    check(|| {
        let new_sockets = Arc::new(Inbox::new());
        let adders: Vec<_> = (1..3)
            .map(|id| {
                let new_sockets = Arc::clone(&new_sockets);
                thread::spawn(move || assert!(new_sockets.put(id, &[], usize::MAX)))
            })
            .collect();
        // The thread that drives looks at any time, and once more when it is woken after an addition.
        let mut count = taken(&new_sockets);
        for adder in adders {
            adder.join().unwrap();
            count += taken(&new_sockets);
        }
        assert_eq!(count, 2);
    });
}

fn taken(new_sockets: &Inbox<u32>) -> usize {
    let mut count = 0;
    if let Some(mut batch) = new_sockets.take() {
        batch.drain(|_, _| count += 1);
        new_sockets.give_back(batch);
    }
    count
}
