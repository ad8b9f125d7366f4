//! Sockets: which one a connection is dialled from, and which ones are listened on.
//!
//! GNS tells connections of one client address apart by that address alone, so a client socket has at
//! most one connection to a remote, and not again until some seconds after a close; for a second one
//! another socket is opened. The core's endpoint knows when a socket may dial. With several service
//! threads each has client sockets of its own, and a socket of each listener.

use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::sync::Arc;
use std::sync::Weak;
use std::thread;
use std::time::Duration;

use bowline_core::cert::expect::Expect;
use bowline_core::config::Config;
use bowline_core::config::ConfigScope;
use bowline_core::end_reason::EndReason;
use bowline_core::endpoint::SocketId;
use bowline_core::error::ConnectError as CoreConnectError;
use bowline_core::ids::VirtualPort;
use bowline_io::udp::UdpSocket;

use crate::driver::Inner;
use crate::driver::Urgency;
use crate::driver::hub::Caller;
use crate::driver::hub::Dialled;
use crate::driver::hub::Family;
use crate::driver::hub::Members;
use crate::driver::limits;
use crate::driver::lock_order::assert_none_held;
use crate::driver::shard::ShardId;
use crate::driver::slot::Slot;
use crate::error::ConnectError;
use crate::error::ListenError;
use crate::error::ListenP2pError;
use crate::listener::ListenerId;

/// A socket that is listened on, or what stands for a virtual port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listening {
    pub(crate) id: ListenerId,
    pub(crate) socket: SocketId,
}

impl Inner {
    /// Starts a connection, whose own settings are given, to a peer that must be the one expected.
    pub(crate) fn connect(
        self: &Arc<Self>,
        addr: SocketAddr,
        options: Option<Config>,
        expect: Option<Expect>,
    ) -> Result<Arc<Slot>, ConnectError> {
        let addr = canonical(addr);
        let is_multicast = addr.ip().is_multicast();
        if addr.port() == 0 || addr.ip().is_unspecified() || is_multicast {
            return Err(ConnectError::BadAddress { addr });
        }
        if self.lobby.is_full(0) {
            return Err(ConnectError::TooManyEvents);
        }
        let interface = self.config();
        let config = match options {
            Some(options) => self.config_for(options, ConfigScope::Connection)?,
            None => Arc::clone(&interface),
        };
        let shard = self.shards.next_to_dial();
        let caller = Caller::Application(expect.as_ref());
        let slot = match self.dial(shard, addr, &config, caller)? {
            Some(slot) => slot,
            None => self.dial_from_new_socket(shard, addr, &config, caller)?,
        };
        self.after_input(&slot, slot.state.lock(), Urgency::Now);
        let interface_now = self.config();
        if !Arc::ptr_eq(&interface, &interface_now) {
            // It changed while the connection was in nobody's list.
            self.inherit(&slot, &interface_now);
        }
        Ok(slot)
    }

    /// Starts the connection to a hub, which the application does not see.
    pub(super) fn connect_hub(
        self: &Arc<Self>,
        addr: SocketAddr,
        config: Config,
        expect: &Expect,
    ) -> Result<Arc<Slot>, ConnectError> {
        let addr = canonical(addr);
        let config = self.config_for(config, ConfigScope::Connection)?;
        let (shard, caller) = (ShardId::FIRST, Caller::HubLink(expect));
        let slot = match self.dial(shard, addr, &config, caller)? {
            Some(slot) => slot,
            None => self.dial_from_new_socket(shard, addr, &config, caller)?,
        };
        self.after_input(&slot, slot.state.lock(), Urgency::Now);
        Ok(slot)
    }

    /// Listens on `addr`.
    pub(crate) fn listen(
        &self,
        addr: SocketAddr,
        options: Config,
    ) -> Result<(Listening, SocketAddr), ListenError> {
        let interface = self.config();
        let config = self.config_for(options, ConfigScope::ListenSocket)?;
        let addr = canonical(addr);
        if addr.ip().is_multicast() {
            return Err(ListenError::BadAddress { addr });
        }
        let count = self.shards.count();
        let bind = |addr, dual_stack| UdpSocket::bind_spread(addr, dual_stack, count);
        let sockets =
            open_listen_socket(addr, bind).map_err(|source| ListenError::new(addr, source))?;
        if sockets.len() < count {
            tracing::warn!(
                threads = count,
                "one service thread has all of a listener's clients"
            );
        }
        let local_addr = sockets[0].local_addr();
        let sockets = sockets.into_iter().map(Arc::new);
        let members = self.shards.ids().zip(sockets).collect::<Vec<_>>();
        let (id, socket_id) = self.hub.lock().add_listener(members.clone(), config);
        for (shard, socket) in &members {
            self.shards.get(*shard).add_socket(socket_id, socket);
        }
        if !Arc::ptr_eq(&interface, &self.config()) {
            // It changed while the listener was in nobody's list.
            self.reconfigure();
        }
        let listening = Listening {
            id,
            socket: socket_id,
        };
        Ok((listening, local_addr))
    }

    /// Listens on a virtual port.
    pub(crate) fn listen_p2p(
        self: &Arc<Self>,
        port: VirtualPort,
        options: Config,
    ) -> Result<Listening, ListenP2pError> {
        let interface = self.config();
        let config = self.config_for(options, ConfigScope::ListenSocket)?;
        let (id, socket) = self.hub.lock().add_port(port, config)?;
        self.open_ways();
        self.want_hub();
        if !Arc::ptr_eq(&interface, &self.config()) {
            // It changed while the listener was in nobody's list.
            self.reconfigure();
        }
        Ok(Listening { id, socket })
    }

    /// Listens no more. Requests that wait for an answer are refused; accepted connections go on.
    pub(crate) fn stop_listening(&self, listening: &Listening) {
        let mut hub = self.hub.lock();
        let slots = hub.slots();
        let unused = hub.stop_listening(listening.socket);
        drop(hub);
        release(unused);
        for slot in slots {
            if slot.listener == Some(listening.id) && slot.is_undecided() {
                // A handle that is stale already needs no closing.
                let _ = self.close(&slot, EndReason::APP_GENERIC, LISTENER_CLOSED, false);
            }
        }
    }

    /// Listens no more, drops every connection that came in here, and frees the port.
    pub(crate) fn close_listener(&self, listening: &Listening) {
        let slots = self.hub.lock().refuse_clients(listening.socket);
        for slot in slots {
            if slot.listener == Some(listening.id) {
                self.kill(&slot, EndReason::APP_GENERIC, LISTENER_CLOSED);
            }
        }
        let members = self.hub.lock().remove_listener(listening.socket);
        release(members);
    }

    fn dial(
        self: &Arc<Self>,
        shard: ShardId,
        addr: SocketAddr,
        config: &Arc<Config>,
        caller: Caller<'_>,
    ) -> Result<Option<Arc<Slot>>, ConnectError> {
        let mut hub = self.hub.lock();
        if !hub.is_open() {
            // A thread of the library's own is late.
            return Err(ConnectError::TooManyConnections);
        }
        let dialled = hub
            .dial(self.clock.now(), shard, addr, config, caller)
            .map_err(|error| refused(addr, error))?;
        Ok(dialled.map(|dialled| self.insert_dialled(&mut hub, dialled, caller)))
    }

    fn dial_from_new_socket(
        self: &Arc<Self>,
        shard: ShardId,
        addr: SocketAddr,
        config: &Arc<Config>,
        caller: Caller<'_>,
    ) -> Result<Arc<Slot>, ConnectError> {
        let (socket, family) = open_client_socket(addr, UdpSocket::bind)
            .map_err(|source| ConnectError::Socket { addr, source })?;
        let socket = Arc::new(socket);
        let mut hub = self.hub.lock();
        if !hub.is_open() {
            return Err(ConnectError::TooManyConnections);
        }
        let id = hub.add_client_socket(shard, Arc::clone(&socket), family);
        let slot = match hub.dial(self.clock.now(), shard, addr, config, caller) {
            Ok(Some(dialled)) => self.insert_dialled(&mut hub, dialled, caller),
            // A new socket may dial anywhere, so the address must be at fault.
            Ok(None) => {
                hub.remove_unused(id);
                return Err(ConnectError::BadAddress { addr });
            }
            Err(error) => {
                hub.remove_unused(id);
                return Err(refused(addr, error));
            }
        };
        drop(hub);
        self.shards.get(shard).add_socket(id, &socket);
        Ok(slot)
    }

    fn insert_dialled(
        self: &Arc<Self>,
        hub: &mut super::Hub,
        dialled: Dialled,
        caller: Caller<'_>,
    ) -> Arc<Slot> {
        let Dialled {
            core,
            shard,
            socket,
            route,
        } = dialled;
        let slot = match caller {
            Caller::Application(_) => self.new_slot(core, shard, Some(socket), route, None, false),
            Caller::HubLink(_) => self.new_hub_slot(core, shard, socket, route),
        };
        hub.insert(&slot);
        slot
    }
}

const LISTENER_CLOSED: &str = "the listen socket was closed";

fn refused(addr: SocketAddr, error: CoreConnectError) -> ConnectError {
    match error {
        CoreConnectError::BadAddress | CoreConnectError::RouteInUse => {
            ConnectError::BadAddress { addr }
        }
        CoreConnectError::TooManyConnections => ConnectError::TooManyConnections,
    }
}

/// The one form of an address by which connections are found: IPv4 unmapped, no flow label.
fn canonical(addr: SocketAddr) -> SocketAddr {
    match addr {
        SocketAddr::V4(_) => addr,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(IpAddr::V4(ip), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}

/// One socket reaches both families; where IPv6 is missing, IPv4 alone has to do.
fn open_client_socket<S>(
    remote: SocketAddr,
    bind: impl Fn(SocketAddr, bool) -> io::Result<S>,
) -> io::Result<(S, Family)> {
    assert_none_held();
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);
    match bind(any, true) {
        Ok(socket) => Ok((socket, Family::Dual)),
        Err(_) if remote.is_ipv4() => {
            let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
            Ok((bind(any, false)?, Family::V4))
        }
        Err(error) => Err(error),
    }
}

/// `[::]` takes both families, IPv4 alone where IPv6 is missing. Any other address is taken as it is.
fn open_listen_socket<S>(
    addr: SocketAddr,
    bind: impl Fn(SocketAddr, bool) -> io::Result<S>,
) -> io::Result<S> {
    assert_none_held();
    let is_any = addr.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    match bind(addr, is_any) {
        Ok(socket) => Ok(socket),
        Err(error) => {
            if !is_any || error.kind() == io::ErrorKind::AddrInUse {
                return Err(error);
            }
            let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), addr.port());
            bind(any, false).map_err(|_| error)
        }
    }
}

/// Closes sockets. When it returns the port is free, so that it can be listened on again at once.
fn release(members: Option<Members>) {
    for (_, socket) in members.into_iter().flatten() {
        let last_users = Arc::downgrade(&socket);
        drop(socket);
        wait_for_close(&last_users);
    }
}

/// Another thread may be in the middle of a batch on the socket. It is done in microseconds, unless the system
/// has taken it off its processor.
fn wait_for_close(socket: &Weak<UdpSocket>) {
    for _ in 0..limits::CLOSE_SPINS {
        if socket.strong_count() == 0 {
            return;
        }
        thread::sleep(Duration::from_micros(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host without IPv6: what could be bound is the address itself.
    fn without_ipv6(addr: SocketAddr, _: bool) -> io::Result<SocketAddr> {
        if addr.is_ipv6() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(addr)
    }

    #[test]
    fn where_ipv6_is_missing_ipv4_takes_its_place() {
        let any: SocketAddr = "[::]:27015".parse().unwrap();
        let bound = open_listen_socket(any, without_ipv6).unwrap();
        assert_eq!(bound, "0.0.0.0:27015".parse().unwrap());
        let to_v4 = "10.0.0.1:5".parse().unwrap();
        let (bound, family) = open_client_socket(to_v4, without_ipv6).unwrap();
        assert_eq!(bound, "0.0.0.0:0".parse().unwrap());
        assert!(matches!(family, Family::V4));
    }

    #[test]
    fn what_asks_for_ipv6_fails_where_it_is_missing() {
        let local: SocketAddr = "[::1]:27015".parse().unwrap();
        let error = open_listen_socket(local, without_ipv6).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(open_client_socket(local, without_ipv6).is_err());
    }

    #[test]
    fn a_port_in_use_is_not_a_missing_family() {
        let taken = |addr: SocketAddr, _: bool| match addr {
            SocketAddr::V6(_) => Err(io::ErrorKind::AddrInUse.into()),
            SocketAddr::V4(_) => Ok(()),
        };
        let error = open_listen_socket("[::]:5".parse().unwrap(), taken).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
