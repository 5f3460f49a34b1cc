//! The words that secrets are made of, and the search for them.
//!
//! Invariant: a part of a word is found, from ten characters on, as it is and in the encodings in
//! which programs repeat a secret: base64, percent-encoding, escapes of JSON, hexadecimal digits,
//! in any case of its letters.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::certificate;

/// The length of the parts that are searched for.
const PART: usize = 10;

/// One for each secret, or for each secret part of a URL.
pub(super) const NAMES: &[&str] = &[
    "Api", "Refused", "HookUser", "HookPass", "HookPath", "HookArg", "SignNew", "SignOld", "Header",
    "ChatPath", "Bearer", "Basic", "Template", "Route", "HopUser", "HopPass", "EnvUser", "EnvPass", "Mail",
    "PingUser", "PingPass", "PingPath", "Token",
];

/// The name under which the key of the client certificate is found.
pub(super) const CLIENT_KEY: &str = "ClientKey";

/// The word of this name before the rotation and after it. Behind each letter of its name, it has a
/// mark of its own, so that no part of it is one of another word or of ordinary text.
pub(super) fn word(name: &str, is_rotated: bool) -> String {
    const RARE: [char; 7] = ['q', 'x', 'z', 'j', 'k', 'v', 'w'];

    let at = NAMES.iter().position(|known| *known == name).expect("a name");
    let number = 2 * at + usize::from(is_rotated);
    let mark = [RARE[number / RARE.len()], RARE[number % RARE.len()]];
    "Finch".chars().chain(name.chars()).flat_map(|letter| [letter, mark[0], mark[1]]).collect()
}

/// What a word is found by.
pub(super) fn label(name: &str, is_rotated: bool) -> String {
    if is_rotated { format!("{name} after the rotation") } else { name.to_owned() }
}

/// All parts of all words in all forms, in lower case, and whose parts they are.
pub(super) struct Search {
    parts: HashMap<[u8; PART], BTreeSet<String>>,
    /// Whether a part begins with these two bytes.
    begins: Vec<bool>,
}

impl Search {
    pub(super) fn new() -> Self {
        let mut search = Self { parts: HashMap::new(), begins: vec![false; 1 << 16] };
        for name in NAMES {
            for is_rotated in [false, true] {
                for form in searched(&word(name, is_rotated)) {
                    search.add(&form, &label(name, is_rotated));
                }
            }
        }
        for line in lines_of_key() {
            search.add(&line, CLIENT_KEY);
        }
        search
    }

    fn add(&mut self, form: &str, label: &str) {
        for part in form.to_ascii_lowercase().as_bytes().windows(PART) {
            let part: [u8; PART] = part.try_into().expect("its length");
            self.begins[beginning(&part)] = true;
            self.parts.entry(part).or_default().insert(label.to_owned());
        }
    }

    /// Where parts of words are, and whose they may be.
    fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'a BTreeSet<String>)> {
        text.windows(PART).enumerate().filter_map(|(at, part)| {
            let part: [u8; PART] = part.to_ascii_lowercase().try_into().expect("its length");
            let labels = self.begins[beginning(&part)].then(|| self.parts.get(&part)).flatten()?;
            Some((at, labels))
        })
    }

    /// The words that a text certainly has parts of.
    pub(super) fn seen(&self, text: &[u8]) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        for view in views(text) {
            let certain = self.find(&view).filter(|(_, labels)| labels.len() == 1);
            seen.extend(certain.flat_map(|(_, labels)| labels.clone()));
        }
        seen
    }

    /// Fails if a text has a part of a word in it.
    #[track_caller]
    pub(super) fn none_in(&self, what: &str, text: &[u8]) {
        for view in views(text) {
            if let Some((at, labels)) = self.find(&view).next() {
                let around = &view[at.saturating_sub(400)..view.len().min(at + 200)];
                let part = String::from_utf8_lossy(&view[at..at + PART]);
                panic!("{what} has a part of {labels:?} in it, {part}: {}", String::from_utf8_lossy(around));
            }
        }
    }
}

/// A text as it is, and with its escapes as hexadecimal digits alone.
fn views(text: &[u8]) -> [Cow<'_, [u8]>; 2] {
    let readable = String::from_utf8_lossy(text);
    let digits = readable.replace("\\u00", "").replace('%', "");
    [text.into(), digits.into_bytes().into()]
}

fn beginning(part: &[u8; PART]) -> usize {
    usize::from(u16::from_le_bytes([part[0], part[1]]))
}

/// A word in each form that is searched for. Of base64, the characters that depend on what stands
/// beside the word are left out.
fn searched(word: &str) -> Vec<String> {
    let base64 = (0..3).map(|before| {
        let encoded = STANDARD.encode("x".repeat(before) + word);
        let end = (before + word.len()) * 4 / 3;
        encoded[(before * 4).div_ceil(3)..end].to_owned()
    });
    base64.chain([word.to_owned(), each_byte(word, |byte| format!("{byte:02x}"))]).collect()
}

/// A word in each form that is found.
pub(super) fn forms(word: &str) -> Vec<String> {
    let percent = each_byte(word, |byte| format!("%{byte:02X}"));
    let json = each_byte(word, |byte| format!("\\u{byte:04x}"));
    [searched(word), vec![percent, json]].concat()
}

fn each_byte(word: &str, written: fn(u8) -> String) -> String {
    word.bytes().map(written).collect()
}

/// The lines of the client's key that are its own: the first one names its type.
pub(super) fn lines_of_key() -> Vec<String> {
    let pem = std::fs::read_to_string(certificate("key.pem")).expect("a key");
    pem.lines().skip(2).filter(|line| !line.starts_with('-')).map(str::to_owned).collect()
}

#[test]
fn search_finds_each_word_in_each_form() {
    let search = Search::new();
    for name in NAMES {
        for is_rotated in [false, true] {
            let word = word(name, is_rotated);
            let mut beside = String::new();
            for before in ["", "a", "ab"] {
                write!(beside, " {}", STANDARD.encode(format!("{before}{word}:b"))).expect("a text");
            }
            for form in forms(&word).into_iter().chain([beside, word.to_uppercase()]) {
                let text = [b"\xff before ", form.as_bytes(), b"\0 behind"].concat();
                assert!(search.seen(&text).contains(&label(name, is_rotated)), "{name}: {form}");
            }
        }
    }
    assert!(!lines_of_key().is_empty());
    assert!(lines_of_key().iter().all(|line| search.seen(line.as_bytes()).contains(CLIENT_KEY)));
    search.none_in("a text", b"Finch and finches, the key and the token of the webhook");
}
