//! The hub over HTTP: is it alive, how does it stand, what is the network like, and the operator's page.
//!
//! | path | who may | what |
//! |---|---|---|
//! | `GET /` | everybody | the operator's page, which asks for the token |
//! | `GET /healthz` | everybody | 200 while the process lives |
//! | `GET /readyz` | everybody | 200 while the hub answers, otherwise 503 |
//! | `GET /metrics` | everybody | counts for Prometheus |
//! | `GET /v1/netconfig` | everybody | the signed network config, with an `ETag` |
//! | `GET /admin/standing` | the operator | how the hub stands |
//! | `GET /admin/sessions` | the operator | who is signed in, by pages |
//! | `POST /admin/kick` | the operator | ends a session |
//! | `POST /admin/block`, `POST /admin/unblock` | the operator | keeps an identity out, or no longer |
//! | `GET /admin/blocks` | the operator | who is kept out, by pages |
//! | `POST /admin/revoke`, `POST /admin/unrevoke` | the operator | has nobody trust a key, or lets them again |
//! | `GET /admin/revoked` | the operator | which keys nobody is to trust |
//!
//! It speaks plain HTTP and is meant for this machine, or for a proxy that speaks TLS. The operator shows a token
//! (`Authorization: Bearer`); without one in the settings those paths are not there.
//!
//! All of it runs on one thread of its own and holds little: so many connections at a time, each with a time for its headers
//! and one for the whole request, and small bodies only. What it wants to know or do it
//! asks an [`Operator`], on threads that may wait and in pages of a bounded size; a hub that does not answer within two seconds makes it say 503.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::http::Response;
use axum::http::StatusCode;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::auth::Auth;
use crate::limits::HTTP_CONNECTION_LIFETIME;
use crate::limits::HTTP_HEADER_TIMEOUT;
use crate::limits::HTTP_REQUEST_TIMEOUT;
use crate::limits::MAX_HTTP_CONNECTIONS;
use crate::limits::MAX_HTTP_HEAD;
use crate::limits::MAX_HTTP_HEADERS;
use crate::limits::MIN_ADMIN_TOKEN_LEN;
use crate::operator::Operator;

mod admin;
mod decisions;
mod metrics;
mod network;
mod page;
mod routes;

#[cfg(feature = "program")]
pub(crate) use self::metrics::label;

pub use self::metrics::METRICS;
pub use self::metrics::Metric;
pub use self::metrics::MetricKind;
pub use self::network::NetworkConfig;

use self::admin::Token;

/// What the HTTP side is to be.
#[derive(Clone)]
pub struct HttpSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What the operator shows; without it there is nothing for operators.
    pub admin_token: Option<Zeroizing<Vec<u8>>>,
}

/// The HTTP side of a hub. Dropping it ends it.
#[derive(Debug)]
pub struct HttpServer {
    local_addr: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Why there is no HTTP side.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The token could be guessed.
    #[error("the admin token has {0} bytes; it takes at least {MIN_ADMIN_TOKEN_LEN}")]
    ShortToken(usize),
    /// The address cannot be listened on.
    #[error("cannot listen on {address} for HTTP")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// No thread, or nothing to wait with.
    #[error("cannot serve HTTP")]
    System(#[from] io::Error),
}

impl HttpServer {
    /// Serves on a thread of its own.
    ///
    /// # Errors
    /// If the address cannot be listened on, or the token is short.
    pub fn start(
        settings: HttpSettings,
        operator: Arc<Operator>,
        auth: Option<Arc<Auth>>,
        network: NetworkConfig,
    ) -> Result<Self, HttpError> {
        let token = match settings.admin_token {
            Some(token) if token.len() < MIN_ADMIN_TOKEN_LEN => {
                return Err(HttpError::ShortToken(token.len()));
            }
            token => token.map(|token| Token::new(&token)),
        };
        let address = settings.listen;
        let of_listening = |source| HttpError::Listen { address, source };
        let listener = std::net::TcpListener::bind(address).map_err(of_listening)?;
        listener.set_nonblocking(true)?;
        let local_addr = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(routes::ASKING_THREADS)
            .build()?;
        let router = routes::router(operator, auth, network, token);
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("hub-http".to_owned());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                match TcpListener::from_std(listener) {
                    Ok(listener) => accept_until(listener, router, stopped).await,
                    Err(error) => tracing::error!(%error, "cannot serve HTTP"),
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self {
            local_addr,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Whether it has ended before it was to.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

#[cfg(feature = "program")]
impl HttpSettings {
    /// As the file of settings says. Reads the file of the token.
    ///
    /// # Errors
    /// If that cannot be read, others can read it, or it is too short.
    pub fn from_config(http: &crate::config::Http) -> Result<Self, crate::config::ConfigFileError> {
        let token = crate::auth::secret(&http.admin_token_file)?;
        if token.len() < MIN_ADMIN_TOKEN_LEN {
            return Err(crate::config::ConfigFileError::TooShort {
                file: http.admin_token_file.clone(),
                len: token.len(),
                least: MIN_ADMIN_TOKEN_LEN,
            });
        }
        let is_fine = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        if token.first() == Some(&b' ') || !token.iter().all(is_fine) {
            return Err(crate::config::ConfigFileError::Unprintable {
                file: http.admin_token_file.clone(),
            });
        }
        Ok(Self {
            listen: http.listen,
            admin_token: Some(token),
        })
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for HttpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpSettings")
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}

/// Takes connections until it is to stop. On the thread's own task, so that a panic ends the thread and is noticed.
async fn accept_until(listener: TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let mut accepting = pin!(accept(listener, router));
    let mut stopped = pin!(stopped);
    poll_fn(|context| {
        // An error means that whoever could stop it is gone.
        if stopped.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        accepting.as_mut().poll(context)
    })
    .await;
}

/// Takes connections as long as there is room for them; further ones wait in the system's queue.
async fn accept(listener: TcpListener, router: Router) {
    let room = Arc::new(Semaphore::new(MAX_HTTP_CONNECTIONS));
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "no connection of HTTP");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let router = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let serve = service_fn(move |request| answer(router.clone(), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HTTP_HEADER_TIMEOUT)
                .max_buf_size(MAX_HTTP_HEAD)
                .max_headers(MAX_HTTP_HEADERS)
                .serve_connection(TokioIo::new(stream), serve);
            // How a connection ends is the client's affair.
            let _ = tokio::time::timeout(HTTP_CONNECTION_LIFETIME, connection).await;
            drop(place);
        });
    }
}

/// The answer to a request, within its time: a client that sends its body slowly gets none.
async fn answer(
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::convert::Infallible> {
    let answered = tokio::time::timeout(HTTP_REQUEST_TIMEOUT, router.call(request)).await;
    answered.unwrap_or_else(|_| {
        let mut response = Response::new(Body::from("the request took too long\n"));
        *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
        Ok(response)
    })
}
