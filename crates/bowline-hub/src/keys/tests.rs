use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bowline-keys-{}-{name}", std::process::id()));
        Self(path)
    }

    fn keys(&self) -> Result<HubKeys, KeysError> {
        HubKeys::load_or_make(&self.0, &bowline::cert::default_crypto())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_first_start_makes_keys_and_the_next_one_finds_them() {
    let folder = Folder::new("made");
    let first = folder.keys().unwrap();
    let again = folder.keys().unwrap();
    assert_eq!(first.summary(), again.summary());
    assert_eq!(first.resumption, again.resumption);
    assert!(again.other_authorities.is_empty());
    for what in ["identity", "authority", "config", "ssh-ed25519 AAAA"] {
        assert!(first.summary().contains(what), "{}", first.summary());
    }
}

#[cfg(unix)]
#[test]
fn keys_that_others_may_read_are_refused() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new("secret");
    folder.keys().unwrap();
    let path = folder.0.join(IDENTITY);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&path), mode(&folder.0)), (0o600, 0o700));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = folder.keys().unwrap_err();
    assert!(matches!(error, KeysError::NotSecret { .. }));
    assert!(error.to_string().contains("identity.pem"), "{error}");
}

#[cfg(unix)]
#[test]
fn regression_a_folder_in_which_others_may_replace_keys_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new("open");
    folder.keys().unwrap();
    let set = |mode| fs::set_permissions(&folder.0, fs::Permissions::from_mode(mode)).unwrap();
    for open in [0o777, 0o770, 0o1702] {
        set(open);
        let error = folder.keys().unwrap_err().to_string();
        let name = folder.0.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name) && error.contains("chmod"), "{error}");
    }
    // Who sees their names can do nothing with them.
    for closed in [0o755, 0o700] {
        set(closed);
        folder.keys().unwrap();
    }
}

#[test]
fn a_key_that_is_gone_or_damaged_is_not_made_anew() {
    let folder = Folder::new("gone");
    folder.keys().unwrap();
    let path = folder.0.join(AUTHORITY);
    fs::remove_file(&path).unwrap();
    assert!(matches!(folder.keys(), Err(KeysError::Missing { path: gone }) if gone == path));
    for content in ["", "nonsense", "\u{0}"] {
        let _ = fs::remove_file(&path);
        secret_file::create(&path, content.as_bytes()).unwrap();
        assert!(matches!(folder.keys(), Err(KeysError::Bad { .. })));
    }
}

#[test]
fn a_key_is_replaced_in_two_steps_and_the_old_one_stays() {
    let folder = Folder::new("rotated");
    let crypto = bowline::cert::default_crypto();
    let first = folder.keys().unwrap();
    for key in [Rotated::Authority, Rotated::Resumption] {
        let early = key.promote(&folder.0);
        assert!(matches!(early, Err(KeysError::NoNext { .. })));
        key.make_next(&folder.0, &crypto).unwrap();
        let error = key.make_next(&folder.0, &crypto).unwrap_err();
        assert!(matches!(error, KeysError::NextThere { .. }), "{error}");
    }
    let announced = folder.keys().unwrap();
    assert_eq!(announced.authority.id(), first.authority.id());
    assert_eq!(announced.resumption, first.resumption);
    let next = announced.other_authorities[0].id();
    for key in [Rotated::Authority, Rotated::Resumption] {
        key.promote(&folder.0).unwrap();
    }
    let after = folder.keys().unwrap();
    assert_eq!(after.authority.id(), next);
    assert_eq!(after.other_authorities[0].id(), first.authority.id());
    assert_eq!(after.resumption, announced.other_resumptions[0]);
    assert_eq!(after.other_resumptions[0], first.resumption);
    assert_eq!(after.identity.id(), first.identity.id());
}

#[test]
fn regression_the_old_key_is_not_thrown_away_by_the_next_but_one() {
    let folder = Folder::new("twice");
    let crypto = bowline::cert::default_crypto();
    let first = folder.keys().unwrap();
    for key in [Rotated::Authority, Rotated::Resumption] {
        let old = folder.0.join(key.file("old."));
        key.make_next(&folder.0, &crypto).unwrap();
        key.promote(&folder.0).unwrap();
        let kept = fs::read(&old).unwrap();
        key.make_next(&folder.0, &crypto).unwrap();
        let error = key.promote(&folder.0).unwrap_err();
        assert!(matches!(&error, KeysError::OldThere { path } if *path == old));
        assert!(error.to_string().contains("has leaked"), "{error}");
        assert_eq!(fs::read(&old).unwrap(), kept);
        // What was cut off between the two renames is finished, though the old one is there.
        let now = folder.0.join(key.file(""));
        fs::rename(&now, &old).unwrap();
        key.promote(&folder.0).unwrap();
        assert!(now.exists() && old.exists());
        fs::remove_file(&old).unwrap();
        key.make_next(&folder.0, &crypto).unwrap();
        key.promote(&folder.0).unwrap();
    }
    assert_eq!(folder.keys().unwrap().identity.id(), first.identity.id());
}

#[test]
fn limit_length_of_a_file_of_a_secret() {
    let folder = Folder::new("long");
    make_folder(&folder.0).unwrap();
    let path = folder.0.join("long");
    let most = crate::limits::MAX_SECRET_FILE;
    secret_file::create(&path, &vec![b'x'; most]).unwrap();
    assert_eq!(read(&path).unwrap().unwrap().len(), most);
    fs::remove_file(&path).unwrap();
    secret_file::create(&path, &vec![b'x'; most + 1]).unwrap();
    assert!(matches!(read(&path), Err(KeysError::Io { .. })));
}

#[test]
fn regression_a_first_start_that_fails_leaves_no_part_of_the_keys() {
    let folder = Folder::new("partial");
    make_folder(&folder.0).unwrap();
    let keys = folder.0.join("keys");
    let crypto = bowline::cert::default_crypto();
    // Something that is none of the keys has their place: none can be made, and none is left.
    fs::create_dir_all(keys.join("lost+found")).unwrap();
    let error = HubKeys::load_or_make(&keys, &crypto).unwrap_err();
    assert!(matches!(error, KeysError::Taken { .. }), "{error}");
    assert!(error.to_string().contains("absent or an empty folder"));
    assert!(!has_keys(&keys));
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "no drafts");
    // Once it is mended they are made. A folder that the operator made will do.
    fs::remove_dir(keys.join("lost+found")).unwrap();
    HubKeys::load_or_make(&keys, &crypto).unwrap();
    assert_eq!(fs::read_dir(&keys).unwrap().count(), FILES.len());
}

#[test]
fn regression_two_first_starts_at_once_have_the_same_keys() {
    let folder = Folder::new("race");
    let summaries = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|_| scope.spawn(|| folder.keys())).collect();
        let keys = all.into_iter().map(|one| one.join().unwrap().unwrap());
        keys.map(|keys| keys.summary()).collect::<Vec<_>>()
    });
    let first = &summaries[0];
    assert!(summaries.iter().all(|summary| summary == first));
}

#[cfg(unix)]
#[test]
fn regression_nobody_makes_keys_in_a_folder_of_somebody_else() {
    use std::os::unix::fs::chown;

    let folder = Folder::new("prepared");
    make_folder(&folder.0).unwrap();
    // Only root can give it away, and only root can write there then.
    if chown(&folder.0, Some(12345), None).is_err() {
        return;
    }
    let crypto = bowline::cert::default_crypto();
    let keys = folder.0.join("keys");
    for make_before in [false, true] {
        if make_before {
            fs::create_dir(&keys).unwrap();
            chown(&keys, Some(12345), None).unwrap();
        }
        let error = HubKeys::load_or_make(&keys, &crypto).unwrap_err();
        assert!(error.to_string().contains("runuser"), "{error}");
        assert_eq!(keys.exists(), make_before);
        let left = fs::read_dir(&folder.0).unwrap().count();
        assert_eq!(left, usize::from(make_before), "no drafts");
    }
}

#[test]
fn regression_the_folder_of_keys_may_be_named_in_any_way() {
    let folder = Folder::new("named");
    make_folder(&folder.0).unwrap();
    let crypto = bowline::cert::default_crypto();
    let made = |name: &str| {
        let path = folder.0.join(name);
        let keys = HubKeys::load_or_make(&path, &crypto);
        let keys = keys.unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = HubKeys::load_or_make(&path, &crypto).unwrap();
        assert_eq!(keys.summary(), again.summary(), "{name}");
    };
    made("slash/");
    made("deeper/still//");
    fs::create_dir(folder.0.join("empty")).unwrap();
    made("empty/.");
    #[cfg(unix)]
    {
        fs::create_dir(folder.0.join("far")).unwrap();
        std::os::unix::fs::symlink(folder.0.join("far"), folder.0.join("link")).unwrap();
        made("link");
        assert!(has_keys(&folder.0.join("far")));
        assert!(folder.0.join("link").is_symlink());
    }
}

#[test]
fn regression_drafts_of_who_was_killed_go() {
    let folder = Folder::new("swept");
    make_folder(&folder.0).unwrap();
    let crypto = bowline::cert::default_crypto();
    let keys = folder.0.join("keys");
    let draft = secret_file::draft_of(&keys).unwrap();
    HubKeys::generate(&crypto)
        .unwrap()
        .write_into(&draft)
        .unwrap();
    let others = [
        "keys.new-",
        "keys.new-0123456789abcdeg",
        "key.new-0123456789abcdef",
    ];
    for other in others {
        fs::create_dir(folder.0.join(other)).unwrap();
    }
    HubKeys::load_or_make(&keys, &crypto).unwrap();
    assert!(!draft.exists());
    for other in others {
        assert!(folder.0.join(other).exists(), "{other} is no draft of it");
    }
}
