//! The crate `bowline` as its users have it, as a [`Host`].

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bowline::{Connection, Event, Expect, Listener, Message, SendError, Sockets};

use crate::convert;
use crate::host::{
    Change, Host, Info, Lane, Link, Options, Outgoing, Received, SendRefused, Status,
};

/// One sockets interface, with its service thread.
pub struct Product {
    sockets: Sockets,
    /// Whom every dialled host must prove to be.
    expect: Option<Expect>,
    /// Kept, because dropping one closes it.
    listeners: Vec<Listener>,
    connections: BTreeMap<Link, Connection>,
    /// Reused from call to call.
    messages: Vec<Message>,
}

impl Product {
    /// An interface with an identity (`str:name`), or an anonymous one.
    ///
    /// # Panics
    /// When the identity cannot be read or the interface does not start.
    pub fn new(identity: Option<&str>) -> Self {
        let mut builder = Sockets::builder();
        if let Some(identity) = identity {
            builder = builder.identity(identity.parse().expect("scenarios use sound identities"));
        }
        Self::of(builder.build().expect("the interface starts"), None)
    }

    /// An interface that was made by the scenario, and whom it expects to reach when it dials.
    pub fn of(sockets: Sockets, expect: Option<Expect>) -> Self {
        Self {
            sockets,
            expect,
            listeners: Vec::new(),
            connections: BTreeMap::new(),
            messages: Vec::new(),
        }
    }

    /// An interface of another game than those of GNS here, which tells the clients that it refuses.
    ///
    /// # Panics
    /// When it does not start.
    pub fn of_another_game() -> Self {
        let builder = Sockets::builder().app_id(480).explain_rejections(true);
        Self::of(builder.build().expect("the interface starts"), None)
    }

    fn connection(&self, link: Link) -> &Connection {
        self.connections
            .get(&link)
            .expect("the scenario knows its links")
    }
}

impl Host for Product {
    fn listen(&mut self, options: &Options) -> SocketAddr {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = self.sockets.listen_with(address, convert::config(options));
        let listener = listener.unwrap_or_else(|error| panic!("{error}"));
        let address = listener.local_addr();
        self.listeners.push(listener);
        address
    }

    fn connect(&mut self, to: SocketAddr, options: &Options) -> Link {
        let config = convert::config(options);
        let connection = match self.expect.clone() {
            Some(expect) => self.sockets.connect_expecting(to, expect, config),
            None => self.sockets.connect_with(to, config),
        };
        let connection = connection.unwrap_or_else(|error| panic!("{error}"));
        let link = link_of(&connection);
        self.connections.insert(link, connection);
        link
    }

    fn accept(&mut self, link: Link) {
        self.connection(link)
            .accept()
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn close(&mut self, link: Link, reason: i32, text: &str, linger: bool) {
        let closed = self
            .connection(link)
            .close(convert::end_reason(reason), text, linger);
        closed.unwrap_or_else(|error| panic!("{error}"));
    }

    fn send(&mut self, link: Link, message: &Outgoing<'_>) -> Result<u64, SendRefused> {
        let lane = convert::lane(message.lane);
        let flags = convert::send_flags(message);
        match self.connection(link).send_on(lane, message.data, flags) {
            Ok(number) => Ok(number.get()),
            Err(SendError::BufferFull { .. }) => Err(SendRefused::Full),
            Err(error) => Err(SendRefused::Other(error.to_string())),
        }
    }

    fn flush(&mut self, link: Link) {
        self.connection(link)
            .flush()
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn receive(&mut self, link: Link, into: &mut Vec<Received>) {
        let connection = self
            .connections
            .get(&link)
            .expect("the scenario knows its links");
        let received = connection.receive_batch(&mut self.messages, 128);
        received.unwrap_or_else(|error| panic!("{error}"));
        into.extend(self.messages.drain(..).map(|message| Received {
            number: message.number().get(),
            lane: u16::from(message.lane().get()),
            reliable: message.is_reliable(),
            data: message.to_vec(),
        }));
    }

    fn configure_lanes(&mut self, link: Link, lanes: &[Lane]) {
        let lanes = convert::lanes(lanes);
        self.connection(link)
            .configure_lanes(&lanes)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    fn changes(&mut self, into: &mut Vec<Change>) {
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(event) = event else {
                continue;
            };
            let link = link_of(&event.connection);
            into.push(Change {
                link,
                old: convert::state(event.old),
                new: convert::state(event.new),
                incoming: event.info.listener.is_some(),
            });
            self.connections.insert(link, event.connection);
        }
    }

    fn info(&self, link: Link) -> Info {
        let Ok(info) = self.connection(link).info() else {
            return Info::unknown();
        };
        Info {
            state: convert::state(info.state),
            end_reason: info.end_reason.code().cast_signed(),
            end_text: info.end_text,
            identity: info
                .identity
                .map_or_else(String::new, |identity| identity.to_string()),
            remote: Some(info.remote_addr),
            encrypted: info.encrypted,
            authenticated: info.authenticated,
        }
    }

    fn status(&self, link: Link) -> Status {
        let status = self.connection(link).status();
        convert::status(&status.unwrap_or_else(|error| panic!("{error}")))
    }

    fn queue_time(&self, link: Link, lane: u16) -> Duration {
        let lane = convert::lane(lane);
        let status = self.connection(link).lane_status(lane);
        let status = status.unwrap_or_else(|error| panic!("{error}"));
        status.queue_time.expect("the rate is known").into()
    }
}

impl fmt::Debug for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bowline with {} connections", self.connections.len())
    }
}

fn link_of(connection: &Connection) -> Link {
    Link(u64::from(connection.id().get()))
}
