use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn pipe(messages: usize, bytes: usize) -> Pipe {
    let mut config = Config::new();
    config.set_recv_buffer_messages(messages).unwrap();
    config.set_recv_buffer(bytes).unwrap();
    config.set_send_buffer(8 * 1024).unwrap();
    Pipe::new(NOW, &config)
}

fn send(pipe: &mut Pipe, lane: u8, flags: SendFlags, len: usize) -> Result<u64, SendError> {
    send_fresh(pipe, lane, flags, Freshness::default(), len)
}

fn send_fresh(
    pipe: &mut Pipe,
    lane: u8,
    flags: SendFlags,
    freshness: Freshness,
    len: usize,
) -> Result<u64, SendError> {
    let lane = LaneIndex::new(lane);
    pipe.check(NOW, lane, flags, freshness, len)?;
    let data = Payload::Shared(alloc::vec![7; len].into());
    let number = pipe.submit(NOW, lane, flags.is_reliable(), freshness, data);
    Ok(number.get())
}

fn moved(pipe: &mut Pipe) -> Vec<(u8, u64)> {
    let mut list = Vec::new();
    while let Some(item) = pipe.poll() {
        if let Piped::Message { lane, number, .. } = item {
            list.push((lane.get(), number.get()));
        }
    }
    list
}

#[test]
fn limit_the_other_ends_queue_and_the_send_buffer() {
    let mut pipe = pipe(2, 4096);
    for number in 1..=3 {
        assert_eq!(send(&mut pipe, 0, SendFlags::RELIABLE, 1000), Ok(number));
    }
    assert_eq!(moved(&mut pipe), [(0, 1), (0, 2)]);
    assert_eq!(pipe.pending(None).reliable, 1000);
    let hasty = send(&mut pipe, 0, SendFlags::UNRELIABLE_NO_DELAY, 1);
    assert_eq!(hasty, Err(SendError::NotNow));
    let mut sent = 3;
    let full = loop {
        match send(&mut pipe, 0, SendFlags::UNRELIABLE, 1000) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(
        full,
        SendError::BufferFull {
            limit_bytes: 8192,
            ..
        }
    ));
    assert_eq!(sent, 10, "two moved, eight wait");
    assert!(!pipe.take_writable());
    for _ in 0..2 {
        pipe.on_room(
            NOW,
            Room {
                messages: 2,
                bytes: 4096,
            },
        );
    }
    assert_eq!(moved(&mut pipe), [(0, 3), (0, 4), (0, 5), (0, 6)]);
    assert!(pipe.take_writable() && !pipe.take_writable());
}

#[test]
fn limit_messages_that_no_queue_takes() {
    let mut pipe = pipe(10, 4096);
    let error = send(&mut pipe, 0, SendFlags::RELIABLE, 4097);
    assert_eq!(
        error,
        Err(SendError::TooLarge {
            len: 4097,
            max: 4096
        })
    );
    let error = send(&mut pipe, 1, SendFlags::RELIABLE, 1);
    let lane = LaneIndex::new(1);
    assert_eq!(error, Err(SendError::NoSuchLane { lane, lanes: 1 }));
}

#[test]
fn room_goes_to_the_lane_of_the_lowest_number_and_then_by_weight() {
    let mut pipe = pipe(2, 4096);
    let lane = |priority, weight| LaneConfig { priority, weight };
    pipe.configure_lanes(&[lane(1, 1), lane(1, 3), lane(0, 1)]);
    for _ in 0..2 {
        send(&mut pipe, 0, SendFlags::RELIABLE, 0).unwrap();
    }
    moved(&mut pipe);
    for lane in [0, 1, 2] {
        for _ in 0..8 {
            send(&mut pipe, lane, SendFlags::RELIABLE, 10).unwrap();
        }
    }
    pipe.on_room(
        NOW,
        Room {
            messages: 16,
            bytes: 4096,
        },
    );
    let order = moved(&mut pipe);
    let of = |lane| order.iter().filter(|(l, _)| *l == lane).count();
    assert!(order[..8].iter().all(|(lane, _)| *lane == 2));
    assert_eq!((of(0), of(1)), (2, 6), "one to three");
}

#[test]
fn room_is_told_in_quarters_and_with_the_last_message() {
    let mut pipe = pipe(8, 4096);
    pipe.on_read(10, false);
    assert!(pipe.poll().is_none());
    pipe.on_read(10, false);
    let quarter = Room {
        messages: 2,
        bytes: 20,
    };
    assert!(matches!(pipe.poll(), Some(Piped::Room(room)) if room == quarter));
    pipe.on_read(5, true);
    let last = Room {
        messages: 1,
        bytes: 5,
    };
    assert!(matches!(pipe.poll(), Some(Piped::Room(room)) if room == last));
}

const fn room(messages: usize) -> Room {
    Room {
        messages,
        bytes: 4096,
    }
}

#[test]
fn what_waits_is_replaced_by_the_newest_of_its_key() {
    let mut pipe = pipe(2, 4096);
    send(&mut pipe, 0, SendFlags::RELIABLE, 1).unwrap();
    let newest = Freshness {
        key: Some(7),
        ..Freshness::default()
    };
    let mut send = |len| send_fresh(&mut pipe, 0, SendFlags::UNRELIABLE, newest, len);
    assert_eq!(
        [send(1), send(1), send(500), send(9)],
        [Ok(2), Ok(3), Ok(3), Ok(3)]
    );
    assert_eq!(pipe.pending(None).unreliable, 9);
    assert_eq!(pipe.dropped(None).replaced, 2);
    pipe.on_room(NOW, room(2));
    assert_eq!(moved(&mut pipe), [(0, 1), (0, 2), (0, 3)]);
    let again = send_fresh(&mut pipe, 0, SendFlags::UNRELIABLE, newest, 1);
    assert_eq!((again, moved(&mut pipe)), (Ok(4), Vec::from([(0, 4)])));
    let reliable = send_fresh(&mut pipe, 0, SendFlags::RELIABLE, newest, 1);
    assert_eq!(reliable, Err(SendError::OnlyUnreliable));
}

#[test]
fn what_waits_is_dropped_when_it_is_too_old() {
    let mut pipe = pipe(2, 4096);
    let deadline = Some(Span::from_millis(5));
    let short = Freshness {
        deadline,
        key: Some(1),
    };
    for _ in 0..3 {
        send(&mut pipe, 0, SendFlags::RELIABLE, 10).unwrap();
    }
    send_fresh(&mut pipe, 0, SendFlags::UNRELIABLE, short, 100).unwrap();
    let late = NOW + Span::from_millis(5) + Span::from_micros(1);
    assert_eq!(pipe.too_old_at(), Some(late));
    pipe.expire(NOW + Span::from_millis(5));
    assert_eq!(pipe.pending(None).unreliable, 100);
    pipe.on_room(late, room(5));
    assert_eq!(moved(&mut pipe), [(0, 1), (0, 2), (0, 3)]);
    assert_eq!(pipe.dropped(None).expired, 1);
    assert_eq!(
        (pipe.too_old_at(), pipe.pending(None)),
        (None, PipedBytes::default())
    );
    assert_eq!(pipe.buffered_bytes(), 0);
}

#[test]
fn a_refused_sender_hears_of_room_when_its_message_fits() {
    let mut pipe = pipe(2, 8192);
    for _ in 0..2 {
        send(&mut pipe, 0, SendFlags::RELIABLE, 1).unwrap();
    }
    for _ in 0..4 {
        send(&mut pipe, 0, SendFlags::RELIABLE, 1900).unwrap();
    }
    let large = 6000;
    assert!(send(&mut pipe, 0, SendFlags::RELIABLE, large).is_err());
    pipe.on_room(NOW, room(2));
    assert!(
        !pipe.take_writable(),
        "half is free, and that is too little"
    );
    pipe.on_room(NOW, room(2));
    assert!(pipe.take_writable());
    send(&mut pipe, 0, SendFlags::RELIABLE, large).unwrap();
}
