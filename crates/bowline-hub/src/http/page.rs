//! The operator's page: one file without anything from elsewhere.

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;
use sha2::Sha256;

/// The page.
pub(super) const HTML: &str = include_str!("page.html");

/// What comes with the page.
pub(super) struct Page {
    /// What it may do: run its own script by its hash, and talk to this hub.
    pub(super) policy: HeaderValue,
}

impl Page {
    pub(super) fn new() -> Self {
        let hash = |tag| STANDARD.encode(Sha256::digest(inside(tag).as_bytes()));
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            hash("script"),
            hash("style"),
        );
        Self {
            policy: HeaderValue::from_str(&policy).expect("hashes are fine in a header"),
        }
    }
}

/// What stands in the only element of that name.
fn inside(tag: &str) -> &'static str {
    let rest = HTML
        .split_once(&format!("<{tag}>"))
        .map_or("", |(_, rest)| rest);
    rest.split_once(&format!("</{tag}>"))
        .map_or("", |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_the_page_runs_is_covered_by_its_policy() {
        for tag in ["script", "style"] {
            assert_eq!(HTML.matches(&format!("<{tag}")).count(), 1);
            assert!(inside(tag).len() > 100);
        }
        // Neither is covered by a hash.
        for bad in [
            " style=",
            " onclick=",
            " onsubmit=",
            "javascript:",
            "innerHTML",
            "insertAdjacentHTML",
        ] {
            assert!(!HTML.contains(bad), "{bad}");
        }
        for from_elsewhere in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!HTML.contains(from_elsewhere), "{from_elsewhere}");
        }
    }
}
