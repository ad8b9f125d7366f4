//! The module from within Lua: everything that needs no process of its own.

#![cfg(feature = "vendored")]

mod annotations;
mod authentication;
mod beyond_connections;
mod beyond_receiving;
mod beyond_sending;
mod beyond_status;
mod beyond_utils;
mod callbacks;
mod collect;
mod docs;
mod errors;
mod examples;
mod finalisers;
mod game_server;
mod garbage;
mod hub;
mod identity;
mod lifecycle;
mod messages;
mod packets;
mod peers;
mod poll_groups;
mod sockets;
mod support;
