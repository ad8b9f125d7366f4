//! Signals from one client to another.

use std::hash::DefaultHasher;
use std::hash::Hash as _;
use std::hash::Hasher as _;

use bowline_core::hub::FromHub;
use bowline_core::hub::Goodbye;
use bowline_core::hub::HubSignal;
use bowline_core::hub::NackReason;
use bowline_core::hub::Refusal;
use bowline_core::identity::Identity;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;
use bowline_core::wire::pb;
use prost::Message as _;

use crate::bucket::Bucket;
use crate::bucket::Rate;
use crate::hub::Hub;
use crate::hub::session::Session;
use crate::limits::ACQUAINTED;
use crate::limits::MAX_PAIRS;
use crate::limits::PAIR_BYTES_BURST;
use crate::limits::PAIR_BYTES_PER_SEC;
use crate::limits::PAIR_SIGNAL_BURST;
use crate::limits::PAIR_SIGNALS_PER_SEC;
use crate::limits::RECEIVED_BYTES_BURST;
use crate::limits::RECEIVED_BYTES_PER_SEC;
use crate::limits::REQUEST_BURST;
use crate::limits::REQUESTS_PER_SEC;
use crate::limits::SIGNAL_BURST;
use crate::limits::SIGNAL_BYTES_PER_SEC;
use crate::limits::SIGNALS_PER_SEC;

/// How many signals went to whom of late.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    list: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    /// The hash of the identity, so that those of others need not be looked at: each is somewhere else in memory.
    hash: u64,
    to: Identity,
    signals: Bucket,
    bytes: Bucket,
}

/// A signal that may go on.
struct Checked {
    to: Identity,
    payload: Vec<u8>,
    is_request: bool,
}

const SIGNALS: Rate = Rate {
    per_sec: SIGNALS_PER_SEC,
    burst: SIGNAL_BURST,
};
const SIGNAL_BYTES: Rate = Rate {
    per_sec: SIGNAL_BYTES_PER_SEC,
    burst: 2 * SIGNAL_BYTES_PER_SEC,
};
const PAIR_SIGNALS: Rate = Rate {
    per_sec: PAIR_SIGNALS_PER_SEC,
    burst: PAIR_SIGNAL_BURST,
};
const PAIR_BYTES: Rate = Rate {
    per_sec: PAIR_BYTES_PER_SEC,
    burst: PAIR_BYTES_BURST,
};
const RECEIVED_BYTES: Rate = Rate {
    per_sec: RECEIVED_BYTES_PER_SEC,
    burst: RECEIVED_BYTES_BURST,
};
const REQUESTS: Rate = Rate {
    per_sec: REQUESTS_PER_SEC,
    burst: REQUEST_BURST,
};

impl Pairs {
    fn take(&mut self, now: Timestamp, to: &Identity, bytes: u32) -> bool {
        let hash = hash(to);
        if let Some(pair) = self.list.iter_mut().find(|pair| pair.is_with(hash, to)) {
            return pair.take(now, bytes);
        }
        if self.list.len() >= MAX_PAIRS {
            let indexed = self.list.iter().enumerate();
            let oldest = indexed.min_by_key(|(_, pair)| pair.full_at());
            let index = oldest.map_or(0, |(index, _)| index);
            self.list.swap_remove(index);
        }
        let mut pair = Pair {
            hash,
            to: to.clone(),
            signals: Bucket::default(),
            bytes: Bucket::default(),
        };
        let is_within = pair.take(now, bytes);
        self.list.push(pair);
        is_within
    }

    /// Whether a signal went there lately.
    fn has_lately(&self, now: Timestamp, peer: &Identity) -> bool {
        let hash = hash(peer);
        let pair = self.list.iter().find(|pair| pair.is_with(hash, peer));
        pair.is_some_and(|pair| now.since(pair.full_at()) < ACQUAINTED)
    }
}

impl Pair {
    fn is_with(&self, hash: u64, peer: &Identity) -> bool {
        self.hash == hash && self.to == *peer
    }

    fn take(&mut self, now: Timestamp, bytes: u32) -> bool {
        self.signals.take(now, PAIR_SIGNALS, 1) && self.bytes.take(now, PAIR_BYTES, bytes)
    }

    /// When nothing of it was used.
    fn full_at(&self) -> Timestamp {
        self.signals.full_at().max(self.bytes.full_at())
    }
}

impl Hub {
    /// A client has a signal for somebody.
    pub(super) fn on_signal(&mut self, now: Timestamp, client: ConnectionId, signal: HubSignal) {
        let number = signal.number;
        let Some(member) = self.sessions.get_mut(&client).and_then(Session::member_mut) else {
            return self.refuse_stranger(client);
        };
        let bytes = u32::try_from(signal.payload.len()).unwrap_or(u32::MAX);
        let checked = if signal.payload.len() > self.policy.max_signal {
            Err(NackReason::TooLarge)
        } else if !member.allowance.signals.take(now, SIGNALS, 1)
            || !member.allowance.signal_bytes.take(now, SIGNAL_BYTES, bytes)
        {
            Err(NackReason::RateLimited)
        } else {
            check(signal, &member.identity, self.policy.max_signal)
        };
        let pairs = &mut member.allowance.pairs;
        let checked = checked.and_then(|checked| match pairs.take(now, &checked.to, bytes) {
            true => Ok(checked),
            false => Err(NackReason::RateLimited),
        });
        member.sent += u64::from(checked.is_ok());
        let key_app = member.app;
        let from = member.identity.clone();
        match checked {
            Ok(checked) => {
                let owner = self.owners.get(&(key_app, checked.to.clone())).copied();
                self.deliver(now, owner, from, checked);
            }
            Err(reason) => {
                self.counters.nacked(reason);
                let reason = Some(reason);
                self.send(client, &FromHub::Nack { number, reason });
            }
        }
    }

    fn deliver(
        &mut self,
        now: Timestamp,
        owner: Option<ConnectionId>,
        from: Identity,
        signal: Checked,
    ) {
        let member = owner.and_then(|owner| {
            let session = self.sessions.get_mut(&owner)?;
            session.member_mut().map(|member| (owner, member))
        });
        let Some((owner, member)) = member else {
            self.counters.signals_to_nobody += 1;
            return;
        };
        if signal.is_request && !member.allowance.requests.take(now, REQUESTS, 1) {
            self.counters.requests_dropped += 1;
            return;
        }
        let allowance = &mut member.allowance;
        let received = match allowance.pairs.has_lately(now, &from) {
            true => &mut allowance.received,
            false => &mut allowance.unsolicited,
        };
        let peer = from.to_string();
        let bytes = u32::try_from(signal.payload.len() + peer.len()).unwrap_or(u32::MAX);
        if !received.take(now, RECEIVED_BYTES, bytes) {
            self.counters.signals_dropped += 1;
            return;
        }
        self.counters.signals_carried += 1;
        let signal = HubSignal {
            number: 0,
            peer,
            payload: signal.payload,
        };
        self.send(owner, &FromHub::Signal(signal));
    }

    /// Somebody who is nobody yet wants what only members get.
    pub(super) fn refuse_stranger(&mut self, client: ConnectionId) {
        match self.sessions.get(&client) {
            Some(session) if session.member().is_some() => self.dismiss(client, Goodbye::Malformed),
            Some(_) => self.refuse(client, Refusal::Malformed, "not signed in"),
            None => {}
        }
    }
}

/// The same for the same identity. Who finds two with the same one gains nothing by it.
fn hash(of: &Identity) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Whether a signal is one, and says what its envelope says.
fn check(signal: HubSignal, sender: &Identity, limit: usize) -> Result<Checked, NackReason> {
    let HubSignal {
        peer, mut payload, ..
    } = signal;
    let to: Identity = peer.parse().map_err(|_| NackReason::Malformed)?;
    let message = pb::Rendezvous::decode(&*payload).map_err(|_| NackReason::Malformed)?;
    let identity_in =
        |bytes: &[u8]| -> Option<Identity> { std::str::from_utf8(bytes).ok()?.parse().ok() };
    match &message.from_identity {
        // Rejections of the original lack it.
        None => {
            let name = Some(sender.to_string().into());
            let missing = pb::Rendezvous {
                from_identity: name,
                ..pb::Rendezvous::default()
            };
            // Bytes of messages one behind the other are the fields of both.
            payload.extend_from_slice(&missing.encode_to_vec());
            if payload.len() > limit {
                return Err(NackReason::TooLarge);
            }
        }
        Some(bytes) if identity_in(bytes).as_ref() != Some(sender) => {
            return Err(NackReason::NotYours);
        }
        Some(_) => {}
    }
    let named = message.to_identity.as_deref();
    if named.is_some_and(|bytes| identity_in(bytes).as_ref() != Some(&to)) {
        return Err(NackReason::Malformed);
    }
    Ok(Checked {
        to,
        payload,
        is_request: message.connect_request.is_some(),
    })
}
