//! How connections do, as tables.

use std::rc::Rc;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use bowline::Connection;
use bowline::ConnectionInfo;
use bowline::DropCounters;
use bowline::LaneIndex;
use bowline::LaneStatus;
use bowline::RealTimeStatus;
use bowline::Span;

use crate::args::Handle;
use crate::module::Module;
use crate::register::Names;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "getConnectionStatus",
        &["connection"],
        move |lua, Handle(connection)| {
            let found = state.connection(connection);
            let status = found.and_then(|(_, connection)| {
                let status = connection.status().ok()?;
                Some(status_table(lua, &status, &lanes(&connection)))
            });
            status.transpose()
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getConnectionDetails",
        &["connection"],
        move |lua, Handle(connection)| {
            let found = state.connection(connection);
            let info = found.and_then(|(_, connection)| connection.info().ok());
            info.map(|info| details(lua, info)).transpose()
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getDetailedConnectionStatus",
        &["connection"],
        move |_, Handle(connection)| {
            let found = state.connection(connection);
            Ok(found.and_then(|(_, connection)| connection.detailed_status().ok()))
        },
    )?;
    let state = Rc::clone(module);
    names.own(
        "getDropCounts",
        &["connection?"],
        move |lua, connection: Option<Handle>| {
            let counters = match connection {
                Some(Handle(connection)) => state
                    .connection(connection)
                    .and_then(|(_, connection)| connection.drops().ok()),
                None => state.current().map(|it| it.sockets().drops()),
            };
            counters.map(|counters| drops(lua, &counters)).transpose()
        },
    )
}

/// All lanes that are configured.
fn lanes(connection: &Connection) -> Vec<LaneStatus> {
    let numbers = (0..=u8::MAX).map(LaneIndex::new);
    numbers
        .map_while(|lane| connection.lane_status(lane).ok())
        .collect()
}

/// The fields of [`RealTimeStatus`] by their names: `state`, `pingMs`, `qualityLocal`, `qualityRemote`,
/// `outPacketsPerSec`, `outBytesPerSec`, `inPacketsPerSec`, `inBytesPerSec`, `packetBytes`, `sendRateBytesPerSec`,
/// `maxJitterUs`, `skippedNumbers`, `armour`, `loss`, `lanes`, and those that a lane has, too ([`queue`]).
fn status_table(lua: &Lua, status: &RealTimeStatus, lanes: &[LaneStatus]) -> Result<Table> {
    let table = queue(lua, &Queue::from(status))?;
    table.raw_set("state", status.state.to_string())?;
    table.raw_set("pingMs", status.ping_ms)?;
    table.raw_set("qualityLocal", status.quality_local)?;
    table.raw_set("qualityRemote", status.quality_remote)?;
    table.raw_set("outPacketsPerSec", status.out_packets_per_sec)?;
    table.raw_set("outBytesPerSec", status.out_bytes_per_sec)?;
    table.raw_set("inPacketsPerSec", status.in_packets_per_sec)?;
    table.raw_set("inBytesPerSec", status.in_bytes_per_sec)?;
    table.raw_set("packetBytes", status.packet_bytes)?;
    table.raw_set("sendRateBytesPerSec", status.send_rate_bytes_per_sec)?;
    table.raw_set("maxJitterUs", status.max_jitter_us)?;
    table.raw_set("skippedNumbers", status.skipped_numbers)?;
    let armour = lua.create_table_from([
        ("segments", status.armour.segments),
        ("bytes", status.armour.bytes),
        ("packets", status.armour.packets),
    ])?;
    table.raw_set("armour", armour)?;
    let loss = lua.create_table_from([
        ("packets", status.loss.packets),
        ("undone", status.loss.undone),
        ("resentBytes", status.loss.resent_bytes),
        ("timeouts", status.loss.timeouts),
        ("reorderingWindowUs", status.loss.reordering_window_us),
    ])?;
    table.raw_set("loss", loss)?;
    let list = lua.create_table_with_capacity(lanes.len(), 0)?;
    for (index, lane) in lanes.iter().enumerate() {
        list.raw_set(index + 1, queue(lua, &Queue::from(lane))?)?;
    }
    table.raw_set("lanes", list)?;
    Ok(table)
}

/// What waits to be sent, on a lane or on all of them.
struct Queue {
    pending_unreliable_bytes: usize,
    pending_reliable_bytes: usize,
    unacked_reliable_bytes: usize,
    expired_messages: u64,
    replaced_messages: u64,
    queue_time: Option<Span>,
}

impl From<&RealTimeStatus> for Queue {
    fn from(status: &RealTimeStatus) -> Self {
        Self {
            pending_unreliable_bytes: status.pending_unreliable_bytes,
            pending_reliable_bytes: status.pending_reliable_bytes,
            unacked_reliable_bytes: status.unacked_reliable_bytes,
            expired_messages: status.expired_messages,
            replaced_messages: status.replaced_messages,
            queue_time: status.queue_time,
        }
    }
}

impl From<&LaneStatus> for Queue {
    fn from(status: &LaneStatus) -> Self {
        Self {
            pending_unreliable_bytes: status.pending_unreliable_bytes,
            pending_reliable_bytes: status.pending_reliable_bytes,
            unacked_reliable_bytes: status.unacked_reliable_bytes,
            expired_messages: status.expired_messages,
            replaced_messages: status.replaced_messages,
            queue_time: status.queue_time,
        }
    }
}

/// `pendingUnreliableBytes`, `pendingReliableBytes`, `unackedReliableBytes`, `expiredMessages`, `replacedMessages`,
/// `queueTimeUs`.
fn queue(lua: &Lua, queue: &Queue) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pendingUnreliableBytes", queue.pending_unreliable_bytes)?;
    table.raw_set("pendingReliableBytes", queue.pending_reliable_bytes)?;
    table.raw_set("unackedReliableBytes", queue.unacked_reliable_bytes)?;
    table.raw_set("expiredMessages", queue.expired_messages)?;
    table.raw_set("replacedMessages", queue.replaced_messages)?;
    table.raw_set("queueTimeUs", queue.queue_time.map(Span::as_micros))?;
    Ok(table)
}

/// The fields of [`ConnectionInfo`]: `state`, `identity` as text, `authenticated`, `encrypted`, `endReason`, `debug`,
/// `rejection` as text, `extensions` as an array of names, `sendEpoch`, `recvEpoch`, `flags` as a number,
/// `description`, `address`, `remotePop`, `relayPop`, `incoming`, `userData`, `name`.
fn details(lua: &Lua, info: ConnectionInfo) -> Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("state", info.state.to_string())?;
    table.raw_set(
        "identity",
        info.identity.map(|identity| identity.to_string()),
    )?;
    table.raw_set("authenticated", info.authenticated)?;
    table.raw_set("encrypted", info.encrypted)?;
    table.raw_set("endReason", info.end_reason.code())?;
    table.raw_set("debug", info.end_text)?;
    table.raw_set(
        "rejection",
        info.rejection.map(|rejection| rejection.to_string()),
    )?;
    let extensions = info.extensions.iter().map(bowline::Extension::name);
    table.raw_set("extensions", lua.create_sequence_from(extensions)?)?;
    table.raw_set("sendEpoch", info.send_epoch.get())?;
    table.raw_set("recvEpoch", info.recv_epoch.get())?;
    table.raw_set("flags", info.flags.bits())?;
    table.raw_set("description", info.description)?;
    table.raw_set("address", info.remote_addr.to_string())?;
    table.raw_set("remotePop", info.remote_pop)?;
    table.raw_set("relayPop", info.pop_relay)?;
    table.raw_set("incoming", info.listener.is_some())?;
    table.raw_set("userData", info.user_data)?;
    table.raw_set("name", info.name)?;
    Ok(table)
}

/// How often each reason to refuse something occurred, by name; those that did.
fn drops(lua: &Lua, counters: &DropCounters) -> Result<Table> {
    lua.create_table_from(
        counters
            .iter()
            .map(|(reason, count)| (reason.name(), count)),
    )
}
