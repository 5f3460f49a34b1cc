//! What a person sees while waiting, on standard error.
//!
//! Invariant: nothing here can fail a wait: a closed or narrow terminal costs a line, never the outcome.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::engine::time::{Instant, Now};
use crate::engine::{Engine, JobView, Outcome};
use crate::model::{JobId, Transition, duration};

/// How often the lines of a terminal are drawn.
const FRAME: Duration = Duration::from_millis(120);

/// More jobs than this have no line of their own on a terminal.
const LINES: usize = 20;

/// How progress is shown.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A line for each job, drawn again and again on these: for terminals.
    Live(MultiProgress),
    /// A line for each transition, and one now and then in between.
    Plain {
        /// How often a line is printed at least; 0 for never.
        heartbeat: Duration,
    },
    /// Nothing.
    Silent,
}

/// The progress of one wait.
pub(super) struct Console {
    mode: Mode,
    next: Option<Instant>,
}

enum Mode {
    Live(Live),
    Plain { heartbeat: Duration },
    Silent,
}

impl Console {
    pub(super) fn new(progress: Progress, engine: &Engine, now: Now) -> Self {
        let (mode, next) = match progress {
            Progress::Live(lines) => (Mode::Live(Live::new(lines, engine)), Some(now.instant)),
            Progress::Plain { heartbeat } => (Mode::Plain { heartbeat }, beat(now, heartbeat)),
            Progress::Silent => (Mode::Silent, None),
        };
        Self { mode, next }
    }

    /// When [`Console::refresh`] is due.
    pub(super) fn next_refresh(&self) -> Option<Instant> {
        self.next
    }

    /// Shows how things stand.
    pub(super) fn refresh(&mut self, engine: &Engine, now: Now) {
        self.next = match &mut self.mode {
            Mode::Live(live) => {
                live.draw(engine, now);
                Some(now.instant + FRAME)
            }
            Mode::Plain { heartbeat } => {
                say(now, &heartbeat_line(engine, now));
                beat(now, *heartbeat)
            }
            Mode::Silent => None,
        };
    }

    /// Shows a transition.
    pub(super) fn tell(&mut self, transition: &Transition, now: Now) {
        if let Mode::Plain { heartbeat } = &self.mode {
            say(now, &transition.summary());
            self.next = beat(now, *heartbeat);
        }
    }

    /// Takes everything off a terminal that would be in the way of the report.
    pub(super) fn close(self) {
        drop(self);
    }
}

/// When the next sign of life is due.
fn beat(now: Now, heartbeat: Duration) -> Option<Instant> {
    (!heartbeat.is_zero()).then(|| now.instant + heartbeat)
}

/// Prints a line with its time.
fn say(now: Now, text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{:.0} {text}", now.wall));
}

fn heartbeat_line(engine: &Engine, now: Now) -> String {
    let open: Vec<_> = engine.jobs().filter(|job| Outcome::of(job) == Outcome::Open).collect();
    let oldest = open.iter().max_by_key(|job| job.tracker.age(now.instant));
    let example =
        oldest.map(|job| format!("; {} {}", job.tracker.job().label(), state(job, now))).unwrap_or_default();
    format!("waiting for {} of {} restores{example}", open.len(), engine.jobs().count())
}

/// The lines of a terminal.
struct Live {
    lines: MultiProgress,
    bars: BTreeMap<JobId, Bar>,
    footer: ProgressBar,
}

/// The line of one job.
struct Bar {
    line: ProgressBar,
    look: Option<Look>,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Spinner,
    Progress,
    Good,
    Bad,
}

impl Look {
    fn template(self) -> &'static str {
        match self {
            Self::Spinner => "{spinner} {prefix} {wide_msg}",
            Self::Progress => "{spinner} {prefix} [{bar:20}] {wide_msg}",
            Self::Good => "✔ {prefix} {wide_msg}",
            Self::Bad => "✘ {prefix} {wide_msg}",
        }
    }
}

impl Live {
    fn new(lines: MultiProgress, engine: &Engine) -> Self {
        let footer = lines.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        let hidden = engine.jobs().count().saturating_sub(LINES);
        if hidden > 0 {
            footer.set_message(format!("  and {hidden} more"));
        }
        Self { lines, bars: BTreeMap::new(), footer }
    }

    fn draw(&mut self, engine: &Engine, now: Now) {
        let label = |job: &JobView<'_>| -> String {
            // Names of indexes and UUIDs stay whole within 36 characters, mostly.
            job.tracker.job().label().chars().take(36).collect()
        };
        let width =
            engine.jobs().take(LINES).map(|job| label(&job).chars().count()).max().unwrap_or_default();
        for job in engine.jobs().take(LINES) {
            let bar = self.bars.entry(job.tracker.settings().id.clone()).or_insert_with(|| {
                let line = self.lines.insert_before(&self.footer, ProgressBar::new(100));
                Bar { line, look: None }
            });
            bar.show(&job, format!("{:<width$}", label(&job)), now);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // A terminal that cannot be cleared is left as it is.
        drop(self.lines.clear());
    }
}

impl Bar {
    fn show(&mut self, job: &JobView<'_>, label: String, now: Now) {
        let percent = job.tracker.facts().intermediate_progress();
        let look = match Outcome::of(job) {
            Outcome::Open if percent.is_some() => Look::Progress,
            Outcome::Open => Look::Spinner,
            Outcome::Completed => Look::Good,
            _ => Look::Bad,
        };
        if self.look.replace(look) != Some(look) {
            self.line.set_style(style(look.template()));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
        self.line.set_position(percent.unwrap_or_default() as u64);
        self.line.set_prefix(label);
        self.line.set_message(state(job, now));
        self.line.tick();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// How a job is doing, in words.
fn state(job: &JobView<'_>, now: Now) -> String {
    let status = match (Outcome::of(job), job.tracker.status()) {
        (Outcome::Open, Some(status)) => status.to_string(),
        (Outcome::Open, None) => "not seen yet".to_owned(),
        (outcome, _) => outcome.as_str().replace('_', " "),
    };
    let mut words = vec![status];
    words.extend(job.tracker.facts().intermediate_progress().map(|percent| format!("{percent:.0} %")));
    words.push(duration::human(job.tracker.elapsed(now)));
    if Outcome::of(job) == Outcome::Open {
        words.push(match job.next_poll {
            Some(at) => format!("next poll in {}", short(at.since(now.instant))),
            None => "asking".to_owned(),
        });
    }
    words.extend(job.refused.or(job.tracker.last_error()).map(str::to_owned));
    words.join(", ")
}

/// A time that counts down, in whole seconds.
fn short(left: Duration) -> String {
    let seconds = (left + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 { format!("{seconds}s") } else { duration::human(Duration::from_secs(seconds)) }
}
