//! Whether the daemon lives, and whether it is ready.
//!
//! Invariant: the loop itself says that it lives; what it does not say is not assumed. Trouble that a
//! restart would not end, such as a refused key or an outage of the API, is no part of it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// A loop that has not run for this long is stuck: `WatchdogSec=` of the unit.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// How long a loop that seems stuck has to report. After the machine was suspended or the process
/// stopped, the thread of a probe may run first.
const GRACE: Duration = Duration::from_millis(500);

/// What the loop of the daemon says of itself, for probes.
#[derive(Debug, Default)]
pub struct Health(watch::Sender<Signs>);

#[derive(Debug, Clone, Default)]
struct Signs {
    phase: Phase,
    /// When the loop last ran.
    ran_at: Option<Instant>,
    /// What does not end, if so.
    stuck: Option<&'static str>,
}

/// Where a daemon is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// The first polls are not scheduled yet.
    #[default]
    Starting,
    Ready,
    /// The same of a replica that has the lease of a shared state.
    Active,
    /// It takes over if the active replica is lost.
    Standby,
    /// It stands by, and could not take over: the state cannot be reached.
    CutOff,
    /// A stop has begun.
    Stopping,
}

/// Something that a probe looks at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) name: &'static str,
    /// How it is if nothing is wrong.
    pub(super) good: &'static str,
    /// What is wrong, if something is.
    pub(super) fault: Option<String>,
}

impl Health {
    /// The loop runs, and this does not end, if anything.
    pub fn report(&self, now: Instant, stuck: Option<&'static str>) {
        self.0.send_modify(|signs| {
            signs.ran_at = Some(now);
            signs.stuck = stuck;
        });
    }

    pub fn enter(&self, phase: Phase) {
        self.0.send_modify(|signs| signs.phase = phase);
    }

    /// Whether the daemon lives: if not, it should be restarted.
    pub(super) async fn liveness(&self, clock: Clock) -> [Check; 2] {
        let lives = |signs: &Signs| signs.liveness(clock.now().instant).iter().all(Check::is_good);
        // What is found below counts.
        drop(timeout(GRACE, self.0.subscribe().wait_for(lives)).await);
        self.0.borrow().liveness(clock.now().instant)
    }

    /// Whether the daemon does what it is for.
    pub(super) fn readiness(&self) -> [Check; 1] {
        self.0.borrow().readiness()
    }

    /// What this process does, if replicas share its state.
    pub(super) fn role(&self) -> Option<&'static str> {
        match self.0.borrow().phase {
            Phase::Active => Some("active"),
            Phase::Standby | Phase::CutOff => Some("standby"),
            Phase::Starting | Phase::Ready | Phase::Stopping => None,
        }
    }
}

impl Signs {
    fn liveness(&self, now: Instant) -> [Check; 2] {
        let is_stalled = self.ran_at.is_some_and(|at| now.since(at) > LONGEST_TURN);
        let stalled = || "the loop of the daemon does not run".to_owned();
        [
            Check { name: "loop", good: "runs", fault: is_stalled.then(stalled) },
            Check {
                name: "work",
                good: "no write, delivery or request is stuck",
                fault: self.stuck.map(|what| format!("{what} does not end")),
            },
        ]
    }

    fn readiness(&self) -> [Check; 1] {
        let fault = match self.phase {
            Phase::Starting => Some("the daemon is starting"),
            Phase::Ready | Phase::Active | Phase::Standby => None,
            Phase::CutOff => Some("this replica stands by and cannot reach the state"),
            Phase::Stopping => Some("the daemon is stopping"),
        };
        let good = match self.phase {
            Phase::Active => "this replica is active: the state is open and polls are scheduled",
            Phase::Standby => "this replica stands by, and takes over if the active one is lost",
            _ => "the state is open and polls are scheduled",
        };
        [Check { name: "watch", good, fault: fault.map(str::to_owned) }]
    }
}

impl Check {
    pub(super) fn is_good(&self) -> bool {
        self.fault.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const START: &str = "2026-11-23T12:00:00Z";

    async fn faults(health: &Health, clock: Clock) -> Vec<String> {
        health.liveness(clock).await.into_iter().filter_map(|check| check.fault).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_run_is_dead() {
        let clock = Clock::set_to(START.parse().unwrap());
        let health = Health::default();
        assert_eq!(faults(&health, clock).await, [""; 0], "it has not begun");

        health.report(clock.now().instant, None);
        tokio::time::sleep(LONGEST_TURN).await;
        assert_eq!(faults(&health, clock).await, [""; 0]);

        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(faults(&health, clock).await, ["the loop of the daemon does not run"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_wakes_up_after_its_probe_lives() {
        let clock = Clock::set_to(START.parse().unwrap());
        let health = Arc::new(Health::default());
        health.report(clock.now().instant, Some("a write to the state"));
        tokio::time::sleep(LONGEST_TURN * 100).await;

        let late = Arc::clone(&health);
        tokio::spawn(async move {
            tokio::time::sleep(GRACE / 2).await;
            late.report(clock.now().instant, None);
        });

        assert_eq!(faults(&health, clock).await, [""; 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stuck_is_named() {
        let clock = Clock::set_to(START.parse().unwrap());
        let health = Health::default();

        health.report(clock.now().instant, Some("a write to the state"));

        assert_eq!(faults(&health, clock).await, ["a write to the state does not end"]);
    }

    #[test]
    fn a_standby_is_ready_while_it_reaches_the_state() {
        let health = Health::default();
        for (phase, role, fault) in [
            (Phase::Active, Some("active"), None),
            (Phase::Standby, Some("standby"), None),
            (Phase::CutOff, Some("standby"), Some("this replica stands by and cannot reach the state")),
        ] {
            health.enter(phase);
            assert_eq!((health.role(), health.readiness()[0].fault.as_deref()), (role, fault));
        }
    }

    #[test]
    fn ready_is_what_is_neither_starting_nor_stopping() {
        let health = Health::default();
        let fault = |health: &Health| health.readiness()[0].fault.clone();

        assert_eq!(fault(&health).as_deref(), Some("the daemon is starting"));
        health.enter(Phase::Ready);
        assert_eq!(fault(&health), None);
        health.enter(Phase::Stopping);
        assert_eq!(fault(&health).as_deref(), Some("the daemon is stopping"));
    }
}
