//! Whom we mean to reach when we dial.

use alloc::format;

use crate::cert::authority::KeyId;
use crate::cert::certificate::Certificate;
use crate::cert::check::PeerRefused;
use crate::cert::check::VerifiedPeer;
use crate::cert::keypair::PublicKey;
use crate::end_reason::EndReason;
use crate::identity::Identity;

/// What a dialled peer must prove. One that does not is refused with
/// [`EndReason::REMOTE_BAD_CERT`] before anything is sent to it.
///
/// The original has no such check for connections to an address.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Expect {
    /// That it is this one, by a certificate of an authority that we trust. A peer that merely says so
    /// is refused, whatever the settings allow without authentication.
    Identity(Identity),
    /// The same, and that it is a service for all games: its certificate names [`AppId::ANY`], for which its authority may
    /// vouch. Otherwise whoever signs certificates for one game could sign that of a service of all others.
    ///
    /// [`AppId::ANY`]: crate::ids::AppId::ANY
    Service(Identity),
    /// That it holds this Ed25519 key, which needs no authority: a pin.
    Key(PublicKey),
}

impl Expect {
    /// Checks a peer that has passed all other checks, and was found to be `identity`.
    ///
    /// # Errors
    /// If it is not the one.
    pub(crate) fn check(
        &self,
        identity: &Identity,
        peer: &VerifiedPeer,
    ) -> Result<(), PeerRefused> {
        match self {
            Self::Identity(expected) | Self::Service(expected) if expected != identity => {
                Err(refused(format!("Expected {expected}, found {identity}")))
            }
            // A signed certificate may name nobody; then it is the peer alone who says who it is.
            Self::Identity(expected) | Self::Service(expected)
                if !peer.authenticated || peer.identity.as_ref() != Some(expected) =>
            {
                Err(refused(format!(
                    "No authority that we trust vouches for {expected}"
                )))
            }
            Self::Service(expected) if !peer.is_service => Err(refused(format!(
                "The certificate of {expected} or its authority is not for services"
            ))),
            Self::Identity(_) | Self::Service(_) => Ok(()),
            Self::Key(expected) => match Certificate::parse(&peer.cert_bytes) {
                Ok(cert) if cert.key() == expected.as_bytes() => Ok(()),
                Ok(cert) => Err(refused(format!(
                    "Expected key {}, found key {}",
                    expected.id(),
                    KeyId::of(cert.key())
                ))),
                Err(error) => Err(refused(format!("Bad cert: {error}"))),
            },
        }
    }
}

fn refused(text: alloc::string::String) -> PeerRefused {
    PeerRefused::new(EndReason::REMOTE_BAD_CERT, text)
}
