//! The frames of a plaintext, by themselves.

use arbitrary::{Result, Unstructured};
use bowline_core::ids::{LaneIndex, MessageNumber, PacketNumber, StreamPos};
use bowline_core::snp::ack_codec::{LONGEST_RUN, MAX_BLOCKS};
use bowline_core::snp::decode::{DecodeContext, Decoder};
use bowline_core::snp::encode::{extension_len, select_lane_len};
use bowline_core::snp::{AckBlock, Frame, FrameError, FrameWriter, ack_codec as codec};
use bowline_core::time::Span;

/// The same numbers for all lanes.
#[derive(Clone, Copy, Debug)]
struct Known {
    message: u64,
    pos: u64,
    next_send: u64,
}

impl DecodeContext for Known {
    fn highest_message(&self, _: LaneIndex) -> MessageNumber {
        MessageNumber::new(self.message)
    }

    fn expected_pos(&self, _: LaneIndex) -> StreamPos {
        StreamPos::new(self.pos)
    }

    fn next_send(&self) -> PacketNumber {
        PacketNumber::new(self.next_send)
    }
}

/// Takes the frames of a plaintext apart, which ends whatever it holds. What is taken lies within the
/// numbers of the protocol, and nothing is taken after an error.
pub fn snp_decode(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let Ok(known) = known(&mut u) else { return };
    let (Ok(packet), Ok(bits)) = (u.arbitrary(), u.arbitrary::<u8>()) else {
        return;
    };
    let mut decoder = Decoder::new(u.take_rest(), PacketNumber::new(packet), bits & 1 == 0);
    if bits & 2 != 0 {
        decoder = decoder.with_max_segments(u32::from(bits >> 2));
    }
    loop {
        match decoder.next(&known) {
            Ok(Some(frame)) => check_frame(&frame, packet, known),
            Ok(None) => break,
            Err(FrameError::Broken(_) | FrameError::AckOfUnsent | FrameError::TooManySegments) => {
                assert_eq!(decoder.next(&known), Ok(None), "a frame after an error");
            }
        }
    }
}

fn check_frame(frame: &Frame<'_>, packet: u64, known: Known) {
    const MAX: u64 = i64::MAX as u64;
    match frame {
        Frame::SelectLane(_) => {}
        Frame::Unreliable { number, .. } => assert!((1..=MAX).contains(&number.get())),
        Frame::Reliable { pos, data } => {
            assert!((1..=MAX).contains(&pos.get()));
            assert!(pos.get() + data.len() as u64 <= MAX);
        }
        Frame::StopWaiting { first_wanted } => assert!(first_wanted.get() < packet),
        Frame::Ack(ack) => {
            assert!(ack.latest.get() < known.next_send);
            check_blocks(ack.latest, ack.blocks());
        }
        Frame::Extension { kind, .. } => assert!(*kind < 32),
    }
}

fn check_blocks(latest: PacketNumber, blocks: codec::AckBlocks<'_>) {
    let said = blocks.len();
    let mut below = latest.get() + 1;
    let mut count = 0;
    for block in blocks {
        below = below
            .checked_sub(block.acked)
            .and_then(|below| below.checked_sub(block.nacked))
            .expect("blocks were checked to stay above packet 0");
        count += 1;
    }
    assert_eq!(count, said, "as many blocks as were announced");
}

fn known(u: &mut Unstructured<'_>) -> Result<Known> {
    Ok(Known {
        message: u.arbitrary()?,
        pos: u.arbitrary()?,
        next_send: u.arbitrary()?,
    })
}

/// Reads an acknowledgement, writes what was read, and reads the same again.
pub fn ack_codec(data: &[u8]) {
    let Some((head, rest)) = data.split_first_chunk::<8>() else {
        return;
    };
    let known = Known {
        message: 1,
        pos: 1,
        next_send: u64::from_le_bytes(*head) >> 8,
    };
    let mut plaintext = vec![0x90 | (head[0] & 0x0F)];
    plaintext.extend_from_slice(rest);
    let packet = PacketNumber::new(1);
    let mut decoder = Decoder::new(&plaintext, packet, false);
    let Ok(Some(Frame::Ack(ack))) = decoder.next(&known) else {
        return;
    };
    check_blocks(ack.latest, ack.blocks());
    let blocks: Vec<AckBlock> = ack.blocks().collect();
    let is_near = known.next_send - ack.latest.get() <= 0x7FFF;
    let is_writable = |run: u64| run <= LONGEST_RUN;
    assert!(
        blocks
            .iter()
            .all(|b| is_writable(b.acked) && is_writable(b.nacked))
    );
    if !is_near {
        return;
    }
    let mut again = Vec::new();
    let mut writer = FrameWriter::new(&mut again, packet, 4096);
    writer.ack(ack.latest, ack.delay, &blocks);
    assert_eq!(writer.finish(), codec::ack_len(&blocks));
    let mut decoder = Decoder::new(&again, packet, false);
    let Ok(Some(Frame::Ack(second))) = decoder.next(&known) else {
        panic!("what was written cannot be read");
    };
    assert_eq!((second.latest, second.delay), (ack.latest, ack.delay));
    assert!(second.blocks().eq(blocks));
}

/// A frame to write, with the lane that it is in.
#[derive(Clone, Debug)]
enum Wish {
    Lane(u8),
    Reliable(u64, usize),
    Unreliable(u64, u32, bool, usize),
    StopWaiting(u64),
    Ack(u64, Option<u16>, Vec<AckBlock>),
    Extension(u8, usize),
}

/// Writes frames within their rules and reads them back: the same frames in the same lanes, in no more
/// bytes than the packet may have.
pub fn snp_roundtrip(data: &[u8]) {
    // Fails only for want of bytes.
    let _ = roundtrip(&mut Unstructured::new(data));
}

fn roundtrip(u: &mut Unstructured<'_>) -> Result<()> {
    const MAX: u64 = i64::MAX as u64;
    let packet = u.int_in_range(1..=MAX)?;
    let known = Known {
        message: u.int_in_range(1..=MAX >> 1)?,
        pos: u.int_in_range(1..=MAX >> 1)?,
        next_send: u.int_in_range(2..=MAX)?,
    };
    let budget = u.int_in_range(20..=1300_usize)?;
    let mut plaintext = vec![0xEE; 3];
    let mut writer = FrameWriter::new(&mut plaintext, PacketNumber::new(packet), budget);
    let mut written = Vec::new();
    for _ in 0..100 {
        if u.is_empty() {
            break;
        }
        let wish = wish(u, packet, known)?;
        if write(&mut writer, &wish) && !matches!(wish, Wish::Lane(_)) {
            written.push((writer.lane(), wish));
        }
    }
    let len = writer.finish();
    assert!(len <= budget);
    assert_eq!(plaintext.len(), 3 + len);
    let mut decoder = Decoder::new(&plaintext[3..], PacketNumber::new(packet), true);
    let mut wishes = written.iter();
    while let Some(frame) = decoder.next(&known).expect("what was written can be read") {
        if matches!(frame, Frame::SelectLane(_)) {
            continue;
        }
        let (lane, wish) = wishes.next().expect("no more frames than written");
        assert_eq!(decoder.lane(), *lane);
        check(&frame, wish);
    }
    assert!(wishes.next().is_none(), "fewer frames than written");
    Ok(())
}

fn wish(u: &mut Unstructured<'_>, packet: u64, known: Known) -> Result<Wish> {
    Ok(match u.int_in_range(0..=9_u8)? {
        0 => Wish::Lane(u.arbitrary()?),
        1..=3 => Wish::Reliable(around(u, known.pos, 46)?, len(u)?),
        4..=6 => {
            let number = around(u, known.message, 30)?;
            Wish::Unreliable(number, u.arbitrary()?, u.arbitrary()?, len(u)?)
        }
        7 => Wish::StopWaiting(packet - u.int_in_range(1..=packet)?),
        8 => {
            let back = u.int_in_range(1..=0x7FFF_u64)?.min(known.next_send);
            let latest = known.next_send - back;
            let delay = u
                .arbitrary::<Option<u16>>()?
                .filter(|delay| *delay < 0xFFFF);
            Wish::Ack(latest, delay, blocks(u, latest)?)
        }
        _ => Wish::Extension(u.int_in_range(0..=31)?, len(u)?),
    })
}

/// A number within 2^`bits` of `center`, and at least 1.
fn around(u: &mut Unstructured<'_>, center: u64, bits: u32) -> Result<u64> {
    let shift = u.int_in_range(64 - bits..=63)?;
    let distance = u.arbitrary::<u64>()? >> shift;
    Ok(if u.arbitrary()? {
        center + distance
    } else {
        center.saturating_sub(distance).max(1)
    })
}

fn len(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(usize::from(u.arbitrary::<u16>()?) >> u.int_in_range(5..=15)?)
}

fn blocks(u: &mut Unstructured<'_>, latest: u64) -> Result<Vec<AckBlock>> {
    let mut left = latest + 1;
    let count = u.int_in_range(0..=MAX_BLOCKS)? >> u.int_in_range(0..=8)?;
    let mut run = || -> Result<u64> {
        let run = (u64::from(u.arbitrary::<u32>()?) >> u.int_in_range(0..=31)?).min(LONGEST_RUN);
        let run = run.min(left);
        left -= run;
        Ok(run)
    };
    (0..count)
        .map(|_| {
            let (acked, nacked) = (run()?, run()?);
            Ok(AckBlock { acked, nacked })
        })
        .collect()
}

/// Writes a frame if it fits.
fn write(writer: &mut FrameWriter<'_>, wish: &Wish) -> bool {
    let data = [b'd'; 2048];
    let fits = writer.room() >= needed(writer, wish);
    if fits {
        match wish {
            Wish::Lane(lane) => writer.select_lane(LaneIndex::new(*lane)),
            Wish::Reliable(pos, len) => writer.reliable(StreamPos::new(*pos), &[&data[..*len]]),
            Wish::Unreliable(number, offset, last, len) => {
                let number = MessageNumber::new(*number);
                writer.unreliable(number, *offset, *last, &[&data[..*len]]);
            }
            Wish::StopWaiting(first) => writer.stop_waiting(PacketNumber::new(*first)),
            Wish::Ack(latest, delay, blocks) => {
                let delay = delay.map(|units| Span::from_micros(u64::from(units) * 32));
                writer.ack(PacketNumber::new(*latest), delay, blocks);
            }
            Wish::Extension(kind, len) => writer.extension(*kind, &data[..*len]),
        }
    }
    fits
}

/// How much room a frame takes.
fn needed(writer: &FrameWriter<'_>, wish: &Wish) -> usize {
    match wish {
        Wish::Lane(lane) => select_lane_len(LaneIndex::new(*lane)),
        Wish::Reliable(pos, len) => writer.reliable_overhead(StreamPos::new(*pos)) + len,
        Wish::Unreliable(number, offset, _, len) => {
            writer.unreliable_overhead(MessageNumber::new(*number), *offset) + len
        }
        Wish::StopWaiting(first) => writer.stop_waiting_len(PacketNumber::new(*first)),
        Wish::Ack(_, _, blocks) => codec::ack_len(blocks),
        Wish::Extension(_, len) => extension_len(*len),
    }
}

fn check(frame: &Frame<'_>, wish: &Wish) {
    let same = match (frame, wish) {
        (Frame::Reliable { pos, data }, Wish::Reliable(wished, len)) => {
            pos.get() == *wished && data.len() == *len
        }
        (
            Frame::Unreliable {
                number,
                offset,
                last,
                data,
            },
            Wish::Unreliable(wished, at, ends, len),
        ) => (number.get(), *offset, *last, data.len()) == (*wished, *at, *ends, *len),
        (Frame::StopWaiting { first_wanted }, Wish::StopWaiting(wished)) => {
            first_wanted.get() == *wished
        }
        (Frame::Ack(ack), Wish::Ack(latest, delay, blocks)) => {
            let delay = delay.map(|units| Span::from_micros(u64::from(units) * 32));
            ack.latest.get() == *latest
                && ack.delay == delay
                && ack.blocks().eq(blocks.iter().copied())
        }
        (Frame::Extension { kind, data }, Wish::Extension(wished, len)) => {
            kind == wished && data.len() == *len
        }
        (
            Frame::SelectLane(_)
            | Frame::Reliable { .. }
            | Frame::Unreliable { .. }
            | Frame::StopWaiting { .. }
            | Frame::Ack(_)
            | Frame::Extension { .. },
            _,
        ) => false,
    };
    assert!(same, "{wish:?} was read as {frame:?}");
}
