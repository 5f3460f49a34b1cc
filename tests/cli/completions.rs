//! `completions`: the scripts complete, in the real shells.

use std::process::{Command, Stdio};

use crate::support::{Folder, Watch, skipped};

/// A command line, a proposal that its last word must have, and one that it must not have.
const LINES: [(&str, &[&str], &[&str]); 9] = [
    ("restore-watch ", &["wait", "run", "deliveries", "notify-test", "schema"], &["canary-file"]),
    ("restore-watch sch", &["schema"], &["run"]),
    ("restore-watch wait --t", &["--timeout"], &["--any"]),
    ("restore-watch wait --output ", &["human", "json", "ndjson"], &["canary-file"]),
    ("restore-watch wait --config can", &["canary-file"], &[]),
    ("restore-watch completions ", &["bash", "zsh", "fish"], &["canary-file"]),
    ("restore-watch man ", &["wait", "schema"], &["canary-file"]),
    ("restore-watch deliveries re", &["retry"], &["drop"]),
    ("restore-watch notify-test --out", &["--output"], &[]),
];

#[test]
fn bash_completes() {
    let folder = script("bash", "script");
    for (line, wanted, unwanted) in LINES {
        // Called as bash does, with the words and the index of the last. `compopt` works only
        // there.
        let text = format!(
            "set -eu; . ./script; compopt() {{ :; }}; line='{line}x'; read -ra COMP_WORDS <<< \"$line\"
             COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_WORDS[COMP_CWORD]=${{COMP_WORDS[COMP_CWORD]%x}}
             function=$(complete -p restore-watch | sed 's/.*-F \\([^ ]*\\).*/\\1/')
             $function restore-watch \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let Some(proposed) = run(&["bash", "--norc", "-c"], &text, &folder) else { return };
        judge(line, &proposed.lines().collect::<Vec<_>>(), wanted, unwanted);
    }
}

#[test]
fn fish_completes() {
    let folder = script("fish", "script");
    for (line, wanted, unwanted) in LINES {
        let text = format!("source script; complete -C '{line}'");
        let Some(proposed) = run(&["fish", "--no-config", "-c"], &text, &folder) else { return };
        let words: Vec<_> = proposed.lines().filter_map(|line| line.split('\t').next()).collect();
        judge(line, &words, wanted, unwanted);
    }
}

#[test]
fn zsh_completes() {
    let folder = script("zsh", "_restore-watch");
    // A line is completed on a pseudo-terminal, where the proposals are drawn. A line printed after
    // them marks their end. Keys typed before the shell is ready mean nothing to the terminal.
    let setup = "zmodload zsh/zpty; zpty shell zsh -f -i\n\
        zpty -w shell \"PS1=; fpath=($PWD \\$fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000\"\n\
        zpty -w shell \"zstyle ':completion:*' verbose no; bindkey '^I' list-choices\"\n\
        zpty -w shell 'mark() { print -r -- mark; BUFFER= }; zle -N mark; bindkey \"^T\" mark; print re\"\"ady'\n\
        zpty -r -m shell line '*ready*'\n";
    let ask = |(line, ..): (&str, _, _)| {
        format!(
            "zpty -w -n shell $'{line}\\t\\x14'; zpty -r -m shell line '*mark*'; print -r -- \"<<< $line\"\n"
        )
    };
    let text = setup.to_owned() + &LINES.map(ask).concat();
    let Some(printed) = run(&["zsh", "-f", "-c"], &text, &folder) else { return };
    let drawn: Vec<_> = printed.split("<<< ").skip(1).collect();

    assert_eq!(drawn.len(), LINES.len(), "{printed:?}");
    for ((line, wanted, unwanted), drawn) in LINES.into_iter().zip(drawn) {
        let drawn = console::strip_ansi_codes(drawn);
        let words: Vec<_> = drawn.split_whitespace().collect();
        judge(line, &words, wanted, unwanted);
    }
}

/// The script for a shell, in a directory with a file that is sometimes proposed.
fn script(shell: &str, name: &str) -> Folder {
    let folder = Folder::new();
    let done = Watch::new(["completions", shell]).run().expect(0);
    assert_eq!(done.stderr, "");
    folder.write(name, done.stdout);
    folder.write("canary-file", "");
    folder
}

/// The output of a shell that runs this in the directory; `None` if it is not installed.
fn run(shell: &[&str], text: &str, folder: &Folder) -> Option<String> {
    let mut command = Command::new("timeout");
    command.arg("60").args(shell).arg(text).current_dir(folder.path()).stdin(Stdio::null());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH")?)
        .env("HOME", folder.path())
        .env("TERM", "xterm");
    let output = command.output().ok().filter(|output| output.status.code() != Some(127));
    let Some(output) = output else {
        skipped(&format!("completions for {}, which is not there", shell[0]));
        return None;
    };
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.success() && stderr.is_empty(), "{shell:?}: {:?}\n{stdout}{stderr}", output.status);
    Some(stdout)
}

#[track_caller]
fn judge(line: &str, proposed: &[&str], wanted: &[&str], unwanted: &[&str]) {
    for word in wanted {
        assert!(proposed.contains(word), "{line:?} does not propose {word}: {proposed:?}");
    }
    for word in unwanted {
        assert!(!proposed.contains(word), "{line:?} proposes {word}: {proposed:?}");
    }
}
