//! What messages cost through the Rust API, to hold `ctests/bench.c` against: the same workloads, buffers,
//! batches and pauses, in two processes on 127.0.0.1.
//!
//! ```text
//! cargo run --release -p bowline-capi --example bench -- bulk|small-rel|small-unrel|ping [SECONDS]
//! ```
#![allow(clippy::print_stdout, reason = "a program that prints its result")]

use std::error::Error;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use bowline::Bytes;
use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Message;
use bowline::OnFailure;
use bowline::Payload;
use bowline::SendFlags;
use bowline::SendOptions;
use bowline::Sockets;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MAX_BATCH: usize = 256;
const PAUSE: Duration = Duration::from_micros(50);
const WARM_UP: Duration = Duration::from_millis(300);
/// From this size on a message is sent where it lies.
const SHARE_FROM: usize = 4096;

struct Workload {
    name: &'static str,
    size: usize,
    flags: SendFlags,
    batch: usize,
}

impl Workload {
    const fn new(name: &'static str, size: usize, flags: SendFlags, batch: usize) -> Self {
        Self {
            name,
            size,
            flags,
            batch,
        }
    }
}

const WORKLOADS: [Workload; 4] = [
    Workload::new("bulk", 64 * 1024, SendFlags::RELIABLE, 16),
    Workload::new("small-rel", 32, SendFlags::RELIABLE, 256),
    Workload::new("small-unrel", 32, SendFlags::UNRELIABLE, 256),
    Workload::new("ping", 64, SendFlags::RELIABLE_NO_NAGLE, 1),
];

fn main() -> Result<()> {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let name = args.first().map_or("", String::as_str);
    let load = WORKLOADS.iter().find(|load| load.name == name);
    let load = load.ok_or("usage: bench bulk|small-rel|small-unrel|ping [SECONDS]")?;
    let secs = args.get(1).map_or(Ok(2.0), |secs| secs.parse())?;
    let mut side = Side::new(load, Duration::from_secs_f64(secs))?;
    match args.get(2) {
        Some(addr) => side.client(addr),
        None => side.server(),
    }
}

struct Side {
    sockets: Sockets,
    load: &'static Workload,
    window: Duration,
    bytes: Vec<u8>,
    is_over: bool,
    /// Kept for its memory.
    received: Vec<Message>,
}

impl Side {
    fn new(load: &'static Workload, window: Duration) -> Result<Self> {
        let mut config = Config::new();
        config.set_send_buffer(8 << 20)?;
        config.set_recv_buffer(16 << 20)?;
        config.set_recv_buffer_messages(1 << 18)?;
        Ok(Self {
            sockets: Sockets::builder().config(config).build()?,
            load,
            window,
            bytes: vec![0x5A; load.size],
            is_over: false,
            received: Vec::new(),
        })
    }

    /// Handles what happened; returns a connection that stands.
    fn run_events(&mut self) -> Result<Option<Connection>> {
        let mut connected = None;
        while let Some(event) = self.sockets.next_event() {
            let Event::ConnectionChanged(change) = event else {
                continue;
            };
            self.is_over |= change.is_ended();
            if change.is_request() {
                change.connection.accept()?;
            } else if change.new == ConnectionState::Connected {
                connected = Some(change.connection);
            }
        }
        Ok(connected)
    }

    fn await_connected(&mut self) -> Result<Connection> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(connection) = self.run_events()? {
                return Ok(connection);
            }
            thread::sleep(Duration::from_millis(1));
            if self.is_over || Instant::now() > end {
                return Err("not connected".into());
            }
        }
    }

    /// A message as a program has it that does not send the same bytes again.
    fn make(&self) -> Bytes {
        Bytes::copy_from_slice(&self.bytes)
    }

    fn flood(&mut self, connection: &Connection, until: Instant) -> Result<()> {
        let options = SendOptions::new(self.load.flags);
        let mut messages = Vec::new();
        while Instant::now() < until && !self.is_over {
            while messages.len() < self.load.batch {
                messages.push(self.make());
            }
            let mut rest = messages.iter();
            let next = || {
                let message = rest.next()?;
                let payload = if message.len() < SHARE_FROM {
                    Payload::Borrowed(message)
                } else {
                    Payload::Shared(message.clone())
                };
                Some((payload, options))
            };
            let mut results = Vec::new();
            connection.send_each(OnFailure::Stop, next, |result| results.push(result))?;
            let mut results = results.into_iter();
            messages.retain(|_| results.next().is_none_or(|result| result.is_err()));
            if !messages.is_empty() {
                self.run_events()?;
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Takes up to 256 messages and looks at them; returns how many.
    fn take(&mut self, connection: &Connection, echo: bool) -> Result<usize> {
        let mut received = std::mem::take(&mut self.received);
        let count = connection.receive_batch(&mut received, MAX_BATCH)?;
        for message in received.drain(..) {
            let is_ours = message.first() == Some(&0x5A) && message.last() == Some(&0x5A);
            if message.len() != self.load.size || !is_ours {
                return Err("a message that nobody sent".into());
            }
            if echo {
                connection.send(&message, self.load.flags)?;
            }
        }
        self.received = received;
        if count == 0 {
            if self.pings() {
                self.sockets.poll();
            }
            self.run_events()?;
        }
        Ok(count)
    }

    /// The round trips until then.
    fn ping(&mut self, connection: &Connection, until: Instant) -> Result<usize> {
        let mut trips = 0;
        while Instant::now() < until {
            connection.send(&self.make(), self.load.flags)?;
            while self.take(connection, false)? == 0 {
                if self.is_over {
                    return Err("the connection has ended".into());
                }
            }
            trips += 1;
        }
        Ok(trips)
    }

    const fn pings(&self) -> bool {
        self.load.batch == 1
    }

    /// Prints how many round trips there were, and the processor time.
    fn client(&mut self, addr: &str) -> Result<()> {
        self.sockets.connect(addr.parse()?)?;
        let connection = self.await_connected()?;
        let warm = Instant::now() + WARM_UP;
        self.work(&connection, warm)?;
        let before = cpu()?;
        let trips = self.work(&connection, warm + self.window)?;
        println!("{trips} {}", (cpu()? - before).as_secs_f64());
        connection.close(EndReason::APP_GENERIC, "", false)?;
        Ok(())
    }

    fn work(&mut self, connection: &Connection, until: Instant) -> Result<usize> {
        if self.pings() {
            return self.ping(connection, until);
        }
        self.flood(connection, until)?;
        Ok(0)
    }

    fn server(&mut self) -> Result<()> {
        let listener = self.sockets.listen("127.0.0.1:0".parse()?)?;
        let mut child = Command::new(std::env::current_exe()?)
            .args([self.load.name, &self.window.as_secs_f64().to_string()])
            .arg(listener.local_addr().to_string())
            .stdout(Stdio::piped())
            .spawn()?;
        let connection = self.await_connected()?;
        self.serve_until(&connection, Instant::now() + WARM_UP)?;
        let (begin, before) = (Instant::now(), cpu()?);
        let messages = self.serve_until(&connection, begin + self.window)?;
        let (secs, own) = (begin.elapsed().as_secs_f64(), cpu()? - before);
        // The client goes on for a moment.
        while !self.is_over {
            self.serve_until(&connection, Instant::now())?;
        }
        let (trips, of_client) = result_of(&mut child)?;
        self.print(messages, secs, trips, (own + of_client).as_secs_f64());
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, reason = "for people to read")]
    fn print(&self, messages: usize, secs: f64, trips: usize, cpu_secs: f64) {
        let name = self.load.name;
        if self.pings() {
            let round_trip_us = self.window.as_secs_f64() * 1e6 / trips as f64;
            let cpu_us = cpu_secs * 1e6 / trips as f64;
            println!("{name} round_trip_us {round_trip_us:.2} cpu_us {cpu_us:.2}");
        } else {
            let rate = messages as f64 / secs;
            let mb_per_s = rate * self.load.size as f64 / 1e6;
            let cpu_us = cpu_secs * 1e6 / messages as f64;
            println!("{name} msgs_per_s {rate:.0} mb_per_s {mb_per_s:.1} cpu_us {cpu_us:.4}");
        }
    }

    /// Takes messages until then, once at least, and returns how many.
    fn serve_until(&mut self, connection: &Connection, until: Instant) -> Result<usize> {
        let mut messages = 0;
        loop {
            let count = self.take(connection, self.pings())?;
            messages += count;
            if count == 0 && !self.pings() {
                thread::sleep(PAUSE);
            }
            if Instant::now() >= until {
                return Ok(messages);
            }
        }
    }
}

/// What a client has printed.
fn result_of(child: &mut Child) -> Result<(usize, Duration)> {
    let out = child.stdout.take().ok_or("it is piped")?;
    let mut line = String::new();
    BufReader::new(out).read_line(&mut line)?;
    child.wait()?;
    let (trips, secs) = line.trim().split_once(' ').ok_or("the client has failed")?;
    Ok((trips.parse()?, Duration::from_secs_f64(secs.parse()?)))
}

/// The processor time of all threads of this process.
fn cpu() -> io::Result<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let own = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
        nanos += own.unwrap_or(0_u64);
    }
    Ok(Duration::from_nanos(nanos))
}
