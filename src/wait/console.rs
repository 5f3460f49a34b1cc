//! What a person sees while waiting, on standard error.
//!
//! Invariant: nothing here can fail a wait: a closed or narrow terminal costs a line, never the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use console::{Term, measure_text_width};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::time::{Instant, Now};
use crate::engine::{Engine, JobView, Outcome};
use crate::model::{JobId, ProjectName, Transition, duration};
use crate::output::Output;
use crate::{sink, telemetry};

/// How often the lines of a terminal are drawn.
const FRAME: Duration = Duration::from_millis(120);

/// More jobs than this have no line of their own on a terminal.
const LINES: usize = 20;

/// The widest that what people call a job may be, in cells: names of indexes and UUIDs fit, mostly.
const LABEL: usize = 36;

/// A terminal that is narrower has no room for a bar.
const ROOM_FOR_A_BAR: u16 = 60;

/// When the first sign of life comes where progress is plain: early, so that trouble at the start is seen.
const FIRST_BEAT: Duration = Duration::from_secs(10);

/// The last line on a terminal. It is short, because a terminal shows a `^C` behind it.
const FOOTER: &str = "Ctrl-C ends the wait, not the restore";

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
pub(super) struct Console<'a> {
    mode: Mode,
    people: &'a Output,
    /// Lines about transitions are logged, so that the journal knows what they are about.
    journal: bool,
    next: Option<Instant>,
}

enum Mode {
    Live(Live),
    Plain { heartbeat: Duration },
    Silent,
}

impl<'a> Console<'a> {
    pub(super) fn new(progress: Progress, people: &'a Output, engine: &Engine, now: Now) -> Self {
        let (mode, next) = match progress {
            Progress::Live(lines) => (Mode::Live(Live::new(lines, engine)), Some(now.instant)),
            Progress::Plain { heartbeat } => {
                (Mode::Plain { heartbeat }, beat(now, heartbeat.min(FIRST_BEAT)))
            }
            Progress::Silent => (Mode::Silent, None),
        };
        Self { mode, people, journal: telemetry::is_journal(), next }
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
                self.people.write(line(now, &heartbeat_line(engine, now)));
                beat(now, *heartbeat)
            }
            Mode::Silent => None,
        };
    }

    /// Shows a transition.
    pub(super) fn tell(&mut self, transition: &Transition, now: Now) {
        if let Mode::Plain { heartbeat } = &self.mode {
            if self.journal {
                sink::log(transition);
            } else {
                self.people.write(line(now, &transition.summary()));
            }
            self.next = beat(now, *heartbeat);
        }
    }

    /// Takes everything off a terminal that would be in the way of the report. After a signal the lines stay: what the
    /// terminal has shown of it (`^C`) would have moved them, and clearing would miss some.
    pub(super) fn close(mut self, signalled: bool) {
        if let Mode::Live(live) = &mut self.mode
            && signalled
        {
            live.stays = true;
            self.people.write("\n");
        }
    }
}

/// When the next sign of life is due.
fn beat(now: Now, heartbeat: Duration) -> Option<Instant> {
    (!heartbeat.is_zero()).then(|| now.instant + heartbeat)
}

/// A line with its time.
fn line(now: Now, text: &str) -> String {
    format!("{:.0} {text}\n", now.wall)
}

fn heartbeat_line(engine: &Engine, now: Now) -> String {
    let forecast = engine.forecast();
    let open: Vec<_> = engine.jobs().filter(|job| Outcome::of(job) == Outcome::Open).collect();
    let oldest = open.iter().max_by_key(|job| job.tracker.age(now.instant));
    let example = oldest.map(|job| format!("; {} {}", job.tracker.label(), state(job, &forecast, now)));
    let total = engine.jobs().count();
    let indexes = open.iter().filter(|job| job.tracker.index().is_some()).count();
    let restores = open.len() - indexes;
    let what = match (restores, indexes) {
        (_, 0) => format!("{restores} of {total} restore{}", plural(total)),
        (0, _) => format!("{indexes} of {total} index{} to be ready", if total == 1 { "" } else { "es" }),
        _ => format!("{restores} of {total} restores, and {indexes} restored indexes to be ready"),
    };
    format!("waiting for {what}{}", example.unwrap_or_default())
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// The lines of a terminal.
struct Live {
    lines: MultiProgress,
    terminal: Term,
    bars: BTreeMap<JobId, Bar>,
    footer: ProgressBar,
    /// The lines are left on the terminal at the end.
    stays: bool,
}

/// The line of one job.
struct Bar {
    line: ProgressBar,
    template: String,
}

impl Live {
    fn new(lines: MultiProgress, engine: &Engine) -> Self {
        let footer = lines.add(ProgressBar::new_spinner().with_style(style("{msg}")));
        let hidden = engine.jobs().count().saturating_sub(LINES);
        footer.set_message(if hidden > 0 {
            format!("and {hidden} more; {FOOTER}")
        } else {
            FOOTER.to_owned()
        });
        Self { lines, terminal: Term::stderr(), bars: BTreeMap::new(), footer, stays: false }
    }

    fn draw(&mut self, engine: &Engine, now: Now) {
        let forecast = engine.forecast();
        let (_, columns) = self.terminal.size();
        let jobs: Vec<_> = engine.jobs().take(LINES).collect();
        let widest = jobs.iter().map(|job| measure_text_width(job.tracker.label())).max().unwrap_or_default();
        let width = widest.min(LABEL).min(usize::from(columns) / 2);
        for job in jobs {
            let bar = self.bars.entry(job.tracker.settings().id.clone()).or_insert_with(|| {
                let line = self.lines.insert_before(&self.footer, ProgressBar::new(100));
                Bar { line, template: String::new() }
            });
            bar.look(&template(&job, width, columns));
            bar.line.set_prefix(job.tracker.label().to_owned());
            bar.line.set_message(state(&job, &forecast, now));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
            bar.line.set_position(job.tracker.facts().intermediate_progress().unwrap_or_default() as u64);
            bar.line.tick();
        }
        self.footer.tick();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if !self.stays {
            // A terminal that cannot be cleared is left as it is.
            drop(self.lines.clear());
        }
        // Bars draw themselves once more when they are dropped.
        self.lines.set_draw_target(ProgressDrawTarget::hidden());
    }
}

impl Bar {
    fn look(&mut self, template: &str) {
        if self.template != template {
            self.line.set_style(style(template));
            template.clone_into(&mut self.template);
        }
    }
}

/// The form of a job's line, with so many cells for what people call it.
fn template(job: &JobView<'_>, width: usize, columns: u16) -> String {
    let bar = job.tracker.facts().intermediate_progress().is_some() && columns >= ROOM_FOR_A_BAR;
    let mark = match Outcome::of(job) {
        Outcome::Open => "{spinner}",
        outcome if outcome.is_good() => "✔",
        _ => "✘",
    };
    let bar = if bar && Outcome::of(job) == Outcome::Open { " [{bar:16}]" } else { "" };
    format!("{mark} {{prefix:{width}!}}{bar} {{wide_msg}}")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

/// When each job is polled next.
type Forecast = BTreeMap<(ProjectName, JobId), Instant>;

/// How a job is doing, in words.
fn state(job: &JobView<'_>, forecast: &Forecast, now: Now) -> String {
    let outcome = Outcome::of(job);
    let mut words = vec![outcome.in_words(job)];
    words.extend(job.tracker.facts().intermediate_progress().map(|percent| format!("{percent:.0} %")));
    words.push(duration::human(job.tracker.elapsed(now)));
    words.extend(job.refused.or(job.tracker.last_error()).map(str::to_owned));
    if outcome == Outcome::Open {
        let key = (job.project.clone(), job.tracker.settings().id.clone());
        words.push(match forecast.get(&key) {
            Some(at) => format!("next poll in {}", short(at.since(now.instant))),
            None => "asking".to_owned(),
        });
    }
    words.join(", ")
}

/// A time that counts down, in whole seconds.
fn short(left: Duration) -> String {
    let seconds = (left + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 { format!("{seconds}s") } else { duration::human(Duration::from_secs(seconds)) }
}
