use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::crypto::kdf::KeyContext;
use crate::crypto::kdf::Role;
use crate::crypto::once;
use crate::crypto::packet::KeyEpoch;
use crate::crypto::rustcrypto;
use crate::ids::ConnectionId;

/// One end, with the provider that its later keys come from.
struct End {
    keys: ConnectionKeys,
    crypto: Crypto,
    next: PacketNumber,
}

#[derive(Clone)]
struct Packet {
    number: PacketNumber,
    phase: bool,
    sealed: Vec<u8>,
}

const EVERY_8: KeyLimits = KeyLimits {
    packets: 8,
    ..KeyLimits::DEFAULT
};
const START: Timestamp = Timestamp::from_micros(1_000_000);

impl End {
    fn new(role: Role, crypto: Crypto) -> Self {
        let shared = [5; 32];
        let ctx = KeyContext {
            client_id: ConnectionId::new(1),
            server_id: ConnectionId::new(2),
            client_nonce: 3,
            server_nonce: 4,
            client_cert: b"client",
            server_cert: b"server",
            client_crypt: b"offer",
            server_crypt: b"answer",
        };
        let cipher = crate::crypto::cipher_negotiation::Cipher::Aes256Gcm;
        let session = kdf::derive(&crypto, role, cipher, &shared, &ctx);
        let secrets = kdf::update_secrets(role, &shared, &ctx);
        let next = PacketNumber::new(2);
        Self {
            keys: ConnectionKeys::new(START, next, session, Some(secrets)),
            crypto,
            next,
        }
    }

    fn seal(&mut self, now: Timestamp, limits: &KeyLimits) -> Packet {
        let number = self.next;
        self.next = number.next();
        self.keys.renew(now, number, &self.crypto, limits);
        let mut sealed = Vec::from(number.get().to_le_bytes());
        self.keys.seal(number, &mut sealed, 0, 0);
        let phase = self.keys.phase();
        Packet {
            number,
            phase,
            sealed,
        }
    }

    fn open(&mut self, now: Timestamp, packet: &Packet) -> bool {
        let mut payload = packet.sealed.clone();
        let (number, phase) = (packet.number, packet.phase);
        let opened = self
            .keys
            .open(now, number, phase, &mut payload, &self.crypto);
        let plaintext = number.get().to_le_bytes();
        opened.is_ok_and(|opened| *opened == plaintext)
    }
}

fn ends() -> (End, End) {
    let crypto = rustcrypto::provider();
    (
        End::new(Role::Client, crypto.clone()),
        End::new(Role::Server, crypto),
    )
}

#[test]
fn a_key_is_replaced_after_its_packets_once_the_peer_has_confirmed_it() {
    let (mut client, mut server) = ends();
    for _ in 0..20 {
        let packet = client.seal(START, &EVERY_8);
        assert!(!packet.phase, "nothing was acknowledged");
        assert!(server.open(START, &packet));
    }
    client.keys.on_acked(PacketNumber::new(5));
    let packet = client.seal(START, &EVERY_8);
    assert!(packet.phase);
    assert!(server.open(START, &packet));
    assert_eq!(server.keys.recv.epoch().get(), 1);
    // An ack of a packet from before says nothing of the new key.
    client.keys.on_acked(PacketNumber::new(20));
    for _ in 0..20 {
        assert!(client.seal(START, &EVERY_8).phase);
    }
    client.keys.on_acked(packet.number);
    assert!(!client.seal(START, &EVERY_8).phase);
    assert_eq!(client.keys.send.epoch().get(), 2);
    assert_eq!(server.keys.send.epoch().get(), 0, "directions are apart");
}

#[test]
fn bytes_and_time_wear_a_key_too() {
    let bytes = KeyLimits {
        bytes: Some(48),
        ..KeyLimits::DEFAULT
    };
    let time = KeyLimits {
        time: Some(Span::from_secs(60)),
        ..KeyLimits::DEFAULT
    };
    let (mut client, _) = ends();
    client.keys.on_acked(PacketNumber::new(2));
    let phases: Vec<bool> = (0..3).map(|_| client.seal(START, &bytes).phase).collect();
    assert_eq!(phases, [false, false, true], "24 bytes each");
    client.keys.on_acked(PacketNumber::new(4));
    let almost = START + Span::from_millis(59_999);
    assert!(client.seal(almost, &time).phase);
    assert!(!client.seal(START + Span::from_secs(60), &time).phase);
}

#[test]
fn limit_packets_per_key() {
    let (mut client, _) = ends();
    let generous = KeyLimits {
        packets: u64::MAX,
        ..KeyLimits::DEFAULT
    };
    client.next = PacketNumber::new(2 + limits::PACKETS_PER_KEY - 1);
    client.keys.on_acked(PacketNumber::new(2));
    assert!(!client.seal(START, &generous).phase);
    assert!(
        client.seal(START, &generous).phase,
        "no setting goes beyond"
    );

    let (client, _) = ends();
    let worn = PacketNumber::new(2 + limits::MAX_PACKETS_PER_KEY);
    assert!(client.keys.is_worn_out(worn));
    assert!(!client.keys.is_worn_out(PacketNumber::new(worn.get() - 1)));
}

#[test]
fn limit_failed_opens() {
    assert!(KeyLimits::DEFAULT.is_broken(1 << 52));
    assert!(!KeyLimits::DEFAULT.is_broken((1 << 52) - 1));
    let generous = KeyLimits {
        failed_opens: u64::MAX,
        ..KeyLimits::DEFAULT
    };
    assert!(generous.is_broken(1 << 52), "no setting goes beyond");
}

#[test]
fn limit_old_key_lifetime() {
    let (mut client, mut server) = ends();
    let first = client.seal(START, &EVERY_8);
    let late = [client.seal(START, &EVERY_8), client.seal(START, &EVERY_8)];
    assert!(server.open(START, &first));
    client.keys.on_acked(first.number);
    client.next = PacketNumber::new(100);
    assert!(server.open(START, &client.seal(START, &EVERY_8)));
    assert!(server.open(START + Span::from_millis(2_999), &late[0]));
    assert!(!server.open(START + limits::OLD_KEY_LIFETIME, &late[1]));
    assert!(server.keys.update.as_ref().unwrap().old.is_none());
}

#[test]
fn a_forged_key_phase_moves_nothing() {
    let (mut client, mut server) = ends();
    let good = client.seal(START, &EVERY_8);
    let mut forged = good.clone();
    forged.phase = true;
    for _ in 0..100 {
        assert!(!server.open(START, &forged));
    }
    assert_eq!(server.keys.recv.epoch(), KeyEpoch::FIRST);
    assert!(server.open(START, &good));
}

#[test]
fn limit_memory_of_a_resting_connection_after_forged_packets() {
    let (mut client, mut server) = ends();
    let (silent, limits) = (server.keys.heap_bytes(), KeyLimits::DEFAULT);
    let mut forged = client.seal(START, &limits);
    forged.phase = true;
    for _ in 0..100 {
        assert!(!server.open(START, &forged));
    }
    assert!(server.keys.heap_bytes() > silent + EXPANDED_KEY);
    server.keys.rest(START, &server.crypto);
    assert_eq!(server.keys.heap_bytes(), silent);
    let next = client.seal(START, &limits);
    assert!(server.open(START, &next));
    // The next key opens packets all the same.
    client.keys.on_acked(next.number);
    client.next = PacketNumber::new(100);
    assert!(server.open(START, &client.seal(START, &EVERY_8)));
    assert_eq!(server.keys.recv.epoch(), KeyEpoch::FIRST.next());
    server.keys.rest(START, &server.crypto);
    let next = client.seal(START, &EVERY_8);
    assert!(server.open(START, &next) && !server.keys.recv.is_expanded());
}

#[test]
fn without_the_extension_the_key_phase_means_nothing() {
    let (mut client, mut server) = ends();
    server.keys.update = None;
    let mut packet = client.seal(START, &EVERY_8);
    packet.phase = true;
    assert!(server.open(START, &packet));
}

#[test]
fn a_connection_pays_little_for_keys_that_can_be_replaced() {
    assert!(size_of::<KeyUpdate>() <= 128, "{}", size_of::<KeyUpdate>());
}

#[test]
fn secrets_do_not_show() {
    let (client, _) = ends();
    let shown = std::format!("{:?}", client.keys);
    assert!(shown.contains("first_sent") && !shown.contains("secrets"));
    let secrets = client.keys.update.unwrap().secrets;
    assert_eq!(std::format!("{secrets:?}"), "UpdateSecrets");
}

proptest! {
    /// Both ends seal, lose, delay and acknowledge as they like, and replace their keys every eight
    /// packets: whatever arrives within the time of an old key opens, and no nonce is used twice.
    #[test]
    fn both_ends_replace_keys_under_loss_and_reordering(
        steps in prop::collection::vec((any::<bool>(), 0_u8..6, any::<prop::sample::Index>()), 1..400),
    ) {
        let crypto = once::provider();
        let mut ends = [End::new(Role::Client, crypto.clone()), End::new(Role::Server, crypto)];
        let mut under_way: [Vec<Packet>; 2] = [Vec::new(), Vec::new()];
        let mut highest = [PacketNumber::default(); 2];
        for (second, what, which) in steps {
            let (from, to) = if second { (1, 0) } else { (0, 1) };
            match what {
                0..=2 => under_way[from].push(ends[from].seal(START, &EVERY_8)),
                3 | 4 if !under_way[from].is_empty() => {
                    let at = which.index(under_way[from].len());
                    let packet = under_way[from].remove(at);
                    let epochs = ends[from].keys.send.epoch().get()
                        .wrapping_sub(ends[to].keys.recv.epoch().get());
                    prop_assert!(epochs <= 1, "{epochs} epochs ahead");
                    let opened = ends[to].open(START, &packet);
                    // Two epochs late is too late; so is what was sealed before the old key.
                    let span = highest[from].get().saturating_sub(packet.number.get());
                    prop_assert!(opened || span > 8, "packet {:?}", packet.number);
                    if opened {
                        highest[from] = highest[from].max(packet.number);
                    }
                }
                // The peer's ack arrives.
                5 => {
                    let latest = highest[from];
                    ends[from].keys.on_acked(latest);
                }
                _ => {}
            }
        }
    }
}
