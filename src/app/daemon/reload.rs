//! Reading the configuration again.
//!
//! Invariant: one reading is under way at a time, also of those that took too long and were given up, and a request that
//! comes meanwhile is answered by a reading that began after it. Nothing of a configuration that cannot be used is used.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tracing::{error, info, warn};

use super::liveness::Liveness;
use super::{Daemon, Fixed, LoadError, Loaded, status};
use crate::adapters::control::{Reloaded, Reply, RequestError, RequestErrorKind};
use crate::model::JobId;
use crate::platform::blocking;

/// How long reading may take. A file on a disk that is gone may never be read.
const LONGEST: Duration = Duration::from_secs(30);

/// The reading under way, and who waits.
pub(super) struct Reloads {
    config: Option<(PathBuf, Fixed)>,
    reading: JoinSet<Result<Loaded, LoadError>>,
    /// Alive while a thread reads.
    thread: Weak<()>,
    /// Who waits for the reading under way.
    waiting: Vec<Reply<Reloaded>>,
    /// Whether another one is to begin after it, and who waits for that.
    again: bool,
    next: Vec<Reply<Reloaded>>,
}

impl Reloads {
    pub(super) fn new(config: Option<(PathBuf, Fixed)>) -> Self {
        let reading = JoinSet::new();
        Self { config, reading, thread: Weak::new(), waiting: Vec::new(), again: false, next: Vec::new() }
    }

    /// Somebody wants the configuration to be read again, and may want to know what comes of it.
    pub(super) fn want(&mut self, who: Option<Reply<Reloaded>>, liveness: &mut Liveness) {
        if !self.reading.is_empty() {
            self.again = true;
            self.next.extend(who);
            return;
        }
        self.waiting.extend(who);
        self.begin(liveness);
    }

    fn begin(&mut self, liveness: &mut Liveness) {
        let Some((path, _)) = self.config.clone() else {
            let refusal =
                RequestError::new(RequestErrorKind::Invalid, "this daemon has no configuration file");
            for who in self.waiting.drain(..) {
                // Whoever asked may be gone.
                drop(who.send(Err(refusal.clone())));
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
            let slow = LoadError::Timeout(path.clone(), LONGEST);
            let reading = blocking::start("reload", move || {
                let read = Loaded::read(&path);
                drop(alive);
                read
            });
            match tokio::time::timeout(LONGEST, reading.map_err(LoadError::NoThread)?).await {
                Ok(read) => read.unwrap_or(Err(LoadError::Broken)),
                // It is left to itself.
                Err(_) => Err(slow),
            }
        });
    }

    /// What the reading under way comes to. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Result<Loaded, LoadError>, JoinError> {
        match self.reading.join_next().await {
            Some(result) => result,
            None => std::future::pending().await,
        }
    }
}

impl Daemon {
    /// The configuration was read again: uses it, or says why not.
    pub(super) fn reloaded(&mut self, result: Result<Loaded, LoadError>) {
        let answer = match result {
            Ok(loaded) => Ok(self.swap(loaded)),
            Err(error) => {
                error!("the configuration is not used, and the one before stays in force:\n{error}");
                Err(RequestError::new(RequestErrorKind::BadConfiguration, error.to_string()))
            }
        };
        self.liveness.ready(&self.driver);
        for who in self.reloads.waiting.drain(..) {
            drop(who.send(answer.clone()));
        }
        if std::mem::take(&mut self.reloads.again) {
            self.reloads.waiting = std::mem::take(&mut self.reloads.next);
            self.reloads.begin(&mut self.liveness);
        }
    }

    fn swap(&mut self, loaded: Loaded) -> Reloaded {
        let Loaded { setup, heartbeat, drain_timeout, fixed } = loaded;
        let changed = self.driver.reconfigure(setup);
        self.liveness.reconfigure(heartbeat);
        self.drain_timeout = drain_timeout;
        let first = self.reloads.config.as_ref().map(|(_, fixed)| fixed);
        let warnings = first.map(|first| first.misses(&fixed)).unwrap_or_default();
        let summary = status::summary(self.driver.engine(), self.driver.now());
        let (added, removed) = (changed.added.len(), changed.removed.len());
        let names = [named("added", &changed.added), named("removed", &changed.removed)].concat();
        info!(added, removed, "configuration reloaded: {added} added, {removed} removed; {summary}{names}");
        for warning in &warnings {
            warn!("{warning}");
        }
        Reloaded { summary, jobs_added: added, jobs_removed: removed, warnings }
    }
}

/// The ids of some jobs, the first ones where they are many.
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
    use crate::config::LogFormat;
    use crate::platform::clock::Clock;

    #[tokio::test(start_paused = true)]
    async fn a_read_that_hangs_is_the_only_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut liveness = Liveness::new(Notifier::default(), None, Clock::system());
        let fixed = Fixed { state: None, log: LogFormat::Human };
        let mut reloads = Reloads::new(Some((path.clone(), fixed)));
        for stuck in [false, true, true] {
            reloads.want(None, &mut liveness);
            let error = reloads.next().await.unwrap().unwrap_err();
            match error {
                LoadError::Timeout(..) => assert!(!stuck),
                LoadError::Stuck(_) => assert!(stuck, "no further thread"),
                error => panic!("{error}"),
            }
        }
        // Its other end is opened, so the read ends.
        std::fs::write(&path, "").unwrap();
        for _ in 0..6000 {
            if reloads.thread.strong_count() == 0 {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // A read takes time that is not virtual.
        tokio::time::resume();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "jobs = []\ndiscover = 7\n").unwrap();
        reloads.want(None, &mut liveness);
        let error = reloads.next().await.unwrap().unwrap_err();
        assert!(matches!(error, LoadError::Problems(_)), "it is read again: {error}");
    }
}
