use GameNetworkingSockets::types::identity::*;

use super::*;

/// A struct whose every byte has been used before.
fn used() -> RawIdentity {
    RawIdentity {
        kind: 99,
        size: -7,
        data: [0xAA; 128],
    }
}

#[test]
fn accounts_are_set_unchecked_and_asked() {
    let mut identity = used();
    unsafe {
        for (set, id) in [
            (
                SteamAPI_SteamNetworkingIdentity_SetSteamID as unsafe extern "C" fn(_, _),
                u64::MAX,
            ),
            (SteamAPI_SteamNetworkingIdentity_SetSteamID64, 0),
        ] {
            set(&raw mut identity, id);
            assert_eq!(({ identity.kind }, { identity.size }), (16, 8));
            assert_eq!(SteamAPI_SteamNetworkingIdentity_GetSteamID(&identity), id);
            assert_eq!(SteamAPI_SteamNetworkingIdentity_GetSteamID64(&identity), id);
            assert_eq!(SteamAPI_SteamNetworkingIdentity_GetPSNID(&identity), 0);
        }
        SteamAPI_SteamNetworkingIdentity_SetPSNID(&mut identity, 77);
        assert_eq!(({ identity.kind }, { identity.size }), (18, 8));
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetPSNID(&identity), 77);
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetSteamID64(&identity), 0);
    }
    // Some callers have a shorter struct: what is beyond the content is not touched.
    assert_eq!(&{ identity.data }[8..], [0xAA; 120]);
    no_panics();
}

#[test]
fn addresses_are_set_and_asked() {
    let mut identity = used();
    unsafe {
        assert!(SteamAPI_SteamNetworkingIdentity_GetIPAddr(&identity).is_null());
        SteamAPI_SteamNetworkingIdentity_SetIPv4Addr(&mut identity, 0x0102_0304, 80);
        assert_eq!(({ identity.kind }, { identity.size }), (1, 18));
        assert_eq!(
            SteamAPI_SteamNetworkingIdentity_GetIPv4(&identity),
            0x0102_0304
        );
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetFakeIPType(&identity), 1);
        assert!(!SteamAPI_SteamNetworkingIdentity_IsFakeIP(&identity));
        assert!(!SteamAPI_SteamNetworkingIdentity_IsLocalHost(&identity));
        let addr = SteamAPI_SteamNetworkingIdentity_GetIPAddr(&identity);
        assert_eq!({ (*addr).port }, 80);
        let other = RawAddr {
            ip: [7; 16],
            port: 7,
        };
        SteamAPI_SteamNetworkingIdentity_SetIPAddr(&mut identity, &other);
        assert_eq!(
            *SteamAPI_SteamNetworkingIdentity_GetIPAddr(&identity),
            other
        );
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetIPv4(&identity), 0);
        SteamAPI_SteamNetworkingIdentity_SetLocalHost(&mut identity);
        assert!(SteamAPI_SteamNetworkingIdentity_IsLocalHost(&identity));
        assert_eq!(&{ identity.data }[18..], [0xAA; 110]);
        // The address that is set may be the identity's own.
        let own = SteamAPI_SteamNetworkingIdentity_GetIPAddr(&identity);
        SteamAPI_SteamNetworkingIdentity_SetIPAddr(&mut identity, own);
        assert!(SteamAPI_SteamNetworkingIdentity_IsLocalHost(&identity));
        SteamAPI_SteamNetworkingIdentity_SetPSNID(&mut identity, 1);
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetFakeIPType(&identity), 0);
        assert!(!SteamAPI_SteamNetworkingIdentity_IsLocalHost(&identity));
    }
    no_panics();
}

#[test]
fn texts_are_taken_up_to_their_length() {
    let text = |length: usize| {
        let mut text = vec![b'x'; length];
        text.push(0);
        text
    };
    for (set, get, kind, least, most) in [
        (
            SteamAPI_SteamNetworkingIdentity_SetGenericString
                as unsafe extern "C" fn(*mut RawIdentity, *const c_char) -> bool,
            SteamAPI_SteamNetworkingIdentity_GetGenericString
                as unsafe extern "C" fn(*const RawIdentity) -> *const c_char,
            2,
            0,
            31,
        ),
        (
            SteamAPI_SteamNetworkingIdentity_SetXboxPairwiseID,
            SteamAPI_SteamNetworkingIdentity_GetXboxPairwiseID,
            17,
            1,
            32,
        ),
    ] {
        for length in 0..40 {
            let text = text(length);
            let mut identity = used();
            let good = unsafe { set(&mut identity, text.as_ptr().cast()) };
            assert_eq!(good, (least..=most).contains(&length), "{length}");
            if !good {
                assert_eq!(identity, used(), "left as it was");
                assert!(unsafe { get(&identity) }.is_null());
                continue;
            }
            assert_eq!({ identity.kind }, kind);
            assert_eq!({ identity.size }, length as i32 + 1);
            let got = unsafe { CStr::from_ptr(get(&identity)) };
            assert_eq!(got.to_bytes_with_nul(), text);
            assert_eq!(&{ identity.data }[length + 1..], &[0xAA; 128][length + 1..]);
        }
        let mut identity = used();
        assert!(!unsafe { set(&mut identity, null()) });
        assert!(!unsafe { set(null_mut(), c"x".as_ptr()) });
    }
    // Bytes that are no text are kept as they are.
    let mut identity = used();
    unsafe {
        let strange = c"\xff\xfe";
        assert!(SteamAPI_SteamNetworkingIdentity_SetGenericString(
            &mut identity,
            strange.as_ptr()
        ));
        let got = SteamAPI_SteamNetworkingIdentity_GetGenericString(&identity);
        assert_eq!(CStr::from_ptr(got), strange);
    }
    no_panics();
}

#[test]
fn bytes_are_taken_up_to_their_length() {
    let mut identity = used();
    let mut size = -1;
    unsafe {
        let none = SteamAPI_SteamNetworkingIdentity_GetGenericBytes(&identity, &mut size);
        assert!(none.is_null() && size == -1);
        for length in [0_u32, 1, 32] {
            let bytes = [7; 32];
            assert!(SteamAPI_SteamNetworkingIdentity_SetGenericBytes(
                &mut identity,
                bytes.as_ptr(),
                length
            ));
            let got = SteamAPI_SteamNetworkingIdentity_GetGenericBytes(&identity, &mut size);
            assert_eq!(size as u32, length);
            let got = std::slice::from_raw_parts(got, length as usize);
            assert_eq!(got, &bytes[..length as usize]);
        }
        for length in [33, u32::MAX] {
            assert!(!SteamAPI_SteamNetworkingIdentity_SetGenericBytes(
                &mut identity,
                [7; 40].as_ptr(),
                length
            ));
        }
        assert!(!SteamAPI_SteamNetworkingIdentity_SetGenericBytes(
            &mut identity,
            null(),
            1
        ));
        assert_eq!({ identity.size }, 32, "as it was");
        // A size that cannot be is not handed on.
        for (claimed, told) in [(33, 32), (i32::MAX, 32), (-1, 0)] {
            identity.size = claimed;
            SteamAPI_SteamNetworkingIdentity_GetGenericBytes(&identity, &mut size);
            assert_eq!(size, told);
        }
        let bytes = SteamAPI_SteamNetworkingIdentity_GetGenericBytes(&identity, null_mut());
        assert!(!bytes.is_null());
    }
    no_panics();
}

#[test]
fn equal_are_those_of_same_kind_size_and_bytes() {
    let equal = |one: &RawIdentity, other: &RawIdentity| unsafe {
        SteamAPI_SteamNetworkingIdentity_IsEqualTo(one, other)
    };
    let mut one = used();
    let mut other = RawIdentity::INVALID;
    unsafe {
        SteamAPI_SteamNetworkingIdentity_SetSteamID64(&mut one, 5);
        SteamAPI_SteamNetworkingIdentity_SetSteamID64(&mut other, 5);
    }
    assert!(
        equal(&one, &other),
        "what is beyond the size does not count"
    );
    other.kind = 18;
    assert!(!equal(&one, &other));
    other.kind = 16;
    other.size = 9;
    assert!(!equal(&one, &other));
    for size in [i32::MIN, -1, 128, 129, i32::MAX] {
        one.size = size;
        other.size = size;
        assert!(!equal(&one, &other), "{size}");
        assert!(equal(&one, &{ one }), "{size}");
    }
    (one.size, other.size) = (0, 0);
    assert!(equal(&one, &other), "without bytes");
    no_panics();
}

#[test]
fn null_is_nobody() {
    unsafe {
        SteamAPI_SteamNetworkingIdentity_Clear(null_mut());
        SteamAPI_SteamNetworkingIdentity_SetSteamID64(null_mut(), 1);
        SteamAPI_SteamNetworkingIdentity_SetIPAddr(null_mut(), null());
        SteamAPI_SteamNetworkingIdentity_SetIPv4Addr(null_mut(), 1, 1);
        SteamAPI_SteamNetworkingIdentity_SetLocalHost(null_mut());
        assert!(!SteamAPI_SteamNetworkingIdentity_SetGenericBytes(
            null_mut(),
            [1].as_ptr(),
            1
        ));
        assert!(SteamAPI_SteamNetworkingIdentity_IsInvalid(null()));
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetSteamID64(null()), 0);
        assert!(SteamAPI_SteamNetworkingIdentity_GetIPAddr(null()).is_null());
        assert_eq!(SteamAPI_SteamNetworkingIdentity_GetFakeIPType(null()), 0);
        assert!(!SteamAPI_SteamNetworkingIdentity_IsLocalHost(null()));
        assert!(SteamAPI_SteamNetworkingIdentity_GetGenericString(null()).is_null());
        let identity = used();
        assert!(!SteamAPI_SteamNetworkingIdentity_IsEqualTo(
            &identity,
            null()
        ));
        assert!(!SteamAPI_SteamNetworkingIdentity_IsEqualTo(null(), null()));
        assert!(!SteamAPI_SteamNetworkingIdentity_IsInvalid(&identity));
        let mut identity = used();
        SteamAPI_SteamNetworkingIdentity_SetIPAddr(&mut identity, null());
        assert_eq!(identity, used(), "left as it was");
        SteamAPI_SteamNetworkingIdentity_Clear(&mut identity);
        assert_eq!(identity, RawIdentity::INVALID);
        assert!(SteamAPI_SteamNetworkingIdentity_IsInvalid(&identity));
    }
    no_panics();
}
