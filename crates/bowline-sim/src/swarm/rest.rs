//! The end of a scenario: faults end, what is due arrives, everything closes, nothing remains.

use bowline_core::connection::ConnectionState;
use bowline_core::end_reason::EndReason;
use bowline_core::ids::LaneIndex;
use bowline_core::limits;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;

use crate::host::{AcceptPolicy, Conn};
use crate::swarm::{Feature, Scenario, all_ends};
use crate::world::{Stuck, World};

/// A promise that was broken.
#[derive(Debug)]
pub(super) struct Broken(String);

impl Broken {
    pub(super) const fn new(what: String) -> Self {
        Self(what)
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl From<Stuck> for Broken {
    fn from(stuck: Stuck) -> Self {
        Self(stuck.what().into())
    }
}

/// What can make a peer fall silent for too long, or forget a connection.
const SILENCING: &[Feature] = &[
    Feature::Latency,
    Feature::Loss,
    Feature::BurstLoss,
    Feature::Corruption,
    Feature::SmallMtu,
    Feature::Bottleneck,
    Feature::Outage,
    Feature::PowerCut,
    Feature::Pauses,
    Feature::Restarts,
    Feature::Moves,
    Feature::Clocks,
    Feature::Nats,
    Feature::Garble,
    Feature::Settings,
    Feature::LiveSettings,
    Feature::ByHand,
    Feature::OddCalls,
    Feature::ComeAndGo,
];
/// After all is delivered, the acknowledgement of it takes no longer.
const LAST_ACKS: Span = Span::from_secs(60);
/// Beyond this nobody lingers, answers closed peers, or waits for an answer.
const CLOSING: Span = Span::from_secs(30);
/// Nothing happens any more after this.
const SILENCE: Span = Span::from_secs(10);

impl Scenario<'_> {
    /// Ends all faults and sees that every promise is kept.
    pub(super) fn come_to_rest(&mut self) -> Result<(), Broken> {
        self.world.tell("the faults end".into());
        for host in self.cast.hosts.clone() {
            self.world.set_accept_policy(host, AcceptPolicy::AtOnce);
            for conn in self.world.incoming(host) {
                // Fails only together with the connection, which tells by itself.
                let _ = self.world.accept(conn);
            }
        }
        self.world.settle()?;
        self.world.verify()?;
        let limit = LAST_ACKS + self.world.settling_time();
        self.world.wait_for(
            "what was sent to leave and be acknowledged",
            limit,
            |world| world.live_ends().iter().all(|conn| is_quiet(world, *conn)),
        )?;
        self.talk_once_more()?;
        self.check_ends()?;
        self.close_all()?;
        self.world.verify()?;
        Ok(())
    }

    /// Over links without faults everything arrives, also what need not: nothing else is under way that
    /// could fill a receive buffer.
    fn talk_once_more(&mut self) -> Result<(), Broken> {
        let mut asked = Vec::new();
        for conn in self.world.live_ends() {
            if is_whole(self.world, conn) {
                let flags = SendFlags::UNRELIABLE_NO_NAGLE;
                let number = self.world.send(conn, flags, b"still there?");
                // By this one it is noticed if the path is gone.
                let reliable = SendFlags::RELIABLE_NO_NAGLE;
                let noticed = self.world.send(conn, reliable, b"say so!");
                asked.extend(number.ok().filter(|_| noticed.is_ok()).map(|n| (conn, n)));
            }
        }
        self.world.settle()?;
        self.world.verify()?;
        for (conn, number) in asked {
            let flow = self.world.deliveries(conn);
            let arrived = flow.is_some_and(|flow| flow.has_arrived(LaneIndex::ZERO, number));
            // A NAT may have forgotten who is behind it.
            if !arrived && is_whole(self.world, conn) && !self.has(Feature::Nats) {
                let who = self.world.describe(conn);
                let what = format!("{who}: an unreliable message got lost on a link without loss");
                return Err(Broken::new(what));
            }
        }
        Ok(())
    }

    /// Nothing ended for a reason that only a bug explains.
    fn check_ends(&self) -> Result<(), Broken> {
        for conn in all_ends(self.world) {
            let info = self.world.info(conn);
            if !self.is_explained(info.end_reason) {
                let (who, text) = (self.world.describe(conn), info.end_text);
                let what = format!("{who} ended with {} {text:?}", info.end_reason);
                return Err(Broken::new(what));
            }
        }
        Ok(())
    }

    fn is_explained(&self, reason: EndReason) -> bool {
        let has = |features: &[Feature]| features.iter().any(|feature| self.has(*feature));
        let is_altered = has(&[Feature::Garble, Feature::Corruption]);
        match reason {
            EndReason::INVALID => true,
            EndReason::MISC_TIMEOUT | EndReason::MISC_PEER_SENT_NO_CONNECTION => has(SILENCING),
            // A message larger than the peer takes.
            EndReason::MISC_INTERNAL_ERROR => has(&[Feature::Settings, Feature::LiveSettings]),
            // Nothing protects the first packets of a handshake against alteration but the checksum of UDP.
            EndReason::REMOTE_BAD_CRYPT => has(&[Feature::MixedEncryption]) || is_altered,
            EndReason::REMOTE_BAD_CERT => has(&[Feature::OddCalls]) || is_altered,
            EndReason::REMOTE_BAD_PROTOCOL_VERSION => is_altered,
            // A server that explains why it refuses.
            EndReason::MISC_GENERIC => {
                has(&[
                    Feature::OddCalls,
                    Feature::Restarts,
                    Feature::Nats,
                    Feature::Moves,
                ]) || is_altered
            }
            other => (1000..3000).contains(&other.code()) || is_altered,
        }
    }

    /// Everything is closed, and after a while nobody remembers anything.
    fn close_all(&mut self) -> Result<(), Broken> {
        for (host, address) in self.cast.servers.clone() {
            self.world.stop_listening(host, address.port());
        }
        for conn in all_ends(self.world) {
            let linger = self.once_in(2);
            self.world.close(conn, EndReason::APP_GENERIC, "", linger);
        }
        let limit = limits::FIN_WAIT + limits::MAX_LINGER + CLOSING;
        self.world
            .wait_for("all connections to be over", limit, |world| {
                world.live_ends().is_empty()
            })?;
        self.world.run_for(SILENCE);
        if let Some((conn, due)) = self.world.broken_linger() {
            let who = self.world.describe(conn);
            let what = format!("{who} lingered, and {due} reliable messages did not arrive");
            return Err(Broken::new(what));
        }
        for host in self.cast.hosts.clone() {
            let open = self.world.open_connections(host);
            if self.world.is_on(host) && open > 0 {
                let name = self.world.name(host);
                let what = format!("{name} still remembers {open} connections");
                return Err(Broken::new(what));
            }
        }
        Ok(())
    }
}

/// Whether an end has nothing left to send, and has heard that all that is reliable arrived.
fn is_quiet(world: &World, conn: Conn) -> bool {
    let status = world.status(conn).filter(|_| is_whole(world, conn));
    status.is_none_or(|status| {
        let waits = status.pending_reliable_bytes + status.pending_unreliable_bytes;
        waits + status.unacked_reliable_bytes == 0
    })
}

/// Whether both ends are connected, as far as they know.
fn is_whole(world: &World, conn: Conn) -> bool {
    let is_connected =
        |conn: Conn| world.state(conn) == ConnectionState::Connected && world.is_on(conn.host);
    is_connected(conn) && world.peer_of(conn).is_some_and(is_connected)
}
