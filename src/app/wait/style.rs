//! Marks and colors of the display and the report.
//!
//! Invariant: colors and marks only repeat what the words say.

use std::borrow::Cow;
use std::io::IsTerminal;

use anstyle::AnsiColor;
use console::Term;

use super::screen::Size;
use crate::model::Outcome;
use crate::platform::{color, locale};

/// What can be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Whether more than ASCII can be.
    pub(super) utf8: bool,
    pub(super) color: bool,
}

/// What a text says of a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Trouble,
    /// Less important than the rest.
    Faint,
    Plain,
}

/// What a report is written on.
#[derive(Debug, Clone, Copy)]
pub struct Surface {
    pub(super) style: Style,
    /// The size of the terminal, if it is one.
    pub(super) terminal: Option<Size>,
}

impl Surface {
    /// A file, a pipe, or the log of a pipeline.
    pub fn plain() -> Self {
        Self { style: Style { utf8: locale::is_utf8(), color: false }, terminal: None }
    }

    pub fn stdout() -> Self {
        Self::of(&std::io::stdout(), &Term::stdout())
    }

    pub fn stderr() -> Self {
        Self::of(&std::io::stderr(), &Term::stderr())
    }

    fn of(stream: &impl IsTerminal, terminal: &Term) -> Self {
        let is_terminal = stream.is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        let style = Style { utf8: locale::is_utf8(), color: color::is_wanted_on(stream) };
        Self { style, terminal: is_terminal.then(|| Size::of(terminal)) }
    }
}

impl Style {
    /// The mark of a cut or an unfinished text.
    pub(super) fn ellipsis(self) -> &'static str {
        if self.utf8 { "…" } else { "..." }
    }

    /// A text from elsewhere in which a cut text has this mark.
    pub(super) fn shown(self, text: &str) -> Cow<'_, str> {
        locale::shown_as(self.utf8, text)
    }

    /// The mark of an outcome; of an open one, the next picture of a wheel that turns.
    pub(super) fn mark(self, outcome: Outcome, frame: usize) -> char {
        const WHEEL: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
        const WHEEL_ASCII: [char; 4] = ['|', '/', '-', '\\'];

        match (outcome, self.utf8) {
            (Outcome::Open, true) => WHEEL[frame % WHEEL.len()],
            (Outcome::Open, false) => WHEEL_ASCII[frame % WHEEL_ASCII.len()],
            _ => self.final_mark(outcome),
        }
    }

    /// The mark of an outcome in a report.
    pub(super) fn final_mark(self, outcome: Outcome) -> char {
        match (Tone::of(outcome), self.utf8) {
            (Tone::Good, true) => '✔',
            (Tone::Good, false) => '+',
            (Tone::Bad, true) => '✘',
            (Tone::Bad, false) => 'x',
            (_, true) => '•',
            (_, false) => '-',
        }
    }

    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.color || text.is_empty() => return text.to_owned(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Trouble => AnsiColor::Yellow.on_default(),
            Tone::Faint => anstyle::Style::new().dimmed(),
            Tone::Plain => return text.to_owned(),
        };
        format!("{style}{text}{style:#}")
    }
}

impl Tone {
    pub(super) fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Open => Self::Plain,
            outcome if outcome.is_success() => Self::Good,
            _ => Self::Bad,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_have_an_ascii_form() {
        let marks = |utf8| {
            let style = Style { utf8, color: false };
            [Outcome::Completed, Outcome::NotFound, Outcome::Open].map(|outcome| style.final_mark(outcome))
        };

        assert_eq!(marks(true), ['✔', '✘', '•']);
        assert_eq!(marks(false), ['+', 'x', '-']);
    }

    #[test]
    fn colors_are_added_if_they_are_on() {
        let paint = |color| Style { utf8: true, color }.paint(Tone::Good, "ready");

        assert_eq!(paint(false), "ready");
        assert_eq!(paint(true), "\u{1b}[32mready\u{1b}[0m");
    }
}
