//! Which crypto provider runs when nobody chooses one.

use bowline_core::crypto::Crypto;

/// The provider on aws-lc where it is built in (feature `aws-lc`), else the portable one.
#[cfg(feature = "aws-lc")]
pub fn default_provider() -> Crypto {
    crate::aws_lc::provider()
}

/// The portable provider: the feature `aws-lc` is off.
#[cfg(not(feature = "aws-lc"))]
pub fn default_provider() -> Crypto {
    bowline_core::crypto::rustcrypto::provider()
}
