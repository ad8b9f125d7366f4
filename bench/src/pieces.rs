//! The hot pieces of the protocol as work that can be repeated: for time (`cargo bench`) and for
//! instruction counts (`cargo xtask counts`).
//!
//! A piece is prepared once and then done again and again. Seeds, clock and bytes are always the same, so
//! the instructions are, too. What is private to the core is reached the way a packet reaches it.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::config::Config;
use bowline_core::config::LaneConfig;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::Crypto;
use bowline_core::endpoint::DatagramEvent;
use bowline_core::endpoint::Endpoint;
use bowline_core::endpoint::EndpointConfig;
use bowline_core::endpoint::Route;
use bowline_core::endpoint::SocketId;
use bowline_core::ids::LaneIndex;
use bowline_core::ids::MessageNumber;
use bowline_core::ids::PacketNumber;
use bowline_core::ids::StreamPos;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::snp::decode::DecodeContext;
use bowline_core::snp::decode::Decoder;
use bowline_core::snp::encode::FrameWriter;
use bowline_core::time::Timestamp;
use bowline_core::transmit::TransmitBuf;
use bytes::Bytes;

use crate::Pair;
use crate::packet;

/// A piece of the protocol.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// What it does, with the amount.
    pub name: &'static str,
    /// Makes everything ready and returns the work.
    pub prepare: fn() -> Work,
}

/// What is done again and again.
pub type Work = Box<dyn FnMut()>;

/// All pieces.
pub const PIECES: &[Piece] = &[
    piece("seal 1200 B", seal),
    piece("open 1200 B", open),
    piece("write a packet of 10 messages", write_frames),
    piece("read a packet of 10 messages", read_frames),
    piece("find the connections of 1000 datagrams among 100", demux),
    piece("schedule 200 messages on 8 lanes", schedule),
    piece("reassemble 48 KiB from swapped packets", reassemble),
    piece("shake hands", || {
        Box::new(|| drop(black_box(Pair::new(&crypto()))))
    }),
    piece("pass 1000 reliable messages of 100 B", || {
        transfer(SendFlags::RELIABLE, 1000, 100)
    }),
    piece("pass 200 reliable messages of 1000 B", || {
        transfer(SendFlags::RELIABLE, 200, 1000)
    }),
    piece("pass 8 reliable messages of 64 KiB", || {
        transfer(SendFlags::RELIABLE, 8, 65_536)
    }),
    piece("pass 1000 unreliable messages of 100 B", || {
        transfer(SendFlags::UNRELIABLE, 1000, 100)
    }),
    piece("pass 200 unreliable messages of 1100 B", || {
        transfer(SendFlags::UNRELIABLE, 200, 1100)
    }),
];

const fn piece(name: &'static str, prepare: fn() -> Work) -> Piece {
    Piece { name, prepare }
}

fn crypto() -> Crypto {
    bowline_io::crypto::default_provider()
}

fn seal() -> Work {
    let key = crypto().aes_256_gcm(&[7; 32]);
    let mut packet = vec![0; 1200];
    Box::new(move || {
        black_box(key.seal(&[1; 12], &mut packet));
    })
}

fn open() -> Work {
    let key = crypto().aes_256_gcm(&[7; 32]);
    let mut sealed = vec![0; 1200];
    let tag = key.seal(&[1; 12], &mut sealed);
    sealed.extend_from_slice(&tag);
    let mut packet = sealed.clone();
    Box::new(move || {
        packet.copy_from_slice(&sealed);
        let opened = key.open(&[1; 12], &mut packet);
        assert!(opened.is_ok(), "the packet is as it was sealed");
    })
}

/// What a decoder knows at the start of a connection.
struct Start;

impl DecodeContext for Start {
    fn highest_message(&self, _: LaneIndex) -> MessageNumber {
        MessageNumber::NONE
    }
    fn expected_pos(&self, _: LaneIndex) -> StreamPos {
        StreamPos::FIRST
    }
    fn next_send(&self) -> PacketNumber {
        PacketNumber::new(100)
    }
}

fn write(out: &mut Vec<u8>) {
    out.clear();
    let mut writer = FrameWriter::new(out, PacketNumber::new(50), 1232);
    writer.stop_waiting(PacketNumber::new(40));
    writer.ack(PacketNumber::new(99), None, &[]);
    for number in 1..=10 {
        writer.unreliable(MessageNumber::new(number), 0, true, &[&[1; 100]]);
    }
    writer.finish();
}

fn write_frames() -> Work {
    let mut out = Vec::with_capacity(2000);
    Box::new(move || write(black_box(&mut out)))
}

fn read_frames() -> Work {
    let mut out = Vec::with_capacity(2000);
    write(&mut out);
    Box::new(move || {
        let mut decoder = Decoder::new(black_box(&out), PacketNumber::new(50), false);
        let mut frames = 0;
        while let Ok(Some(_)) = decoder.next(&Start) {
            frames += 1;
        }
        assert_eq!(frames, 12, "stop-waiting, ack and messages");
    })
}

fn route(port: u16) -> Route {
    Route {
        socket: SocketId::default(),
        remote: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

fn demux() -> Work {
    const CONNECTIONS: u16 = 100;
    let now = Timestamp::from_micros(1_000_000);
    let endpoint = |seed| {
        let config = EndpointConfig::new(crypto());
        Endpoint::new(config, [seed; 32], now, 1_700_000_000)
    };
    let mut listener = endpoint(1);
    listener.listen(SocketId::default(), Arc::new(Config::new()));
    let mut buf = TransmitBuf::new(50);
    let mut datagrams = Vec::new();
    for index in 0..CONNECTIONS {
        let mut dialler = endpoint(index as u8 + 2);
        let from = route(10_000 + index);
        let config = Arc::new(Config::new());
        let client = dialler.connect(now, route(1), config);
        let mut client = client.expect("the address is free");
        let message = Outgoing::new(
            LaneIndex::ZERO,
            SendFlags::RELIABLE_NO_NAGLE,
            Payload::Borrowed(&[7; 100]),
        );
        crate::shake_hands(&mut client, &mut listener, from, now, &mut buf);
        client
            .send(now, message)
            .expect("there is room for a message");
        datagrams.push((from, packet(&mut client, now, &mut buf)));
    }
    let mut reply = Vec::new();
    Box::new(move || {
        for _ in 0..10 {
            for (from, datagram) in &datagrams {
                let event = listener.handle_datagram(now, *from, None, datagram, &mut reply);
                assert!(matches!(event, DatagramEvent::Forward { .. }), "{event:?}");
            }
        }
    })
}

fn schedule() -> Work {
    let mut pair = Pair::new(&crypto());
    let lanes: Vec<_> = (0..8)
        .map(|i| LaneConfig::new(i / 2, 1 + i as u16))
        .collect();
    let configured = pair.client.configure_lanes(pair.now, &lanes);
    configured.expect("eight lanes are allowed");
    Box::new(move || {
        for index in 0..200u8 {
            let flags = if index % 3 == 0 {
                SendFlags::UNRELIABLE
            } else {
                SendFlags::RELIABLE
            };
            let payload = Payload::Borrowed(&[7; 100]);
            let message = Outgoing::new(LaneIndex::new(index % 8), flags, payload);
            pair.client
                .send(pair.now, message)
                .expect("there is room for 20 KB");
        }
        pair.read(200);
    })
}

fn reassemble() -> Work {
    let mut pair = Pair::new(&crypto());
    let payload = Bytes::from(vec![7; 48 << 10]);
    Box::new(move || {
        let payload = Payload::Shared(payload.clone());
        let message = Outgoing::new(LaneIndex::ZERO, SendFlags::RELIABLE, payload);
        pair.client
            .send(pair.now, message)
            .expect("there is room for 48 KiB");
        pair.read_swapped(1);
    })
}

fn transfer(flags: SendFlags, count: usize, len: usize) -> Work {
    let mut pair = Pair::new(&crypto());
    assert_eq!(pair.client.state(), ConnectionState::Connected);
    let payload = Bytes::from(vec![7; len]);
    Box::new(move || {
        let mut sent = 0;
        while sent < count {
            let batch = (count - sent).min(64);
            let mut taken = 0;
            while taken < batch {
                let payload = Payload::Shared(payload.clone());
                let message = Outgoing::new(LaneIndex::ZERO, flags, payload);
                if pair.client.send(pair.now, message).is_err() {
                    break;
                }
                taken += 1;
            }
            pair.read(taken);
            sent += taken;
        }
    })
}
