//! The keys of a hub.
//!
//! | key | what it is for | who knows it |
//! |---|---|---|
//! | identity | clients know the hub by it | clients pin the public half |
//! | authority | signs certificates | peers trust the public half |
//! | resumption | seals what clients come back with | nobody else |

use std::io;

use bowline::cert::Authority;
use bowline::cert::KeyPair;
use bowline_core::crypto::Crypto;
use bowline_core::rng::Rng;
use zeroize::Zeroizing;

use crate::hub::Keys;

/// All keys of a hub.
#[derive(Clone, Debug)]
pub struct HubKeys {
    /// What clients know it by.
    pub identity: KeyPair,
    /// What it signs certificates with.
    pub authority: KeyPair,
    /// What it seals resumptions with.
    pub resumption: Zeroizing<[u8; 32]>,
}

impl HubKeys {
    /// New keys, by the system's randomness.
    ///
    /// # Errors
    /// If the system has none to give.
    pub fn generate(crypto: &Crypto) -> io::Result<Self> {
        let mut rng = Rng::from_seed(bowline_io::entropy::seed()?);
        Ok(Self {
            identity: KeyPair::generate(crypto, &mut rng),
            authority: KeyPair::generate(crypto, &mut rng),
            resumption: Zeroizing::new(rng.bytes()),
        })
    }

    /// What the logic of the hub needs of them.
    pub fn for_hub(&self, crypto: &Crypto) -> Keys {
        Keys {
            authority: Authority::new(crypto, self.authority.private().clone()),
            identity: self.identity.public(),
            resumption: self.resumption.clone(),
        }
    }
}
