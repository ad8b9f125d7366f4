//! What lives between `GameNetworkingSockets_Init` and `GameNetworkingSockets_Kill`.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use bowline::BuildError;
use bowline::Connection;
use bowline::ConnectionId;
use bowline::Identity;
use bowline::PollGroup;
use bowline::ServiceMode;
use bowline::Sockets;

/// The library while it runs.
#[derive(Debug)]
pub(crate) struct Library {
    /// The interface of players.
    user: Sockets,
}

impl Library {
    /// The interface of players.
    pub(crate) const fn user(&self) -> &Sockets {
        &self.user
    }

    /// The connection of that handle, whichever interface it belongs to.
    pub(crate) fn connection(&self, handle: u32) -> Option<Connection> {
        self.user.connection(ConnectionId::new(handle))
    }

    /// The poll group of that handle.
    pub(crate) const fn poll_group(&self, _handle: u32) -> Option<Arc<PollGroup>> {
        None
    }
}

/// The library, if it runs.
pub(crate) fn current() -> Option<Arc<Library>> {
    CURRENT
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Starts it; nothing if it runs already.
pub(crate) fn start(identity: Option<Identity>) -> Result<(), BuildError> {
    crate::defaults::ensure();
    let mut current = CURRENT.write().unwrap_or_else(PoisonError::into_inner);
    if current.is_some() {
        tracing::error!(target: "bowline::capi", "GameNetworkingSockets_Init: it was called before");
        return Ok(());
    }
    let mode = if MANUAL_POLL.load(Ordering::Relaxed) {
        ServiceMode::Manual
    } else {
        ServiceMode::Thread
    };
    let mut builder = Sockets::builder()
        .app_id(APP_ID.load(Ordering::Relaxed))
        .service(mode);
    if let Some(identity) = identity {
        builder = builder.identity(identity);
    }
    let user = builder.build()?;
    *current = Some(Arc::new(Library { user }));
    Ok(())
}

/// Ends it, with everything that it holds.
pub(crate) fn stop() {
    let ended = CURRENT
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    // Not under the lock: it waits for the service threads.
    drop(ended);
    crate::messages::finish_lent();
    crate::guard::heal();
}

static CURRENT: RwLock<Option<Arc<Library>>> = RwLock::new(None);
/// Whether the application drives the sockets itself.
static MANUAL_POLL: AtomicBool = AtomicBool::new(false);
/// Which game this is.
static APP_ID: AtomicU32 = AtomicU32::new(0);
