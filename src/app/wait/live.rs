//! The lines of a terminal: one for each restore.
//!
//! Invariant: a terminal that takes nothing, or belongs to somebody else for now, costs a frame, never a moment of the
//! wait.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use tokio::sync::oneshot;

use super::console::{Forecast, is_open, looking, state};
use super::expected;
use super::screen::{Screen, Size};
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
const LINES: usize = 20;

/// The widest that what people call a job may be, in cells: names of indexes and UUIDs fit, mostly.
const LABEL: usize = 36;

/// A terminal that is narrower has no room for a bar.
const ROOM_FOR_A_BAR: u16 = 60;

/// The width of a bar, in cells.
const BAR: usize = 16;

/// The last line. It is short, because a terminal shows a `^C` behind it.
const FOOTER: &str = "Ctrl-C ends the wait, not the restore";

/// What is logged while lines are drawn, until it is shown above them.
pub type LogBuffer = Arc<Mutex<Vec<u8>>>;

/// The lines.
pub(super) struct Live {
    notes: LogBuffer,
    terminal: Term,
    screen: Screen,
    continuations: Option<Continuations>,
    in_foreground: bool,
    /// Told once the last frame is written.
    written: Option<oneshot::Receiver<()>>,
    frames: usize,
}

impl Live {
    pub(super) fn new(notes: LogBuffer) -> Self {
        Self {
            notes,
            terminal: Term::stderr(),
            screen: Screen::default(),
            // Without a handler, a terminal that was lent to others in between may look a bit worse.
            continuations: Continuations::listen().ok(),
            in_foreground: true,
            written: None,
            frames: 0,
        }
    }

    /// Draws how things stand, where that can be done without waiting.
    pub(super) fn draw(&mut self, engine: &Engine, now: Now, people: &Output) {
        let in_foreground = process::is_in_foreground();
        let came_back = in_foreground && !self.in_foreground;
        self.in_foreground = in_foreground;
        // Others have written below the lines: a shell that says that this stopped, and what was called meanwhile.
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
        let notes = self.take_notes();
        people.write(self.screen.frame(&notes, lines, size));
        self.written = Some(people.mark());
        self.frames = self.frames.wrapping_add(1);
    }

    /// Takes everything off the terminal. After a signal the lines stay: what the terminal has shown of it (`^C`) would
    /// have moved them, and clearing would miss some.
    pub(super) fn close(&mut self, stays: bool, people: &Output) {
        if !stays {
            people.write(self.screen.clear(self.size()));
        } else if self.screen.forget() {
            people.write("\n");
        }
        people.write(self.take_notes());
    }

    fn size(&self) -> Size {
        let (rows, columns) = self.terminal.size();
        Size { rows, columns }
    }

    fn take_notes(&self) -> String {
        // A thread that panicked while it logged has left a part of a line at most.
        let mut notes = self.notes.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *notes)).into_owned()
    }

    fn lines(&self, engine: &Engine, now: Now, columns: u16) -> Vec<String> {
        let forecast = engine.forecast();
        let jobs: Vec<_> = engine.jobs().take(LINES).collect();
        let widest = jobs.iter().map(|job| measure_text_width(job.tracker.label())).max().unwrap_or_default();
        let width = widest.min(LABEL).min(usize::from(columns) / 2);
        let line = |job: &JobView<'_>| self.line(job, &forecast, now, width, columns);
        let hidden = engine.jobs().count().saturating_sub(LINES);
        let footer = if hidden > 0 { format!("and {hidden} more; {FOOTER}") } else { FOOTER.to_owned() };
        // A part of it would say something else.
        let fits = |text: &String| measure_text_width(text) < usize::from(columns);
        let expected = expected(engine).filter(|_| is_open(engine)).map(|past| past.to_string()).filter(fits);
        let looking = looking(engine, now).filter(fits);
        jobs.iter().map(line).chain(looking).chain(expected).chain([footer]).collect()
    }

    fn line(&self, job: &JobView<'_>, forecast: &Forecast, now: Now, width: usize, columns: u16) -> String {
        let outcome = job.outcome();
        let label = truncate_str(job.tracker.label(), width, "");
        let label = pad_str(&label, width, Alignment::Left, None);
        let progress = job.tracker.facts().intermediate_progress();
        let bar = match progress.filter(|_| outcome == Outcome::Open && columns >= ROOM_FOR_A_BAR) {
            Some(percent) => format!(" [{}]", bar(percent)),
            None => String::new(),
        };
        format!("{} {label}{bar} {}", mark(outcome, self.frames), locale::shown(&state(job, forecast, now)))
    }
}

/// What a line begins with: what became of a job, or something that moves.
fn mark(outcome: Outcome, frame: usize) -> char {
    const MOVING: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
    const MOVING_ASCII: [char; 4] = ['|', '/', '-', '\\'];
    match (outcome, locale::is_utf8()) {
        (Outcome::Open, true) => MOVING[frame % MOVING.len()],
        (Outcome::Open, false) => MOVING_ASCII[frame % MOVING_ASCII.len()],
        (outcome, true) if outcome.is_success() => '✔',
        (outcome, false) if outcome.is_success() => '+',
        (_, true) => '✘',
        (_, false) => 'x',
    }
}

fn bar(percent: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    let full = (percent / 100.0 * 16.0) as usize;
    let (done, open) = if locale::is_utf8() { ("█", "░") } else { ("#", "-") };
    done.repeat(full.min(BAR)) + &open.repeat(BAR.saturating_sub(full))
}
