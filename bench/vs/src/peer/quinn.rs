//! quinn: QUIC with TLS 1.3 (AES-256-GCM, X25519, a certificate of ECDSA P-256 that the client checks),
//! on tokio's current-thread runtime, which also runs the workload.
//!
//! Reliable messages go over one stream in each direction with a length before each, one write per
//! message, or, with `--join 1`, joined into writes of 16 KiB by the application. Unreliable messages are
//! datagrams. `--cc bbr` replaces Cubic. One endpoint serves all connections of a process.
//!
//! Opened: socket buffers of 2 MiB; behind the proxy, stream, receive and send windows of 64 MiB.

use std::collections::HashMap;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    Connection, Endpoint, RecvStream, SendDatagramError, SendStream, TransportConfig, VarInt,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::sync::Notify;

use super::{Event, Kind, Peer, udp_socket};
use crate::Result;
use crate::options::Options;

/// What `--join 1` makes of many messages.
const JOINED_WRITE: usize = 16 << 10;
/// Windows behind the proxy, where the defaults (1.25 MB) may hold a fast sender back.
const WIDE_WINDOW: u32 = 64 << 20;
/// The name in the certificate.
const NAME: &str = "localhost";

pub(crate) struct Quinn {
    endpoint: Endpoint,
    server: Option<SocketAddr>,
    joins: bool,
    shared: Arc<Shared>,
    live: HashMap<u64, Live>,
    /// Connections with bytes that could not be written at once.
    blocked: Vec<u64>,
}

/// A connection that is up.
struct Live {
    connection: Connection,
    stream: SendStream,
    /// Framed messages that are not written yet.
    unwritten: Vec<u8>,
    datagram: Option<PendingDatagram>,
}

/// A datagram that waits for room.
type PendingDatagram = Pin<Box<dyn Future<Output = std::result::Result<(), SendDatagramError>>>>;

/// What the tasks of the connections tell.
#[derive(Default)]
struct Shared {
    reports: Mutex<Vec<Report>>,
    news: Notify,
    numbers: AtomicU64,
}

enum Report {
    Up(u64, Connection, SendStream),
    Other(Event),
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.news.notify_one();
    }
}

impl Shared {
    fn report(&self, report: Report) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.push(report);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Report> {
        mem::take(&mut self.reports.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Quinn {
    /// A server, and its certificate in hexadecimal.
    pub(crate) fn server(options: &Options) -> Result<(Self, String)> {
        let certified = rcgen::generate_simple_self_signed(vec![NAME.to_owned()])?;
        let key = PrivatePkcs8KeyDer::from(certified.signing_key.serialize_der());
        let certificate = certified.cert.der().clone();
        let hex = certificate
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let mut tls = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())?;
        tls.send_tls13_tickets = 0;
        let crypto = Arc::new(QuicServerConfig::try_from(tls)?);
        let mut config = quinn::ServerConfig::with_crypto(crypto);
        config.transport_config(transport(options));
        let quinn = Self::new(options, Some(config))?;
        let (endpoint, shared) = (quinn.endpoint.clone(), Arc::clone(&quinn.shared));
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Ok(connection) = incoming.await {
                        serve(shared, number, connection).await;
                    }
                });
            }
        });
        Ok((quinn, hex))
    }

    pub(crate) fn client(options: &Options) -> Result<Self> {
        let hex = options.text("hint").ok_or("--hint is missing")?;
        let digits = |at: usize| hex.get(at..at + 2).ok_or("--hint has an odd length");
        let bytes = (0..hex.len()).step_by(2);
        let certificate: Vec<u8> = bytes
            .map(|at| Ok(u8::from_str_radix(digits(at)?, 16)?))
            .collect::<Result<_>>()?;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate.into())?;
        let mut tls = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // Each connection makes the whole handshake.
        tls.resumption = rustls::client::Resumption::disabled();
        let mut config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls)?));
        config.transport_config(transport(options));
        let mut quinn = Self::new(options, None)?;
        quinn.endpoint.set_default_client_config(config);
        quinn.server = Some(options.address("connect")?);
        Ok(quinn)
    }

    pub(crate) fn address(&self) -> Result<SocketAddr> {
        Ok(self.endpoint.local_addr()?)
    }

    fn new(options: &Options, config: Option<quinn::ServerConfig>) -> Result<Self> {
        let runtime = Arc::new(quinn::TokioRuntime);
        let socket = udp_socket(options)?;
        Ok(Self {
            endpoint: Endpoint::new(quinn::EndpointConfig::default(), config, socket, runtime)?,
            server: None,
            joins: options.is_on("join"),
            shared: Arc::default(),
            live: HashMap::new(),
            blocked: Vec::new(),
        })
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.shared).into()
    }

    /// Writes what could not be written before.
    fn unblock(&mut self) {
        let waker = self.waker();
        let mut context = Context::from_waker(&waker);
        let live = &mut self.live;
        self.blocked.retain(|number| {
            let live = live.get_mut(number);
            live.is_some_and(|live| {
                live.write(&mut context);
                live.push_datagram(&mut context);
                !live.unwritten.is_empty() || live.datagram.is_some()
            })
        });
    }
}

impl Live {
    fn write(&mut self, context: &mut Context<'_>) {
        let mut written = 0;
        while written < self.unwritten.len()
            && let Poll::Ready(result) =
                Pin::new(&mut self.stream).poll_write(context, &self.unwritten[written..])
        {
            // A stream that is gone takes everything: the connection's end is reported elsewhere.
            written += result.unwrap_or(self.unwritten.len());
        }
        self.unwritten.drain(..written.min(self.unwritten.len()));
    }

    fn push_datagram(&mut self, context: &mut Context<'_>) {
        if let Some(datagram) = &mut self.datagram
            && datagram.as_mut().poll(context).is_ready()
        {
            self.datagram = None;
        }
    }
}

impl Peer for Quinn {
    fn dial(&mut self) -> Result<u64> {
        let number = self.shared.numbers.fetch_add(1, Ordering::Relaxed);
        let server = self.server.ok_or("--connect is missing")?;
        let connecting = self.endpoint.connect(server, NAME)?;
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            match connecting.await {
                Ok(connection) => serve(shared, number, connection).await,
                Err(_) => shared.report(Report::Other(Event::Down(number))),
            }
        });
        Ok(number)
    }

    fn send(&mut self, to: u64, kind: Kind, message: &[u8]) -> bool {
        let waker = self.waker();
        let mut context = Context::from_waker(&waker);
        let Some(live) = self.live.get_mut(&to) else {
            return false;
        };
        let was_blocked = !live.unwritten.is_empty() || live.datagram.is_some();
        match kind {
            Kind::Reliable => {
                if live.unwritten.len() >= if self.joins { JOINED_WRITE } else { 1 } {
                    live.write(&mut context);
                    if !live.unwritten.is_empty() {
                        return false;
                    }
                }
                live.unwritten.extend((message.len() as u32).to_le_bytes());
                live.unwritten.extend(message);
                if !self.joins {
                    live.write(&mut context);
                }
            }
            Kind::Unreliable => {
                live.push_datagram(&mut context);
                if live.datagram.is_some() {
                    return false;
                }
                let message = Bytes::copy_from_slice(message);
                let connection = live.connection.clone();
                live.datagram = Some(Box::pin(async move {
                    connection.send_datagram_wait(message).await
                }));
                live.push_datagram(&mut context);
            }
        }
        if !was_blocked && (!live.unwritten.is_empty() || live.datagram.is_some()) {
            self.blocked.push(to);
        }
        true
    }

    fn close(&mut self, connection: u64) {
        if let Some(live) = self.live.remove(&connection) {
            live.connection.close(VarInt::from_u32(0), b"");
        }
    }

    async fn poll(&mut self, wait: Duration, events: &mut Vec<Event>) -> Result<()> {
        self.unblock();
        let mut reports = self.shared.take();
        if reports.is_empty() {
            if wait.is_zero() {
                tokio::task::yield_now().await;
            } else {
                // News or not, the reports are looked at.
                let _ = tokio::time::timeout(wait, self.shared.news.notified()).await;
            }
            self.unblock();
            reports = self.shared.take();
        }
        for report in reports {
            match report {
                Report::Up(number, connection, stream) => {
                    let live = Live {
                        connection,
                        stream,
                        unwritten: Vec::new(),
                        datagram: None,
                    };
                    self.live.insert(number, live);
                    events.push(Event::Up(number));
                }
                Report::Other(Event::Down(number)) => {
                    self.live.remove(&number);
                    events.push(Event::Down(number));
                }
                Report::Other(event) => events.push(event),
            }
        }
        Ok(())
    }

    fn keeps_timers(&self) -> bool {
        true
    }

    fn burst(&self) -> usize {
        usize::MAX
    }
}

/// Reports what comes over a connection until it ends.
async fn serve(shared: Arc<Shared>, number: u64, connection: Connection) {
    if let Ok(stream) = connection.open_uni().await {
        shared.report(Report::Up(number, connection.clone(), stream));
        let (stream_shared, stream_connection) = (Arc::clone(&shared), connection.clone());
        tokio::spawn(async move {
            if let Ok(stream) = stream_connection.accept_uni().await {
                read_stream(&stream_shared, number, stream).await;
            }
        });
        while let Ok(datagram) = connection.read_datagram().await {
            let message = Event::Message(number, Kind::Unreliable, datagram);
            shared.report(Report::Other(message));
        }
    }
    connection.closed().await;
    shared.report(Report::Other(Event::Down(number)));
}

async fn read_stream(shared: &Shared, number: u64, mut stream: RecvStream) {
    let mut bytes = BytesMut::new();
    while let Ok(Some(chunk)) = stream.read_chunk(usize::MAX, true).await {
        bytes.extend_from_slice(&chunk.bytes);
        while let Some(message) = next_message(&mut bytes) {
            let message = Event::Message(number, Kind::Reliable, message);
            shared.report(Report::Other(message));
        }
    }
}

/// Cuts the next whole message off.
fn next_message(bytes: &mut BytesMut) -> Option<Bytes> {
    let len = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    if bytes.len() < 4 + len {
        return None;
    }
    bytes.advance(4);
    Some(bytes.split_to(len).freeze())
}

fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![aws_lc_rs::kx_group::X25519];
    Arc::new(CryptoProvider {
        kx_groups,
        ..aws_lc_rs::default_provider()
    })
}

fn transport(options: &Options) -> Arc<TransportConfig> {
    let mut config = TransportConfig::default();
    config.keep_alive_interval(Some(Duration::from_secs(5)));
    if options.text("cc") == Some("bbr") {
        let bbr = quinn::congestion::BbrConfig::default();
        config.congestion_controller_factory(Arc::new(bbr));
    }
    if options.text("link").is_some() && !options.is_on("defaults") {
        config
            .stream_receive_window(VarInt::from_u32(WIDE_WINDOW))
            .receive_window(VarInt::from_u32(WIDE_WINDOW))
            .send_window(WIDE_WINDOW.into());
    }
    Arc::new(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_out_whole() {
        let mut bytes = BytesMut::from(&b"\x02\0\0\0ab\0\0\0\0\x03\0\0\0cd"[..]);
        assert_eq!(next_message(&mut bytes).unwrap(), "ab");
        assert_eq!(next_message(&mut bytes).unwrap(), "");
        assert_eq!(next_message(&mut bytes), None);
        bytes.extend_from_slice(b"e");
        assert_eq!(next_message(&mut bytes).unwrap(), "cde");
        assert_eq!(next_message(&mut bytes), None);
    }
}
