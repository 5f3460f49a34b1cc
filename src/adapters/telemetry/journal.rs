//! The systemd journal, by its native protocol: one datagram for each entry.
//!
//! Invariant: an entry that the journal refuses becomes a plain line on standard error; only if
//! that fails, too, was it not written.
//!
//! The crate `tracing-journald` is not used. It sends from the thread that logs, so that a slow
//! journal would delay the watch, and it drops the result of a datagram, so that [`super::written`]
//! could not report it; the log is a sink, and what a sink did not take stays pending.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// The socket of the journal (systemd, "Native Journal Protocol").
const SOCKET: &str = "/run/systemd/journal/socket";

/// Whether standard error is a stream to the journal (systemd.exec(5), `JOURNAL_STREAM`).
#[cfg(target_os = "linux")]
pub(super) fn has_standard_error() -> bool {
    use std::os::fd::AsFd as _;

    let stderr = io::stderr().as_fd().try_clone_to_owned().map(std::fs::File::from);
    match (std::env::var("JOURNAL_STREAM"), stderr) {
        (Ok(stream), Ok(stderr)) => is_stream(&stream, &stderr),
        _ => false,
    }
}

/// Always false: there is no journal.
#[cfg(not(target_os = "linux"))]
pub(super) fn has_standard_error() -> bool {
    false
}

/// Whether `stream`, as `DEVICE:INODE`, is this file. The variable is inherited by processes whose
/// standard error leads elsewhere.
#[cfg(target_os = "linux")]
fn is_stream(stream: &str, file: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    file.metadata().is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// The size of what precedes the message of an entry: one digit of priority, and the length of the
/// message in eight bytes.
const HEAD: usize = "PRIORITY=6\nMESSAGE\n".len() + size_of::<u64>();

/// An entry as a datagram.
pub(super) fn encode(priority: u8, message: &str, fields: &[(&str, String)]) -> Vec<u8> {
    let mut datagram = format!("PRIORITY={priority}\n").into_bytes();
    put_sized(&mut datagram, "MESSAGE", message);
    for (name, value) in fields {
        if value.contains('\n') {
            put_sized(&mut datagram, name, value);
        } else {
            datagram.extend(format!("{name}={value}\n").bytes());
        }
    }
    datagram
}

/// Appends a field in the form that takes any value, line breaks included.
fn put_sized(datagram: &mut Vec<u8>, name: &str, value: &str) {
    datagram.extend(name.bytes());
    datagram.push(b'\n');
    datagram.extend((value.len() as u64).to_le_bytes());
    datagram.extend(value.bytes());
    datagram.push(b'\n');
}

/// An entry as plain lines, each with its priority in front (sd-daemon(3)).
fn plain(entry: &[u8]) -> Vec<u8> {
    let priority = char::from(entry["PRIORITY=".len()]);
    let length = entry[HEAD - size_of::<u64>()..HEAD].try_into().map_or(0, u64::from_le_bytes);
    let length = usize::try_from(length).unwrap_or(0);
    let message = String::from_utf8_lossy(&entry[HEAD..HEAD + length]);
    let mut lines = with_priority(&message, priority);
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines.into_bytes()
}

/// Lines with a priority in front of each.
pub(super) fn with_priority(text: &str, priority: impl std::fmt::Display) -> String {
    text.lines().map(|line| format!("<{priority}>{line}")).collect::<Vec<_>>().join("\n")
}

/// Sends entries, each by one call, to the journal.
pub(super) struct Journal<W> {
    socket: PathBuf,
    instead: W,
}

impl Journal<io::Stderr> {
    /// The journal of the system, beside standard error.
    pub(super) fn system() -> Self {
        Self::at(SOCKET.into(), io::stderr())
    }
}

impl<W> Journal<W> {
    /// The journal at this socket; what it refuses goes to `instead`.
    pub(super) fn at(socket: PathBuf, instead: W) -> Self {
        Self { socket, instead }
    }
}

impl<W: Write> Write for Journal<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        if send(&self.socket, entry).is_err() {
            self.instead.write_all(&plain(entry))?;
        }
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.instead.flush()
    }
}

/// Sends a datagram. It is taken whole or, without a listener or if it is too long, not at all.
/// Nothing is kept between two datagrams, so that a journal that was restarted is found again.
fn send(socket: &Path, datagram: &[u8]) -> io::Result<()> {
    UnixDatagram::unbound()?.send_to(datagram, socket).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_encoded_as_the_protocol_has_it() {
        let entry =
            encode(4, "a=b\nPRIORITY=0", &[("TARGET", "x=y".into()), ("RESTORE_JOB_ID", "r\nj".into())]);
        let bytes: &[u8] = b"PRIORITY=4\nMESSAGE\n\x0e\0\0\0\0\0\0\0a=b\nPRIORITY=0\nTARGET=x=y\n\
            RESTORE_JOB_ID\n\x03\0\0\0\0\0\0\0r\nj\n";
        assert_eq!(entry, bytes);
        assert_eq!(plain(&entry), b"<4>a=b\n<4>PRIORITY=0\n");
        assert_eq!(plain(&encode(7, "", &[])), b"");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn journal_stream_is_matched_by_device_and_inode() {
        use std::os::unix::fs::MetadataExt as _;

        let file = tempfile::tempfile().unwrap();
        let (device, inode) = (file.metadata().unwrap().dev(), file.metadata().unwrap().ino());
        assert!(is_stream(&format!("{device}:{inode}"), &file));
        for other in [format!("{device}:{}", inode + 1), format!("{}:{inode}", device + 1), String::new()] {
            assert!(!is_stream(&other, &file), "{other}");
        }
    }
}
