//! The plaintext of a data packet, written frame by frame, legal or not.

use bowline_core::ids::{MessageNumber, PacketNumber, StreamPos};
use bowline_core::snp::AckBlock;
use bowline_core::wire::varint;

/// Frames one after the other, as they stand in a packet before it is sealed.
///
/// The methods named after a frame write it in the form that GNS writes, with numbers and sizes as
/// given, whether they make sense or not. What has no form of its own is written with [`Frames::raw`].
///
/// ```
/// use bowline_core::ids::MessageNumber;
/// use bowline_sim::scripted::Frames;
///
/// let frames = Frames::new().unreliable(MessageNumber::new(7), b"hi");
/// assert_eq!(frames.bytes(), [0x30, 7, 0, 0, 0, 2, b'h', b'i']);
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Frames(Vec<u8>);

impl Frames {
    /// No frames.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The bytes so far.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Appends any bytes.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends other frames.
    #[must_use]
    pub fn then(self, more: &Self) -> Self {
        self.raw(&more.0)
    }

    /// Stop-waiting, in its longest form: `offset` counts from the packet before this one.
    #[must_use]
    pub fn stop_waiting(self, offset: u64) -> Self {
        self.raw(&[0x83]).raw(&offset.to_le_bytes())
    }

    /// Select-lane with any number as a varint: what a receiver takes ends at 255.
    #[must_use]
    pub fn select_lane(mut self, lane: u64) -> Self {
        self.0.push(0x8F);
        varint::encode(&mut self.0, lane);
        self
    }

    /// A whole unreliable message of up to 1279 bytes, its number in the 32-bit form.
    #[must_use]
    pub fn unreliable(self, number: MessageNumber, data: &[u8]) -> Self {
        self.fragment(number, 0, true, data)
    }

    /// A piece of an unreliable message, up to 1279 bytes, its number in the 32-bit form. With an
    /// offset of 0 that field is left out.
    #[must_use]
    pub fn fragment(mut self, number: MessageNumber, offset: u64, last: bool, data: &[u8]) -> Self {
        let mut lead = 0x10;
        if last {
            lead |= 0x20;
        }
        if offset != 0 {
            lead |= 0x08;
        }
        let (code, low) = size_code(data.len());
        self.0.push(lead | code);
        self.0
            .extend_from_slice(&(number.get() as u32).to_le_bytes());
        if offset != 0 {
            varint::encode(&mut self.0, offset);
        }
        self.0.push(low);
        self.raw(data)
    }

    /// A whole unreliable message whose number is that of the one before it in this packet and lane plus
    /// `step`.
    #[must_use]
    pub fn unreliable_step(mut self, step: u64, data: &[u8]) -> Self {
        let (code, low) = size_code(data.len());
        self.0.push(0x30 | code);
        varint::encode(&mut self.0, step);
        self.0.push(low);
        self.raw(data)
    }

    /// A whole unreliable message with the number after that of the one before it in this packet and
    /// lane: the shortest there is.
    #[must_use]
    pub fn unreliable_next(mut self, data: &[u8]) -> Self {
        let (code, low) = size_code(data.len());
        self.0.extend_from_slice(&[0x20 | code, low]);
        self.raw(data)
    }

    /// A piece of the lane's reliable stream, up to 1279 bytes, its position in the 48-bit form: the first
    /// of its lane in a packet.
    #[must_use]
    pub fn reliable(mut self, pos: StreamPos, data: &[u8]) -> Self {
        let (code, low) = size_code(data.len());
        self.0.push(0x50 | code);
        self.0.extend_from_slice(&pos.get().to_le_bytes()[..6]);
        self.0.push(low);
        self.raw(data)
    }

    /// A piece of the lane's reliable stream, `step` bytes beyond the end of the one before it in this
    /// packet and lane.
    #[must_use]
    pub fn reliable_step(mut self, step: u8, data: &[u8]) -> Self {
        let (code, low) = size_code(data.len());
        self.0.extend_from_slice(&[0x48 | code, step, low]);
        self.raw(data)
    }

    /// An acknowledgement of packets up to `latest`, in the 16-bit form. The delay is in units of 32 us;
    /// 0xFFFF is none. Blocks go from the newest to the oldest.
    ///
    /// # Panics
    /// If there are more than 255 blocks, which has no form.
    #[must_use]
    pub fn ack(mut self, latest: PacketNumber, delay_32us: u16, blocks: &[AckBlock]) -> Self {
        let count = u8::try_from(blocks.len()).expect("an ack has at most 255 blocks");
        self.0.push(0x98 | count.min(7));
        self.0
            .extend_from_slice(&latest.to_wire().get().to_le_bytes());
        self.0.extend_from_slice(&delay_32us.to_le_bytes());
        if count >= 7 {
            self.0.push(count);
        }
        for block in blocks {
            let (acked, nacked) = (nibble(block.acked), nibble(block.nacked));
            self.0.push(acked << 4 | nacked);
            for run in [block.acked, block.nacked] {
                if run > 7 {
                    varint::encode(&mut self.0, run >> 3);
                }
            }
        }
        self
    }

    /// A frame that goes beyond GNS (docs/extensions.md); `kind` is 0 to 31.
    #[must_use]
    pub fn extension(mut self, kind: u8, data: &[u8]) -> Self {
        self.0.push(0xA0 | kind & 0x1F);
        varint::encode(&mut self.0, data.len() as u64);
        self.raw(data)
    }
}

impl From<&[u8]> for Frames {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

/// A message as it stands in the reliable stream of a lane. `step` is how far its number is from that of
/// the reliable message before it.
pub fn stream_message(step: u64, data: &[u8]) -> Vec<u8> {
    let size = data.len() as u64;
    let mut out = vec![0x40 | (size & 0x1F) as u8];
    varint::encode(&mut out, step);
    if size > 0x1F {
        out[0] |= 0x20;
        varint::encode(&mut out, size >> 5);
    }
    out.extend_from_slice(data);
    out
}

/// The size code of a segment and its size byte.
fn size_code(len: usize) -> (u8, u8) {
    assert!(
        len <= 1279,
        "{len} bytes have no explicit size: write it raw"
    );
    ((len >> 8) as u8, (len & 0xFF) as u8)
}

const fn nibble(run: u64) -> u8 {
    let low = (run & 7) as u8;
    if run > 7 { 8 | low } else { low }
}
