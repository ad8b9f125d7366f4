//! Whether we can prove who we are, as the script hears it.
//!
//! luasteam's programs begin to work when they are told 100, after they have asked with `initAuthentication`. Where no
//! authority vouches for anybody there is nothing to wait for, so that they are told so with the next `runCallbacks`.
//! Where somebody has said whom to trust, or given a certificate, or there is a hub, the status is the real one.

use std::cell::RefCell;

use bowline::Availability;
use bowline::Sockets;

use crate::interface::Interface;
use crate::interface::Told;

/// How it stands, and the same in words.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticationStatus {
    pub(crate) availability: Availability,
    pub(crate) text: String,
}

/// What of it the script knows.
#[derive(Debug)]
pub(crate) struct Authentication {
    /// Somebody vouches for hosts, or is said to.
    has_authority: bool,
    progress: RefCell<Progress>,
}

#[derive(Debug)]
enum Progress {
    /// The script has not asked.
    NeverTried,
    /// It has, and will be told.
    Attempting,
    Told(AuthenticationStatus),
}

impl Authentication {
    pub(super) const fn new(has_authority: bool) -> Self {
        Self {
            has_authority,
            progress: RefCell::new(Progress::NeverTried),
        }
    }

    /// It is told.
    pub(super) fn note_told(&self, status: &AuthenticationStatus) {
        self.progress.replace(Progress::Told(status.clone()));
    }

    /// The status of the sockets has changed: what is to be told of it.
    pub(super) fn changed(&self, sockets: &Sockets) -> Option<AuthenticationStatus> {
        let now = self.real(sockets);
        match &*self.progress.borrow() {
            Progress::Told(before) if before.availability != now.availability => Some(now),
            // Not asked for, about to be told anyway, or nothing new.
            Progress::NeverTried | Progress::Attempting | Progress::Told(_) => None,
        }
    }

    fn status(&self) -> AuthenticationStatus {
        match &*self.progress.borrow() {
            Progress::NeverTried => AuthenticationStatus {
                availability: Availability::NeverTried,
                text: "initAuthentication was not called".into(),
            },
            Progress::Attempting => AuthenticationStatus {
                availability: Availability::Attempting,
                text: "runCallbacks will tell".into(),
            },
            Progress::Told(status) => status.clone(),
        }
    }

    fn real(&self, sockets: &Sockets) -> AuthenticationStatus {
        let status = sockets.authentication();
        let is_alone = !self.has_authority && sockets.hub_status().is_none();
        if is_alone && status.availability == Availability::CannotTry {
            return AuthenticationStatus {
                availability: Availability::Current,
                text: "OK: no authority is configured, and none is needed".into(),
            };
        }
        AuthenticationStatus {
            availability: status.availability,
            text: status.text,
        }
    }
}

impl Interface {
    /// The script asks for it: it is told by the next run, once.
    pub(crate) fn init_authentication(&self) -> AuthenticationStatus {
        let first = matches!(*self.authentication.progress.borrow(), Progress::NeverTried);
        if first {
            self.sockets.init_authentication();
            self.authentication.progress.replace(Progress::Attempting);
            self.tell(Told::Authentication(
                self.authentication.real(&self.sockets),
            ));
        } else {
            // A hub that has refused is asked again.
            self.sockets.init_authentication();
        }
        self.authentication.status()
    }

    /// How it stands, as far as the script was told.
    pub(crate) fn authentication_status(&self) -> AuthenticationStatus {
        self.authentication.status()
    }
}
