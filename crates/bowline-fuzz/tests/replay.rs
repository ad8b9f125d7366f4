//! Everything that the fuzzer ever found worth keeping runs with the tests.
#![allow(clippy::print_stdout)] // Shown only of a test that fails: which input it was.

use bowline_fuzz::corpus;
use bowline_fuzz::targets::{TARGETS, Target};

/// A test for each target, so that they run side by side.
macro_rules! replay {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                replay(bowline_fuzz::targets::find(stringify!($name)).unwrap());
            }
        )*

        #[test]
        fn every_target_is_replayed_and_has_a_program() {
            let replayed = [$(stringify!($name)),*];
            let targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(targets, replayed);
            let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz");
            let manifest = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
            for name in replayed {
                assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
                let program = root.join(format!("targets/{name}.rs"));
                let program = std::fs::read_to_string(program).unwrap();
                assert!(program.contains(&format!("targets::{name}(data)")), "{name}");
            }
        }
    };
}

replay! {
    ack_codec,
    address_string,
    cert,
    cert_text,
    config_string,
    connection_frames,
    endpoint_datagram,
    extensions,
    handshake,
    hub_client,
    hub_message,
    hub_session,
    ice_agent,
    ice_candidate,
    identity_string,
    network_config,
    peers,
    recording,
    short_texts,
    signal,
    snp_decode,
    snp_roundtrip,
    stats_blob,
    stun,
    turn_client,
    udp_datagram,
    world_script,
}

fn replay(target: &Target) {
    (target.run)(&[]);
    for (name, input) in corpus::inputs(target).expect("the files can be read") {
        println!("{}: {name}, {} bytes", target.name, input.len());
        (target.run)(&input);
    }
}
