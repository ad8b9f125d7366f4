//! Settings that change while the connection lives.

use alloc::sync::Arc;

use crate::config::Config;
use crate::connection::Command;
use crate::connection::Connection;
use crate::connection::Input;
use crate::extensions::Extension;
use crate::ids::VirtualPort;
use crate::messages::limits::SESSION_HEADER_ROOM;
use crate::time::Timestamp;

impl Connection {
    /// Goes by other settings from now on; what the handshake needed stays as it was. Shorthand for
    /// [`Command::Configure`].
    pub fn set_config(&mut self, now: Timestamp, config: Arc<Config>) {
        let done = self.handle(now, Input::Command(Command::Configure(config)));
        debug_assert!(done.is_ok());
    }

    /// The settings that it goes by.
    pub const fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The application has several messages that go together or not at all, of so many bytes, and there is no room for them:
    /// [`Event::Writable`](crate::event::Event::Writable) tells when there is, as after a refused message. Shorthand
    /// for [`Command::AwaitRoom`].
    pub fn await_room(&mut self, now: Timestamp, bytes: usize) {
        let done = self.handle(now, Input::Command(Command::AwaitRoom(bytes)));
        debug_assert!(done.is_ok());
    }

    pub(super) fn on_await_room(&mut self, bytes: usize) {
        match &mut self.pipe {
            Some(pipe) => pipe.await_room(bytes),
            None => self.sender.await_room(bytes),
        }
        // It may have become free meanwhile.
        self.tell_writable();
    }

    /// It is the connection of a session from the beginning: the largest message of the application is to fit behind
    /// what the session puts before it.
    ///
    /// GNS e707b3a: steamnetworkingsockets_connections.h, `GetEffectiveRecvMaxMessageSize`; csteamnetworkingmessages.cpp,
    /// `SendMessageToUser`.
    pub(crate) fn make_room_for_header(&mut self, port: VirtualPort) {
        if port != VirtualPort::MESSAGES {
            return;
        }
        let room = SESSION_HEADER_ROOM as u8;
        self.sender.set_header_room(room);
        self.receiver.set_header_room(&self.config, room);
        if let Some(pipe) = &mut self.pipe {
            pipe.make_room_for_header(room);
        }
    }

    pub(super) fn on_configure(&mut self, mut config: Arc<Config>) {
        if !config.agrees_on_fixed(&self.config) {
            Arc::make_mut(&mut config).keep_fixed(&self.config);
        }
        let sizes = |config: &Config| (config.mtu_bytes(), config.mtu_search_max_bytes());
        if sizes(&config) != sizes(&self.config) {
            self.path.resize(self.way_mtu(&config));
            if self.peer.extensions.contains(Extension::PathMtu) {
                self.path.let_grow(config.mtu_search_max_bytes());
            }
        }
        self.sender.configure(&config);
        self.receiver.configure(&config);
        if let Some(pipe) = &mut self.pipe {
            pipe.configure(&config);
        }
        self.config = config;
        self.tell_writable();
    }
}
