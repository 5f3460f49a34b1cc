//! The client's side of SMTP (RFC 5321), one command after the other.
//!
//! Invariant: of each answer, no more than [`MAX_REPLY`] bytes are read. No time limit is kept here.

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};

/// In bytes: answers to EHLO are the longest ones, with some 20 lines.
const MAX_REPLY: usize = 16 * 1024;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A dialog with a mail server.
pub(super) struct Dialog<S> {
    stream: BufReader<S>,
}

/// The answer to a command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    /// The text of each line.
    pub(super) lines: Vec<String>,
}

/// What the server offers, by its answer to EHLO.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Offers {
    start_tls: bool,
    plain: bool,
    login: bool,
}

/// What to log in with.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) username: &'a str,
    pub(super) password: &'a str,
}

/// Why a dialog ended early.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server refuses a command.
    Refused(Reply),
    /// It offers no STARTTLS.
    NoStartTls,
    /// It offers neither of the ways to log in that this program knows.
    NoLogin,
    /// It sent something beyond its answer to STARTTLS.
    SentBeforeTls,
    /// What it sent is no answer of SMTP; its first line.
    NotSmtp(String),
    /// An answer has more than [`MAX_REPLY`] bytes.
    TooLong,
    /// The connection was closed.
    Closed,
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        // Many servers close TLS without a word.
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Closed } else { Self::Io(error) }
    }
}

impl<S: Stream> Dialog<S> {
    /// A dialog in which nothing was said by this end.
    pub(super) fn new(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Waits until the server says that it is ready.
    pub(super) async fn greeting(&mut self) -> Result<(), Broken> {
        accepted(self.reply().await?, 2).map(drop)
    }

    /// Introduces this end by its address.
    pub(super) async fn hello(&mut self, own: IpAddr) -> Result<Offers, Broken> {
        let name = match own {
            IpAddr::V4(address) => format!("[{address}]"),
            IpAddr::V6(address) => format!("[IPv6:{address}]"),
        };
        let reply = self.command(&format!("EHLO {name}"), 2).await?;
        Ok(Offers::of(&reply))
    }

    /// Asks the server to begin TLS.
    pub(super) async fn start_tls(&mut self, offers: &Offers) -> Result<(), Broken> {
        if !offers.start_tls {
            return Err(Broken::NoStartTls);
        }
        self.command("STARTTLS", 2).await.map(drop)
    }

    /// The connection, of which all that was sent must be read.
    pub(super) fn into_stream(self) -> Result<S, Broken> {
        if self.stream.buffer().is_empty() {
            Ok(self.stream.into_inner())
        } else {
            Err(Broken::SentBeforeTls)
        }
    }

    /// Logs in by AUTH PLAIN, else by AUTH LOGIN.
    pub(super) async fn log_in(&mut self, login: Login<'_>, offers: &Offers) -> Result<(), Broken> {
        let Login { username, password } = login;
        if offers.plain {
            let both = Zeroizing::new(format!("\0{username}\0{password}"));
            let encoded = encoded(&both);
            let command = Zeroizing::new(["AUTH PLAIN ", encoded.as_str()].concat());
            return self.command(&command, 2).await.map(drop);
        }
        if offers.login {
            self.command("AUTH LOGIN", 3).await?;
            self.command(&encoded(username), 3).await?;
            return self.command(&encoded(password), 2).await.map(drop);
        }
        Err(Broken::NoLogin)
    }

    /// Begins a mail of this sender, whose address has no line break.
    pub(super) async fn sender(&mut self, address: &str) -> Result<(), Broken> {
        self.command(&format!("MAIL FROM:<{address}>"), 2).await.map(drop)
    }

    /// Adds a recipient to the mail, whose address has no line break.
    pub(super) async fn recipient(&mut self, address: &str) -> Result<(), Broken> {
        self.command(&format!("RCPT TO:<{address}>"), 2).await.map(drop)
    }

    /// Asks the server to take the content of the mail.
    pub(super) async fn data(&mut self) -> Result<(), Broken> {
        self.command("DATA", 3).await.map(drop)
    }

    /// Sends the content of the mail. Once this succeeds, the server has it.
    pub(super) async fn content(&mut self, mail: &[u8]) -> Result<(), Broken> {
        self.write(&framed(mail)).await?;
        accepted(self.reply().await?, 2).map(drop)
    }

    /// Ends the dialog.
    pub(super) async fn quit(&mut self) -> Result<(), Broken> {
        self.command("QUIT", 2).await.map(drop)
    }

    /// Sends a command. The first digit of the answer must be `wanted`.
    async fn command(&mut self, line: &str, wanted: u16) -> Result<Reply, Broken> {
        let line = Zeroizing::new([line, "\r\n"].concat());
        self.write(line.as_bytes()).await?;
        accepted(self.reply().await?, wanted)
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).await?;
        Ok(stream.flush().await?)
    }

    /// Reads one answer, all lines of it.
    async fn reply(&mut self) -> Result<Reply, Broken> {
        let (mut read, mut lines) = (0, Vec::new());
        loop {
            let mut line = Vec::new();
            let room = u64::try_from(MAX_REPLY - read).unwrap_or_default();
            read += (&mut self.stream).take(room).read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Err(if read < MAX_REPLY { Broken::Closed } else { Broken::TooLong });
            }

            let (code, is_last, text) =
                parts(&line).ok_or_else(|| Broken::NotSmtp(String::from_utf8_lossy(&line).into_owned()))?;
            lines.push(text);
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
    }
}

/// An answer with this first digit; any other one is a refusal.
fn accepted(reply: Reply, wanted: u16) -> Result<Reply, Broken> {
    if reply.code / 100 == wanted { Ok(reply) } else { Err(Broken::Refused(reply)) }
}

/// The code of a line, whether it is the last one of its answer, and its text.
fn parts(line: &[u8]) -> Option<(u16, bool, String)> {
    let (code, rest) = line.split_at_checked(3)?;
    let code = std::str::from_utf8(code).ok()?.parse().ok().filter(|code| (200..600).contains(code))?;
    let text = String::from_utf8_lossy(rest.get(1..)?).trim().to_owned();
    match rest.first()? {
        b'-' => Some((code, false, text)),
        b' ' | b'\r' | b'\n' => Some((code, true, text)),
        _ => None,
    }
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(text))
}

/// The content of a mail as it is sent: no line but the last one is a lone dot (RFC 5321, section
/// 4.5.2).
fn framed(mail: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(mail.len() + 5);
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            framed.push(b'.');
        }
        framed.extend_from_slice(line);
    }
    if !framed.ends_with(b"\r\n") {
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b".\r\n");
    framed
}

impl Offers {
    fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        // The first line is a greeting.
        for line in reply.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // Some old servers write `AUTH=`.
            let mut words = line.split([' ', '=']);
            match words.next() {
                Some("STARTTLS") => offers.start_tls = true,
                Some("AUTH") => words.for_each(|word| match word {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_answers_are_read_leniently() {
        for (line, parts_of_it) in [
            (&b"250 ok\r\n"[..], Some((250, true, "ok"))),
            (b"250-size 100\n", Some((250, false, "size 100"))),
            (b"354\r\n", Some((354, true, ""))),
            (b"550 5.1.1 caf\xe9\r\n", Some((550, true, "5.1.1 caf\u{fffd}"))),
            (b"2500 ok\r\n", None),
            (b"+20 ok\r\n", None),
            (b"150 ok\r\n", None),
            (b"HTTP/1.1 400 Bad Request\r\n", None),
            (b"\n", None),
        ] {
            let found = parts(line);

            assert_eq!(
                found,
                parts_of_it.map(|(code, last, text)| (code, last, text.to_owned())),
                "{line:?}"
            );
        }
    }

    #[test]
    fn offers_are_read_from_the_answer_to_ehlo() {
        let of = |lines: &[&str]| {
            Offers::of(&Reply { code: 250, lines: lines.iter().map(|line| (*line).to_owned()).collect() })
        };

        assert_eq!(of(&["STARTTLS", "AUTH PLAIN"]), Offers { plain: true, ..Offers::default() });
        assert_eq!(
            of(&["x", "auth=login", "starttls"]),
            Offers { start_tls: true, login: true, plain: false }
        );
        assert_eq!(of(&["x", "AUTH GSSAPI", "STARTTLSX"]), Offers::default());
    }

    #[test]
    fn no_line_of_the_content_ends_it() {
        assert_eq!(framed(b"a\r\n.\r\n.b\r\n"), b"a\r\n..\r\n..b\r\n.\r\n");
        assert_eq!(framed(b"a"), b"a\r\n.\r\n");
        assert_eq!(framed(b""), b"\r\n.\r\n");
    }
}
