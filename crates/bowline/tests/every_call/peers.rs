//! Connections between peers, whose signals any thread may deliver at any time, or never.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;

use bowline::Config;
use bowline::Connection;
use bowline::EndReason;
use bowline::Identity;
use bowline::PeerListener;
use bowline::signaling::PeerRequest;
use bowline::signaling::SignalTarget;
use bowline::signaling::Signaling;

use crate::world::Rng;
use crate::world::World;

/// Virtual ports: few, so that calls meet.
const PORTS: usize = 3;
/// Signals that wait; older ones are lost.
const MAX_SIGNALS: usize = 100;

type Letters = Mutex<VecDeque<(Identity, Vec<u8>)>>;

/// What the peers share.
#[derive(Default)]
pub struct Peers {
    letters: Arc<Letters>,
    pub listeners: Mutex<Vec<PeerListener>>,
}

impl Peers {
    pub fn signaling(&self) -> Arc<dyn Signaling> {
        let letters = Arc::clone(&self.letters);
        Arc::new(move |to: &SignalTarget, signal: &[u8]| {
            let mut letters = letters.lock().unwrap();
            letters.push_back((to.peer().clone(), signal.to_vec()));
            if letters.len() > MAX_SIGNALS {
                letters.pop_front();
            }
            Ok(())
        })
    }

    fn next(&self) -> Option<(Identity, Vec<u8>)> {
        self.letters.lock().unwrap().pop_front()
    }
}

pub fn name(index: usize) -> Identity {
    Identity::str(&format!("peer {index}")).unwrap()
}

pub fn connect(world: &World, rng: &mut Rng) {
    let peer = name(rng.below(world.interfaces.len()));
    let mut config = Config::new();
    config.set_symmetric_connect(rng.is_even()).unwrap();
    let port = rng.below(PORTS) as u16;
    let signaling = world.peers.signaling();
    let interface = world.interface(rng);
    if let Ok(connection) = interface.connect_p2p_with(&peer, port, signaling, config) {
        world.add(rng, connection);
    }
}

pub fn connect_within(world: &World, rng: &mut Rng) {
    let peer = name(rng.below(world.interfaces.len()));
    let mut config = Config::new();
    config.set_symmetric_connect(rng.is_even()).unwrap();
    let port = rng.below(PORTS) as u16;
    let interface = world.interface(rng);
    if let Ok(connection) = interface.connect_within_with(&peer, port, config) {
        world.add(rng, connection);
    }
}

pub fn receive_signal(world: &World, rng: &mut Rng) {
    let Some((to, signal)) = world.peers.next() else {
        return;
    };
    let mut found: Option<Connection> = None;
    let (signaling, fate) = (world.peers.signaling(), rng.below(5));
    let mut consider = |request: &PeerRequest<'_>| {
        found = Some(request.connection().clone());
        // A thread that ends all of a port's connections may have been faster.
        match fate {
            0 => return None,
            1 => drop(request.connection().accept()),
            2 => drop(
                request
                    .connection()
                    .close(EndReason::APP_GENERIC, "", false),
            ),
            _ => {}
        }
        Some(Arc::clone(&signaling))
    };
    let interface = (0..world.interfaces.len()).find(|index| name(*index) == to);
    if let Some(index) = interface {
        let _ = world.interfaces[index].receive_signal(&signal, &mut consider);
    }
    if let Some(connection) = found {
        world.add(rng, connection);
    }
}

pub fn listen(world: &World, rng: &mut Rng) {
    let port = rng.below(PORTS) as u16;
    if let Ok(listener) = world.interface(rng).listen_p2p(port) {
        world.peers.listeners.lock().unwrap().push(listener);
    }
}

pub fn stop_listening(world: &World, rng: &mut Rng) {
    let mut listeners = world.peers.listeners.lock().unwrap();
    if listeners.is_empty() {
        return;
    }
    let index = rng.below(listeners.len());
    let listener = listeners.swap_remove(index);
    drop(listeners);
    if rng.is_even() {
        listener.close();
    }
}
