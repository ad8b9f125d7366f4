//! What the applications on the hosts do: listen, connect, accept, send, receive, close.

use std::net::SocketAddr;

use bowline_core::config::{Config, LaneConfig};
use bowline_core::connection::{
    Connection, ConnectionInfo, ConnectionState, RealTimeStatus, Recording,
};
use bowline_core::counters::DropCounters;
use bowline_core::end_reason::EndReason;
use bowline_core::error::{AcceptError, ConnectError, LaneError, SendError};
use bowline_core::event::Event;
use bowline_core::ids::{LaneIndex, MessageNumber};
use bowline_core::limits::MAX_UNRELIABLE_SEND;
use bowline_core::message::{Outgoing, SendFlags};
use bowline_core::time::{Span, Timestamp};

use crate::host::{AcceptPolicy, Conn, Effects, Host, HostId, Received};
use crate::model::DeliveryModel;
use crate::world::{Stuck, World};

impl World {
    /// Listens on a port, with the settings that the host has now, and returns the address to dial.
    pub fn listen(&mut self, host: HostId, port: u16) -> SocketAddr {
        self.touch(host, |host, _, _| host.listen(port));
        SocketAddr::new(self.host(host).address, port)
    }

    /// Listens no longer.
    pub fn stop_listening(&mut self, host: HostId, port: u16) {
        self.touch(host, |host, _, _| host.stop_listening(port));
    }

    /// Changes the settings of connections that the host starts or listens for from now on.
    pub fn configure(&mut self, host: HostId, config: Config) {
        self.host_mut(host).config.connection = config;
    }

    /// Changes what the host does with connections that come in.
    pub fn set_accept_policy(&mut self, host: HostId, policy: AcceptPolicy) {
        self.host_mut(host).config.accept = policy;
    }

    /// Dials an address, from a socket of its own.
    ///
    /// # Errors
    /// If the address cannot be dialled.
    pub fn connect(&mut self, host: HostId, to: SocketAddr) -> Result<Conn, ConnectError> {
        let id = self.touch(host, |host, now, out| host.connect(now, None, to, out))?;
        let conn = Conn { host, id };
        self.put_gns_in_front(conn);
        Ok(conn)
    }

    /// Dials an address from a certain port, as a client does that comes back after a restart.
    ///
    /// # Errors
    /// If the address cannot be dialled, or not from there: one that does not tell connections apart
    /// takes only one from each port.
    pub fn connect_from(
        &mut self,
        host: HostId,
        port: u16,
        to: SocketAddr,
    ) -> Result<Conn, ConnectError> {
        let id = self.touch(host, |host, now, out| {
            host.connect(now, Some(port), to, out)
        })?;
        let conn = Conn { host, id };
        self.put_gns_in_front(conn);
        Ok(conn)
    }

    /// Dials an address and waits until both ends are connected; returns this end and the other.
    ///
    /// # Errors
    /// If one of the ends closes instead, or it takes longer than 20 s.
    pub fn connect_pair(&mut self, host: HostId, to: SocketAddr) -> Result<(Conn, Conn), Stuck> {
        let conn = self
            .connect(host, to)
            .map_err(|error| Stuck::new(format!("cannot dial {to}: {error}"), self.tell_all()))?;
        let ends = |world: &Self| {
            let state = |end| world.state(end);
            let peer = world.peer_of(conn);
            [state(conn), peer.map_or(ConnectionState::Connecting, state)]
        };
        self.wait_for("both ends to be connected", Span::from_secs(20), |world| {
            let ends = ends(world);
            ends == [ConnectionState::Connected; 2] || ends.iter().any(|end| end.is_closed())
        })?;
        match self.peer_of(conn) {
            Some(peer) if ends(self) == [ConnectionState::Connected; 2] => Ok((conn, peer)),
            Some(_) | None => {
                let what = "an end closed before both were connected".to_owned();
                Err(Stuck::new(what, self.tell_all()))
            }
        }
    }

    /// The connections of a host, in the order of their IDs, those that are over included.
    pub fn connections(&self, host: HostId) -> Vec<Conn> {
        let ids = self.host(host).slots().map(|(id, _)| Conn { host, id });
        ids.collect()
    }

    /// The connections of a host that wait to be accepted.
    pub fn incoming(&self, host: HostId) -> Vec<Conn> {
        let waits = |conn: &Conn| {
            self.state(*conn) == ConnectionState::Connecting
                && self.info(*conn).origin == bowline_core::handshake::Origin::Listen
        };
        self.connections(host).into_iter().filter(waits).collect()
    }

    /// The other end of a connection, once both ends are there.
    pub fn peer_of(&self, conn: Conn) -> Option<Conn> {
        if let Some(peer) = self.sender_of(conn) {
            return self.host(peer.host).slot(peer.id).map(|_| peer);
        }
        let remote = self.host(conn.host).slot(conn.id)?.route.remote;
        let is_other_end = |peer: &Conn| self.info(*peer).remote_id == Some(conn.id);
        // Behind a NAT, or moved away, it may be anywhere.
        let hosts = self
            .network
            .host_at(remote)
            .map_or_else(|| self.host_ids(), |host| vec![host]);
        let conns = hosts.into_iter().flat_map(|host| self.connections(host));
        conns.filter(|peer| *peer != conn).find(is_other_end)
    }

    /// Accepts a connection that came in.
    ///
    /// # Errors
    /// If it did not come in, or is decided upon.
    pub fn accept(&mut self, conn: Conn) -> Result<(), AcceptError> {
        let result = self.feed(conn, Connection::accept);
        result.unwrap_or(Err(AcceptError::WrongState(ConnectionState::Dead)))
    }

    /// Ends a connection, or refuses one that came in. With `linger`, what was sent reliably is
    /// delivered first.
    pub fn close(&mut self, conn: Conn, reason: EndReason, text: &str, linger: bool) {
        self.note_close(conn, linger);
        self.feed(conn, |connection, now| {
            connection.close(now, reason, text, linger)
        });
    }

    /// Sends a message in lane 0.
    ///
    /// # Errors
    /// If it is refused.
    pub fn send(
        &mut self,
        conn: Conn,
        flags: SendFlags,
        data: &[u8],
    ) -> Result<MessageNumber, SendError> {
        self.send_in_lane(conn, LaneIndex::ZERO, flags, data)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// If it is refused.
    pub fn send_in_lane(
        &mut self,
        conn: Conn,
        lane: LaneIndex,
        flags: SendFlags,
        data: &[u8],
    ) -> Result<MessageNumber, SendError> {
        self.send_message(conn, Outgoing::new(lane, flags, data))
    }

    /// Sends a message in any way that there is.
    ///
    /// # Errors
    /// If it is refused.
    pub fn send_message(
        &mut self,
        conn: Conn,
        message: Outgoing<'_>,
    ) -> Result<MessageNumber, SendError> {
        let (lane, flags) = (message.lane, message.flags);
        let data = message.payload.as_slice().to_vec();
        // Its number is known, and it may arrive, before the world hears of anything else.
        let mut effects = Effects::default();
        let now = self.now;
        self.begin_watch();
        let host = self.host_mut(conn.host);
        let result = host.feed(now, conn.id, &mut effects, |connection, now| {
            connection.send(now, message)
        });
        let result = result.unwrap_or(Err(SendError::WrongState(ConnectionState::Dead)));
        if let Ok(number) = result {
            let reliable = flags.is_reliable() || data.len() > MAX_UNRELIABLE_SEND;
            self.journal.sent(now, conn, (lane, number), reliable);
            self.flows
                .entry(conn)
                .or_default()
                .sent(lane, number, reliable, &data);
        }
        self.see_to(conn.host, effects);
        result
    }

    /// Lets queued messages wait for company no longer.
    ///
    /// # Errors
    /// If the connection is closed.
    pub fn flush(&mut self, conn: Conn) -> Result<(), SendError> {
        let result = self.feed(conn, Connection::flush);
        result.unwrap_or(Err(SendError::WrongState(ConnectionState::Dead)))
    }

    /// Sets the lanes of a connection.
    ///
    /// # Errors
    /// If they are refused.
    pub fn configure_lanes(&mut self, conn: Conn, lanes: &[LaneConfig]) -> Result<(), LaneError> {
        let result = self.feed(conn, |connection, now| {
            connection.configure_lanes(now, lanes)
        });
        result.unwrap_or(Err(LaneError::WrongState(ConnectionState::Dead)))
    }

    /// Has a connection drop unreliable messages that are older than one received before, in one lane or
    /// in all.
    pub fn set_sequenced(&mut self, conn: Conn, lane: Option<LaneIndex>, sequenced: bool) {
        let waiting = self.connection(conn).map_or(0, Connection::queued_messages);
        let model = self.sequences.entry(conn).or_default();
        model.set(lane, sequenced, waiting);
        self.feed(conn, |connection, now| {
            connection.set_sequenced(now, lane, sequenced)
        });
    }

    /// Takes the oldest message that arrived.
    pub fn receive(&mut self, conn: Conn) -> Option<Received> {
        if self.host(conn.host).slot(conn.id)?.inbox.is_empty() {
            self.touch(conn.host, |host, now, out| host.read_one(now, conn.id, out));
        }
        self.host_mut(conn.host)
            .slot_mut(conn.id)?
            .inbox
            .pop_front()
    }

    /// Sets whether the application takes messages of this connection as soon as they are there.
    pub fn set_reads_at_once(&mut self, conn: Conn, reads_at_once: bool) {
        let host = self.host_mut(conn.host);
        if let Some(slot) = host.slot_mut(conn.id) {
            slot.reads_at_once = reads_at_once;
            slot.reads_late |= !reads_at_once;
        }
        // What waits already is read now.
        self.touch(conn.host, |host, now, out| {
            host.feed(now, conn.id, out, |_, _| ())
        });
    }

    /// The state of a connection; dead if there is none.
    pub fn state(&self, conn: Conn) -> ConnectionState {
        let slot = self.host(conn.host).slot(conn.id);
        slot.map_or(ConnectionState::Dead, |slot| slot.state())
    }

    /// What is known of a connection, also when it is over.
    ///
    /// # Panics
    /// If the host never had it.
    pub fn info(&self, conn: Conn) -> ConnectionInfo {
        let slot = self.host(conn.host).slot(conn.id);
        slot.expect("no such connection").info()
    }

    /// How a connection does; `None` when it is over.
    pub fn status(&self, conn: Conn) -> Option<RealTimeStatus> {
        let host = self.host(conn.host);
        Some(host.connection(conn.id)?.status(host.local(self.now)))
    }

    /// What a connection told its application so far, with the time.
    pub fn events(&self, conn: Conn) -> &[(Timestamp, Event)] {
        let slot = self.host(conn.host).slot(conn.id);
        slot.map_or(&[], |slot| &slot.events)
    }

    /// When the connection came into a state for the first time.
    pub fn entered(&self, conn: Conn, state: ConnectionState) -> Option<Timestamp> {
        let enters =
            |event: &Event| matches!(event, Event::StateChanged { new, .. } if *new == state);
        let mut events = self.events(conn).iter();
        events.find(|(_, event)| enters(event)).map(|(at, _)| *at)
    }

    /// What a connection has sent and the other end received.
    pub fn deliveries(&self, sender: Conn) -> Option<&DeliveryModel> {
        self.flows.get(&sender)
    }

    /// Waits until everything that was sent reliably on this connection, in this direction, is there.
    ///
    /// # Errors
    /// If that takes longer than `limit`.
    pub fn wait_for_delivery(&mut self, sender: Conn, limit: Span) -> Result<(), Stuck> {
        self.wait_for("all reliable messages to arrive", limit, |world| {
            world
                .flows
                .get(&sender)
                .is_none_or(|flow| flow.reliable_due() == 0)
        })
    }

    /// Packets that the endpoint of a host refused.
    pub fn drops(&self, host: HostId) -> &DropCounters {
        self.host(host).endpoint().drops()
    }

    /// The connection itself, to look at; `None` when it is over.
    pub fn connection(&self, conn: Conn) -> Option<&Connection> {
        self.host(conn.host).connection(conn.id)
    }

    /// Starts to record what happens to a connection, and returns it as it is now.
    pub fn record(&mut self, conn: Conn, max_bytes: usize) -> Option<Connection> {
        let connection = self.host_mut(conn.host).connection_mut(conn.id)?;
        Some(connection.record(max_bytes))
    }

    /// Ends a recording.
    pub fn take_recording(&mut self, conn: Conn) -> Option<Recording> {
        let connection = self.host_mut(conn.host).connection_mut(conn.id)?;
        connection.take_recording()
    }

    pub(crate) fn feed<T>(
        &mut self,
        conn: Conn,
        input: impl FnOnce(&mut Connection, Timestamp) -> T,
    ) -> Option<T> {
        self.touch(conn.host, |host: &mut Host, now, out| {
            host.feed(now, conn.id, out, input)
        })
    }
}
