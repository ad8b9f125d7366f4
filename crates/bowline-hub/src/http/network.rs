//! The signed network config, for those who fetch it.

use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header;
use sha2::Digest as _;
use sha2::Sha256;

/// The network config that is served, which may change at any time.
#[derive(Clone, Debug, Default)]
pub struct NetworkConfig {
    current: Arc<RwLock<Option<Published>>>,
}

/// One config.
#[derive(Clone, Debug)]
pub(super) struct Published {
    pub(super) bytes: Bytes,
    pub(super) tag: HeaderValue,
}

impl NetworkConfig {
    /// Serves these signed bytes from now on.
    pub fn publish(&self, signed: Vec<u8>) {
        let digest = Sha256::digest(&signed);
        let hex: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let tag = HeaderValue::from_str(&format!("\"{hex}\"")).expect("hex is fine in a header");
        let bytes = Bytes::from(signed);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Published { bytes, tag });
    }

    pub(super) fn current(&self) -> Option<Published> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Published {
    /// Whether whoever asks has it already (RFC 9110, 13.1.2).
    pub(super) fn is_known_by(&self, headers: &HeaderMap) -> bool {
        let lists = headers.get_all(header::IF_NONE_MATCH).iter();
        let tags = lists
            .filter_map(|list| list.to_str().ok())
            .flat_map(|list| list.split(','));
        let mut tags = tags.map(|tag| tag.trim().trim_start_matches("W/"));
        tags.any(|tag| tag == "*" || tag.as_bytes() == self.tag.as_bytes())
    }
}
