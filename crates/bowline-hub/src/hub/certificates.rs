//! Certificates for those who are signed in.

use bowline_core::cert::authority::KeyId;
use bowline_core::cert::request::CertificateRequest;
use bowline_core::cert::signed::SignedCertificate;
use bowline_core::hub::FromHub;
use bowline_core::hub::Goodbye;
use bowline_core::hub::Role;
use bowline_core::ids::ConnectionId;
use bowline_core::time::Timestamp;

use crate::bucket::Rate;
use crate::hub::Hub;
use crate::hub::session::Member;
use crate::hub::session::Session;
use crate::limits::CERTIFICATE_BURST;
use crate::limits::CLOCK_SKEW_SECS;

impl Hub {
    /// A client wants a certificate beside the one that came with its welcome.
    pub(super) fn on_certificate_request(
        &mut self,
        now: Timestamp,
        client: ConnectionId,
        request: &[u8],
    ) {
        const RATE: Rate = Rate {
            per_sec: 1,
            burst: CERTIFICATE_BURST,
        };
        let Some(session) = self.sessions.get_mut(&client) else {
            return;
        };
        let Some(member) = session.member_mut() else {
            return self.refuse_stranger(client);
        };
        if !member.allowance.certificates.take(now, RATE, 1) {
            self.counters.certificates_withheld += 1;
            return;
        }
        let Some(member) = self.sessions.get(&client).and_then(Session::member) else {
            return;
        };
        if member
            .expiry_unix_secs
            .is_some_and(|expiry| expiry <= self.unix_secs(now))
        {
            return self.dismiss(client, Goodbye::Expired);
        }
        let issued = certify(self, now, member, request);
        match issued {
            Ok((signed, key)) => {
                self.counters.certificates += 1;
                let member = self.sessions.get_mut(&client).and_then(Session::member_mut);
                if let Some(member) = member {
                    member.key = Some(key);
                }
                self.send(client, &FromHub::Certificate(signed));
            }
            Err(error) => {
                tracing::debug!(error, "a request for a certificate does not fit");
                self.dismiss(client, Goodbye::Malformed);
            }
        }
    }

    /// The certificate that a member asks for with its hello.
    pub(super) fn issue(
        &mut self,
        now: Timestamp,
        member: &mut Member,
        request: &[u8],
    ) -> Result<Vec<u8>, String> {
        let (signed, key) = certify(self, now, member, request)?;
        member.key = Some(key);
        self.counters.certificates += 1;
        Ok(signed)
    }
}

/// What is asked for must be what the session is.
fn certify(
    hub: &Hub,
    now: Timestamp,
    member: &Member,
    request: &[u8],
) -> Result<(Vec<u8>, KeyId), String> {
    let mut request = CertificateRequest::from_bytes(request).map_err(|error| error.to_string())?;
    let asked = request
        .identity
        .get_or_insert_with(|| member.identity.clone());
    if *asked != member.identity {
        // Logs have this text: what a client asks for may be an address, or anything else.
        return Err("the session is of another identity".into());
    }
    let key = request.key().id();
    if hub.revoked.contains(&key) {
        return Err("the key was revoked".into());
    }
    if request.app_ids.iter().any(|app| *app != member.app) {
        return Err(format!("the session is for app {}", member.app.get()));
    }
    request.app_ids = vec![member.app];
    if !request.pops.is_empty() {
        let server = hub.policy.game_server(member.app, &member.identity);
        let server = server.filter(|_| member.role == Role::GameServer);
        let allowed = server.map_or(&[][..], |server| &server.pops);
        if !request.pops.iter().all(|pop| allowed.contains(pop)) {
            return Err("the data centers that are asked for are not its own".into());
        }
    }
    if !request.addresses.is_empty() {
        return Err("the hub does not vouch for addresses".into());
    }
    let unix_secs = u32::try_from(hub.unix_secs(now)).unwrap_or(u32::MAX);
    let created = unix_secs.saturating_sub(CLOCK_SKEW_SECS);
    let longest = unix_secs.saturating_add(hub.policy.certificate_lifetime_secs);
    // It does not outlive what proved the identity.
    let credential = member.expiry_unix_secs.unwrap_or(u64::MAX);
    let expiry = longest.min(u32::try_from(credential).unwrap_or(u32::MAX));
    let spec = request.spec(created, expiry);
    let signed = hub.authority.issue(&hub.crypto, &spec);
    let signed = SignedCertificate::from_message(signed).map_err(|error| error.to_string())?;
    Ok((signed.to_bytes(), key))
}
