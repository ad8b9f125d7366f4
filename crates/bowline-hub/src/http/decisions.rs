//! What the operator decides: who is sent away or kept out, and which keys nobody is to trust.

use std::sync::Arc;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use bowline_core::cert::authority::KeyId;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::json;

use crate::http::admin::DEFAULT_PAGE;
use crate::http::admin::Refused;
use crate::http::routes::Shared;
use crate::http::routes::json;
use crate::http::routes::text;
use crate::limits::MAX_BLOCK_SECS;
use crate::limits::MAX_BLOCK_TEXT;
use crate::limits::MAX_HTTP_BODY;
use crate::limits::MAX_KEY_LEN;
use crate::limits::MAX_SESSION_PAGE;
use crate::namespace::for_log;
use crate::operator::OperatorError;
use crate::operator::Revocation;
use crate::store::KeptBlock;
use crate::words::plain;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Kick {
    app: u32,
    identity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Block {
    identity: String,
    /// For ever without it.
    #[serde(default)]
    seconds: Option<u64>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Unblock {
    identity: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct KeyOf {
    key: String,
}

/// The body of a request, unless it is too long or does not come.
type Sent = Result<Bytes, BytesRejection>;

pub(super) async fn kick(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Sent,
) -> Response<Body> {
    answer(kick_or_refuse(&shared, &headers, &body).await)
}

pub(super) async fn block(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Sent,
) -> Response<Body> {
    answer(block_or_refuse(&shared, &headers, &body).await)
}

pub(super) async fn unblock(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Sent,
) -> Response<Body> {
    answer(unblock_or_refuse(&shared, &headers, &body).await)
}

pub(super) async fn blocks(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    answer(blocks_or_refuse(&shared, &headers, query.as_deref().unwrap_or("")).await)
}

pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Sent,
) -> Response<Body> {
    answer(revoke_or_refuse(&shared, &headers, &body, true).await)
}

pub(super) async fn unrevoke(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Sent,
) -> Response<Body> {
    answer(revoke_or_refuse(&shared, &headers, &body, false).await)
}

pub(super) async fn revoked(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
) -> Response<Body> {
    answer(revoked_or_refuse(&shared, &headers).await)
}

async fn kick_or_refuse(
    shared: &Shared,
    headers: &HeaderMap,
    body: &Sent,
) -> Result<Value, Refused> {
    let example = r#"{"app": 480, "identity": "str:anna"}"#;
    let wanted: Kick = shared.read(headers, body, example)?;
    let (app, identity) = (AppId::new(wanted.app), identity_of(&wanted.identity)?);
    if app == AppId::ANY {
        let why = format!("{app} is no game; a block sends somebody away from all games");
        return Err(refusal(why));
    }
    let who = for_log(&identity);
    let asked = shared.ask_store(move |operator| operator.kick(app, &identity));
    let kicked = asked.await?;
    tell_kick(&who, app, kicked);
    Ok(json!({"kicked": kicked}))
}

async fn block_or_refuse(
    shared: &Shared,
    headers: &HeaderMap,
    body: &Sent,
) -> Result<Value, Refused> {
    let example = r#"{"identity": "str:anna", "seconds": 3600, "text": "for the player"}"#;
    let wanted: Block = shared.read(headers, body, example)?;
    let identity = identity_of(&wanted.identity)?;
    if matches!(identity, Identity::Ip { .. }) {
        return Err(refusal("nobody signs in as an address".to_owned()));
    }
    if let Some(secs) = wanted.seconds
        && !(1..=MAX_BLOCK_SECS).contains(&secs)
    {
        let why = format!("expected 1 to {MAX_BLOCK_SECS} seconds, or none for ever, not {secs}");
        return Err(refusal(why));
    }
    if wanted.text.len() > MAX_BLOCK_TEXT {
        let len = wanted.text.len();
        let why = format!("expected a text of at most {MAX_BLOCK_TEXT} bytes, not {len}");
        return Err(refusal(why));
    }
    if wanted.text.chars().any(char::is_control) {
        return Err(refusal("expected a text of one line".to_owned()));
    }
    let (secs, who) = (wanted.seconds, for_log(&identity));
    let asked = shared.ask_store(move |operator| operator.block(&identity, secs, &wanted.text));
    let sessions = asked.await?;
    tell_block(&who, secs, sessions);
    Ok(json!({"blocked": true, "sessions_ended": sessions}))
}

async fn unblock_or_refuse(
    shared: &Shared,
    headers: &HeaderMap,
    body: &Sent,
) -> Result<Value, Refused> {
    let wanted: Unblock = shared.read(headers, body, r#"{"identity": "str:anna"}"#)?;
    let identity = identity_of(&wanted.identity)?;
    let who = for_log(&identity);
    let asked = shared.ask_store(move |operator| operator.unblock(&identity));
    let unblocked = asked.await?;
    tell_unblock(&who, unblocked.was_blocked);
    Ok(json!({
        "unblocked": unblocked.was_blocked,
        "blocked_by_settings": unblocked.is_blocked_by_settings,
    }))
}

async fn blocks_or_refuse(
    shared: &Shared,
    headers: &HeaderMap,
    query: &str,
) -> Result<Value, Refused> {
    shared.let_in(headers)?;
    let page = page_of(query);
    let (after, limit) = page.ok_or_else(|| {
        refusal(format!(
            "expected ?after=PLACE&limit=NUMBER, at most {MAX_SESSION_PAGE}"
        ))
    })?;
    let asked = shared.ask_store(move |operator| operator.blocks(&after, limit));
    let found = asked.await?;
    let next = match found.len() == limit {
        true => found.last().map(|(place, _)| place.clone()),
        false => None,
    };
    let blocks: Vec<Value> = found.iter().map(|(_, kept)| kept_block(kept)).collect();
    Ok(json!({"blocks": blocks, "next": next}))
}

async fn revoke_or_refuse(
    shared: &Shared,
    headers: &HeaderMap,
    body: &Sent,
    is_revoked: bool,
) -> Result<Value, Refused> {
    let example = r#"{"key": "1234567890"}"#;
    let wanted: KeyOf = shared.read(headers, body, example)?;
    let id = wanted.key.parse().map(KeyId::new).map_err(|_| {
        let why = format!("{:?} is no ID of a key, which is a number", wanted.key);
        refusal(why)
    })?;
    let asked = shared.ask_store(move |operator| match is_revoked {
        true => operator.revoke(id),
        false => operator.unrevoke(id),
    });
    let Revocation {
        is_news,
        is_in_settings,
        revision,
    } = asked.await?;
    tracing::info!(key = %id, is_revoked, is_news, revision, "the operator decided on a key over HTTP");
    Ok(json!({
        "changed": is_news,
        "revoked_by_settings": is_in_settings,
        "revision": revision,
    }))
}

async fn revoked_or_refuse(shared: &Shared, headers: &HeaderMap) -> Result<Value, Refused> {
    shared.let_in(headers)?;
    let found = shared.ask_store(|operator| operator.revoked()).await?;
    let key = |(id, is_in_settings): &(KeyId, bool)| {
        // As text, since a script's numbers do not hold it.
        json!({"key": id.to_string(), "by_settings": is_in_settings})
    };
    let revoked: Vec<Value> = found.iter().map(key).collect();
    Ok(json!({"revoked": revoked}))
}

// Whom it was about is recorded as text, not as it shows: it is what somebody has sent.

fn tell_kick(identity: &str, app: AppId, kicked: bool) {
    let app = app.get();
    tracing::info!(
        identity,
        app,
        kicked,
        "the operator ended a session over HTTP"
    );
}

fn tell_block(identity: &str, seconds: Option<u64>, sessions: usize) {
    // None is for ever.
    tracing::info!(
        identity,
        seconds,
        sessions,
        "the operator blocked an identity over HTTP"
    );
}

fn tell_unblock(identity: &str, was_blocked: bool) {
    tracing::info!(
        identity,
        was_blocked,
        "the operator took a block back over HTTP"
    );
}

impl Shared {
    /// What an operator sends.
    fn read<T: DeserializeOwned>(
        &self,
        headers: &HeaderMap,
        body: &Sent,
        example: &str,
    ) -> Result<T, Refused> {
        self.let_in(headers)?;
        if !is_json(headers) {
            let why = "expected Content-Type: application/json, as curl --json sends it\n";
            return Err(Box::new(text(StatusCode::UNSUPPORTED_MEDIA_TYPE, why)));
        }
        let body = body.as_ref().map_err(|rejected| {
            let why = match rejected.status() {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("expected a body of at most {MAX_HTTP_BODY} bytes\n")
                }
                _ => "the body did not come whole\n".to_owned(),
            };
            Box::new(text(rejected.status(), why))
        })?;
        let parsed = serde_json::from_slice(body);
        parsed.map_err(|error| {
            let why = plain(&error.to_string());
            refusal(format!("expected {example}: {why}"))
        })
    }
}

impl From<OperatorError> for Response<Body> {
    fn from(error: OperatorError) -> Self {
        use OperatorError::OwnKey;
        use OperatorError::Stopped;
        use OperatorError::TooManyBlocks;
        use OperatorError::TooManyRevoked;
        let status = match error {
            TooManyBlocks(_) | TooManyRevoked | OwnKey(..) => StatusCode::CONFLICT,
            Stopped(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => {
                tracing::error!(%error, "what the operator decided was not done, or not kept");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        text(status, format!("{error}\n"))
    }
}

/// Whether the body is what it has to be, as far as the request says.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).map(HeaderValue::to_str) else {
        return true;
    };
    let essence = kind.ok().and_then(|kind| kind.split(';').next());
    essence.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn identity_of(text: &str) -> Result<Identity, Refused> {
    let parsed = text.parse();
    parsed.map_err(|error| refusal(format!("{text:?} is no identity: {error}")))
}

fn refusal(why: String) -> Refused {
    Box::new(text(StatusCode::BAD_REQUEST, why + "\n"))
}

fn answer(result: Result<Value, Refused>) -> Response<Body> {
    match result {
        Ok(value) => json(StatusCode::OK, &value),
        Err(response) => *response,
    }
}

fn kept_block(kept: &KeptBlock) -> Value {
    json!({
        "identity": kept.identity.to_string(),
        "since_unix_secs": kept.since_unix_secs,
        "until_unix_secs": kept.block.until_unix_secs,
        "text": kept.block.text,
    })
}

/// Which page is wanted: after which place, and how many. `None` if the query says something else.
fn page_of(query: &str) -> Option<(String, usize)> {
    let (mut after, mut limit) = (String::new(), DEFAULT_PAGE);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = decoded(value)?;
        match name {
            "after" if value.len() <= MAX_KEY_LEN => after = value,
            "limit" => limit = value.parse().ok()?,
            _ => return None,
        }
    }
    (1..=MAX_SESSION_PAGE)
        .contains(&limit)
        .then_some((after, limit))
}

/// The text of a value in a query, with what is written as `%XX`. A place holds `=`, which many clients write so.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes().iter();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let mut digit = || char::from(*rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => *byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_blocks_of_a_page() {
        assert_eq!(page_of(""), Some((String::new(), DEFAULT_PAGE)));
        let after = Some(("str=3Aanna".to_owned(), 3));
        assert_eq!(page_of("after=str=3Aanna&limit=3"), after);
        assert_eq!(page_of("after=str%3D3Aanna&limit=%33"), after);
        let most = format!("limit={MAX_SESSION_PAGE}");
        assert_eq!(page_of(&most), Some((String::new(), MAX_SESSION_PAGE)));
        let more = format!("limit={}", MAX_SESSION_PAGE + 1);
        let long = format!("after={}", "x".repeat(MAX_KEY_LEN + 1));
        for bad in [
            &more,
            &long,
            "limit=0",
            "limit=x",
            "limit",
            "page=1",
            "after=%",
            "after=%3",
            "after=%+3",
            "after=%ff",
        ] {
            assert_eq!(page_of(bad), None, "{bad}");
        }
    }

    #[cfg(feature = "program")]
    #[test]
    fn regression_the_log_says_about_whom_the_operator_has_decided() {
        let log = crate::program::told_by(|| {
            tell_kick("str:anna", AppId::new(480), true);
            tell_block("str:anna", Some(60), 1);
            tell_block("str:anna", None, 1);
            tell_unblock("str:anna", true);
        });
        let lines: Vec<Value> = log
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 4, "{log}");
        assert!(lines.iter().all(|line| line["identity"] == "str:anna"));
        assert_eq!(
            (&lines[0]["app"], &lines[1]["seconds"]),
            (&json!(480), &json!(60))
        );
        assert_eq!(lines[2].get("seconds"), None);
    }

    #[test]
    fn a_body_is_json_or_says_nothing_of_what_it_is() {
        let is_json = |kind: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            is_json(&headers)
        };
        for good in ["application/json", "Application/JSON; charset=utf-8"] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/plain", "application/x-www-form-urlencoded"] {
            assert!(!is_json(bad), "{bad}");
        }
        assert!(super::is_json(&HeaderMap::new()));
    }
}
