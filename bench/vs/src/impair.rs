//! A bad network between client and server: a UDP proxy with loss, delay, and a bottleneck with a queue
//! that drops its tail.
//!
//! `impair --listen ADDR --upstream ADDR [--delay-ms N] [--loss PERCENT] [--rate-mbit N --queue-kb N]
//! [--seed N]`, each for one direction and the same for both. Which packet of a flow is lost hangs on the
//! seed, the flow, the direction and the packet's number only; the bottleneck, which all flows share,
//! hangs on time too. Runs until standard input ends, then prints what it did as JSON.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs;
use std::io::{self, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use serde_json::{Value, json};
use socket2::SockRef;

use crate::Result;
use crate::measure::now_ns;
use crate::options::Options;

/// What one direction does to packets.
#[derive(Clone, Copy, Debug)]
struct Conditions {
    delay_ns: u64,
    /// Packets lost, of 2^32.
    loss: u64,
    bottleneck: Option<Bottleneck>,
    seed: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bottleneck {
    bits_per_sec: u64,
    queue_bytes: u64,
}

/// IP and UDP headers, which take their share of a rate.
const HEADERS: u64 = 28;

impl Conditions {
    fn read(options: &Options) -> Result<Self> {
        let rate_mbit: f64 = options.or("rate-mbit", 0.0)?;
        let bottleneck = Bottleneck {
            bits_per_sec: (rate_mbit * 1e6) as u64,
            queue_bytes: options.or("queue-kb", 64)? * 1024,
        };
        Ok(Self {
            delay_ns: (options.or("delay-ms", 0.0)? * 1e6) as u64,
            loss: (options.or("loss", 0.0)? / 100.0 * 4_294_967_296.0) as u64,
            bottleneck: (rate_mbit > 0.0).then_some(bottleneck),
            seed: options.or("seed", 1)?,
        })
    }

    /// Whether the packet with this number of a flow is lost.
    fn loses(&self, flow: u64, number: u64) -> bool {
        mix(mix(self.seed ^ mix(flow)) ^ number) >> 32 < self.loss
    }
}

/// One direction of the link.
#[derive(Debug)]
struct Direction {
    conditions: Conditions,
    /// When the bottleneck will have sent all that it holds.
    free_ns: u64,
    /// Packets so far, per flow.
    numbers: HashMap<u64, u64>,
    passed: u64,
    lost: u64,
    overflowed: u64,
}

impl Direction {
    fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            free_ns: 0,
            numbers: HashMap::new(),
            passed: 0,
            lost: 0,
            overflowed: 0,
        }
    }

    /// When a packet comes out at the other end; `None` if it does not.
    fn admit(&mut self, now_ns: u64, flow: u64, len: usize) -> Option<u64> {
        let number = self.numbers.entry(flow).or_insert(0);
        *number += 1;
        if self.conditions.loses(flow, *number) {
            self.lost += 1;
            return None;
        }
        let mut sent_ns = now_ns;
        if let Some(bottleneck) = self.conditions.bottleneck {
            let bits = (len as u64 + HEADERS) * 8;
            let queued_ns = self.free_ns.saturating_sub(now_ns);
            let rate = u128::from(bottleneck.bits_per_sec);
            let queued_bytes = u128::from(queued_ns) * rate / 8_000_000_000;
            if queued_bytes + u128::from(bits / 8) > u128::from(bottleneck.queue_bytes) {
                self.overflowed += 1;
                return None;
            }
            let takes_ns = bits * 1_000_000_000 / bottleneck.bits_per_sec;
            self.free_ns = self.free_ns.max(now_ns) + takes_ns;
            sent_ns = self.free_ns;
        }
        self.passed += 1;
        Some(sent_ns + self.conditions.delay_ns)
    }

    fn json(&self) -> Value {
        json!({ "passed": self.passed, "lost": self.lost, "overflowed": self.overflowed })
    }
}

/// Scrambles a number, so that its bits tell nothing of their origin (the finalizer of SplitMix64).
const fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Runs the proxy until standard input ends.
pub(crate) fn run(options: &Options) -> Result<Value> {
    let conditions = Conditions::read(options)?;
    let listener = socket(options.address("listen")?)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        // An unreadable input has ended as well.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        flag.store(true, Ordering::Relaxed);
    });
    writeln!(io::stdout(), "READY {}", listener.local_addr()?)?;
    let mut proxy = Proxy {
        upstream: options.address("upstream")?,
        listener,
        flows: Vec::new(),
        by_client: HashMap::new(),
        up: Direction::new(conditions),
        down: Direction::new(Conditions {
            seed: mix(conditions.seed),
            ..conditions
        }),
        under_way: BinaryHeap::new(),
        buffer: vec![0; 65_536],
        spare: Vec::new(),
        order: 0,
    };
    while !stop.load(Ordering::Relaxed) {
        proxy.wait()?;
        proxy.take_in()?;
        proxy.hand_out();
    }
    Ok(json!({
        "up": proxy.up.json(),
        "down": proxy.down.json(),
        "unread": unread(&fs::read_to_string("/proc/net/udp")?, &proxy.ports()?),
    }))
}

/// How many packets the system dropped because the proxy was too slow to read them: losses that nobody asked
/// for. `table` is that of all sockets, in which the port is in hexadecimal and the drops are the last column.
fn unread(table: &str, ports: &[u16]) -> u64 {
    let drops = table.lines().filter_map(|line| {
        let (_, port) = line.split_whitespace().nth(1)?.split_once(':')?;
        let is_ours = ports.contains(&u16::from_str_radix(port, 16).ok()?);
        let drops: u64 = line.split_whitespace().last()?.parse().ok()?;
        is_ours.then_some(drops)
    });
    drops.sum()
}

struct Proxy {
    upstream: SocketAddr,
    /// Where the clients send to.
    listener: UdpSocket,
    flows: Vec<Flow>,
    by_client: HashMap<SocketAddr, usize>,
    up: Direction,
    down: Direction,
    under_way: BinaryHeap<Reverse<Packet>>,
    buffer: Vec<u8>,
    /// Buffers to use again.
    spare: Vec<Vec<u8>>,
    order: u64,
}

/// One client, with the socket that stands for it towards the server.
struct Flow {
    client: SocketAddr,
    socket: UdpSocket,
}

/// Ordered by the time it is due; those due at once keep their order.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Packet {
    due_ns: u64,
    order: u64,
    flow: usize,
    is_up: bool,
    bytes: Vec<u8>,
}

/// Packets taken from one socket in a turn.
const BATCH: usize = 64;
/// The longest wait, so that the end of the input is seen.
const LONGEST: Duration = Duration::from_millis(20);
/// What a socket is asked to hold, so that the proxy adds no losses of its own.
const SOCKET_BUFFER: usize = 8 << 20;

impl Proxy {
    /// The ports of its sockets.
    fn ports(&self) -> Result<Vec<u16>> {
        let sockets = self.flows.iter().map(|flow| &flow.socket);
        let sockets = sockets.chain([&self.listener]);
        Ok(sockets
            .map(|socket| Ok(socket.local_addr()?.port()))
            .collect::<io::Result<_>>()?)
    }

    fn wait(&self) -> Result<()> {
        let due_ns = self.under_way.peek().map(|Reverse(packet)| packet.due_ns);
        let wait = due_ns.map_or(LONGEST, |due| {
            Duration::from_nanos(due.saturating_sub(now_ns()))
        });
        let sockets = self.flows.iter().map(|flow| &flow.socket);
        let mut fds: Vec<_> = sockets
            .chain([&self.listener])
            .map(|socket| PollFd::new(socket, PollFlags::IN))
            .collect();
        let wait = Timespec::try_from(wait.min(LONGEST))?;
        match rustix::event::poll(&mut fds, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_in(&mut self) -> Result<()> {
        for _ in 0..BATCH {
            // An error is either that nothing is there, or that a client's port is closed by now.
            let Ok((len, client)) = self.listener.recv_from(&mut self.buffer) else {
                break;
            };
            let flow = match self.by_client.get(&client) {
                Some(&flow) => flow,
                None => {
                    let socket = socket("127.0.0.1:0".parse()?)?;
                    socket.connect(self.upstream)?;
                    self.flows.push(Flow { client, socket });
                    self.by_client.insert(client, self.flows.len() - 1);
                    self.flows.len() - 1
                }
            };
            let due_ns = self.up.admit(now_ns(), flow as u64, len);
            self.enqueue(due_ns, flow, true, len);
        }
        for flow in 0..self.flows.len() {
            for _ in 0..BATCH {
                let Ok(len) = self.flows[flow].socket.recv(&mut self.buffer) else {
                    break;
                };
                let due_ns = self.down.admit(now_ns(), flow as u64, len);
                self.enqueue(due_ns, flow, false, len);
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, due_ns: Option<u64>, flow: usize, is_up: bool, len: usize) {
        let Some(due_ns) = due_ns else {
            return;
        };
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(&self.buffer[..len]);
        self.order += 1;
        let order = self.order;
        self.under_way.push(Reverse(Packet {
            due_ns,
            order,
            flow,
            is_up,
            bytes,
        }));
    }

    fn hand_out(&mut self) {
        let now_ns = now_ns();
        while let Some(Reverse(packet)) = self.under_way.peek()
            && packet.due_ns <= now_ns
            && let Some(Reverse(packet)) = self.under_way.pop()
        {
            let flow = &self.flows[packet.flow];
            // What a socket does not take is lost, as in any network.
            let _ = if packet.is_up {
                flow.socket.send(&packet.bytes)
            } else {
                self.listener.send_to(&packet.bytes, flow.client)
            };
            let mut bytes = packet.bytes;
            bytes.clear();
            self.spare.push(bytes);
        }
    }
}

fn socket(address: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    SockRef::from(&socket).set_recv_buffer_size(SOCKET_BUFFER)?;
    SockRef::from(&socket).set_send_buffer_size(SOCKET_BUFFER)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(line: &str) -> Direction {
        let words: Vec<&str> = line.split_whitespace().collect();
        let options = Options::parse(&words).unwrap();
        Direction::new(Conditions::read(&options).unwrap())
    }

    #[test]
    fn loss_hangs_on_flow_and_number_only() {
        let fates = |flow, start_ns| {
            let mut direction = direction("--loss 20 --seed 9");
            (0..2000u64)
                .map(|n| direction.admit(start_ns + n, flow, 100).is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(fates(1, 0), fates(1, 777));
        assert_ne!(fates(1, 0), fates(2, 0));
        let lost = fates(1, 0).iter().filter(|passed| !**passed).count();
        assert!((340..460).contains(&lost), "{lost} of 2000 lost at 20 %");
    }

    #[test]
    fn a_packet_is_late_by_the_delay() {
        let mut direction = direction("--delay-ms 25");
        assert_eq!(direction.admit(5, 0, 1200), Some(25_000_005));
    }

    #[test]
    fn the_bottleneck_spaces_packets_and_drops_the_tail() {
        // 972 bytes and headers are 8000 bits, so that 8 Mbit/s pass one per millisecond.
        let mut direction = direction("--rate-mbit 8 --queue-kb 4");
        let times: Vec<_> = (0..6).map(|_| direction.admit(0, 0, 972)).collect();
        let ms = |ms: u64| Some(ms * 1_000_000);
        assert_eq!(times, [ms(1), ms(2), ms(3), ms(4), None, None]);
        assert_eq!(direction.overflowed, 2);
        // A pause later there is room again.
        assert_eq!(direction.admit(10_000_000, 0, 972), ms(11));
    }

    #[test]
    fn drops_of_its_own_sockets_are_summed() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue drops\n\
            10: 0100007F:1F90 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 7 2 0 40\n\
            11: 0100007F:1F91 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 8 2 0 2\n\
            12: 0100007F:1F92 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 9 2 0 100\n";
        assert_eq!(unread(table, &[0x1f90, 0x1f91]), 42);
        assert_eq!(unread(table, &[]), 0);
    }

    #[test]
    fn packets_leave_by_time_and_then_in_order() {
        let packet = |due_ns, order| {
            Reverse(Packet {
                due_ns,
                order,
                flow: 0,
                is_up: true,
                bytes: Vec::new(),
            })
        };
        let mut heap = BinaryHeap::from([packet(2, 1), packet(1, 3), packet(1, 2)]);
        let orders: Vec<_> = std::iter::from_fn(|| heap.pop())
            .map(|Reverse(p)| p.order)
            .collect();
        assert_eq!(orders, [2, 3, 1]);
    }
}
