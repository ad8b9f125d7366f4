//! What the client of a hub has to do, one step after the other.

use std::net::SocketAddr;
use std::sync::Arc;

use bowline_core::cert::check::AuthPolicy;
use bowline_core::cert::credentials::CredentialsError;
use bowline_core::config::Config;
use bowline_core::config::ConfigError;
use bowline_core::connection::ConnectionState;
use bowline_core::crypto::cipher_negotiation::EncryptionPolicy;
use bowline_core::hub::HubAction;
use bowline_core::hub::HubEvent;
use bowline_core::hub::limits::HUB_CONNECT_TIMEOUT;
use bowline_core::hub::limits::HUB_SILENCE;
use bowline_core::hub::limits::MAX_HUB_MESSAGE;
use bowline_core::identity::Identity;
use bowline_core::ids::LaneIndex;
use bowline_core::message::Outgoing;
use bowline_core::message::Payload;
use bowline_core::message::SendFlags;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use bowline_io::clock::Clock;
use bytes::Bytes;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::hub::Hub;
use crate::driver::hub_link::Desk;
use crate::driver::hub_link::HubLink;
use crate::driver::hub_link::Line;
use crate::driver::lobby::Nudge;
use crate::driver::lock_order::Driving;
use crate::driver::shard::ShardId;
use crate::driver::slot::Slot;
use crate::driver::slot::visible;
use crate::hub::HubAddress;

/// One step.
enum Work {
    /// Find out what has happened to the connection.
    Read(Arc<Slot>),
    /// Connect.
    Dial(SocketAddr),
    /// Ask for the addresses of a name.
    Ask(String),
    /// Close the connection.
    HangUp(Arc<Slot>),
    /// Send a message.
    Send(Arc<Slot>, Vec<u8>),
    /// The client tells something.
    Hear(HubEvent),
}

/// What has happened to the connection.
struct News {
    state: ConnectionState,
    key: Option<[u8; 32]>,
    messages: Vec<Bytes>,
    why: String,
}

/// A thread attends. If code of the application panics meanwhile, another one shall.
struct Attending<'a>(&'a Inner);

impl Drop for Attending<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.link.lock().is_attended = false;
        }
    }
}

impl Inner {
    /// Does what there is to do for the client of a hub, unless another thread does.
    pub(crate) fn attend_link(&self) {
        let home = {
            let mut link = self.link.lock();
            link.is_due = true;
            let Some(home) = link.desk.as_ref().and_then(|desk| desk.home.upgrade()) else {
                return;
            };
            if std::mem::replace(&mut link.is_attended, true) {
                return;
            }
            home
        };
        let suspended = Driving::suspend();
        let attending = Attending(&home);
        while let Some((desk, work)) = home.next_link_work() {
            home.do_link_work(desk, work);
        }
        drop(attending);
        drop(suspended);
    }

    /// The next step, and for which desk it is. Without one nobody attends any more.
    fn next_link_work(&self) -> Option<(u64, Work)> {
        let now = self.clock.now();
        let mut link = self.link.lock();
        let HubLink { desk, is_due, .. } = &mut *link;
        let mut wake_at = None;
        if let Some(desk) = desk {
            loop {
                if let Some(work) = desk.next_work(now) {
                    return Some((link.desks, work));
                }
                if !std::mem::take(is_due) {
                    break;
                }
                desk.client.handle_timeout(now);
                desk.give_up_asking(now);
                if let Some(slot) = desk.line.slot() {
                    let work = Work::Read(Arc::clone(slot));
                    return Some((link.desks, work));
                }
            }
            wake_at = desk.wake_at();
        }
        link.is_attended = false;
        let mut nudge = Nudge::default();
        let timers = &self.shards.first().timers;
        if timers.lock().schedule_link(wake_at) {
            nudge.wake.insert(ShardId::FIRST);
        }
        drop(link);
        self.lobby.act_on(nudge, |shards| self.shards.wake(shards));
        None
    }

    fn do_link_work(self: &Arc<Self>, desk: u64, work: Work) {
        match work {
            Work::Read(slot) => self.read_link(desk, &slot),
            Work::Dial(address) => self.dial_hub(desk, address),
            Work::Ask(name) => {
                if let Err(error) = self.resolver().ask(&name) {
                    tracing::warn!(name, %error, "the hub's name is not resolved");
                    self.tell_hub_resolved(&name, &[]);
                }
            }
            Work::HangUp(slot) => self.hang_up(Some(&slot)),
            Work::Send(slot, bytes) => {
                let payload = Payload::Shared(Bytes::from(bytes));
                let flags = SendFlags::RELIABLE_NO_NAGLE;
                let message = Outgoing::new(LaneIndex::ZERO, flags, payload);
                if let Err(error) = self.send(&slot, Urgency::Now, message) {
                    // A signal comes again, and a connection that has ended is found out by reading.
                    tracing::debug!(%error, "not sent to the hub");
                }
            }
            Work::Hear(event) => self.hear_hub(desk, event),
        }
    }

    /// Whether the desk of that number is still there. Whoever asks with the endpoint locked may change it as the desk
    /// wants: a desk is taken away first, and then the endpoint is changed for that.
    pub(crate) fn is_at_desk(&self, number: u64) -> bool {
        self.link.lock().desks == number
    }

    /// Does something with the desk of that number, if it is still there.
    pub(super) fn at_desk<R>(&self, number: u64, then: impl FnOnce(&mut Desk) -> R) -> Option<R> {
        let mut link = self.link.lock();
        if link.desks != number {
            return None;
        }
        link.desk.as_mut().map(|desk| then(desk))
    }

    fn dial_hub(self: &Arc<Self>, desk: u64, address: SocketAddr) {
        let Some(expect) = self.at_desk(desk, |desk| desk.config.pin.expect()) else {
            return;
        };
        let config = settings().expect("they are in range, and nothing is locked in new ones");
        match self.connect_hub(address, config, &expect) {
            Ok(slot) => self.take_dialled(desk, address, slot),
            Err(error) => {
                self.at_desk(desk, |desk| desk.why = error.to_string());
            }
        }
        // Some of it may have happened before it was known whose it is.
        self.attend_link();
    }

    /// The connection is under way. Meanwhile the desk may have gone, or may want it no more.
    fn take_dialled(&self, desk: u64, address: SocketAddr, slot: Arc<Slot>) {
        let mut unwanted = Some(slot);
        self.at_desk(desk, |desk| {
            if matches!(desk.line, Line::Choosing)
                && let Some(slot) = unwanted.take()
            {
                desk.line = Line::Dialled(slot, address);
            }
        });
        self.hang_up(unwanted.as_ref());
    }

    fn read_link(&self, desk: u64, slot: &Arc<Slot>) {
        let news = self.link_news(slot);
        let has_ended = !matches!(
            news.state,
            ConnectionState::Connecting | ConnectionState::Connected
        );
        let now = self.clock.now();
        self.at_desk(desk, |desk| {
            let is_this = desk.line.slot().is_some_and(|its| Arc::ptr_eq(its, slot));
            if !is_this {
                return;
            }
            desk.line = match std::mem::replace(&mut desk.line, Line::Down) {
                Line::Dialled(slot, address) if news.key.is_some() => {
                    desk.good = Some(address);
                    desk.status.hub_address = Some(address);
                    Line::Up(slot)
                }
                line => line,
            };
            if let (Line::Up(_), Some(key)) = (&desk.line, news.key) {
                desk.client.on_connected(now, key);
            }
            for message in &news.messages {
                desk.client.on_message(now, message);
            }
            if has_ended {
                desk.status.hub_address = None;
                match std::mem::replace(&mut desk.line, Line::Down) {
                    Line::Up(_) => desk.client.on_disconnected(now, &news.why),
                    _ => {
                        desk.why = news.why;
                        desk.line = Line::Choosing;
                    }
                }
            }
        });
        if has_ended {
            self.hang_up(Some(slot));
        }
    }

    fn link_news(&self, slot: &Arc<Slot>) -> News {
        let mut news = News {
            state: ConnectionState::None,
            key: None,
            messages: Vec::new(),
            why: "the connection to the hub is closed".to_owned(),
        };
        let mut state = slot.state.lock();
        slot.catch_up(&mut state);
        let now = state.advance(self.clock.now());
        if let Some(live) = &mut state.live {
            let info = live.core.info();
            news.state = visible(info.state);
            news.key = live.core.peer_key();
            if !info.end_text.is_empty() {
                news.why = format!("no connection to the hub: {}", info.end_text);
            }
            while news.messages.len() < MAX_READ
                && let Some(message) = live.core.receive(now)
            {
                news.messages.push(message.into_bytes());
            }
        }
        // Which tells the client to look again if something is left.
        self.after_input(slot, state, Urgency::Now);
        news
    }

    fn hear_hub(self: &Arc<Self>, desk: u64, event: HubEvent) {
        match event {
            HubEvent::SignedIn {
                identity,
                session,
                seen_address,
                ..
            } => {
                self.at_desk(desk, |desk| {
                    desk.status.session = session;
                    desk.status.seen_address = seen_address;
                });
                self.check_own_identity(desk, &identity);
            }
            HubEvent::Certificate(bytes) => self.take_certificate(desk, &bytes),
            HubEvent::Network(config) => self.take_network(desk, &config),
            HubEvent::NetworkKnown => self.confirm_network(desk),
            HubEvent::NetworkRefused(error) => self.refuse_network(desk, error),
            HubEvent::Signal { from, payload } => self.take_hub_signal(desk, &from, &payload),
            HubEvent::SignalRefused { number, reason } => {
                self.on_signal_refused(desk, number, reason);
            }
            HubEvent::Availability { availability, text } => {
                self.with_trust(|endpoint| {
                    let noted = self.at_desk(desk, |desk| desk.note(availability, &text));
                    if noted.is_some() {
                        endpoint.set_authority(Some((availability, text)));
                    }
                });
            }
            // A kind that this crate does not know yet.
            _ => {}
        }
    }

    /// The interface cannot be two.
    fn check_own_identity(&self, desk: u64, identity: &Identity) {
        let own = self.hub.lock().endpoint.identity().clone();
        if !own.is_anonymous() && own != *identity {
            let why = format!("the hub takes us for {identity}, but the interface is {own}");
            self.at_desk(desk, |desk| desk.client.reject(&why));
        }
    }

    /// The calendar may have been set, by which the hub's certificate expires; the endpoint is locked. Whether the client
    /// has to look again.
    pub(crate) fn tell_link_calendar(&self, hub: &Hub, now: Timestamp, unix_secs: u64) -> bool {
        let own = hub.endpoint.credentials();
        let Some(own) = own.filter(|_| hub.is_certified_by_hub) else {
            return false;
        };
        let left = Span::from_secs(own.expiry_unix_secs().saturating_sub(unix_secs));
        let mut link = self.link.lock();
        let desk = link.desk.as_mut();
        desk.is_some_and(|desk| desk.client.on_calendar(now, left))
    }

    fn take_certificate(&self, desk: u64, bytes: &[u8]) {
        let taken = self.with_trust_of(|hub| {
            if !self.is_at_desk(desk) {
                return Ok(None);
            }
            let endpoint = &mut hub.endpoint;
            let had_none = endpoint.identity().is_anonymous();
            endpoint.set_certificate(self.clock.now(), bytes)?;
            let expiry = endpoint
                .credentials()
                .map_or(0, |own| own.expiry_unix_secs());
            if had_none {
                self.link.lock().given_name = Some(endpoint.identity().clone());
            }
            // Before anybody hears of the certificate.
            self.at_desk(desk, |desk| {
                desk.status.certificate_expiry_unix_secs = Some(expiry);
            });
            // At once: it may be due for renewal already, of which the application shall not hear.
            hub.is_certified_by_hub = true;
            Ok::<_, CredentialsError>(Some(expiry))
        });
        let now = self.clock.now();
        match taken {
            Ok(None) => {}
            Ok(Some(expiry)) => {
                let left = Span::from_secs(expiry.saturating_sub(Clock::unix_seconds()));
                self.at_desk(desk, |desk| desk.client.on_certificate_taken(now, left));
            }
            // It may be put right at any moment, so this is not the end.
            Err(error @ CredentialsError::Expired { .. }) => {
                let why = format!("the clock of the hub or of this machine is wrong: {error}");
                let hub = self.hub.lock();
                let own = hub.endpoint.credentials();
                let unix_secs = Clock::unix_seconds();
                let has_another = own.is_some_and(|own| own.expiry_unix_secs() > unix_secs);
                drop(hub);
                // With another one nothing else tells, and they come every half minute at most.
                tracing::warn!("{why}");
                self.at_desk(desk, |desk| {
                    desk.client.on_certificate_expired(now, has_another, &why);
                });
            }
            Err(error) => {
                let why = format!("the certificate of the hub cannot be used: {error}");
                self.at_desk(desk, |desk| desk.client.reject(&why));
            }
        }
    }
}

impl Desk {
    /// The next step, as far as nothing new has to be read for it.
    fn next_work(&mut self, now: Timestamp) -> Option<Work> {
        loop {
            if let Some(action) = self.client.poll_action() {
                if let Some(work) = self.act(action) {
                    return Some(work);
                }
            } else if let Some(event) = self.client.poll_event() {
                return Some(Work::Hear(event));
            } else if matches!(self.line, Line::Choosing) {
                match self.targets.pop_front() {
                    Some(HubAddress::Is(address)) => return Some(Work::Dial(address)),
                    Some(HubAddress::Named(name, port)) => {
                        self.line = Line::Asking {
                            name: name.clone(),
                            port,
                            until: now + HUB_CONNECT_TIMEOUT,
                        };
                        return Some(Work::Ask(name));
                    }
                    None => {
                        self.line = Line::Down;
                        let why = std::mem::take(&mut self.why);
                        self.client.on_disconnected(now, &why);
                    }
                }
            } else {
                return None;
            }
        }
    }

    /// Does not let a name that is looked up slowly stand in the way of other addresses.
    fn give_up_asking(&mut self, now: Timestamp) {
        if let Line::Asking { until, .. } = self.line
            && until <= now
        {
            self.why = "the name of the hub is not resolved in time".to_owned();
            self.line = Line::Choosing;
        }
    }

    /// When there is something to do without news.
    fn wake_at(&self) -> Option<Timestamp> {
        let asking = match self.line {
            Line::Asking { until, .. } => Some(until),
            _ => None,
        };
        let both = [self.client.poll_timeout(), asking];
        both.into_iter().flatten().min()
    }

    fn act(&mut self, action: HubAction) -> Option<Work> {
        match action {
            HubAction::Connect => {
                self.begin();
                None
            }
            HubAction::Disconnect => {
                self.status.hub_address = None;
                let line = std::mem::replace(&mut self.line, Line::Down);
                let slot = line.slot().cloned();
                slot.map(Work::HangUp)
            }
            HubAction::Send(bytes) => {
                let slot = self.line.slot().cloned();
                slot.map(|slot| Work::Send(slot, bytes))
            }
        }
    }
}

/// What the connection to a hub has of its own, whatever the application wants for others.
fn settings() -> Result<Config, ConfigError> {
    let mut config = Config::new();
    config
        // It is held to its pin instead.
        .set_auth(AuthPolicy::Allow)
        .set_auth_localhost(AuthPolicy::Allow)
        .set_encryption(EncryptionPolicy::default());
    config
        .set_timeout_initial(HUB_CONNECT_TIMEOUT)?
        .set_timeout_connected(HUB_SILENCE)?
        .set_send_buffer(4 * MAX_HUB_MESSAGE)?
        .set_recv_buffer(4 * MAX_HUB_MESSAGE)?
        .set_recv_buffer_messages(4 * MAX_READ)?;
    Ok(config)
}

/// Messages that are taken from the hub at a time, before the client does what follows from them.
const MAX_READ: usize = 64;

#[cfg(test)]
mod tests;
