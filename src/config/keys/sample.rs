//! The commented sample, `config/restore-watch.toml`.

use super::{JOB, Key, Kind, SINK, SinkType, TOP, Table};
use crate::model::Keyword as _;

const HEAD: &str = "\
# Generated from src/config/keys/declared.rs. Regenerate with: UPDATE=1 cargo test --lib config::keys
#
# Configuration of `restore-watch run`, to be put at /etc/restore-watch/config.toml or
# ~/.config/restore-watch/config.toml. As it stands it works once PINECONE_API_KEY is set and the id
# below is that of a restore job. A line that begins with `#` and no space is a setting with its
# default, or an example. `restore-watch check` says what is wrong with a file; unknown keys are
# errors.
#
# Durations are written \"250ms\", \"90s\", \"10m\", \"1h30m\" or \"2d\".
";

/// Comments wrap here.
const WIDTH: usize = 100;

/// The sample: every key, with its default or an example.
pub(super) fn sample() -> String {
    let mut text = HEAD.to_owned();
    for key in TOP.keys {
        text += "\n";
        match key.kind {
            Kind::Table(table) => {
                // A table with a required key is a decision: as it stands, the sample makes none.
                let off = if table.keys.iter().any(|key| key.is_required) { "#" } else { "" };
                text += &comment(table.about);
                text += &format!("{off}[{}]\n", key.name);
                text += &settings(table);
            }
            Kind::Tables(table) => {
                text += &comment(table.about);
                text += &format!("#[[{}]]\n", key.name);
                text += &settings(table);
                text += &nested(key.name, table);
            }
            Kind::Sinks => text += &sinks(key),
            Kind::Jobs => {
                let id = key.example.trim_matches(['[', ']']);
                text += &comment(&key.meaning());
                text += &format!("{} = [\n    {id},\n    #{{ {} }},\n]\n", key.name, in_line(&JOB));
            }
            _ => text += &setting(key),
        }
    }
    text
}

/// Each type of sink, with the keys of all and its own.
fn sinks(key: &Key) -> String {
    let mut text = comment(key.about);
    for kind in SinkType::ALL {
        let table = kind.table();
        text += &format!("\n{}#[[{}]]\n#type = \"{kind}\"\n", comment(table.about), key.name);
        if *kind == SinkType::Webhook {
            SINK.keys[1..].iter().for_each(|key| text += &setting(key));
        }
        text += &settings(table);
    }
    text
}

/// The tables below one of an array, commented out. Their keys are those of the tables above.
fn nested(name: &str, table: &Table) -> String {
    let is_table = |key: &&Key| matches!(key.kind, Kind::Table(_));
    let below = table.keys.iter().filter(is_table);
    below.map(|key| format!("{}#[{name}.{}]\n", comment(key.about), key.name)).collect()
}

fn settings(table: &Table) -> String {
    table.keys.iter().filter(|key| !matches!(key.kind, Kind::Table(_))).map(setting).collect()
}

/// One setting, commented out, below what it means.
fn setting(key: &Key) -> String {
    format!("{}#{} = {}\n", comment(&key.meaning()), key.name, key.shown_value())
}

/// All keys of a table in one line.
fn in_line(table: &Table) -> String {
    let pairs: Vec<_> =
        table.keys.iter().map(|key| format!("{} = {}", key.name, key.shown_value())).collect();
    pairs.join(", ")
}

fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                *line += &format!(" {word}")
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

impl Key {
    /// The default as the file has it, or an example if there is none.
    fn shown_value(&self) -> String {
        self.default().unwrap_or_else(|| self.example.to_owned())
    }

    /// The default as the file has it.
    pub(super) fn default(&self) -> Option<String> {
        let default = self.kind.default_json()?;
        Some(default.to_string().replace("\",\"", "\", \""))
    }
}
