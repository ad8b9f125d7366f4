//! Classes 28, 29 and 41: messages of no and of all sizes, and those who do not read them.

use bowline::{
    BatchMessage, Bytes, Connection, ConnectionState, LaneIndex, MAX_MESSAGE, Message, OnFailure,
    PairKind, SendError, SendFlags, SendOptions, Sockets, UnsentReason,
};
use bowline_core::limits;

use crate::support::{Pair, connect, listen, wait_message, wait_until};

/// Everything that sends a message, by its name.
type Way = fn(&Sockets, &Connection, &[u8], SendFlags) -> Result<u64, SendError>;

const WAYS: [(&str, Way); 5] = [
    ("send", |_, to, data, flags| Ok(to.send(data, flags)?.get())),
    ("send_on", |_, to, data, flags| {
        Ok(to.send_on(LaneIndex::ZERO, data, flags)?.get())
    }),
    ("send_bytes", |_, to, data, flags| {
        let data = Bytes::copy_from_slice(data);
        Ok(to.send_bytes(LaneIndex::ZERO, data, flags)?.get())
    }),
    ("send_with", |_, to, data, flags| {
        Ok(to.send_with(data, SendOptions::new(flags))?.get())
    }),
    ("send_batch", |sockets, to, data, flags| {
        let message = BatchMessage::new(to, data.to_vec(), flags);
        let mut results = sockets.send_batch(vec![message], OnFailure::Stop);
        match results.remove(0) {
            Ok(number) => Ok(number.get()),
            Err(unsent) => match unsent.reason {
                UnsentReason::Failed(error) => Err(error),
                reason => panic!("{reason:?}"),
            },
        }
    }),
];

/// A connection over sockets, one over sockets of one process, and a pipe: the sending end, whose
/// interface it is, and the receiving end.
fn kinds(pair: &Pair) -> Vec<(&Sockets, Connection, &Sockets, Connection)> {
    let made = |kind| {
        let (from, to) = pair.client.socket_pair(kind, None, None).unwrap();
        (&pair.client, from, &pair.client, to)
    };
    vec![
        (
            &pair.client,
            pair.dialled.clone(),
            &pair.server,
            pair.accepted.clone(),
        ),
        made(PairKind::Loopback),
        made(PairKind::Pipe),
    ]
}

/// Everything that receives messages takes turns.
fn receive(sockets: &Sockets, from: &Connection, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let group = sockets.poll_group();
    wait_until(|| {
        sockets.poll();
        match messages.len() % 4 {
            0 => messages.extend(from.receive().unwrap()),
            1 => {
                from.receive_batch(&mut messages, 1).unwrap();
            }
            way => {
                from.set_poll_group(Some(&group)).unwrap();
                if way == 2 {
                    messages.extend(group.receive());
                } else {
                    group.receive_batch(&mut messages, 1);
                }
                from.set_poll_group(None).unwrap();
            }
        }
        messages.len() == count
    });
    messages
}

const FLAGS: [SendFlags; 2] = [SendFlags::RELIABLE_NO_NAGLE, SendFlags::UNRELIABLE_NO_NAGLE];

#[test]
fn class_28_messages_of_no_bytes_are_messages_in_every_way() {
    let pair = Pair::new();
    for (sender, from, receiver, to) in kinds(&pair) {
        for (name, send) in WAYS {
            for flags in FLAGS {
                send(sender, &from, b"", flags).unwrap();
            }
            let messages = receive(receiver, &to, 2);
            assert!(messages.iter().all(|message| message.is_empty()), "{name}");
            // Nothing else came with them.
            assert!(to.receive().unwrap().is_none(), "{name}");
        }
    }
}

#[test]
fn class_28_the_longest_message_is_whole_in_every_way_and_a_longer_one_is_refused() {
    let pair = Pair::new();
    let longest: Vec<u8> = (0..MAX_MESSAGE + 1).map(|n| (n % 251) as u8).collect();
    for (sender, from, receiver, to) in kinds(&pair) {
        for (name, send) in WAYS {
            for flags in FLAGS {
                let too_large = SendError::TooLarge {
                    len: MAX_MESSAGE + 1,
                    max: MAX_MESSAGE,
                };
                assert_eq!(
                    send(sender, &from, &longest, flags),
                    Err(too_large),
                    "{name}"
                );
                send(sender, &from, &longest[..MAX_MESSAGE], flags).unwrap();
                let message = wait_message(receiver, &to);
                assert!(*message == longest[..MAX_MESSAGE], "{name}");
                // The peer has it all, so that there is room for the next.
                wait_until(|| {
                    sender.poll();
                    from.status()
                        .is_ok_and(|status| status.pending_reliable_bytes == 0)
                });
            }
            // The longest that goes unreliably, in as many packets.
            let most = limits::MAX_UNRELIABLE_SEND;
            send(
                sender,
                &from,
                &longest[..most],
                SendFlags::UNRELIABLE_NO_NAGLE,
            )
            .unwrap();
            assert!(*wait_message(receiver, &to) == longest[..most], "{name}");
        }
    }
}

/// Sends numbered messages until no more are accepted; returns how many were.
fn stuff(from: &Connection) -> u32 {
    let mut data = [0; 2_000];
    let mut count = 0u32;
    // What the receiver holds, what is in flight and what waits are all bounded.
    for _ in 0..20_000 {
        data[..4].copy_from_slice(&count.to_le_bytes());
        match from.send(&data, SendFlags::RELIABLE_NO_NAGLE) {
            Ok(_) => count += 1,
            Err(SendError::BufferFull { .. }) => {
                let before = from.status().unwrap().pending_reliable_bytes;
                // Full, and it does not move any more.
                if before > 0 && !moves(from, before) {
                    return count;
                }
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("somebody holds 40 MB for a reader who does not read");
}

/// Whether the queue shrinks within a while.
fn moves(from: &Connection, before: usize) -> bool {
    let end = std::time::Instant::now() + std::time::Duration::from_millis(300);
    while std::time::Instant::now() < end {
        if from.status().unwrap().pending_reliable_bytes < before {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

fn number(message: &Message) -> u32 {
    u32::from_le_bytes(message[..4].try_into().unwrap())
}

fn fast() -> bowline::Config {
    let mut config = bowline::Config::new();
    config.set_send_rate(None, None).unwrap();
    config
}

#[test]
fn class_29_who_never_reads_stops_the_sender_and_loses_nothing() {
    let pair = Pair::with(fast());
    let sent = stuff(&pair.dialled);
    assert_eq!(pair.accepted.state(), ConnectionState::Connected);
    // The other direction is not concerned.
    pair.accepted
        .send(b"other way", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&pair.client, &pair.dialled), b"other way");
    for n in 0..sent {
        assert_eq!(number(&wait_message(&pair.server, &pair.accepted)), n);
    }
    pair.dialled
        .send(b"again", SendFlags::RELIABLE_NO_NAGLE)
        .unwrap();
    assert_eq!(&*wait_message(&pair.server, &pair.accepted), b"again");
}

#[test]
fn class_41_a_poll_group_that_nobody_reads_slows_only_its_own_connections() {
    let server = Sockets::builder().config(fast()).build().unwrap();
    let client = Sockets::builder().config(fast()).build().unwrap();
    let listener = listen(&server);
    let ends: Vec<_> = (0..3)
        .map(|_| connect(&server, &client, listener.local_addr()))
        .collect();
    let group = server.poll_group();
    for (accepted, _) in &ends[..2] {
        accepted.set_poll_group(Some(&group)).unwrap();
    }
    let sent = [stuff(&ends[0].1), stuff(&ends[1].1)];
    let (free, far) = &ends[2];
    for _ in 0..50 {
        far.send(b"free", SendFlags::RELIABLE_NO_NAGLE).unwrap();
        assert_eq!(&*wait_message(&server, free), b"free");
    }
    let mut read = [0, 0];
    let mut messages = Vec::new();
    wait_until(|| {
        server.poll();
        group.receive_batch(&mut messages, 64);
        for message in messages.drain(..) {
            let index = usize::from(*message.connection() == ends[1].0);
            assert_eq!(number(&message), read[index]);
            read[index] += 1;
        }
        read == sent
    });
}
