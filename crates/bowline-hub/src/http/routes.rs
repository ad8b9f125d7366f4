//! What is answered where.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header;
use axum::routing::get;
use axum::routing::post;
use serde::Serialize;
use tokio::sync::AcquireError;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;

use crate::auth::Auth;
use crate::http::admin;
use crate::http::admin::Token;
use crate::http::decisions;
use crate::http::metrics;
use crate::http::metrics::Counts;
use crate::http::network::NetworkConfig;
use crate::http::page;
use crate::limits::HUB_ANSWER_TIMEOUT;
use crate::limits::MAX_HTTP_BODY;
use crate::operator::Operator;
use crate::operator::OperatorError;
use crate::server::Standing;
use crate::told::Told;

/// Threads that wait for the hub's.
pub(super) const ASKING_THREADS: usize = 4;
/// Requests that wait for the hub at a time; further ones get 503.
const ASKING: usize = 16;
/// How many of the threads may wait for the store: a disk that hangs leaves the others to those who ask how the hub stands.
const ASKING_STORE: usize = 2;

/// What all requests share.
pub(super) struct Shared {
    pub(super) operator: Arc<Operator>,
    pub(super) auth: Option<Arc<Auth>>,
    pub(super) network: NetworkConfig,
    pub(super) token: Option<Token>,
    pub(super) page: page::Page,
    pub(super) began: Instant,
    pub(super) counts: Counts,
    /// Of requests without the admin token.
    pub(super) strangers_told: Told,
    asking: Arc<Semaphore>,
    asking_store: Arc<Semaphore>,
}

pub(super) fn router(
    operator: Arc<Operator>,
    auth: Option<Arc<Auth>>,
    network: NetworkConfig,
    token: Option<Token>,
) -> Router {
    let has_token = token.is_some();
    let shared = Shared {
        operator,
        auth,
        network,
        token,
        page: page::Page::new(),
        began: Instant::now(),
        counts: Counts::default(),
        strangers_told: Told::default(),
        asking: Arc::new(Semaphore::new(ASKING)),
        asking_store: Arc::new(Semaphore::new(ASKING_STORE)),
    };
    let mut router = Router::new()
        .route("/healthz", get(async || text(StatusCode::OK, "alive\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/v1/netconfig", get(network_config));
    if has_token {
        router = router
            .route("/", get(page))
            .route("/admin/standing", get(admin::standing))
            .route("/admin/sessions", get(admin::sessions))
            .route("/admin/kick", post(decisions::kick))
            .route("/admin/block", post(decisions::block))
            .route("/admin/unblock", post(decisions::unblock))
            .route("/admin/blocks", get(decisions::blocks))
            .route("/admin/revoke", post(decisions::revoke))
            .route("/admin/unrevoke", post(decisions::unrevoke))
            .route("/admin/revoked", get(decisions::revoked));
    }
    router
        .method_not_allowed_fallback(async || {
            text(
                StatusCode::METHOD_NOT_ALLOWED,
                "what is here takes another method\n",
            )
        })
        .fallback(async || text(StatusCode::NOT_FOUND, "there is nothing here\n"))
        .layer(DefaultBodyLimit::max(MAX_HTTP_BODY))
        .with_state(Arc::new(shared))
}

impl Shared {
    /// Asks the hub, without letting anything here wait for it for long. What needs the store as well takes
    /// [`Self::ask_store`].
    ///
    /// # Errors
    /// The answer to whoever wanted to know, if the hub gives none.
    pub(super) async fn ask<T, E>(
        &self,
        question: impl FnOnce(&Operator) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Response<Body>>
    where
        T: Send + 'static,
        E: Into<OperatorError> + Send + 'static,
    {
        let place = Arc::clone(&self.asking).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        self.answer(async { Ok(place) }, question).await
    }

    /// Asks the hub and its store, or has something decided. Whoever asks waits for its turn at the store.
    ///
    /// # Errors
    /// The answer to whoever wanted to know, if there is none in time.
    pub(super) async fn ask_store<T, E>(
        &self,
        question: impl FnOnce(&Operator) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Response<Body>>
    where
        T: Send + 'static,
        E: Into<OperatorError> + Send + 'static,
    {
        let turn = Arc::clone(&self.asking_store).acquire_owned();
        self.answer(turn, question).await
    }

    /// What a thread says that may wait, once there is one for it.
    async fn answer<T, E>(
        &self,
        place: impl Future<Output = Result<OwnedSemaphorePermit, AcquireError>>,
        question: impl FnOnce(&Operator) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Response<Body>>
    where
        T: Send + 'static,
        E: Into<OperatorError> + Send + 'static,
    {
        let operator = Arc::clone(&self.operator);
        let asked = async {
            let place = place.await.ok()?;
            let asked = tokio::task::spawn_blocking(move || {
                let answer = question(&operator);
                drop(place);
                answer
            });
            asked.await.ok()
        };
        match tokio::time::timeout(HUB_ANSWER_TIMEOUT, asked).await {
            Ok(Some(Ok(answer))) => Ok(answer),
            Ok(Some(Err(error))) => {
                let response: Response<Body> = error.into().into();
                if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
                    self.counts.failed.fetch_add(1, Ordering::Relaxed);
                }
                Err(response)
            }
            _ => Err(busy()),
        }
    }

    pub(super) async fn ask_standing(&self) -> Result<Standing, Response<Body>> {
        self.ask(|operator| operator.hub().standing()).await
    }
}

fn busy() -> Response<Body> {
    text(StatusCode::SERVICE_UNAVAILABLE, "the hub does not answer\n")
}

/// An answer for people.
pub(super) fn text(status: StatusCode, text: impl Into<Body>) -> Response<Body> {
    with_type(status, "text/plain; charset=utf-8", text)
}

/// An answer for programs.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => with_type(status, "application/json", bytes),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the answer is no JSON\n"),
    }
}

fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response<Body> {
    match shared.ask_standing().await {
        Ok(_) => text(StatusCode::OK, "ready\n"),
        Err(response) => response,
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let standing = match shared.ask_standing().await {
        Ok(standing) => standing,
        Err(response) => return response,
    };
    let auth = shared.auth.as_ref().map(|auth| auth.counters());
    let uptime = shared.began.elapsed().as_secs();
    let counts = &shared.counts;
    let body = metrics::render(&standing, &auth.unwrap_or_default(), counts, uptime);
    with_type(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        body,
    )
}

async fn network_config(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    let Some(config) = shared.network.current() else {
        return text(StatusCode::NOT_FOUND, "there is no network config\n");
    };
    let is_known = config.is_known_by(&headers);
    let (status, body) = match is_known {
        true => (StatusCode::NOT_MODIFIED, Body::empty()),
        false => (StatusCode::OK, Body::from(config.bytes)),
    };
    let mut response = with_type(status, "application/octet-stream", body);
    let headers = response.headers_mut();
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=60"),
    );
    headers.insert(header::ETAG, config.tag);
    response
}

async fn page(State(shared): State<Arc<Shared>>) -> Response<Body> {
    let mut response = with_type(StatusCode::OK, "text/html; charset=utf-8", page::HTML);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, shared.page.policy.clone());
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}
