//! The process-wide part of GNS: start, callbacks, simulated network conditions.

use std::mem;
use std::sync::{Mutex, OnceLock, PoisonError};

use gns::sys;

use crate::gns::convert;
use crate::host::State;

use sys::ESteamNetworkingConfigValue as Value;

/// The running library.
#[derive(Debug)]
pub(crate) struct Library {
    identity: Option<String>,
    sockets: Interface<sys::ISteamNetworkingSockets>,
    utils: Interface<sys::ISteamNetworkingUtils>,
}

/// A state change as GNS reports it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawChange {
    pub(crate) handle: sys::HSteamNetConnection,
    pub(crate) listener: sys::HSteamListenSocket,
    pub(crate) old: State,
    pub(crate) new: State,
}

/// What GNS does to its packets before they reach the network, and after they came from it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conditions {
    /// Packets lost each way, in percent.
    pub loss_pct: f32,
    /// Delay each way, in milliseconds.
    pub lag_ms: i32,
    /// Packets held back each way, in percent.
    pub reorder_pct: f32,
    /// How long they are held back, in milliseconds.
    pub reorder_ms: i32,
    /// Packets doubled each way, in percent.
    pub duplicate_pct: f32,
}

/// Sets the network conditions for all traffic of this process's GNS.
pub fn impair(conditions: &Conditions) {
    let library = Library::start(None);
    let percents = [
        (
            Value::k_ESteamNetworkingConfig_FakePacketLoss_Send,
            conditions.loss_pct,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketLoss_Recv,
            conditions.loss_pct,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketReorder_Send,
            conditions.reorder_pct,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketReorder_Recv,
            conditions.reorder_pct,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketDup_Send,
            conditions.duplicate_pct,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketDup_Recv,
            conditions.duplicate_pct,
        ),
    ];
    for (name, percent) in percents {
        // SAFETY: the interface lives as long as the process.
        let done = unsafe {
            sys::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueFloat(
                library.utils(),
                name,
                percent,
            )
        };
        assert!(done, "GNS refused {name:?} = {percent}");
    }
    let times = [
        (
            Value::k_ESteamNetworkingConfig_FakePacketLag_Send,
            conditions.lag_ms,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketLag_Recv,
            conditions.lag_ms,
        ),
        (
            Value::k_ESteamNetworkingConfig_FakePacketReorder_Time,
            conditions.reorder_ms,
        ),
    ];
    for (name, ms) in times {
        // SAFETY: the interface lives as long as the process.
        let done = unsafe {
            sys::SteamAPI_ISteamNetworkingUtils_SetGlobalConfigValueInt32(library.utils(), name, ms)
        };
        assert!(done, "GNS refused {name:?} = {ms}");
    }
}

impl Library {
    /// Starts the library, or returns the running one.
    pub(crate) fn start(identity: Option<&str>) -> &'static Self {
        static LIBRARY: OnceLock<Library> = OnceLock::new();
        let library = LIBRARY.get_or_init(|| Self::init(identity));
        assert!(
            identity.is_none() || library.identity.as_deref() == identity,
            "GNS runs as {:?} in this process already, not as {identity:?}",
            library.identity
        );
        library
    }

    pub(crate) fn sockets(&self) -> *mut sys::ISteamNetworkingSockets {
        self.sockets.0
    }

    pub(crate) fn utils(&self) -> *mut sys::ISteamNetworkingUtils {
        self.utils.0
    }

    /// Runs the callbacks and takes those changes for which `take` says so.
    pub(crate) fn take_changes(&self, mut take: impl FnMut(&RawChange) -> bool) {
        // SAFETY: the interface lives as long as the process; the only callback is
        // `on_change`, which takes no lock that is held here.
        unsafe { sys::SteamAPI_ISteamNetworkingSockets_RunCallbacks(self.sockets()) };
        let mut changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        changes.retain(|change| !take(change));
    }

    pub(crate) fn info(
        &self,
        handle: sys::HSteamNetConnection,
    ) -> Option<sys::SteamNetConnectionInfo_t> {
        // SAFETY: all zeros is a valid value of this plain C structure (its enums have a
        // zero), and GNS fills it.
        unsafe {
            let mut raw = mem::zeroed();
            sys::SteamAPI_ISteamNetworkingSockets_GetConnectionInfo(
                self.sockets(),
                handle,
                &mut raw,
            )
            .then_some(raw)
        }
    }

    pub(crate) fn status(
        &self,
        handle: sys::HSteamNetConnection,
    ) -> sys::SteamNetConnectionRealTimeStatus_t {
        // SAFETY: as in `info`; no lanes are asked for.
        let (raw, result) = unsafe {
            let mut raw = mem::zeroed();
            let result = sys::SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(
                self.sockets(),
                handle,
                &mut raw,
                0,
                std::ptr::null_mut(),
            );
            (raw, result)
        };
        assert_eq!(
            result,
            sys::EResult::k_EResultOK,
            "GNS has no status of {handle}"
        );
        raw
    }

    /// The queue time of a lane in microseconds; -1 if GNS does not know it.
    pub(crate) fn queue_time_us(&self, handle: sys::HSteamNetConnection, lane: u16) -> i64 {
        let count = usize::from(lane) + 1;
        // SAFETY: the structures are plain numbers, and the array has as many as are announced.
        let (lanes, result) = unsafe {
            let mut lanes: Vec<sys::SteamNetConnectionRealTimeLaneStatus_t> =
                (0..count).map(|_| mem::zeroed()).collect();
            let result = sys::SteamAPI_ISteamNetworkingSockets_GetConnectionRealTimeStatus(
                self.sockets(),
                handle,
                std::ptr::null_mut(),
                i32::from(lane) + 1,
                lanes.as_mut_ptr(),
            );
            (lanes, result)
        };
        assert_eq!(
            result,
            sys::EResult::k_EResultOK,
            "GNS has no status of {count} lanes of {handle}"
        );
        lanes[usize::from(lane)].m_usecQueueTime
    }

    fn init(identity: Option<&str>) -> Self {
        let mut message: sys::SteamNetworkingErrMsg = [0; 1024];
        // SAFETY: the identity is a plain C structure that outlives the call; the
        // message has the size that GNS expects; the callback is a plain function.
        unsafe {
            let raw = identity.map(convert::identity);
            let given = raw.as_ref().map_or(std::ptr::null(), |raw| raw as *const _);
            let started = sys::GameNetworkingSockets_Init(given, &mut message);
            assert!(started, "GNS did not start: {}", convert::text(&message));
            let utils = sys::SteamAPI_SteamNetworkingUtils_v003();
            sys::SteamAPI_ISteamNetworkingUtils_SetGlobalCallback_SteamNetConnectionStatusChanged(
                utils,
                Some(on_change),
            );
            Self {
                identity: identity.map(str::to_owned),
                sockets: Interface(sys::SteamAPI_SteamNetworkingSockets_v009()),
                utils: Interface(utils),
            }
        }
    }
}

/// Pointer to one of the library's interfaces.
#[derive(Debug)]
struct Interface<T>(*mut T);

// SAFETY: GNS allows calls from any thread and keeps its interfaces until it is shut
// down, which never happens here.
unsafe impl<T> Send for Interface<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Interface<T> {}

static CHANGES: Mutex<Vec<RawChange>> = Mutex::new(Vec::new());

unsafe extern "C" fn on_change(raw: *mut sys::SteamNetConnectionStatusChangedCallback_t) {
    // SAFETY: GNS passes a valid structure for the time of the call.
    let raw = unsafe { &*raw };
    CHANGES
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(RawChange {
            handle: raw.m_hConn,
            listener: raw.m_info.m_hListenSocket,
            old: convert::state(raw.m_eOldState),
            new: convert::state(raw.m_info.m_eState),
        });
}
