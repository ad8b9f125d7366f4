//! Frames as a peer with bad intentions writes them: every field as it likes, near what is right or far
//! from it, cut off or not.

use arbitrary::{Result, Unstructured};
use bowline_core::ids::{LaneIndex, PacketNumber};
use bowline_core::snp::decode::DecodeContext;
use bowline_core::wire::cursor::put_uint;
use bowline_core::wire::varint;

/// Most frames in one made-up packet.
const MAX_FRAMES: u32 = 40;
/// Longest made-up data of one segment.
const MAX_DATA: usize = 1300;

/// Writes a plaintext for packet `number` as `u` says. `victim` is what its receiver goes by.
///
/// # Errors
/// If `u` has no more bytes.
pub fn plaintext(
    u: &mut Unstructured<'_>,
    victim: &impl DecodeContext,
    number: PacketNumber,
) -> Result<Vec<u8>> {
    let mut writer = Writer {
        out: Vec::new(),
        lane: LaneIndex::ZERO,
        victim,
        number,
    };
    for _ in 0..u.int_in_range(1..=MAX_FRAMES)? {
        if u.is_empty() || writer.out.len() > MAX_DATA {
            break;
        }
        writer.frame(u)?;
    }
    Ok(writer.out)
}

/// A number near `reference`, or one at which integers break.
///
/// # Errors
/// If `u` has no more bytes.
pub fn near(u: &mut Unstructured<'_>, reference: u64) -> Result<u64> {
    const EDGES: [u32; 10] = [0, 7, 8, 15, 16, 24, 31, 32, 48, 63];
    Ok(match u.arbitrary::<u8>()? {
        code @ 0..=99 => reference.wrapping_add(u64::from(code)),
        code @ 100..=149 => reference.wrapping_sub(u64::from(code - 99)),
        code @ 150..=179 => {
            let edge = 1_u64 << EDGES[usize::from(code - 150) / 3];
            edge.wrapping_add(u64::from((code - 150) % 3))
                .wrapping_sub(1)
        }
        code @ 180..=209 => {
            let edge = 1_u64 << EDGES[usize::from(code - 180) / 3];
            reference.wrapping_add(edge)
        }
        210..=229 => reference.wrapping_add(u64::from(u.arbitrary::<u16>()?)),
        230..=244 => reference.wrapping_sub(u64::from(u.arbitrary::<u16>()?)),
        245..=250 => u64::MAX,
        251..=255 => u.arbitrary()?,
    })
}

struct Writer<'a, C> {
    out: Vec<u8>,
    lane: LaneIndex,
    victim: &'a C,
    number: PacketNumber,
}

impl<C: DecodeContext> Writer<'_, C> {
    fn frame(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        match u.int_in_range(0..=15_u8)? {
            0..=3 => self.reliable(u),
            4..=7 => self.unreliable(u),
            8..=10 => self.ack(u),
            11 => self.stop_waiting(u),
            12..=13 => self.select_lane(u),
            14 => self.extension(u),
            _ => {
                let len = u.int_in_range(1..=8_usize)?;
                self.out.extend_from_slice(u.bytes(len.min(u.len()))?);
                Ok(())
            }
        }
    }

    fn select_lane(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let lane = u.arbitrary::<u8>()?;
        match lane {
            0 => varint_after(&mut self.out, 0x8F, u.arbitrary()?),
            1..=7 => self.out.push(0x88 | (lane - 1)),
            8.. => varint_after(&mut self.out, 0x8F, u64::from(lane)),
        }
        self.lane = LaneIndex::new(lane);
        Ok(())
    }

    fn reliable(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let form = u.int_in_range(0..=3_u8)?;
        let pos = near(u, self.victim.expected_pos(self.lane).get())?;
        let lead_at = self.out.len();
        self.out.push(0x40 | form << 3);
        // The first of a lane has 3, 4 or 6 bytes, later ones 0, 1, 2 or 4: what is read wrongly is
        // garbage of its own.
        match (u.arbitrary::<bool>()?, form) {
            (true, 0) => put_uint::<3>(&mut self.out, pos & 0xFF_FFFF),
            (true, 1) => put_uint::<4>(&mut self.out, pos & 0xFFFF_FFFF),
            (true, _) => put_uint::<6>(&mut self.out, pos & 0xFFFF_FFFF_FFFF),
            (false, 0) => {}
            (false, 1) => put_uint::<1>(&mut self.out, pos & 0xFF),
            (false, 2) => put_uint::<2>(&mut self.out, pos & 0xFFFF),
            (false, _) => put_uint::<4>(&mut self.out, pos & 0xFFFF_FFFF),
        }
        self.segment(u, lead_at)
    }

    fn unreliable(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let bits = u.int_in_range(0..=7_u8)?;
        let number = near(u, self.victim.highest_message(self.lane).get())?;
        let lead_at = self.out.len();
        self.out.push(bits << 3);
        match (u.int_in_range(0..=2_u8)?, bits & 2 != 0) {
            (0, _) => {}
            (1, true) => put_uint::<4>(&mut self.out, number & 0xFFFF_FFFF),
            (1, false) => put_uint::<2>(&mut self.out, number & 0xFFFF),
            (_, _) => varint::encode(&mut self.out, number),
        }
        if bits & 1 != 0 {
            let offset = near(u, 1200)?;
            varint::encode(&mut self.out, offset);
        }
        self.segment(u, lead_at)
    }

    /// The size of a segment and its data, which begins as reliable messages do: with a header.
    fn segment(&mut self, u: &mut Unstructured<'_>, lead_at: usize) -> Result<()> {
        let len = match u.arbitrary::<u8>()? {
            len @ 0..=199 => usize::from(len) % 40,
            200..=229 => u.int_in_range(0..=400_usize)?,
            230.. => u.int_in_range(0..=MAX_DATA)?,
        };
        match u.int_in_range(0..=9_u8)? {
            // Up to the end of the packet, whatever follows.
            0 => self.out[lead_at] |= 7,
            // A size that is not true, or a code that there is not.
            1 => {
                self.out[lead_at] |= u.int_in_range(0..=6_u8)?;
                self.out.push(u.arbitrary()?);
            }
            _ => {
                let [high, low] = (len.min(1279) as u16).to_be_bytes();
                self.out[lead_at] |= high;
                self.out.push(low);
            }
        }
        let given = u.int_in_range(0..=24_usize)?.min(len).min(u.len());
        self.out.extend_from_slice(u.bytes(given)?);
        self.out.resize(self.out.len() + len - given, b'x');
        Ok(())
    }

    fn stop_waiting(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let form = u.int_in_range(0..=3_u8)?;
        let offset = near(u, self.number.get() / 2)?;
        self.out.push(0x80 | form);
        match form {
            0 => put_uint::<1>(&mut self.out, offset & 0xFF),
            1 => put_uint::<2>(&mut self.out, offset & 0xFFFF),
            2 => put_uint::<3>(&mut self.out, offset & 0xFF_FFFF),
            _ => put_uint::<8>(&mut self.out, offset),
        }
        Ok(())
    }

    fn ack(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let latest = near(u, self.victim.next_send().get().wrapping_sub(50))?;
        let count = u.int_in_range(0..=9_u8)?;
        let is_short = u.arbitrary::<bool>()?;
        let lead = 0x90 | u8::from(is_short) << 3 | count.min(7);
        self.out.push(lead);
        if is_short {
            put_uint::<2>(&mut self.out, latest & 0xFFFF);
        } else {
            put_uint::<4>(&mut self.out, latest & 0xFFFF_FFFF);
        }
        put_uint::<2>(&mut self.out, u64::from(u.arbitrary::<u16>()?));
        if count >= 7 {
            self.out
                .push(if count == 9 { u.arbitrary()? } else { count });
        }
        for _ in 0..count {
            let nibbles = u.arbitrary::<u8>()?;
            self.out.push(nibbles);
            for nibble in [nibbles >> 4, nibbles & 0xF] {
                if nibble & 8 != 0 {
                    let run = near(u, 2)?;
                    varint::encode(&mut self.out, run);
                }
            }
        }
        Ok(())
    }

    fn extension(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let kind = u.int_in_range(0..=7_u8)?;
        let len = u.int_in_range(0..=24_usize)?.min(u.len());
        let said = if u.ratio(1, 8)? {
            near(u, 20)?
        } else {
            len as u64
        };
        varint_after(&mut self.out, 0xA0 | kind, said);
        self.out.extend_from_slice(u.bytes(len)?);
        Ok(())
    }
}

fn varint_after(out: &mut Vec<u8>, lead: u8, value: u64) {
    out.push(lead);
    varint::encode(out, value);
}
