//! Commands of this program that documents show: each would be accepted.

use restore_watch::cli::Cli;

use crate::markdown::{Page, pages};
use crate::shell;

/// Why the command line refuses these arguments.
pub(crate) fn refused(arguments: &[String]) -> Option<String> {
    let words = std::iter::once("restore-watch").chain(arguments.iter().map(String::as_str));
    match Cli::program().try_get_matches_from(words) {
        Err(error) if error.use_stderr() => Some(error.to_string()),
        _ => None,
    }
}

/// Why a script is wrong, as far as it calls this program.
pub(crate) fn refused_in(script: &str) -> Option<String> {
    shell::commands(script).iter().find_map(|words| refused(shell::arguments(words)?))
}

/// What is wrong with a command that is named in a sentence: it may be shortened, so only its names are checked.
fn misnamed(span: &str) -> Option<String> {
    let mut words = span.strip_prefix("restore-watch ")?.split_whitespace().peekable();
    let mut command = Cli::program();
    while let Some(below) = words.peek().and_then(|word| command.find_subcommand(word)) {
        command = below.clone();
        words.next();
    }

    let known = |word: &str| {
        let word = word.split('=').next().unwrap_or_default();
        word == "--help"
            || word == "--version"
            || command.get_arguments().any(|known| {
                known
                    .get_long_and_visible_aliases()
                    .is_some_and(|names| names.iter().any(|name| word == format!("--{name}")))
            })
    };
    let is_bare =
        command.get_name() == "restore-watch" && words.peek().is_some_and(|word| !word.starts_with('-'));
    if is_bare {
        return Some(format!("`{span}`: no such command"));
    }
    let unknown =
        words.take_while(|word| *word != "--").find(|word| word.starts_with("--") && !known(word))?;
    Some(format!("`{span}`: no option {unknown}"))
}

#[test]
fn commands_named_in_sentences_exist() {
    // Placeholders and words of the changelog's past are no commands.
    let pages = pages().into_iter().filter(|page| !page.path.ends_with("CHANGELOG.md"));
    let wrong: Vec<_> = pages
        .flat_map(|page: Page| page.code().iter().filter_map(|span| misnamed(span)).collect::<Vec<_>>())
        .collect();

    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn misnamed_commands_are_found() {
    assert_eq!(misnamed("restore-watch wait … --timeout 2h | tee log"), None);
    assert_eq!(misnamed("restore-watch deliveries retry --dead"), None);
    assert!(misnamed("restore-watch watch JOB_ID").unwrap().ends_with("no such command"));
    assert!(misnamed("restore-watch list --all").unwrap().ends_with("no option --all"));
    assert!(
        refused_in("restore-watch list | restore-watch wait - --timeot 2h").unwrap().contains("--timeot")
    );
}
