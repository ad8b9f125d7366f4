//! What can happen to two agents, read from any bytes.

use arbitrary::{Arbitrary, Result, Unstructured};

#[derive(Debug)]
pub(super) enum Step {
    Open { side: bool, socket: u8 },
    Close { side: bool, socket: u8 },
    Lend { side: bool, relay: u8 },
    Signal { to: bool },
    Deliver { count: u8 },
    Lose { count: u8 },
    Repeat,
    Wait { ms: u16 },
    Data { side: bool, socket: u8, from: u8 },
    Doubt { side: bool },
    Restart { side: bool, controlling: bool },
    // Only of evil peers.
    Tell { side: bool, text: String },
    Password { side: bool, text: String },
    Alter { at: u16, bit: u8 },
    Forge(Forged),
}

#[derive(Debug)]
pub(super) struct Forged {
    pub(super) to: bool,
    pub(super) socket: u8,
    pub(super) from: [u8; 4],
    pub(super) port: u16,
    pub(super) class: u8,
    pub(super) id: [u8; 12],
    pub(super) priority: Option<u32>,
    pub(super) controlling: Option<u64>,
    pub(super) controlled: Option<u64>,
    pub(super) use_candidate: bool,
    pub(super) error: Option<u16>,
    pub(super) extra: Option<(u16, Vec<u8>)>,
}

impl Step {
    pub(super) fn read(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let flags = u8::arbitrary(bytes)?;
        let (side, to) = (flags & 0x10 != 0, flags & 0x10 != 0);
        let controlling = flags & 0x20 != 0;
        Ok(match flags & 0x0F {
            0 => Self::Open {
                side,
                socket: bytes.arbitrary()?,
            },
            1 => Self::Close {
                side,
                socket: bytes.arbitrary()?,
            },
            2 => Self::Lend {
                side,
                relay: bytes.arbitrary()?,
            },
            3 => Self::Signal { to },
            4 | 5 => Self::Deliver {
                count: bytes.arbitrary()?,
            },
            6 => Self::Lose {
                count: bytes.arbitrary()?,
            },
            7 => Self::Repeat,
            8 => Self::Wait {
                ms: bytes.arbitrary()?,
            },
            9 => Self::Data {
                side,
                socket: bytes.arbitrary()?,
                from: bytes.arbitrary()?,
            },
            10 => Self::Doubt { side },
            11 => Self::Restart { side, controlling },
            12 => Self::Tell {
                side,
                text: bytes.arbitrary()?,
            },
            13 => Self::Password {
                side,
                text: bytes.arbitrary()?,
            },
            14 => Self::Alter {
                at: bytes.arbitrary()?,
                bit: bytes.arbitrary()?,
            },
            _ => Self::Forge(Forged::read(to, bytes)?),
        })
    }
}

impl Forged {
    fn read(to: bool, bytes: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self {
            to,
            socket: bytes.arbitrary()?,
            from: bytes.arbitrary()?,
            port: bytes.arbitrary()?,
            class: bytes.arbitrary()?,
            id: bytes.arbitrary()?,
            priority: bytes.arbitrary()?,
            controlling: bytes.arbitrary()?,
            controlled: bytes.arbitrary()?,
            use_candidate: bytes.arbitrary()?,
            error: bytes.arbitrary()?,
            extra: bytes.arbitrary()?,
        })
    }
}
