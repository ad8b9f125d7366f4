//! The library's debug output, told by `runCallbacks`.
//!
//! The output is the process's, and has one function. That one passes each line on to the Lua states that want it,
//! where it waits in a queue of the state's own until the script calls `runCallbacks`.
//!
//! Locks: whoever changes the output holds [`CHANGING`] meanwhile, because the library waits there until the function
//! before has returned, which takes [`SUBSCRIBERS`] and the queues. So these two are held for moments only and
//! never while the output is changed.

use std::cell::Cell;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use mlua::Lua;
use mlua::Result;
use mlua::Table;

use bowline::DebugLevel;
use bowline::DebugOutputError;
use bowline::DebugSource;
use bowline::clear_debug_output;
use bowline::set_debug_output;

use crate::args;
use crate::args::Whole;
use crate::module::Module;
use crate::register::Names;
use crate::report;

/// As many lines wait for a script; of further ones it is told how many there were.
const MAX_LINES: usize = 1024;

pub(super) fn register(names: &Names<'_>, module: &Rc<Module>) -> Result<()> {
    let state = Rc::clone(module);
    names.own(
        "setDebugOutput",
        &["level?"],
        move |_, level: Option<Whole>| {
            let number = level.map_or(0, |Whole(number)| number);
            let level = i32::try_from(number).ok().and_then(DebugLevel::from_number);
            let Some(level) = level else {
                return Err(args::bad(1, "number of 0 to 8 expected"));
            };
            match state.debug_lines().set_level(level) {
                Ok(()) => Ok(true),
                Err(error) => {
                    report::line(&format!("no debug output: {error}"));
                    Ok(false)
                }
            }
        },
    )
}

/// What `onDebugOutput` is told: `level` as a number, `source`, `text`.
pub(crate) fn data(lua: &Lua, line: &Line) -> Result<Table> {
    let data = lua.create_table_with_capacity(0, 3)?;
    data.raw_set("level", line.level.number())?;
    data.raw_set("source", line.source.to_string())?;
    data.raw_set("text", line.text.as_str())?;
    Ok(data)
}

/// The lines that wait for a Lua state, if it wants any.
#[derive(Debug)]
pub(crate) struct DebugLines {
    queue: RefCell<Option<Arc<Mutex<Queue>>>>,
    /// How many of them this `runCallbacks` still tells.
    due: Cell<usize>,
}

/// A line of the debug output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    level: DebugLevel,
    source: DebugSource,
    text: String,
}

impl DebugLines {
    pub(crate) const fn new() -> Self {
        Self {
            queue: RefCell::new(None),
            due: Cell::new(0),
        }
    }

    /// Wants lines of this level and more important ones from now on. None of before are told any more.
    fn set_level(&self, level: DebugLevel) -> std::result::Result<(), DebugOutputError> {
        let queue = (level != DebugLevel::None).then(|| Arc::new(Mutex::new(Queue::new(level))));
        let subscriber = queue.as_ref().map(Arc::downgrade);
        drop(self.queue.replace(queue));
        let changed = change(subscriber);
        if changed.is_err() {
            self.queue.take();
        }
        changed
    }

    /// A `runCallbacks` begins, which tells what waits now. Whether that is any.
    pub(crate) fn start(&self) -> bool {
        let queue = self.queue.borrow();
        self.due
            .set(queue.as_ref().map_or(0, |queue| lock(queue).waiting()));
        self.due.get() > 0
    }

    /// Takes the next line to tell in this `runCallbacks`.
    pub(crate) fn next(&self) -> Option<Line> {
        let due = self.due.get().checked_sub(1)?;
        self.due.set(due);
        let queue = self.queue.borrow();
        queue.as_ref().and_then(|queue| lock(queue).pop())
    }
}

impl Drop for DebugLines {
    fn drop(&mut self) {
        if self.queue.take().is_some() {
            // If that fails the output goes on as it was, with one fewer to listen.
            drop(change(None));
        }
    }
}

static SUBSCRIBERS: Mutex<Vec<Weak<Mutex<Queue>>>> = Mutex::new(Vec::new());
static CHANGING: Mutex<()> = Mutex::new(());

/// Takes a subscriber in, lets go of those that are gone, and sets the output as those that are left want it.
fn change(subscriber: Option<Weak<Mutex<Queue>>>) -> std::result::Result<(), DebugOutputError> {
    let _changing = lock(&CHANGING);
    let level = {
        let mut subscribers = lock(&SUBSCRIBERS);
        subscribers.extend(subscriber);
        subscribers.retain(|queue| queue.strong_count() > 0);
        let queues = subscribers.iter().filter_map(Weak::upgrade);
        queues.map(|queue| lock(&queue).level).max()
    };
    match level {
        Some(level) => set_debug_output(level, pass_on),
        None => {
            clear_debug_output();
            Ok(())
        }
    }
}

/// Called by the library's own thread.
fn pass_on(level: DebugLevel, source: DebugSource, text: &str) {
    for queue in lock(&SUBSCRIBERS).iter().filter_map(Weak::upgrade) {
        lock(&queue).push(level, source, text);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What waits for one Lua state.
#[derive(Debug)]
struct Queue {
    level: DebugLevel,
    lines: VecDeque<Line>,
    /// Lines that came after those and found no place.
    lost: u64,
}

impl Queue {
    const fn new(level: DebugLevel) -> Self {
        Self {
            level,
            lines: VecDeque::new(),
            lost: 0,
        }
    }

    fn push(&mut self, level: DebugLevel, source: DebugSource, text: &str) {
        if level > self.level {
            return;
        }
        if self.lines.len() >= MAX_LINES {
            self.lost += 1;
            return;
        }
        let lost = self.take_lost();
        self.lines.extend(lost);
        self.lines.push_back(Line {
            level,
            source,
            text: text.to_owned(),
        });
    }

    fn pop(&mut self) -> Option<Line> {
        let line = self.lines.pop_front();
        line.or_else(|| self.take_lost())
    }

    fn waiting(&self) -> usize {
        self.lines.len() + usize::from(self.lost > 0)
    }

    /// The line that tells of those lost.
    fn take_lost(&mut self) -> Option<Line> {
        let lost = std::mem::take(&mut self.lost);
        (lost > 0).then(|| Line {
            level: DebugLevel::Warning,
            source: DebugSource::General,
            text: format!("{lost} lines of debug output were lost: runCallbacks was not called"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(queue: &mut Queue) -> Vec<String> {
        std::iter::from_fn(|| queue.pop())
            .map(|line| line.text)
            .collect()
    }

    #[test]
    fn limit_lines_wait_up_to_a_bound_and_what_was_lost_is_told_in_its_place() {
        let mut queue = Queue::new(DebugLevel::Msg);
        let push = |queue: &mut Queue, text: &str| {
            queue.push(DebugLevel::Msg, DebugSource::General, text);
        };
        for number in 0..MAX_LINES + 3 {
            push(&mut queue, &number.to_string());
        }
        assert_eq!(queue.waiting(), MAX_LINES + 1);
        assert_eq!(queue.pop().map(|line| line.text), Some("0".to_owned()));
        push(&mut queue, "later");
        let told = texts(&mut queue);
        let [.., last, lost, later] = &told[..] else {
            panic!("{told:?}");
        };
        assert_eq!(last, &(MAX_LINES - 1).to_string());
        assert!(lost.starts_with("3 lines"), "{lost}");
        assert_eq!(later, "later");
        assert_eq!(queue.waiting(), 0);
    }

    #[test]
    fn what_was_lost_at_the_end_is_told_as_well() {
        let mut queue = Queue::new(DebugLevel::Msg);
        for _ in 0..=MAX_LINES {
            queue.push(DebugLevel::Msg, DebugSource::General, "x");
        }
        let told = texts(&mut queue);
        assert_eq!(told.len(), MAX_LINES + 1);
        assert!(told[MAX_LINES].starts_with("1 line"), "{}", told[MAX_LINES]);
    }

    #[test]
    fn less_important_lines_are_left_out() {
        let mut queue = Queue::new(DebugLevel::Warning);
        queue.push(DebugLevel::Msg, DebugSource::General, "no");
        queue.push(DebugLevel::Error, DebugSource::General, "yes");
        assert_eq!(texts(&mut queue), ["yes"]);
    }
}
