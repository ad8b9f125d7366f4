//! Our reliable stream between live peers: all that they tell each other reliably ends with us, and goes on with
//! numbers, acknowledgements and times of our own, over roads that lose much of it.

use std::time::{Duration, Instant};

use bowline_core::ids::ConnectionId;
use bowline_core::limits::SIGNAL_RELIABLE_BYTES;
use bowline_core::p2p::reliable_signal::{ReliableReceiver, ReliableSender};
use bowline_core::p2p::signal::{Signal, SignalKind};
use bowline_core::p2p::signal_pacer::SignalPacer;
use bowline_core::time::Timestamp;
use bowline_interop::courier::{Courier, Roads};
use bowline_interop::gns_p2p::{Event, GnsP2p};
use bowline_interop::host::State;

use crate::{ANNA, BEN, LIMIT, PORT, parsed, peer};

#[test]
fn our_stream_carries_what_peers_must_know() {
    for seed in 1..=3 {
        let mut between = Between::new(seed);
        between.sides[1].peer.listen(PORT, false);
        between.sides[0].peer.connect(BEN, PORT, false);
        let end = Instant::now() + LIMIT;
        let mut settled = 0;
        // Until all is acknowledged, too: what is lost has to be sent again by somebody.
        while settled < 50 {
            assert!(Instant::now() < end, "{between:?}");
            between.step();
            settled = if between.is_settled() { settled + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(1));
        }
        for side in &between.sides {
            assert!(side.to_peer.is_empty(), "GNS has acknowledged all");
            assert!(side.from_peer.ack() >= 2, "a password and a candidate");
        }
    }
}

/// Us, in the middle.
#[derive(Debug)]
struct Between {
    sides: [Side; 2],
    /// Loses on the way from the peers to us, and from us to them.
    roads: [Courier; 2],
    start: Instant,
}

/// What we are towards one of the peers.
#[derive(Debug)]
struct Side {
    peer: GnsP2p,
    connected: bool,
    id: Option<ConnectionId>,
    from_peer: ReliableReceiver,
    to_peer: ReliableSender,
    pacer: SignalPacer,
    /// Of the newest signal for this peer: what is sent again goes in its envelope.
    envelope: Option<Signal>,
}

impl Between {
    fn new(seed: u8) -> Self {
        let roads = Roads {
            loss_pct: 30,
            duplicate_pct: 10,
            delay: Duration::from_millis(5),
            jitter: Duration::from_millis(50),
        };
        Self {
            sides: [ANNA, BEN].map(|identity| Side {
                peer: peer(identity),
                connected: false,
                id: None,
                from_peer: ReliableReceiver::new(),
                to_peer: ReliableSender::new(),
                pacer: SignalPacer::new(),
                envelope: None,
            }),
            roads: [seed, seed + 100].map(|seed| Courier::new(seed, roads)),
            start: Instant::now(),
        }
    }

    fn now(&self) -> Timestamp {
        let us = self.start.elapsed().as_micros();
        Timestamp::from_micros(u64::try_from(us).expect("the test is short"))
    }

    fn is_settled(&self) -> bool {
        let settled = |side: &Side| side.connected && side.to_peer.is_empty();
        self.sides.iter().all(settled)
    }

    fn step(&mut self) {
        for side in &mut self.sides {
            while let Some(event) = side.peer.poll() {
                match event {
                    Event::Signal { to, bytes } => {
                        self.roads[0].post(side.peer.identity(), &to, &bytes);
                    }
                    Event::State { state, text, .. } => {
                        let ended = [State::ClosedByPeer, State::ProblemDetectedLocally];
                        assert!(!ended.contains(&state), "{text}");
                        side.connected |= state == State::Connected;
                    }
                    Event::Asks(_)
                    | Event::Certificate(_)
                    | Event::Dialled(_)
                    | Event::Done(_)
                    | Event::Failed(..)
                    | Event::Letter { .. }
                    | Event::Message { .. }
                    | Event::Posted(_)
                    | Event::Request(_)
                    | Event::Session(_)
                    | Event::Way { .. } => {}
                }
            }
        }
        for letter in self.roads[0].arrived() {
            self.on_signal(usize::from(letter.from == BEN), &parsed(&letter.bytes));
        }
        for index in [0, 1] {
            self.send_if_due(index);
        }
        for letter in self.roads[1].arrived() {
            let index = usize::from(letter.to == BEN);
            self.sides[index].peer.signal(&letter.bytes);
        }
    }

    /// Takes what is for us, and passes the rest on.
    fn on_signal(&mut self, from: usize, signal: &Signal) {
        let now = self.now();
        let [anna, ben] = &mut self.sides;
        let (source, target) = if from == 0 { (anna, ben) } else { (ben, anna) };
        source.id = signal.from_id;
        if let Some(ack) = signal.ack {
            let acked = source.to_peer.ack(ack);
            assert_eq!(acked, Ok(()), "GNS has only what it was sent");
        }
        if let Some(first) = signal.first_reliable {
            let new = source.from_peer.on_messages(first, signal.reliable.clone());
            for message in new {
                target.to_peer.push(message).expect("there is room");
            }
            source.pacer.want(now);
        }
        // A mere acknowledgement is not news for the other peer.
        if signal.kind != SignalKind::None || target.envelope.is_none() {
            target.envelope = Some(signal.clone());
            target.pacer.want(now);
        }
    }

    fn send_if_due(&mut self, index: usize) {
        let now = self.now();
        let from = self.sides[1 - index].peer.identity().to_owned();
        let side = &mut self.sides[index];
        if side.to_peer.due(now) {
            side.pacer.want(now);
        }
        let Some(envelope) = side.envelope.as_mut().filter(|_| side.pacer.is_due(now)) else {
            return;
        };
        side.pacer.on_sent(now);
        let first_contact = envelope.kind != SignalKind::None;
        let taken = side.to_peer.take(now, SIGNAL_RELIABLE_BYTES, first_contact);
        let (first, reliable) = taken.unzip();
        let signal = Signal {
            to_id: side.id,
            ack: Some(side.from_peer.ack()),
            first_reliable: first,
            reliable: reliable.unwrap_or_default(),
            ..envelope.clone()
        };
        let mut bytes = Vec::new();
        signal.encode(&mut bytes);
        self.roads[1].post(&from, side.peer.identity(), &bytes);
        // Once the peer has answered, it needs neither request nor answer again.
        if side.connected {
            envelope.kind = SignalKind::None;
        }
    }
}
