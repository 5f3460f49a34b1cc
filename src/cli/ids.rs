//! Job ids from the command line, from files and from standard input.
//!
//! Invariant: an input is accepted or refused as a whole; a file with one malformed line is not
//! used in part.

use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use serde_json::Value;

use super::Failure;
use crate::model::{IdError, JobId, Mistake, Reference, is_invisible, visible};

/// A larger file is taken for no list of ids.
const MAX_INPUT: u64 = 16 * 1024 * 1024;

const STDIN: &str = "standard input";

const FORMS: &str = "one id a line, or JSON objects that have a restore_job_id, are expected";

/// The ids of the arguments, of `file` and, for an argument `-`, of standard input, in this order
/// and each once.
pub(super) fn collect(arguments: &[String], file: Option<&Path>) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::new();
    // Standard input can be read only once, even if it is named twice.
    let named =
        arguments.iter().any(|argument| argument == "-") || file.is_some_and(|path| path == Path::new("-"));
    if named {
        if std::io::stdin().is_terminal() {
            // A failure of this cannot be reported anywhere.
            drop(writeln!(std::io::stderr(), "reading ids from standard input, one a line, up to Ctrl-D"));
        }
        ids.extend(parse(&read(std::io::stdin().lock(), STDIN)?, STDIN)?);
    }
    let arguments: Vec<_> = arguments.iter().filter(|argument| *argument != "-").cloned().collect();
    ids.extend(parse_arguments(&arguments)?);
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        let origin = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|error| unreadable(&origin, &error))?;
        ids.extend(parse(&read(file, &origin)?, &origin)?);
    }

    let mut seen = std::collections::BTreeSet::new();
    ids.retain(|id| seen.insert(id.clone()));

    Ok(ids)
}

/// Ids of the command line.
pub(super) fn parse_arguments(arguments: &[String]) -> Result<Vec<JobId>, Failure> {
    if arguments == ["help"] {
        return Err(Failure::usage("`help` is not an id").with_help("--help shows the help of a command"));
    }
    let id = |argument: &String| {
        JobId::given(argument.trim()).map_err(|error| refused(&format!("`{}`", visible(argument)), &error))
    };
    arguments.iter().map(id).collect()
}

/// Ids, names or beginnings of ids of the command line that refer to watched jobs. An earlier
/// version of this program may have accepted an id that is refused for a new job, so these are not
/// refused, and a name may have spaces.
pub(super) fn parse_watched(arguments: &[String]) -> Result<Vec<Reference>, Failure> {
    let reference = |argument: &String| match JobId::new(argument.trim()) {
        Err(error) if argument.trim().is_empty() || argument.contains(is_invisible) => {
            Err(refused(&format!("`{}`", visible(argument)), &error))
        }
        _ => Ok(Reference::new(argument)),
    };
    arguments.iter().map(reference).collect()
}

/// The error about a text that is no id, with its place.
fn refused(place: &str, error: &IdError) -> Failure {
    let failure = Failure::usage(format!("{place}: {error}"));
    match error.help() {
        Some(help) => failure.with_help(help),
        None => failure,
    }
}

/// The error about a line that is no id. A line of a table is the usual reason.
fn refused_line(place: &str, error: &IdError) -> Failure {
    let help = match error {
        IdError::BadCharacter => {
            "one id a line is read; to wait for what `list` shows: restore-watch list --output json | restore-watch wait -"
        }
        IdError::Mistake(Mistake::Separator(_)) => {
            "one id a line is read: of a CSV file, keep the column of the ids, without its heading"
        }
        _ => return refused(place, error),
    };
    Failure::usage(format!("{place}: {error}")).with_help(help)
}

fn read(from: impl std::io::Read, origin: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_INPUT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(origin, &error))?;
    if bytes.len() as u64 > MAX_INPUT {
        return Err(Failure::usage(format!("{origin} is larger than {} MiB", MAX_INPUT >> 20)));
    }
    if is_utf16(&bytes) {
        return Err(unreadable(origin, &"it is UTF-16, and UTF-8 is read")
            .with_help("if PowerShell wrote it with `>`, write it with: | Out-File -Encoding utf8 FILE"));
    }

    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        unreadable(origin, &format_args!("line {line} is not valid UTF-8"))
    })
}

/// Whether text is UTF-16: by its byte order mark, or by the zeros of its ASCII characters.
fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0)
}

fn unreadable(origin: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!("cannot read job ids from {origin}: {error}"))
}

/// Reads ids: one a line (blank lines and those that start with `#` are passed over), or JSON:
/// objects with a `restore_job_id`, one after the other or in arrays, on as many lines as they
/// like.
fn parse(text: &str, origin: &str) -> Result<Vec<JobId>, Failure> {
    let text = text.trim_start_matches('\u{feff}');
    let ids = match text.trim_start().chars().next() {
        Some('{' | '[') => parse_json(text, origin)?,
        _ => parse_lines(text, origin)?,
    };
    if ids.is_empty() {
        return Err(Failure::usage(format!("no job ids in {origin}")).with_help(FORMS));
    }
    Ok(ids)
}

fn not_json(origin: &str, error: &serde_json::Error) -> Failure {
    let help = if error.is_eof() { "it was cut; did the command that wrote it fail?" } else { FORMS };
    Failure::usage(format!("{origin} is not valid JSON: {error}")).with_help(help)
}

fn parse_lines(text: &str, origin: &str) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with('{') {
            ids.extend(parse_json(line, &format!("{origin}, line {number}"))?);
        } else if !line.is_empty() && !line.starts_with('#') {
            let id = JobId::given(line);
            ids.push(id.map_err(|error| refused_line(&format!("{origin}, line {number}"), &error))?);
        }
    }
    Ok(ids)
}

fn parse_json(text: &str, origin: &str) -> Result<Vec<JobId>, Failure> {
    let mut ids = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter() {
        let value: Value = value.map_err(|error| not_json(origin, &error))?;
        let objects = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for object in objects {
            let id = match &object {
                Value::String(id) => Some(id),
                object => match object.get("restore_job_id") {
                    Some(Value::String(id)) => Some(id),
                    _ => None,
                },
            };
            let id = id.ok_or_else(|| {
                Failure::usage(format!("{origin}: a JSON value without a restore_job_id"))
                    .with_help("did the command that wrote it fail? `pc index restore --json` prints one")
            })?;
            ids.push(JobId::given(id).map_err(|error| refused(origin, &error))?);
        }
    }

    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Result<Vec<String>, String> {
        parse(text, "here")
            .map(|ids| ids.iter().map(ToString::to_string).collect())
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn lines_and_json_are_accepted() {
        for text in [
            "a\nb\n",
            "\n  a \r\n# why\n\nb",
            "{\"restore_job_id\":\"a\"}\n{\"restore_job_id\":\"b\"}\n",
            "{\n  \"restore_job_id\": \"a\",\n  \"index_id\": \"i\"\n}\n{\"restore_job_id\": \"b\"}",
            "[{\"restore_job_id\":\"a\"},\n {\"restore_job_id\":\"b\"}]",
            "[\"a\", \"b\"]",
            "\u{feff}{\"restore_job_id\":\"a\"}{\"restore_job_id\":\"b\"}",
            "a\n{\"restore_job_id\":\"b\"}\n",
        ] {
            assert_eq!(ids(text), Ok(vec!["a".to_owned(), "b".to_owned()]), "{text}");
        }
    }

    #[test]
    fn malformed_input_is_refused_whole() {
        for (text, why) in [
            ("", "no job ids in here"),
            ("# only a comment", "no job ids in here"),
            ("[]", "no job ids in here"),
            ("a\nb c\n", "here, line 2: a restore job id has no spaces"),
            ("{\"restore_job_id\":\"a\"}\n{", "here is not valid JSON: EOF"),
            ("{\"error\":\"quota\"}", "here: a JSON value without a restore_job_id"),
            ("[7]", "here: a JSON value without a restore_job_id"),
            ("{\"restore_job_id\":\"\"}", "here: a restore job id cannot be empty"),
        ] {
            let error = ids(text).unwrap_err();
            assert!(error.starts_with(&format!("error: {why}")), "{text}: {error}");
        }
    }

    #[test]
    fn common_mistakes_in_ids_are_explained() {
        for (argument, why) in [
            ("https://app.pinecone.io/a", "this is an address"),
            ("a,b", "ids are given apart"),
            ("a b", "a restore job id has no spaces"),
            (" ", "a restore job id cannot be empty"),
        ] {
            let error = parse_arguments(&[argument.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(why), "{argument}: {error}");
        }
        assert_eq!(parse_arguments(&[" rj-1 ".to_owned()]).unwrap()[0].as_str(), "rj-1");
    }

    #[test]
    fn repeated_ids_count_once() {
        let arguments = ["b", "a", "b"].map(str::to_owned);
        let ids: Vec<_> = collect(&arguments, None).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(ids, ["b", "a"]);
    }
}
