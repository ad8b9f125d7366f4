use super::*;
use crate::crypto::rustcrypto;
use crate::endpoint::EndpointConfig;
use crate::event::ToEndpoint;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn port() -> VirtualPort {
    VirtualPort::from(7)
}

fn endpoint(name: &str, seed: u8) -> Endpoint {
    let mut settings = EndpointConfig::new(rustcrypto::provider());
    settings.identity = Identity::str(name).unwrap();
    Endpoint::new(settings, [seed; 32], NOW, 0)
}

fn symmetric() -> Arc<Config> {
    let mut config = Config::new();
    config.set_symmetric_connect(true).unwrap();
    Arc::new(config)
}

fn call(
    from: &mut Endpoint,
    to: &Identity,
    config: &Arc<Config>,
) -> Result<Called, ConnectP2pError> {
    from.connect_within(NOW, to, port(), Arc::clone(config), &Config::new())
}

fn new_call(from: &mut Endpoint, to: &Identity, config: &Arc<Config>) -> Caller {
    let called = call(from, to, config);
    let Ok(Called::New(connection)) = called else {
        panic!("{called:?}");
    };
    Caller {
        identity: from.identity().clone(),
        id: connection.id(),
        port: port(),
        config: Arc::clone(config),
    }
}

#[test]
fn who_does_not_listen_is_not_reached() {
    let (mut anna, mut ben) = (endpoint("anna", 1), endpoint("ben", 2));
    let plain = Arc::new(Config::new());
    let caller = new_call(&mut anna, ben.identity(), &plain);
    let refused = ben.admit_within(NOW, port(), &caller).unwrap_err();
    assert_eq!(refused, AdmitError::NotListening);
    assert!(ben.p2p_listener(port()).is_none());
    ben.listen_p2p(port(), plain).unwrap();
    assert!(ben.admit_within(NOW, port(), &caller).is_ok());
}

#[test]
fn somebody_without_a_name_neither_calls_nor_is_called() {
    let mut anna = endpoint("anna", 1);
    let plain = Arc::new(Config::new());
    let nobody = Identity::anonymous();
    let error = call(&mut anna, &nobody, &plain).unwrap_err();
    assert_eq!(error, ConnectP2pError::NoPeer);
    let settings = EndpointConfig::new(rustcrypto::provider());
    let mut nameless = Endpoint::new(settings, [3; 32], NOW, 0);
    let error = call(&mut nameless, anna.identity(), &plain).unwrap_err();
    assert_eq!(error, ConnectP2pError::NoIdentity);
}

#[test]
fn symmetric_calls_meet_in_one_connection() {
    let (mut anna, mut ben) = (endpoint("anna", 1), endpoint("ben", 2));
    for endpoint in [&mut anna, &mut ben] {
        endpoint.listen_p2p(port(), symmetric()).unwrap();
    }
    let caller = new_call(&mut anna, ben.identity(), &symmetric());
    let waiting = ben.admit_within(NOW, port(), &caller).unwrap();
    let back = call(&mut ben, anna.identity(), &symmetric());
    assert!(matches!(back, Ok(Called::Waiting(id)) if id == waiting.id()));
    let again = call(&mut anna, ben.identity(), &symmetric()).unwrap_err();
    assert_eq!(again, ConnectP2pError::AlreadyConnected(caller.id));
    assert!(
        ben.handle_event(NOW, waiting.id(), ToEndpoint::Decided)
            .is_none()
    );
    let again = call(&mut ben, anna.identity(), &symmetric()).unwrap_err();
    assert_eq!(again, ConnectP2pError::AlreadyConnected(waiting.id()));
    for (endpoint, id) in [(&mut anna, caller.id), (&mut ben, waiting.id())] {
        assert!(endpoint.handle_event(NOW, id, ToEndpoint::Over).is_none());
    }
    let caller = new_call(&mut ben, anna.identity(), &symmetric());
    assert!(anna.admit_within(NOW, port(), &caller).is_ok());
}

#[test]
fn a_symmetric_call_of_ours_by_signals_is_not_doubled() {
    let (mut anna, mut ben) = (endpoint("anna", 1), endpoint("ben", 2));
    ben.listen_p2p(port(), symmetric()).unwrap();
    let by_signals = ben.connect_p2p(NOW, anna.identity(), port(), symmetric());
    assert!(matches!(by_signals, Ok(Called::New(_))));
    let caller = new_call(&mut anna, ben.identity(), &symmetric());
    let refused = ben.admit_within(NOW, port(), &caller).unwrap_err();
    assert_eq!(refused, AdmitError::Crossed);
}

#[test]
fn somebody_may_call_themselves() {
    let mut anna = endpoint("anna", 1);
    anna.listen_p2p(port(), symmetric()).unwrap();
    let name = anna.identity().clone();
    let caller = new_call(&mut anna, &name, &symmetric());
    let other = anna.admit_within(NOW, port(), &caller).unwrap();
    assert_ne!(other.id(), caller.id);
    assert_eq!(anna.connections(), 2);
}

#[test]
fn limit_connections_within_the_process() {
    let (mut anna, mut ben) = (endpoint("anna", 1), endpoint("ben", 2));
    let plain = Arc::new(Config::new());
    ben.listen_p2p(port(), Arc::clone(&plain)).unwrap();
    let mut last = None;
    for _ in 0..limits::MAX_CALLS_PER_PEER {
        let caller = new_call(&mut anna, ben.identity(), &plain);
        last = Some(ben.admit_within(NOW, port(), &caller).unwrap().id());
    }
    let error = call(&mut anna, ben.identity(), &plain).unwrap_err();
    assert_eq!(error, ConnectP2pError::TooManyConnections);
    let one_more = Caller {
        identity: anna.identity().clone(),
        id: ConnectionId::new(0x10001),
        port: port(),
        config: plain,
    };
    let refused = ben.admit_within(NOW, port(), &one_more).unwrap_err();
    assert_eq!(refused, AdmitError::Full);
    assert!(
        ben.handle_event(NOW, last.unwrap(), ToEndpoint::Dead)
            .is_none()
    );
    assert!(ben.admit_within(NOW, port(), &one_more).is_ok());
}

#[test]
fn limit_undecided_connections_within_the_process() {
    let mut ben = endpoint("ben", 2);
    let plain = Arc::new(Config::new());
    ben.listen_p2p(port(), Arc::clone(&plain)).unwrap();
    for n in 0..limits::MAX_PENDING_ACCEPTS + 1 {
        let caller = Caller {
            identity: Identity::str(&alloc::format!("caller {n}")).unwrap(),
            id: ConnectionId::new(0x10001),
            port: port(),
            config: Arc::clone(&plain),
        };
        let admitted = ben.admit_within(NOW, port(), &caller);
        let is_full = n >= limits::MAX_PENDING_ACCEPTS;
        assert_eq!(matches!(admitted, Err(AdmitError::Full)), is_full);
    }
}
