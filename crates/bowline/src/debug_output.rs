//! Debug output in the manner of GNS: lines of text with a level, given to a function.
//!
//! The library logs by `tracing`, and a program that has a subscriber of its own needs none of this. For
//! the others there is [`set_debug_output`]. Lines wait in a bounded queue for a thread of their own,
//! because they come up while the library holds its locks: the function may call anything, and may be
//! slow, and never holds up the network.

use std::cell::Cell;
use std::fmt;
use std::fmt::Write as _;
use std::io;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;
use std::time::Instant;

use bowline_core::debug::DebugLevel;
use bowline_core::debug::DebugSource;
use tracing::Event;
use tracing::Metadata;
use tracing::Subscriber;
use tracing::field::Field;
use tracing::field::Visit;
use tracing::level_filters::LevelFilter;
use tracing::span;
use tracing::subscriber::Interest;

use crate::line_limit::LineLimit;

/// Why the debug output was not set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DebugOutputError {
    /// The program has a `tracing` subscriber of its own, which gets everything.
    #[error("a tracing subscriber is installed already: it gets the debug output")]
    AnotherSubscriber,
    /// The thread that calls the function could not be started.
    #[error("cannot start the thread of the debug output")]
    Thread(#[source] io::Error),
}

/// Gives every line of `level` or more important to `output`, and no longer to a function set before.
///
/// It is called by a thread of the library's own, one line at a time, never while the library holds a
/// lock; it may call everything. What such calls log themselves is left out. Lines that come faster than
/// it returns wait, up to 4,096 of them; how many were lost beyond that is told.
///
/// One place in the library's code has 100 lines per second at most, so that nobody floods the output by
/// sending junk; how many were left out is told about once a second. What a connection's own levels ask
/// for ([`DebugSource`] other than [`DebugSource::General`]) and the log of packets have no such bound.
///
/// When this returns, the function set before is not called any more, unless it is that function which
/// called here.
///
/// # Errors
/// If the program has installed a `tracing` subscriber, or there is no thread.
pub fn set_debug_output(
    level: DebugLevel,
    output: impl FnMut(DebugLevel, DebugSource, &str) + Send + 'static,
) -> Result<(), DebugOutputError> {
    if !install() {
        return Err(DebugOutputError::AnotherSubscriber);
    }
    let (lines, queue) = sync_channel(MAX_WAITING_LINES);
    let builder = thread::Builder::new().name("bowline-debug".to_owned());
    let thread = builder
        .spawn(move || deliver(&queue, output))
        .map_err(DebugOutputError::Thread)?;
    replace(level, Some(Output { lines, thread }));
    Ok(())
}

/// Ends the debug output. When this returns, the function is not called any more, unless it is that
/// function which called here.
pub fn clear_debug_output() {
    replace(DebugLevel::None, None);
}

/// How many lines may wait for the function.
const MAX_WAITING_LINES: usize = 4096;

/// What is logged under targets that begin so is the library's.
const OWN_TARGETS: &str = "bowline";

struct Line {
    level: DebugLevel,
    source: DebugSource,
    text: String,
}

struct Output {
    lines: SyncSender<Line>,
    thread: JoinHandle<()>,
}

/// The level is kept apart from the output, so that asking for it takes no lock.
static LEVEL: AtomicI32 = AtomicI32::new(DebugLevel::None as i32);
static LINES: RwLock<Option<SyncSender<Line>>> = RwLock::new(None);
static THREAD: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
static LOST: AtomicU64 = AtomicU64::new(0);
/// Lines of places that had more than their share.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);
static LIMIT: LazyLock<Mutex<LineLimit>> = LazyLock::new(Mutex::default);
/// How often it is told what was left out.
const LEFT_OUT_INTERVAL: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this is the thread that calls the function.
    static IS_OUTPUT: Cell<bool> = const { Cell::new(false) };
}

/// Makes the process's subscriber ours, once; tells whether it is.
fn install() -> bool {
    static IS_OURS: OnceLock<bool> = OnceLock::new();
    *IS_OURS.get_or_init(|| tracing::subscriber::set_global_default(DebugSubscriber).is_ok())
}

fn replace(level: DebugLevel, output: Option<Output>) {
    let (lines, thread) = output.map(|output| (output.lines, output.thread)).unzip();
    let former = {
        let mut current = lock(&THREAD);
        *LINES.write().unwrap_or_else(PoisonError::into_inner) = lines;
        LEVEL.store(level.number(), Ordering::Relaxed);
        std::mem::replace(&mut *current, thread)
    };
    tracing::callsite::rebuild_interest_cache();
    // Its queue has ended, so it calls for what waits and ends too.
    if let Some(former) = former
        && former.thread().id() != thread::current().id()
        && former.join().is_err()
    {
        tracing::error!("the debug output has panicked");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn deliver(queue: &Receiver<Line>, mut output: impl FnMut(DebugLevel, DebugSource, &str)) {
    IS_OUTPUT.set(true);
    let mut told_at: Option<Instant> = None;
    for line in queue {
        if told_at.is_none_or(|at| at.elapsed() >= LEFT_OUT_INTERVAL) {
            let left_out = LEFT_OUT.swap(0, Ordering::Relaxed);
            if left_out > 0 {
                told_at = Some(Instant::now());
                let text =
                    format!("{left_out} lines were left out: too many like them came at once");
                output(DebugLevel::Warning, DebugSource::General, &text);
            }
        }
        let lost = LOST.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let text = format!("{lost} lines were lost: the debug output is too slow");
            output(DebugLevel::Warning, DebugSource::General, &text);
        }
        output(line.level, line.source, &line.text);
    }
}

struct DebugSubscriber;

impl DebugSubscriber {
    fn is_wanted(metadata: &Metadata<'_>) -> bool {
        // Not only events: the question whether one would be wanted has a kind of its own.
        !metadata.is_span()
            && metadata.target().starts_with(OWN_TARGETS)
            && DebugLevel::of(*metadata.level()).number() <= LEVEL.load(Ordering::Relaxed)
    }
}

impl Subscriber for DebugSubscriber {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::is_wanted(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Self::is_wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let wanted = DebugLevel::from_number(LEVEL.load(Ordering::Relaxed));
        Some(match wanted.unwrap_or(DebugLevel::None) {
            DebugLevel::None | DebugLevel::Bug => LevelFilter::OFF,
            DebugLevel::Error | DebugLevel::Important => LevelFilter::ERROR,
            DebugLevel::Warning => LevelFilter::WARN,
            DebugLevel::Msg => LevelFilter::INFO,
            DebugLevel::Verbose => LevelFilter::DEBUG,
            DebugLevel::Debug | DebugLevel::Everything => LevelFilter::TRACE,
        })
    }

    fn event(&self, event: &Event<'_>) {
        if IS_OUTPUT.get() {
            return;
        }
        let metadata = event.metadata();
        // What has a target of its own was asked for, setting by setting.
        let is_limited = metadata.module_path() == Some(metadata.target());
        if is_limited && !lock(&LIMIT).admits(metadata.callsite(), Instant::now()) {
            LEFT_OUT.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let lines = LINES.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lines) = lines.as_ref() else {
            return;
        };
        let mut text = Text::default();
        event.record(&mut text);
        let line = Line {
            level: DebugLevel::of(*metadata.level()),
            source: DebugSource::of(metadata.target()),
            text: text.message + &text.fields,
        };
        if lines.try_send(line).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        // There are no spans in the library.
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The text of an event: the message, then ` name=value` for each field.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
    }
}
