//! Lines that a thread of their own writes, so that nobody else waits for who reads them.
//!
//! The queue to that thread is bounded. A line that finds no room is lost, which is counted and told once there is room again.

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::TrySendError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

/// What takes lines, each written by one call.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    queue: mpsc::SyncSender<Item>,
    /// Lines that found no room so far.
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    /// Whoever sent this hears when all before it is written.
    Flush(mpsc::SyncSender<()>),
}

/// Lines that wait to be written.
pub(super) const MAX_LINES: usize = 1024;
/// How often the thread looks for what is to be told beside lines.
const LOOK: Duration = Duration::from_secs(1);
/// How often there may be room again.
const LOOK_FOR_ROOM: Duration = Duration::from_millis(5);

impl Lines {
    /// Starts the thread, which ends with the last of these. About each second it calls `look`, with how many lines are lost
    /// so far.
    pub(super) fn start(
        mut out: impl Write + Send + 'static,
        mut look: impl FnMut(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, items) = mpsc::sync_channel(MAX_LINES);
        let lost = Arc::new(AtomicU64::new(0));
        let lost_there = Arc::clone(&lost);
        let thread = thread::Builder::new().name("hub-log".to_owned());
        thread.spawn(move || {
            let mut looked = Instant::now();
            loop {
                // If nobody reads, nobody misses it.
                match items.recv_timeout(LOOK.saturating_sub(looked.elapsed())) {
                    Ok(Item::Line(line)) => drop(out.write_all(&line)),
                    Ok(Item::Flush(done)) => drop(out.flush().map(|()| done.try_send(()))),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if looked.elapsed() >= LOOK {
                    looked = Instant::now();
                    look(lost_there.load(Ordering::Relaxed));
                }
            }
        })?;
        Ok(Self { queue, lost })
    }

    /// Waits until all is written, but no longer than this.
    pub(super) fn flush_within(&self, longest: Duration) {
        let until = Instant::now() + longest;
        let (done, flushed) = mpsc::sync_channel(1);
        let mut item = Item::Flush(done);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(item) {
            if Instant::now() >= until {
                return;
            }
            item = back;
            thread::sleep(LOOK_FOR_ROOM);
        }
        // Whoever reads may be stuck.
        let _ = flushed.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

impl Write for Lines {
    /// Never fails, and never waits.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Item::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does nothing until somebody says so.
    struct Stuck {
        go: mpsc::Receiver<()>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // An error means that it may go on for ever.
            let _ = self.go.recv();
            let _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn regression_limit_lines_that_wait_for_a_reader_who_is_stuck() {
        let (go, stuck) = mpsc::channel();
        let (written, lines_written) = mpsc::channel();
        let (looked, looks) = mpsc::channel();
        let out = Stuck { go: stuck, written };
        let mut lines = Lines::start(out, move |lost| {
            // The test may be over.
            let _ = looked.send(lost);
        })
        .unwrap();
        let sent = 3 * MAX_LINES;
        for number in 0..sent {
            lines.write_all(format!("{number}\n").as_bytes()).unwrap();
        }
        // One may be on its way.
        let lost = lines.lost.load(Ordering::Relaxed) as usize;
        assert!(
            (sent - MAX_LINES - 1..=sent - MAX_LINES).contains(&lost),
            "{lost}"
        );
        let began = Instant::now();
        lines.flush_within(SHORT);
        assert!(began.elapsed() < LONG, "the end waits for nobody either");
        drop(go);
        lines.flush_within(LONG);
        assert_eq!(lines_written.try_iter().count(), sent - lost);
        assert_eq!(looks.recv_timeout(LONG), Ok(lost as u64));
    }
}
