use GameNetworkingSockets::types::identity::*;

use super::*;

fn parse_sized(text: &CStr, size: usize) -> Option<RawIdentity> {
    let mut identity = RawIdentity {
        kind: 7,
        size: 7,
        data: [7; 128],
    };
    let good = unsafe { SteamNetworkingIdentity_ParseString(&mut identity, size, text.as_ptr()) };
    if !good && size >= 32 {
        assert_eq!({ identity.kind }, 0, "cleared");
        assert_eq!({ identity.size }, 0, "cleared");
    }
    good.then_some(identity)
}

fn parse(text: &CStr) -> Option<RawIdentity> {
    parse_sized(text, size_of::<RawIdentity>())
}

fn text(identity: &RawIdentity, room: usize) -> String {
    let flat = printed(room, |to, room| unsafe {
        SteamAPI_SteamNetworkingIdentity_ToString(identity, to, room);
    });
    let plain = printed(room, |to, room| unsafe {
        SteamNetworkingIdentity_ToString(identity, to, room);
    });
    assert_eq!(flat, plain);
    flat
}

#[test]
fn texts_are_read_and_printed_as_by_the_original() {
    for (given, kind, size, printed) in [
        (
            c"steamid:76561197960287930",
            16,
            8,
            "steamid:76561197960287930",
        ),
        (
            c"steamid: 76561197960287930\n",
            16,
            8,
            "steamid:76561197960287930",
        ),
        (c"xboxpwid:abc", 17, 4, "xboxpwid:abc"),
        (c"psn:5", 18, 8, "psn:5"),
        (c"psn:5x", 18, 8, "psn:5"),
        (c"ip:1.2.3.4", 1, 18, "ip:1.2.3.4"),
        (c"ip:1.2.3.4:x", 1, 18, "ip:1.2.3.4"),
        (c"ip:1.2.3.4:5", 1, 18, "ip:1.2.3.4:5"),
        (c"ip:[::1]:5", 1, 18, "ip:[::1]:5"),
        (c"ip:::1", 1, 18, "ip:::1"),
        (c"str:", 2, 1, "str:"),
        (c"str:a:b", 2, 4, "str:a:b"),
        (c"gen:00FF", 3, 2, "gen:00ff"),
        (c"foo:bar", 4, 8, "foo:bar"),
        (
            c"str:0123456789012345678901234567890",
            2,
            32,
            "str:0123456789012345678901234567890",
        ),
    ] {
        let identity = parse(given).expect("an identity");
        assert_eq!(
            ({ identity.kind }, { identity.size }),
            (kind, size),
            "{given:?}"
        );
        assert_eq!(text(&identity, 128), printed);
    }
    assert_eq!(text(&RawIdentity::INVALID, 128), "invalid");
    no_panics();
}

#[test]
fn what_is_no_identity_is_refused() {
    for bad in [
        c"",
        c"invalid",
        c"foo",
        c" str:x",
        c"steamid:0",
        c"steamid:1",
        c"steamid:x",
        c"psn:",
        c"psn:-5",
        c"ip:1.2.3",
        c"ip:localhost",
        c"gen:",
        c"gen:0",
        c"gen:zz",
        c"gen:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ffaa",
        c"xboxpwid:",
        c"xboxpwid:012345678901234567890123456789012",
        c"str:01234567890123456789012345678901",
        c"Foo:bar",
        c"seventeen_letters:bar",
        c":bar",
    ] {
        assert_eq!(parse(bad), None, "{bad:?}");
    }
    let long = [b"foo:".as_slice(), &[b'x'; 123], b"\0"].concat();
    let long = CStr::from_bytes_with_nul(&long).unwrap();
    assert!(parse(long).is_some(), "127 bytes and the zero");
    let longer = [b"foo:".as_slice(), &[b'x'; 124], b"\0"].concat();
    assert_eq!(parse(CStr::from_bytes_with_nul(&longer).unwrap()), None);
    no_panics();
}

#[test]
fn bytes_that_are_no_text_are_kept() {
    for strange in [c"str:\xff\xfe", c"foo:\xff", c"xboxpwid:\x80"] {
        let identity = parse(strange).expect("an identity");
        let mut buffer = [b'#'; 128];
        unsafe {
            SteamNetworkingIdentity_ToString(&identity, buffer.as_mut_ptr().cast(), buffer.len());
        }
        assert_eq!(CStr::from_bytes_until_nul(&buffer).unwrap(), strange);
    }
    no_panics();
}

/// Bindings of other languages have had structs of 40 bytes.
#[test]
fn a_shorter_struct_is_not_written_beyond_its_end() {
    for size in [0, 8, 31] {
        assert_eq!(parse_sized(c"str:x", size), None);
    }
    for size in 32..=135 {
        for given in [
            c"str:0123456789012345678901234567890",
            c"gen:00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff",
            c"steamid:76561197960287930",
            c"ip:1.2.3.4:5",
            c"foo:0123456789012345678901234567890123456789",
        ] {
            let mut identity = RawIdentity {
                kind: 7,
                size: 7,
                data: [7; 128],
            };
            let good =
                unsafe { SteamNetworkingIdentity_ParseString(&mut identity, size, given.as_ptr()) };
            let whole = parse(given).unwrap();
            // Bytes must leave one byte free.
            let used = whole.size as usize + usize::from(whole.kind == 3);
            assert_eq!(good, used <= size - 8, "{given:?} in {size}");
            assert!(identity.data[size - 8..].iter().all(|byte| *byte == 7));
            if good {
                assert_eq!(text(&identity, 128), text(&whole, 128));
            }
        }
    }
    no_panics();
}

/// A caller of Steam's own function of that name has no argument for the size.
#[test]
fn a_text_in_the_place_of_the_size_is_read() {
    let mut identity = RawIdentity::INVALID;
    let text_address = c"str:steam".as_ptr().expose_provenance();
    let garbage = std::ptr::without_provenance(0x1234);
    unsafe {
        assert!(SteamAPI_SteamNetworkingIdentity_ParseString(
            &mut identity,
            text_address,
            garbage
        ));
    }
    assert_eq!(text(&identity, 128), "str:steam");
    // Null in that place is a size below all.
    assert!(!unsafe { SteamAPI_SteamNetworkingIdentity_ParseString(&mut identity, 0, garbage) });
    let size = size_of::<RawIdentity>();
    assert!(unsafe {
        SteamAPI_SteamNetworkingIdentity_ParseString(&mut identity, size, c"psn:1".as_ptr())
    });
    assert_eq!(text(&identity, 128), "psn:1");
    no_panics();
}

#[test]
fn short_buffers_cut_and_end_with_zero() {
    let generic = parse(c"gen:a1b2c3").unwrap();
    for (room, cut) in [
        (0, ""),
        (1, ""),
        (3, "ge"),
        (5, "gen:"),
        (6, "gen:"),
        (7, "gen:a1"),
        (8, "gen:a1"),
        (11, "gen:a1b2c3"),
    ] {
        assert_eq!(text(&generic, room), cut, "{room}");
    }
    let name = parse(c"str:somebody").unwrap();
    assert_eq!(text(&name, 8), "str:som");
    let addr = parse(c"ip:1.2.3.4:5").unwrap();
    assert_eq!(text(&addr, 4), "ip:");
    assert_eq!(text(&addr, 6), "ip:1.");
    assert_eq!(text(&RawIdentity::INVALID, 4), "inv");
    unsafe { SteamNetworkingIdentity_ToString(&name, null_mut(), 128) };
    let nobody = printed(128, |to, room| unsafe {
        SteamNetworkingIdentity_ToString(null(), to, room);
    });
    assert_eq!(nobody, "");
}

#[test]
fn garbage_is_printed_no_further_than_its_field() {
    let garbage = |kind, size| RawIdentity {
        kind,
        size,
        data: [b'A'; 128],
    };
    for size in [i32::MIN, -1, 0, 5, 128, i32::MAX] {
        let a = |count| "A".repeat(count);
        assert_eq!(text(&garbage(2, size), 200), format!("str:{}", a(32)));
        assert_eq!(text(&garbage(17, size), 200), format!("xboxpwid:{}", a(33)));
        assert_eq!(text(&garbage(4, size), 200), a(128));
        assert_eq!(text(&garbage(99, size), 200), "bad_type:99");
        assert_eq!(text(&garbage(-3, size), 200), "bad_type:-3");
        let number = u64::from_ne_bytes([b'A'; 8]);
        assert_eq!(text(&garbage(16, size), 200), format!("steamid:{number}"));
        let bytes = size.clamp(0, 32) as usize;
        assert_eq!(
            text(&garbage(3, size), 200),
            format!("gen:{}", "41".repeat(bytes))
        );
        let addr = "ip:[4141:4141:4141:4141:4141:4141:4141:4141]:16705";
        assert_eq!(text(&garbage(1, size), 200), addr);
    }
    no_panics();
}

#[test]
fn null_is_read_as_nothing() {
    let mut identity = parse(c"str:x").unwrap();
    unsafe {
        assert!(!SteamNetworkingIdentity_ParseString(
            null_mut(),
            136,
            c"str:x".as_ptr()
        ));
        assert!(!SteamNetworkingIdentity_ParseString(
            &mut identity,
            136,
            null()
        ));
    }
    assert_eq!(identity, RawIdentity::INVALID);
    // The text may be inside of the struct.
    let mut identity = RawIdentity::INVALID;
    identity.data[..7].copy_from_slice(b"str:own");
    let own = (&raw const identity.data).cast();
    assert!(unsafe { SteamNetworkingIdentity_ParseString(&mut identity, 136, own) });
    assert_eq!(text(&identity, 128), "str:own");
    no_panics();
}
