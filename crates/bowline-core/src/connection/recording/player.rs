//! Plays a recording back, step by step, and tells what happens.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::connection::Command;
use crate::connection::Connection;
use crate::connection::ConnectionState;
use crate::connection::DatagramBytes;
use crate::connection::Input;
use crate::connection::Reply;
use crate::connection::recording::Recorded;
use crate::connection::recording::summary::FrameSummary;
use crate::connection::recording::summary::InputSummary;
use crate::connection::recording::summary::PacketSummary;
use crate::connection::recording::summary::Played;
use crate::connection::recording::summary::SentSummary;
use crate::connection::recording::summary::StateChange;
use crate::connection::recording::watch::Sealed;
use crate::connection::recording::watch::Seen;
use crate::connection::recording::watch::Watch;
use crate::ids::LaneIndex;
use crate::ids::MessageNumber;
use crate::ids::PacketNumber;
use crate::ids::StreamPos;
use crate::send::LaneMarks;
use crate::snp::decode::DecodeContext;
use crate::snp::decode::Decoder;
use crate::transmit::TransmitBuf;
use crate::wire::data_header::DataHeader;
use crate::wire::udp;
use crate::wire::udp::UdpPacket;

/// Packets that were sealed and did not go out yet: closes that wait. More than may wait.
const MAX_WAITING: usize = 16;

/// A connection that lives through its recording again.
#[derive(Debug)]
pub(super) struct Player {
    connection: Connection,
    /// Sealed, not sent yet.
    waiting: Vec<Sealed>,
    /// How far each lane's stream has been sent.
    sent_to: BTreeMap<LaneIndex, u64>,
}

/// What one input did.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) played: Played,
    /// The datagram that came in, decrypted in place if it opened.
    pub(super) datagram: Option<Vec<u8>>,
    pub(super) opened: Option<PacketNumber>,
    pub(super) sent: Vec<SentDatagram>,
    pub(super) frames: Vec<Seen>,
    pub(super) broken: Vec<PacketNumber>,
    /// How many bytes encryption adds to a received packet.
    pub(super) tag_len: usize,
}

/// A datagram that went out.
#[derive(Debug)]
pub(super) struct SentDatagram {
    pub(super) bytes: Vec<u8>,
    /// What it was before it was sealed, with where its frames stand.
    pub(super) sealed: Option<(Sealed, Vec<Seen>)>,
}

impl Player {
    pub(super) fn new(mut connection: Connection) -> Self {
        connection.recorder.watch = Some(Box::default());
        connection.receiver.watch_headers();
        Self {
            connection,
            waiting: Vec::new(),
            sent_to: BTreeMap::new(),
        }
    }

    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Feeds one input and drains the connection.
    pub(super) fn play(&mut self, recorded: Recorded) -> Step {
        let Recorded { at, input } = recorded;
        let before = self.connection.state();
        let mut datagram = None;
        let mut sent = Vec::new();
        let summary = match input {
            Input::Transmit { max_datagrams } => {
                let mut buf = TransmitBuf::new(max_datagrams);
                self.note_marks();
                if let Some(transmit) = self.connection.poll_transmit(at, &mut buf) {
                    sent = buf.datagrams(&transmit).map(Vec::from).collect();
                }
                InputSummary::Transmit
            }
            Input::Datagram { mut meta, mut data } => {
                // A file that somebody made up may name a path that is not there.
                meta.path = self.connection.path.id();
                let len = data.as_slice().len();
                let bytes = data.as_mut_slice();
                self.connection.handle_datagram(at, &meta, bytes);
                datagram = Some(match data {
                    DatagramBytes::Owned(bytes) => bytes,
                    DatagramBytes::Borrowed(bytes) => Vec::from(bytes),
                });
                InputSummary::Datagram { len }
            }
            other => {
                let summary = summary_of(&other);
                // What was refused when recorded is refused again.
                let reply = self.connection.handle(at, other);
                with_reply(summary, reply.ok())
            }
        };
        while self.connection.poll_event().is_some() {}
        while self.connection.poll_endpoint().is_some() {}
        let mut seen = self.take_watch();
        self.waiting.append(&mut seen.sealed);
        let sent: Vec<_> = sent.into_iter().map(|bytes| self.sent(bytes)).collect();
        let excess = self.waiting.len().saturating_sub(MAX_WAITING);
        self.waiting.drain(..excess);
        let len = datagram.as_ref().map_or(0, Vec::len);
        let (received, released) = received(&seen, len);
        let keys = self.connection.keys.as_ref();
        Step {
            played: Played {
                at,
                input: summary,
                received,
                released,
                sent: sent.iter().map(SentDatagram::summary).collect(),
                lost: seen.lost,
                dropped: seen.drops.first().copied(),
                state: self.state_change(before),
            },
            datagram,
            opened: seen.opened.first().copied(),
            sent,
            frames: seen.frames,
            broken: seen.broken,
            tag_len: keys.map_or(0, |keys| keys.recv.overhead()),
        }
    }

    fn take_watch(&mut self) -> Watch {
        let watch = self.connection.recorder.watch.as_deref_mut();
        watch.map(core::mem::take).unwrap_or_default()
    }

    fn state_change(&self, old: ConnectionState) -> Option<StateChange> {
        let new = self.connection.state();
        let end = self.connection.end.as_ref();
        (old != new).then(|| StateChange {
            old,
            new,
            reason: end.map(|end| end.reason),
            text: end.map(|end| end.text.clone()).unwrap_or_default(),
        })
    }

    /// Remembers how far the streams had been sent before more of them is.
    fn note_marks(&mut self) {
        let lanes = (0..=u8::MAX).take(self.connection.sender.lanes());
        for lane in lanes.map(LaneIndex::new) {
            if let Some(marks) = self.connection.sender.marks(lane) {
                self.sent_to.insert(lane, marks.unsent.get());
            }
        }
    }

    /// A datagram with what it was before it was sealed.
    fn sent(&mut self, bytes: Vec<u8>) -> SentDatagram {
        let header = DataHeader::parse(&bytes).ok();
        let sealed = header.and_then(|(header, _)| {
            let is_it = |sealed: &Sealed| sealed.number.to_wire() == header.seq;
            let index = self.waiting.iter().position(is_it)?;
            Some(self.waiting.remove(index))
        });
        let sealed = sealed.map(|sealed| {
            let frames = self.frames(&sealed);
            (sealed, frames)
        });
        SentDatagram { bytes, sealed }
    }

    /// The frames of a packet of ours.
    fn frames(&mut self, sealed: &Sealed) -> Vec<Seen> {
        let plaintext = sealed.bytes.get(sealed.payload_at..).unwrap_or_default();
        let mut decoder = Decoder::new(plaintext, sealed.number, true);
        let context = SentContext(&self.connection);
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = decoder.next(&context) {
            let mut seen = Seen::new(sealed.number, plaintext.len(), &decoder, &frame);
            if let FrameSummary::Reliable {
                lane,
                pos,
                len,
                again,
            } = &mut seen.summary
            {
                let sent_to = self.sent_to.entry(*lane).or_insert(0);
                *again = pos.get() < *sent_to;
                *sent_to = (*sent_to).max(pos.advance(*len as u64).get());
            }
            frames.push(seen);
        }
        frames
    }
}

impl SentDatagram {
    fn summary(&self) -> SentSummary {
        let len = self.bytes.len();
        match &self.sealed {
            Some((sealed, frames)) => SentSummary::Packet(PacketSummary {
                number: sealed.number,
                len,
                frames: frames.iter().filter_map(shown).collect(),
            }),
            None => SentSummary::Control {
                kind: kind(&self.bytes),
                len,
            },
        }
    }
}

/// The packet of this input, and those that were taken in with it.
fn received(seen: &Watch, len: usize) -> (Option<PacketSummary>, Vec<PacketSummary>) {
    let mut packets: Vec<PacketSummary> = Vec::new();
    let opened = seen.opened.first().copied();
    for frame in &seen.frames {
        let is_new = packets
            .last()
            .is_none_or(|packet| packet.number != frame.packet);
        if is_new {
            packets.push(PacketSummary {
                number: frame.packet,
                len: 0,
                frames: Vec::new(),
            });
        }
        if let Some(packet) = packets.last_mut() {
            packet.frames.extend(shown(frame));
        }
    }
    let own = opened.map(|number| {
        let at = packets.iter().position(|packet| packet.number == number);
        let frames = at.map(|at| packets.remove(at).frames);
        PacketSummary {
            number,
            len,
            frames: frames.unwrap_or_default(),
        }
    });
    (own, packets)
}

fn shown(seen: &Seen) -> Option<FrameSummary> {
    let is_lane = matches!(seen.summary, FrameSummary::SelectLane(_));
    (!is_lane).then(|| seen.summary.clone())
}

/// What the numbers in a packet of ours are completed against: what the peer must know by now.
struct SentContext<'a>(&'a Connection);

impl SentContext<'_> {
    fn marks(&self, lane: LaneIndex) -> Option<LaneMarks> {
        self.0.sender.marks(lane)
    }
}

impl DecodeContext for SentContext<'_> {
    fn highest_message(&self, lane: LaneIndex) -> MessageNumber {
        self.marks(lane)
            .map_or(MessageNumber::NONE, |marks| marks.last_number)
    }

    fn expected_pos(&self, lane: LaneIndex) -> StreamPos {
        self.marks(lane)
            .map_or(StreamPos::FIRST, |marks| marks.unacked)
    }

    fn next_send(&self) -> PacketNumber {
        self.0.receiver.replay.highest().next()
    }
}

fn summary_of(input: &Input<'_>) -> InputSummary {
    match input {
        Input::Datagram { data, .. } => InputSummary::Datagram {
            len: data.as_slice().len(),
        },
        Input::Timeout => InputSummary::Timeout,
        Input::Transmit { .. } => InputSummary::Transmit,
        Input::Dropped(reason) => InputSummary::Dropped(*reason),
        Input::Signal(_)
        | Input::Piped(_)
        | Input::Endpoint(_)
        | Input::PollSignal
        | Input::ProbeUnsent(_)
        | Input::Command(Command::Accept | Command::AwaitRoom(_)) => InputSummary::Other,
        Input::Command(Command::Send(message)) => InputSummary::Send {
            lane: message.lane,
            len: message.payload.len(),
            reliable: message.flags.is_reliable(),
            accepted: false,
        },
        Input::Command(Command::Close {
            reason,
            text,
            linger,
        }) => InputSummary::Close {
            reason: *reason,
            text: text.clone(),
            linger: *linger,
        },
        Input::Command(Command::Flush) => InputSummary::Flush,
        Input::Command(Command::ConfigureLanes(lanes)) => InputSummary::ConfigureLanes(lanes.len()),
        Input::Command(Command::SetSequenced { .. }) => InputSummary::SetSequenced,
        Input::Command(Command::Receive) => InputSummary::Receive(None),
        Input::Command(Command::Configure(_)) => InputSummary::Configure,
    }
}

fn with_reply(summary: InputSummary, reply: Option<Reply>) -> InputSummary {
    match (summary, reply) {
        (
            InputSummary::Send {
                lane,
                len,
                reliable,
                ..
            },
            Some(Reply::Sent(_)),
        ) => InputSummary::Send {
            lane,
            len,
            reliable,
            accepted: true,
        },
        (InputSummary::Receive(_), Some(Reply::Received(message))) => {
            InputSummary::Receive(message.map(|message| message.len()))
        }
        (summary, _) => summary,
    }
}

fn kind(datagram: &[u8]) -> &'static str {
    match udp::parse(datagram) {
        Ok(UdpPacket::Data(_)) => "data",
        Ok(UdpPacket::ChallengeRequest(_)) => "ChallengeRequest",
        Ok(UdpPacket::ChallengeReply(_)) => "ChallengeReply",
        Ok(UdpPacket::ConnectRequest(_)) => "ConnectRequest",
        Ok(UdpPacket::ConnectOk(_)) => "ConnectOK",
        Ok(UdpPacket::ConnectionClosed(_)) => "ConnectionClosed",
        Ok(UdpPacket::NoConnection(_)) => "NoConnection",
        Err(_) => "unknown",
    }
}
