//! Messages and packets to identities, which are opened once and then there, whoever this side is.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use bowline::Identity;
use bowline::ListenP2pError;
use bowline::Messages;
use bowline::Packets;
use bowline::Sockets;

use crate::library::Interface;
use crate::sockets::handles::Numbering;
use crate::sockets::peers;

impl Interface {
    /// Messages to identities, which peers may ask for from the first call on.
    pub(crate) fn messages(&self, listeners: Numbering) -> Option<Messages> {
        self.opened(&self.messages, Sockets::messages, listeners)
    }

    /// Packets to identities, which peers may ask for from the first call on.
    pub(crate) fn packets(&self, listeners: Numbering) -> Option<Packets> {
        self.opened(&self.packets, Sockets::packets, listeners)
    }

    fn opened<T: Clone>(
        &self,
        cell: &OnceLock<T>,
        open: fn(&Sockets) -> Result<T, ListenP2pError>,
        listeners: Numbering,
    ) -> Option<T> {
        // What is opened once more after a reset signs in again.
        if let Some(opened) = cell.get()
            && !self.was_reset()
        {
            return Some(opened.clone());
        }
        match open(&self.sockets) {
            Ok(opened) => {
                self.use_factory(listeners);
                Some(cell.get_or_init(|| opened).clone())
            }
            Err(error) => {
                tracing::error!(target: "bowline::capi", "no sessions with identities: {error}");
                None
            }
        }
    }

    /// Whether peers may ask for messages.
    pub(crate) fn has_messages(&self) -> bool {
        self.messages.get().is_some()
    }

    /// Becomes somebody else; `None` is nobody.
    pub(crate) fn reset_identity(&self, identity: Option<Identity>) {
        self.set_nobody(identity.is_none());
        self.sockets.reset_identity(identity);
        self.was_reset.store(true, Ordering::Relaxed);
    }

    /// Tells once.
    fn was_reset(&self) -> bool {
        self.was_reset.load(Ordering::Relaxed) && self.was_reset.swap(false, Ordering::Relaxed)
    }

    /// Has signals of sessions go by what the application's factory makes.
    fn use_factory(&self, listeners: Numbering) {
        let role = self.role;
        self.sockets.set_signaling_factory(move |peer, port| {
            peers::make_signaling(role, listeners, peer, port)
        });
    }
}
