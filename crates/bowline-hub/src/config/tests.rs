use super::*;

/// The file that is shipped, for all of whose keys there is a comment.
const SHIPPED: &str = include_str!("../../../../deploy/hub.toml");

fn parse(text: &str) -> Result<Config, ConfigFileError> {
    Config::parse(text, Path::new("conf/hub.toml"))
}

fn error_of(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_shipped_file_is_good_as_it_is_and_with_all_that_is_commented_out() {
    let config = parse(SHIPPED).unwrap();
    assert!(config.sign_in.dev.is_none(), "never by default");
    assert!(config.http.is_none() && config.stun.is_none());
    // Comments have a space after the #, keys that are commented out have none.
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') && !rest.is_empty() => rest.to_owned() + "\n",
        _ => line.to_owned() + "\n",
    };
    let all: String = SHIPPED.lines().map(uncommented).collect();
    let config = Config::parse(&all, Path::new("conf/hub.toml"))
        .unwrap_or_else(|error| panic!("{error}\n{all}"));
    let sign_in = &config.sign_in;
    assert!(sign_in.dev.is_some() && sign_in.jwt.is_some() && sign_in.hook.is_some());
    assert!(sign_in.anonymous.enabled && !sign_in.shared_key.is_empty());
    assert!(!sign_in.game_server.is_empty() && config.http.is_some() && config.stun.is_some());
}

#[test]
fn paths_begin_at_the_folder_of_the_file() {
    let config = parse("listen = ['[::]:27400']\ndata = 'here'").unwrap();
    assert_eq!(config.data, Path::new("conf/here"));
    let config = parse("listen = ['[::]:27400']\ndata = '/var/lib/hub'").unwrap();
    assert_eq!(config.data, Path::new("/var/lib/hub"));
}

#[test]
fn errors_name_file_line_and_key_and_say_what_is_expected() {
    let head = "listen = ['0.0.0.0:27400']\ndata = 'data'\n";
    for (rest, expected) in [
        (
            "lsten = 1",
            "conf/hub.toml:3: lsten: unknown field `lsten`, expected one of",
        ),
        (
            "apps = 480",
            "conf/hub.toml:3: apps: invalid type: integer `480`, expected a list",
        ),
        (
            "max_sessions = 0",
            "conf/hub.toml:3: max_sessions: 0 is out of range, expected 1 to",
        ),
        (
            "[certificates]\nlifetime_secs = 1",
            "conf/hub.toml:4: lifetime_secs: 1 is out of range, expected 60 to",
        ),
        (
            "[signals]\nmax_bytes = 1",
            "conf/hub.toml:4: max_bytes: 1 is out of range, expected 4096 to",
        ),
        (
            "[sign_in.dev]\nidentities = ['dev-']",
            "conf/hub.toml:4: identities: \"dev-\" does not begin with a kind",
        ),
        (
            "[sign_in.dev]\nidentities = []",
            "conf/hub.toml:4: identities: expected at least one prefix",
        ),
        (
            "[sign_in]\nblocked = ['x']",
            "conf/hub.toml:4: blocked: \"x\"",
        ),
        (
            "[[sign_in.game_server]]\nidentity = 'str:a'\nkey = 'x'",
            "conf/hub.toml:5: key: \"x\"",
        ),
        (
            "[log]\nformat = 'xml'",
            "conf/hub.toml:4: format: unknown variant `xml`, expected `text` or `json`",
        ),
        (
            "[sign_in.jwt]\nissuer = 'a'",
            "conf/hub.toml:3: [sign_in.jwt]: missing field",
        ),
        (
            "[sign_in.hook]\ntimeout_ms = 5001",
            "conf/hub.toml:4: timeout_ms: 5001 is out of range, expected 100 to 5000",
        ),
        (
            "[network]\nstun = ['turn:a']",
            "conf/hub.toml:4: stun: \"turn:a\" is of the other kind",
        ),
        (
            "[network]\nrevoked = ['x']",
            "conf/hub.toml:4: revoked: \"x\": expected the ID of a key",
        ),
    ] {
        let error = error_of(&format!("{head}{rest}"));
        assert!(error.starts_with(expected), "{error}");
        assert!(!error.contains('\n'), "one line: {error}");
    }
    let error = error_of("listen = ['localhost']\ndata = 'data'");
    assert!(
        error.contains(":1: listen: \"localhost\"") && error.contains("0.0.0.0:27400"),
        "{error}"
    );
    assert!(error_of("listen = []\ndata = 'x'").contains("at least one address"));
    assert!(error_of("data = 'x'").contains("missing field `listen`"));
}

#[test]
fn regression_what_is_missing_or_of_another_kind_is_told_in_words_for_people() {
    let head = "listen = ['0.0.0.0:27400']\ndata = 'data'\n";
    for (rest, expected) in [
        (
            "max_sessions = 'many'",
            "conf/hub.toml:3: max_sessions: invalid type: string \"many\", expected a whole number",
        ),
        (
            "apps = [-1]",
            "conf/hub.toml:3: apps: invalid value: integer `-1`, expected a whole number",
        ),
        (
            "stun = 1",
            "conf/hub.toml:3: stun: invalid type: integer `1`, expected a section",
        ),
        (
            "[sign_in.jwt]\njwks = { url = 'a', file = 'b' }",
            "conf/hub.toml:4: jwks: expected url or file, not both",
        ),
        (
            "[sign_in.jwt]\nissuer = ''",
            "conf/hub.toml:4: issuer: expected some text",
        ),
        (
            "[sign_in.jwt]\naudience = ' '",
            "conf/hub.toml:4: audience: expected some text",
        ),
        (
            "[sign_in.jwt]\napp_claim = ''",
            "conf/hub.toml:4: app_claim: expected some text",
        ),
        (
            "[[sign_in.shared_key]]\nname = ''",
            "conf/hub.toml:4: name: expected some text",
        ),
    ] {
        let error = error_of(&format!("{head}{rest}"));
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(
        error_of("data = 'x'"),
        "conf/hub.toml:1: missing field `listen`"
    );
    let no_data = "listen = ['[::]:1']\n";
    assert_eq!(error_of(no_data), "conf/hub.toml:1: missing field `data`");
    assert_eq!(
        error_of(&format!("{no_data}data = ''")),
        "conf/hub.toml:2: data: expected some text"
    );
}

#[test]
fn ways_to_sign_in_that_overlap_are_refused() {
    let error = error_of(
        "listen = ['0.0.0.0:1']\ndata = 'data'\n[sign_in.dev]\nidentities = ['gen:']\n\
         [sign_in.anonymous]\nenabled = true",
    );
    assert!(error.contains("overlap"), "{error}");
}

#[test]
fn regression_ways_to_sign_in_that_can_never_work_are_refused() {
    let key = |name: &str, apps: &str, prefix: &str| {
        format!(
            "[[sign_in.shared_key]]\nname = '{name}'\napps = {apps}\nkey_file = 'k'\nidentities = ['str:{prefix}-']\n"
        )
    };
    let server = "[[sign_in.game_server]]\nidentity = 'str:server-1'\napps = [999]\n\
                  key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea'\n";
    let with = |apps: &str, more: String| {
        parse(&format!(
            "listen = ['[::]:1']\ndata = 'data'\napps = {apps}\n{more}"
        ))
    };
    let not_served = with("[480]", key("main", "[480, 999]", "a")).unwrap_err();
    assert_eq!(
        not_served.to_string(),
        "conf/hub.toml: sign_in.shared_key \"main\" is for app 999, which is not among the apps that the hub serves"
    );
    let not_served = with("[480]", server.to_owned()).unwrap_err().to_string();
    assert!(
        not_served.contains("\"str:server-1\" is for app 999"),
        "{not_served}"
    );
    with("[]", key("main", "[999]", "a") + server).unwrap();
    for apps in ["[]", "[480]", "[480, 570]"] {
        let twice = with("[]", key("main", "[480]", "a") + &key("main", apps, "b"));
        let twice = twice.unwrap_err().to_string();
        assert!(
            twice.contains("two of sign_in.shared_key with the name \"main\""),
            "{twice}"
        );
    }
    with("[]", key("main", "[480]", "a") + &key("main", "[570]", "b")).unwrap();
    with(
        "[]",
        key("main", "[480]", "a") + &key("other", "[480]", "b"),
    )
    .unwrap();
}

#[test]
fn regression_everybody_is_believed_on_this_machine_only_unless_that_is_wanted() {
    let file = Path::new("conf/hub.toml");
    let check = |listen: &str, more: &str, allow| {
        let dev = format!("[sign_in.dev]\nidentities = ['str:dev-']\n{more}");
        let config = parse(&format!("listen = [{listen}]\ndata = 'data'\n{dev}"));
        config.unwrap().check_dev(file, allow)
    };
    for public in [
        "'[::]:1'",
        "'127.0.0.1:1', '0.0.0.0:1'",
        "'192.0.2.1:1'",
        "'[::ffff:192.0.2.1]:1'",
    ] {
        let error = check(public, "", false).unwrap_err().to_string();
        assert!(error.starts_with("conf/hub.toml: sign_in.dev"), "{error}");
        assert!(error.contains("insecure = true"), "{error}");
        assert!(check(public, "insecure = false", false).is_err());
        check(public, "insecure = true", false).unwrap();
        check(public, "", true).unwrap();
    }
    for local in ["'127.0.0.1:1', '[::1]:1'", "'[::ffff:127.0.0.1]:1'"] {
        check(local, "", false).unwrap();
    }
    let without = parse("listen = ['[::]:1']\ndata = 'data'").unwrap();
    without.check_dev(file, false).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/hub.toml")).unwrap_err();
    assert!(error.to_string().contains("/nowhere/hub.toml"), "{error}");
}

#[test]
fn shared_keys_are_read_from_files_and_must_not_be_short() {
    let folder = std::env::temp_dir().join(format!("bowline-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let text = "listen = ['0.0.0.0:1']\ndata = 'data'\n[[sign_in.shared_key]]\n\
                name = 'main'\nkey_file = 'game.key'\nidentities = ['str:game-']";
    let config = Config::parse(text, &folder.join("hub.toml")).unwrap();
    let missing = config.policy().unwrap_err();
    assert!(missing.to_string().contains("game.key"), "{missing}");
    let file = folder.join("game.key");
    crate::secret_file::create(&file, b"short\n").unwrap();
    let short = config.policy().unwrap_err();
    assert!(
        matches!(short, ConfigFileError::TooShort { len: 5, .. }),
        "{short}"
    );
    std::fs::remove_file(&file).unwrap();
    crate::secret_file::create(&file, b"0123456789abcdef\n").unwrap();
    assert_eq!(
        &*config.policy().unwrap().shared_keys[0].key,
        b"0123456789abcdef"
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn regression_an_admin_token_that_no_header_carries_is_refused() {
    let folder = std::env::temp_dir().join(format!("bowline-token-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("admin.token");
    let http = Http {
        listen: "127.0.0.1:1".parse().unwrap(),
        admin_token_file: file.clone(),
    };
    for (token, is_good) in [
        (&b"c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n"[..], true),
        (b" c2VjcmV0LXNlY3JldC1zZWNyZXQ=", false),
        (b"\xef\xbb\xbfc2VjcmV0LXNlY3JldC1zZWNyZXQ=", false),
        (b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18", false),
        (b"one token and\nanother one", false),
        (b"a token of some words", true),
    ] {
        crate::secret_file::create(&file, token).unwrap();
        let read = crate::http::HttpSettings::from_config(&http);
        std::fs::remove_file(&file).unwrap();
        match is_good {
            true => drop(read.unwrap()),
            false => {
                let error = read.unwrap_err();
                assert!(matches!(error, ConfigFileError::Unprintable { .. }), "{error}");
                assert!(error.to_string().contains("admin.token"), "{error}");
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
