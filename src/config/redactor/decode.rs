//! The steps by which a text is decoded.
//!
//! Invariant: each byte of each step knows the stretch of the text, by whole characters, that it
//! stands for.

use crate::model::is_invisible;

/// How often escapes are undone: one encoding within another occurs, four within each other do not.
const STEPS: usize = 4;

/// Shorter runs of base64 or hexadecimal digits carry no secret.
const SHORTEST_RUN: usize = 8;

/// The longest reference of HTML, `&#x10ffff;`.
const LONGEST_REFERENCE: usize = 10;

/// A byte, and the stretch of the text (in bytes) that it stands for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) byte: u8,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The bytes of a text. White space, control characters and characters of no width are left out: a
/// receiver may have inserted them.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(text.len());
    for (from, c) in text.char_indices().filter(|(_, c)| !is_unseen(*c)) {
        let to = from + c.len_utf8();
        pieces.extend(text.as_bytes()[from..to].iter().map(|byte| Piece { byte: *byte, from, to }));
    }
    pieces
}

fn is_unseen(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// A text as it is, and after each step of undoing escapes.
pub(super) fn levels(text: Vec<Piece>) -> Vec<Vec<Piece>> {
    let mut levels = vec![text];
    while levels.len() <= STEPS
        && let Some(decoded) = levels.last().and_then(|level| unescape(level))
    {
        levels.push(decoded);
    }
    levels
}

/// For comparing: in one case, and without what encodings put in or take away: blanks and `+` for
/// them, and `\`.
pub(super) fn fold(pieces: &[Piece]) -> Vec<Piece> {
    let is_kept = |byte: u8| !matches!(byte, b'+' | b'\\' | b' ') && !byte.is_ascii_control();
    let kept = pieces.iter().filter(|piece| is_kept(piece.byte));
    kept.map(|piece| Piece { byte: piece.byte.to_ascii_lowercase(), ..*piece }).collect()
}

/// Undoes the escapes of one step; nothing if there are none.
fn unescape(pieces: &[Piece]) -> Option<Vec<Piece>> {
    if !pieces.iter().any(|piece| matches!(piece.byte, b'%' | b'&' | b'\\')) {
        return None;
    }

    let mut decoded = Vec::with_capacity(pieces.len());
    let (mut at, mut changed) = (0, false);
    while at < pieces.len() {
        let rest = &pieces[at..];
        let (length, bytes) = match escape(rest) {
            Some((length, meant)) => {
                changed = true;
                (length, meant)
            }
            None => (1, Meant::Byte(rest[0].byte)),
        };

        let (from, to) = (rest[0].from, rest[length - 1].to);
        match bytes {
            Meant::Byte(byte) => decoded.push(Piece { byte, from, to }),
            Meant::Char(c) if is_unseen(c) => {}
            Meant::Char(c) => {
                let mut buffer = [0; 4];
                let bytes = c.encode_utf8(&mut buffer).bytes();
                decoded.extend(bytes.map(|byte| Piece { byte, from, to }));
            }
        }
        at += length;
    }
    changed.then_some(decoded)
}

/// What an escape stands for.
enum Meant {
    Byte(u8),
    Char(char),
}

/// The escape that `rest` begins with, if it does: its length, and what it stands for.
fn escape(rest: &[Piece]) -> Option<(usize, Meant)> {
    match rest.first()?.byte {
        b'%' => u8::try_from(number(rest.get(1..3)?, 16)?).ok().map(|byte| (3, Meant::Byte(byte))),
        b'\\' => match rest.get(1)?.byte {
            b'u' => Some((6, Meant::Char(char::from_u32(number(rest.get(2..6)?, 16)?)?))),
            b'x' => Some((4, Meant::Char(char::from_u32(number(rest.get(2..4)?, 16)?)?))),
            _ => None,
        },
        b'&' => reference(rest),
        _ => None,
    }
}

/// A character reference of HTML, by a number or by one of the names that are needed in texts.
fn reference(rest: &[Piece]) -> Option<(usize, Meant)> {
    let end = rest.iter().take(LONGEST_REFERENCE).position(|piece| piece.byte == b';')?;
    let name = rest.get(1..end)?;
    let letters: Vec<u8> = name.iter().map(|piece| piece.byte.to_ascii_lowercase()).collect();

    let c = match letters.as_slice() {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        b"sol" => '/',
        b"plus" => '+',
        b"equals" => '=',
        b"percnt" => '%',
        [b'#', b'x', ..] => char::from_u32(number(&name[2..], 16)?)?,
        [b'#', ..] => char::from_u32(number(&name[1..], 10)?)?,
        _ => return None,
    };
    Some((end + 1, Meant::Char(c)))
}

fn number(digits: &[Piece], radix: u32) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, piece| {
        number.checked_mul(radix)?.checked_add(char::from(piece.byte).to_digit(radix)?)
    })
}

/// The texts that runs of base64 (also that for URLs) and of hexadecimal digits carry, if they do.
/// A run may have begun within the text before it, so each is read from each of the places at which
/// it can begin.
pub(super) fn carried(pieces: &[Piece]) -> Vec<Vec<Piece>> {
    let mut texts = Vec::new();
    for run in pieces.chunk_by(|a, b| sextet(a.byte).is_some() && sextet(b.byte).is_some()) {
        if run.len() >= SHORTEST_RUN && sextet(run[0].byte).is_some() {
            texts.extend((0..4).map(|start| from_base64(&run[start..])));
        }
    }
    let is_digit = |piece: &Piece| piece.byte.is_ascii_hexdigit();
    for run in pieces.chunk_by(|a, b| is_digit(a) && is_digit(b)) {
        if run.len() >= 2 * SHORTEST_RUN && is_digit(&run[0]) {
            texts.extend((0..2).map(|start| from_hex(&run[start..])));
        }
    }
    texts
}

/// The six bits that a character of base64 stands for (RFC 4648, sections 4 and 5).
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn from_base64(run: &[Piece]) -> Vec<Piece> {
    let mut text = Vec::with_capacity(run.len());
    for group in run.chunks(4) {
        let bits =
            group.iter().fold(0_u32, |bits, piece| bits << 6 | u32::from(sextet(piece.byte).unwrap_or(0)));
        let bits = bits << (6 * (4 - group.len()));
        let [_, bytes @ ..] = bits.to_be_bytes();
        let (from, to) = (group[0].from, group[group.len() - 1].to);
        text.extend(bytes.into_iter().take(group.len() - 1).map(|byte| Piece { byte, from, to }));
    }
    text
}

fn from_hex(run: &[Piece]) -> Vec<Piece> {
    let byte = |pair: &[Piece]| {
        let value = u8::try_from(number(pair, 16)?).ok()?;
        Some(Piece { byte: value, from: pair[0].from, to: pair[1].to })
    };
    run.chunks_exact(2).filter_map(byte).collect()
}
