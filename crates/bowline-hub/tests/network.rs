//! Interfaces that are told about the network by their hub, and follow it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod world;

use bowline::Availability;
use bowline::Config;
use bowline::Connection;
use bowline::ConnectionState;
use bowline::EndReason;
use bowline::Event;
use bowline::Expect;
use bowline::Sockets;
use bowline::cert::CertStore;
use bowline::cert::KeyId;
use bowline::cert::KeyPair;
use bowline::hub::HubConfig;
use bowline::hub::HubLogin;
use bowline::hub::NetworkConfigError;
use bowline_core::hub::NetworkConfig;
use bowline_hub::keys::HubKeys;

use self::world::PORT;
use self::world::World;
use self::world::accept;
use self::world::eventually;
use self::world::id;
use self::world::policy;
use self::world::until;

/// Tells that from its next start on.
fn tell(world: &mut World, revision: u64, authorities: &[&KeyPair], revoked: &[KeyId]) {
    let config = NetworkConfig {
        revision,
        authorities: authorities.iter().map(|pair| pair.public()).collect(),
        revoked: revoked.to_vec(),
        ..NetworkConfig::default()
    };
    let crypto = bowline::cert::default_crypto();
    let signed = config.sign(&crypto, world.keys.config.private()).unwrap();
    world.network = Some((revision, signed));
}

/// A hub that names its authority, with that revision.
fn told(revision: u64) -> World {
    let mut world = World::without_hub(policy());
    let authority = world.keys.authority.clone();
    tell(&mut world, revision, &[&authority], &[]);
    world.start();
    world
}

/// Somebody whom nobody has told whom to trust.
fn naive(world: &World, identity: &str) -> Sockets {
    let builder = world.builder().trust(CertStore::new());
    builder.identity(id(identity)).build().unwrap()
}

fn signed_in(world: &World, config: HubConfig, identity: &str) -> Sockets {
    let sockets = naive(world, identity);
    sockets.sign_in(config);
    until(&sockets, Availability::Current);
    sockets
}

fn dev(world: &World, identity: &str) -> Sockets {
    signed_in(world, world.config(HubLogin::Dev), identity)
}

fn restart(world: &mut World, all: &[&Sockets]) {
    world.kill();
    eventually("its end is noticed", || {
        let mut all = all.iter();
        all.all(|sockets| !sockets.authentication().availability.is_current())
    });
    world.start();
    for sockets in all {
        until(sockets, Availability::Current);
    }
}

fn revision(sockets: &Sockets) -> u64 {
    sockets.hub_status().unwrap().network_revision
}

fn refused(sockets: &Sockets) -> Option<NetworkConfigError> {
    sockets.hub_status().unwrap().network_error
}

fn call(from: &Sockets, to: &str) -> Connection {
    from.connect_peer(&id(to), PORT).unwrap()
}

fn accept_all(sockets: &Sockets) {
    for event in sockets.events() {
        if let Event::ConnectionChanged(change) = event
            && change.is_request()
        {
            change.connection.accept().unwrap();
        }
    }
}

/// Whether both know who the other is, once they have met.
fn know_each_other(call: &Connection, guest: &Connection) -> [bool; 2] {
    eventually("connected", || call.state() == ConnectionState::Connected);
    [call, guest].map(|side| side.info().unwrap().authenticated)
}

#[test]
fn regression_an_authority_that_the_hub_names_makes_peers_known() {
    let world = told(7);
    let ben = dev(&world, "str:dev-ben");
    let _listener = ben.listen_p2p(PORT).unwrap();
    assert_eq!((revision(&ben), refused(&ben)), (7, None));
    // Who calls before it has heard of the network waits for that as well.
    let config = world.config(HubLogin::Dev).identity(id("str:dev-anna"));
    let builder = world.builder().trust(CertStore::new()).hub(config);
    let anna = builder.build().unwrap();
    let calling = call(&anna, "str:dev-ben");
    let guest = accept(&ben);
    assert_eq!(know_each_other(&calling, &guest), [true, true]);
    // What the application trusts is nobody still, and what it trusts later is nobody's loss.
    assert!(!anna.trust().has_roots());
    anna.set_trust(CertStore::new());
    calling.close(EndReason::APP_GENERIC, "", false).unwrap();
    eventually("its end is told", || {
        let ended = |event| matches!(event, Event::ConnectionChanged(change) if change.is_ended());
        ben.events().any(ended)
    });
    let calling = call(&anna, "str:dev-ben");
    let guest = accept(&ben);
    assert_eq!(know_each_other(&calling, &guest), [true, true]);
}

#[test]
fn an_authority_is_replaced_while_players_are_about() {
    let mut world = told(1);
    let anna = dev(&world, "str:dev-anna");
    let _listener = anna.listen_p2p(PORT).unwrap();
    let next = HubKeys::generate(&bowline::cert::default_crypto()).unwrap();
    let (old, next) = (world.keys.authority.clone(), next.authority);
    tell(&mut world, 2, &[&old, &next], &[]);
    restart(&mut world, &[&anna]);
    eventually("it has heard of the next one", || revision(&anna) == 2);
    // Somebody else gets a certificate by the next one, and is known.
    world.keys.authority = next.clone();
    tell(&mut world, 3, &[&next, &old], &[]);
    restart(&mut world, &[&anna]);
    let ben = dev(&world, "str:dev-ben");
    let calling = call(&ben, "str:dev-anna");
    let guest = accept(&anna);
    assert_eq!(know_each_other(&calling, &guest), [true, true]);
}

#[test]
fn a_key_that_the_hub_revokes_is_refused() {
    let mut world = told(1);
    let ben = dev(&world, "str:dev-ben");
    let _listener = ben.listen_p2p(PORT).unwrap();
    let (authority, of_ben) = (world.keys.authority.clone(), ben.public_key().unwrap());
    tell(&mut world, 2, &[&authority], &[of_ben.id()]);
    restart(&mut world, &[]);
    // The hub itself signs nothing more for that key.
    until(&ben, Availability::Failed);
    let anna = dev(&world, "str:dev-anna");
    assert_eq!(revision(&anna), 2);
    // A hub that forgets it is not followed in that.
    tell(&mut world, 1, &[&authority], &[]);
    restart(&mut world, &[&anna]);
    ben.sign_in(world.config(HubLogin::Dev));
    until(&ben, Availability::Current);
    let calling = call(&anna, "str:dev-ben");
    eventually("refused", || {
        accept_all(&ben);
        calling.state() == ConnectionState::ProblemDetectedLocally
    });
    let info = calling.info().unwrap();
    assert_eq!(info.end_reason, EndReason::REMOTE_BAD_CERT);
}

#[test]
fn an_authority_that_is_revoked_vouches_for_nobody_until_there_is_another_certificate() {
    let mut world = told(1);
    let (anna, ben) = (dev(&world, "str:dev-anna"), dev(&world, "str:dev-ben"));
    // It keeps its certificate, and hears nothing of what follows.
    ben.sign_out();
    let next = HubKeys::generate(&bowline::cert::default_crypto()).unwrap();
    let old = std::mem::replace(&mut world.keys.authority, next.authority.clone());
    tell(&mut world, 2, &[&next.authority], &[old.id()]);
    restart(&mut world, &[&anna]);
    eventually("it has heard of that", || revision(&anna) == 2);
    let listener = ben.listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let call = || {
        let expect = Expect::Identity(id("str:dev-ben"));
        let call = anna.connect_expecting(listener.local_addr(), expect, Config::new());
        call.unwrap()
    };
    let refused = call();
    eventually("refused", || {
        accept_all(&ben);
        refused.state() == ConnectionState::ProblemDetectedLocally
    });
    let end_reason = refused.info().unwrap().end_reason;
    assert_eq!(end_reason, EndReason::REMOTE_BAD_CERT);
    // The next sign-in brings one by the new authority.
    ben.sign_in(world.config(HubLogin::Dev));
    until(&ben, Availability::Current);
    let known = call();
    eventually("connected", || {
        accept_all(&ben);
        known.state() == ConnectionState::Connected
    });
}

#[test]
fn a_lower_revision_is_refused_also_after_a_sign_out() {
    let mut world = told(5);
    let anna = dev(&world, "str:dev-anna");
    let authority = world.keys.authority.clone();
    tell(&mut world, 4, &[&authority], &[]);
    let older = Some(NetworkConfigError::Older {
        revision: 4,
        known: 5,
    });
    restart(&mut world, &[&anna]);
    eventually("refused", || refused(&anna) == older);
    assert_eq!(revision(&anna), 5);
    anna.sign_out();
    anna.sign_in(world.config(HubLogin::Dev));
    eventually("refused again", || refused(&anna) == older);
    assert_eq!(revision(&anna), 0, "nothing is followed");
    // With another key to believe it is another network.
    let key = world.keys.config.public();
    anna.sign_in(world.config(HubLogin::Dev).config_key(key));
    eventually("taken", || revision(&anna) == 4);
    assert_eq!(refused(&anna), None);
}

#[test]
fn regression_who_comes_back_after_a_sign_out_follows_the_same_revision_again() {
    let world = told(5);
    let anna = dev(&world, "str:dev-anna");
    assert_eq!(revision(&anna), 5);
    anna.sign_out();
    anna.sign_in(world.config(HubLogin::Dev));
    eventually("followed again", || revision(&anna) == 5);
    assert_eq!(refused(&anna), None);
}

#[test]
fn what_another_key_has_signed_is_refused_and_nobody_is_trusted_for_it() {
    let mut world = told(1);
    let crypto = bowline::cert::default_crypto();
    let other = HubKeys::generate(&crypto).unwrap().config;
    let config = world.config(HubLogin::Dev).config_key(other.public());
    let strict = signed_in(&world, config, "str:dev-anna");
    let id = world.keys.config.id();
    eventually("refused", || {
        refused(&strict) == Some(NetworkConfigError::UnknownKey(id))
    });
    assert_eq!(revision(&strict), 0);
    // Neither is what the key did not sign, by whoever believes the hub.
    if let Some((_, signed)) = &mut world.network {
        signed.signature[0] ^= 1;
    }
    restart(&mut world, &[&strict]);
    let ben = dev(&world, "str:dev-ben");
    eventually("refused", || {
        refused(&ben) == Some(NetworkConfigError::BadSignature)
    });
    assert_eq!(revision(&ben), 0);
    let _listener = ben.listen_p2p(PORT).unwrap();
    let calling = call(&strict, "str:dev-ben");
    let guest = accept(&ben);
    assert_eq!(know_each_other(&calling, &guest), [false, false]);
}
