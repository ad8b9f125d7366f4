//! Whether the hub's own keys are such as anybody trusts.

use std::path::Path;

use bowline::Crypto;
use bowline::cert::KeyPair;

use crate::config::Network;
use crate::keys::HubKeys;
use crate::operator::Operator;
use crate::program::error::Error;

/// Refuses to serve with keys that the settings revoke, which nobody is to trust. Those of the store [`Operator::open`] refuses.
pub(super) fn check(network: &Network, folder: &Path, keys: &HubKeys) -> Result<(), Error> {
    let is_revoked = |key: &KeyPair| network.revoked.contains(&key.id());
    for (file, key) in [
        ("authority", &keys.authority),
        ("identity", &keys.identity),
        ("config", &keys.config),
    ] {
        if is_revoked(key) {
            let (id, path) = (key.id(), folder.join(format!("{file}.pem")));
            return Err(Error::OwnKeyRevoked { id, path });
        }
    }
    Ok(())
}

/// Tells of a next key that is revoked, by the settings or over HTTP: it is of no use either.
pub(super) fn warn_of_next(
    operator: &Operator,
    folder: &Path,
    crypto: &Crypto,
) -> Result<(), Error> {
    let revoked = operator.revoked()?;
    let is_revoked = |key: &KeyPair| revoked.iter().any(|(id, _)| *id == key.id());
    if let Some(next) = HubKeys::next_authority(folder, crypto)?.filter(is_revoked) {
        tracing::warn!(
            key = %next.id(),
            "the next key of certificates is revoked: remove authority.next.pem, and make another one"
        );
    }
    Ok(())
}
