//! Judging a certificate for its operator: what a peer would say, with all that is needed to mend it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

use crate::cert::CertError;
use crate::cert::authority::KeyId;
use crate::cert::date::UnixTime;
use crate::cert::issue::CertSpec;
use crate::cert::scope::{Restriction, Scope};
use crate::cert::signed::SignedCertificate;
use crate::cert::store::{CertStore, Distrust, Link};
use crate::crypto::Crypto;
use crate::identity::Identity;
use crate::ids::AppId;
use crate::pop::PopId;

/// What a certificate has to be good for.
#[derive(Clone, Debug)]
pub struct Demands {
    /// When.
    pub now: UnixTime,
    /// For which app, if that matters.
    pub app: Option<AppId>,
    /// In which data center, if that matters.
    pub pop: Option<PopId>,
    /// For whom, if that matters.
    pub identity: Option<Identity>,
    /// At which address, if that matters. Connections do not look at it (wire.md 3.2).
    pub address: Option<IpAddr>,
}

/// A limit that something lies outside of.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Limit {
    /// Another app.
    App {
        /// The one that was asked for.
        asked: AppId,
        /// Those that are allowed.
        allowed: Restriction<AppId>,
    },
    /// Another data center.
    Pop {
        /// The one that was asked for.
        asked: PopId,
        /// Those that are allowed.
        allowed: Restriction<PopId>,
    },
    /// Another address.
    Address {
        /// The one that was asked for.
        asked: IpAddr,
        /// Those that are allowed.
        allowed: Vec<String>,
    },
    /// Another identity.
    Identity {
        /// The one that was asked for.
        asked: Identity,
        /// The one that there is.
        named: Option<Identity>,
    },
    /// A later time.
    Time {
        /// The time that was asked for.
        asked: UnixTime,
        /// The last second that is allowed.
        expiry: UnixTime,
    },
}

/// Why a certificate is not good.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// Nobody vouches for it.
    #[error("the certificate of key {key} is signed by nobody")]
    Unsigned {
        /// The key that it is about.
        key: KeyId,
    },
    /// Whoever signed it is not trusted.
    #[error("the certificate of key {key} is signed by key {signer}, which is not trusted: {why}")]
    Untrusted {
        /// The key that it is about.
        key: KeyId,
        /// The key that is said to have signed it.
        signer: KeyId,
        /// Why that is not trusted.
        why: Distrust,
    },
    /// The signature is not of whom it is said to be.
    #[error("the signature of key {signer} on the certificate of key {key} does not hold")]
    Forged {
        /// The key that it is about.
        key: KeyId,
        /// The key that is said to have signed it.
        signer: KeyId,
    },
    /// Its own key was revoked.
    #[error("key {key} was revoked")]
    Revoked {
        /// The key that it is about.
        key: KeyId,
    },
    /// It, or an authority above it, is not for what is demanded.
    #[error("key {key} is {limit}")]
    Outside {
        /// The key whose certificate sets the limit.
        key: KeyId,
        /// The limit.
        limit: Limit,
    },
    /// It names an identity and no app, and peers refuse that.
    #[error("the certificate of key {key} has an identity and no app: peers refuse that")]
    NoApp {
        /// The key that it is about.
        key: KeyId,
    },
    /// Anything else that is wrong with it.
    #[error("the certificate of key {key}: {cause}")]
    Other {
        /// The key that it is about.
        key: KeyId,
        /// What is wrong.
        cause: CertError,
    },
}

/// Checks all that a peer would check, and the demands, and returns the authorities from the signer up
/// to the root.
///
/// # Errors
/// The first thing that is wrong, beginning at the root.
pub fn verify(
    store: &CertStore,
    crypto: &Crypto,
    signed: &SignedCertificate,
    demands: &Demands,
) -> Result<Vec<Link>, VerifyError> {
    let key = signed.id();
    let signer = signed.signer().ok_or(VerifyError::Unsigned { key })?;
    if let Some(why) = store.distrust(signer) {
        return Err(VerifyError::Untrusted { key, signer, why });
    }
    let chain = store.chain(signer);
    for link in chain.iter().rev() {
        check_scope(&link.scope, demands).map_err(|limit| VerifyError::Outside {
            key: link.key,
            limit,
        })?;
    }
    check_signed(signed, demands)?;
    match store.check(crypto, &signed.to_message(), Some(demands.now.secs())) {
        Ok(_) => Ok(chain),
        Err(CertError::BadSignature) => Err(VerifyError::Forged { key, signer }),
        Err(CertError::Revoked) => Err(VerifyError::Revoked { key }),
        Err(cause) => Err(VerifyError::Other { key, cause }),
    }
}

impl Scope {
    /// Checks that an authority with this scope may sign that.
    ///
    /// # Errors
    /// What lies outside.
    pub fn permit(&self, spec: &CertSpec) -> Result<(), Limit> {
        for app in &spec.app_ids {
            check_app(self.apps(), *app)?;
        }
        for pop in &spec.pops {
            check_pop(self.pops(), *pop)?;
        }
        check_time(
            self.expiry_unix_secs(),
            UnixTime::new(spec.expiry_unix_secs.into()),
        )
    }
}

fn check_scope(scope: &Scope, demands: &Demands) -> Result<(), Limit> {
    check_time(scope.expiry_unix_secs(), demands.now)?;
    if let Some(app) = demands.app {
        check_app(scope.apps(), app)?;
    }
    if let Some(pop) = demands.pop {
        check_pop(scope.pops(), pop)?;
    }
    Ok(())
}

fn check_signed(signed: &SignedCertificate, demands: &Demands) -> Result<(), VerifyError> {
    let key = signed.id();
    let cert = signed.certificate();
    let outside = |limit| VerifyError::Outside { key, limit };
    // Without an expiry it never held.
    let expiry = cert.expiry_unix_secs().unwrap_or_default();
    let own = Scope::new(
        Restriction::from_list(cert.app_ids().iter().copied()),
        Restriction::from_list(cert.pops().iter().copied()),
        expiry.into(),
    );
    check_scope(&own, demands).map_err(outside)?;
    if let Some(asked) = &demands.identity {
        check_identity(cert.identity(), asked).map_err(outside)?;
    }
    if let Some(asked) = demands.address {
        check_address(cert.addresses(), asked).map_err(outside)?;
    }
    if cert.identity().is_some() && cert.app_ids().is_empty() {
        return Err(VerifyError::NoApp { key });
    }
    Ok(())
}

fn check_app(allowed: &Restriction<AppId>, asked: AppId) -> Result<(), Limit> {
    let limit = || Limit::App {
        asked,
        allowed: allowed.clone(),
    };
    allowed.allows(asked).then_some(()).ok_or_else(limit)
}

fn check_pop(allowed: &Restriction<PopId>, asked: PopId) -> Result<(), Limit> {
    let limit = || Limit::Pop {
        asked,
        allowed: allowed.clone(),
    };
    allowed.allows(asked).then_some(()).ok_or_else(limit)
}

fn check_time(expiry: Option<u64>, asked: UnixTime) -> Result<(), Limit> {
    match expiry.map(UnixTime::new) {
        Some(expiry) if expiry < asked => Err(Limit::Time { asked, expiry }),
        Some(_) | None => Ok(()),
    }
}

fn check_identity(named: Option<&Identity>, asked: &Identity) -> Result<(), Limit> {
    if named == Some(asked) {
        return Ok(());
    }
    Err(Limit::Identity {
        asked: asked.clone(),
        named: named.cloned(),
    })
}

fn check_address(allowed: &[String], asked: IpAddr) -> Result<(), Limit> {
    let same = |text: &String| {
        let address: Result<IpAddr, _> = text.parse();
        address.is_ok_and(|address| address.to_canonical() == asked.to_canonical())
    };
    if allowed.is_empty() || allowed.iter().any(same) {
        return Ok(());
    }
    Err(Limit::Address {
        asked,
        allowed: allowed.to_vec(),
    })
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App { asked, allowed } => {
                write!(f, "not for app {asked}, only for {allowed}")
            }
            Self::Pop { asked, allowed } => {
                write!(f, "not for data center {asked}, only for {allowed}")
            }
            Self::Address { asked, allowed } => {
                write!(
                    f,
                    "not for address {asked}, only for {}",
                    allowed.join(", ")
                )
            }
            Self::Identity {
                asked,
                named: Some(named),
            } => write!(f, "not that of {asked}, but of {named}"),
            Self::Identity { asked, named: None } => {
                write!(f, "not that of {asked}, but of nobody in particular")
            }
            Self::Time { asked, expiry } => {
                write!(f, "good until {expiry} only, which is before {asked}")
            }
        }
    }
}

impl core::error::Error for Limit {}

#[cfg(test)]
mod tests;
