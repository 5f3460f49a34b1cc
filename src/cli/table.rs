//! Tables for people: columns as wide as their widest cell, two spaces apart.

use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use console::{Term, measure_text_width, truncate_str};

use crate::model::Section;
use crate::platform::lines::wrap_at_spaces;
use crate::platform::locale;

/// How many characters of an id are shown at least, if it is shortened.
const SHORT_ID: usize = 8;

/// How far the cells of a column are cut at most: less says nothing.
const SHORTEST: usize = 8;

/// A table with this heading. Cells may have characters that are two columns wide, and no line
/// breaks. A column without any text takes no room.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(&heading).chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let used = row.iter().zip(widths).filter(|(_, width)| *width > 0);
        let cells = used.map(|(cell, width)| {
            let padding = " ".repeat(width - measure_text_width(cell));
            format!("{cell}{padding}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };

    rows.into_iter().map(line).collect()
}

/// How many characters of each id tell all ids apart, at least [`SHORT_ID`].
pub(super) fn distinct_length<'a>(ids: impl Iterator<Item = &'a str>) -> usize {
    let ids: BTreeSet<_> = ids.collect();
    let common = |a: &str, b: &str| a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    // In their order, the ids that have the most in common stand side by side.
    let longest = ids.iter().zip(ids.iter().skip(1)).map(|(a, b)| common(a, b)).max().unwrap_or_default();
    SHORT_ID.max(longest + 1)
}

/// The first characters of an id.
pub(super) fn beginning(id: &str, length: usize) -> &str {
    id.char_indices().nth(length).map_or(id, |(end, _)| &id[..end])
}

/// The color of the outcomes of a section, if they have one.
pub(super) fn color_of(section: Section) -> Option<AnsiColor> {
    match section {
        Section::Failed => Some(AnsiColor::Red),
        Section::Running => None,
        Section::Succeeded => Some(AnsiColor::Green),
    }
}

/// A text in a style, if there are colors.
pub(super) fn painted(text: &str, style: Style, color: bool) -> String {
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// The table with a heading that is less important than its rows, if there are colors.
pub(super) fn with_faint_heading(table: String, color: bool) -> String {
    match table.split_once('\n') {
        Some((heading, rows)) if color => {
            format!("{}\n{rows}", painted(heading, Style::new().dimmed(), color))
        }
        _ => table,
    }
}

/// The width of the terminal that standard output is, if it is one.
pub(super) fn width() -> Option<usize> {
    Term::stdout().features().is_attended().then(|| usize::from(Term::stdout().size().1))
}

/// A table that fits into `width` columns, if there is a width: the cells of the last column stand
/// below their rows if the lines would be too long, and those of the column `shortened` lose their
/// ends.
pub(super) fn folded<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
    width: Option<usize>,
    shortened: usize,
) -> String {
    const INDENT: &str = "  ";

    let whole = table(heading, rows);
    let Some(width) = width.filter(|width| longest_line(&whole) > *width) else { return whole };
    let heading_above = heading.map(|name| if name == heading[N - 1] { "" } else { name });
    let above: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row[N - 1].clear();
            row
        })
        .collect();

    let mut lines = Vec::new();
    let above = shortened_to(heading_above, &above, width, shortened, SHORTEST);
    for (number, line) in above.lines().enumerate() {
        lines.push(line.to_owned());
        let below = number.checked_sub(1).map(|row| &rows[row][N - 1]).filter(|text| !text.is_empty());
        let below = below.map(|text| wrap_at_spaces(text, width.saturating_sub(INDENT.len())));
        lines.extend(below.iter().flatten().map(|line| format!("{INDENT}{line}")));
    }
    lines.join("\n") + "\n"
}

/// A table that fits into `width` columns, if there is a width: if the lines would be too long, the
/// cells of the column `shortened` lose their ends.
pub(super) fn shortened<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
    width: Option<usize>,
    shortened: usize,
) -> String {
    match width {
        Some(width) => shortened_to(heading, rows, width, shortened, SHORTEST),
        None => table(heading, rows),
    }
}

/// A table that fits into `width` columns: of columns that are `spare`, as many are left out as must
/// be, the first one first; then the cells of the column `shortened` lose their ends.
pub(super) fn fitted<const N: usize>(
    mut heading: [&str; N],
    rows: &[[String; N]],
    width: usize,
    spare: &[usize],
    shortened: usize,
) -> String {
    /// A name is cut this far before another column is left out.
    const USUAL: usize = 16;

    let mut rows = rows.to_vec();
    for column in spare {
        let table = shortened_to(heading, &rows, width, shortened, USUAL);
        if longest_line(&table) <= width {
            return table;
        }
        heading[*column] = "";
        for row in &mut rows {
            row[*column].clear();
        }
    }
    shortened_to(heading, &rows, width, shortened, SHORTEST)
}

fn shortened_to<const N: usize>(
    heading: [&str; N],
    rows: &[[String; N]],
    width: usize,
    column: usize,
    shortest: usize,
) -> String {
    let whole = table(heading, rows);
    let surplus = longest_line(&whole).saturating_sub(width);
    if surplus == 0 {
        return whole;
    }
    let widest = rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default();
    let room = widest.saturating_sub(surplus).max(shortest);
    let mark = locale::shown("…");
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row[column] = truncate_str(&row[column], room, &mark).into_owned();
    }

    table(heading, &rows)
}

pub(super) fn longest_line(text: &str) -> usize {
    text.lines().map(measure_text_width).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_where_their_text_ends() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned);
        let rows = [row(["日本", "x"]), row(["a", ""])];
        assert_eq!(table(["ONE", "TWO"], &rows), "ONE   TWO\n日本  x\na\n");
        assert_eq!(table(["ONE"], &[]), "ONE\n");
    }
}
