//! Transfers that are under way when packets begin to take another way.
//!
//! Between the two peers there are 5 ms and 8 Mbit/s; by the relay 100 ms and 16 Mbit/s. So whoever goes on as before
//! is too slow, or fills a queue.

use std::cell::Cell;
use std::rc::Rc;

use bowline_core::ice::RouteKind;
use bowline_core::limits;
use bowline_sim::{Conn, LinkConfig, SendFlags, Span, Timestamp, Verdict, World};

use crate::support::{ACCOUNT, meet, ms, port, secs, serve_stun, story, with};

const DIRECT_BYTES_PER_SEC: u64 = 1_000_000;
const RELAY_BYTES_PER_SEC: u64 = 2_000_000;
const SEND_BUFFER: usize = 1 << 20;

struct Transfer {
    world: World,
    seen: Rc<Seen>,
    ours: Conn,
    theirs: Conn,
    /// Bytes read by the receiver.
    arrived: u64,
}

/// What the network lets through between the two themselves, and what it saw.
struct Seen {
    /// From when, and until when.
    direct: Cell<(Timestamp, Timestamp)>,
    /// UDP payload in bytes, what the relay adds included.
    largest_relayed: Cell<usize>,
    /// Datagrams between the two themselves, whatever became of them.
    sent_directly: Cell<u64>,
}

fn link(latency: Span, rate: u64) -> LinkConfig {
    // A queue of half a second.
    LinkConfig::PERFECT.latency(latency).rate(rate, rate / 2)
}

/// Two hosts and a relay; until `direct_from` nothing passes between the two themselves.
fn begin(seed: u64, direct_from: Span) -> Transfer {
    let mut world = World::new(seed);
    world.set_links(link(ms(50), RELAY_BYTES_PER_SEC));
    let (_, address, _) = serve_stun(&mut world);
    let list = address.to_string();
    let hosts = ["alice", "bob"].map(|name| {
        let host = with(name, |config| {
            config.set_stun_servers(&list).unwrap();
            config.set_turn_servers(&list, &[ACCOUNT]).unwrap();
            config.set_send_buffer(SEND_BUFFER).unwrap();
        });
        let host = world.add_host(name, host);
        world.open_peer_socket(host);
        host
    });
    let [alice, bob] = hosts;
    for (from, to) in [(alice, bob), (bob, alice)] {
        world.set_link(from, to, link(ms(5), DIRECT_BYTES_PER_SEC));
    }
    let opens = world.now() + direct_from;
    let seen = Rc::new(Seen {
        direct: Cell::new((opens, Timestamp::NEVER)),
        largest_relayed: Cell::new(0),
        sent_directly: Cell::new(0),
    });
    let (ends, filter) = (hosts.map(|host| world.address(host)), Rc::clone(&seen));
    world.set_filter(move |now, datagram| {
        let is_direct = ends.contains(&datagram.from.ip()) && ends.contains(&datagram.to.ip());
        if !is_direct {
            let largest = filter.largest_relayed.get();
            filter
                .largest_relayed
                .set(largest.max(datagram.bytes.len()));
            return Verdict::Pass;
        }
        filter.sent_directly.update(|count| count + 1);
        let (opens, closes) = filter.direct.get();
        match opens <= now && now < closes {
            true => Verdict::Pass,
            false => Verdict::Drop,
        }
    });
    world.listen_p2p(bob, port()).unwrap();
    let ours = world.connect_p2p(alice, bob, port()).unwrap();
    let theirs = meet(&mut world, ours, secs(5));
    Transfer {
        world,
        seen,
        ours,
        theirs,
        arrived: 0,
    }
}

impl Transfer {
    /// Sends as much as it can for so long, and returns how many bytes arrived per second.
    fn run(&mut self, span: Span) -> u64 {
        let (end, before) = (self.world.now() + span, self.arrived);
        while self.world.now() < end {
            let waits = self.world.status(self.ours).unwrap().pending_reliable_bytes;
            for _ in 0..(SEND_BUFFER / 2).saturating_sub(waits) / 10_000 {
                let sent = self
                    .world
                    .send(self.ours, SendFlags::RELIABLE, &[7; 10_000]);
                sent.unwrap();
            }
            self.world.run_for(ms(5));
            while let Some(message) = self.world.receive(self.theirs) {
                self.arrived += message.data.len() as u64;
            }
        }
        (self.arrived - before) * 1_000 / span.as_millis()
    }

    fn kind(&self) -> Option<RouteKind> {
        let connection = self.world.connection(self.ours)?;
        Some(connection.peer_route()?.kind)
    }

    fn ping_ms(&self) -> u32 {
        self.world.status(self.ours).unwrap().ping_ms.unwrap()
    }

    /// For the eyes: what the agent and the controller decided.
    fn story(&self) -> String {
        let connection = self.world.connection(self.ours).unwrap();
        let decisions: Vec<_> = connection.rate_decisions().collect();
        format!("{}{decisions:?}", story(&self.world, self.ours))
    }

    fn cut_direct(&self) {
        let now = self.world.now();
        self.seen.direct.set((Timestamp::ZERO, now));
    }
}

/// From the relay to the direct way: its ping and its rate are reached within two seconds.
#[test]
fn a_transfer_moves_from_the_relay_to_the_direct_way_and_fits_it() {
    for seed in 0..4 {
        let mut transfer = begin(seed, ms(2_500));
        transfer.run(ms(1_000));
        assert_eq!(transfer.kind(), Some(RouteKind::Relayed), "seed {seed}");
        assert!(transfer.ping_ms() >= 200);
        transfer.run(secs(4));
        assert_ne!(
            transfer.kind(),
            Some(RouteKind::Relayed),
            "{}",
            transfer.story()
        );
        let rate = transfer.run(secs(3));
        let story = transfer.story();
        assert!(
            transfer.ping_ms() <= 40,
            "{} ms {story}",
            transfer.ping_ms()
        );
        assert!(rate >= DIRECT_BYTES_PER_SEC / 100 * 90, "{rate} {story}");
        transfer
            .world
            .wait_for_delivery(transfer.ours, secs(20))
            .unwrap();
        transfer.world.verify().unwrap();
    }
}

/// Though all direct pairs have failed before there was a direct way.
#[test]
fn regression_a_direct_way_that_opens_late_is_found_beside_a_relay() {
    for opens in [10, 30, 60] {
        let mut transfer = begin(7, secs(opens));
        transfer.world.run_for(secs(opens - 2));
        assert_eq!(transfer.kind(), Some(RouteKind::Relayed), "{opens}");
        transfer.world.run_for(secs(40));
        let story = transfer.story();
        assert_ne!(transfer.kind(), Some(RouteKind::Relayed), "{opens} {story}");
    }
}

/// But an idle connection does not pay for it for ever.
#[test]
fn limit_tries_of_a_direct_way_beside_a_relay() {
    let mut transfer = begin(7, secs(1_000));
    transfer.world.run_for(secs(100));
    let before = transfer.seen.sent_directly.get();
    assert!(before > 0);
    transfer.world.run_for(secs(600));
    assert_eq!(transfer.kind(), Some(RouteKind::Relayed));
    assert_eq!(transfer.seen.sent_directly.get(), before);
}

/// And back, when the direct way breaks.
#[test]
fn a_transfer_moves_from_a_direct_way_that_breaks_to_the_relay_and_fits_it() {
    for seed in 0..4 {
        let mut transfer = begin(seed, Span::ZERO);
        let rate = transfer.run(secs(4));
        assert_ne!(transfer.kind(), Some(RouteKind::Relayed), "seed {seed}");
        assert!(rate >= DIRECT_BYTES_PER_SEC / 100 * 80, "{rate}");
        transfer.cut_direct();
        transfer.run(secs(8));
        assert_eq!(
            transfer.kind(),
            Some(RouteKind::Relayed),
            "{}",
            transfer.story()
        );
        let rate = transfer.run(secs(4));
        let (ping, story) = (transfer.ping_ms(), transfer.story());
        assert!((200..=300).contains(&ping), "{ping} ms {story}");
        assert!(rate >= RELAY_BYTES_PER_SEC / 100 * 80, "{rate} {story}");
        // Packets leave room for what the relay adds.
        let largest = transfer.seen.largest_relayed.get();
        assert!(
            (1_200..=limits::MAX_DATAGRAM).contains(&largest),
            "{largest}"
        );
        transfer
            .world
            .wait_for_delivery(transfer.ours, secs(20))
            .unwrap();
        transfer.world.verify().unwrap();
    }
}
