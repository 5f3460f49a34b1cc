//! What differs from run to run, replaced by names.

/// Texts of this run, each with the name that stands for it.
#[derive(Default)]
pub(crate) struct Replaced(Vec<(String, &'static str)>);

impl Replaced {
    /// Has `name` stand for `text`.
    pub(crate) fn add(&mut self, text: String, name: &'static str) {
        self.0.push((text, name));
    }

    /// The text without what differs.
    pub(crate) fn of(&self, text: &str) -> String {
        let known = self.0.iter().fold(text.to_owned(), |text, (known, name)| text.replace(known, name));
        let ports = after(&known, "127.0.0.1:", "PORT");
        let processes = after(&ports, "process ", "PID");
        let lines: String = processes.split_inclusive('\n').map(headline).collect();
        lines.split_inclusive([' ', '\n', ',', ';', ')', '(']).map(moment).collect()
    }
}

/// The text with the numbers behind `mark` replaced.
fn after(text: &str, mark: &str, name: &str) -> String {
    let mut parts = text.split(mark);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let number = if rest.len() < part.len() { name } else { "" };
        format!("{text}{mark}{number}{rest}")
    })
}

/// How the line of the version begins.
const VERSION: &str = concat!("restore-watch ", env!("CARGO_PKG_VERSION"), " (");

/// A line; of the headline of a status, the beginning: polls and deliveries come and go behind it; of
/// the version, what does not depend on the machine. The estimate of a wait is left out: it comes
/// before or after the lines of the log.
fn headline(line: &str) -> String {
    match line.split_once(';') {
        _ if line.contains("Z past restores: ") => String::new(),
        Some((beginning, _)) if line.starts_with("watching ") => format!("{beginning}; …\n"),
        None if line.starts_with("watching ") => format!("{}; …\n", line.trim_end()),
        _ if line.starts_with(VERSION) => format!("{VERSION}…)\n"),
        _ => line.to_owned(),
    }
}

/// A word with its separator; a time of day or a measured duration is replaced.
fn moment(word: &str) -> String {
    let text = word.trim_end_matches([' ', '\n', ',', ';', ')', '(']);
    let separators = &word[text.len()..];
    let is_time = text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let is_measured =
        number.parse::<f64>().is_ok() && (unit == "ms" || (unit == "s" && number.contains('.')));

    match (is_time, is_measured) {
        (true, _) => format!("TIME{separators}"),
        (_, true) => format!("DURATION{separators}"),
        _ => word.to_owned(),
    }
}
