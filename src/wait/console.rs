//! What a person sees while waiting, on standard error.
//!
//! Invariant: nothing here can fail a wait: a closed or narrow terminal costs a line, never the outcome.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::engine::time::{Instant, Now};
use crate::engine::{Engine, JobView, Outcome};
use crate::model::{JobId, ProjectName, Transition, duration};

/// How often the lines of a terminal are drawn.
const FRAME: Duration = Duration::from_millis(120);

/// More jobs than this have no line of their own on a terminal.
const LINES: usize = 20;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A line for each job, drawn again and again: for terminals.
    Live,
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

struct Live {
    lines: MultiProgress,
    bars: BTreeMap<(ProjectName, JobId), ProgressBar>,
    footer: ProgressBar,
}

impl Console {
    pub(super) fn new(progress: Progress, now: Now) -> Self {
        let mode = match progress {
            Progress::Live => Mode::Live(Live::new()),
            Progress::Plain { heartbeat } => Mode::Plain { heartbeat },
            Progress::Silent => Mode::Silent,
        };
        let next = match &mode {
            Mode::Live(_) => Some(now.instant),
            Mode::Plain { heartbeat } if !heartbeat.is_zero() => Some(now.instant + *heartbeat),
            Mode::Plain { .. } | Mode::Silent => None,
        };
        Self { mode, next }
    }

    /// When [`Console::refresh`] is due.
    pub(super) fn next_refresh(&self) -> Option<Instant> {
        self.next
    }

    /// Shows how things stand.
    pub(super) fn refresh(&mut self, engine: &Engine, now: Now) {
        match &mut self.mode {
            Mode::Live(live) => {
                live.draw(engine, now);
                self.next = Some(now.instant + FRAME);
            }
            Mode::Plain { heartbeat } => {
                say(&now, &heartbeat_line(engine, now));
                self.next = Some(now.instant + *heartbeat);
            }
            Mode::Silent => self.next = None,
        }
    }

    /// Shows a transition.
    pub(super) fn tell(&mut self, transition: &Transition, now: Now) {
        if let Mode::Plain { heartbeat } = &self.mode {
            say(&now, &transition.summary());
            if !heartbeat.is_zero() {
                self.next = Some(now.instant + *heartbeat);
            }
        }
    }

    /// Takes everything off a terminal that would be in the way of the report.
    pub(super) fn close(self) {
        if let Mode::Live(live) = self.mode {
            drop(live.lines.clear());
        }
    }
}

/// Prints a line with its time.
fn say(now: &Now, text: &str) {
    drop(writeln!(std::io::stderr().lock(), "{:.0} {text}", now.wall));
}

fn heartbeat_line(engine: &Engine, now: Now) -> String {
    let total = engine.jobs().count();
    let open: Vec<_> = engine.jobs().filter(|job| Outcome::of(job) == Outcome::Open).collect();
    let oldest = open.iter().max_by_key(|job| job.tracker.age(now.instant));
    let example = oldest.map(|job| format!("; {} {}", title(job), state(job, now))).unwrap_or_default();
    format!("waiting for {} of {total} restores{example}", open.len())
}

impl Live {
    fn new() -> Self {
        let lines = MultiProgress::new();
        let footer = lines.add(ProgressBar::new_spinner());
        footer.set_style(style("{msg}"));
        Self { lines, bars: BTreeMap::new(), footer }
    }

    fn draw(&mut self, engine: &Engine, now: Now) {
        let mut hidden = 0;
        let width = engine.jobs().map(|job| title(&job).chars().count()).max().unwrap_or_default();
        for job in engine.jobs() {
            let key = (job.project.clone(), job.tracker.settings().id.clone());
            if !self.bars.contains_key(&key) && self.bars.len() >= LINES {
                hidden += 1;
                continue;
            }
            let bar = self.bars.entry(key).or_insert_with(|| {
                let bar = ProgressBar::new(100).with_style(style(SPINNER));
                self.lines.insert_before(&self.footer, bar)
            });
            show(bar, &job, width, now);
        }
        if hidden > 0 {
            self.footer.set_message(format!("  and {hidden} more"));
        }
    }
}

const SPINNER: &str = "{spinner} {prefix} {wide_msg}";
const BAR: &str = "{spinner} {prefix} [{bar:20}] {wide_msg}";

fn show(bar: &ProgressBar, job: &JobView<'_>, width: usize, now: Now) {
    if bar.is_finished() {
        return;
    }
    let percent = job.tracker.facts().percent_complete.filter(|percent| *percent > 0.0 && *percent < 100.0);
    bar.set_prefix(format!("{:<width$}", title(job)));
    bar.set_message(state(job, now));
    match Outcome::of(job) {
        Outcome::Open => {
            bar.set_style(style(if percent.is_some() { BAR } else { SPINNER }));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
            bar.set_position(percent.unwrap_or_default() as u64);
            bar.tick();
        }
        Outcome::Completed => finish(bar, "✔ {prefix} {wide_msg}"),
        _ => finish(bar, "✘ {prefix} {wide_msg}"),
    }
}

fn finish(bar: &ProgressBar, template: &str) {
    bar.set_style(style(template));
    bar.tick();
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// What people call a job, short enough for a line.
fn title(job: &JobView<'_>) -> String {
    let settings = job.tracker.settings();
    let index = job.tracker.facts().target_index_name.as_deref();
    let full = settings.name.as_deref().or(index).unwrap_or(settings.id.as_str());
    if full.chars().count() <= 36 {
        return full.to_owned();
    }
    full.chars().take(35).chain(['…']).collect()
}

/// How a job is doing, in words.
fn state(job: &JobView<'_>, now: Now) -> String {
    let status = match (Outcome::of(job), job.tracker.status()) {
        (Outcome::Open, Some(status)) => status.to_string(),
        (Outcome::Open, None) => "not seen yet".to_owned(),
        (outcome, _) => outcome.as_str().replace('_', " "),
    };
    let mut words = vec![status];
    if let Some(percent) =
        job.tracker.facts().percent_complete.filter(|percent| *percent > 0.0 && *percent < 100.0)
    {
        words.push(format!("{percent:.0} %"));
    }
    words.push(duration::human(job.tracker.elapsed(now)));
    if Outcome::of(job) == Outcome::Open {
        words.push(match job.next_poll {
            Some(at) => format!("next poll in {}", short(at.since(now.instant))),
            None => "asking".to_owned(),
        });
    }
    if let Some(error) = job.refused.or_else(|| job.tracker.last_error()) {
        words.push(error.to_owned());
    }
    words.join(", ")
}

/// A time that counts down, in whole seconds.
fn short(left: Duration) -> String {
    let seconds = (left + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 { format!("{seconds}s") } else { duration::human(Duration::from_secs(seconds)) }
}
