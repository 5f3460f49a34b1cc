//! What reference pages list, made of the definitions in the code.
//!
//! Invariant: a page is compared with the code, or written if UPDATE is set.

use std::fmt::Write as _;

use clap::{Arg, Command};
use restore_watch::adapters::metrics::Metric;
use restore_watch::cli::Cli;
use restore_watch::model::{EventKind, Exit, Severity};

use crate::markdown::{read, root};
use crate::yaml;

const BEGIN: &str = "<!-- generated: UPDATE=1 cargo test --test docs -->\n";
const END: &str = "<!-- end -->\n";

/// Compares the generated parts of a page, or writes them.
fn compare(path: &str, parts: &[String]) {
    let page = read(path);
    let mut pieces = page.split(BEGIN);
    let mut wanted = pieces.next().unwrap_or_default().to_owned();
    for (piece, part) in pieces.zip(parts) {
        let (_, after) = piece.split_once(END).expect("an end of the generated part");
        write!(wanted, "{BEGIN}\n{part}\n\n{END}{after}").unwrap();
    }

    assert_eq!(page.matches(BEGIN).count(), parts.len(), "{path}: places for generated parts");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(root().join(path), &wanted).unwrap();
    } else {
        assert!(page == wanted, "{path} is out of date: run UPDATE=1 cargo test --test docs");
    }
}

/// A table; a bar in a cell would end it.
fn table<const N: usize>(heading: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let row =
        |cells: [String; N]| format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
    let head = row(heading.map(str::to_owned)) + &format!("|{}\n", "---|".repeat(N));
    rows.into_iter().fold(head, |table, cells| table + &row(cells))
}

#[test]
fn reference_of_events_has_each_type() {
    let yes = |is: bool| if is { "yes" } else { "" }.to_owned();
    let level = |severity| match severity {
        Severity::Success | Severity::Info => "info",
        Severity::Warning => "warn",
        Severity::Error => "error",
    };
    let types = table(
        ["type", "meaning", "ends", "level"],
        EventKind::ALL_AND_TEST.iter().map(|kind| {
            let meaning = kind.meaning().to_owned();
            [format!("`{kind}`"), meaning, yes(kind.is_terminal()), level(kind.severity()).to_owned()]
        }),
    );
    let advice = table(
        ["type", "what to do"],
        EventKind::ALL_AND_TEST
            .iter()
            .filter_map(|kind| Some([format!("`{kind}`"), kind.advice()?.to_owned()])),
    );

    compare("docs/reference/events.md", &[types.trim_end().to_owned(), advice.trim_end().to_owned()]);
}

#[test]
fn reference_of_metrics_has_each_family_and_alert() {
    let families = Metric::ALL.iter().map(|metric| {
        let family = metric.family();
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        [
            format!("`{}`", family.name),
            family.kind.as_str().to_owned(),
            family.unit().unwrap_or_default().to_owned(),
            labels.join(", "),
            family.help.trim().to_owned(),
        ]
    });
    let families = table(["name", "type", "unit", "labels", "what it shows"], families);

    let rules = yaml::read(&read("config/prometheus/alerts.yml"));
    let groups = rules["groups"].as_array().expect("groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
    let alerts = rules.filter(|rule| !rule["alert"].is_null()).map(|rule| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        [
            format!("`{}`", text(&rule["alert"])),
            text(&rule["labels"]["severity"]),
            text(&rule["for"]),
            without_templates(&text(&rule["annotations"]["summary"])),
            text(&rule["annotations"]["runbook"]),
        ]
    });
    let alerts = table(["alert", "severity", "for", "meaning", "read on in"], alerts);

    compare("docs/reference/metrics.md", &[families.trim_end().to_owned(), alerts.trim_end().to_owned()]);
}

/// A text of an alert with a word in capitals for each value.
fn without_templates(text: &str) -> String {
    let mut parts = text.split("{{");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (template, rest) = part.split_once("}}").expect("the end of a template");
        let value = template.trim().trim_start_matches("$labels.").trim_start_matches('$');
        let value = value.split(' ').next().unwrap_or_default().to_uppercase();
        text + &value + rest
    })
}

#[test]
fn reference_of_exit_codes_has_each_code() {
    let rows = Exit::OF_WAIT.map(|exit| {
        let word = exit.word().map(|word| format!("`{word}`")).unwrap_or_default();
        [exit.code().to_string(), exit.meaning().to_owned(), word]
    });
    let winners = Exit::PRECEDENCE.map(|exit| exit.code().to_string()).join(", ");
    let codes = table(["code", "meaning", "word"], rows);

    compare(
        "docs/reference/exit-codes.md",
        &[format!("{codes}\nSeveral apply: the first of {winners} wins.")],
    );
}

#[test]
fn guide_to_ci_has_each_input_and_output() {
    let text = |value: &serde_json::Value| yaml::text(value).trim().to_owned();
    let entries = |inputs: &serde_json::Value, heading: [&str; 3]| {
        let inputs = inputs.as_object().expect("inputs").iter();
        let rows = inputs.map(|(name, input)| {
            let options = yaml::texts(&input["options"]).join("`, `");
            let options = if options.is_empty() { options } else { format!("; one of `{options}`") };
            let default = match input.get("default").map(&text) {
                None => "required".to_owned(),
                Some(default) if default.is_empty() => default,
                Some(default) => format!("`{default}`"),
            };
            [format!("`{name}`"), text(&input["description"]) + &options, default]
        });
        table(heading, rows).trim_end().to_owned()
    };
    let action = yaml::read(&read("action.yml"));
    let outputs = action["outputs"].as_object().expect("outputs").iter();
    let outputs = outputs.map(|(name, output)| [format!("`{name}`"), text(&output["description"])]);
    let outputs = table(["output", "value"], outputs).trim_end().to_owned();
    let component = read("packaging/gitlab/restore-watch.yml");
    let (header, _) = component.split_once("\n---\n").expect("two documents");

    let inputs = ["input", "what it does", "default"];
    let of_action = entries(&action["inputs"], inputs);
    let of_component = entries(&yaml::read(header)["spec"]["inputs"], inputs);

    compare("docs/guides/ci.md", &[of_action, outputs, of_component]);
}

#[test]
fn readme_names_each_exit_code_of_a_wait_that_began() {
    let readme = read("README.md");
    let first_cells = readme.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let named: Vec<u8> =
        first_cells.flat_map(|cell| cell.split(", ")).filter_map(|code| code.parse().ok()).collect();
    let expected = Exit::OF_WAIT.into_iter().filter(|exit| *exit == Exit::Usage || exit.word().is_some());

    assert_eq!(named, expected.map(Exit::code).collect::<Vec<_>>());
}

#[test]
fn reference_of_commands_has_each_option() {
    let mut cli = Cli::program().disable_help_flag(true).disable_version_flag(true);
    cli.build();
    let mut page = String::new();
    for command in cli.get_subcommands().filter(|command| !command.is_hide_set()) {
        section(command, "restore-watch", &mut page);
    }

    compare("docs/reference/commands.md", &[page.trim_end().to_owned()]);
}

/// A command and those below it.
fn section(command: &Command, above: &str, page: &mut String) {
    let name = format!("{above} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>();
    let usage: Vec<_> = usage.iter().map(|line| format!("`{line}`")).collect();
    write!(page, "## {name}\n\n{}\n\nUsage: {}\n\n", about.trim(), usage.join(" or ")).unwrap();

    let mut headings: Vec<Option<&str>> = Vec::new();
    let arguments: Vec<_> = command.get_arguments().filter(|argument| is_shown(argument)).collect();
    for argument in &arguments {
        if !headings.contains(&argument.get_help_heading()) {
            headings.push(argument.get_help_heading());
        }
    }
    for heading in headings {
        if let Some(heading) = heading {
            write!(page, "**{heading}**\n\n").unwrap();
        }
        let group = arguments.iter().filter(|argument| argument.get_help_heading() == heading);
        let rows = group.map(|argument| [form(argument), meaning(argument)]);
        writeln!(page, "{}", table(["argument", "meaning"], rows)).unwrap();
    }

    writeln!(page, "```console\n{}```\n", examples(command)).unwrap();

    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        section(below, &name, page);
    }
}

/// The examples that the help of a command ends with, each as a command of a console.
fn examples(command: &Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let (_, examples) = help.split_once("Examples:\n").expect("examples");
    examples.lines().map(|line| ["$ ", line.trim(), "\n"].concat()).collect()
}

fn is_shown(argument: &Arg) -> bool {
    !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
}

fn form(argument: &Arg) -> String {
    let long = argument.get_long().map(|long| format!("--{long}"));
    let short = argument.get_short().map(|short| format!("-{short}"));
    let names: Vec<_> = short.into_iter().chain(long).collect();
    let takes_value = argument.get_action().takes_values();
    let values = argument.get_value_names().unwrap_or_default();
    let values: Vec<_> = values.iter().filter(|_| takes_value).map(|name| format!("<{name}>")).collect();
    format!("`{}`", [names.join(", "), values.join(" ")].join(" ").trim())
}

fn meaning(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    // The first paragraph of a help has no full stop.
    let paragraphs = help.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let sentences = paragraphs.map(|part| part.trim_end_matches('.').to_owned()).collect::<Vec<_>>();
    let mut meaning = sentences.join(". ");
    if argument.get_action().takes_values() && !argument.is_hide_possible_values_set() {
        let values: Vec<_> =
            argument.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
        if !values.is_empty() {
            write!(meaning, "; one of {}", values.join(", ")).unwrap();
        }
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        write!(meaning, "; default {}", defaults.join(", ")).unwrap();
    }
    if let Some(variable) = argument.get_env() {
        write!(meaning, "; variable `{}`", variable.display()).unwrap();
    }
    meaning
}
