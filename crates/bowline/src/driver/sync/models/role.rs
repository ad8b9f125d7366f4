//! Who drives: no wake-up is lost between waiting threads, the service thread and whoever has news.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bowline_core::time::Timestamp;
use loom::sync::Condvar;
use loom::sync::Mutex;
use loom::thread;

use super::check;
use crate::driver::lobby::Lobby;
use crate::driver::lobby::LobbyState;
use crate::driver::lobby::Nudge;
use crate::driver::lobby::Told;
use crate::driver::sync::role::Drive;
use crate::driver::sync::role::poll;
use crate::driver::sync::role::serve;
use crate::driver::sync::role::wait;
use crate::events::Event;

/// An interface of which nothing is left but its lobby, with a poller of one flag and one socket.
struct Model {
    lobby: Lobby<()>,
    poller: Mutex<Poller>,
    news: Condvar,
    /// The socket is empty.
    taken: Condvar,
    /// Goes on with each look, so that no moment of grace lasts: loom has no timeouts.
    clock_ms: AtomicU64,
}

#[derive(Default)]
struct Poller {
    is_woken: bool,
    datagrams: usize,
}

impl Model {
    fn new() -> Arc<Self> {
        let lobby = Lobby::new(Told::all(100));
        lobby.lock().reactor = Some(());
        Arc::new(Self {
            lobby,
            poller: Mutex::new(Poller::default()),
            news: Condvar::new(),
            taken: Condvar::new(),
            clock_ms: AtomicU64::new(0),
        })
    }

    /// Something happens on a thread of the application.
    fn push_event(&self) {
        let mut nudge = Nudge::default();
        let expiry_unix_secs = 0;
        let event = Event::CertificateExpiring { expiry_unix_secs };
        self.lobby.push(event, &mut nudge);
        self.lobby.act_on(nudge, |_| self.wake());
    }

    /// Something arrives for the socket.
    fn arrive(&self) {
        self.poller.lock().unwrap().datagrams += 1;
        self.news.notify_one();
    }

    fn wait_for(&self, is_ready: impl Fn(&LobbyState<()>) -> bool) {
        assert!(wait(self, Duration::from_secs(1_000_000), is_ready));
    }

    /// Takes what has arrived and whether it was woken, without sleeping.
    fn take_in(&self) {
        let Poller { datagrams, .. } = std::mem::take(&mut *self.poller.lock().unwrap());
        self.taken.notify_all();
        self.lobby.set_app_asleep(false);
        let mut nudge = Nudge::default();
        for _ in 0..datagrams {
            self.lobby.unread(&mut nudge);
        }
        self.lobby.act_on(nudge, |_| self.wake());
    }

    /// Waits until somebody has taken in what arrived.
    fn await_taken(&self) {
        let mut poller = self.poller.lock().unwrap();
        while poller.datagrams > 0 {
            poller = self.taken.wait(poller).unwrap();
        }
    }

    fn stop(&self) {
        self.lobby.shut_down(|| self.wake());
    }
}

impl Drive for Model {
    type Role = ();
    type Timers = ();

    fn lobby(&self) -> &Lobby<()> {
        &self.lobby
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1000 * self.clock_ms.fetch_add(10, Ordering::Relaxed))
    }

    fn turn(&self, _role: &mut (), _latest: Timestamp) {
        let mut poller = self.poller.lock().unwrap();
        while !poller.is_woken && poller.datagrams == 0 {
            poller = self.news.wait(poller).unwrap();
        }
        drop(poller);
        self.take_in();
    }

    fn wake(&self) {
        self.poller.lock().unwrap().is_woken = true;
        self.news.notify_one();
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        None
    }

    fn run_timers(&self, (): &mut ()) {}
}

fn spawn(model: &Arc<Model>, run: impl Fn(&Model) + 'static) -> thread::JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || run(&model))
}

#[test]
fn a_wait_ends_with_an_event_of_another_thread() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        let waiter = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        model.push_event();
        waiter.join().unwrap();
        model.stop();
        service.join().unwrap();
    });
}

#[test]
fn a_wait_ends_with_what_arrives_whoever_drives() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        let waiter = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        model.arrive();
        waiter.join().unwrap();
        model.stop();
        service.join().unwrap();
    });
}

#[test]
fn the_service_thread_resumes_after_a_wait() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        model.arrive();
        model.wait_for(LobbyState::is_ready);
        // Nobody waits any more: only the service thread can take this in.
        model.arrive();
        model.await_taken();
        model.stop();
        service.join().unwrap();
    });
}

#[test]
fn who_stops_driving_leaves_the_role_to_another_that_waits() {
    check(|| {
        let model = Model::new();
        // One waits for an event, the other for a message; whichever drives may be done first.
        let one = spawn(&model, |model| model.wait_for(|lobby| lobby.events() > 0));
        let other = spawn(&model, |model| model.wait_for(LobbyState::has_unread));
        model.push_event();
        one.join().unwrap();
        model.arrive();
        other.join().unwrap();
    });
}

#[test]
fn a_poll_hands_the_role_on() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        let waiter = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        // Whether it finds the role or not, and what has come or not.
        poll(&*model, |()| model.take_in());
        model.arrive();
        waiter.join().unwrap();
        model.stop();
        service.join().unwrap();
    });
}

#[test]
fn the_service_thread_resumes_after_polls() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        poll(&*model, |()| model.take_in());
        poll(&*model, |()| model.take_in());
        model.arrive();
        model.await_taken();
        model.stop();
        service.join().unwrap();
    });
}

#[test]
fn all_that_wait_hear_of_one_event() {
    check(|| {
        let model = Model::new();
        let one = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        let other = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        model.push_event();
        one.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_service_thread_that_is_dismissed_leaves_the_role_to_who_waits() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        let waiter = spawn(&model, |model| model.wait_for(LobbyState::is_ready));
        model.lobby.dismiss_service(|| model.wake());
        service.join().unwrap();
        model.arrive();
        waiter.join().unwrap();
    });
}

#[test]
fn the_end_of_the_interface_ends_waits_and_the_service_thread() {
    check(|| {
        let model = Model::new();
        let service = spawn(&model, |model| serve(model, &mut ()));
        let waiter = spawn(&model, |model| {
            assert!(!wait(model, Duration::from_secs(1_000_000), |_| false));
        });
        model.stop();
        service.join().unwrap();
        waiter.join().unwrap();
    });
}
