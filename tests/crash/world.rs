//! The simulated world: a few projects whose jobs end one after the other, and their true outcomes.
//!
//! Invariant: the truth is made with the scenario, before the first request.

use std::fmt::Write as _;
use std::time::Duration;

use restore_watch::model::EventKind;
use restore_watch::model::time::Instant;
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::Simulator;

use crate::support::play;

/// How a job may end, in the scenario and as an event; most complete.
const ENDS: [(&str, EventKind); 6] = [
    ("completed", EventKind::Completed),
    ("completed", EventKind::Completed),
    ("completed", EventKind::Completed),
    ("failed", EventKind::Failed),
    ("cancelled", EventKind::Cancelled),
    ("exploded", EventKind::Unrecognised),
];

/// Failures of the API, which concern no sink.
const FAULTS: &str = "[[fault]]\nprobability = 0.02\nkind = \"status\"\nstatus = 503\n\
                      [[fault]]\nprobability = 0.02\nkind = \"drop\"\n";

/// The size of a world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// The projects, each with a control plane of its own.
    pub(crate) projects: u32,
    /// The jobs of each that end.
    pub(crate) jobs: u32,
    /// The jobs of each that never end.
    pub(crate) endless: u32,
    /// From the start until the last of them ends.
    pub(crate) span: Duration,
}

/// A job and its true outcome.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) project: String,
    pub(crate) id: String,
    /// How it ends, if it does.
    pub(crate) ends: Option<EventKind>,
    /// The event of its index, if it is watched until ready and completes.
    pub(crate) index: Option<EventKind>,
    /// Whether its index is awaited, too.
    until_ready: bool,
}

/// A running world.
pub(crate) struct World {
    planes: Vec<Simulator>,
    jobs: Vec<Job>,
    clock: Clock,
    since: Instant,
    span: Duration,
}

impl World {
    /// A world of this size, which begins now.
    pub(crate) fn begin(size: Size, rng: &mut fastrand::Rng) -> Self {
        let mut jobs = Vec::new();
        let mut scenarios = Vec::new();
        for project in 1..=size.projects {
            let mut scenario = format!("seed = {}\n", rng.u32(..));
            let mut indexes = String::new();
            for number in 1..=size.jobs + size.endless {
                let id = format!("rj-{project}-{number}");
                _ = write!(scenario, "[[job]]\nid = \"{id}\"\nindex = \"index-of-{id}\"\n");
                let until_ready = rng.bool();
                let (mut ends, mut index) = (None, None);
                if number <= size.jobs {
                    // One after the other, not quite evenly.
                    let share = f64::from(number - 1) + rng.f64();
                    // An end at the time of the start is not credible, and ends no unknown status.
                    let takes = size.span.mul_f64(share / f64::from(size.jobs)).as_millis().max(1);
                    let (name, kind) = ENDS[rng.usize(..ENDS.len())];
                    ends = Some(kind);
                    _ = write!(scenario, "takes = \"{takes}ms\"\nends = \"{name}\"\nend_time = true\n");
                    if until_ready && kind == EventKind::Completed {
                        _ = writeln!(scenario, "ready_after = \"{}ms\"", rng.u32(..300));
                        index = Some(EventKind::IndexReady);
                        if rng.u8(..4) == 0 {
                            index = Some(EventKind::IndexNotReady);
                            _ = write!(
                                indexes,
                                "[[index]]\nname = \"index-of-{id}\"\nstates = [{{ at = \"0s\", state = \"Disabled\" }}]\n"
                            );
                        }
                    }
                    match rng.u8(..5) {
                        0 | 1 => scenario.push_str("progress = \"linear\"\n"),
                        2 => {
                            scenario.push_str("statuses = [{ at = \"300ms\", status = \"Initializing\" }]\n");
                        }
                        _ => {}
                    }
                }
                jobs.push(Job { project: format!("project-{project}"), id, ends, index, until_ready });
            }
            scenarios.push(scenario + &indexes + FAULTS);
        }
        let clock = Clock::system();
        let planes = scenarios.iter().map(|scenario| play(scenario)).collect();
        Self { planes, jobs, clock, since: clock.now().instant, span: size.span }
    }

    /// The truth about its jobs.
    pub(crate) fn jobs(&self) -> &[Job] {
        &self.jobs
    }

    /// How many requests its control planes got so far.
    pub(crate) fn requests(&self) -> usize {
        self.planes.iter().map(|plane| plane.requests().len()).sum()
    }

    /// Whether all its jobs have ended.
    pub(crate) fn is_over(&self) -> bool {
        self.clock.now().instant.since(self.since) > self.span
    }

    /// The tables of a configuration that polls it often and tolerates its failures without an
    /// event. With `discovers`, only the jobs with an index and those that may end before the first
    /// complete scan are configured.
    pub(crate) fn configuration(&self, discovers: bool) -> String {
        // A scan is repeated for as long as a new job may be missing from the list.
        let grace = if discovers { "1s" } else { "1h" };
        let mut text = format!(
            "[watch]\nnot_found_grace = \"{grace}\"\nunreachable_after = \"1h\"\nslow_after = \"6h\"\n\
             [cadence]\nmin_interval = \"20ms\"\nmax_interval = \"500ms\"\n"
        );
        for (at, plane) in self.planes.iter().enumerate() {
            let name = format!("project-{}", at + 1);
            let until = |job: &Job| if job.until_ready { "ready" } else { "completed" };
            let entry =
                |job: &Job| format!("{{ id = {:?}, until = {:?}, deadline = \"6h\" }}", job.id, until(job));
            let jobs: Vec<_> = self.jobs.iter().filter(|job| job.project == name).collect();
            let early = if discovers { jobs.len() / 3 } else { jobs.len() };
            let is_named = |(place, job): &(usize, &&Job)| *place < early || job.until_ready;
            let jobs: Vec<_> = jobs.iter().enumerate().filter(is_named).map(|(_, job)| entry(job)).collect();
            let jobs = jobs.join(", ");
            let discover = if discovers { "discover = true\n" } else { "" };
            _ = write!(
                text,
                "[[project]]\nname = \"{name}\"\napi_key = {{ env = \"KEY\" }}\njobs = [{jobs}]\n\
                 {discover}[project.api]\nendpoint = \"{}\"\nrequests_per_second = 60\nburst = 10\n",
                plane.url()
            );
        }
        text
    }
}
