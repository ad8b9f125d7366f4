//! The table `networking`: packets to identities, as the legacy API of Steam has them. luasteam has nothing of it, so the
//! names are those of Steam with a small first letter.
//!
//! Signals go by `networkingSockets.onSignal` and `receiveSignal`, or by a hub, as for connections by identity. From the
//! first call of a function here on peers may ask for sessions; if `onP2PSessionRequest` is set, from the first signal on,
//! or with a hub from the first `runCallbacks` on. What was received can be read, and sessions ended, when nothing carries
//! signals any more.

use std::rc::Rc;

use bowline::Identity;
use bowline::PacketKind;
use bowline::Packets;
use bowline::PacketsSession;
use mlua::IntoLua;
use mlua::Lua;
use mlua::Result;
use mlua::Table;
use mlua::Value;

use crate::args::Bytes;
use crate::args::Whole;
use crate::beyond::arguments::Choice;
use crate::constants;
use crate::interface::Interface;
use crate::module::Module;
use crate::register::Names;
use crate::report;
use crate::sockets::NO_INTERFACE;
use crate::sockets::peers::Callbacks;
use crate::sockets::peers::NO_SIGNALING;
use crate::sockets::peers::Peer;
use crate::userdata::Uint64;

/// The script's function that hears of peers that want to send.
pub(crate) const ON_REQUEST: &str = "onP2PSessionRequest";
/// The script's function that hears of peers that were not reached.
pub(crate) const ON_FAIL: &str = "onP2PSessionConnectFail";

/// The table with its functions, for the module's own table.
pub(crate) fn table(lua: &Lua, steam: &Table, module: &Rc<Module>) -> Result<Table> {
    let table = lua.create_table()?;
    constants::packets(lua, &table)?;
    let names = Names::new(lua, &table, "networking");
    let callbacks = Rc::new(Callbacks::of(lua, steam)?);
    sending(&names, module, &callbacks)?;
    receiving(&names, module, &callbacks)?;
    sessions(&names, module, &callbacks)?;
    Ok(table)
}

fn sending(names: &Names<'_>, module: &Rc<Module>, callbacks: &Rc<Callbacks>) -> Result<()> {
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "sendP2PPacket",
        &["steamID", "packet", "sendType", "channel?"],
        move |_, (Peer(peer), Bytes(packet), Whole(kind), channel): (_, _, _, Channel)| {
            let sent = packets(&state, &set)?.and_then(|packets| {
                let kind = i32::try_from(kind).ok().and_then(PacketKind::from_number);
                let kind = kind.ok_or_else(|| "there is no such sendType".to_owned())?;
                // A copy: a script may run while it is sent, if what that causes is logged.
                let packet = packet.as_bytes().to_vec();
                let sent = packets.send(&peer?, channel.number()?, &packet, kind);
                sent.map_err(|error| report::chain(&error))
            });
            Ok(worked("sendP2PPacket", sent))
        },
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "allowP2PPacketRelay",
        &["allow"],
        move |_, Choice(allow)| {
            let Some(interface) = state.current() else {
                worked("allowP2PPacketRelay", Err::<(), _>(NO_INTERFACE.into()));
                return Ok(true);
            };
            interface.allow_packet_relay(allow);
            // What carries signals may come later.
            if is_usable(&interface, &set)? {
                worked("allowP2PPacketRelay", packets(&state, &set)?);
            }
            Ok(true)
        },
    )
}

fn receiving(names: &Names<'_>, module: &Rc<Module>, callbacks: &Rc<Callbacks>) -> Result<()> {
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "isP2PPacketAvailable",
        &["channel?"],
        move |_, channel: Channel| {
            let size = available(&state, &set, channel)?;
            Ok((size.is_some(), size))
        },
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "getAvailableP2PPacketSize",
        &["channel?"],
        move |_, channel: Channel| next_size(&state, &set, channel),
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "readP2PPacket",
        &["channel?"],
        move |lua, channel: Channel| {
            let packets = packets(&state, &set)?;
            let packet = packets.ok().zip(channel.number().ok());
            let packet = packet.and_then(|(packets, channel)| packets.receive(channel));
            let Some(packet) = packet else {
                return Ok((Value::Nil, Value::Nil));
            };
            let data = lua.create_string(&*packet)?.into_lua(lua)?;
            Ok((data, peer_value(lua, packet.peer())?))
        },
    )
}

fn sessions(names: &Names<'_>, module: &Rc<Module>, callbacks: &Rc<Callbacks>) -> Result<()> {
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "acceptP2PSessionWithUser",
        &["steamID"],
        move |_, Peer(peer)| {
            let accepted = packets(&state, &set)?.and_then(|packets| {
                // Whether it still asks nobody can know.
                let _ = packets.accept(&peer?);
                Ok(())
            });
            Ok(worked("acceptP2PSessionWithUser", accepted))
        },
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "closeP2PSessionWithUser",
        &["steamID"],
        move |_, Peer(peer)| {
            let packets = packets(&state, &set)?.ok().zip(peer.ok());
            Ok(packets.is_some_and(|(packets, peer)| packets.close(&peer).is_ok()))
        },
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "closeP2PChannelWithUser",
        &["steamID", "channel"],
        move |_, (Peer(peer), channel): (_, Whole)| {
            let channel = i32::try_from(channel.0).ok();
            let packets = packets(&state, &set)?.ok().zip(peer.ok()).zip(channel);
            Ok(packets.is_some_and(|((packets, peer), channel)| {
                packets.close_channel(&peer, channel).is_ok()
            }))
        },
    )?;
    let (state, set) = (Rc::clone(module), Rc::clone(callbacks));
    names.own(
        "getP2PSessionState",
        &["steamID"],
        move |lua, Peer(peer)| {
            let packets = packets(&state, &set)?.ok().zip(peer.ok());
            let session = packets.and_then(|(packets, peer)| packets.session(&peer));
            // One that rests has no connection, which is as good as none.
            let session =
                session.filter(|it| it.is_active || it.is_connecting || it.error.is_some());
            session
                .map(|session| state_table(lua, &session))
                .transpose()
        },
    )
}

/// What the script is told of a peer: the number of an account, or an identity as text. Either is taken by every
/// function here.
pub(crate) fn peer_value(lua: &Lua, peer: &Identity) -> Result<Value> {
    match peer {
        Identity::SteamId { 0: id, .. } => Uint64(*id).into_lua(lua),
        other => other.to_string().into_lua(lua),
    }
}

fn state_table(lua: &Lua, session: &PacketsSession) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 8)?;
    table.raw_set("connectionActive", session.is_active)?;
    table.raw_set("connecting", session.is_connecting)?;
    let error = session.error.map_or(0, |error| error.number());
    table.raw_set("sessionError", error)?;
    table.raw_set("usingRelay", session.uses_relay)?;
    table.raw_set("bytesQueuedForSend", session.queued_bytes)?;
    table.raw_set("packetsQueuedForSend", session.queued_packets)?;
    if let Some(addr) = session.remote_addr {
        table.raw_set("remoteIP", addr.ip().to_canonical().to_string())?;
        table.raw_set("remotePort", addr.port())?;
    }
    Ok(table)
}

/// Packets of the current interface, or why there are none.
fn packets(module: &Module, callbacks: &Callbacks) -> Result<std::result::Result<Packets, String>> {
    let Some(interface) = module.current() else {
        return Ok(Err(NO_INTERFACE.into()));
    };
    if !is_usable(&interface, callbacks)? {
        return Ok(Err(NO_SIGNALING.into()));
    }
    let packets = interface.packets(callbacks.has_signaling()?);
    Ok(packets.map_err(|error| report::chain(&error)))
}

/// Whether something carries signals, or has: sessions live on without.
fn is_usable(interface: &Interface, callbacks: &Callbacks) -> Result<bool> {
    let has_hub = interface.sockets().hub_status().is_some();
    Ok(interface.has_packets() || has_hub || callbacks.has_signaling()?)
}

fn available(module: &Module, callbacks: &Callbacks, channel: Channel) -> Result<Option<usize>> {
    let packets = packets(module, callbacks)?;
    let packets = packets.ok().zip(channel.number().ok());
    Ok(packets.and_then(|(packets, channel)| packets.available(channel)))
}

/// The size of the next packet that has bytes, 0 if there is none. Empty ones before it are dropped: who asks for sizes alone
/// would take each for the end, and never read what comes after.
fn next_size(module: &Module, callbacks: &Callbacks, channel: Channel) -> Result<usize> {
    let packets = packets(module, callbacks)?;
    let Some((packets, channel)) = packets.ok().zip(channel.number().ok()) else {
        return Ok(0);
    };
    while packets.available(channel) == Some(0) {
        // One state reads.
        drop(packets.receive(channel));
    }
    Ok(packets.available(channel).unwrap_or(0))
}

/// Whether it worked; if not, why is told.
fn worked<T>(name: &str, outcome: std::result::Result<T, String>) -> bool {
    match outcome {
        Ok(_) => true,
        Err(error) => {
            report::failed(name, &error);
            false
        }
    }
}

/// The number of a channel, 0 if it is left out.
#[derive(Clone, Copy, Debug)]
struct Channel(i64);

impl Channel {
    fn number(self) -> std::result::Result<i32, String> {
        i32::try_from(self.0).map_err(|_| format!("{} is no channel: they have 32 bits", self.0))
    }
}

impl mlua::FromLua for Channel {
    fn from_lua(value: Value, lua: &Lua) -> Result<Self> {
        if value.is_nil() {
            return Ok(Self(0));
        }
        Whole::from_lua(value, lua).map(|Whole(number)| Self(number))
    }
}
