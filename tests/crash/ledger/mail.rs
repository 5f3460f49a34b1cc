//! A mail server that fails at random (RFC 5321).

use std::io::{self, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use restore_watch::platform::clock::Clock;

use super::{Page, Post, Receives, Temper};
use crate::secrets;

/// A server on a port of its own.
pub(super) struct MailServer {
    address: SocketAddr,
}

impl MailServer {
    pub(super) fn open(page: Page) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let page = page.clone();
                thread::spawn(move || drop(converse(stream, &page)));
            }
        });
        Self { address }
    }
}

impl Receives for MailServer {
    fn keys(&self) -> String {
        format!(
            "type = \"email\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nusername = \"watch\"\n\
             password = {{ env = \"MAIL_PASSWORD\" }}\nfrom = \"watch@example.com\"\nto = [\"ops@example.com\"]\n",
            self.address.port()
        )
    }

    fn variables(&self) -> Vec<(String, String)> {
        vec![("MAIL_PASSWORD".to_owned(), secrets::PASSWORD.to_owned())]
    }
}

/// Answers one client until it leaves.
fn converse(mut stream: TcpStream, page: &Page) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut may_send = false;
    stream.write_all(b"220 mail.example\r\n")?;
    loop {
        let Some(line) = line(&mut lines)? else { return Ok(()) };
        let line = String::from_utf8_lossy(&line).into_owned();
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN\r\n250 8BITMIME\r\n",
            "AUTH" => {
                may_send = line.split(' ').nth(2) == Some(secrets::AUTH_PLAIN);
                if may_send { "235 welcome\r\n" } else { "535 not you\r\n" }
            }
            "MAIL" if !may_send => "530 authenticate first\r\n",
            "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 fine\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let Some(message) = message(&mut lines)? else { return Ok(()) };
                match take(message, page) {
                    Some(answer) => answer,
                    None => return Ok(()),
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "502 what\r\n",
        };
        stream.write_all(answer.as_bytes())?;
    }
}

/// Records a message. Returns how it is answered, if it is.
fn take(message: Vec<u8>, page: &Page) -> Option<&'static str> {
    let (answer, taken) = match page.mood() {
        (Temper::Well, _) | (_, 0..60) => (Some("250 taken\r\n"), true),
        (_, 60..75) => (Some("451 later\r\n"), false),
        (_, 75..80) => (Some("421 going away\r\n"), false),
        // The connection ends without an answer.
        (_, _) => (None, false),
    };
    let text = String::from_utf8_lossy(&message);
    let of_header = |line: &str| Some(line.strip_prefix("Message-ID: <")?.split_once('@')?.0.to_owned());
    let ids: Vec<_> = text.lines().take_while(|line| !line.is_empty()).filter_map(of_header).collect();
    let fault = (ids.len() != 1).then(|| format!("it has the ids {ids:?}"));
    page.record(Post {
        at: Clock::system().now().wall,
        id: ids.first().cloned().unwrap_or_default(),
        body: message.into(),
        taken,
        fault,
    });
    answer
}

/// The lines up to the one with a dot alone, as they were before they were sent.
fn message(lines: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::new();
    while let Some(line) = line(lines)? {
        match line.as_slice() {
            b"." => return Ok(Some(message)),
            line => {
                message.extend(line.strip_prefix(b".").unwrap_or(line));
                message.extend(b"\r\n");
            }
        }
    }
    Ok(None)
}

/// The next line, without its end; none if there is no more.
fn line(lines: &mut impl io::BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line)?;
    Ok(line.strip_suffix(b"\r\n").map(<[u8]>::to_vec))
}
