//! The reference page of the configuration, `docs/reference/configuration.md`.

use std::fmt::Write as _;

use super::{Key, Kind, PROJECT, Table, tables};

const HEAD: &str = "\
<!-- Generated from src/config/keys/declared. Regenerate with: UPDATE=1 cargo test --lib config::keys -->

# Configuration

The configuration of `restore-watch run` is one TOML file: `/etc/restore-watch/config.toml` or
`~/.config/restore-watch/config.toml`, or the file named by `--config` or `RESTORE_WATCH_CONFIG`.
It has at most 16 MiB, enough for some 400,000 jobs.

- `restore-watch init FILE` writes a short file to start from; `restore-watch init --all` prints
  one with every key, which is `config/restore-watch.toml` in the repository.
- `restore-watch check` prints all problems of a file at once, or what it means, with warnings.
  With `--secrets`, it reads every secret; with `--online`, it also asks the API for each project and
  job. Unknown keys are errors.
- `restore-watch schema config` prints the JSON Schema for editors.

Durations are written `\"250ms\"`, `\"90s\"`, `\"10m\"`, `\"1h30m\"` or `\"2d\"`.
";

pub(super) fn page() -> String {
    tables().fold(HEAD.to_owned(), |page, table| page + "\n" + &section(table))
}

fn section(table: &Table) -> String {
    let mut text = format!("## {}\n\n{}\n", table.title, table.about);
    let in_project =
        PROJECT.keys.iter().find(|key| matches!(key.kind, Kind::Table(of) if std::ptr::eq(of, table)));
    if let Some(key) = in_project {
        writeln!(text, "A project that differs says so in `[project.{}]`.", key.name).unwrap();
    }
    if table.keys.is_empty() {
        return text + "It has no further keys.\n";
    }
    text += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    table.keys.iter().for_each(|key| text += &row(key));
    text
}

fn row(key: &Key) -> String {
    let default = match key.default() {
        Some(default) => format!("`{default}`"),
        None if key.is_required => "required".to_owned(),
        None => String::new(),
    };
    format!("| `{}` | {} | {default} | {} |\n", key.name, key.form(), key.meaning())
}

/// The title of a table, without its marks.
fn plain(table: &Table) -> String {
    table.title.replace('`', "")
}

impl Key {
    /// What the value may be.
    fn form(&self) -> String {
        match &self.kind {
            Kind::Boolean | Kind::BooleanOn => "`true` or `false`".to_owned(),
            Kind::Integer { .. } | Kind::Port => "integer".to_owned(),
            Kind::Rate { .. } => "number".to_owned(),
            Kind::Duration { .. } => "duration".to_owned(),
            Kind::Durations { .. } => "array of durations".to_owned(),
            Kind::Choice { words, .. } => {
                words().iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
            }
            Kind::Label { .. } | Kind::Text { .. } | Kind::SecretPlace => "string".to_owned(),
            Kind::Command { .. } => "array of strings".to_owned(),
            Kind::IndexPatterns { .. } | Kind::NamePatterns { .. } => "array of patterns".to_owned(),
            Kind::Events => {
                "array of event types, such as `\"restore_job.failed\"`, `\"restore_job.*\"` or `\"*\"`"
                    .to_owned()
            }
            Kind::Levels => {
                "table of `\"debug\"`, `\"info\"`, `\"warn\"` or `\"error\"` by event type".to_owned()
            }
            Kind::Jobs => "array of ids, or of tables (see \"A job\")".to_owned(),
            Kind::Discover => "`true`, `false` or a table".to_owned(),
            Kind::Secret => "table (see \"Where a secret is\")".to_owned(),
            Kind::Secrets { .. } => "table (see \"Where a secret is\"), or an array of them".to_owned(),
            Kind::SecretsByName { .. } => "table of tables by name (see \"Where a secret is\")".to_owned(),
            Kind::Template => "template".to_owned(),
            Kind::Tree => "table or array, with templates in it".to_owned(),
            Kind::Listen => "string, or array of strings".to_owned(),
            Kind::Hosts => "array of names".to_owned(),
            Kind::Addresses { .. } => "address, or array of addresses".to_owned(),
            Kind::Days => "array of days, or of ranges such as `\"mon-fri\"`".to_owned(),
            Kind::Hours => "table (see \"The hours of a sink\"), or an array of them".to_owned(),
            Kind::Url => "a URL, or a table (see \"Where a secret is\")".to_owned(),
            Kind::Headers { .. } => "table of strings, or of tables (see \"Where a secret is\")".to_owned(),
            Kind::OrTable(table) => format!("string, or a table (see \"{}\")", plain(table)),
            Kind::InLine(table) => format!("table (see \"{}\")", plain(table)),
            Kind::Table(_) => "table".to_owned(),
            Kind::Tables(_) | Kind::Sinks => "array of tables".to_owned(),
        }
    }
}
