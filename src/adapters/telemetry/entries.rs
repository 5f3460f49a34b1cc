//! Log events as entries of the systemd journal, with fields that can be searched for.

use std::io::Write as _;

use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

use super::fields::{Fields, is_own};
use super::journal;
use super::style::Style;
use crate::config::LogFormat;

/// Makes journal entries of log events.
pub(super) struct Entries<W> {
    pub(super) style: Style,
    /// Gets each entry by one call.
    pub(super) writer: W,
}

impl<S, W> Layer<S> for Entries<W>
where
    S: Subscriber,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (content, metadata) = (Fields::of(event), event.metadata());

        let mut fields = vec![("SYSLOG_IDENTIFIER", env!("CARGO_PKG_NAME").to_owned())];
        fields.push(("TARGET", metadata.target().to_owned()));
        if is_own(metadata) {
            fields.extend(searchable(&content));
        }

        let message = match self.style.format {
            LogFormat::Human => content.human(metadata),
            LogFormat::Json => content.json(metadata, self.style.clock.now()).to_string().into(),
        };

        let entry = journal::encode(priority(*metadata.level()), &message, &fields);
        // A log whose reader is gone must not end the watch; `written` reports it.
        drop(self.writer.make_writer().write_all(&entry));
    }
}

/// The fields of an entry by which restores can be searched for.
fn searchable(event: &Fields) -> Vec<(&'static str, String)> {
    let transition: Value =
        event.transition.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let names = [
        ("RESTORE_JOB_ID", "/job/id", "job"),
        ("RESTORE_STATUS", "/status", "status"),
        ("RESTORE_PROJECT", "/project", "project"),
        ("TRANSITION_ID", "/id", "transition_id"),
        ("RESTORE_EVENT", "/type", "type"),
        ("RESTORE_INDEX", "/job/target_index_name", "target_index_name"),
        ("RESTORE_SINK", "/sink", "sink"),
    ];

    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };

    let find = |(name, pointer, field)| {
        let value = transition.pointer(pointer).or_else(|| event.others.get(field));
        Some((name, value.and_then(text)?))
    };

    names.into_iter().filter_map(find).collect()
}

/// The severity of a level (syslog(3)).
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        _ => 7,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{self, Write};
    use std::os::unix::net::UnixDatagram;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::super::detached::{Detached, written};
    use super::super::journal::Journal;
    use super::*;

    /// A socket of the journal, and a standard error.
    struct Stage {
        folder: tempfile::TempDir,
        stderr: StandardError,
    }

    #[derive(Clone, Default)]
    struct StandardError(Arc<Mutex<Vec<u8>>>);

    impl Write for StandardError {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stage {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), stderr: StandardError::default() }
        }

        fn socket(&self) -> PathBuf {
            self.folder.path().join("socket")
        }

        fn listen(&self) -> UnixDatagram {
            let socket = UnixDatagram::bind(self.socket()).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket
        }

        fn journal(&self) -> Journal<StandardError> {
            Journal::at(self.socket(), self.stderr.clone())
        }

        /// Runs `log` with the journal as its log, and returns its result.
        fn log<T>(&self, format: LogFormat, log: impl FnOnce() -> T) -> T {
            let (writer, worker) = Detached::start(self.journal()).unwrap();
            let entries = Entries { style: Style::usual(format), writer };
            let given = tracing::subscriber::with_default(registry().with(entries), log);
            drop(worker);
            given
        }

        fn stderr(&self) -> String {
            String::from_utf8(self.stderr.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// The fields of a datagram, as the journal reads them.
    fn decode(mut datagram: &[u8]) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

        while !datagram.is_empty() {
            let end = datagram.iter().position(|byte| *byte == b'\n').expect("a field ends");
            let (line, rest) = (&datagram[..end], &datagram[end + 1..]);
            let (name, value, rest) = if let Some(sign) = line.iter().position(|byte| *byte == b'=') {
                (&line[..sign], &line[sign + 1..], rest)
            } else {
                let (length, rest) = rest.split_first_chunk().expect("a length");
                let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
                assert_eq!(rest[length], b'\n', "a value ends where its length says");
                (line, &rest[..length], &rest[length + 1..])
            };
            assert_eq!(fields.insert(text(name), text(value)), None, "a field is there once");
            datagram = rest;
        }

        fields
    }

    fn receive(socket: &UnixDatagram) -> BTreeMap<String, String> {
        let mut buffer = [0; 8192];
        let length = socket.recv(&mut buffer).unwrap();
        decode(&buffer[..length])
    }

    fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn fields_of_an_event_become_fields_of_an_entry() {
        let stage = Stage::new();
        let socket = stage.listen();
        let json = r#"{"id":"0190-1","type":"restore_job.failed","project":"one","job":{"id":"rj-1","name":null,
            "target_index_name":"docs"},"status":"Failed"}"#;
        stage.log(LogFormat::Human, || {
            tracing::error!(target: "restore_watch::transition", transition = %json, "restore rj-1 failed");
            tracing::warn!(project = "two", job = %"rj\n2", sink = "ops", transition_id = "0190-2", "both\nlines");
            tracing::debug!(target: "hyper::client", job = 7, "not ours");
        });

        assert_eq!(
            receive(&socket),
            fields(&[
                ("MESSAGE", "restore rj-1 failed"),
                ("PRIORITY", "3"),
                ("RESTORE_EVENT", "restore_job.failed"),
                ("RESTORE_INDEX", "docs"),
                ("RESTORE_JOB_ID", "rj-1"),
                ("RESTORE_PROJECT", "one"),
                ("RESTORE_STATUS", "Failed"),
                ("SYSLOG_IDENTIFIER", "restore-watch"),
                ("TARGET", "restore_watch::transition"),
                ("TRANSITION_ID", "0190-1"),
            ])
        );

        assert_eq!(
            receive(&socket),
            fields(&[
                ("MESSAGE", "both\nlines"),
                ("PRIORITY", "4"),
                ("RESTORE_JOB_ID", "rj\n2"),
                ("RESTORE_PROJECT", "two"),
                ("RESTORE_SINK", "ops"),
                ("SYSLOG_IDENTIFIER", "restore-watch"),
                ("TARGET", module_path!()),
                ("TRANSITION_ID", "0190-2"),
            ])
        );

        assert_eq!(
            receive(&socket),
            fields(&[
                ("MESSAGE", "not ours job=7"),
                ("PRIORITY", "7"),
                ("SYSLOG_IDENTIFIER", "restore-watch"),
                ("TARGET", "hyper::client"),
            ])
        );

        assert_eq!(stage.stderr(), "");
    }

    #[test]
    fn json_format_puts_the_line_into_the_message() {
        let stage = Stage::new();
        let socket = stage.listen();
        stage.log(LogFormat::Json, || tracing::info!(job = "rj-1", "watching"));
        let entry = receive(&socket);
        let line: Value = serde_json::from_str(&entry["MESSAGE"]).unwrap();
        assert_eq!((&line["message"], &line["job"]), (&"watching".into(), &"rj-1".into()));
        assert_eq!((&*entry["PRIORITY"], &*entry["RESTORE_JOB_ID"]), ("6", "rj-1"));
    }

    #[test]
    fn a_refused_entry_becomes_a_plain_line_and_counts_as_written() {
        let stage = Stage::new();
        // First without a listener, then a line that is too long, then after the listener is gone.
        stage.log(LogFormat::Human, || tracing::info!("early"));
        let socket = stage.listen();
        let long = "x".repeat(4_000_000);
        stage.log(LogFormat::Human, || {
            tracing::warn!("{long}");
            tracing::info!("taken");
        });

        assert_eq!(receive(&socket)["MESSAGE"], "taken");

        drop(socket);
        let result = stage.log(LogFormat::Human, || written(&|| tracing::error!("late")));

        assert_eq!(block_on(result), Ok(()));
        assert_eq!(stage.stderr(), format!("<6>early\n<4>{long}\n<3>late\n"));
    }

    #[test]
    fn an_entry_that_no_stream_takes_was_not_written() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let (writer, worker) = Detached::start(Journal::at(folder.path().join("none"), Full)).unwrap();
        let entries = Entries { style: Style::usual(LogFormat::Human), writer };
        let result = tracing::subscriber::with_default(registry().with(entries), || {
            written(&|| tracing::error!("lost"))
        });
        drop(worker);
        let refused = block_on(result).unwrap_err();

        assert!(refused.starts_with("cannot write to standard error: "), "{refused}");
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let bounded = async { tokio::time::timeout(Duration::from_secs(10), future).await };
        runtime.block_on(bounded).expect("it ends")
    }
}
