//! What an agent holds, and what it gives back once it has found a way.

use core::mem::size_of;

use crate::ice::IceAgent;
use crate::ice::IceEvent;
use crate::ice::IceTransmit;
use crate::ice::agent::Queues;
use crate::ice::candidate::Local;
use crate::ice::pair::Check;
use crate::ice::pair::Pair;
use crate::ice::pair::PairKey;
use crate::ice::pair::Remote;
use crate::ice::story::Story;
use crate::limits;
use crate::memory;
use crate::rng::Rng;
use crate::stun::TransactionId;

impl IceAgent {
    /// The most that [`Self::heap_bytes`] can come to, in bytes.
    pub(crate) const HEAP_BOUND: usize = {
        let remotes = limits::MAX_REMOTE_CANDIDATES + limits::MAX_PEER_REFLEXIVE;
        let packet = size_of::<(IceTransmit, alloc::vec::Vec<u8>)>() + LONGEST_PACKET;
        memory::grown::<Local>(limits::MAX_LOCAL_CANDIDATES)
            + memory::grown::<Remote>(remotes)
            + memory::grown::<Pair>(limits::MAX_CANDIDATE_PAIRS)
            + limits::MAX_CANDIDATE_PAIRS * size_of::<Check>()
            + size_of::<Queues>()
            + memory::grown::<PairKey>(limits::MAX_CANDIDATE_PAIRS)
            + memory::grown::<IceEvent>(limits::MAX_ICE_EVENTS + 1)
            + limits::MAX_ICE_EVENTS * limits::MAX_CANDIDATE_TEXT
            + 2 * limits::MAX_ICE_PACKETS * packet
            + Story::HEAP_BOUND
            + memory::grown::<TransactionId>(limits::MAX_CONSENT_CHECKS)
            + 3 * limits::MAX_ICE_CREDENTIAL
            + Rng::HEAP_BOUND
    };

    /// Heap in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let peer = self.peer.as_ref();
        let peer = peer.map_or(0, |peer| peer.ufrag.len() + peer.key.heap_bytes());
        let selection = self.selection.as_ref();
        self.key.heap_bytes()
            + peer
            + memory::of_vec(&self.locals)
            + memory::of_vec(&self.remotes)
            + self.checklist.heap_bytes()
            + selection.map_or(0, |selection| selection.heap_bytes())
            + self.queued_bytes()
            + self.story.heap_bytes()
            + self.rng.heap_bytes()
    }

    /// Gives back memory that is only kept for speed: an agent may be idle for hours.
    pub(crate) fn rest(&mut self) {
        self.locals.shrink_to_fit();
        self.remotes.shrink_to_fit();
        self.checklist.shrink();
        if let Some(selection) = &mut self.selection {
            selection.shrink();
        }
        self.story.shrink();
        self.rng.rest();
    }
}

/// No message of an agent is longer: a check with the longest names, and all that it may have.
const LONGEST_PACKET: usize = 128 + 2 * limits::MAX_ICE_CREDENTIAL;
