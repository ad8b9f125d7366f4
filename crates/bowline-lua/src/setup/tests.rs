use std::path::PathBuf;

use bowline::AuthPolicy;

use super::*;

/// What the environment says, if that is what is in it.
fn environment(variables: &[(&str, &str)]) -> Result<Setup, SetupError> {
    Setup::from_variables(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// A file of this test's own.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let name = format!("bowline-lua-setup-{}-{name}", std::process::id());
    let path = env::temp_dir().join(name);
    fs::write(&path, content).expect("a file can be written");
    path
}

fn error(variables: &[(&str, &str)]) -> String {
    environment(variables).expect_err("it is wrong").0
}

#[test]
fn the_environment_names_texts_and_files() {
    let root = bowline::cert::generate_key_pair().expect("randomness");
    let key = root.to_pem();
    let trust = [
        file("one", root.public().to_line("one").as_bytes()),
        file("two", root.public().to_line("two").as_bytes()),
    ];
    let key = file("key", key.as_bytes());
    let paths = env::join_paths(&trust).expect("no path has a separator in it");
    let setup = environment(&[
        ("BOWLINE_IDENTITY", "str:anna"),
        ("BOWLINE_APP_ID", "480"),
        ("BOWLINE_TRUST", paths.to_str().expect("a text")),
        ("BOWLINE_KEY", key.to_str().expect("a text")),
    ])
    .expect("all is well");
    assert_eq!((setup.app_id, setup.trust.len()), (Some(480), 2));
    assert!(setup.has_authority());
    let sockets = setup.builder(None).expect("all is well");
    let sockets = sockets.build().expect("sockets");
    assert_eq!(sockets.identity().to_string(), "str:anna");
    assert_eq!(sockets.public_key(), Some(root.public()));
    for path in trust.iter().chain([&key]) {
        fs::remove_file(path).expect("it was there");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert!(error(&[("BOWLINE_APP_ID", "many")]).starts_with("BOWLINE_APP_ID: "));
    assert!(error(&[("BOWLINE_KEY", "/does/not/exist")]).starts_with("BOWLINE_KEY: /does/not/"));
    let setup = environment(&[("BOWLINE_IDENTITY", "anna")]).expect("it is read");
    let error = setup.builder(None).expect_err("no identity");
    assert!(error.0.starts_with("BOWLINE_IDENTITY: "), "{}", error.0);
}

#[test]
fn limit_size_of_a_file() {
    let path = file("large", &vec![b'\n'; MAX_CERT_TEXT + 1]);
    let error = error(&[("BOWLINE_TRUST", path.to_str().expect("a text"))]);
    fs::remove_file(&path).expect("it was there");
    assert!(error.ends_with(": too large"), "{error}");
}

#[test]
fn what_the_script_says_counts_and_the_environment_for_the_rest() {
    let below = || {
        let variables = [("BOWLINE_IDENTITY", "str:below"), ("BOWLINE_APP_ID", "1")];
        environment(&variables).expect("all is well")
    };
    let identity = |setup: Setup| setup.identity.map(|said| said.text);
    assert_eq!(
        identity(Setup::default().over(below())).as_deref(),
        Some("str:below")
    );
    let script = Setup {
        identity: Some(Said::new("identity", "str:script")),
        ..Setup::default()
    };
    let both = script.over(below());
    assert_eq!(both.app_id, Some(1));
    assert_eq!(identity(both).as_deref(), Some("str:script"));
}

#[test]
fn only_who_trusts_somebody_refuses_those_who_prove_nothing() {
    let policy = |setup: Setup| {
        let sockets = setup.builder(None).expect("all is well");
        let sockets = sockets.build().expect("sockets");
        let config = sockets.config();
        (config.auth(), config.auth_localhost())
    };
    let root = bowline::cert::generate_key_pair().expect("randomness");
    let trusting = || Setup {
        trust: vec![Said::new("trust", root.public().to_line("root"))],
        ..Setup::default()
    };
    assert_eq!(
        policy(Setup::default()),
        (AuthPolicy::Allow, AuthPolicy::Allow)
    );
    assert_eq!(policy(trusting()), (AuthPolicy::Refuse, AuthPolicy::Refuse));
    let mut open = trusting();
    open.config
        .set(ConfigKey::IpAllowWithoutAuth, 1)
        .expect("in range");
    assert_eq!(policy(open), (AuthPolicy::AllowAndLog, AuthPolicy::Refuse));
}
