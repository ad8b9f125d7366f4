//! Towards a receiver with the limits of the original.

use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_sim::{ConnectionState, GnsCounters, LinkConfig};

use crate::support::{Path, bottleneck, host, mbit, ms, percent, secs};

pub(crate) fn toward_gns(seed: u64, loss: u32, outage: bool) -> (u64, GnsCounters) {
    let mut open = host();
    open.connection.set_encryption(EncryptionPolicy::Off);
    let link = |loss| bottleneck(ms(60), mbit(1000), 50).loss(percent(loss));
    let mut path = Path::with(seed, open, link(loss), link(0));
    let flow = path.connect();
    path.world.receive_as_gns(path.flows[flow].to);
    path.set_bulk(flow, true);
    path.run(secs(8));
    let rate = path.goodput(flow, secs(3), secs(8));
    if outage {
        let (client, server) = (path.client, path.server);
        path.world
            .set_link(client, server, LinkConfig::PERFECT.down());
        path.run(secs(2));
        path.world.set_link(client, server, link(loss));
        path.run(secs(3));
        let again = path.goodput(flow, secs(11), secs(13));
        assert!(again > rate / 2, "{again} after the outage, {rate} before");
    }
    let conn = path.flows[flow].from;
    assert_eq!(path.world.state(conn), ConnectionState::Connected);
    (
        rate,
        path.world
            .gns_receiver(path.flows[flow].to)
            .unwrap()
            .counters(),
    )
}

/// Measured: 11.9 MB/s.
#[test]
fn fills_100_mbit_without_loss_and_survives_an_outage() {
    let (rate, gns) = toward_gns(9, 0, true);
    assert!(rate >= 11_400_000, "{rate}");
    assert_eq!(gns.violations, 0);
}

#[test]
fn one_percent_of_loss_costs_a_part() {
    let (rate, gns) = toward_gns(9, 1, false);
    assert!(rate >= 7_000_000, "{rate}");
    assert_eq!(gns.violations, 0);
}

/// Holes that are known and those to be expected are fifteen at most, so that none is refused. Measured: 2.7 MB/s.
/// Short of the aim: 4 MB/s, with some refused.
#[test]
fn five_percent_of_loss_leave_what_fifteen_holes_allow() {
    let (rate, gns) = toward_gns(9, 5, false);
    assert!(rate >= 2_500_000, "{rate}");
    assert_eq!(gns.violations, 0, "{gns:?}");
}
