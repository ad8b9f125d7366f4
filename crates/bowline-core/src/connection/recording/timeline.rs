//! What happened, in lines for people.
//!
//! Only what tells something: a timer that fired for nothing, or a look for packets when there were none,
//! has no line.

use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::fmt::Write;

use crate::connection::recording::summary::FrameSummary;
use crate::connection::recording::summary::InputSummary;
use crate::connection::recording::summary::PacketSummary;
use crate::connection::recording::summary::Played;
use crate::connection::recording::summary::SentSummary;
use crate::connection::recording::summary::StateChange;
use crate::counters::DropReason;
use crate::ids::LaneIndex;
use crate::ids::PacketNumber;
use crate::time::Timestamp;

impl Played {
    /// Lines for a timeline that begins at `begin`; none if there is nothing to tell.
    ///
    /// Like `+1.204 s  received #812 (62 B): ack to 44 without 42; reliable @5120+400`.
    pub fn lines(&self, begin: Timestamp) -> Vec<String> {
        let us = self.at.since(begin).as_micros();
        let (secs, millis) = (us / 1_000_000, us / 1_000 % 1_000);
        let texts = self.texts();
        let line = |text: String| alloc::format!("+{secs}.{millis:03} s  {text}");
        texts.into_iter().map(line).collect()
    }

    fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        texts.extend(self.what_came());
        for packet in &self.released {
            texts.push(alloc::format!("taken in, after waiting: {packet}"));
        }
        if !self.lost.is_empty() {
            let lost = list(self.lost.iter().map(|number| (*number, *number)));
            texts.push(alloc::format!("lost: {lost}"));
        }
        texts.extend(self.sent.iter().map(|sent| alloc::format!("sent {sent}")));
        texts.extend(self.state.as_ref().map(ToString::to_string));
        texts
    }

    /// The input itself, and what became of it.
    fn what_came(&self) -> Option<String> {
        let mut text = match (&self.input, &self.received) {
            (InputSummary::Datagram { .. }, Some(packet)) => alloc::format!("received {packet}"),
            (input, _) => input.text()?,
        };
        if let (Some(reason), InputSummary::Datagram { .. }) = (self.dropped, &self.input) {
            text.push_str(", dropped: ");
            text.push_str(in_words(reason).as_str());
        }
        Some(text)
    }
}

fn in_words(reason: DropReason) -> String {
    reason.name().replace('_', " ")
}

impl InputSummary {
    fn text(&self) -> Option<String> {
        Some(match self {
            Self::Datagram { len } => alloc::format!("received a datagram ({len} B)"),
            Self::Dropped(reason) => {
                alloc::format!("received a datagram, dropped: {}", in_words(*reason))
            }
            Self::Send {
                lane,
                len,
                reliable,
                accepted,
            } => {
                let kind = if *reliable { "reliably" } else { "unreliably" };
                let end = if *accepted { "" } else { ", refused" };
                alloc::format!("application sends {len} B {kind}{}{end}", on(*lane))
            }
            Self::Receive(Some(len)) => alloc::format!("application reads {len} B"),
            Self::Close {
                reason,
                text,
                linger,
            } => {
                let how = if *linger { ", with linger" } else { "" };
                alloc::format!("application closes ({reason} \"{text}\"){how}")
            }
            Self::Flush => "application flushes".into(),
            Self::ConfigureLanes(lanes) => alloc::format!("application sets up {lanes} lanes"),
            Self::SetSequenced => "application says which lanes are sequenced".into(),
            Self::Configure => "settings change".into(),
            Self::Timeout | Self::Transmit | Self::Receive(None) | Self::Other => return None,
        })
    }
}

impl fmt::Display for PacketSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.number.get())?;
        if self.len > 0 {
            write!(f, " ({} B)", self.len)?;
        }
        for (index, frame) in self.frames.iter().enumerate() {
            f.write_str(if index == 0 { ": " } else { "; " })?;
            write!(f, "{frame}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SentSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => write!(f, "{packet}"),
            Self::Control { kind, len } => write!(f, "{kind} ({len} B)"),
        }
    }
}

impl fmt::Display for FrameSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SelectLane(lane) => write!(f, "lane {lane}"),
            Self::StopWaiting(first) => write!(f, "wants acks from {}", first.get()),
            Self::Ack { latest, missing } => {
                write!(f, "ack to {}", latest.get())?;
                if !missing.is_empty() {
                    write!(f, " without {}", list(missing.iter().rev().copied()))?;
                }
                Ok(())
            }
            Self::Reliable {
                lane,
                pos,
                len,
                again,
            } => {
                let again = if *again { " again" } else { "" };
                write!(f, "reliable{} @{}+{len}{again}", on(*lane), pos.get())
            }
            Self::Unreliable {
                lane,
                number,
                offset,
                len,
                last,
            } => {
                write!(f, "unreliable{} message {}", on(*lane), number.get())?;
                if *offset == 0 && *last {
                    write!(f, " ({len} B)")
                } else {
                    let end = if *last { ", the end" } else { "" };
                    write!(f, " @{offset}+{len}{end}")
                }
            }
            Self::Close(reason) => write!(f, "close ({reason})"),
            Self::CloseAck => f.write_str("close acknowledged"),
            Self::Window(Some(bytes)) => write!(f, "window of {bytes} bytes"),
            Self::Window(None) => f.write_str("window without a size"),
            Self::Unknown { kind, len } => write!(f, "extension {kind} ({len} B)"),
        }
    }
}

impl fmt::Display for StateChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state: {} -> {}", self.old, self.new)?;
        if let Some(reason) = self.reason {
            write!(f, " ({reason} \"{}\")", self.text)?;
        }
        Ok(())
    }
}

/// The lane, unless it is the first.
fn on(lane: LaneIndex) -> String {
    if lane == LaneIndex::ZERO {
        return String::new();
    }
    alloc::format!(" on lane {lane}")
}

/// Numbers and runs of numbers; neighbours become one run.
fn list(runs: impl Iterator<Item = (PacketNumber, PacketNumber)>) -> String {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (first, last) in runs {
        let (first, last) = (first.get(), last.get());
        match joined.last_mut() {
            Some(before) if before.1.saturating_add(1) == first => before.1 = last,
            Some(_) | None => joined.push((first, last)),
        }
    }
    let mut text = String::new();
    for (index, (first, last)) in joined.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        let written = if first == last {
            write!(text, "{comma}{first}")
        } else {
            write!(text, "{comma}{first}..{last}")
        };
        debug_assert!(written.is_ok(), "a text takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::ConnectionState;
    use crate::end_reason::EndReason;
    use crate::ids::MessageNumber;
    use crate::ids::StreamPos;

    fn quiet(input: InputSummary) -> Played {
        Played {
            at: Timestamp::from_micros(2_204_600),
            input,
            received: None,
            released: Vec::new(),
            sent: Vec::new(),
            lost: Vec::new(),
            dropped: None,
            state: None,
        }
    }

    fn lines(played: &Played) -> Vec<String> {
        played.lines(Timestamp::from_micros(1_000_000))
    }

    fn number(number: u64) -> PacketNumber {
        PacketNumber::new(number)
    }

    #[test]
    fn a_packet_tells_its_frames() {
        let mut played = quiet(InputSummary::Datagram { len: 462 });
        played.received = Some(PacketSummary {
            number: number(812),
            len: 462,
            frames: alloc::vec![
                FrameSummary::Ack {
                    latest: number(44),
                    missing: alloc::vec![(number(42), number(42)), (number(30), number(35))],
                },
                FrameSummary::Reliable {
                    lane: LaneIndex::ZERO,
                    pos: StreamPos::new(5120),
                    len: 400,
                    again: false,
                },
                FrameSummary::Unreliable {
                    lane: LaneIndex::new(2),
                    number: MessageNumber::new(9),
                    offset: 0,
                    len: 12,
                    last: true,
                },
            ],
        });
        played.lost = alloc::vec![number(30), number(31), number(42)];
        assert_eq!(
            lines(&played),
            [
                "+1.204 s  received #812 (462 B): ack to 44 without 30..35, 42; \
                 reliable @5120+400; unreliable on lane 2 message 9 (12 B)",
                "+1.204 s  lost: 30..31, 42",
            ]
        );
    }

    #[test]
    fn what_is_sent_again_is_marked() {
        let mut played = quiet(InputSummary::Transmit);
        played.sent = alloc::vec![
            SentSummary::Packet(PacketSummary {
                number: number(7),
                len: 1255,
                frames: alloc::vec![
                    FrameSummary::StopWaiting(number(3)),
                    FrameSummary::Reliable {
                        lane: LaneIndex::new(1),
                        pos: StreamPos::new(1),
                        len: 1200,
                        again: true,
                    },
                ],
            }),
            SentSummary::Control {
                kind: "ConnectionClosed",
                len: 512,
            },
        ];
        assert_eq!(
            lines(&played),
            [
                "+1.204 s  sent #7 (1255 B): wants acks from 3; reliable on lane 1 @1+1200 again",
                "+1.204 s  sent ConnectionClosed (512 B)",
            ]
        );
    }

    #[test]
    fn drops_and_ends_say_why() {
        let mut played = quiet(InputSummary::Datagram { len: 40 });
        played.dropped = Some(DropReason::DecryptFailed);
        played.state = Some(StateChange {
            old: ConnectionState::Connected,
            new: ConnectionState::ProblemDetectedLocally,
            reason: Some(EndReason::MISC_TIMEOUT),
            text: "The peer fell silent".into(),
        });
        let reason = EndReason::MISC_TIMEOUT;
        assert_eq!(
            lines(&played),
            [
                String::from("+1.204 s  received a datagram (40 B), dropped: decrypt failed"),
                alloc::format!(
                    "+1.204 s  state: Connected -> ProblemDetectedLocally \
                     ({reason} \"The peer fell silent\")"
                ),
            ]
        );
    }

    #[test]
    fn what_tells_nothing_has_no_line() {
        for input in [
            InputSummary::Timeout,
            InputSummary::Transmit,
            InputSummary::Receive(None),
        ] {
            assert!(lines(&quiet(input)).is_empty());
        }
        let refused = InputSummary::Send {
            lane: LaneIndex::ZERO,
            len: 5,
            reliable: true,
            accepted: false,
        };
        assert_eq!(
            lines(&quiet(refused)),
            ["+1.204 s  application sends 5 B reliably, refused"]
        );
    }
}
