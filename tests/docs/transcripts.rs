//! Transcripts: console blocks with the option `run` show what their commands print on standard output.
//!
//! Invariant: they run in order, in one world of restores, a daemon and a receiver that refuses. Numbers, times and ids
//! that differ from run to run are not compared. With UPDATE set, the output is written instead of compared.

use std::fmt::Write as _;
use std::time::Duration;

use restore_watch::simulate::{Receiver, Reply, Simulator};

use crate::markdown::{Block, pages, root};
use crate::support::{Folder, KEY, Running, Watch, play, receive, skipped};

const RESTORES: &str = r#"
[[job]]
id = "670e8400-e29b-41d4-a716-446655440001"
index = "docs-search"
age = "1h"
takes = "585s"

[[job]]
id = "94a63aeb-efae-4f7a-b059-75d32c27ca57"
index = "orders-nightly"
age = "31m"

[[job]]
id = "0d8aed24-adf8-4b77-8e10-fd674309dc85"
index = "staging-copy"
age = "2h"
takes = "20m"
ends = "failed"
"#;

/// How often a command is run until it prints what is shown.
const TRIES: usize = 100;

/// What the documents call the files and the servers of the world.
const CONFIGURATION: &str = "/srv/restore-watch/config.toml";
const STATE: &str = "/srv/restore-watch/state.db";

const ENDPOINT: &str = "https://api.pinecone.io";
const RECEIVER: &str = "https://hooks.slack.com";
const LISTENER: &str = "127.0.0.1:9115";

struct World {
    plane: Simulator,
    folder: Folder,
    _daemon: Running,
    /// Where the daemon listens for HTTP.
    listener: String,
    receiver: Receiver,
}

impl World {
    fn begin() -> Self {
        let (plane, folder) = (play(RESTORES), Folder::new());
        let receiver = receive(std::iter::repeat_with(|| Reply::status(403).body("invalid_token")).take(100));
        let configuration = format!(
            "[[project]]\nname = \"production\"\napi_key = {{ env = \"PINECONE_API_KEY\" }}\njobs = [\n\
             \"670e8400-e29b-41d4-a716-446655440001\", \"0d8aed24-adf8-4b77-8e10-fd674309dc85\",\n\
             {{ id = \"94a63aeb-efae-4f7a-b059-75d32c27ca57\", name = \"nightly\", deadline = \"2h\" }},\n]\n\
             [state]\npath = \"state.db\"\n[[sink]]\ntype = \"log\"\n\
             [[sink]]\ntype = \"webhook\"\nname = \"slack\"\nformat = \"slack\"\nurl = \"{}\"\n\
             events = [\"restore_job.failed\"]\n",
            receiver.url()
        );
        folder.write("config.toml", configuration);
        let mut daemon = within(&plane, &folder, "exec restore-watch run --http 127.0.0.1:0").start();
        let attempted = |_: &Running| receiver.count() > 0;
        daemon.until("the first delivery", attempted);
        let log = daemon.stderr();
        let (_, listener) = log.split_once("listening on http://").expect("an address in the log");
        let listener = listener.lines().next().unwrap_or_default().to_owned();

        Self { plane, folder, _daemon: daemon, listener, receiver }
    }

    /// What a command prints on standard output, in the words of the documents.
    fn output(&self, command: &str) -> String {
        let [configuration, state] = ["config.toml", "state.db"].map(|file| self.path(file));
        let command = command.replace(CONFIGURATION, &configuration).replace(STATE, &state);
        let command = command.replace(LISTENER, &self.listener);
        // The documents check a file before a daemon uses it.
        let no_daemon =
            if command.contains("restore-watch check") { "unset RESTORE_WATCH_SOCKET\n" } else { "" };
        let script = format!("sudo() {{ \"$@\"; }}\n{no_daemon}{command}");

        let done = within(&self.plane, &self.folder, &script).run();

        let output = done.stdout.replace(&configuration, CONFIGURATION).replace(&state, STATE);
        output
            .replace(self.receiver.url().trim_end_matches('/'), RECEIVER)
            .replace(&self.plane.url(), ENDPOINT)
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }
}

/// A script, in the environment of the world.
fn within(plane: &Simulator, folder: &Folder, script: &str) -> Watch {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_restore-watch"));
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let file = |name: &str| folder.path().join(name).display().to_string();
    Watch::program(&["bash", "-c", script])
        .within(folder.path())
        .env("PATH", &path)
        .env("PINECONE_API_KEY", KEY)
        .env("PINECONE_CONTROLLER_HOST", &plane.url())
        .env("RESTORE_WATCH_CONFIG", &file("config.toml"))
        .env("RESTORE_WATCH_SOCKET", &file("control.sock"))
        .env("LANG", "C.UTF-8")
}

/// A text without what differs from run to run: words with a digit, and the room around them.
fn masked(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words = line
            .split_whitespace()
            .map(|word| if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
        let mut words: Vec<_> = words.collect();
        words.dedup();
        words.join(" ")
    };
    text.lines().map(line).collect()
}

/// The commands of a block, each with the output that is shown below it.
fn steps(block: &Block) -> Vec<(&str, String)> {
    let mut steps: Vec<(&str, String)> = Vec::new();
    for line in block.text.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command, String::new())),
            (None, Some((_, output))) => writeln!(output, "{line}").unwrap(),
            (None, None) => panic!("{}: output before a command", block.place),
        }
    }
    steps
}

/// The block with what its commands print now. A daemon needs a moment for what is shown.
fn replayed(world: &World, block: &Block) -> String {
    let mut text = String::new();
    for (command, shown) in steps(block) {
        let mut output = String::new();
        for _ in 0..TRIES {
            output = world.output(command);
            if masked(&output) == masked(&shown) {
                output = shown;
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        write!(text, "$ {command}\n{output}").unwrap();
    }
    text
}

#[test]
fn transcripts_show_what_commands_print() {
    let world = World::begin();
    let has_curl = within(&world.plane, &world.folder, "command -v curl").run().code == Some(0);
    if !has_curl {
        skipped("curl is not here, so what it prints is not checked");
    }
    let is_run = |block: &Block| {
        block.options.iter().any(|option| option == "run") && (has_curl || !block.text.contains("curl "))
    };
    let mut count = 0;
    for page in pages() {
        let mut updated = page.text.clone();
        for block in page.parts().0.iter().filter(|block| is_run(block)) {
            let text = replayed(&world, block);
            count += 1;
            if std::env::var_os("UPDATE").is_some() {
                updated = updated.replace(
                    &format!("```console,run\n{}```", block.text),
                    &format!("```console,run\n{text}```"),
                );
            } else {
                assert!(
                    text == block.text,
                    "{}: UPDATE=1 cargo test --test docs shows it as it is:\n{text}",
                    block.place
                );
            }
        }
        if updated != page.text {
            std::fs::write(root().join(&page.path), updated).unwrap();
        }
    }

    assert!(count > 0, "no transcript");
}

#[test]
fn masked_texts_differ_in_words_only() {
    assert_eq!(masked("nightly  31m 02s   Pending"), masked("nightly 2h  Pending"));
    assert_ne!(masked("nightly 31m Pending"), masked("nightly 31m Completed"));
    assert_ne!(masked("a\nb"), masked("a b"));
}
