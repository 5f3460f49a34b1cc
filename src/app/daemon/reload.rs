//! Reloads the configuration.
//!
//! Invariant: at most one read is under way, those that were given up included, and a request that
//! comes meanwhile is answered by a read that begins after it. A configuration with an error is not
//! used at all.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinError, JoinSet};
use tracing::{error, info, warn};

use super::configuration::{Fixed, LoadError, Loaded};
use super::liveness::Liveness;
use crate::adapters::control::Reloaded;
use crate::adapters::report::{ReloadStatus, RequestError, RequestErrorKind, Responder};
use crate::engine::Reconfigured;
use crate::model::JobId;
use crate::platform::blocking;

/// Time for a read. A file on a disk that is gone may never be read.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The read under way, and the requests that wait for it.
pub(super) struct Reloads {
    config: Option<(PathBuf, Fixed)>,
    /// When the configuration in force was loaded.
    loaded_at: Timestamp,
    last: Option<ReloadStatus>,
    reading: JoinSet<Result<Loaded, LoadError>>,
    /// Alive while a thread reads.
    thread: Weak<()>,
    /// The requests that the read under way answers.
    waiting: Vec<Responder<Reloaded>>,
    /// Whether another read follows, and the requests that it answers.
    again: bool,
    next: Vec<Responder<Reloaded>>,
}

/// What a new configuration did.
pub(super) struct Effect {
    pub(super) changed: Reconfigured,
    /// How everything stands, in one line.
    pub(super) summary: String,
}

impl Effect {
    /// Of one that is only kept.
    pub(super) fn later() -> Self {
        let summary = "this replica stands by, and uses it when it takes over".to_owned();
        Self { changed: Reconfigured::default(), summary }
    }
}

impl Reloads {
    /// Reloads of this file, which was loaded at the start of the daemon.
    pub(super) fn new(config: Option<(PathBuf, Fixed)>, loaded_at: Timestamp) -> Self {
        Self {
            config,
            loaded_at,
            last: None,
            reading: JoinSet::new(),
            thread: Weak::new(),
            waiting: Vec::new(),
            again: false,
            next: Vec::new(),
        }
    }

    /// When the configuration in force was loaded: at the start, or by the last reload that
    /// succeeded.
    pub(super) fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }

    /// Whether the token of the HTTP listener comes from where these settings have it.
    pub(super) fn keeps_token_source(&self, new: &Fixed) -> bool {
        self.config.as_ref().is_some_and(|(_, fixed)| fixed.http.token == new.http.token)
    }

    /// How the last reload ended, if there was one.
    pub(super) fn last(&self) -> Option<&ReloadStatus> {
        self.last.as_ref()
    }

    /// Begins a read, or has one follow the read under way. A signal has no reply.
    pub(super) fn request(&mut self, reply: Option<Responder<Reloaded>>, liveness: &mut Liveness) {
        if !self.reading.is_empty() {
            self.again = true;
            self.next.extend(reply);
            return;
        }
        self.waiting.extend(reply);
        self.begin(liveness);
    }

    fn begin(&mut self, liveness: &mut Liveness) {
        let Some((path, _)) = self.config.clone() else {
            let error = RequestError::new(RequestErrorKind::Invalid, "this daemon has no configuration file");
            for reply in self.waiting.drain(..) {
                // A failed send means that the client is gone.
                drop(reply.send(Err(error.clone())));
            }
            return;
        };

        info!("reading the configuration {} again", path.display());
        liveness.reloading();
        if self.thread.strong_count() > 0 {
            self.reading.spawn(std::future::ready(Err(LoadError::Stuck(path))));
            return;
        }

        let alive = Arc::new(());
        self.thread = Arc::downgrade(&alive);
        self.reading.spawn(async move {
            let slow = LoadError::Timeout(path.clone(), READ_TIMEOUT);
            let reading = blocking::start("reload", move || {
                let read = Loaded::read(&path);
                drop(alive);
                read
            });
            match tokio::time::timeout(READ_TIMEOUT, reading.map_err(LoadError::NoThread)?).await {
                Ok(read) => read.unwrap_or(Err(LoadError::Broken)),
                // Its thread is left to itself.
                Err(_) => Err(slow),
            }
        });
    }

    /// The result of the read under way. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Result<Loaded, LoadError>, JoinError> {
        match self.reading.join_next().await {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }

    /// Reports a configuration that is in force from `at` on, with its `warnings` and what of it
    /// takes effect only after a restart.
    pub(super) fn loaded(
        &mut self,
        at: Timestamp,
        fixed: &Fixed,
        mut warnings: Vec<String>,
        Effect { changed, summary }: Effect,
    ) -> Reloaded {
        self.loaded_at = at;
        self.last = Some(ReloadStatus { at, error: None });
        let first = self.config.as_ref().map(|(_, fixed)| fixed);
        warnings.extend(first.map(|first| first.misses(fixed)).unwrap_or_default());
        let (added, removed) = (changed.added.len(), changed.removed.len());
        let names = [named("added", &changed.added), named("removed", &changed.removed)].concat();

        info!(added, removed, "configuration reloaded: {added} added, {removed} removed; {summary}{names}");
        for warning in &warnings {
            warn!("{warning}");
        }

        Reloaded { summary, jobs_added: added, jobs_removed: removed, warnings }
    }

    /// Logs why a configuration is not used.
    pub(super) fn rejected(&mut self, at: Timestamp, error: &LoadError) -> RequestError {
        error!("the configuration is not used, and the one before stays in force:\n{error}");
        self.last = Some(ReloadStatus { at, error: Some(error.one_line()) });
        RequestError::new(RequestErrorKind::BadConfiguration, error.to_string())
    }

    /// Answers the requests that waited for the read, and begins the next read if others came
    /// meanwhile.
    pub(super) fn answer(&mut self, answer: &Result<Reloaded, RequestError>, liveness: &mut Liveness) {
        for reply in self.waiting.drain(..) {
            drop(reply.send(answer.clone()));
        }

        if std::mem::take(&mut self.again) {
            self.waiting = std::mem::take(&mut self.next);
            self.begin(liveness);
        }
    }
}

/// The ids of some jobs, or the first of them if they are many.
fn named(what: &str, jobs: &[JobId]) -> String {
    const SHOWN: usize = 10;
    let ids: Vec<_> = jobs.iter().take(SHOWN).map(JobId::as_str).collect();
    match (jobs.len(), ids.join(", ")) {
        (0, _) => String::new(),
        (all, ids) if all > SHOWN => format!("; {what}: {ids} and {} more", all - SHOWN),
        (_, ids) => format!("; {what}: {ids}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::systemd::Notifier;
    use crate::config::{HttpSettings, LogFormat};
    use crate::platform::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn hanging_read_stays_the_only_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut liveness = Liveness::new(Notifier::default(), None, Clock::system());
        let fixed = Fixed { state: None, log: LogFormat::Human, http: HttpSettings::default() };
        let mut reloads = Reloads::new(Some((path.clone(), fixed)), Timestamp::UNIX_EPOCH);
        for stuck in [false, true, true] {
            reloads.request(None, &mut liveness);
            let error = reloads.next().await.unwrap().unwrap_err();
            match error {
                LoadError::Timeout(..) => assert!(!stuck),
                LoadError::Stuck(_) => assert!(stuck, "no further thread"),
                error => panic!("{error}"),
            }
        }
        // The other end of the pipe is opened, so the read ends.
        std::fs::write(&path, "").unwrap();
        for _ in 0..6000 {
            if reloads.thread.strong_count() == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A read takes real time.
        tokio::time::resume();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "jobs = []\ndiscover = 7\n").unwrap();
        reloads.request(None, &mut liveness);
        let error = reloads.next().await.unwrap().unwrap_err();
        assert!(matches!(error, LoadError::Problems(_)), "it is read again: {error}");
    }
}
