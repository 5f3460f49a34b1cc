//! Shows that the daemon is alive: watchdog pings and a status line for the service manager, pings
//! for a monitor that raises an alarm if they stop.
//!
//! Invariant: no timer of its own sends a ping. The loop does, between two inputs, after it has
//! checked that nothing is stuck.

use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use super::view::WatchView;
use super::{status, trouble};
use crate::adapters::monitor::Monitor;
use crate::adapters::systemd::Notifier;
use crate::adapters::web;
use crate::app::driver::Driver;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// The least time between two status lines.
const STATUS_SPACING: Duration = Duration::from_secs(1);

/// The longest time between two status lines, because they contain the time to the next poll.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Time that a stop takes beside the pending deliveries.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Time between two reports of the health, of which each looks at all requests under way. Far below
/// the time after which a probe takes the loop for stuck.
const HEALTH_INTERVAL: Duration = Duration::from_secs(2);

/// What a daemon does, as its signs of life show it.
pub(super) trait Work {
    /// A line for the service manager.
    fn status_line(&self) -> String;

    /// What does not end, if so.
    fn stuck(&self) -> Option<&'static str>;

    /// Why the monitor gets no ping, if so; with the trouble of sinks if that counts.
    fn trouble(&self, counts_sinks: bool) -> Option<String>;
}

impl Work for Driver {
    fn status_line(&self) -> String {
        status::status_line(WatchView::of(self))
    }

    fn stuck(&self) -> Option<&'static str> {
        Self::stuck(self)
    }

    fn trouble(&self, counts_sinks: bool) -> Option<String> {
        let of_sinks = || trouble::of_sinks(self.engine(), self.now()).into_iter().next();
        let of_commits = || self.waits_for_commit().then(|| "a commit waits for its server".to_owned());
        let of_watch = trouble::of_watch(WatchView::of(self)).or_else(of_commits);
        of_watch.or_else(|| of_sinks().filter(|_| counts_sinks))
    }
}

/// The signs of life of a daemon.
pub(super) struct Liveness {
    manager: Notifier,
    clock: Clock,
    /// When the status line was last sent, and whether something has happened since.
    status_at: Option<Instant>,
    status_is_old: bool,
    /// When the next watchdog ping is due.
    watchdog_at: Option<Instant>,
    monitor: Option<MonitorPing>,
    /// When the health is reported next; none if there is no listener.
    health_at: Option<Instant>,
    /// What is stuck, as far as it was logged.
    stuck: Option<&'static str>,
}

/// The pings of a monitor.
struct MonitorPing {
    monitor: Monitor,
    due: Instant,
    /// The ping under way; at most one.
    pinging: JoinSet<Result<(), String>>,
    /// Why no ping is sent, or why it failed, as far as it was logged.
    logged: Option<String>,
}

impl Liveness {
    pub(super) fn new(manager: Notifier, monitor: Option<Monitor>, clock: Clock) -> Self {
        let mut liveness = Self {
            manager,
            clock,
            status_at: None,
            status_is_old: false,
            watchdog_at: None,
            monitor: None,
            health_at: None,
            stuck: None,
        };
        liveness.reconfigure(monitor);
        liveness
    }

    /// Pings this monitor from now on, no later than a ping was due before. The first ping comes
    /// after the first interval, so a process that crashes again and again never sends one.
    pub(super) fn reconfigure(&mut self, monitor: Option<Monitor>) {
        let now = self.clock.now().instant;
        let before = self.monitor.take();
        self.monitor = monitor.map(|monitor| {
            let due = now + monitor.interval();
            match before {
                Some(ping) => MonitorPing { monitor, due: ping.due.min(due), ..ping },
                None => MonitorPing { monitor, due, pinging: JoinSet::new(), logged: None },
            }
        });
    }

    /// The daemon is ready, at its start or after a reload.
    pub(super) fn ready(&mut self, work: &impl Work) {
        self.manager.status(&work.status_line());
        self.manager.ready();
        let now = self.clock.now().instant;
        self.status_at = Some(now);
        self.watchdog_at = self.manager.watchdog_interval().map(|_| now);
    }

    /// The daemon reloads its configuration; [`Liveness::ready`] ends that.
    pub(super) fn reloading(&mut self) {
        self.manager.reloading();
    }

    /// The daemon stops, which takes this time at most.
    pub(super) fn stopping(&mut self, drain: Duration) {
        self.manager.stopping();
        self.manager.extend_timeout(drain + LAST_WRITES);
        self.monitor = None;
    }

    /// Sends what is due.
    pub(super) fn show(&mut self, work: &impl Work, web: Option<&web::Server>) {
        let now = self.clock.now().instant;
        self.show_status(work, now);
        self.ping_watchdog(work, now);
        self.report_health(work, now, web);
        if let Some(ping) = &mut self.monitor {
            ping.send_if_due(work, now);
        }
    }

    fn show_status(&mut self, work: &impl Work, now: Instant) {
        let may_send = self.status_at.is_none_or(|at| now >= at + STATUS_SPACING);
        if self.manager.is_active() && may_send {
            self.manager.status(&work.status_line());
            self.status_at = Some(now);
            self.status_is_old = false;
        } else {
            self.status_is_old = true;
        }
    }

    fn ping_watchdog(&mut self, work: &impl Work, now: Instant) {
        if self.watchdog_at.is_none_or(|at| at > now) {
            return;
        }

        let stuck = work.stuck();
        match stuck {
            None => self.manager.watchdog(),
            Some(what) if self.stuck.is_none() => {
                error!(
                    "{what} does not end: no watchdog ping is sent to systemd, which restarts this daemon"
                );
            }
            Some(_) => {}
        }
        self.stuck = stuck;
        self.watchdog_at = self.manager.watchdog_interval().map(|interval| now + interval);
    }

    /// Has probes know that the loop runs.
    fn report_health(&mut self, work: &impl Work, now: Instant, web: Option<&web::Server>) {
        let Some(web) = web.filter(|_| self.health_at.is_none_or(|at| at <= now)) else { return };

        web.health().report(now, work.stuck());
        self.health_at = Some(now + HEALTH_INTERVAL);
    }

    /// Waits until something is due.
    pub(super) async fn due(&self) {
        let pause = if self.status_is_old { STATUS_SPACING } else { STATUS_INTERVAL };
        let status = self.status_at.filter(|_| self.manager.is_active()).map(|at| at + pause);
        let monitor = self.monitor.as_ref().map(|ping| ping.due);
        let next = [status, self.watchdog_at, monitor, self.health_at].into_iter().flatten().min();
        self.clock.sleep_until(next).await;
    }
}

impl MonitorPing {
    fn send_if_due(&mut self, work: &impl Work, now: Instant) {
        match self.pinging.try_join_next() {
            None => {}
            Some(Ok(Ok(()))) => self.succeeded(),
            Some(Ok(Err(fault))) => self.failed(format!("the heartbeat could not be sent: {fault}")),
            Some(Err(error)) => self.failed(format!("the heartbeat could not be sent: {error}")),
        }

        if self.due > now {
            return;
        }
        self.due = now + self.monitor.interval();

        if let Some(trouble) = work.trouble(self.monitor.counts_sinks()) {
            self.failed(format!("no heartbeat is sent, because {trouble}"));
        } else if self.pinging.is_empty() {
            let monitor = self.monitor.clone();
            self.pinging.spawn(async move { monitor.ping().await });
        }
    }

    fn succeeded(&mut self) {
        debug!("heartbeat sent");
        if self.logged.take().is_some() {
            info!("the heartbeat is sent again");
        }
    }

    /// Logs trouble, once while it lasts.
    fn failed(&mut self, trouble: String) {
        if self.logged.as_ref() != Some(&trouble) {
            warn!("{trouble}");
            self.logged = Some(trouble);
        }
    }
}
