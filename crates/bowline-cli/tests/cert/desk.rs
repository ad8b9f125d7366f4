//! Where an operator of the tests works.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;

/// A folder of its own for each test.
pub(crate) struct Desk(pub(crate) PathBuf);

impl Desk {
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("cert")
            .join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Root, daily authority for app 480 in fra, and a server with its certificate.
    pub(crate) fn with_server(name: &str) -> Self {
        let desk = Self::new(name);
        desk.good("ca root");
        desk.good("intermediate daily --ca-key root.key --ca-cert root.cert --app 480 --pop fra");
        desk.good("request server --identity str:server-1 --app 480 --pop fra --address 192.0.2.7");
        desk.good(
            "sign server.req --ca-key daily.key --ca-cert daily.cert --as-requested -o server.cert",
        );
        desk
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_bowline"))
            .arg("cert")
            .args(line.split_whitespace())
            .current_dir(&self.0)
            .output()
            .unwrap()
    }

    /// What the command says if all is well.
    pub(crate) fn good(&self, line: &str) -> String {
        let output = self.run(line);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The complaint of a command that ends with 1.
    pub(crate) fn bad(&self, line: &str) -> String {
        let output = self.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}: {output:?}");
        assert!(output.stdout.is_empty(), "{line}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    /// The ID of the key in NAME.pub.
    pub(crate) fn id(&self, name: &str) -> String {
        let line = self.read(&format!("{name}.pub"));
        line.trim().rsplit("ID").next().unwrap().to_owned()
    }
}
