//! The lines of a terminal: one for each restore.
//!
//! Invariant: a terminal that takes nothing, or is used by another program for now, costs a frame,
//! never a moment of the wait.
//!
//! The crate `indicatif` is not used. It writes to the terminal from the thread that draws and so
//! can block the wait; it does not know whether this process is in the foreground of its terminal,
//! or that it was stopped (Ctrl-Z) and others have written below the lines. And [`Screen`] is a
//! pure function of lines and size, tested without any terminal.

use std::time::Duration;

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use tokio::sync::oneshot;

use super::screen::{Screen, Size};
use super::words::{Forecast, expected, is_open, searching, state};
use crate::adapters::telemetry::LogBuffer;
use crate::engine::{Engine, JobView};
use crate::model::Outcome;
use crate::model::time::Now;
use crate::platform::locale;
use crate::platform::output::Output;
use crate::platform::process;
use crate::platform::signals::Continuations;

/// How often the lines are drawn.
pub(super) const FRAME: Duration = Duration::from_millis(120);

/// More jobs than this have no line of their own.
const MAX_JOB_LINES: usize = 20;

/// The width of the longest label of a job, in cells: most names of indexes and all UUIDs fit.
const MAX_LABEL_WIDTH: usize = 36;

/// A narrower terminal has no room for a bar.
const MIN_COLUMNS_FOR_BAR: u16 = 60;

/// The width of a bar, in cells.
const BAR_WIDTH: u8 = 16;

/// The last line. It is short, because a terminal shows a `^C` behind it.
const FOOTER: &str = "Ctrl-C ends the wait, not the restore";

pub(super) struct Live {
    log: LogBuffer,
    terminal: Term,
    screen: Screen,
    continuations: Option<Continuations>,
    in_foreground: bool,
    /// Resolves once the last frame is written.
    written: Option<oneshot::Receiver<()>>,
    frames: usize,
}

impl Live {
    pub(super) fn new(log: LogBuffer) -> Self {
        Self {
            log,
            terminal: Term::stderr(),
            screen: Screen::default(),
            // Without a handler, a terminal that others used meanwhile may look a bit worse.
            continuations: Continuations::listen().ok(),
            in_foreground: true,
            written: None,
            frames: 0,
        }
    }

    /// Draws the current state of all jobs, if that needs no waiting.
    pub(super) fn draw(&mut self, engine: &Engine, now: Now, people: &Output) {
        let in_foreground = process::is_in_foreground();
        let came_back = in_foreground && !self.in_foreground;
        self.in_foreground = in_foreground;
        // Others have written below the lines: the shell, and the commands that were run meanwhile.
        if self.continuations.as_mut().is_some_and(Continuations::happened) || came_back {
            self.screen.forget();
        }
        let is_busy = |written: &mut oneshot::Receiver<()>| {
            written.try_recv() == Err(oneshot::error::TryRecvError::Empty)
        };
        if !in_foreground || self.written.as_mut().is_some_and(is_busy) {
            return;
        }

        let size = self.size();
        let lines = self.lines(engine, now, size.columns);
        let log = self.take_log();
        people.write(self.screen.frame(&log, lines, size));
        self.written = Some(people.mark());

        self.frames = self.frames.wrapping_add(1);
    }

    /// Clears the lines. After a signal they stay: the `^C` that the terminal shows may have moved
    /// them, and clearing would miss some.
    pub(super) fn close(&mut self, stays: bool, people: &Output) {
        if !stays {
            people.write(self.screen.clear(self.size()));
        } else if self.screen.forget() {
            people.write("\n");
        }
        people.write(self.take_log());
    }

    fn size(&self) -> Size {
        let (rows, columns) = self.terminal.size();
        Size { rows, columns }
    }

    fn take_log(&self) -> String {
        String::from_utf8_lossy(&self.log.take()).into_owned()
    }

    fn lines(&self, engine: &Engine, now: Now, columns: u16) -> Vec<String> {
        let forecast = engine.polls().forecast();
        let jobs: Vec<_> = engine.jobs().take(MAX_JOB_LINES).collect();
        let widest = jobs.iter().map(|job| measure_text_width(job.tracker.label())).max().unwrap_or_default();
        let width = widest.min(MAX_LABEL_WIDTH).min(usize::from(columns) / 2);
        let line = |job: &JobView<'_>| self.line(job, &forecast, now, width, columns);
        let hidden = engine.jobs().count().saturating_sub(MAX_JOB_LINES);
        let footer = if hidden > 0 { format!("and {hidden} more; {FOOTER}") } else { FOOTER.to_owned() };
        // A truncated sentence could mislead.
        let fits = |text: &String| measure_text_width(text) < usize::from(columns);
        let expected = expected(engine).filter(|_| is_open(engine)).map(|past| past.to_string()).filter(fits);
        let searching = searching(engine, now).filter(fits);

        jobs.iter().map(line).chain(searching).chain(expected).chain([footer]).collect()
    }

    fn line(&self, job: &JobView<'_>, forecast: &Forecast, now: Now, width: usize, columns: u16) -> String {
        let outcome = job.outcome();
        let label = truncate_str(job.tracker.label(), width, "");
        let label = pad_str(&label, width, Alignment::Left, None);
        let progress = job.tracker.facts().intermediate_progress();
        let bar = match progress.filter(|_| outcome == Outcome::Open && columns >= MIN_COLUMNS_FOR_BAR) {
            Some(percent) => format!(" [{}]", bar(percent)),
            None => String::new(),
        };
        format!("{} {label}{bar} {}", mark(outcome, self.frames), locale::shown(&state(job, forecast, now)))
    }
}

/// The first character of a line: the outcome of a job, or a spinner.
fn mark(outcome: Outcome, frame: usize) -> char {
    const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    const SPINNER_ASCII: [char; 4] = ['|', '/', '-', '\\'];
    match (outcome, locale::is_utf8()) {
        (Outcome::Open, true) => SPINNER[frame % SPINNER.len()],
        (Outcome::Open, false) => SPINNER_ASCII[frame % SPINNER_ASCII.len()],
        (outcome, true) if outcome.is_success() => '✔',
        (outcome, false) if outcome.is_success() => '+',
        (_, true) => '✘',
        (_, false) => 'x',
    }
}

fn bar(percent: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    let full = (percent / 100.0 * f64::from(BAR_WIDTH)) as usize;
    let (done, open) = if locale::is_utf8() { ("█", "░") } else { ("#", "-") };
    let width = usize::from(BAR_WIDTH);
    done.repeat(full.min(width)) + &open.repeat(width.saturating_sub(full))
}
