//! The display on a terminal: when it is drawn, and when it is left alone.
//!
//! Invariant: a terminal that takes nothing, or is used by another program for now, costs a frame,
//! never a moment of the wait.
//!
//! The crate `indicatif` is not used. It writes to the terminal from the thread that draws and so
//! can block the wait; it does not know whether this process is in the foreground of its terminal,
//! or that it was stopped (Ctrl-Z) and others have written below the lines. And what is drawn is a
//! pure function of the jobs and the size, tested without any terminal.

use std::time::Duration;

use console::Term;
use tokio::sync::oneshot;

use super::layout;
use super::screen::{Screen, Size};
use super::style::Style;
use super::view::View;
use crate::adapters::telemetry::LogBuffer;
use crate::platform::output::Output;
use crate::platform::process;
use crate::platform::signals::Continuations;
use crate::platform::{color, locale};

/// How often the lines are drawn.
pub(super) const FRAME: Duration = Duration::from_millis(120);

pub(super) struct Live {
    log: LogBuffer,
    terminal: Term,
    style: Style,
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
            style: Style { utf8: locale::is_utf8(), color: color::is_wanted_on(&std::io::stderr()) },
            screen: Screen::default(),
            // Without a handler, a terminal that others used meanwhile may look a bit worse.
            continuations: Continuations::listen().ok(),
            in_foreground: true,
            written: None,
            frames: 0,
        }
    }

    /// Draws what `view` returns, if that needs no waiting.
    pub(super) fn draw<'a>(&mut self, view: impl FnOnce() -> View<'a>, people: &Output) {
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
        let lines = layout::lines(&view(), size, self.style, self.frames);
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
        Size::of(&self.terminal)
    }

    fn take_log(&self) -> String {
        String::from_utf8_lossy(&self.log.take()).into_owned()
    }
}
