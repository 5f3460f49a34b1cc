//! What a command prints: the first lines go to the log, the last one into the message of a
//! failure.
//!
//! Invariant: memory and work are bounded, whatever is printed; all of it is read, so that no
//! command waits for its reader.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tracing::info;

use crate::model::{EventId, presentable};

/// Of one run, to the log.
const MAX_LINES: usize = 50;

/// Of one run, to the log, in bytes.
const MAX_TEXT: usize = 8 * 1024;

/// In characters.
const MAX_LINE: usize = 500;

/// In characters.
const MAX_LAST_LINE: usize = 200;

/// What is kept of a line, in bytes: enough for all characters that are shown.
const MAX_RAW_LINE: usize = 4 * (MAX_LINE + 1);

/// In bytes: as much as a pipe holds.
const CHUNK: usize = 64 * 1024;

/// After so many chunks in a row, the reader pauses, and other work gets the time.
const CHUNKS_IN_A_ROW: usize = 16;
const PAUSE: Duration = Duration::from_millis(1);

/// The output of one run of a command.
pub(super) struct Output<'a> {
    sink: &'a str,
    event: EventId,
    lines: Mutex<Lines>,
}

/// A stream of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Output,
    Errors,
}

/// What was printed so far.
#[derive(Debug, Default)]
struct Lines {
    /// How many lines were logged.
    logged: usize,
    /// Their length and that of the blank lines between them, in bytes.
    looked_at: usize,
    /// How many bytes came after what may be logged.
    left_out: u64,
    output: Partial,
    errors: Partial,
}

/// What is known of one stream.
#[derive(Debug, Default)]
struct Partial {
    /// The beginning of the line that has not ended.
    line: Vec<u8>,
    /// The beginning of the last line that has a letter or a digit.
    last: Vec<u8>,
}

impl<'a> Output<'a> {
    /// That of a command run for this event.
    pub(super) fn new(sink: &'a str, event: EventId) -> Self {
        Self { sink, event, lines: Mutex::default() }
    }

    /// Reads a stream to its end.
    pub(super) async fn read(&self, mut pipe: pipe::Receiver, stream: Stream) {
        let mut chunk = vec![0; CHUNK];
        let mut chunks = 0;
        while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
            let shown = self.lines().take(stream, &chunk[..length]);
            for line in shown {
                self.log(&line);
            }

            chunks += 1;
            if chunks % CHUNKS_IN_A_ROW == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Logs the lines that have no end. Returns the last line, of standard error if that has one.
    pub(super) fn finish(self) -> String {
        let mut lines = self.lines();
        let rest = [Stream::Output, Stream::Errors].map(|stream| lines.end(stream));
        let (left_out, last) = (lines.left_out, lines.last());
        drop(lines);

        for line in rest.iter().flatten() {
            self.log(line);
        }
        if left_out > 0 {
            let (sink, id) = (self.sink, self.event);
            info!(%sink, transition_id = %id, bytes = left_out, "sink {sink}: {left_out} more bytes that its command printed are not logged");
        }
        last
    }

    fn log(&self, line: &str) {
        let (sink, id) = (self.sink, self.event);
        info!(%sink, transition_id = %id, "sink {sink}: its command printed: {line}");
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Takes what came from a stream. Returns the lines to log.
    fn take(&mut self, stream: Stream, chunk: &[u8]) -> Vec<String> {
        // Of what is not logged, only the last line is of use.
        let skipped = if self.is_full() { chunk.len().saturating_sub(MAX_RAW_LINE) } else { 0 };
        if skipped > 0 {
            self.left_out += skipped as u64;
            self.partial(stream).line.clear();
        }

        let mut shown = Vec::new();
        for part in chunk[skipped..].split_inclusive(|byte| *byte == b'\n') {
            if self.is_full() {
                self.left_out += part.len() as u64;
            }
            self.partial(stream).add(part);
            if part.ends_with(b"\n") {
                shown.extend(self.end(stream));
            }
        }
        shown
    }

    /// Ends the line of a stream. Returns it if it is to be logged.
    fn end(&mut self, stream: Stream) -> Option<String> {
        let is_full = self.is_full();
        let partial = self.partial(stream);
        let shown = (!is_full).then(|| presentable(&String::from_utf8_lossy(&partial.line), MAX_LINE));
        let length = partial.line.len();
        partial.end();

        let shown = shown?;
        if shown.is_empty() {
            // Else any number of them would take the time of other work.
            self.looked_at += length;
            return None;
        }
        self.logged += 1;
        self.looked_at += shown.len();
        Some(shown)
    }

    /// Whether nothing more is logged.
    fn is_full(&self) -> bool {
        self.logged >= MAX_LINES || self.looked_at >= MAX_TEXT
    }

    /// The last line, of standard error if that has one; it may be empty.
    fn last(&self) -> String {
        let last = if self.errors.last.is_empty() { &self.output.last } else { &self.errors.last };
        presentable(&String::from_utf8_lossy(last), MAX_LAST_LINE)
    }

    fn partial(&mut self, stream: Stream) -> &mut Partial {
        match stream {
            Stream::Output => &mut self.output,
            Stream::Errors => &mut self.errors,
        }
    }
}

impl Partial {
    /// Adds to the line, as far as it is kept.
    fn add(&mut self, part: &[u8]) {
        let room = MAX_RAW_LINE - self.line.len();
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    /// Ends the line.
    fn end(&mut self) {
        // Not what only points to a place in the line above.
        if self.line.iter().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
            std::mem::swap(&mut self.line, &mut self.last);
        }
        self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is logged of these chunks of standard output.
    fn shown(chunks: &[&str]) -> (Vec<String>, Lines) {
        let mut lines = Lines::default();
        let mut shown = Vec::new();
        for chunk in chunks {
            shown.extend(lines.take(Stream::Output, chunk.as_bytes()));
        }
        shown.extend(lines.end(Stream::Output));
        (shown, lines)
    }

    #[test]
    fn lines_are_put_together_and_made_presentable() {
        let (shown, lines) = shown(&["on", "e\ntwo\r\n\n  \nthr", "ee \u{1b}[31mred\u{202e}\nlast"]);

        assert_eq!(shown, ["one", "two", "three  [31mred", "last"]);
        assert_eq!((lines.last(), lines.left_out), ("last".to_owned(), 0));
    }

    #[test]
    fn long_lines_are_cut() {
        let long = "é".repeat(100_000);

        let (shown, lines) = shown(&[&long, "x\nend"]);

        assert_eq!(shown, [format!("{}…", "é".repeat(MAX_LINE)), "end".to_owned()]);
        assert_eq!(lines.last(), "end");
    }

    #[test]
    fn only_the_first_lines_are_logged_and_the_last_is_known() {
        let many = (0..100_000).map(|number| number.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let chunks: Vec<_> =
            many.as_bytes().chunks(CHUNK).map(|chunk| std::str::from_utf8(chunk).unwrap()).collect();

        let (shown, lines) = shown(&chunks);

        assert_eq!(shown.len(), MAX_LINES);
        assert_eq!(shown.last().unwrap(), "49");
        let of_shown: usize = shown.iter().map(|line| line.len() + 1).sum();
        assert_eq!((lines.last(), lines.left_out), ("99999".to_owned(), (many.len() - of_shown) as u64));
    }

    #[test]
    fn text_that_is_logged_is_bounded() {
        let line = format!("{}\n", "x".repeat(MAX_LINE));

        let (shown, _) = shown(&[&line.repeat(MAX_LINES)]);

        assert_eq!(shown.len(), MAX_TEXT.div_ceil(MAX_LINE));
    }

    #[test]
    fn blank_lines_are_looked_at_up_to_a_bound() {
        for blank in ["\n", " \t\r\n", "\u{1b}\u{0}\n"] {
            let all = blank.repeat(100_000);

            let (shown, lines) = shown(&[&all, &all, "end\n"]);

            assert_eq!(shown, [""; 0]);
            let looked_at = MAX_TEXT.div_ceil(blank.len()) * blank.len();
            assert_eq!(lines.left_out, (2 * all.len() + "end\n".len() - looked_at) as u64, "{blank:?}");
            assert_eq!(lines.last(), "end");
        }
    }

    #[test]
    fn last_line_is_one_with_words_of_standard_error() {
        let mut lines = Lines::default();
        lines.take(Stream::Errors, b"no space left\n  ^\n");
        lines.take(Stream::Output, b"bye\n");

        assert_eq!(lines.last(), "no space left");
    }
}
