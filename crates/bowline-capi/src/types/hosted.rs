//! `SteamDatagramHostedAddress`: where a server in a data center is, as an opaque blob.
//!
//! What Steam has in it is not public. Ours holds an address and a data center, for servers under
//! development; it means nothing to Steam, and a blob of Steam's means nothing to us.

use bowline::PopId;

use crate::abi::pointer;
use crate::exports;

/// `SteamDatagramHostedAddress`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RawHostedAddress {
    /// How many of the bytes count.
    pub size: i32,
    /// Opaque.
    pub data: [u8; 128],
}

const _: () = assert!(size_of::<RawHostedAddress>() == 132);

impl RawHostedAddress {
    /// Nowhere.
    pub(crate) const NONE: Self = Self {
        size: 0,
        data: [0; 128],
    };

    fn dev(ip: u32, port: u16, pop: u32) -> Self {
        let pop = if pop == 0 { PopId::DEV.get() } else { pop };
        let blob = [
            MAGIC.as_slice(),
            &pop.to_le_bytes(),
            &ip.to_le_bytes(),
            &port.to_le_bytes(),
        ]
        .concat();
        let mut addr = Self::NONE;
        addr.size = SIZE as i32;
        addr.data[..SIZE].copy_from_slice(&blob);
        addr
    }

    /// The data center, 0 if this is no address of ours.
    fn pop(&self) -> u32 {
        let pop = self.data[..SIZE]
            .strip_prefix(MAGIC)
            .and_then(|rest| rest.first_chunk());
        match pop {
            Some(pop) if self.size == SIZE as i32 => u32::from_le_bytes(*pop),
            Some(_) | None => 0,
        }
    }
}

/// What a blob of ours begins with.
const MAGIC: &[u8; 4] = b"bow1";
/// How long it is: data center, address and port follow.
const SIZE: usize = MAGIC.len() + 4 + 4 + 2;

exports! {
    /// Makes it nowhere.
    fn SteamAPI_SteamDatagramHostedAddress_Clear(this: *mut RawHostedAddress);
        pointer::write(this, RawHostedAddress::NONE);

    /// The data center, 0 if it is not known.
    fn SteamAPI_SteamDatagramHostedAddress_GetPopID(this: *const RawHostedAddress) -> u32, else 0;
        pointer::read(this).map_or(0, |addr| addr.pop());

    /// Sets it to a server under development. `pop` is the data center, 0 for "dev".
    fn SteamAPI_SteamDatagramHostedAddress_SetDevAddress(this: *mut RawHostedAddress, ip: u32, port: u16, pop: u32);
        pointer::write(this, RawHostedAddress::dev(ip, port, pop));
}
