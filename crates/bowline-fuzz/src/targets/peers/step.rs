//! What can happen to two peers, read from any bytes.

use arbitrary::{Arbitrary, Result, Unstructured};

#[derive(Debug)]
pub(super) enum Step {
    Connect {
        side: usize,
        port: u8,
        symmetric: bool,
    },
    Accept {
        side: usize,
    },
    Close {
        side: usize,
        linger: bool,
    },
    Send {
        side: usize,
        len: u16,
    },
    Interfaces {
        side: usize,
        mask: u8,
    },
    Signals {
        count: u8,
    },
    LoseSignals {
        count: u8,
    },
    RepeatSignal {
        to: usize,
        which: u8,
    },
    Packets {
        count: u8,
    },
    LosePackets {
        count: u8,
    },
    RepeatPacket {
        which: u8,
    },
    Wait {
        ms: u16,
    },
    // Only where somebody forges.
    AlterSignal {
        to: usize,
        which: u8,
        at: u16,
        with: u8,
    },
    AlterPacket {
        which: u8,
        at: u16,
        with: u8,
    },
    RawSignal {
        to: usize,
        bytes: Vec<u8>,
    },
    ForgeSignal(ForgedSignal),
    RawPacket {
        to: usize,
        socket: u8,
        from: u8,
        addressed: bool,
        bytes: Vec<u8>,
    },
}

#[derive(Debug)]
pub(super) struct ForgedSignal {
    pub(super) to: usize,
    /// It says that it is from its receiver.
    pub(super) from_other: bool,
    pub(super) from_id: u8,
    pub(super) to_id: u8,
    pub(super) ice_enabled: bool,
    pub(super) kind: u8,
    pub(super) ack: Option<u32>,
    pub(super) first: Option<u32>,
    pub(super) texts: Vec<String>,
}

impl Step {
    pub(super) fn read(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let flags = u8::arbitrary(bytes)?;
        let side = usize::from(flags >> 5 & 1);
        let (to, is) = (side, flags & 0x40 != 0);
        Ok(match flags & 0x1F {
            0 => Self::Connect {
                side,
                port: flags >> 7,
                symmetric: is,
            },
            1 => Self::Accept { side },
            2 => Self::Close { side, linger: is },
            3 => Self::Send {
                side,
                len: bytes.arbitrary()?,
            },
            4 => Self::Interfaces {
                side,
                mask: bytes.arbitrary()?,
            },
            5..=8 => Self::Signals {
                count: 1 + flags % 4,
            },
            9 => Self::LoseSignals {
                count: 1 + flags % 4,
            },
            10 => Self::RepeatSignal {
                to,
                which: bytes.arbitrary()?,
            },
            11..=14 => Self::Packets {
                count: 1 << (flags % 8),
            },
            15 => Self::LosePackets {
                count: 1 << (flags % 8),
            },
            16 => Self::RepeatPacket {
                which: bytes.arbitrary()?,
            },
            17..=19 => Self::Wait {
                ms: u16::from(bytes.arbitrary::<u8>()?),
            },
            20 => Self::Wait {
                ms: bytes.arbitrary()?,
            },
            21 | 22 => Self::AlterSignal {
                to,
                which: bytes.arbitrary()?,
                at: bytes.arbitrary()?,
                with: bytes.arbitrary()?,
            },
            23 | 24 => Self::AlterPacket {
                which: bytes.arbitrary()?,
                at: bytes.arbitrary()?,
                with: bytes.arbitrary()?,
            },
            25 => Self::RawSignal {
                to,
                bytes: bytes.arbitrary()?,
            },
            26..=28 => Self::ForgeSignal(ForgedSignal::read(to, is, bytes)?),
            _ => Self::RawPacket {
                to,
                socket: bytes.arbitrary()?,
                from: bytes.arbitrary()?,
                addressed: is,
                bytes: bytes.arbitrary()?,
            },
        })
    }
}

impl ForgedSignal {
    fn read(to: usize, from_other: bool, bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self {
            to,
            from_other,
            from_id: bytes.arbitrary()?,
            to_id: bytes.arbitrary()?,
            ice_enabled: bytes.arbitrary()?,
            kind: bytes.arbitrary()?,
            ack: bytes.arbitrary()?,
            first: bytes.arbitrary()?,
            texts: bytes.arbitrary()?,
        })
    }
}
