//! A STUN server beside the hub: tells who asks how it is seen from outside (RFC 8489, Binding).
//!
//! It keeps nothing of who asks but how often its network has of late. An answer has 32 bytes (44 with IPv6) and the
//! shortest question 20, so that it multiplies little for those who ask in the name of others; beyond a rate per network it
//! is silent. Anything but a question for a binding gets no answer.

use std::io;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use bowline_core::stun::Builder;
use bowline_core::stun::Class;
use bowline_core::stun::Message;
use bowline_core::stun::Method;
use bowline_io::clock::Clock;

use crate::bucket::Rate;
use crate::hub::networks::NetworkRate;
use crate::limits::STUN_BURST;
use crate::limits::STUN_PER_SEC;

/// A STUN server, which ends when this is dropped.
#[derive(Debug)]
pub struct StunServer {
    addresses: Vec<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

/// Why there is no STUN server.
#[derive(Debug, thiserror::Error)]
#[error("cannot answer STUN on {address}")]
pub struct StunError {
    /// Where.
    pub address: SocketAddr,
    /// Why.
    pub source: io::Error,
}

/// How late the end is noticed.
const LOOK: Duration = Duration::from_millis(250);
/// Longer questions are cut off, and do not parse then.
const MAX_QUESTION: usize = 1500;
const UNKNOWN_ATTRIBUTE: u16 = 420;

impl StunServer {
    /// Answers on these addresses.
    ///
    /// # Errors
    /// If one of them cannot be bound, or the system gives no thread.
    pub fn start(listen: &[SocketAddr]) -> Result<Self, StunError> {
        let mut server = Self {
            addresses: Vec::new(),
            threads: Vec::new(),
            is_over: Arc::new(AtomicBool::new(false)),
        };
        for &address in listen {
            let started = server.start_one(address);
            started.map_err(|source| StunError { address, source })?;
        }
        Ok(server)
    }

    /// Where it answers.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether one of its threads has ended before it was to.
    pub fn is_finished(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    fn start_one(&mut self, address: SocketAddr) -> io::Result<()> {
        let socket = UdpSocket::bind(address)?;
        socket.set_read_timeout(Some(LOOK))?;
        self.addresses.push(socket.local_addr()?);
        let is_over = Arc::clone(&self.is_over);
        let thread = thread::Builder::new().name("hub-stun".to_owned());
        let thread = thread.spawn(move || serve(&socket, &is_over))?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for StunServer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // Its panic was reported when it happened.
            let _ = thread.join();
        }
    }
}

fn serve(socket: &UdpSocket, is_over: &AtomicBool) {
    let clock = Clock::new();
    let mut rate = NetworkRate::new(Rate {
        per_sec: STUN_PER_SEC,
        burst: STUN_BURST,
    });
    let mut buffer = [0; MAX_QUESTION];
    while !is_over.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((len, from)) => {
                let question = buffer.get(..len).unwrap_or_default();
                if let Some(answer) = answer(question, from)
                    && rate.take(clock.now(), from)
                {
                    // Who asks will ask again.
                    let _ = socket.send_to(&answer, from);
                }
            }
            Err(error) if is_timeout(&error) => {}
            // Of an answer that found nobody; whatever else it is must not become a busy loop.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// The answer to a datagram, if it is a question for a binding.
fn answer(question: &[u8], from: SocketAddr) -> Option<Vec<u8>> {
    let message = Message::parse(question).ok()?;
    if (message.class(), message.method()) != (Class::Request, Method::Binding) {
        return None;
    }
    let seen = SocketAddr::new(from.ip().to_canonical(), from.port());
    let (mut bytes, id) = (Vec::new(), message.transaction_id());
    let unknown = message.unknown_required();
    if unknown.is_empty() {
        Builder::new(&mut bytes, Class::Success, Method::Binding, id).xor_mapped_address(seen);
    } else {
        Builder::new(&mut bytes, Class::Error, Method::Binding, id)
            .error_code(UNKNOWN_ATTRIBUTE, "")
            .unknown_attributes(unknown);
    }
    Some(bytes)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

#[cfg(test)]
mod tests {
    use bowline_core::rng::Rng;
    use bowline_core::stun::TransactionId;
    use proptest::collection::vec;
    use proptest::prelude::Strategy;
    use proptest::prelude::any;
    use proptest::prelude::prop_assert;
    use proptest::prelude::prop_oneof;
    use proptest::prelude::proptest;

    use super::*;

    fn question(method: Method, class: Class) -> (Vec<u8>, TransactionId) {
        let id = TransactionId::new(7, &mut Rng::from_seed([1; 32]));
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, class, method, id);
        (bytes, id)
    }

    #[test]
    fn who_asks_is_told_how_it_is_seen() {
        let server = StunServer::start(&["127.0.0.1:0".parse().unwrap()]).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let (bytes, id) = question(Method::Binding, Class::Request);
        socket.send_to(&bytes, server.local_addrs()[0]).unwrap();
        let mut buffer = [0; 200];
        let len = socket.recv(&mut buffer).unwrap();
        let told = Message::parse(&buffer[..len]).unwrap();
        assert_eq!(told.mapped_address(), Some(socket.local_addr().unwrap()));
        assert_eq!((told.transaction_id(), len), (id, 32));
    }

    #[test]
    fn an_address_that_is_in_use_is_named() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = StunServer::start(&[address]).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }

    #[test]
    fn addresses_of_ipv4_are_told_as_such() {
        let (bytes, _) = question(Method::Binding, Class::Request);
        let answered = answer(&bytes, "[::ffff:192.0.2.1]:5".parse().unwrap()).unwrap();
        let told = Message::parse(&answered).unwrap();
        assert_eq!(told.mapped_address(), Some("192.0.2.1:5".parse().unwrap()));
        let answered = answer(&bytes, "[2001:db8::1]:5".parse().unwrap()).unwrap();
        assert_eq!(answered.len(), 44);
    }

    #[test]
    fn nothing_else_is_answered() {
        let from = "192.0.2.1:5".parse().unwrap();
        for (method, class) in [
            (Method::Allocate, Class::Request),
            (Method::Binding, Class::Indication),
            (Method::Binding, Class::Success),
            (Method::Binding, Class::Error),
        ] {
            let (bytes, _) = question(method, class);
            assert_eq!(answer(&bytes, from), None);
        }
    }

    #[test]
    fn what_a_question_needs_and_we_do_not_know_is_told() {
        let (_, id) = question(Method::Binding, Class::Request);
        let mut bytes = Vec::new();
        Builder::new(&mut bytes, Class::Request, Method::Binding, id).attribute(0x0003, &[0; 4]);
        let answered = answer(&bytes, "192.0.2.1:5".parse().unwrap()).unwrap();
        let told = Message::parse(&answered).unwrap();
        assert_eq!(told.class(), Class::Error);
    }

    #[test]
    fn limit_answers_to_a_network() {
        let mut rate = NetworkRate::new(Rate {
            per_sec: STUN_PER_SEC,
            burst: STUN_BURST,
        });
        let now = Clock::new().now();
        let from = |last: u8| SocketAddr::from(([203, 0, 113, last], 5000));
        let taken = (0..1000).filter(|number| rate.take(now, from(*number as u8)));
        assert_eq!(taken.count(), STUN_BURST as usize);
    }

    /// Kinds of attributes that nobody knows: those that must be known, and those that need not be.
    const UNKNOWN: [std::ops::RangeInclusive<u16>; 2] = [0x4000..=0x7FFF, 0xC000..=0xFFFF];

    /// Attributes, half of them of kinds that are known.
    fn attribute() -> impl Strategy<Value = (u16, Vec<u8>)> {
        let [must, may] = UNKNOWN;
        let kind = prop_oneof![must, may, 0..=0x30_u16, any::<u16>()];
        (kind, vec(any::<u8>(), 0..12))
    }

    proptest! {
        #[test]
        fn regression_whatever_is_asked_multiplies_little(attributes in vec(attribute(), 0..12)) {
            let (_, id) = question(Method::Binding, Class::Request);
            let mut bytes = Vec::new();
            let mut builder = Builder::new(&mut bytes, Class::Request, Method::Binding, id);
            for (kind, value) in &attributes {
                builder.attribute(*kind, value);
            }
            let answered = answer(&bytes, "[2001:db8::1]:5".parse().unwrap());
            let is_unknown = |kind| UNKNOWN.iter().any(|range| range.contains(kind));
            if attributes.iter().all(|(kind, _)| is_unknown(kind)) {
                prop_assert!(answered.is_some());
            }
            if let Some(answer) = answered {
                prop_assert!(answer.len() <= bytes.len() + 24, "{} for {}", answer.len(), bytes.len());
            }
        }
    }
}
