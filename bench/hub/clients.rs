//! Clients of a hub, with as little around them as can be.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use std::time::Instant;

use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::Event;
use bowline::Expect;
use bowline::Message;
use bowline::PollGroup;
use bowline::SendFlags;
use bowline::Sockets;
use bowline::cert::PublicKey;
use bowline_bench::Result;
use bowline_core::hub::FromHub;
use bowline_core::hub::HUB_PROTOCOL;
use bowline_core::hub::Hello;
use bowline_core::hub::HubSignal;
use bowline_core::hub::Method;
use bowline_core::hub::Role;
use bowline_core::hub::ToHub;
use bowline_core::ids::AppId;
use bowline_core::ids::ConnectionId;
use bowline_core::wire::pb;
use prost::Message as _;

use crate::serve::PREFIX;

const APP: AppId = AppId::new(480);
/// Clients that are on their way in at a time.
const AT_ONCE: usize = 256;
/// What a request to connect has besides its names: certificate, key exchange and candidates.
const SIGNAL_BYTES: usize = 700;

/// All clients of a process.
pub(crate) struct Clients {
    sockets: Sockets,
    group: PollGroup,
    hub: SocketAddr,
    key: PublicKey,
    request: Vec<u8>,
    links: Vec<Connection>,
    /// Which client a connection is, before it is signed in.
    coming: HashMap<ConnectionId, usize>,
    signed_in: usize,
    start: Instant,
    /// How long signals took, in microseconds.
    pub(crate) latencies: Vec<u32>,
    messages: Vec<Message>,
}

impl Clients {
    pub(crate) fn new(hub: SocketAddr, key: PublicKey) -> Result<Self> {
        // The hub's certificate is for no game.
        let sockets = Sockets::builder().app_id(AppId::ANY.get()).build()?;
        Ok(Self {
            group: sockets.poll_group(),
            request: sockets.certificate_request().to_bytes(),
            sockets,
            hub,
            key,
            links: Vec::new(),
            coming: HashMap::new(),
            signed_in: 0,
            start: Instant::now(),
            latencies: Vec::new(),
            messages: Vec::new(),
        })
    }

    /// Signs in so many; says how long it took.
    pub(crate) fn sign_in(&mut self, count: usize) -> Result<Duration> {
        let start = Instant::now();
        let end = start + Duration::from_secs(300);
        while self.signed_in < count {
            while self.links.len() < count && self.links.len() - self.signed_in < AT_ONCE {
                self.dial()?;
            }
            self.turn(Duration::from_millis(5))?;
            if Instant::now() > end {
                return Err(format!("only {} of {count} are signed in", self.signed_in).into());
            }
        }
        Ok(start.elapsed())
    }

    fn dial(&mut self) -> Result {
        let expect = Expect::Key(self.key);
        let link = self
            .sockets
            .connect_expecting(self.hub, expect, Config::new())?;
        link.set_poll_group(Some(&self.group))?;
        self.coming.insert(link.id(), self.links.len());
        self.links.push(link);
        Ok(())
    }

    /// Goes on as if nobody had anything to say.
    pub(crate) fn be_silent(&mut self, how_long: Duration) -> Result {
        let end = Instant::now() + how_long;
        while Instant::now() < end {
            self.turn(Duration::from_millis(50))?;
        }
        Ok(())
    }

    /// Sends signals at a steady rate from each to another one; says how many.
    pub(crate) fn signal(&mut self, per_sec: u64, how_long: Duration) -> Result<u64> {
        let start = Instant::now();
        let mut sent = 0;
        while start.elapsed() < how_long {
            let due = start.elapsed().as_micros() as u64 * per_sec / 1_000_000;
            while sent < due {
                self.send_one(sent)?;
                sent += 1;
            }
            self.turn(Duration::from_micros(500))?;
        }
        // What is under way arrives.
        self.be_silent(Duration::from_secs(1))?;
        Ok(sent)
    }

    fn send_one(&self, number: u64) -> Result {
        let count = self.links.len();
        let from = number as usize % count;
        // Far from each other, and never the same.
        let to = (from * 7919 + 1 + number as usize / count) % count;
        let (from_name, to) = (
            name(from),
            name(if to == from { (to + 1) % count } else { to }),
        );
        let at = self.start.elapsed().as_micros() as u64;
        let mut payload = at.to_le_bytes().to_vec();
        payload.resize(SIGNAL_BYTES, 0);
        let payload = pb::Rendezvous {
            from_identity: Some(from_name.into()),
            to_identity: Some(to.clone().into()),
            reliable_messages: vec![payload],
            ..pb::Rendezvous::default()
        };
        let signal = ToHub::Signal(HubSignal {
            number: 1,
            peer: to,
            payload: payload.encode_to_vec(),
        });
        let link = self.links.get(from).ok_or("nobody is signed in")?;
        link.send(&signal.encode(), SendFlags::RELIABLE_NO_NAGLE)?;
        Ok(())
    }

    fn turn(&mut self, longest: Duration) -> Result {
        self.sockets.wait(longest);
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            if change.new == ConnectionState::Connected {
                self.say_hello(&change.connection)?;
            } else if change.is_ended() {
                return Err(format!("a connection ended: {}", change.info.end_text).into());
            }
        }
        let mut messages = std::mem::take(&mut self.messages);
        while self.group.receive_batch(&mut messages, 256) > 0 {
            for message in messages.drain(..) {
                self.take(&message)?;
            }
        }
        self.messages = messages;
        Ok(())
    }

    fn say_hello(&self, link: &Connection) -> Result {
        let client = self.coming.get(&link.id()).ok_or("an unknown connection")?;
        let hello = ToHub::Hello(Hello {
            protocol: HUB_PROTOCOL,
            app: APP,
            role: Role::User,
            method: Ok(Method::Dev),
            credential: Vec::new(),
            wanted_identity: Some(name(*client).parse()?),
            version: "hub-load".into(),
            certificate_request: Some(self.request.clone()),
        });
        link.send(&hello.encode(), SendFlags::RELIABLE_NO_NAGLE)?;
        Ok(())
    }

    fn take(&mut self, message: &Message) -> Result {
        match FromHub::parse(message)? {
            FromHub::Welcome(welcome) => {
                if welcome.certificate.is_none() {
                    return Err("a welcome without a certificate".into());
                }
                self.coming.remove(&message.connection().id());
                self.signed_in += 1;
            }
            FromHub::Signal(signal) => {
                let signal = pb::Rendezvous::decode(&signal.payload[..])?;
                let bytes = signal.reliable_messages.first().ok_or("an empty signal")?;
                let (at, _) = bytes.split_first_chunk().ok_or("a short signal")?;
                let now = self.start.elapsed().as_micros() as u64;
                let took = now.saturating_sub(u64::from_le_bytes(*at));
                self.latencies.push(u32::try_from(took)?);
            }
            FromHub::Config { .. } => {}
            other => return Err(format!("the hub says {other:?}").into()),
        }
        Ok(())
    }
}

fn name(client: usize) -> String {
    format!("{PREFIX}{client}")
}
