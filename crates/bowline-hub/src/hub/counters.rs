//! What has happened at a hub.

use bowline_core::hub::Method;
use bowline_core::hub::NackReason;
use bowline_core::hub::Refusal;

/// Counts since the hub began. They only grow.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Sessions that another sign-in of the same identity ended.
    pub superseded: u64,
    /// Certificates issued.
    pub certificates: u64,
    /// Requests for certificates that came too fast.
    pub certificates_withheld: u64,
    /// Signals that were carried to somebody.
    pub signals_carried: u64,
    /// Signals to identities that are not here.
    pub signals_to_nobody: u64,
    /// Requests to connect that one identity got too many of.
    pub requests_dropped: u64,
    /// Signals of which one identity got too many bytes.
    pub signals_dropped: u64,
    /// Messages that are none.
    pub malformed: u64,
    /// Messages to clients that do not read.
    pub dropped: u64,
    sign_ins: [u64; Method::ALL.len()],
    refusals: [u64; Refusal::ALL.len()],
    nacks: [u64; NackReason::ALL.len()],
}

impl Counters {
    /// Sign-ins that succeeded, by how: who comes back does so by resumption, however it signed in first.
    pub fn sign_ins(&self) -> impl Iterator<Item = (Method, u64)> {
        Method::ALL.iter().copied().zip(self.sign_ins)
    }

    /// All sign-ins that succeeded.
    pub fn all_sign_ins(&self) -> u64 {
        self.sign_ins.iter().sum()
    }

    /// Clients that were not let in, by the reason.
    pub fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.iter().copied().zip(self.refusals)
    }

    /// Signals that were refused, by the reason.
    pub fn nacks(&self) -> impl Iterator<Item = (NackReason, u64)> {
        NackReason::ALL.iter().copied().zip(self.nacks)
    }

    pub(super) fn signed_in(&mut self, method: Method) {
        count(Method::ALL, &mut self.sign_ins, method);
    }

    pub(super) fn refused(&mut self, reason: Refusal) {
        count(Refusal::ALL, &mut self.refusals, reason);
    }

    pub(super) fn nacked(&mut self, reason: NackReason) {
        count(NackReason::ALL, &mut self.nacks, reason);
    }
}

fn count<T: PartialEq>(all: &[T], counts: &mut [u64], one: T) {
    for (known, count) in all.iter().zip(counts) {
        *count += u64::from(*known == one);
    }
}
