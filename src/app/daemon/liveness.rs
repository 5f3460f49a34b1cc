//! Signs of life: to the service manager, and to a monitor that raises alarm where they stay away.
//!
//! Invariant: none is given by a timer of its own. The loop gives them, between two events, after it has seen that
//! nothing is stuck.

use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use super::status;
use crate::adapters::monitor::Monitor;
use crate::adapters::systemd::Notifier;
use crate::app::driver::Driver;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// The line of status changes at most this often, and is brought up to date at least as often as the second.
const STATUS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// What a stop takes beside the deliveries under way.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// Gives signs of life.
pub(super) struct Liveness {
    manager: Notifier,
    clock: Clock,
    /// When the line of status was last sent, and whether something has happened since.
    status_at: Option<Instant>,
    status_is_old: bool,
    watchdog_at: Option<Instant>,
    heart: Option<MonitorPing>,
    /// What is stuck, as far as it was logged.
    stuck: Option<&'static str>,
}

/// The heartbeat.
struct MonitorPing {
    heartbeat: Monitor,
    due: Instant,
    /// At most one is under way.
    beating: JoinSet<Result<(), String>>,
    /// Why it stays away, or could not be given, as far as it was logged.
    trouble: Option<String>,
}

impl Liveness {
    pub(super) fn new(manager: Notifier, heartbeat: Option<Monitor>, clock: Clock) -> Self {
        let mut liveness = Self {
            manager,
            clock,
            status_at: None,
            status_is_old: false,
            watchdog_at: None,
            heart: None,
            stuck: None,
        };
        liveness.reconfigure(heartbeat);
        liveness
    }

    /// From now on, this heartbeat is given, no later than one was due before. A process that dies again and again never
    /// gives one: the first comes after the first interval.
    pub(super) fn reconfigure(&mut self, heartbeat: Option<Monitor>) {
        let now = self.clock.now().instant;
        let before = self.heart.take();
        self.heart = heartbeat.map(|heartbeat| {
            let due = now + heartbeat.interval();
            match before {
                Some(heart) => MonitorPing { heartbeat, due: heart.due.min(due), ..heart },
                None => MonitorPing { heartbeat, due, beating: JoinSet::new(), trouble: None },
            }
        });
    }

    /// The daemon is at work.
    pub(super) fn ready(&mut self, driver: &Driver) {
        self.manager.status(&status::summary(driver.engine(), driver.now()));
        self.manager.ready();
        let now = driver.now().instant;
        self.status_at = Some(now);
        self.watchdog_at = self.manager.watchdog_interval().map(|_| now);
    }

    /// The daemon reads its configuration again; [`Liveness::ready`] ends that.
    pub(super) fn reloading(&mut self) {
        self.manager.reloading();
    }

    /// The daemon stops, which takes this long at most.
    pub(super) fn stopping(&mut self, drain: Duration) {
        self.manager.stopping();
        self.manager.extend_timeout(drain + LAST_WRITES);
        self.heart = None;
    }

    /// Gives what signs are due.
    pub(super) fn beat(&mut self, driver: &Driver) {
        let now = driver.now();
        if self.manager.is_active() && self.status_at.is_none_or(|at| now.instant >= at + STATUS.0) {
            self.manager.status(&status::summary(driver.engine(), now));
            self.status_at = Some(now.instant);
            self.status_is_old = false;
        } else {
            self.status_is_old = true;
        }
        if self.watchdog_at.is_some_and(|at| at <= now.instant) {
            let stuck = driver.stuck();
            match stuck {
                None => self.manager.watchdog(),
                Some(what) if self.stuck.is_none() => {
                    error!(
                        "{what} does not end: no sign of life is given to systemd, which starts this daemon anew"
                    );
                }
                Some(_) => {}
            }
            self.stuck = stuck;
            self.watchdog_at = self.manager.watchdog_interval().map(|interval| now.instant + interval);
        }
        if let Some(heart) = &mut self.heart {
            heart.beat(driver, now.instant);
        }
    }

    /// Waits until a sign is due.
    pub(super) async fn due(&self) {
        let pause = if self.status_is_old { STATUS.0 } else { STATUS.1 };
        let status = self.status_at.filter(|_| self.manager.is_active()).map(|at| at + pause);
        let heart = self.heart.as_ref().map(|heart| heart.due);
        let next = [status, self.watchdog_at, heart].into_iter().flatten().min();
        self.clock.sleep_until(next).await;
    }
}

impl MonitorPing {
    fn beat(&mut self, driver: &Driver, now: Instant) {
        if let Some(beaten) = self.beating.try_join_next() {
            match beaten {
                Ok(Ok(())) => self.all_is_well(),
                Ok(Err(fault)) => self.complain(format!("the heartbeat could not be sent: {fault}")),
                Err(error) => self.complain(format!("the heartbeat could not be sent: {error}")),
            }
        }
        if self.due > now {
            return;
        }
        self.due = now + self.heartbeat.interval();
        if let Some(trouble) = status::trouble(driver) {
            self.complain(format!("no heartbeat is sent, because {trouble}"));
        } else if self.beating.is_empty() {
            let heartbeat = self.heartbeat.clone();
            self.beating.spawn(async move { heartbeat.ping().await });
        }
    }

    fn all_is_well(&mut self) {
        debug!("heartbeat sent");
        if self.trouble.take().is_some() {
            info!("the heartbeat is sent again");
        }
    }

    /// Logs trouble, once while it lasts.
    fn complain(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            warn!("{trouble}");
            self.trouble = Some(trouble);
        }
    }
}
