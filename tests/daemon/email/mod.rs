//! Mails of the daemon, to a mail server of others (aiosmtpd) and read by a library of others
//! (Python's `email`): over TLS, after a login, at least once under one id.
//!
//! Invariant: without that server the tests are skipped, and say so; with
//! `RESTORE_WATCH_REQUIRE_AIOSMTPD=1` they fail.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::Daemon;
use crate::support::state::kept;
use crate::support::{Folder, KEY, TlsPlane, Watch, done, play, skipped};

const PASSWORD: &str = "canary-of-a-mail-password";

/// A mail server.
struct Server {
    child: Child,
    output: Option<BufReader<ChildStdout>>,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Debian's Python has what Debian's packages install; another one may come first in PATH.
fn python() -> Option<&'static str> {
    let has_it = |python: &&str| {
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has_it)
}

fn pem(name: &str) -> PathBuf {
    TlsPlane::authority().with_file_name(name)
}

impl Server {
    /// One that does this with the first mails. None if it cannot be started here.
    fn start(mode: &str, faults: &[&str]) -> Option<Self> {
        let Some(python) = python() else {
            let is_required = std::env::var("RESTORE_WATCH_REQUIRE_AIOSMTPD").is_ok_and(|value| value == "1");
            assert!(!is_required, "not tested here, and it must be: python3 has no aiosmtpd");
            skipped("python3 has no aiosmtpd, so no mail is sent to it");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/email/server.py");
        let mut child = Command::new(python)
            .args(["-W", "ignore"])
            .args([&script, Path::new(mode), &pem("good.pem"), &pem("key.pem")])
            .args(["alerts", PASSWORD])
            .args(faults)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a mail server");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        Some(Self { child, output: Some(output), port: line.trim().parse().expect("a port") })
    }

    /// The sink for it, with a password from this file.
    fn sink(&self, tls: &str) -> String {
        let (port, ca_file) = (self.port, TlsPlane::authority());
        let ca_file = ca_file.display();
        format!(
            "[[sink]]\ntype = \"email\"\nname = \"mail\"\nhost = \"localhost\"\nport = {port}\ntls = \"{tls}\"\n\
             ca_file = '{ca_file}'\nusername = \"alerts\"\npassword = {{ env = \"MAIL_PASSWORD\" }}\n\
             from = \"Wächter <rw@example.com>\"\nto = [\"ops@example.com\", \"Data Team <data@example.com>\"]\n\
             retry_schedule = [\"50ms\", \"50ms\", \"50ms\"]\n"
        )
    }

    /// The mails that it got so far; it ends.
    fn mails(mut self) -> Vec<Value> {
        self.child.kill().expect("its end");
        let lines = self.output.take().expect("its output").lines();
        lines.map(|line| serde_json::from_str(&line.expect("text")).expect("JSON")).collect()
    }
}

fn header<'a>(mail: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = mail["headers"].as_array().expect("headers").iter();
    headers.filter(|header| header[0] == name).map(|header| header[1].as_str().expect("a text")).collect()
}

#[track_caller]
fn has_no_secret(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let plain = STANDARD.encode(format!("\0alerts\0{PASSWORD}"));
    for secret in [PASSWORD, &plain, &STANDARD.encode(PASSWORD)] {
        assert!(!text.contains(secret), "{what} has {secret} in it:\n{text}");
    }
}

fn deliver(mode: &str) {
    let Some(server) = Server::start(mode, &["451", "drop"]) else { return };
    let plane = play(&done(&[("rj-1", "completed")]));
    let folder = Folder::new();
    let state = folder.path().join("state.db");
    let daemon = Daemon::new(format!("[state]\npath = \"{}\"\n", state.display()));
    let daemon = daemon.project("one", &plane, &["rj-1"]).with(&server.sink(mode));

    let run = daemon.run(&["--exit-when-done"]);
    let done = run.env("MAIL_PASSWORD", PASSWORD).env("RUST_LOG", "trace").run().expect(0);

    let mails = server.mails();
    let [first, dropped, last] = mails.as_slice() else { panic!("{mails:?}\n{}", done.stderr) };
    assert_eq!([&first["fault"], &dropped["fault"], &last["fault"]], ["451", "drop", ""]);
    for again in [dropped, last] {
        assert_eq!(
            (&again["hash"], header(again, "Message-ID")),
            (&first["hash"], header(first, "Message-ID"))
        );
    }
    let logged = done.logged("SMTP 451 to the mail: 4.3.0 not now");
    let logged = logged.logged("closed the connection without an answer to the mail");
    has_no_secret("the log", logged.stderr.as_bytes());
    for (name, bytes) in kept(&state) {
        has_no_secret(&name, &bytes);
    }
    assert_mail(last);
}

#[track_caller]
fn assert_mail(mail: &Value) {
    assert_eq!(mail["has_tls"], true);
    assert_eq!(mail["from"], "rw@example.com");
    assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "data@example.com"]));
    assert_eq!(mail["type"], "multipart/alternative");
    assert_eq!(header(mail, "From"), ["Wächter <rw@example.com>"]);
    assert_eq!(header(mail, "To"), ["ops@example.com, Data Team <data@example.com>"]);
    assert_eq!(header(mail, "Auto-Submitted"), ["auto-generated"]);
    assert!(header(mail, "Subject")[0].starts_with("Restore completed: "), "{mail}");
    assert!(header(mail, "References")[0].starts_with("<job."), "{mail}");

    let parts = mail["parts"].as_array().expect("parts");
    let types: Vec<_> = parts.iter().map(|part| (&part["type"], &part["charset"])).collect();
    assert_eq!(types[0], (&"text/plain".into(), &"utf-8".into()));
    assert_eq!(types[1], (&"text/html".into(), &"utf-8".into()));
    assert_eq!(types.len(), 2);
    for part in parts {
        assert!(part["text"].as_str().expect("a text").contains("rj-1"), "{part}");
    }
    for found in parts.iter().chain([mail]) {
        assert_eq!(found["defects"], serde_json::json!([]));
    }
}

#[test]
fn mails_are_taken_once_over_implicit_tls() {
    deliver("implicit");
}

#[test]
fn mails_are_taken_once_over_starttls() {
    deliver("starttls");
}

#[test]
fn check_and_a_test_mail_show_no_password() {
    let Some(server) = Server::start("starttls", &[]) else { return };
    let folder = Folder::new();
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{}", server.sink("starttls")));
    let run = |arguments: &[&str], password: &str| {
        let done = Watch::new(arguments.iter().chain(&["--config", config.as_str()]))
            .env("MAIL_PASSWORD", password)
            .env("PINECONE_API_KEY", KEY)
            .run();
        has_no_secret("its output", format!("{}{}", done.stdout, done.stderr).as_bytes());
        done
    };

    let checked = run(&["check", "--secrets"], PASSWORD).expect(0);
    let sent = run(&["notify-test", "mail"], PASSWORD).expect(0);
    let refused = run(&["notify-test", "mail"], "canary-of-another-password").expect(1);

    assert!(checked.stdout.contains("mail to ops@example.com, data@example.com"), "{}", checked.stdout);
    assert!(
        checked.stdout.contains("with a password from environment variable MAIL_PASSWORD"),
        "{}",
        checked.stdout
    );
    assert!(refused.stdout.contains("SMTP 535 to the login"), "{}{}", refused.stdout, refused.stderr);
    drop(sent);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(header(&mails[0], "Subject"), ["Test of restore-watch, nothing happened"]);
    assert!(header(&mails[0], "References").is_empty());
}
