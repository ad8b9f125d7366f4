//! What goes into a file: a connection at one moment, the inputs since, and what came of them.
//!
//! To leave something out without changing what happens, the recording is played back once with all
//! that it has. That shows which datagrams were decrypted and to what, and where in the streams headers
//! stand. Without keys, packets are kept as plaintext and played back with ciphers that only stand in for
//! the real ones ([`crate::crypto::stand_in`]); without messages, their bytes are zeros, of the same number.
//! What is compared is what can be: the very datagrams if keys and messages are there, else their
//! plaintext, with zeros in place of the messages if those were left out.

use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Deserialize;
use serde::Serialize;

use crate::config::Config;
use crate::connection::Command;
use crate::connection::DatagramBytes;
use crate::connection::Input;
use crate::connection::recording::Recorded;
use crate::connection::recording::bounded;
use crate::connection::recording::checkpoint::Checkpoint;
use crate::connection::recording::checkpoint::masked;
use crate::connection::recording::flight::Segment;
use crate::connection::recording::flight::fingerprint;
use crate::connection::recording::hide;
use crate::connection::recording::hide::StreamHeaders;
use crate::connection::recording::player::Player;
use crate::connection::recording::player::SentDatagram;
use crate::connection::recording::player::Step;
use crate::connection::recording::summary::Played;
use crate::connection::recording::watch::Content;
use crate::connection::recording::watch::Plan;
use crate::counters::DropReason;
use crate::crypto::Crypto;
use crate::crypto::rustcrypto;
use crate::crypto::stand_in;
use crate::ids::PacketNumber;
use crate::message::Outgoing;
use crate::message::Payload;
use crate::time::Timestamp;
use crate::wire::data_header::DataHeader;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

/// What a file shows besides sizes, numbers, times and settings. By default nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[allow(clippy::exhaustive_structs, reason = "set field by field")]
pub struct RecordingOptions {
    /// What the application and its peer said to each other: messages, and the words of a close.
    pub payloads: bool,
    /// The keys of the connection. Whoever has them can read, and forge, its packets.
    pub keys: bool,
    /// Addresses, identities, and settings that are texts.
    pub addresses: bool,
}

impl RecordingOptions {
    /// Whether datagrams are kept as they were on the wire.
    pub const fn is_exact(self) -> bool {
        self.payloads && self.keys
    }
}

/// A copy of what the flight recorder holds, with all its secrets: [`Self::export`] leaves them out.
#[derive(Debug)]
pub struct FlightCopy(Segment);

/// A recording as it stands in a file.
#[derive(Debug, Deserialize, Serialize)]
pub struct FlightRecording {
    options: RecordingOptions,
    checkpoint: Checkpoint,
    #[serde(deserialize_with = "bounded::inputs")]
    inputs: Vec<Recorded>,
    /// Of what is compared of each datagram sent.
    #[serde(deserialize_with = "bounded::fingerprints")]
    fingerprints: Vec<u64>,
    /// Datagrams that came out the same when the recording was made.
    faithful: Verdict,
}

/// How far what was played back is what was recorded.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Verdict {
    /// Datagrams that were sent, now or then, whichever is more.
    pub datagrams: u64,
    /// Those that are the same.
    pub equal: u64,
    /// When the first one went out that is not.
    pub parted_at: Option<Timestamp>,
}

impl Verdict {
    /// Whether all is the same.
    pub const fn is_exact(&self) -> bool {
        self.equal == self.datagrams
    }

    fn compare(&mut self, at: Timestamp, recorded: Option<u64>, played: u64) {
        self.datagrams += 1;
        if recorded == Some(played) {
            self.equal += 1;
        } else {
            self.parted_at.get_or_insert(at);
        }
    }

    /// Datagrams that were recorded and did not come.
    fn missed(&mut self, at: Timestamp, count: usize) {
        if count > 0 {
            self.datagrams += count as u64;
            self.parted_at.get_or_insert(at);
        }
    }
}

impl FlightCopy {
    pub(super) const fn new(segment: Segment) -> Self {
        Self(segment)
    }

    /// How many inputs it holds.
    pub fn inputs(&self) -> usize {
        self.0.inputs.len()
    }

    /// How many bytes the inputs take in memory: what [`Config::set_record_bytes`] bounds.
    pub const fn bytes(&self) -> usize {
        self.0.bytes
    }

    /// The recording for a file, without what `options` do not ask for. Plays it back once, which takes
    /// as long as the connection has taken for it: not for a thread that drives connections.
    ///
    /// `None` only if the connection cannot be recorded, which one with a flight recording can.
    pub fn export(self, options: RecordingOptions) -> Option<FlightRecording> {
        let Segment {
            start,
            inputs,
            fingerprints,
            ..
        } = self.0;
        let mut checkpoint = Checkpoint::of(&start)?;
        let mut export = Export::new(options, &checkpoint, fingerprints);
        let inputs: Vec<_> = inputs
            .into_iter()
            .map(|recorded| export.play(recorded))
            .collect();
        let (headers, plan) = (export.player.connection().receiver.headers(), export.plan);
        let inputs = inputs
            .into_iter()
            .map(|done| done.hide(options, &headers, &plan))
            .collect();
        if !options.keys {
            checkpoint.hide_keys();
        }
        if !options.addresses {
            checkpoint.hide_addresses();
        }
        if !options.payloads {
            checkpoint.hide_payloads(&headers, &plan);
        }
        Some(FlightRecording {
            options,
            checkpoint,
            inputs,
            fingerprints: export.shown,
            faithful: export.faithful,
        })
    }
}

impl FlightRecording {
    /// What it shows.
    pub const fn options(&self) -> RecordingOptions {
        self.options
    }

    /// When it begins.
    pub const fn begins_at(&self) -> Timestamp {
        self.checkpoint.taken_at()
    }

    /// How many inputs it holds.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// What happened, to have something else happen to the same connection.
    #[cfg(any(test, feature = "test-support"))]
    pub const fn inputs_mut(&mut self) -> &mut Vec<Recorded> {
        &mut self.inputs
    }

    /// The settings of the connection when it begins.
    pub fn config(&self) -> &Config {
        self.checkpoint.config()
    }

    /// How far it was the same when the file was made, where what was really sent was at hand.
    pub const fn faithful(&self) -> Verdict {
        self.faithful
    }

    /// Plays it back, tells `on_step` what happens, and says how far it is what was recorded.
    pub fn play(&self, mut on_step: impl FnMut(&Played)) -> Verdict {
        let mut player = Player::new(self.checkpoint.restore(self.crypto()));
        let mut recorded = self.fingerprints.iter().copied();
        let mut verdict = Verdict::default();
        let mut now = self.begins_at();
        for input in &self.inputs {
            now = input.at;
            let step = player.play(input.clone());
            for sent in &step.sent {
                verdict.compare(now, recorded.next(), sent.shown(self.options));
            }
            on_step(&step.played);
        }
        verdict.missed(now, recorded.len());
        verdict
    }

    fn crypto(&self) -> Crypto {
        if self.options.is_exact() {
            rustcrypto::provider()
        } else {
            stand_in::provider()
        }
    }
}

/// A recording on its way into a file.
struct Export {
    options: RecordingOptions,
    player: Player,
    plan: Plan,
    /// What was really sent.
    real: alloc::vec::IntoIter<u64>,
    shown: Vec<u64>,
    faithful: Verdict,
}

/// An input that was played, before what must not be shown is known.
struct Done {
    at: Timestamp,
    input: Input<'static>,
    /// If it was a datagram: the same, decrypted if it opened.
    datagram: Option<Vec<u8>>,
    opened: Option<PacketNumber>,
    dropped: Option<DropReason>,
    tag_len: usize,
}

impl Export {
    fn new(options: RecordingOptions, checkpoint: &Checkpoint, real: Vec<u64>) -> Self {
        Self {
            options,
            player: Player::new(checkpoint.restore(rustcrypto::provider())),
            plan: Plan::default(),
            real: real.into_iter(),
            shown: Vec::new(),
            faithful: Verdict::default(),
        }
    }

    fn play(&mut self, recorded: Recorded) -> Done {
        let Recorded { at, input } = recorded.clone();
        let Step {
            played,
            datagram,
            opened,
            sent,
            frames,
            broken,
            tag_len,
        } = self.player.play(recorded);
        frames.iter().for_each(|seen| self.plan.add(seen));
        for packet in broken {
            self.plan.add_broken(packet);
        }
        for sent in sent {
            let really = fingerprint(&sent.bytes);
            self.faithful.compare(at, self.real.next(), really);
            self.shown.push(sent.shown(self.options));
        }
        Done {
            at,
            input,
            datagram,
            opened,
            dropped: played.dropped,
            tag_len,
        }
    }
}

impl SentDatagram {
    /// A number for what is compared of it.
    fn shown(&self, options: RecordingOptions) -> u64 {
        if options.is_exact() {
            return fingerprint(&self.bytes);
        }
        let mut shown = match &self.sealed {
            Some((sealed, _)) => sealed.bytes.clone(),
            // It was sealed before the recording began: nothing but the header is the same.
            None if DataHeader::parse(&self.bytes).is_ok() => {
                let header = self.bytes.get(..crate::limits::DATA_HEADER);
                Vec::from(header.unwrap_or_default())
            }
            None => self.bytes.clone(),
        };
        if !options.payloads {
            match &self.sealed {
                Some((sealed, frames)) => {
                    let plaintext = shown.get_mut(sealed.payload_at..).unwrap_or_default();
                    for piece in frames.iter().filter_map(|seen| seen.piece.as_ref()) {
                        let fill = match piece.content {
                            Content::Stream { .. } | Content::Message => 0,
                            Content::Text => b'*',
                        };
                        if let Some(part) = plaintext.get_mut(piece.range.clone()) {
                            part.fill(fill);
                        }
                    }
                }
                None => hide::control_text(&mut shown),
            }
        }
        shown.extend_from_slice(&self.bytes.len().to_le_bytes());
        fingerprint(&shown)
    }
}

impl Done {
    /// The input for the file.
    fn hide(self, options: RecordingOptions, headers: &StreamHeaders, plan: &Plan) -> Recorded {
        let at = self.at;
        let input = match (self.input, self.datagram) {
            (Input::Datagram { meta, data }, Some(played)) => {
                let kept = Datagram {
                    raw: data.as_slice(),
                    played,
                    opened: self.opened,
                    dropped: self.dropped,
                    tag_len: self.tag_len,
                };
                kept.hide(options, headers, plan)
                    .map_or_else(Input::Dropped, |bytes| Input::Datagram {
                        meta,
                        data: DatagramBytes::Owned(bytes),
                    })
            }
            (Input::Command(command), _) => Input::Command(hide_command(command, options)),
            (input, _) => input,
        };
        Recorded { at, input }
    }
}

/// A datagram that came in.
struct Datagram<'a> {
    raw: &'a [u8],
    played: Vec<u8>,
    opened: Option<PacketNumber>,
    dropped: Option<DropReason>,
    /// How many bytes encryption added.
    tag_len: usize,
}

impl Datagram<'_> {
    /// What of it goes into a file, or for what reason it was dropped, if that is all.
    fn hide(
        self,
        options: RecordingOptions,
        headers: &StreamHeaders,
        plan: &Plan,
    ) -> Result<Vec<u8>, DropReason> {
        match udp::parse(self.raw) {
            Ok(UdpPacket::Data(_)) => self.hide_data(options, headers, plan),
            Ok(UdpPacket::ConnectionClosed(_) | UdpPacket::NoConnection(_)) => {
                let mut bytes = Vec::from(self.raw);
                if !options.payloads {
                    hide::control_text(&mut bytes);
                }
                Ok(bytes)
            }
            Ok(
                UdpPacket::ChallengeRequest(_)
                | UdpPacket::ChallengeReply(_)
                | UdpPacket::ConnectRequest(_)
                | UdpPacket::ConnectOk(_),
            ) if options.addresses => Ok(self.raw.into()),
            Ok(UdpPacket::ConnectRequest(request)) => {
                // Without identity and certificate: what counts is which connection it asks for.
                let mut bytes = Vec::new();
                let id = request.client_connection_id;
                udp::ChallengeRequest {
                    connection_id: id,
                    my_timestamp: 0,
                    protocol_version: crate::limits::PROTOCOL_VERSION,
                }
                .encode(&mut bytes);
                Ok(bytes)
            }
            Ok(UdpPacket::ConnectOk(answer)) => {
                let mut bytes = Vec::new();
                udp::ConnectOk {
                    cert: Default::default(),
                    crypt: Default::default(),
                    identity: Default::default(),
                    ..*answer
                }
                .encode(&mut bytes);
                Ok(bytes)
            }
            Ok(UdpPacket::ChallengeRequest(_) | UdpPacket::ChallengeReply(_)) => {
                Ok(self.raw.into())
            }
            Err(reason) => Err(self.dropped.unwrap_or(reason)),
        }
    }

    fn hide_data(
        self,
        options: RecordingOptions,
        headers: &StreamHeaders,
        plan: &Plan,
    ) -> Result<Vec<u8>, DropReason> {
        if options.is_exact() {
            return Ok(self.raw.into());
        }
        let (_, payload_at) =
            DataHeader::parse(self.raw).map_err(|reason| self.dropped.unwrap_or(reason))?;
        let Some(number) = self.opened else {
            let mut bytes = Vec::from(self.raw);
            bytes.get_mut(payload_at..).unwrap_or_default().fill(0);
            return Ok(bytes);
        };
        let mut bytes = self.played;
        let body = bytes.len().saturating_sub(self.tag_len).max(payload_at);
        let opened = bytes.get_mut(..body).unwrap_or_default();
        if !options.payloads {
            plan.blank(number, payload_at, opened, headers);
        }
        if let Some(end) = bytes.get_mut(body..) {
            for (to, from) in end.iter_mut().zip(stand_in::OPENS) {
                *to = from;
            }
        }
        Ok(bytes)
    }
}

fn hide_command(command: Command<'static>, options: RecordingOptions) -> Command<'static> {
    match command {
        Command::Send(message) if !options.payloads => {
            let zeros = alloc::vec![0; message.payload.len()];
            Command::Send(Outgoing {
                payload: Payload::Shared(zeros.into()),
                ..message
            })
        }
        Command::Close {
            reason,
            text,
            linger,
        } if !options.payloads => Command::Close {
            reason,
            text: masked(&text),
            linger,
        },
        Command::Configure(config) if !options.addresses => {
            Command::Configure(Arc::new(config.without_texts()))
        }
        other => other,
    }
}
