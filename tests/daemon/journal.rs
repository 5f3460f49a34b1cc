//! The log as entries of the systemd journal.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

use crate::Daemon;
use crate::support::{Folder, PATIENCE, done, play, skipped};

/// Gives a program its own `/run`, with the socket `$1` in place of the journal's, and a standard
/// error that counts as a stream to the journal.
const SCRIPT: &str = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && \
    ln -s \"$1\" /run/systemd/journal/socket && shift && \
    JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$@\"";

/// What the test sends to the socket after the last entry.
const END: &[u8] = b"END_OF_TEST=1\n";

#[test]
fn journal_entries_have_the_fields_of_their_event() {
    let folder = Folder::new();
    let path = text_of(&folder, "socket");
    let Some(launcher) = launcher(&path) else { return };
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();

    // A socket buffers few entries, so a thread reads them.
    let reader = std::thread::spawn(move || {
        let mut entries = Vec::new();
        let mut buffer = vec![0; 65536];
        loop {
            let length = socket.recv(&mut buffer).expect("an entry, until the end of the test");
            if &buffer[..length] == END {
                return entries;
            }
            entries.push(fields(&buffer[..length]));
        }
    });
    assert_eq!(run(&launcher).stderr, "", "no line goes to standard error, too");
    UnixDatagram::unbound().unwrap().send_to(END, &path).unwrap();
    let entries = reader.join().unwrap();
    let of_event = |event: &str| {
        let mut found =
            entries.iter().filter(|entry| entry.get("RESTORE_EVENT").is_some_and(|is| is == event));
        let first = found.next().unwrap_or_else(|| panic!("{event} is not in {entries:#?}"));
        assert!(found.next().is_none(), "{event} is there twice");
        first
    };
    of_event("restore_job.watched");
    let failed = of_event("restore_job.failed");

    for (name, value) in [
        ("PRIORITY", "3"),
        ("SYSLOG_IDENTIFIER", "restore-watch"),
        ("TARGET", "restore_watch::transition"),
        ("RESTORE_JOB_ID", "rj-1"),
        ("RESTORE_STATUS", "Failed"),
        ("RESTORE_PROJECT", "one"),
    ] {
        assert_eq!(failed.get(name).map(String::as_str), Some(value), "{name}: {failed:?}");
    }
    assert_eq!(failed["TRANSITION_ID"].len(), 36);
    assert!(failed["MESSAGE"].starts_with("restore rj-1 "), "neither time nor level: {failed:?}");
}

#[test]
fn without_a_journal_lines_carry_their_priority() {
    let folder = Folder::new();
    let path = text_of(&folder, "socket");
    let Some(launcher) = launcher(&path) else { return };
    let done = run(&launcher).logged("<6>all jobs ended\n").logged("<3>restore rj-1 ");
    assert!(done.stderr.lines().all(|line| line.starts_with('<')), "{}", done.stderr);
}

/// `JOURNAL_STREAM` may be inherited by a process whose standard error leads elsewhere.
#[test]
fn redirected_standard_error_has_plain_lines() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&["--exit-when-done"]);
    daemon.env("JOURNAL_STREAM", "1:2").run().expect(0).logged(" INFO all jobs ended\n");
}

/// The launcher of a program with that socket, if this machine allows mounts.
pub(crate) fn launcher(socket: &str) -> Option<Vec<&str>> {
    let launcher = vec!["unshare", "--mount", "sh", "-c", SCRIPT, "sh", socket];
    let tried = Command::new(launcher[0]).args(&launcher[1..]).arg("true").output();
    if tried.is_ok_and(|done| done.status.success()) {
        return Some(launcher);
    }
    skipped("no file systems can be mounted here, so the log goes to no journal");
    None
}

fn text_of(folder: &Folder, name: &str) -> String {
    folder.path().join(name).into_os_string().into_string().expect("a path that is text")
}

/// The fields of an entry; only the message may have line breaks.
fn fields(entry: &[u8]) -> BTreeMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    // The message comes second, in the form with a length.
    let (head, rest) = entry.split_at("PRIORITY=6\nMESSAGE\n".len());
    let (length, rest) = rest.split_first_chunk().expect("a length");
    let (message, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("a length"));
    let lines = text(head) + &text(rest);
    let fields = lines.lines().filter_map(|line| line.split_once('='));
    let mut fields: BTreeMap<_, _> =
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    fields.insert("MESSAGE".to_owned(), text(message));
    fields
}

/// Runs a daemon that watches one ended job to its exit.
fn run(launcher: &[&str]) -> crate::support::Done {
    let plane = play(&done(&[("rj-1", "failed")]));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
    daemon.run_through(launcher, &["--exit-when-done"]).run().expect(1)
}
