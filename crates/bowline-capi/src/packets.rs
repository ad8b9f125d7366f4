//! `ISteamNetworking`, the legacy interface: packets to Steam accounts. Its sockets are among what is
//! [not available](crate::unavailable::legacy).
//!
//! As with messages, the first use of an interface's object lets peers ask for sessions, signals go by objects that the
//! application's factory makes (setting 206), and its code may run in here. Only peers whose identity is a SteamID can be
//! named by these functions, so the application does not hear of others.

use std::ffi::c_int;
use std::ffi::c_void;
use std::net::IpAddr;
use std::ptr;

use bowline::Identity;
use bowline::PacketKind;
use bowline::Packets;
use bowline::PacketsSession;

use crate::abi::pointer;
use crate::abi::structs::RawBool;
use crate::abi::structs::RawP2pSessionState;
use crate::abi::vtable::Object;
use crate::abi::vtable::Slot;
use crate::abi::vtable::Vtable;
use crate::callbacks::PacketsFunction;
use crate::exports;
use crate::library;
use crate::library::Role;
use crate::objects::Objects;
use crate::unavailable::legacy::*;

exports! {
    /// The players' interface; null while the library does not run.
    fn SteamAPI_SteamNetworking_v006() -> *const Object, else ptr::null(); get(Role::User);

    /// The game server's interface; null while the library does not run.
    fn SteamAPI_SteamGameServerNetworking_v006() -> *const Object, else ptr::null(); get(Role::Server);

    /// Sends a packet to a user: begins a session if there is none, and accepts one that is asked for. False if the
    /// user or the kind is none, the packet too large for its kind, nothing carries signals, or too much waits.
    fn SteamAPI_ISteamNetworking_SendP2PPacket(this: *const Object, peer: u64, data: *const c_void, size: u32, kind: c_int, channel: c_int) -> bool, else false;
        send(this, peer, pointer::bytes(data.cast(), size as usize), kind, channel);

    /// Whether a packet waits on a channel, and its size.
    fn SteamAPI_ISteamNetworking_IsP2PPacketAvailable(this: *const Object, size: *mut u32, channel: c_int) -> bool, else false;
        {
            let available = packets(this).and_then(|packets| packets.available(channel));
            pointer::write(size, length(available.unwrap_or(0)));
            available.is_some()
        };

    /// Takes the oldest packet of a channel, cut to the buffer. The size is that of what was copied.
    fn SteamAPI_ISteamNetworking_ReadP2PPacket(this: *const Object, to: *mut c_void, room: u32, size: *mut u32, peer: *mut u64, channel: c_int) -> bool, else false;
        read(this, to.cast(), room, size, peer, channel);

    /// Lets a user have the session that it asks for. False only if there is no such user.
    fn SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser(this: *const Object, peer: u64) -> bool, else false;
        // Whether it still asks nobody can know.
        of(this, peer).is_some_and(|(packets, peer)| { let _ = packets.accept(&peer); true });

    /// Ends a session, or refuses one that is asked for. False if there is none.
    fn SteamAPI_ISteamNetworking_CloseP2PSessionWithUser(this: *const Object, peer: u64) -> bool, else false;
        of(this, peer).is_some_and(|(packets, peer)| packets.close(&peer).is_ok());

    /// Ends a channel of a session, and with the last one the session. False if it is not open.
    fn SteamAPI_ISteamNetworking_CloseP2PChannelWithUser(this: *const Object, peer: u64, channel: c_int) -> bool, else false;
        of(this, peer).is_some_and(|(packets, peer)| packets.close_channel(&peer, channel).is_ok());

    /// How a session does. False if there is none, and all is zero then.
    fn SteamAPI_ISteamNetworking_GetP2PSessionState(this: *const Object, peer: u64, state: *mut RawP2pSessionState) -> bool, else false;
        {
            let session = of(this, peer).and_then(|(packets, peer)| packets.session(&peer));
            // One that rests has no connection, which is as good as none.
            let session = session.filter(|it| it.is_active || it.is_connecting || it.error.is_some());
            pointer::write(state, told(&session.unwrap_or_default()));
            session.is_some()
        };

    /// Whether packets may go by relays, for connections that begin from now on. Always true.
    fn SteamAPI_ISteamNetworking_AllowP2PPacketRelay(this: *const Object, allow: RawBool) -> bool, else true;
        {
            if let Some(packets) = packets(this) {
                packets.allow_relay(allow != 0);
            }
            true
        };
}

/// Sets who hears of sessions; peers may ask for some from then on.
pub(crate) fn set_callback(
    this: *const Object,
    function: PacketsFunction,
    context: *mut c_void,
) -> bool {
    let library = library::current();
    let (Some(library), Some(role)) = (library, OBJECTS.role(this)) else {
        return false;
    };
    let Some(interface) = library.interface_of(role) else {
        return false;
    };
    interface.set_packets(function, context);
    interface.packets(library.listeners().numbering()).is_some()
}

/// The SteamID of an identity, if it is one.
pub(crate) fn account(peer: &Identity) -> Option<u64> {
    match peer {
        Identity::SteamId { 0: id, .. } => Some(*id),
        other => {
            tracing::debug!(
                target: "bowline::capi",
                "packets of {other}, whom ISteamNetworking cannot name"
            );
            None
        }
    }
}

/// The packets of the interface of that role, which are ready to be used then; null while the library does not run.
fn get(role: Role) -> *const Object {
    OBJECTS.of_some(role, packets_of(role))
}

fn packets_of(role: Role) -> Option<Packets> {
    let library = library::current()?;
    let interface = library.interface_of(role)?;
    interface.packets(library.listeners().numbering())
}

/// What an object stands for; `None` if it is none of ours.
fn packets(this: *const Object) -> Option<Packets> {
    packets_of(OBJECTS.role(this)?)
}

/// The same, and a user; `None` if there can be none of that number.
fn of(this: *const Object, peer: u64) -> Option<(Packets, Identity)> {
    let peer = Identity::steam_id(peer).ok()?;
    Some((packets(this)?, peer))
}

fn send(this: *const Object, peer: u64, data: Option<&[u8]>, kind: c_int, channel: c_int) -> bool {
    let (Some((packets, peer)), Some(data)) = (of(this, peer), data) else {
        return false;
    };
    let Some(kind) = PacketKind::from_number(kind) else {
        tracing::debug!(target: "bowline::capi", "SendP2PPacket: there is no kind {kind}");
        return false;
    };
    let sent = packets.send(&peer, channel, data, kind);
    if let Err(error) = &sent {
        tracing::debug!(target: "bowline::capi", "SendP2PPacket: {error}");
    }
    sent.is_ok()
}

/// # Safety
/// There is room for so many bytes, and for what is told, unless the pointers are null.
unsafe fn read(
    this: *const Object,
    to: *mut u8,
    room: u32,
    size: *mut u32,
    peer: *mut u64,
    channel: c_int,
) -> bool {
    let packet = packets(this).and_then(|packets| packets.receive(channel));
    let room = if to.is_null() { 0 } else { room as usize };
    let bytes = packet.as_deref().unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(room)];
    let from = packet.as_ref().and_then(|packet| account(packet.peer()));
    // SAFETY: the caller's promise; a null pointer has no room.
    unsafe {
        if !bytes.is_empty() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        pointer::write(size, length(bytes.len()));
        pointer::write(peer, from.unwrap_or(0));
    }
    packet.is_some()
}

fn told(session: &PacketsSession) -> RawP2pSessionState {
    let ipv4 = session.remote_addr.and_then(|addr| match addr.ip() {
        IpAddr::V4(ip) => Some((ip, addr.port())),
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map(|ip| (ip, addr.port())),
    });
    RawP2pSessionState {
        is_active: session.is_active.into(),
        is_connecting: session.is_connecting.into(),
        error: session.error.map_or(0, |error| error.number()),
        uses_relay: session.uses_relay.into(),
        bytes_queued: i32::try_from(session.queued_bytes).unwrap_or(i32::MAX),
        packets_queued: i32::try_from(session.queued_packets).unwrap_or(i32::MAX),
        remote_ip: ipv4.map_or(0, |(ip, _)| ip.to_bits()),
        remote_port: ipv4.map_or(0, |(_, port)| port),
    }
}

/// The size of a packet, which is far below the largest number.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

static OBJECTS: Objects = Objects::new(&VTABLE);

/// In the order of the methods.
static VTABLE: Vtable<22> = Vtable::new([
    SteamAPI_ISteamNetworking_SendP2PPacket as Slot,
    SteamAPI_ISteamNetworking_IsP2PPacketAvailable as Slot,
    SteamAPI_ISteamNetworking_ReadP2PPacket as Slot,
    SteamAPI_ISteamNetworking_AcceptP2PSessionWithUser as Slot,
    SteamAPI_ISteamNetworking_CloseP2PSessionWithUser as Slot,
    SteamAPI_ISteamNetworking_CloseP2PChannelWithUser as Slot,
    SteamAPI_ISteamNetworking_GetP2PSessionState as Slot,
    SteamAPI_ISteamNetworking_AllowP2PPacketRelay as Slot,
    SteamAPI_ISteamNetworking_CreateListenSocket as Slot,
    SteamAPI_ISteamNetworking_CreateP2PConnectionSocket as Slot,
    SteamAPI_ISteamNetworking_CreateConnectionSocket as Slot,
    SteamAPI_ISteamNetworking_DestroySocket as Slot,
    SteamAPI_ISteamNetworking_DestroyListenSocket as Slot,
    SteamAPI_ISteamNetworking_SendDataOnSocket as Slot,
    SteamAPI_ISteamNetworking_IsDataAvailableOnSocket as Slot,
    SteamAPI_ISteamNetworking_RetrieveDataFromSocket as Slot,
    SteamAPI_ISteamNetworking_IsDataAvailable as Slot,
    SteamAPI_ISteamNetworking_RetrieveData as Slot,
    SteamAPI_ISteamNetworking_GetSocketInfo as Slot,
    SteamAPI_ISteamNetworking_GetListenSocketInfo as Slot,
    SteamAPI_ISteamNetworking_GetSocketConnectionType as Slot,
    SteamAPI_ISteamNetworking_GetMaxPacketSize as Slot,
]);
