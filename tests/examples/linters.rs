//! The action, the component and the examples, read by linters of others: check-jsonschema and zizmor.
//!
//! Invariant: each check is seen to fail on a faulty copy.

use crate::composite::text;
use crate::pipeline::with_inputs;
use crate::stage::is_there_for;
use crate::support::{Folder, Watch};

const ACTION: &str = "action.yml";
const WORKFLOW: &str = "config/examples/github-actions.yml";
const PIPELINE: &str = "config/examples/gitlab-ci.yml";

#[test]
fn schemas_accept_each_file() {
    if !is_installed("check-jsonschema") {
        return;
    }
    let header = text("packaging/gitlab/restore-watch.yml");
    let (header, _) = header.split_once("\n---\n").expect("two documents");
    let image = vec![("image".to_owned(), "registry.example.com/restore-watch:0.1.0".to_owned())];
    let jobs = with_inputs(&image).expect("inputs").to_string();

    for (schema, text, right, wrong) in [
        ("vendor.github-actions", text(ACTION), "using: composite", "using: composit"),
        ("vendor.github-workflows", text(WORKFLOW), "runs-on:", "run-on:"),
        ("vendor.gitlab-ci", text(PIPELINE), "resource_group: restore", "resource_group: [restore]"),
        ("vendor.gitlab-ci", header.to_owned(), "options: [completed, ready]", "options: completed"),
        ("vendor.gitlab-ci", jobs, "\"when\":\"always\"", "\"when\":\"ever\""),
    ] {
        let check = |text: &str| {
            let folder = Folder::new();
            let file = folder.write("file.yml", text);
            Watch::program(&["check-jsonschema", "--builtin-schema", schema, &file]).run()
        };
        let done = check(&text);
        assert_eq!(done.code, Some(0), "{schema}: {}{}", done.stdout, done.stderr);

        assert!(text.contains(right), "{schema}: {right}");
        assert_eq!(check(&text.replace(right, wrong)).code, Some(1), "{schema}: {wrong}");
    }
}

#[test]
fn zizmor_finds_nothing() {
    if !is_installed("zizmor") {
        return;
    }
    let input = "$GITHUB_ACTION_PATH/packaging/action/run\" wait";
    for (name, path, right, wrong) in [
        (ACTION, "action.yml", input, "$GITHUB_ACTION_PATH/packaging/action/run\" ${{ inputs.index }}"),
        (ACTION, "action.yml", "restore@668228422ae6a00e4ad889ee87cd7109ec5666a7", "restore@v5"),
        (
            WORKFLOW,
            ".github/workflows/restore.yml",
            "./roll-back.sh \"$INDEX\"",
            "./roll-back.sh ${{ inputs.index }}",
        ),
        (
            WORKFLOW,
            ".github/workflows/restore.yml",
            "permissions:\n  contents: read",
            "permissions: write-all",
        ),
    ] {
        let text = text(name);
        let check = |text: &str| {
            let folder = Folder::new();
            let above = folder.path().join(path);
            std::fs::create_dir_all(above.parent().expect("a folder")).expect("a folder");
            let file = folder.write(path, text);
            let arguments = ["--offline", "--no-progress", "--color=never", "--persona=pedantic", &file];
            Watch::program(&[&["zizmor"][..], &arguments[..]].concat()).run()
        };
        let done = check(&text);
        assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);

        assert!(text.contains(right), "{name}: {right}");
        assert_ne!(check(&text.replace(right, wrong)).code, Some(0), "{name}: {wrong}");
    }
}

/// Whether this program from `PyPI` is here.
fn is_installed(program: &str) -> bool {
    let there = is_there_for(program, "the action, the component and the examples are not checked by it");
    assert!(there || std::env::var_os("RESTORE_WATCH_REQUIRE_LINTERS").is_none(), "{program} is not here");
    there
}
