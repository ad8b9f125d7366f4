//! `bowline cert` as an operator uses it.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic, in its helpers too"
)]

mod desk;
mod talk;

use std::fs;
use std::path::Path;

use bowline::Identity;
use bowline::cert::AppId;
use bowline::cert::Authority;
use bowline::cert::CertSpec;
use bowline::cert::CertificateRequest;
use bowline::cert::KeyPair;
use bowline::cert::SignedCertificate;
use bowline::cert::default_crypto;
use bowline::cert::text;

use crate::desk::Desk;
use crate::talk::Server;

/// What GNS's own tool made; see the README there.
const OF_CERTTOOL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../bowline-core/testdata/cert");
const OF_SERVER: &str = "bowline server --bind 127.0.0.1:27020 ";
const PAGE: &str = include_str!("../../../../docs/certificates.md");

#[test]
fn tutorial_does_what_it_says() {
    let desk = Desk::new("tutorial");
    let mut in_shell = false;
    let mut server = None;
    let mut connected = 0;
    for line in PAGE.lines() {
        if line.starts_with("```") {
            in_shell = line == "```sh";
        } else if in_shell && let Some(line) = line.strip_prefix("bowline cert ") {
            desk.good(line);
        } else if in_shell && let Some(options) = line.strip_prefix(OF_SERVER) {
            server = Some(Server::start(&desk, options));
        } else if in_shell {
            let server = server.as_ref().expect("a server to connect to");
            let line = line.replace("127.0.0.1:27020", &server.addr);
            let output = talk::command(&desk, line.strip_prefix("bowline ").unwrap()).output();
            let told = String::from_utf8(output.unwrap().stderr).unwrap();
            assert!(told.contains("authenticated as str:server-1"), "{told}");
            assert_eq!(server.next_event("connected")["identity"], "str:anna");
            assert_eq!(server.next_event("message")["text"], "hello");
            connected += 1;
        }
    }
    assert_eq!(connected, 1, "no client on the page");
    let certificate = desk.good("show server.cert");
    for part in [
        "str:server-1",
        "480",
        "fra",
        &desk.id("server"),
        &desk.id("daily"),
    ] {
        assert!(certificate.contains(part), "no {part} in {certificate}");
    }
    desk.write("revoked.txt", format!("# lost\n{}\n", desk.id("daily")));
    let line = PAGE
        .lines()
        .find(|line| line.contains("--revoked revoked.txt"))
        .unwrap();
    let line = line.trim().trim_matches(['`', '.']);
    let complaint = desk.bad(line.strip_prefix("bowline cert ").unwrap());
    let revoked = format!("key {} was revoked", desk.id("daily"));
    assert!(complaint.contains(&revoked), "{complaint}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_private_keys() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::with_server("modes");
    desk.good("keygen other");
    for name in ["root", "daily", "server", "other"] {
        let path = desk.0.join(format!("{name}.key"));
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn nothing_is_overwritten_and_nothing_is_made_by_halves() {
    let desk = Desk::with_server("overwrite");
    let before = desk.read("server.cert");
    let complaint = desk.bad("sign server.req --ca-key daily.key --as-requested -o server.cert");
    assert!(
        complaint.contains("server.cert exists already"),
        "{complaint}"
    );
    assert_eq!(desk.read("server.cert"), before);
    for made in [
        "keygen x",
        "ca x",
        "request x",
        "intermediate x --ca-key root.key",
    ] {
        desk.write("x.pub", "mine");
        desk.bad(made);
        assert_eq!(desk.read("x.pub"), "mine");
        assert!(!desk.0.join("x.key").exists(), "{made}");
    }
}

#[test]
fn private_keys_are_never_shown() {
    let desk = Desk::with_server("secrets");
    let key = desk.read("server.key");
    let pair = KeyPair::from_pem(&default_crypto(), &key).unwrap();
    let cert = SignedCertificate::from_text(&desk.read("server.cert")).unwrap();
    // The first field of a certificate in its binary form may be the private key.
    let with_key = [&[0x0A, 32][..], pair.private().seed(), &cert.to_bytes()].concat();
    desk.write("with_key.cert", with_key);
    desk.write("bad.key", key.replace("b3Bl", "b3BX"));
    let hex: String = pair
        .private()
        .seed()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let base64 = text::encode_base64(pair.private().seed());
    let body: Vec<&str> = key.lines().filter(|line| !line.contains('-')).collect();
    for line in [
        "show server.key with_key.cert",
        "show bad.key",
        "request y --key server.key",
    ] {
        let output = desk.run(line);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        // The fourth line of the file holds most of the private part.
        for secret in [&*hex, &base64[..42], body[3]] {
            assert!(!said.contains(secret), "{line}: {said}");
        }
    }
    assert!(
        desk.good("show with_key.cert")
            .contains("with its private key (not shown)")
    );
    assert!(
        desk.good("show server.key")
            .starts_with("private key (not shown)\n")
    );
}

#[test]
fn each_limit_is_told_with_its_key() {
    let desk = Desk::with_server("limits");
    let verify = "verify server.cert --root root.cert --authority daily.cert";
    let said = desk.good(&format!(
        "{verify} --app 480 --pop fra --identity str:server-1 --address 192.0.2.7"
    ));
    assert!(said.starts_with("good until 20"), "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
    let (root, daily, server) = (desk.id("root"), desk.id("daily"), desk.id("server"));
    for (demand, told) in [
        (
            "--app 570",
            format!("key {daily} is not for app 570, only for 480"),
        ),
        (
            "--pop ams",
            format!("key {daily} is not for data center ams, only for fra"),
        ),
        (
            "--identity str:x",
            format!("key {server} is not that of str:x, but of str:server-1"),
        ),
        (
            "--address 192.0.2.8",
            format!("key {server} is not for address 192.0.2.8, only for 192.0.2.7"),
        ),
        ("--at 2100-01-01", format!("key {root} is good until 20")),
        (
            "--at 2100-01-01",
            "which is before 2100-01-01 00:00:00 UTC".to_owned(),
        ),
    ] {
        let complaint = desk.bad(&format!("{verify} {demand}"));
        assert!(complaint.contains(&told), "{demand}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    let early = desk.good(&format!("{verify} --at 2020-01-01"));
    assert!(early.contains("it was made later"), "{early}");
    let alone = desk.bad("verify server.cert --root root.cert");
    assert!(
        alone.contains(&format!("key {daily} is not known")),
        "{alone}"
    );
    let no_root = desk.bad("verify server.cert --root daily.cert");
    assert!(
        no_root.contains(&format!("daily.cert: key {daily} is no root")),
        "{no_root}"
    );
}

#[test]
fn authorities_sign_within_their_limits_and_nothing_by_accident() {
    let desk = Desk::with_server("sign");
    let daily = desk.id("daily");
    let sign = "sign server.req --ca-key daily.key --ca-cert daily.cert -o new.cert";
    let refused = |options: &str| {
        let complaint = desk.bad(&format!("{sign} {options}"));
        assert!(!desk.0.join("new.cert").exists());
        complaint
    };
    for (options, told) in [
        (
            "--as-requested --app 570",
            "it is not for app 570, only for 480",
        ),
        (
            "--as-requested --pop ams",
            "it is not for data center ams, only for fra",
        ),
        ("--as-requested --days 3000", "it is good until 20"),
    ] {
        let complaint = refused(options);
        let told = format!("authority with key {daily}: {told}");
        assert!(complaint.contains(&told), "{complaint}");
    }
    assert!(refused("").contains("give --identity (or --as-requested)"));
    assert!(refused("--identity str:server-1").contains("give --app"));
    let other = refused("--identity str:anna --app 480");
    assert!(
        other.contains("the request is for str:server-1, not for str:anna"),
        "{other}"
    );
    desk.good(&format!("{sign} --identity str:server-1 --app 480"));
    let granted = desk.good("show new.cert");
    assert!(
        granted.contains("data centers any"),
        "only what was given: {granted}"
    );
    let mixed =
        desk.bad("sign server.req --ca-key root.key --ca-cert daily.cert --as-requested -o y.cert");
    assert!(
        mixed.contains(&format!("is about key {daily}, its private key is")),
        "{mixed}"
    );
}

#[test]
fn public_keys_of_others_are_signed_too() {
    let desk = Desk::with_server("public");
    desk.good("keygen host");
    desk.good("sign host.pub --ca-key daily.key --identity str:host --app 480 -o host.cert");
    desk.good("verify host.cert --root root.pub --authority daily.cert --identity str:host");
    desk.good("keygen below");
    desk.good("intermediate lower --ca-key daily.key --public-key below.pub --app 480");
    desk.good("sign host.pub --ca-key below.key --identity str:host --app 480 -o host2.cert");
    let below = "verify host2.cert --root root.cert --authority daily.cert --authority lower.cert";
    assert_eq!(desk.good(below).lines().count(), 4);
}

#[test]
fn binary_forms_and_unpadded_text_are_read() {
    let desk = Desk::with_server("forms");
    desk.good("request binary --key server.key --identity str:server-1 --app 480 --binary");
    let shown = desk.good("show binary.req");
    assert!(
        shown.contains("str:server-1") && shown.contains(&desk.id("server")),
        "{shown}"
    );
    desk.good("sign binary.req --ca-key daily.key --as-requested --binary -o binary.cert");
    desk.good("verify binary.cert --root root.cert --authority daily.cert");
    assert!(desk.good("show binary.cert").contains(&desk.id("daily")));
    for name in [
        "server.cert",
        "server.key",
        "server.req",
        "root.cert",
        "daily.cert",
    ] {
        let loose = desk
            .read(name)
            .replace('=', "")
            .replace("\r\n", " ")
            .replace('\n', " \r\n ");
        desk.write(
            &format!("loose-{name}"),
            format!("Notes - of ours.\r\n{loose}\r\n# the end"),
        );
    }
    desk.good("verify loose-server.cert --root loose-root.cert --authority loose-daily.cert");
    desk.good("show loose-server.key loose-server.req loose-server.cert");
}

#[test]
fn files_of_the_original_are_read() {
    let desk = Desk::new("original");
    for name in ["keypair", "root", "intermediate", "leaf_one_line"] {
        let name = format!("certtool_{name}.txt");
        fs::copy(Path::new(OF_CERTTOOL).join(&name), desk.0.join(&name)).unwrap();
    }
    let chain = "--root certtool_root.txt --authority certtool_intermediate.txt";
    let verify = format!("verify certtool_leaf_one_line.txt {chain} --app 440 --pop fra");
    desk.good(&format!("{verify} --at 2027-01-01"));
    let late = desk.bad(&format!("{verify} --at 2027-03-02"));
    assert!(
        late.contains("good until 2027-03-01 05:32:31 UTC only"),
        "{late}"
    );
    let shown = desk.good("show certtool_intermediate.txt");
    for part in [
        "11920292133092954171",
        "1531766963343971972",
        "440, 570",
        "fra, dev2",
    ] {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    // Its root signs a host of ours.
    desk.good("request host --identity str:host --app 440");
    desk.good("sign host.req --ca-key certtool_keypair.txt --as-requested -o host.cert");
    desk.good("verify host.cert --root certtool_root.txt --identity str:host");
}

#[test]
fn damaged_files_are_refused_by_name_and_cause() {
    let desk = Desk::with_server("damaged");
    let cert = desk.read("server.cert");
    desk.write("cut.cert", &cert[..cert.len() / 2]);
    desk.write(
        "short.cert",
        text::armor(text::CERT_LABEL, &[0x22], "\n").as_bytes(),
    );
    desk.write("empty.cert", "");
    desk.write("huge.cert", vec![b' '; (1 << 20) + 1]);
    let long = text::encode_base64(&[0; 17_000]);
    let label = text::CERT_LABEL;
    let long = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        &*long
    );
    desk.write("long.cert", long);
    desk.write("letter.cert", cert.replacen("\nI", "\n!", 1));
    desk.write("rsa.pub", "ssh-rsa AAAAB3NzaC1yc2E us");
    for (line, told) in [
        ("show cut.cert", "is the file cut off?"),
        ("show short.cert", "certificate is missing or malformed"),
        ("show empty.cert", "there is no line `ssh-ed25519 AAAA...`"),
        ("show huge.cert", "it is longer than 1048576 bytes"),
        (
            "show long.cert",
            "17000 bytes are more than the 16384 that are allowed",
        ),
        ("show letter.cert", "the character '!' is not base64"),
        (
            "show rsa.pub",
            "a key of type \"ssh-rsa\" where ssh-ed25519 is needed",
        ),
        ("show none.cert", "cannot read none.cert"),
        (
            "verify server.key --root root.cert",
            "found a block \"OPENSSH PRIVATE KEY\"",
        ),
        (
            "verify server.cert --root server.key",
            "there is neither a certificate nor a line",
        ),
        (
            "sign server.cert --ca-key root.key --as-requested -o x",
            "found a block \"STEAMDATAGRAM CERT\"",
        ),
        (
            "request x --key server.cert",
            "where \"OPENSSH PRIVATE KEY\" is needed",
        ),
    ] {
        let complaint = desk.bad(line);
        assert!(
            complaint.starts_with("error: ") && complaint.contains(told),
            "{line}: {complaint}"
        );
    }
    for line in [
        "",
        "show",
        "verify server.cert",
        "ca x --days 0",
        "ca x --pop frankfurt",
        "ca x --app x",
    ] {
        assert_eq!(desk.run(line).status.code(), Some(2), "{line}");
    }
}

/// Nobody should sign a key for which anybody can make signatures.
#[test]
fn keys_of_low_order_and_of_other_types_are_not_signed() {
    let desk = Desk::with_server("low-order");
    let good = CertificateRequest::from_text(&desk.read("server.req"))
        .unwrap()
        .to_bytes();
    let key = good.windows(2).position(|pair| pair == [0x12, 32]).unwrap() + 2;
    let sign = "sign bad.req --ca-key root.key --as-requested -o bad.cert";
    let refused = |bytes: &[u8]| {
        desk.write(
            "bad.req",
            text::armor(text::REQUEST_LABEL, bytes, "\n").as_bytes(),
        );
        desk.bad(sign)
    };
    let mut bytes = good.clone();
    bytes[key..key + 32].fill(0);
    assert!(
        refused(&bytes)
            .contains("bad.req: the public key is no point of the curve or one of low order")
    );
    let mut bytes = good.clone();
    bytes[key - 3] = 2;
    assert!(refused(&bytes).contains("certificate key is not an Ed25519 key"));
}

/// Text that others wrote into a certificate cannot pass for ours.
#[test]
fn line_ends_in_an_identity_make_no_lines() {
    let desk = Desk::new("lines");
    desk.good("ca root");
    let crypto = default_crypto();
    let root = KeyPair::from_pem(&crypto, &desk.read("root.key")).unwrap();
    let message = Authority::new(&crypto, root.private().clone()).issue(
        &crypto,
        &CertSpec {
            key: *root.public().as_bytes(),
            identity: Some(Identity::str("x\ngood until 9999\u{1b}[2J").unwrap()),
            app_ids: vec![AppId::new(1)],
            pops: Vec::new(),
            addresses: Vec::new(),
            created_unix_secs: 1,
            expiry_unix_secs: u32::MAX,
        },
    );
    desk.write(
        "x.cert",
        SignedCertificate::from_message(message).unwrap().to_text(),
    );
    let said = desk.good("show x.cert") + &desk.good("verify x.cert --root root.pub");
    let said = said + &desk.bad("verify x.cert --root root.pub --identity str:y");
    assert!(
        !said.contains("\ngood until 9999") && !said.contains('\u{1b}'),
        "{said}"
    );
}
