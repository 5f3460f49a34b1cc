//! Lines at the end of a terminal that are redrawn in place.
//!
//! Invariant: exactly the drawn lines are erased, also after the terminal was resized; no line is
//! wrapped when it is drawn. Only sequences that every terminal knows are used: those of ECMA-48,
//! and that of the VT100 for wrapping. Lines may have colors.

use console::{Term, measure_text_width, strip_ansi_codes, truncate_str};

use crate::platform::locale;

/// The lines that are on a terminal, as they were drawn; the cursor is behind the last one.
#[derive(Debug, Default)]
pub(super) struct Screen {
    drawn: Vec<String>,
}

/// A terminal that has become narrower reports that a bit later. Lines that are drawn meanwhile are
/// cut, not wrapped, so that the last one stays where it was, and [`Screen::erase`] finds all of
/// them.
const WRAP_OFF: &str = "\u{1b}[?7l";
const WRAP_ON: &str = "\u{1b}[?7h";

/// With fewer columns there is no room for the mark of a cut line.
const ROOM_FOR_A_MARK: usize = 20;

#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) rows: u16,
    pub(super) columns: u16,
}

impl Size {
    pub(super) fn of(terminal: &Term) -> Self {
        let (rows, columns) = terminal.size();
        Self { rows, columns }
    }
}

impl Screen {
    /// The text that draws `lines` in place of the current ones, below `above`, which are whole
    /// lines and stay. Without room for all, the last line and the first ones are drawn.
    pub(super) fn frame(&mut self, above: &str, mut lines: Vec<String>, size: Size) -> String {
        let text = self.erase(size) + above + WRAP_OFF;
        let rows = usize::from(size.rows).max(1);
        if lines.len() > rows
            && let Some(last) = lines.pop()
        {
            lines.truncate(rows - 1);
            lines.push(last);
        }
        // A line that fills the last column leaves the cursor where terminals do not agree.
        let room = usize::from(size.columns).saturating_sub(1).max(1);
        let mark = if locale::is_utf8() && room >= ROOM_FOR_A_MARK { "…" } else { "" };
        self.drawn = lines.iter().map(|line| truncate_str(line, room, mark).into_owned()).collect();

        text + &self.drawn.join("\n") + WRAP_ON
    }

    /// The text that clears the lines.
    pub(super) fn clear(&mut self, size: Size) -> String {
        if self.drawn.is_empty() {
            return String::new();
        }
        let text = self.erase(size);
        self.drawn.clear();
        text
    }

    /// Leaves the lines where they are. Returns whether there are any.
    pub(super) fn forget(&mut self) -> bool {
        !std::mem::take(&mut self.drawn).is_empty()
    }

    /// The text that erases the lines and leaves the cursor where they began. A terminal that
    /// became narrower has wrapped them; most do, and on one that cuts them instead, rows above are
    /// erased. Row by row: rows that were wrapped would stay joined if they were drawn over, and a
    /// terminal that gets the sequence to erase all keeps a copy.
    fn erase(&self, size: Size) -> String {
        const ROW: &str = "\u{1b}[2K";
        let columns = usize::from(size.columns).max(1);
        let rows: usize = self.drawn.iter().map(|line| rows(line, columns)).sum();
        match rows.saturating_sub(1) {
            0 => format!("\r{ROW}"),
            up => format!("\r\u{1b}[{up}A{}{ROW}\u{1b}[{up}A", format!("{ROW}\u{1b}[B").repeat(up)),
        }
    }
}

/// How many rows a line takes, of so many columns. A character that is two columns wide is not
/// parted.
fn rows(line: &str, columns: usize) -> usize {
    let (mut rows, mut column) = (1, 0);
    for character in strip_ansi_codes(line).chars() {
        let width = measure_text_width(character.encode_utf8(&mut [0; 4]));
        if column + width > columns {
            rows += 1;
            column = 0;
        }
        column += width;
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn size(columns: u16) -> Size {
        Size { rows: 4, columns }
    }

    fn shown(text: &str) -> String {
        text.replace(WRAP_OFF, "")
            .replace(WRAP_ON, "")
            .replace('\u{1b}', "^")
            .replace('\r', "<")
            .replace('\n', "/")
    }

    #[test]
    fn lines_replace_those_before() {
        let mut screen = Screen::default();
        assert_eq!(shown(&screen.frame("", lines(&["one", "two"]), size(80))), "<^[2Kone/two");
        assert_eq!(shown(&screen.frame("", lines(&["three"]), size(80))), "<^[1A^[2K^[B^[2K^[1Athree");
        assert_eq!(shown(&screen.frame("log\n", lines(&["a", "b"]), size(80))), "<^[2Klog/a/b");
        assert_eq!(shown(&screen.clear(size(80))), "<^[1A^[2K^[B^[2K^[1A");
        assert_eq!(screen.clear(size(80)), "");
    }

    #[test]
    fn wrapped_lines_are_erased_on_a_narrower_terminal() {
        let mut screen = Screen::default();
        screen.frame("", lines(&["twenty columns long.", "ten long..", "x"]), size(80));
        let erased = format!("<^[3A{}^[2K^[3A", "^[2K^[B".repeat(3));
        assert_eq!(
            shown(&screen.frame("", lines(&["twenty columns long."]), size(10))),
            erased + "twenty co"
        );
        assert_eq!(shown(&screen.clear(size(80))), "<^[2K");
    }

    #[test]
    fn frames_fit_terminals_of_any_size() {
        let mut screen = Screen::default();
        for columns in [0, 1, 2] {
            let frame =
                screen.frame("", lines(&["日本", "two", "three", "four", "five"]), Size { rows: 2, columns });
            assert_eq!(frame.matches('\n').count(), 1, "{frame:?}");
            assert!(screen.drawn.iter().all(|line| measure_text_width(line) <= 1), "{frame:?}");
        }
        screen.frame("", lines(&["a"]), Size { rows: 0, columns: 0 });
    }

    #[test]
    fn forgotten_lines_are_not_erased() {
        let mut screen = Screen::default();
        assert!(!screen.forget());
        screen.frame("", lines(&["one", "two"]), size(80));
        assert!(screen.forget());
        assert_eq!(shown(&screen.frame("", lines(&["one"]), size(80))), "<^[2Kone");
    }

    #[test]
    fn wide_characters_are_not_parted() {
        for (line, columns, count) in
            [("", 5, 1), ("12345", 5, 1), ("123456", 5, 2), ("日本日", 5, 2), ("日本日本", 3, 4)]
        {
            assert_eq!(rows(line, columns), count, "{line} {columns}");
        }
    }

    #[test]
    fn colors_take_no_columns() {
        assert_eq!(rows("\u{1b}[32m✔\u{1b}[0m 345", 5), 1);

        let mut screen = Screen::default();
        let frame = screen.frame("", lines(&["\u{1b}[32mcompleted\u{1b}[0m"]), size(6));

        assert_eq!(shown(&frame), "<^[2K^[32mcompl^[0m");
    }
}
