//! The files that `restore-watch init` writes: a short one to start from, and the commented sample
//! with every key, `config/restore-watch.toml`.

use super::{JOB, Key, Kind, SINK, TOP, Table};
use crate::config::SinkType;
use crate::model::Keyword as _;

const HEAD: &str = "\
# Configuration of `restore-watch run`, as /etc/restore-watch/config.toml or
# ~/.config/restore-watch/config.toml.
#
# A line that begins with `#` and no space is a setting that is off: it shows the default, or an
# example. The only setting that is on is the job below: write your own ids there, or set
# `discover = true`. The API key is read from the environment variable PINECONE_API_KEY.
#
# Durations are written \"250ms\", \"90s\", \"10m\", \"1h30m\" or \"2d\".
#
# Next: restore-watch check --online --config FILE
#       restore-watch run --config FILE
";

/// Comments wrap here.
const WIDTH: usize = 100;

/// A short file to start from, with the keys that most files need.
pub fn first_file() -> &'static str {
    include_str!("first.toml")
}

/// What the file of the system service has instead: secrets that systemd reads for it.
const OF_SERVICE: [(&str, &str); 4] = [
    (
        "and where its API key is read from. Instead of the
# environment: { file = \"PATH\" }, or { credential = \"NAME\" } for LoadCredential= of systemd.
",
        "and where its API key is read from: from the file
# pinecone-api-key beside this one, which systemd reads for the service.
",
    ),
    ("{ env = \"PINECONE_API_KEY\" }", "{ credential = \"pinecone-api-key\" }"),
    (
        "make an incoming webhook, and write its address into the file slack-url beside
# this one. `format` may also be \"discord\", \"teams\" or \"ntfy\", or \"standard\" for JSON.
",
        "make an incoming webhook, and write its address into the file slack-url beside
# this one. By `systemctl edit restore-watch`, add to the service:
#     [Service]
#     LoadCredential=slack-url:/etc/restore-watch/slack-url
# `format` may also be \"discord\", \"teams\" or \"ntfy\", or \"standard\" for JSON.
",
    ),
    ("{ file = \"slack-url\" }", "{ credential = \"slack-url\" }"),
];

/// The same for the system service.
pub fn first_file_of_service() -> String {
    let text = first_file().split("\n# Next:").next().unwrap_or_default().to_owned();
    OF_SERVICE.iter().fold(text, |text, (usual, of_service)| text.replace(usual, of_service))
}

/// The sample: every key, with its default or an example.
pub fn sample() -> String {
    let blocks: Vec<_> = TOP.keys.iter().map(block).collect();
    [HEAD, &blocks.concat()].concat()
}

/// What the sample has of a key at the top of the file.
fn block(key: &Key) -> String {
    let name = key.name;
    let (header, rest) = match key.kind {
        Kind::Table(table) => {
            let off = match table.keys.iter().any(|key| key.is_required) {
                _ if key.is_exclusive => "# ",
                // A table with a required key is a decision: as it stands, the sample makes none.
                true => "#",
                false => "",
            };
            (comment(table.about), format!("{off}[{name}]\n{}", settings(table)))
        }
        Kind::Tables(table) => {
            (comment(table.about), format!("#[[{name}]]\n{}{}", settings(table), nested(name, table)))
        }
        Kind::Sinks => (comment(key.about), sinks(name)),
        Kind::Jobs => {
            let id = key.example.trim_matches(['[', ']']);
            let jobs = format!("{name} = [\n    {id},\n    #{{ {} }},\n]\n", in_line(&JOB));
            (comment(&key.meaning()), jobs)
        }
        _ => (String::new(), setting(key)),
    };
    format!("\n{header}{rest}")
}

/// Each type of sink, with its keys; the last one with those of all, too.
fn sinks(name: &str) -> String {
    let sink = |kind: &SinkType| {
        let table = kind.table();
        let of_all = if *kind == SinkType::Webhook { &SINK.keys[1..] } else { &[] };
        let of_all = of_all.iter().map(setting).collect::<Vec<_>>().concat();
        let header = format!("#[[{name}]]\n#type = \"{kind}\"\n");
        ["\n", &comment(table.about), &header, &of_all, &settings(table)].concat()
    };
    SinkType::ALL.iter().map(sink).collect::<Vec<_>>().concat()
}

/// The tables below one of an array, commented out. Their keys are those of the tables above.
fn nested(name: &str, table: &Table) -> String {
    let below = table.keys.iter().filter(|key| matches!(key.kind, Kind::Table(_)));
    let headers = below.map(|key| comment(key.about) + &format!("#[{name}.{}]\n", key.name));
    headers.collect::<Vec<_>>().concat()
}

fn settings(table: &Table) -> String {
    let keys = table.keys.iter().filter(|key| !matches!(key.kind, Kind::Table(_)));
    keys.map(setting).collect::<Vec<_>>().concat()
}

/// One setting, commented out, below what it means; with a space if it cannot be switched on by
/// itself.
fn setting(key: &Key) -> String {
    let mark = if key.is_exclusive { "# " } else { "#" };
    comment(&key.meaning()) + &format!("{mark}{} = {}\n", key.name, key.shown_value())
}

/// All keys of a table in one line.
fn in_line(table: &Table) -> String {
    let pairs = table.keys.iter().map(|key| format!("{} = {}", key.name, key.shown_value()));
    pairs.collect::<Vec<_>>().join(", ")
}

fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split(' ') {
        let line = lines.pop().unwrap_or_default();
        if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            lines.push(format!("{line} {word}"));
        } else {
            lines.extend([line, format!("# {word}")]);
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
