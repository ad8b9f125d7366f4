//! The program and its store: one that is damaged, read-only, full or gone.

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use bowline_core::availability::Availability;
use bowline_core::hub::HubEvent;

use crate::Folder;
use crate::Hub;
use crate::JSON;
use crate::failure;
use crate::first_line;
use crate::program;
use crate::run;
use crate::start_fails;
use crate::support::Client;
use crate::support::signal;

#[test]
fn a_store_that_is_of_no_use_is_told() {
    let folder = Folder::new("store");
    let config = folder.config(0, "");
    assert!(
        run(&["keys", "show", "--config", config.to_str().unwrap()])
            .status
            .success()
    );
    let store = folder.file("data/hub.redb");
    fs::write(&store, vec![7; 10_000]).unwrap();
    let (code, text) = start_fails(&config);
    assert!(code == 1 && text.contains("hub.redb"), "{text}");
    // A folder in its place can be neither read nor written.
    fs::remove_file(&store).unwrap();
    fs::create_dir(&store).unwrap();
    let (code, text) = start_fails(&config);
    assert!(code == 1 && text.contains("hub.redb"), "{text}");
    // A disk that takes no more.
    fs::remove_dir(&store).unwrap();
    if Path::new("/dev/full").exists() {
        std::os::unix::fs::symlink("/dev/full", &store).unwrap();
        let (code, text) = start_fails(&config);
        assert!(code == 1 && text.contains("hub.redb"), "{text}");
    }
}

#[test]
fn a_store_that_lost_its_end_is_told_and_left_alone() {
    let folder = Folder::new("cut");
    let config = folder.with_store();
    let store = folder.file("data/hub.redb");
    let whole = fs::read(&store).unwrap();
    let half = &whole[..whole.len() / 2];
    fs::write(&store, half).unwrap();
    let (code, text) = start_fails(&config);
    assert!(code == 1 && text.contains("hub.redb is corrupt"), "{text}");
    assert_eq!(fs::read(&store).unwrap(), half);
    // With the copy that the operator has it goes on.
    fs::write(&store, &whole).unwrap();
    let hub = Hub::start(&config);
    hub.signal("TERM");
    hub.end();
}

#[test]
fn regression_a_store_that_became_empty_is_told() {
    let folder = Folder::new("empty");
    let config = folder.with_store();
    fs::write(folder.file("data/hub.redb"), "").unwrap();
    let mut start = program();
    let started = start.arg("--config").arg(&config).stderr(Stdio::piped());
    let mut process = started.spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let line = first_line(&mut log);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(line.contains("WARN") && line.contains("hub.redb"), "{line}");
    assert!(line.contains("no blocks"), "{line}");
}

#[test]
fn a_store_that_cannot_be_written_is_told() {
    let folder = Folder::new("read-only");
    let config = folder.with_store();
    let (store, data) = (folder.file("data/hub.redb"), folder.file("data"));
    fs::set_permissions(&store, fs::Permissions::from_mode(0o400)).unwrap();
    let mut start = folder.program_that_permissions_bind();
    start.arg("--config").arg(&config);
    let (code, text) = failure(&start.output().unwrap());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("hub.redb cannot be written"), "{text}");
    // A folder in which none can be made.
    fs::remove_file(&store).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    let (code, text) = failure(&start.output().unwrap());
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(code == 1 && text.contains("hub.redb"), "{text}");
    assert!(text.contains("cannot be written"), "{text}");
    assert!(!store.exists());
    // As soon as it may, it does.
    let mut process = start.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(process.stderr.take().unwrap());
    let line = first_line(&mut log);
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(line.contains("the hub serves"), "{line}");
}

#[test]
fn a_hub_that_runs_goes_on_without_its_store() {
    let folder = Folder::new("lost");
    let hub = Hub::start(&folder.config(0, JSON));
    let mut anna = Client::dev(hub.address, hub.key, "str:dev-anna");
    anna.until(Availability::Current);
    let store = folder.file("data/hub.redb");
    fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(&store)
        .unwrap();
    fs::remove_dir_all(folder.file("data")).unwrap();
    let mut ben = Client::dev(hub.address, hub.key, "str:dev-ben");
    ben.until(Availability::Current);
    let sent = signal("str:dev-anna", "str:dev-ben");
    let to = "str:dev-ben".parse().unwrap();
    anna.machine.send_signal(&to, &sent).unwrap();
    anna.turn();
    ben.until_event(|event| matches!(event, HubEvent::Signal { .. }).then_some(()));
    hub.signal("TERM");
    let log = hub.end();
    assert!(log.contains("has stopped"), "{log}");
    assert!(!log.contains("ERROR"), "{log}");
}
