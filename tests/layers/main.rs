//! The layers of the crate: reads the paths of every source file and fails on an import that leads
//! upward or sideways.
//!
//! Invariant: the order of the layers is written down here once; a module that is in no layer
//! fails.

mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use paths::{Reference, references};

/// The layers, lowest first. Modules of one layer do not import each other.
const LAYERS: &[&[&str]] = &[
    &["model"],
    &["platform", "template"],
    &["config"],
    &["engine"],
    &["adapters::http", "adapters::metrics"],
    &["adapters::report"],
    &[
        "adapters",
        "adapters::ci",
        "adapters::control",
        "adapters::monitor",
        "adapters::pinecone",
        "adapters::sinks",
        "adapters::store",
        "adapters::systemd",
        "adapters::telemetry",
        "adapters::web",
        "simulate",
    ],
    &["app", "app::plural", "app::setup", "app::sink_tests"],
    &["app::diagnostics"],
    &["app::driver"],
    &["app::daemon", "app::restore", "app::wait"],
    &["cli"],
    &["lib", "main"],
];

/// The folders whose modules are each in a layer of their own.
const SPLIT: &[&str] = &["adapters", "app"];

/// What the engine must not name: a runtime, a network, a clock, a disk, a wire format.
const FORBIDDEN_IN_ENGINE: &[&str] = &[
    "tokio",
    "reqwest",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::fs",
    "std::net",
    "std::thread",
    "schemars",
    "serde",
    "serde_json",
];

/// What starts a restore at Pinecone, and who may name it: no daemon, and no other command.
const CREATOR: &[&str] = &["create_index", "IndexCreator"];
const MAY_CREATE: &[&str] = &["adapters::pinecone", "app::restore", "cli::restore"];

/// The unit that the layers order: the module, or the part of a split folder.
fn unit(path: &[String]) -> String {
    match path {
        [folder, part, ..] if SPLIT.contains(&folder.as_str()) => format!("{folder}::{part}"),
        [module, ..] => module.clone(),
        [] => String::new(),
    }
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|modules| modules.contains(&module))
}

/// What is wrong with one source file; `path` is relative to `src`.
fn violations(path: &Path, text: &str) -> Vec<String> {
    let module = module_path(path);
    let own_unit = unit(&module);
    let Some(own_layer) = layer(&own_unit) else {
        return vec![format!("{}: the module {own_unit} is in no layer", path.display())];
    };

    let mut found = Vec::new();
    for Reference { line, path: named, in_use, in_test } in references(text) {
        let is_test = in_test || module.iter().any(|name| name == "tests");
        // The module that the tests of a file are in counts as a step.
        let import = match target(&named, &module, usize::from(in_test)) {
            Target::Root if !is_test => Some("names the whole crate instead of a module"),
            Target::Module(name) if name != own_unit && !SPLIT.contains(&name.as_str()) => match layer(&name)
            {
                None => Some("leads to a module that is in no layer"),
                Some(other) if other > own_layer => Some("leads upward"),
                Some(other) if other == own_layer && !is_test => Some("leads sideways"),
                Some(_) => None,
            },
            _ => None,
        };

        let is_forbidden = FORBIDDEN_IN_ENGINE.iter().any(|bad| reaches(&named, bad, in_use));
        let purity =
            (module[0] == "engine" && !is_test && is_forbidden).then_some("has no place in the engine");
        let is_backoff = named[0] == "backoff" && (in_use || named.len() > 1);
        let backoff =
            (is_backoff && module != ["engine", "retry"]).then_some("belongs to engine/retry.rs alone");

        // Written out, so that it is seen where it is used.
        let is_random = named[0] == "fastrand";
        let is_seeded = named[1..] == ["Rng"] || named[1..] == ["Rng", "with_seed"];
        let randomness = (is_random && (in_use || !is_seeded))
            .then_some("may be seeded by a clock: take `platform::randomness`");

        let is_creator = named.iter().any(|name| CREATOR.contains(&name.as_str()));
        let may_create = MAY_CREATE.iter().any(|place| module.join("::").starts_with(place));
        let creator = (is_creator && !may_create).then_some("may start a restore: it is for `restore` alone");

        for fault in [import, purity, backoff, randomness, creator].into_iter().flatten() {
            found.push(format!("{}:{line}: `{}` {fault}", path.display(), named.join("::")));
        }
    }
    found
}

/// Where a path leads.
enum Target {
    Module(String),
    /// To the root of the crate, from where any module can be reached.
    Root,
    /// Out of the crate, or to a place within the module.
    Elsewhere,
}

fn target(named: &[String], module: &[String], within: usize) -> Target {
    let absolute;
    let rest = match named[0].as_str() {
        "crate" | "restore_watch" => &named[1..],
        "super" => {
            let steps = named.iter().take_while(|segment| *segment == "super").count();
            let kept = (module.len() + within).saturating_sub(steps).min(module.len());
            absolute = [&module[..kept], &named[steps..]].concat();
            &absolute[..]
        }
        _ => return Target::Elsewhere,
    };
    match rest.first().map(String::as_str) {
        None | Some("*" | "self") => Target::Root,
        Some(_) => Target::Module(unit(rest)),
    }
}

/// Whether a path names `bad`, something in it, or (where it is imported) a module through which it
/// could be named.
fn reaches(named: &[String], bad: &str, in_use: bool) -> bool {
    let bad: Vec<_> = bad.split("::").collect();
    let (named, glob) = match named {
        [path @ .., last] if last == "*" => (path, true),
        path => (path, false),
    };
    let alike = named.iter().zip(&bad).take_while(|(a, b)| a == b).count();
    alike == bad.len() || (alike == named.len() && (in_use || glob))
}

/// The modules a file is in: `engine/retry.rs` is `["engine", "retry"]`.
fn module_path(path: &Path) -> Vec<String> {
    let mut modules: Vec<String> = path
        .with_extension("")
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .collect();
    if modules.len() > 1 && modules.last().is_some_and(|last| last == "mod") {
        modules.pop();
    }
    modules
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn imports_lead_downward() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 50, "the sources were not found: {files:?}");
    let mut found = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        found.extend(violations(file.strip_prefix(&root).unwrap(), &text));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_module_of_the_crate_is_in_a_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut declared: Vec<_> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut layered: Vec<_> = LAYERS
        .concat()
        .into_iter()
        .filter(|name| !["lib", "main"].contains(name) && !name.contains("::"))
        .collect();
    declared.sort_unstable();
    layered.sort_unstable();
    assert_eq!(declared, layered);
}

/// What is wrong with a file of this text, without the line.
fn faults(path: &str, text: &str) -> Vec<String> {
    let words =
        |violation: String| violation.split_once(": ").map(|(_, words)| words.to_owned()).unwrap_or_default();
    violations(Path::new(path), text).into_iter().map(words).collect()
}

#[test]
fn imports_that_lead_the_wrong_way_are_found() {
    for (path, text, found) in [
        ("model/id.rs", "use crate::config::Rate;", "`crate::config::Rate` leads upward"),
        ("engine/mod.rs", "fn f() { crate::app::driver::g() }", "`crate::app::driver::g` leads upward"),
        (
            "adapters/sinks/log.rs",
            "use crate::{model::Exit, adapters::pinecone::Client};",
            "`crate::adapters::pinecone::Client` leads sideways",
        ),
        ("adapters/sinks/mod.rs", "use super::store::Store;", "`super::store::Store` leads sideways"),
        ("platform/clock.rs", "use super::super::engine::x;", "`super::super::engine::x` leads upward"),
        (
            "adapters/sinks/log.rs",
            "use super::super::store::Store;",
            "`super::super::store::Store` leads sideways",
        ),
        ("app/daemon/mod.rs", "use crate::app::wait::wait as w;", "`crate::app::wait::wait` leads sideways"),
        (
            "adapters/control/mod.rs",
            "use crate::adapters::systemd::notify;",
            "`crate::adapters::systemd::notify` leads sideways",
        ),
        (
            "app/driver/mod.rs",
            "pub use crate::{\n    // why\n    cli::{self, Cli},\n};",
            "`crate::cli::self` leads upward",
        ),
        ("app/wait/mod.rs", "use crate::*;", "`crate::*` names the whole crate instead of a module"),
        ("app/wait/mod.rs", "use crate as all;", "`crate` names the whole crate instead of a module"),
        (
            "adapters/sinks/mod.rs",
            "use crate::novel::Thing;",
            "`crate::novel::Thing` leads to a module that is in no layer",
        ),
        ("novel.rs", "", "the module novel is in no layer"),
        (
            "model/id.rs",
            "#[cfg(test)]\nmod tests { use crate::engine::Engine; }",
            "`crate::engine::Engine` leads upward",
        ),
        ("engine/mod.rs", "use tokio::time;", "`tokio::time` has no place in the engine"),
        (
            "engine/mod.rs",
            "use std::time::{Duration, Instant};",
            "`std::time::Instant` has no place in the engine",
        ),
        ("engine/mod.rs", "use std::time;", "`std::time` has no place in the engine"),
        ("engine/mod.rs", "use std::time::*;", "`std::time::*` has no place in the engine"),
        ("engine/mod.rs", "fn f() { std::fs::read(x); }", "`std::fs::read` has no place in the engine"),
        (
            "engine/mod.rs",
            "fn f() -> std::time::SystemTime {}",
            "`std::time::SystemTime` has no place in the engine",
        ),
        (
            "engine/explain.rs",
            "use serde::{Deserialize, Serialize};",
            "`serde::Serialize` has no place in the engine",
        ),
        (
            "engine/explain.rs",
            "#[derive(schemars::JsonSchema)]\nstruct Rule;",
            "`schemars::JsonSchema` has no place in the engine",
        ),
        ("engine/tracker/mod.rs", "#[serde(default)] struct Job;", "`serde` has no place in the engine"),
        (
            "app/daemon/mod.rs",
            "use crate::adapters::pinecone::create_index::Started;",
            "`crate::adapters::pinecone::create_index::Started` may start a restore: it is for `restore` alone",
        ),
        (
            "cli/run.rs",
            "fn f() { pinecone::create_index::IndexCreator::new(c); }",
            "`pinecone::create_index::IndexCreator::new` may start a restore: it is for `restore` alone",
        ),
        ("engine/outbox.rs", "use backoff::Backoff;", "`backoff::Backoff` belongs to engine/retry.rs alone"),
        (
            "app/driver/mod.rs",
            "fn f() { fastrand::u64(..) }",
            "`fastrand::u64` may be seeded by a clock: take `platform::randomness`",
        ),
        (
            "app/restore/mod.rs",
            "fn f() { fastrand::Rng::new() }",
            "`fastrand::Rng::new` may be seeded by a clock: take `platform::randomness`",
        ),
        (
            "app/restore/mod.rs",
            "use fastrand::Rng;",
            "`fastrand::Rng` may be seeded by a clock: take `platform::randomness`",
        ),
    ] {
        let faults = faults(path, text);
        assert!(faults.iter().any(|fault| fault == found), "{path}: {text}: {faults:?}");
    }
}

#[test]
fn other_imports_are_accepted() {
    for (path, text) in [
        ("engine/mod.rs", "use crate::{config::{Rate, self}, model::JobId};\nuse std::time::Duration;"),
        ("engine/retry.rs", "use backoff::ExponentialBackoff;\nuse super::time::Instant;"),
        ("engine/tests/list.rs", "fn f() { serde_json::from_str(x); }"),
        ("engine/cadence.rs", "fn f(rng: &mut fastrand::Rng) { fastrand::Rng::with_seed(1); }"),
        ("config/reader/section.rs", "use super::super::Rate; use crate::config::typo::nearest;"),
        ("config/excerpt.rs", "pub(crate) struct Place { pub(crate) line: usize }"),
        (
            "app/driver/mod.rs",
            "use crate::{platform::clock::Clock, adapters::pinecone, adapters::sinks::{Sink}, adapters::store::{self, Store}};",
        ),
        ("simulate/world/tests.rs", "use crate::adapters::sinks::Sink;"),
        ("adapters/sinks/mod.rs", "#[cfg(test)]\nmod tests { use crate::simulate::Receiver; }"),
        (
            "adapters/sinks/mod.rs",
            "// use crate::adapters::store\n/* crate::store /* crate::store */ */ //! crate::store",
        ),
        (
            "adapters/sinks/mod.rs",
            r##"const A: &str = "crate::store"; const B: &str = r#"" crate::store"#; const C: char = '"';"##,
        ),
        ("main.rs", "use restore_watch::cli::Cli;"),
        ("cli/wait.rs", "use crate::app::wait::{self, Options};"),
        ("cli/restore/mod.rs", "use crate::adapters::pinecone::create_index::IndexCreator;"),
        ("app/restore/mod.rs", "use crate::adapters::pinecone::create_index::IndexCreator;"),
    ] {
        assert_eq!(faults(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
