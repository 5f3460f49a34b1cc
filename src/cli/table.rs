//! Tables for people: columns as wide as their widest cell, two spaces apart.

use console::{Term, measure_text_width, truncate_str};

use crate::platform::locale;

/// A table with this heading. Cells may have characters that are two columns wide, and no line
/// breaks.
pub(super) fn table<const N: usize>(heading: [&str; N], rows: &[[String; N]]) -> String {
    let heading = heading.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(&heading).chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|column| {
        rows.iter().map(|row| measure_text_width(&row[column])).max().unwrap_or_default()
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let padding = " ".repeat(width - measure_text_width(cell));
            format!("{cell}{padding}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };

    rows.into_iter().map(line).collect()
}

/// The table, cut at the width of the terminal that it is printed on, if it is one.
pub(super) fn fitted(table: &str) -> String {
    let Some((_, width)) = Term::stdout().features().is_attended().then(|| Term::stdout().size()) else {
        return table.to_owned();
    };
    let mark = locale::shown("…");
    table.lines().map(|line| truncate_str(line, usize::from(width), &mark).into_owned() + "\n").collect()
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
