//! Which lines of a file with syntax errors messages may quote.
//!
//! Invariant: a quoted line is a header, a declared key with at most one number, duration, boolean
//! or word of its choice, or a line of `jobs` with UUIDs alone. No other text of the file is
//! quoted, and nothing that may belong to a secret: not at its key, not below its header, and not
//! within a value of several lines.

use super::keys;
use crate::model::is_uuid;

/// For each line of `text`, whether it may be quoted.
pub(super) fn quotable_lines(text: &str) -> Vec<bool> {
    let mut context = Context::default();
    text.split('\n').map(|line| context.read(line.trim())).collect()
}

/// What the lines so far say about the next one.
#[derive(Default)]
struct Context {
    /// Whether a text of several lines has begun. As the file is broken, nothing tells where it
    /// ends.
    is_within_text: bool,
    /// How many brackets of a value are open.
    depth: usize,
    /// What they belong to.
    owner: Owner,
    /// Whether the last header names a table of secrets, or none that is declared.
    is_below_secret: bool,
}

/// What the open brackets belong to.
#[derive(Default, PartialEq, Eq)]
enum Owner {
    #[default]
    Other,
    /// Ids of jobs.
    Jobs,
    /// A secret, or a key that is not declared. What looks like a header may be a part of it.
    Secret,
}

impl Context {
    /// Reads the next line and returns whether it may be quoted.
    fn read(&mut self, line: &str) -> bool {
        self.is_within_text |= line.contains("\"\"\"") || line.contains("'''");
        if self.is_within_text {
            return false;
        }
        if line.starts_with('[') && self.owner != Owner::Secret {
            self.is_below_secret = !may_show_path(header_path(line));
            self.owner = Owner::Other;
            return !self.is_below_secret && !line.contains('#');
        }

        let is_open = self.owner != Owner::Secret && !self.is_below_secret;
        let key = line.split('=').next().unwrap_or_default().trim();
        let is_of_jobs = self.owner == Owner::Jobs || keys::takes_jobs(key);
        let has_ids = is_of_jobs && has_only_ids(line);
        let may_quote = is_open && (has_ids || may_quote_setting(line));

        let may_show = is_open && self.may_show_keys(line);
        self.depth = depth_after(line, self.depth);
        self.owner = match self.depth {
            0 => Owner::Other,
            _ if !may_show => Owner::Secret,
            _ if is_of_jobs => Owner::Jobs,
            _ => Owner::Other,
        };
        may_quote
    }

    /// Whether what begins on this line belongs to keys below which numbers may be shown.
    fn may_show_keys(&self, line: &str) -> bool {
        let Some((keys, _)) = line.rsplit_once('=') else { return self.depth > 0 };
        keys.split('=').all(|text| may_show_path(text.rsplit(['[', '{', ',']).next().unwrap_or_default()))
    }
}

/// What stands between the brackets of a header, the last of which may be missing.
fn header_path(line: &str) -> &str {
    let header = line.split('#').next().unwrap_or_default().trim_end();
    header.trim_matches(['[', ']'])
}

fn may_show_path(path: &str) -> bool {
    path.split('.').all(|name| keys::may_show_numbers(name.trim()))
}

/// Whether this is `key = value` with nothing that is a text. Quotes around a duration or a word
/// are no matter: often the second one is what is missing.
fn may_quote_setting(line: &str) -> bool {
    let Some((path, value)) = line.split_once('=') else { return false };
    let name = path.rsplit('.').next().unwrap_or_default().trim();

    let value = value.trim();
    let quote = ['"', '\''];
    let word = value.strip_prefix(quote).unwrap_or(value);
    let word = word.strip_suffix(quote).unwrap_or(word);

    may_show_path(path) && (is_number(value) || keys::may_show_word(name, word))
}

/// Whether this has UUIDs, and beside them nothing but `jobs` and `id`. What is a UUID in `jobs` is
/// the id of a job, which is no secret.
fn has_only_ids(line: &str) -> bool {
    let mut words =
        line.split([' ', '\t', '=', ',', '[', ']', '{', '}', '"', '\'']).filter(|word| !word.is_empty());
    let is_of_job = |word: &str| is_uuid(word) || word == "id" || keys::takes_jobs(word);
    line.split(|c: char| !c.is_ascii_hexdigit() && c != '-').any(is_uuid) && words.all(is_of_job)
}

/// Whether this is a number or a date, or the beginning of one.
fn is_number(value: &str) -> bool {
    value.len() <= 16 && value.chars().all(|c| "0123456789._+-:".contains(c))
}

/// How many brackets are open after this line, outside of its texts and its comment.
pub(super) fn depth_after(line: &str, mut depth: usize) -> usize {
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('"'), '\\') => drop(chars.next()),
            (Some(begun), _) if c == begun => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') => break,
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that may be quoted.
    fn quotable(text: &str) -> Vec<&str> {
        let lines = text.lines().zip(quotable_lines(text));
        lines.filter_map(|(line, may_quote)| may_quote.then_some(line)).collect()
    }

    #[test]
    fn key_with_one_shown_word_is_quoted() {
        for line in [
            "request_timeout = 10s",
            "  version = 2026-04-",
            "until = ",
            "until = ready",
            "effort = \"eager",
            "allow_http = true",
            "cadence.min_interval = \"1s",
            "burst = 4",
            "[api",
            "[[project]",
            "[project.api",
            "[ project . api ]",
        ] {
            assert_eq!(quotable(line), [line]);
        }
    }

    #[test]
    fn text_is_not_quoted() {
        for line in [
            "api_key = canary",
            "url = https://a.example/canary",
            "name = pcsk_canary",
            "name = canary",
            "endpoint = \"https://a.example/canary",
            "jobs = [\"canary\" \"a\"]",
            "burst = canary",
            "levels = canary",
            "levels.canary = \"info",
            "token = canary",
            "canary",
            "[canary",
            "[api] # canary",
            "name = 1 # canary",
            "name = 1, canary",
            "name = 1\rcanary",
            "until = \"canary",
        ] {
            assert_eq!(quotable(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn ids_of_jobs_are_quoted() {
        const ID: &str = "670e8400-e29b-41d4-a716-446655440001";
        for text in [
            format!("jobs = [{ID}]"),
            format!("jobs = [\"{ID}, '{ID}']"),
            format!("jobs = [{{ id = {ID} }}]"),
        ] {
            assert_eq!(quotable(&text), [text.as_str()]);
        }
        let ids = format!("{ID},");
        assert_eq!(quotable(&format!("jobs = [\n{ids}\n]")), [ids.as_str()]);

        for text in [
            format!("api_key = {ID}"),
            format!("api_key = [\n{ID}\n]"),
            format!("jobs = [\n]\napi_key = [\n{ID}"),
            format!("jobs = [\n[sink.url]\n{ID}"),
            format!("jobs = [{ID}, canary]"),
            format!("jobs = [{ID}] # canary"),
            format!("jobs = [{ID}canary]"),
            ID.to_owned(),
        ] {
            assert!(!quotable(&text).concat().contains(ID), "{text}");
        }
    }

    #[test]
    fn nothing_of_a_secret_is_quoted_not_even_a_number() {
        for text in [
            "url = 1",
            "url.path = 1",
            "\"url\".path = 1",
            "sink.signing_secret.name = 1",
            "token.name = 1",
            "[sink.url]\nid = 1",
            "[[sink.signing_secret]] # name\nname = 1",
            "[sink.\"url\"]\nid = 1",
            "[\"sink.url\"]\nid = 1",
            "[sink.ulr]\nid = 1",
            "[sink.\nurl]\nid = 1",
            "[sink.url\nid = 1",
            "[]\nid = 1",
        ] {
            assert_eq!(quotable(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn nothing_within_a_value_of_several_lines_is_quoted() {
        for text in [
            "signing_secret = [\n{ env = [\n],\nname = 1\n[api]\nburst = 1",
            "url = {\nid = 1",
            "url =\n{\nid = 1",
            "sink = [\n{ type = 'webhook', url = {\nid = 1",
            "sink = [\n{\nurl.x = [\n[api]\nburst = 1",
            "jobs = [\n[sink.url]\nid = 1",
            "[sink.url]\nname = [\n[api]\nburst = 1",
            "url = { a = \"}\",\nid = 1",
            "url = { a = '}\\', # }\nid = 1",
            "api_key = \"\"\"\n[api]\nburst = 1\n\"\"\"\nburst = 1",
            "api_key = '''\n[api]\nburst = 1",
        ] {
            assert_eq!(quotable(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn line_after_a_closed_value_or_another_header_is_quoted() {
        let text = "jobs = [\n\"]\",\n]\nburst = 1\n[heartbeat.url]\nid = 1\n[cadence] # x\neffort = gentle";
        assert_eq!(quotable(text), ["burst = 1", "effort = gentle"]);
    }

    #[test]
    fn header_after_a_value_that_was_not_closed_is_quoted() {
        let text = "cadence = { min_interval = \"1s\n[watch]\nuntil =\n[[sink]\nurl = {\n[api]";
        assert_eq!(quotable(text), ["[watch]", "until =", "[[sink]"]);
    }
}
