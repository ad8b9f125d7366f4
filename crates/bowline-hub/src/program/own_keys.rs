//! Whether the hub's own keys are such as anybody trusts.

use std::path::Path;

use bowline::Crypto;
use bowline::cert::KeyPair;

use crate::config::Network;
use crate::keys::HubKeys;
use crate::program::error::Error;

/// Refuses to serve with keys that are revoked, which nobody would trust. Of the next one, which is of no use either, it is told.
pub(super) fn check(
    network: &Network,
    folder: &Path,
    keys: &HubKeys,
    crypto: &Crypto,
) -> Result<(), Error> {
    let is_revoked = |key: &KeyPair| network.revoked.contains(&key.id());
    for (file, key) in [("authority", &keys.authority), ("identity", &keys.identity)] {
        if is_revoked(key) {
            let (id, path) = (key.id(), folder.join(format!("{file}.pem")));
            return Err(Error::OwnKeyRevoked { id, path });
        }
    }
    if let Some(next) = HubKeys::next_authority(folder, crypto)?.filter(is_revoked) {
        tracing::warn!(
            key = %next.id(),
            "the next key of certificates is revoked: remove authority.next.pem, and make another one"
        );
    }
    Ok(())
}
