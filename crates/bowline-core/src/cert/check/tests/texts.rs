use super::*;
use crate::limits::MAX_CLOSE_TEXT;

#[test]
fn bad_certificates_are_told_with_key_and_time_in_an_end_text() {
    let text = |case: &Case| case.check().unwrap_err().text.into_owned();
    let expired = Case::signed_with(|spec| spec.expiry_unix_secs = NOW - 1);
    let key = KeyId::of(&peer_key().public(&expired.crypto));
    let now = u64::from(NOW);
    let (expiry, now) = (UnixTime::new(now - 1), UnixTime::new(now));
    assert_eq!(
        text(&expired),
        format!("Bad cert: certificate has expired (expiry {expiry}, now {now}, key {key})")
    );
    let mut unknown = Case::signed();
    unknown.store = CertStore::new();
    let signer = unknown.cert.ca_key_id();
    assert_eq!(
        text(&unknown),
        format!("Bad cert: authority of certificate is unknown (key {key}, signed by {signer})")
    );
    let longest_id = "18446744073709551615".len();
    for text in [text(&expired), text(&unknown)] {
        let shorter = 2 * longest_id - key.to_string().len() - signer.to_string().len();
        assert!(text.len() + shorter <= MAX_CLOSE_TEXT, "{text}");
    }
}
