//! Randomness from the operating system.

use std::io;

/// A fresh seed for the core's generator.
///
/// # Errors
/// If the system has no randomness to give. Nothing can be encrypted then.
pub fn seed() -> Result<[u8; 32], io::Error> {
    #[cfg(any(test, feature = "test-support"))]
    if let Some(error) = crate::faults::entropy_error() {
        return Err(error);
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ() {
        assert_ne!(seed().unwrap(), seed().unwrap());
    }

    #[test]
    fn without_randomness_there_is_no_seed() {
        crate::faults::fail_entropy(true);
        assert!(seed().is_err());
        crate::faults::fail_entropy(false);
        assert!(seed().is_ok());
    }
}
