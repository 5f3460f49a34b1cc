//! The paths in a Rust source, such as `crate::engine::Engine`, with `use` trees spelled out.
//!
//! Invariant: comments and literals have no paths. It reads tokens, not syntax: it may find a path
//! where there is none, but misses none that is written out.

/// A path and where it stands.
pub(crate) struct Reference {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) path: Vec<String>,
    /// Whether a `use` names it.
    pub(crate) in_use: bool,
    /// Whether it belongs to an item that is compiled for tests only.
    pub(crate) in_test: bool,
}

/// All paths of a source.
pub(crate) fn references(text: &str) -> Vec<Reference> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    // The end of the test item that `at` is in.
    let mut test_until = 0;
    while at < tokens.len() {
        if starts_with(&tokens[at..], &["#", "[", "cfg", "(", "test", ")", "]"]) {
            test_until = test_until.max(end_of_item(&tokens, at + 7));
            at += 7;
            continue;
        }
        // The visibility of an item is no import.
        if starts_with(&tokens[at..], &["pub", "(", "crate", ")"]) {
            at += 4;
            continue;
        }
        let (in_test, line) = (at < test_until, tokens[at].line);
        // A bound such as `use<'_>` is no import.
        if tokens[at].text == "use" && !is(&tokens, at + 1, "<") {
            at = tree(&tokens, at + 1, &[], &mut |line, path| {
                found.push(Reference { line, path, in_use: true, in_test });
            });
        } else if is_name(&tokens[at]) {
            let (path, next) = path(&tokens, at);
            found.push(Reference { line, path, in_use: false, in_test });
            at = next;
        } else {
            at += 1;
        }
    }
    found
}

struct Token {
    line: usize,
    text: String,
}

fn is_name(token: &Token) -> bool {
    token.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn is(tokens: &[Token], at: usize, text: &str) -> bool {
    tokens.get(at).is_some_and(|token| token.text == text)
}

fn starts_with(tokens: &[Token], texts: &[&str]) -> bool {
    tokens.len() >= texts.len() && tokens.iter().zip(texts).all(|(token, text)| token.text == *text)
}

/// The place after the item at `at`: after its `;`, or the end of its block.
fn end_of_item(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_usize;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        match token.text.as_str() {
            ";" if depth == 0 => return place + 1,
            "{" => depth += 1,
            "}" if depth <= 1 => return place + 1,
            "}" => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The path at `at`, and the place after it.
fn path(tokens: &[Token], mut at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].text.clone()];
    at += 1;
    while is(tokens, at, "::") && tokens.get(at + 1).is_some_and(is_name) {
        path.push(tokens[at + 1].text.clone());
        at += 2;
    }
    (path, at)
}

/// Reports each path of the `use` tree at `at`, below `base`; the place after it.
fn tree(
    tokens: &[Token],
    mut at: usize,
    base: &[String],
    report: &mut dyn FnMut(usize, Vec<String>),
) -> usize {
    let mut below = base.to_vec();
    let mut ended = false;
    while at < tokens.len() {
        let token = &tokens[at];
        match token.text.as_str() {
            "," | ";" | "}" => break,
            "::" => {}
            "{" => {
                ended = true;
                at += 1;
                while at < tokens.len() && !is(tokens, at, "}") {
                    at = tree(tokens, at, &below, report);
                    at += usize::from(is(tokens, at, ","));
                }
            }
            // What it is called here does not matter.
            "as" => at += 1,
            _ => {
                below.push(token.text.clone());
                let more = is(tokens, at + 1, "::");
                if !more {
                    ended = true;
                    report(token.line, below.clone());
                }
            }
        }
        at += 1;
    }
    debug_assert!(ended || below == base);
    at
}

/// Names, `::` and single other characters; comments and literals are left out.
fn tokens(text: &str) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < characters.len() {
        let rest = &characters[at..];
        let length = match rest {
            [c, ..] if c.is_whitespace() => 1,
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => block_comment(rest),
            ['"', ..] => string(rest, 1),
            ['b' | 'c', '"', ..] => string(rest, 2),
            ['r', '"' | '#', ..] if raw_string(rest, 1).is_some() => raw_string(rest, 1).unwrap_or(1),
            ['b' | 'c', 'r', '"' | '#', ..] if raw_string(rest, 2).is_some() => {
                raw_string(rest, 2).unwrap_or(1)
            }
            ['\'', '\\', _, rest @ ..] => 4 + rest.iter().take_while(|c| **c != '\'').count(),
            ['\'', _, '\'', ..] => 3,
            [':', ':', ..] => {
                tokens.push(Token { line, text: "::".to_owned() });
                2
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                let word: String = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                let length = word.chars().count();
                tokens.push(Token { line, text: word });
                length
            }
            [c, ..] => {
                tokens.push(Token { line, text: c.to_string() });
                1
            }
            [] => break,
        };
        let passed = &rest[..length.min(rest.len())];
        line += passed.iter().filter(|c| **c == '\n').count();
        at += passed.len();
    }
    tokens
}

/// The length of a block comment; they nest.
fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] if depth == 1 => return at + 2,
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    at
}

/// The length of a string literal whose text starts at `at`.
fn string(text: &[char], mut at: usize) -> usize {
    while at < text.len() {
        match text[at] {
            '"' => return at + 1,
            '\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// The length of a raw string literal whose `#` or quote is at `at`; none where it is a raw name.
fn raw_string(text: &[char], at: usize) -> Option<usize> {
    let hashes = text[at..].iter().take_while(|c| **c == '#').count();
    let start = at + hashes;
    (text.get(start) == Some(&'"')).then(|| {
        let ends = |place: usize| {
            text[place] == '"'
                && text[place + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
        };
        (start + 1..text.len()).find(|place| ends(*place)).map_or(text.len(), |place| place + 1 + hashes)
    })
}

#[test]
fn paths_are_read() {
    let text = "use a::{b::{c, d as e}, *, self};\n// x::y\nfn f<'a>(x: &'a g::H) -> i { \"j::k\"; '\\''; l::m::<n::o>() }";
    let found: Vec<_> = references(text).iter().map(|found| (found.line, found.path.join("::"))).collect();
    let expected = [(1, "a::b::c"), (1, "a::b::d"), (1, "a::*"), (1, "a::self")];
    assert_eq!(found[..4], expected.map(|(line, path)| (line, path.to_owned())));
    for path in ["g::H", "l::m", "n::o"] {
        assert!(found.contains(&(3, path.to_owned())), "{path}: {found:?}");
    }
    assert!(!found.iter().any(|(_, path)| path.contains('y') || path.contains('k')), "{found:?}");
}

#[test]
fn captured_lifetimes_are_no_import() {
    let found = references("fn f() -> impl A + use<'_> { b::c() }");

    assert!(found.iter().any(|found| found.path.join("::") == "b::c"));
    assert!(found.iter().all(|found| !found.in_use));
}

#[test]
fn items_for_tests_only_are_marked() {
    let text = "use a;\n#[cfg(test)]\nmod tests { fn t() { b::c() } use d; }\nuse e;\n#[cfg(test)]\nmod more;\nuse f;";
    let tests: Vec<_> = references(text)
        .into_iter()
        .filter(|found| found.in_test)
        .map(|found| found.path.join("::"))
        .collect();
    assert!(tests.contains(&"b::c".to_owned()) && tests.contains(&"d".to_owned()), "{tests:?}");
    assert!(!tests.iter().any(|path| ["a", "e", "f"].contains(&path.as_str())), "{tests:?}");
}
