//! What the operator may see.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use sha2::Digest as _;
use sha2::Sha256;

use crate::http::metrics::label;
use crate::http::routes::Shared;
use crate::http::routes::json;
use crate::http::routes::text;
use crate::hub::SessionInfo;
use crate::limits::MAX_SESSION_PAGE;

/// What the operator shows, as a hash: comparing two tells nothing of where they differ.
pub(super) struct Token([u8; 32]);

/// The answer to who does not get what it wants.
pub(super) type Refused = Box<Response<Body>>;

/// Sessions, or blocks, of a page unless another number is wanted.
pub(super) const DEFAULT_PAGE: usize = 100;

impl Token {
    pub(super) fn new(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes);
        let shown = shown.and_then(|shown| shown.strip_prefix(b"Bearer "));
        let Some(shown) = shown else {
            return false;
        };
        let shown = Sha256::digest(shown);
        let pairs = self.0.iter().zip(shown);
        pairs.fold(0, |differ, (ours, theirs)| differ | (ours ^ theirs)) == 0
    }
}

pub(super) async fn standing(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Response<Body> {
    if let Err(refused) = shared.let_in(&headers) {
        return *refused;
    }
    let standing = match shared.ask_standing().await {
        Ok(standing) => standing,
        Err(response) => return response,
    };
    let counters = &standing.counters;
    let auth = shared
        .auth
        .as_ref()
        .map(|auth| auth.counters())
        .unwrap_or_default();
    let refusals = counters
        .refusals()
        .map(|(reason, count)| (label(&reason), count));
    let nacks = counters
        .nacks()
        .map(|(reason, count)| (label(&reason), count));
    let faults = auth
        .faults()
        .map(|(fault, count)| (fault.label().to_owned(), count));
    let answer = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_secs": shared.began.elapsed().as_secs(),
        "sessions": standing.sessions,
        "connections": standing.connections,
        "blocks": standing.blocks,
        "signed_in": counters.all_sign_ins(),
        "certificates": counters.certificates,
        "signals_carried": counters.signals_carried,
        "signals_to_nobody": counters.signals_to_nobody,
        "signals_dropped": counters.signals_dropped,
        "refusals": not_none(refusals),
        "signals_refused": not_none(nacks),
        "credentials_refused": not_none(faults),
        "hook_closed": auth.hook_closed,
    });
    json(StatusCode::OK, &answer)
}

pub(super) async fn sessions(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    if let Err(refused) = shared.let_in(&headers) {
        return *refused;
    }
    let Some((after, limit)) = page_of(query.as_deref().unwrap_or("")) else {
        let why = format!("expected ?after=SESSION&limit=NUMBER, at most {MAX_SESSION_PAGE}\n");
        return text(StatusCode::BAD_REQUEST, why);
    };
    let found = shared
        .ask(move |operator| operator.hub().sessions(after, limit))
        .await;
    let found = match found {
        Ok(found) => found,
        Err(response) => return response,
    };
    let next = match found.len() == limit {
        true => found.last().map(|last| last.number.to_string()),
        false => None,
    };
    let sessions: Vec<Value> = found.iter().map(session).collect();
    json(StatusCode::OK, &json!({"sessions": sessions, "next": next}))
}

impl Shared {
    /// Whether it is the operator who asks.
    ///
    /// # Errors
    /// The answer to those who do not show the token.
    pub(super) fn let_in(&self, headers: &HeaderMap) -> Result<(), Refused> {
        if self
            .token
            .as_ref()
            .is_some_and(|token| token.is_shown(headers))
        {
            return Ok(());
        }
        self.counts.strangers.fetch_add(1, Ordering::Relaxed);
        if let Some(more) = self.strangers_told.is_due(Instant::now()) {
            tracing::warn!(
                more,
                "somebody asked at /admin without the admin token, or with a wrong one"
            );
        }
        let why = "show the admin token: Authorization: Bearer TOKEN\n";
        let mut response = text(StatusCode::UNAUTHORIZED, why);
        let ask = HeaderValue::from_static("Bearer realm=\"bowline-hub\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
        Err(Box::new(response))
    }
}

/// A session as the operator sees it: without its address, which the hub tells nobody.
fn session(info: &SessionInfo) -> Value {
    json!({
        // As text, since a script's numbers do not hold it.
        "session": info.number.to_string(),
        "identity": info.identity.to_string(),
        "app": info.app.get(),
        "role": info.role.to_string(),
        "method": label(&info.method),
        "since_unix_secs": info.since_unix_secs,
        "expiry_unix_secs": info.expiry_unix_secs,
        "key": info.key.map(|key| key.to_string()),
        "signals": info.signals,
    })
}

/// Which page is wanted: after which session, and how many. `None` if the query says something else.
fn page_of(query: &str) -> Option<(u64, usize)> {
    let (mut after, mut limit) = (0, DEFAULT_PAGE);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=')? {
            ("after", number) => after = number.parse().ok()?,
            ("limit", number) => limit = number.parse().ok()?,
            _ => return None,
        }
    }
    (1..=MAX_SESSION_PAGE)
        .contains(&limit)
        .then_some((after, limit))
}

fn not_none(counts: impl Iterator<Item = (String, u64)>) -> Map<String, Value> {
    let some = counts.filter(|(_, count)| *count > 0);
    some.map(|(name, count)| (name, count.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_is_the_token() {
        let token = Token::new(b"0123456789abcdef");
        let is_shown = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(value));
            token.is_shown(&headers)
        };
        assert!(is_shown("Bearer 0123456789abcdef"));
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef ",
            "Bearer ",
            "Bearer",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
            "",
        ] {
            assert!(!is_shown(wrong), "{wrong:?}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
    }

    #[test]
    fn limit_sessions_of_a_page() {
        assert_eq!(page_of(""), Some((0, DEFAULT_PAGE)));
        assert_eq!(page_of("after=7&limit=3"), Some((7, 3)));
        let most = format!("limit={MAX_SESSION_PAGE}");
        assert_eq!(page_of(&most), Some((0, MAX_SESSION_PAGE)));
        let more = format!("limit={}", MAX_SESSION_PAGE + 1);
        for bad in [
            more.as_str(),
            "limit=0",
            "limit=-1",
            "limit=",
            "limit",
            "after=x",
            "page=1",
        ] {
            assert_eq!(page_of(bad), None, "{bad}");
        }
    }
}
