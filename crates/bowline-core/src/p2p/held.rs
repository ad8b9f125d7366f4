//! A call that waits for our own certificate.
//!
//! Who asks for a connection shows a certificate with the first signal. While an authority is about to sign one
//! ([`Endpoint::set_authority`]), a call is held: it looks for its addresses and counts its time, but says nothing. The
//! endpoint lets it go with the certificate, or gives it up ([`Endpoint::poll_held_call`]).
//!
//! [`Endpoint::set_authority`]: crate::endpoint::Endpoint::set_authority
//! [`Endpoint::poll_held_call`]: crate::endpoint::Endpoint::poll_held_call

use alloc::boxed::Box;
use alloc::string::String;

use crate::connection::Connection;
use crate::end_reason::EndReason;
use crate::handshake::SharedHost;
use crate::handshake::WallClock;
use crate::handshake::session::Session;
use crate::time::Timestamp;

/// What becomes of a call that waits for our certificate.
#[derive(Debug)]
#[must_use = "the call waits for it"]
pub struct HeldCall(Outcome);

#[derive(Debug)]
enum Outcome {
    /// It may ask, as who we are now.
    Begin {
        host: SharedHost,
        clock: WallClock,
        session: Box<Session>,
    },
    /// There will be no certificate, and why.
    GiveUp(String),
}

impl HeldCall {
    pub(crate) fn begin(host: SharedHost, clock: WallClock, session: Session) -> Self {
        let session = Box::new(session);
        Self(Outcome::Begin {
            host,
            clock,
            session,
        })
    }

    pub(crate) const fn give_up(text: String) -> Self {
        Self(Outcome::GiveUp(text))
    }
}

impl Connection {
    /// Lets a call go that was held, or ends it. Nothing happens if it has ended, or is none.
    pub fn resume_call(&mut self, now: Timestamp, held: HeldCall) {
        let now = self.now.max(now);
        let is_calling = self.is_calling();
        let Some(party) = self.party.as_mut().filter(|party| party.is_held) else {
            return;
        };
        party.is_held = false;
        if !is_calling {
            return;
        }
        match held.0 {
            Outcome::Begin {
                host,
                clock,
                session,
            } => {
                party.session = Some(session);
                party.next_request = now;
                self.host = host;
                self.peer.clock = clock;
                self.want_signal(now);
            }
            Outcome::GiveUp(text) => self.fail(now, EndReason::MISC_STEAM_CONNECTIVITY, &text),
        }
    }
}
