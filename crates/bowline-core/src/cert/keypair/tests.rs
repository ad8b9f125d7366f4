use std::string::ToString;

use proptest::prelude::*;

use super::*;
use crate::crypto::rustcrypto::provider;

/// Made by `steamnetworkingsockets_certtool --app 440 --pop fra,dev2 gen_keypair` of GNS e707b3a.
const OF_CERTTOOL: &str = include_str!("../../../testdata/cert/certtool_keypair.txt");
/// Made by `ssh-keygen -t ed25519 -C "made by OpenSSH 9.2"`.
const OF_OPENSSH: &str = include_str!("../../../testdata/cert/openssh.key");
/// The same with `-N secret`.
const ENCRYPTED: &str = include_str!("../../../testdata/cert/openssh_encrypted.key");
/// The eight points of low order, as far as their encodings are canonical.
const LOW_ORDER: [&str; 4] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
];

fn read(text: &str) -> Result<KeyPair, KeyError> {
    KeyPair::from_pem(&provider(), text)
}

fn pair(seed: u8) -> KeyPair {
    KeyPair::new(&provider(), SigningKey::from_seed([seed; 32]))
}

/// The key file of pair 1, changed before it is armoured.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> KeyError {
    let text = pair(1).to_pem();
    let mut bytes = block(&text, PRIVATE_KEY_LABEL).unwrap().decode().unwrap();
    change(&mut bytes);
    read(&armor(PRIVATE_KEY_LABEL, &bytes, "\n")).unwrap_err()
}

#[test]
fn key_of_the_original_reads_and_is_written_as_it_was() {
    let pair = read(OF_CERTTOOL).unwrap();
    assert_eq!(pair.public(), OF_CERTTOOL.parse().unwrap());
    assert_eq!(pair.id().get(), 1_531_766_963_343_971_972);
    assert!(OF_CERTTOOL.contains(&*pair.to_pem()));
    let line = pair.public().to_line("440-fra-dev2-ID1531766963343971972");
    assert!(OF_CERTTOOL.contains(&line));
}

#[test]
fn key_in_one_line_and_without_padding_reads() {
    let expected = pair(1).public();
    let text = pair(1).to_pem();
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let unpadded = text.replace('=', "");
    let lines = text.replace("\r\n", "\n");
    for text in [one_line, unpadded, lines] {
        assert_eq!(read(&text).unwrap().public(), expected, "{text}");
    }
}

#[test]
fn key_of_openssh_reads() {
    let line = include_str!("../../../testdata/cert/openssh.key.pub");
    assert_eq!(read(OF_OPENSSH).unwrap().public(), line.parse().unwrap());
    assert_eq!(
        line.trim_end(),
        read(OF_OPENSSH)
            .unwrap()
            .public()
            .to_line("made by OpenSSH 9.2")
    );
    assert_eq!(read(ENCRYPTED).unwrap_err(), KeyError::Encrypted);
}

#[test]
fn damaged_keys_are_refused() {
    assert_eq!(changed(|file| file.truncate(200)), KeyError::Malformed);
    assert_eq!(changed(|file| file[0] = b'O'), KeyError::Malformed);
    assert_eq!(changed(|file| file[38] = 2), KeyError::Malformed);
    // The seed, one of the check words, each of the three public keys.
    assert_eq!(changed(|file| file[170] ^= 1), KeyError::Mismatch);
    assert_eq!(changed(|file| file[98] ^= 1), KeyError::Malformed);
    for at in [70, 130, 210] {
        assert_eq!(changed(|file| file[at] ^= 1), KeyError::Mismatch, "{at}");
    }
    let other_type = changed(|file| file[57..=57].copy_from_slice(b"8"));
    assert_eq!(other_type, KeyError::KeyType("ssh-ed25518".into()));
}

#[test]
fn texts_without_a_key_are_refused() {
    let expected = PRIVATE_KEY_LABEL;
    assert_eq!(
        read("").unwrap_err(),
        TextError::NoBlock { expected }.into()
    );
    let error = read("-----BEGIN RSA PRIVATE KEY-----AAAA-----END RSA PRIVATE KEY-----");
    assert_eq!(
        error.unwrap_err().to_string(),
        "found a block \"RSA PRIVATE KEY\" where \"OPENSSH PRIVATE KEY\" is needed"
    );
    let public = |text: &str| text.parse::<PublicKey>().unwrap_err();
    assert_eq!(public(""), KeyError::NoPublicKey);
    assert_eq!(public("ssh-ed25519"), KeyError::Malformed);
    assert_eq!(public("ssh-ed25519 AAAA"), KeyError::Malformed);
    let line = pair(1).public().to_line("");
    assert_eq!(public(&std::format!("# {line}")), KeyError::NoPublicKey);
    assert_eq!(
        public("ssh-rsa AAAAB3NzaC1yc2E"),
        KeyError::KeyType("ssh-rsa".into())
    );
}

#[test]
fn points_that_verify_nothing_or_everything_are_no_keys() {
    for point in LOW_ORDER {
        let bytes = crate::crypto::vectors::hex(point);
        assert_eq!(PublicKey::new(bytes), Err(KeyError::BadPoint), "{point}");
        let line = PublicKey(bytes).to_line("");
        assert_eq!(line.parse::<PublicKey>(), Err(KeyError::BadPoint));
    }
    let no_point = (0..=u8::MAX).find(|n| VerifyingKey::from_bytes(&[*n; 32]).is_err());
    let no_point = [no_point.unwrap(); 32];
    assert_eq!(PublicKey::new(no_point), Err(KeyError::BadPoint));
}

#[test]
fn debug_output_shows_no_private_key() {
    let shown = std::format!("{:?}", pair(7));
    assert!(shown.starts_with("KeyPair { public: PublicKey(ssh-ed25519 AAAA"));
    assert!(
        !shown.contains("7, 7") && !shown.contains("private"),
        "{shown}"
    );
}

proptest! {
    #[test]
    fn keys_round_trip(seed: [u8; 32], comment in "[ -~]{0,30}") {
        let pair = KeyPair::new(&provider(), SigningKey::from_seed(seed));
        let again = read(&pair.to_pem()).unwrap();
        prop_assert_eq!(again.private().seed(), &seed);
        let line = pair.public().to_line(&comment);
        prop_assert_eq!(line.parse::<PublicKey>().unwrap(), pair.public());
    }

    #[test]
    fn arbitrary_text_never_panics(text in "(ssh-ed25519 |AAAA|\\PC|\n){0,40}") {
        let _: Result<_, _> = read(&text);
        let _: Result<_, _> = text.parse::<PublicKey>();
    }

    #[test]
    fn damaged_files_never_panic(at in any::<prop::sample::Index>(), byte: u8, cut in 0..300_usize) {
        let text = pair(1).to_pem();
        let mut bytes = block(&text, PRIVATE_KEY_LABEL).unwrap().decode().unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut);
        let _: Result<_, _> = read(&armor(PRIVATE_KEY_LABEL, &bytes, "\n"));
    }
}
