//! What a client gets for coming back without signing in.
//!
//! A sealed note of who it is, which only this hub (and others with the same key) can read. Nothing about it is kept, so
//! a hub that starts anew knows its clients again.
//!
//! A note holds for a day, and no longer than the credential behind it. A session may last longer than a note, so clients get
//! another one every few hours.

use std::sync::Arc;

use bowline_core::cert::authority::KeyId;
use bowline_core::crypto::AeadKey;
use bowline_core::crypto::Crypto;
use bowline_core::hub::FromHub;
use bowline_core::hub::Hello;
use bowline_core::hub::Method;
use bowline_core::hub::Refusal;
use bowline_core::hub::Resumption;
use bowline_core::hub::Role;
use bowline_core::identity::Identity;
use bowline_core::ids::AppId;
use bowline_core::rng::Rng;
use bowline_core::time::Span;
use bowline_core::time::Timestamp;
use prost::Message;
use zeroize::Zeroizing;

use crate::hub::Hub;
use crate::hub::session::Member;
use crate::hub::session::Session;
use crate::hub::sign_in::Accepted;
use crate::hub::sign_in::Refused;
use crate::limits::CLOCK_SKEW_SECS;
use crate::limits::RESUME_LIFETIME_SECS;
use crate::limits::RESUME_RENEWAL;
use crate::limits::RESUME_RENEWAL_SPREAD_SECS;

/// Seals and opens.
#[derive(Debug)]
pub(super) struct Seal {
    key: Arc<dyn AeadKey>,
    /// Keys that it opens with as well.
    others: Vec<Arc<dyn AeadKey>>,
}

/// What is sealed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Note {
    pub(super) identity: Identity,
    pub(super) app: AppId,
    pub(super) role: Role,
    /// How it signed in first.
    pub(super) method: Method,
    /// When it did, in microseconds since 1970.
    pub(super) born_unix_us: u64,
    /// Until when the note is good, in seconds since 1970.
    pub(super) expiry_unix_secs: u64,
    /// Until when the credential is, which ends the session as well; `None` if it does not say.
    pub(super) credential_expiry_unix_secs: Option<u64>,
    /// The key of a game server by which it signed in first.
    pub(super) key: Option<KeyId>,
}

#[derive(Clone, PartialEq, Message)]
struct Plain {
    #[prost(string, tag = "1")]
    identity: String,
    #[prost(uint32, tag = "2")]
    app: u32,
    #[prost(uint32, tag = "3")]
    role: u32,
    #[prost(uint32, tag = "4")]
    method: u32,
    #[prost(uint64, tag = "5")]
    born: u64,
    #[prost(uint64, tag = "6")]
    expiry: u64,
    #[prost(uint64, optional, tag = "7")]
    credential_expiry: Option<u64>,
    #[prost(fixed64, optional, tag = "8")]
    key: Option<u64>,
}

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

impl Hub {
    /// Who a note says that it is, if it is good still.
    pub(super) fn by_note(&self, now: Timestamp, hello: &Hello) -> Result<Accepted, Refused> {
        let bad = |text: &str| (Refusal::Credential, text.to_owned());
        let note = self.seal.open(&hello.credential);
        let note = note.ok_or_else(|| bad("the resumption is not from this hub"))?;
        if note.expiry_unix_secs < self.unix_secs(now) {
            let text = "the resumption has expired".to_owned();
            return Err((Refusal::Expired, text));
        }
        // Of no note that was made here, unless the clock was set: whoever has the key could get past all that is remembered.
        let latest = self.unix_us(now) + u64::from(CLOCK_SKEW_SECS) * 1_000_000;
        if note.born_unix_us > latest {
            let reason = match note.method {
                // It has nothing else to show, and would be somebody else: better it comes again once the clock is right.
                Method::Anonymous => Refusal::Unavailable,
                _ => Refusal::Credential,
            };
            return Err((reason, "the resumption is of the future".to_owned()));
        }
        if (note.app, note.role) != (hello.app, hello.role) {
            return Err(bad("the resumption is for another app or role"));
        }
        if !self.policy.gives(note.method, note.app, &note.identity) {
            let text = format!("signing in by {} does not give this any more", note.method);
            return Err((Refusal::Method, text));
        }
        if note.method == Method::GameServerKey {
            let server = self.policy.game_server(note.app, &note.identity);
            let key = server.map(|server| server.key.id());
            // As if it signed in by its key now.
            if key != note.key {
                return Err(bad("the game server has another key now"));
            }
            self.check_revoked(key)?;
        }
        self.check_blocked(&note.identity)?;
        let whose = (note.app, note.identity.clone());
        if self.past.is_kicked(&whose, note.born_unix_us) {
            return Err(bad("the operator has ended the session"));
        }
        let owner = self.owners.get(&whose);
        let member = owner.and_then(|client| self.sessions.get(client)?.member());
        let is_older = member.is_some_and(|member| member.born_unix_us > note.born_unix_us);
        // Whoever was signed in elsewhere may be gone by now.
        if is_older || self.past.is_superseded(&whose, note.born_unix_us) {
            return Err(bad("the identity has signed in elsewhere since"));
        }
        Ok(Accepted {
            identity: note.identity,
            method: note.method,
            born_unix_us: note.born_unix_us,
            expiry_unix_secs: note.credential_expiry_unix_secs,
            key: note.key,
        })
    }

    /// Gives those a new note whose last one will not be good much longer.
    pub(super) fn renew_notes(&mut self, now: Timestamp) {
        while let Some((at, client)) = self.renewing.first().copied()
            && at <= now
        {
            self.renewing.remove(&(at, client));
            let unix_secs = self.unix_secs(now);
            let member = self.sessions.get_mut(&client).and_then(Session::member_mut);
            let Some(member) = member else {
                continue;
            };
            member.renew_at = renewal(now, member.number);
            self.renewing.insert((member.renew_at, client));
            let sealed = self.seal.seal(&mut self.rng, &note_of(member, unix_secs));
            self.send(client, &FromHub::Resume(Resumption(sealed)));
        }
    }
}

/// When the next note is due: for each session a little later than for others, since after a restart all begin at once.
pub(super) fn renewal(now: Timestamp, session: u64) -> Timestamp {
    now + RESUME_RENEWAL + Span::from_secs(session % RESUME_RENEWAL_SPREAD_SECS)
}

pub(super) fn note_of(member: &Member, unix_secs: u64) -> Note {
    let latest = unix_secs.saturating_add(RESUME_LIFETIME_SECS);
    Note {
        identity: member.identity.clone(),
        app: member.app,
        role: member.role,
        method: member.method,
        born_unix_us: member.born_unix_us,
        expiry_unix_secs: member.expiry_unix_secs.unwrap_or(latest).min(latest),
        credential_expiry_unix_secs: member.expiry_unix_secs,
        key: member.signed_in_by,
    }
}

impl Seal {
    pub(super) fn new(crypto: &Crypto, key: &[u8; 32], others: &[Zeroizing<[u8; 32]>]) -> Self {
        let others = others.iter().map(|key| crypto.aes_256_gcm(key));
        Self {
            key: crypto.aes_256_gcm(key),
            others: others.collect(),
        }
    }

    pub(super) fn seal(&self, rng: &mut Rng, note: &Note) -> Vec<u8> {
        let plain = Plain {
            identity: note.identity.to_string(),
            app: note.app.get(),
            role: note.role.number(),
            method: note.method.number(),
            born: note.born_unix_us,
            expiry: note.expiry_unix_secs,
            credential_expiry: note.credential_expiry_unix_secs,
            key: note.key.map(KeyId::get),
        };
        // By chance: 96 bits last for as many notes as any hub makes with one key.
        let nonce: [u8; NONCE_LEN] = rng.bytes();
        let mut data = plain.encode_to_vec();
        let tag = self.key.seal(&nonce, &mut data);
        [&nonce[..], &data, &tag].concat()
    }

    /// What was sealed; `None` if it was not, or by none of the keys.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Note> {
        let mut keys = std::iter::once(&self.key).chain(&self.others);
        keys.find_map(|key| Self::open_by(&**key, sealed))
    }

    fn open_by(key: &dyn AeadKey, sealed: &[u8]) -> Option<Note> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        if rest.len() < TAG_LEN {
            return None;
        }
        let mut data = rest.to_vec();
        let len = key.open(nonce, &mut data).ok()?;
        let plain = Plain::decode(data.get(..len)?).ok()?;
        Some(Note {
            identity: plain.identity.parse().ok()?,
            app: AppId::new(plain.app),
            role: Role::from_number(plain.role)?,
            method: Method::from_number(plain.method)?,
            born_unix_us: plain.born,
            expiry_unix_secs: plain.expiry,
            credential_expiry_unix_secs: plain.credential_expiry,
            key: plain.key.map(KeyId::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use bowline_core::crypto::rustcrypto;
    use bowline_core::hub::limits::MAX_HUB_RESUME;

    use super::*;

    fn note(identity: &str) -> Note {
        Note {
            identity: identity.parse().unwrap(),
            app: AppId::new(480),
            role: Role::User,
            method: Method::Jwt,
            born_unix_us: 1_700_000_000_000_000,
            expiry_unix_secs: 1_700_000_100,
            credential_expiry_unix_secs: Some(u64::MAX),
            key: Some(KeyId::new(u64::MAX)),
        }
    }

    #[test]
    fn what_was_sealed_comes_back_and_nothing_else() {
        let crypto = rustcrypto::provider();
        let seal = Seal::new(&crypto, &[7; 32], &[]);
        let mut rng = Rng::from_seed([1; 32]);
        let sealed = seal.seal(&mut rng, &note("str:anna"));
        assert_eq!(seal.open(&sealed), Some(note("str:anna")));
        assert_ne!(sealed, seal.seal(&mut rng, &note("str:anna")));
        for index in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[index] ^= 1;
            assert_eq!(seal.open(&forged), None, "byte {index}");
            assert_eq!(seal.open(&sealed[..index]), None);
        }
        assert_eq!(Seal::new(&crypto, &[8; 32], &[]).open(&sealed), None);
        let others = [[9; 32], [7; 32]].map(Zeroizing::new);
        let later = Seal::new(&crypto, &[8; 32], &others);
        assert_eq!(later.open(&sealed), Some(note("str:anna")), "an old key");
    }

    #[test]
    fn limit_length_of_a_resumption() {
        let seal = Seal::new(&rustcrypto::provider(), &[7; 32], &[]);
        let longest = format!("longest_kind_of_:{}", "x".repeat(110));
        let sealed = seal.seal(&mut Rng::from_seed([1; 32]), &note(&longest[1..]));
        assert!(sealed.len() <= MAX_HUB_RESUME, "{}", sealed.len());
    }
}
