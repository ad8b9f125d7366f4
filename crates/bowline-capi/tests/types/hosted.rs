use GameNetworkingSockets::types::hosted::*;

use super::*;

#[test]
fn addresses_of_servers_under_development_name_their_data_center() {
    let mut addr = RawHostedAddress {
        size: -1,
        data: [7; 128],
    };
    unsafe {
        assert_eq!(SteamAPI_SteamDatagramHostedAddress_GetPopID(&addr), 0);
        SteamAPI_SteamDatagramHostedAddress_SetDevAddress(&mut addr, 0x7f00_0001, 27015, 0);
        assert_eq!(
            SteamAPI_SteamDatagramHostedAddress_GetPopID(&addr),
            0x0064_6576
        );
        SteamAPI_SteamDatagramHostedAddress_SetDevAddress(&mut addr, 1, 1, 0x0069_6164);
        assert_eq!(
            SteamAPI_SteamDatagramHostedAddress_GetPopID(&addr),
            0x0069_6164
        );
        for size in [i32::MIN, 0, 13, 128, i32::MAX] {
            let odd = RawHostedAddress { size, ..addr };
            assert_eq!(SteamAPI_SteamDatagramHostedAddress_GetPopID(&odd), 0);
        }
        SteamAPI_SteamDatagramHostedAddress_Clear(&mut addr);
        assert_eq!((addr.size, addr.data), (0, [0; 128]));
        assert_eq!(SteamAPI_SteamDatagramHostedAddress_GetPopID(&addr), 0);
        SteamAPI_SteamDatagramHostedAddress_Clear(null_mut());
        SteamAPI_SteamDatagramHostedAddress_SetDevAddress(null_mut(), 1, 1, 1);
        assert_eq!(SteamAPI_SteamDatagramHostedAddress_GetPopID(null()), 0);
    }
    no_panics();
}
