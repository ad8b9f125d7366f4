use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::error::SendError;
use bowline_core::message::SendFlags;
use bowline_sim::{Chance, HostConfig, deterministic};

use crate::support::{connected, entered, far, ms, payload, secs};

#[test]
fn the_peer_learns_reason_and_text() {
    deterministic(20, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.close(ours, EndReason::new(1042), "good night", false);
        world.run_for(ms(10));
        assert_eq!(world.state(ours), ConnectionState::FinWait);
        assert_eq!(world.state(theirs), ConnectionState::ClosedByPeer);
        let info = world.info(theirs);
        assert_eq!(
            (info.end_reason.code(), &info.end_text[..]),
            (1042, "good night")
        );
        let refused = world.send(theirs, SendFlags::RELIABLE, b"too late");
        assert_eq!(
            refused,
            Err(SendError::WrongState(ConnectionState::ClosedByPeer))
        );

        world.close(theirs, EndReason::APP_GENERIC, "", false);
        world.run_for(secs(6));
        assert_eq!(world.state(ours), ConnectionState::Dead);
        assert_eq!(world.state(theirs), ConnectionState::Dead);
        let finished = entered(world, ours, ConnectionState::Dead);
        assert_eq!(
            finished.since(entered(world, ours, ConnectionState::FinWait)),
            secs(5)
        );
    });
}

#[test]
fn linger_delivers_everything_reliable_under_loss() {
    for seed in 0..10 {
        deterministic(seed, |world| {
            world.set_links(far().loss(Chance::percent(10)));
            let (ours, theirs) = connected(world, HostConfig::default());
            let mut rng = world.rng("messages");
            for _ in 0..100 {
                let data = payload(&mut rng, 3000);
                world.send(ours, SendFlags::RELIABLE, &data).unwrap();
            }
            world.close(ours, EndReason::new(1001), "bye", true);
            assert_eq!(world.state(ours), ConnectionState::Linger);
            world.wait_for_delivery(ours, secs(10)).unwrap();
            // What closes a connection is sent once, and may be lost: then the peer asks itself.
            let closed = |world: &mut bowline_sim::World| world.state(theirs).is_closed();
            world
                .wait_for("the peer to hear of it", secs(25), closed)
                .unwrap();
            world.run_for(secs(6));
            assert_eq!(world.state(ours), ConnectionState::Dead);
        });
    }
}

#[test]
fn without_linger_what_waits_is_dropped() {
    deterministic(21, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world
            .send(ours, SendFlags::RELIABLE, b"waits for company")
            .unwrap();
        world.close(ours, EndReason::APP_GENERIC, "", false);
        world.run_for(secs(1));
        assert_eq!(world.receive(theirs), None);
        assert_eq!(world.state(theirs), ConnectionState::ClosedByPeer);
    });
}

#[test]
fn what_arrived_before_the_close_can_still_be_read() {
    deterministic(22, |world| {
        let config = HostConfig {
            reads_at_once: false,
            ..HostConfig::default()
        };
        let (ours, theirs) = connected(world, config);
        world
            .send(ours, SendFlags::RELIABLE_NO_NAGLE, b"last words")
            .unwrap();
        world.run_for(ms(10));
        world.close(ours, EndReason::APP_GENERIC, "", false);
        world.run_for(ms(10));
        assert_eq!(world.state(theirs), ConnectionState::ClosedByPeer);
        assert_eq!(world.receive(theirs).unwrap().data, b"last words");
        assert_eq!(world.receive(theirs), None);
    });
}

#[test]
fn both_ends_close_at_once() {
    deterministic(23, |world| {
        world.set_links(far());
        let (ours, theirs) = connected(world, HostConfig::default());
        world.close(ours, EndReason::new(1001), "mine", false);
        world.close(theirs, EndReason::new(1002), "thine", false);
        world.run_for(secs(6));
        assert_eq!(world.state(ours), ConnectionState::Dead);
        assert_eq!(world.state(theirs), ConnectionState::Dead);
        // Nobody keeps answering the other's answers.
        let sent = world.link_counters(ours.host, theirs.host).sent;
        assert!(sent < 12, "{sent} datagrams\n{world:?}");
    });
}

#[test]
fn a_peer_that_missed_the_close_hears_of_it_when_it_next_sends() {
    deterministic(24, |world| {
        let (ours, theirs) = connected(world, HostConfig::default());
        world.run_for(secs(1));
        let (a, b) = (ours.host, theirs.host);
        world.set_connected(a, b, false);
        world.close(ours, EndReason::new(1007), "gone", false);
        world.run_for(ms(100));
        world.set_connected(a, b, true);
        assert_eq!(world.state(theirs), ConnectionState::Connected);
        world
            .send(theirs, SendFlags::RELIABLE_NO_NAGLE, b"still there?")
            .unwrap();
        world.run_for(ms(100));
        assert_eq!(world.state(theirs), ConnectionState::ClosedByPeer);
        assert_eq!(world.info(theirs).end_reason.code(), 1007);
    });
}
