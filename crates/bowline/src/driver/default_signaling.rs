//! What carries signals for connections for which nobody has given anything.

use std::fmt;
use std::sync::Arc;

use bowline_core::identity::Identity;
use bowline_core::ids::VirtualPort;

use crate::driver::Inner;
use crate::driver::lock_order::assert_none_held;
use crate::driver::signals::Carrier;
use crate::signaling::Signaling;

/// Makes what carries the signals of connections for which nobody has given anything.
#[derive(Clone)]
pub(crate) struct DefaultSignaling(Arc<MakeSignaling>);

/// See [`DefaultSignaling`]: for that peer and that virtual port of it.
type MakeSignaling = dyn Fn(&Identity, VirtualPort) -> Option<Arc<dyn Signaling>> + Send + Sync;

impl DefaultSignaling {
    /// One object for all.
    pub(crate) fn one(signaling: Arc<dyn Signaling>) -> Self {
        Self(Arc::new(move |_: &Identity, _| {
            Some(Arc::clone(&signaling))
        }))
    }

    /// Whatever that function makes.
    pub(crate) fn made_by(
        make: impl Fn(&Identity, VirtualPort) -> Option<Arc<dyn Signaling>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    /// What is to carry the signals of a connection to that peer and that virtual port of it.
    pub(super) fn make(&self, peer: &Identity, port: VirtualPort) -> Option<Carrier> {
        assert_none_held();
        (self.0)(peer, port).map(Carrier::new)
    }
}

impl fmt::Debug for DefaultSignaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DefaultSignaling")
    }
}

impl Inner {
    /// What carries the signals of a connection for which nobody has given anything: what the application has said, else
    /// the hub if there is one.
    pub(super) fn default_carrier(
        self: &Arc<Self>,
        peer: &Identity,
        port: VirtualPort,
    ) -> Option<Carrier> {
        let make = self.default_signaling.lock().clone();
        let made = make.and_then(|make| make.make(peer, port));
        made.or_else(|| self.hub_carrier())
    }

    /// What carries signals from now on for connections for which nobody has given anything.
    pub(crate) fn set_default_signaling(&self, signaling: Option<DefaultSignaling>) {
        let before = std::mem::replace(&mut *self.default_signaling.lock(), signaling);
        // It is the application's, so it is dropped without the lock.
        drop(before);
    }
}
