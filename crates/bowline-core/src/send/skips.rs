//! Packet numbers that no packet has, to find out a peer who acknowledges what it does not have.
//!
//! **Why.** Acks open the window and raise the rate. A peer that acknowledges packets which are still under
//! way, or which were lost, makes us send faster than the path takes: it gains, and whoever shares the path
//! with it pays (RFC 9000, section 21.4). So a number is left out now and then. A peer that has received
//! nothing cannot tell it from that of a packet; if it acknowledges it all the same, it has lied, and the
//! connection ends.
//!
//! **When.** Towards every peer, since a liar would agree to nothing. Only while more waits to be sent than
//! fits into a packet: where the application decides how much leaves, lies gain nothing, and a game sees none
//! of this. First after [`FIRST_NUMBERS`], while a sender that is lied to has not got far, then about every
//! three seconds; never while the peer has not spoken of the last one. Numbers and times are drawn from what
//! the peer cannot know.
//!
//! **What it costs** is what a lost packet costs a receiver, GNS's or ours: what comes right behind waits for
//! a millisecond, or for 32 packets ([`limits::REORDER_WINDOW`](crate::limits::REORDER_WINDOW)), what is
//! acknowledged does so for three, and its statistics count a packet as lost that never was: one in a few
//! thousand where the path is fast. Our own statistics, controller, armour and loss detection know better: in
//! the ring of packets it is an entry without bytes, of which nobody hears.
//!
//! **Never by mistake.** A receiver may deny what it has, but acknowledges nothing that it lacks (wire.md
//! 4.5), except what lies below our stop-waiting point; and that stays below the number until a report has
//! told of it. What becomes of reports on the way changes nothing: the first one that comes here and speaks
//! of the number is believed, and it comes from somebody who still had to tell.

use serde::Deserialize;
use serde::Serialize;

use crate::crypto::siphash::SipKey;
use crate::ids::PacketNumber;
use crate::send::LossStats;
use crate::send::Sender;
use crate::snp::ack_codec::AckFrame;
use crate::time::Span;
use crate::time::Timestamp;

/// Numbers between two that are left out: so many, and up to as many again.
const FIRST_NUMBERS: u64 = 256;
/// The time between the two: so long, and up to as long again.
const PAUSE: Span = Span::from_secs(2);

/// Which numbers are left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Skips {
    /// The next one is not below this number; `None` until there is much to send.
    next: Option<PacketNumber>,
    /// Nor before this time.
    next_at: Timestamp,
    /// The last one, of which the peer may not have spoken yet.
    last: Option<PacketNumber>,
}

impl Sender {
    /// Makes it impossible for the peer to guess which numbers are left out.
    pub(crate) const fn set_luck(&mut self, luck: u64) {
        self.luck = luck;
    }

    /// Leaves out a number, if it is time. More than a packet of data waits, and one is about to leave.
    pub(crate) fn skip_number(&mut self, now: Timestamp) {
        let (number, luck) = (self.next_number(), self.luck);
        let skips = &mut self.rare.get_or_insert_default().skips;
        let next = *skips.next.get_or_insert_with(|| next_after(number, luck));
        if next > number || skips.next_at > now || skips.last.is_some() {
            return;
        }
        skips.next = Some(next_after(number, luck));
        let pause = draw(luck, number, "pause") % PAUSE.as_micros();
        skips.next_at = now + PAUSE + Span::from_micros(pause);
        skips.last = Some(number);
        self.skipped_numbers = self.skipped_numbers.saturating_add(1);
        self.in_flight.skip(now);
    }

    /// How many numbers were left out.
    pub(crate) const fn skipped_numbers(&self) -> u16 {
        self.skipped_numbers
    }

    /// Forgets when to leave out the next: after a rest a sender is one that has not got far.
    pub(super) fn rest_skips(&mut self) {
        self.rare.take_if(|rare| {
            let is_pending = rare.skips.last.is_some();
            rare.losses == LossStats::default() && !is_pending
        });
    }

    /// Whether the peer says that it has a packet that there never was.
    pub(super) fn is_lie(&mut self, ack: &AckFrame<'_>) -> bool {
        let Some(rare) = &mut self.rare else {
            return false;
        };
        let Some(skipped) = rare.skips.last.take_if(|skipped| *skipped <= ack.latest) else {
            return false;
        };
        // What is not remembered any more may have been left to the peer.
        self.in_flight.remembers(skipped) && ack.acknowledges(skipped)
    }
}

fn next_after(number: PacketNumber, luck: u64) -> PacketNumber {
    let more = FIRST_NUMBERS + draw(luck, number, "number") % FIRST_NUMBERS;
    PacketNumber::new(number.get().saturating_add(more))
}

/// A number that only we can know, and that no other packet number gives.
fn draw(luck: u64, number: PacketNumber, purpose: &str) -> u64 {
    let key = SipKey::from_words([luck, number.get()]);
    key.hash(purpose.as_bytes())
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;

    const FIRST: PacketNumber = PacketNumber::new(2);

    /// The numbers that are left out of a thousand packets a second, each of which the peer has told of.
    fn skipped(luck: u64, seconds: u64) -> Vec<(Timestamp, u64)> {
        let mut sender = Sender::new(Timestamp::ZERO, &Config::new(), FIRST);
        sender.set_luck(luck);
        let mut all = Vec::new();
        for packet in 0..seconds * 1000 {
            let now = Timestamp::from_micros(packet * 1000);
            let number = sender.next_number();
            sender.skip_number(now);
            if sender.next_number() != number {
                all.push((now, number.get()));
                sender.rare.as_mut().unwrap().skips.last = None;
            }
            sender.on_packet_sent(now, 1000, 0, false);
        }
        all
    }

    #[test]
    fn limit_a_number_is_left_out_early_and_then_every_few_seconds() {
        for luck in 1..20 {
            let all = skipped(luck, 60);
            let (_, first) = all[0];
            assert!((258..=514).contains(&first), "{first}");
            for pair in all.windows(2) {
                let pause = pair[1].0.since(pair[0].0);
                assert!((PAUSE..=PAUSE * 2).contains(&pause), "{pause:?}");
            }
            assert!((14..=31).contains(&all.len()), "{}", all.len());
        }
    }

    #[test]
    fn other_luck_leaves_out_other_numbers() {
        assert_eq!(skipped(1, 20), skipped(1, 20));
        assert_ne!(skipped(1, 20), skipped(2, 20));
    }

    #[test]
    fn the_next_number_is_left_out_only_when_the_peer_has_spoken_of_the_last() {
        let mut sender = Sender::new(Timestamp::ZERO, &Config::new(), FIRST);
        for packet in 0..10_000 {
            let now = Timestamp::from_micros(packet * 1000);
            sender.skip_number(now);
            sender.on_packet_sent(now, 1000, 0, false);
        }
        assert_eq!(sender.next_number().get(), 2 + 10_000 + 1);
        assert_eq!(sender.skipped_numbers(), 1);
    }
}
