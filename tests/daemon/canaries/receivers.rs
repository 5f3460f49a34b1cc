//! Receivers that repeat what they get, as badly as receivers do.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use restore_watch::simulate::{Received, Receiver, Reply};

use crate::support::receive;

/// Each receiver answers with these, one after the other.
const STATUSES: [u16; 4] = [401, 400, 500, 429];

/// A receiver, API, proxy or monitor that refuses all requests and repeats one part of each first:
/// its path, headers, or body, encoded or not. After `changing` requests, the status is always 401.
pub(super) fn echo(changing: usize) -> Receiver {
    let receiver = receive([]);
    let count = AtomicUsize::new(0);
    receiver.decide(move |received| {
        let count = count.fetch_add(1, Ordering::SeqCst);
        let mut parts = parts(received);
        let first = count % parts.len();
        parts.rotate_left(first);
        // No more than the beginning is shown.
        parts.truncate(3);
        let status = if count < changing { STATUSES[count % STATUSES.len()] } else { 401 };
        Reply::status(status)
            .header("x-repeated", &parts[0].replace(['\r', '\n'], " "))
            .body(parts.join("\n"))
    });
    receiver
}

/// What a receiver repeats, each part in forms of its own. Their number has no divisor in common
/// with that of the statuses.
fn parts(received: &Received) -> Vec<String> {
    let mut parts = vec![received.path.clone(), String::from_utf8_lossy(&received.body).into_owned()];
    let secret = ["authorization", "proxy-authorization", "api-key", "x-api-key"];
    for name in secret {
        let value = received.header(name).unwrap_or("none");
        let encoded = value.rsplit(' ').next().and_then(|text| STANDARD.decode(text).ok());
        let decoded = encoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        parts.push(format!("bad value: {value} {}", decoded.unwrap_or_default()));
    }
    let all = format!("{} {:?}", parts.join(" "), received.headers);
    parts.push(serde_json::json!({ "error": { "code": "UNAUTHENTICATED", "message": all } }).to_string());
    parts.push(STANDARD.encode(&all));
    parts.push(all.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02X}").expect("a text");
        text
    }));
    parts
}

/// All that a receiver got.
pub(super) fn record(receiver: &Receiver) -> Vec<u8> {
    let mut record = Vec::new();
    for Received { method, path, headers, body, .. } in receiver.received() {
        record.extend_from_slice(format!("{method} {path} {headers:?}\n").as_bytes());
        record.extend_from_slice(&body);
    }
    record
}

/// A mail server that repeats logins and refuses each mail, in ways that take turns.
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    lines: Arc<Mutex<Vec<u8>>>,
    dialogs: Arc<AtomicUsize>,
}

/// How a mail server treats a login.
#[derive(Clone, Copy, PartialEq)]
enum Refusal {
    /// It is refused, with this code.
    Login(&'static str),
    /// It is made by AUTH LOGIN, and refused.
    InSteps,
    /// It is taken, and the sender is refused.
    Sender,
    /// It is answered by what is no SMTP.
    Garbage,
}

const REFUSALS: [Refusal; 5] =
    [Refusal::Login("535"), Refusal::Login("454"), Refusal::InSteps, Refusal::Sender, Refusal::Garbage];

impl MailServer {
    /// Serves until the process ends.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (lines, dialogs) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let server = Self { address, lines: Arc::clone(&lines), dialogs: Arc::clone(&dialogs) };
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let refusal = REFUSALS[dialogs.fetch_add(1, Ordering::SeqCst) % REFUSALS.len()];
                let lines = Arc::clone(&lines);
                // A client that hangs up ends the dialog.
                thread::spawn(move || drop(talk(&socket, refusal, &lines)));
            }
        });
        server
    }

    /// What it was told, by all clients.
    pub(super) fn record(&self) -> Vec<u8> {
        self.lines.lock().expect("the lines").clone()
    }

    pub(super) fn count(&self) -> usize {
        self.dialogs.load(Ordering::SeqCst)
    }
}

fn talk(mut socket: &TcpStream, refusal: Refusal, lines: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    socket.write_all(b"220 ready\r\n")?;
    let mut login = String::new();
    for line in BufReader::new(socket).lines() {
        let line = line?;
        lines.lock().expect("the lines").extend_from_slice(format!("{line}\n").as_bytes());
        let last = line.rsplit(' ').next().unwrap_or_default();
        let decoded = STANDARD.decode(last).unwrap_or_default();
        let decoded = String::from_utf8_lossy(&decoded).replace('\0', " ");
        let answer = match line.split(' ').next().unwrap_or_default() {
            "EHLO" if refusal == Refusal::InSteps => "250-here\r\n250 AUTH LOGIN".to_owned(),
            "EHLO" => "250-here\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" if last == "LOGIN" => "334 VXNlcm5hbWU6".to_owned(),
            "AUTH" => {
                login = format!("{line} {decoded}");
                match refusal {
                    Refusal::Login(code) => format!("{code}-no {last}\r\n{code} {decoded}"),
                    Refusal::Garbage => line,
                    Refusal::InSteps | Refusal::Sender => "235 good".to_owned(),
                }
            }
            "MAIL" => format!("550 who is {login}"),
            "QUIT" => "221 bye".to_owned(),
            _ if decoded == "alerts" => "334 UGFzc3dvcmQ6".to_owned(),
            _ => format!("535 no {line} {decoded}"),
        };
        socket.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}
