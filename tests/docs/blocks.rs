//! Fenced blocks, each run or parsed by what it is written for.

use std::io::Write as _;
use std::process::{Command, Stdio};

use jsonschema::Validator;
use restore_watch::adapters::report::Status;
use restore_watch::simulate::Scenario;
use serde_json::Value;

use crate::commands;
use crate::markdown::{Block, pages};
use crate::support::{Folder, Watch, skipped};
use crate::yaml;

/// Why a block is wrong.
fn fault(block: &Block) -> Option<String> {
    let text = block.text.as_str();
    match block.language.as_str() {
        "toml" if block.options.iter().any(|option| option == "scenario") => {
            text.parse::<Scenario>().err().map(|error| error.to_string())
        }
        "toml" => configuration(text),
        "json" => json(text),
        "console" => console(text, block.options.iter().any(|option| option == "run")),
        "sh" => shell(text),
        "ini" => unit(text),
        "yaml" => manifest(text),
        "dockerfile" => dockerfile(text),
        "nginx" => nginx(text),
        "python" => compiled("python3", &["-m", "py_compile"], "block.py", text),
        "js" => compiled("node", &["--check"], "block.mjs", text),
        other => Some(format!("no test knows the language `{other}`")),
    }
}

/// `restore-watch check` accepts it, whole or as a part of a file.
fn configuration(text: &str) -> Option<String> {
    let is_whole =
        text.lines().any(|line| ["jobs", "discover", "[[project]]"].iter().any(|key| line.starts_with(key)));
    let folder = Folder::new();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, if is_whole { text.to_owned() } else { format!("jobs = []\n{text}") }).unwrap();

    let done = Watch::new(["check", "--config"].map(Into::into).iter().chain([&path.into_os_string()])).run();

    (done.code != Some(0)).then_some(done.stderr)
}

/// It is JSON; an event, a report, a history and statistics are one by the published schema, and a status has each key
/// of one.
fn json(text: &str) -> Option<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return Some(error.to_string()),
    };
    if value.get("pid").is_some() {
        return status(&value);
    }
    let has = |key: &str| value.get(key).is_some();
    let schema = match () {
        () if has("type") => "transition",
        () if has("version") => "report",
        () if has("restores") => "history",
        () if has("groups") => "stats",
        () => return None,
    };
    let schema: Value = serde_json::from_str(&Watch::new(["schema", schema]).run().expect(0).stdout).unwrap();
    let validator: Validator = jsonschema::validator_for(&schema).unwrap();
    validator.validate(&value).err().map(|error| error.to_string())
}

fn status(value: &Value) -> Option<String> {
    let status: Status = match serde_json::from_value(value.clone()) {
        Ok(status) => status,
        Err(error) => return Some(error.to_string()),
    };
    let whole = serde_json::to_value(status).unwrap();
    (whole != *value).then(|| format!("a status has these keys: {whole}"))
}

/// Its commands are accepted by bash and by this program. Output is shown only if a test runs them.
fn console(text: &str, is_run: bool) -> Option<String> {
    let output = text.lines().find(|line| !line.starts_with("$ ") && !is_run);
    let unchecked = output.map(|line| format!("output is shown in blocks of `console,run` only: {line}"));
    let commands: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    unchecked.or_else(|| script(&commands.join("\n")))
}

fn script(text: &str) -> Option<String> {
    run("bash", &["-n"], text).or_else(|| commands::refused_in(text))
}

fn shell(text: &str) -> Option<String> {
    // Variables may come from around the block.
    script(text).or_else(|| run("shellcheck", &["--shell=bash", "--exclude=SC2154", "-"], text))
}

/// It has the form of a unit, with sections that units have.
fn unit(text: &str) -> Option<String> {
    let is_well = |line: &&str| {
        line.is_empty()
            || line.starts_with('#')
            || ["[Unit]", "[Service]", "[Path]", "[Install]"].contains(line)
            || line.split_once('=').is_some_and(|(key, _)| key.chars().all(char::is_alphanumeric))
    };
    text.lines().find(|line| !is_well(line)).map(str::to_owned)
}

/// It is YAML, and the commands of this program in it are accepted.
fn manifest(text: &str) -> Option<String> {
    fn commands_in(value: &Value) -> Vec<Vec<String>> {
        match value {
            Value::Array(items) if items.first().is_some_and(|word| word == "restore-watch") => {
                vec![yaml::texts(value)]
            }
            Value::Array(items) => items.iter().flat_map(commands_in).collect(),
            Value::Object(entries) => entries.values().flat_map(commands_in).collect(),
            _ => Vec::new(),
        }
    }
    commands_in(&yaml::read(text)).iter().find_map(|words| commands::refused(&words[1..]))
}

/// Its lines begin with instructions, and its lists are JSON.
fn dockerfile(text: &str) -> Option<String> {
    const INSTRUCTIONS: [&str; 10] =
        ["FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "ENTRYPOINT", "CMD", "HEALTHCHECK"];
    let is_well = |line: &str| {
        let (instruction, rest) = line.split_once(' ').unwrap_or((line, ""));
        let command = rest.split_once("CMD ").map_or(rest, |(_, command)| command);
        let list = command.starts_with('[').then(|| serde_json::from_str::<Vec<String>>(command));
        let is_accepted = |words: Vec<String>| {
            words[0] != "restore-watch" || words.len() == 1 || commands::refused(&words[1..]).is_none()
        };
        INSTRUCTIONS.contains(&instruction) && list.is_none_or(|list| list.is_ok_and(is_accepted))
    };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.into_iter().find(|line| !is_well(line)).map(str::to_owned)
}

/// nginx accepts it as a part of a server.
fn nginx(text: &str) -> Option<String> {
    let folder = Folder::new();
    let (path, pid) = (folder.path().join("nginx.conf"), folder.path().join("pid"));
    let around =
        format!("pid {}; error_log stderr; events {{}}\nhttp {{ access_log off; server {{\n", pid.display());
    std::fs::write(&path, around + text + "}}\n").unwrap();
    run("nginx", &["-t", "-q", "-c", path.to_str().unwrap()], "")
}

/// A compiler accepts it as a file of this name.
fn compiled(program: &str, arguments: &[&str], name: &str, text: &str) -> Option<String> {
    let folder = Folder::new();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    run(program, &[arguments, &[path.to_str().unwrap()]].concat(), "")
}

/// What a program says against its standard input. Skipped if it is not installed.
fn run(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        skipped(&format!("{program} is not here, so what is written for it is not checked"));
        return None;
    };
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);

    (!output.status.success()).then(|| said.into_owned())
}

#[test]
fn shown_blocks_work() {
    let pages = pages();
    let blocks: Vec<_> = pages.iter().flat_map(|page| page.parts().0).collect();

    let faults: Vec<_> =
        blocks.iter().filter_map(|block| Some(format!("{}: {}", block.place, fault(block)?))).collect();

    assert!(blocks.len() > 20, "{} blocks", blocks.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn faults_in_blocks_are_found() {
    for (info, text) in [
        ("toml", "[[sink]]\ntype = \"slack\"\n"),
        ("toml", "jobs = [9857add2]\n"),
        ("toml,scenario", "[[job]]\nid = \"a\"\ntakes = 3\n"),
        ("json", "{ \"a\": 1, }"),
        ("json", "{ \"id\": \"a\", \"type\": \"restore_job.finished\" }"),
        ("json", "{ \"version\": \"1.2.3\", \"pid\": 42 }"),
        ("console", "$ restore-watch wait --no-such-option\n"),
        ("console", "$ restore-watch list\nid  index\n"),
        ("console", "$ echo 'open\n"),
        ("sh", "if true; then restore-watch list\n"),
        ("ini", "[Servce]\n"),
        ("yaml", "command: [restore-watch, watch]\n"),
        ("dockerfile", "FORM debian\n"),
        ("dockerfile", "HEALTHCHECK CMD [\"restore-watch\", \"watch\"]\n"),
        ("json", "{ \"restores\": [{}], \"total\": 1 }"),
        ("text", "anything\n"),
    ] {
        let mut words = info.split(',').map(str::to_owned);
        let language = words.next().unwrap();
        let block =
            Block { place: info.to_owned(), language, options: words.collect(), text: text.to_owned() };

        assert!(fault(&block).is_some(), "{info}: {text}");
    }
}
