//! A proxy before a PostgreSQL server, which reads what clients send (protocol 3.0, "Message
//! Formats") and can cut a connection around one message.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::postgres_server::{PostgresServer, ROLE};
use super::tcp_proxy::{Network, Pass, Server, Tap, TcpProxy};

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Once the server has carried the message out, before its answer.
    BeforeAnswer,
    /// When the server has a part of the message.
    WithinMessage,
}

/// A message of a client, after the start of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number of its connection, in their order.
    pub connection: usize,
    /// Its type, such as `Q` for a simple query and `P` for `Parse`.
    pub kind: char,
    /// What follows its length.
    pub text: String,
}

/// The proxy, until it is dropped.
pub struct PostgresProxy {
    proxy: TcpProxy,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    messages: Vec<Message>,
    /// What to cut, and around a message with which text.
    planned: Option<(Cut, String)>,
    cuts: usize,
}

impl PostgresProxy {
    /// A proxy to this server. Clients of it get no TLS.
    pub fn start(server: &PostgresServer) -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let socket = server.folder().join(format!(".s.PGSQL.{}", server.port()));
        let of_taps = Arc::clone(&seen);
        let proxy = TcpProxy::start(Server::Unix(socket), move || Reader::new(Arc::clone(&of_taps)));
        Self { proxy, seen }
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{ROLE}@{}/{database}?sslmode=disable", self.proxy.address())
    }

    /// Has the network behave like this from now on.
    pub fn set(&self, network: Network) {
        self.proxy.set(network);
    }

    /// Cuts all connections that are open.
    pub fn cut(&self) {
        self.proxy.cut();
    }

    /// Cuts the connection of the next message that has this text.
    pub fn cut_next(&self, cut: Cut, text: &str) {
        lock(&self.seen).planned = Some((cut, text.to_owned()));
    }

    /// How many connections were cut as planned.
    pub fn cuts(&self) -> usize {
        lock(&self.seen).cuts
    }

    /// All messages so far.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.seen).messages.clone()
    }

    /// How many messages of each type came over each connection.
    pub fn counts(&self) -> Vec<BTreeMap<char, usize>> {
        let seen = lock(&self.seen);
        let mut counts = vec![BTreeMap::new(); seen.connections];
        for message in &seen.messages {
            *counts[message.connection].entry(message.kind).or_default() += 1;
        }
        counts
    }
}

/// The code of a request for a connection that is encrypted by TLS, and by GSSAPI.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// `ReadyForQuery`, the end of each answer, without the state of the transaction.
const READY: [u8; 5] = [b'Z', 0, 0, 0, 5];

/// Reads one connection.
struct Reader {
    connection: usize,
    seen: Arc<Mutex<Seen>>,
    has_started: bool,
    /// What is not yet a whole message.
    rest: Vec<u8>,
    /// The answer that is withheld, if one is.
    withheld: Option<Vec<u8>>,
}

impl Reader {
    fn new(seen: Arc<Mutex<Seen>>) -> Self {
        let connection = lock(&seen).connections;
        lock(&seen).connections += 1;
        Self { connection, seen, has_started: false, rest: Vec::new(), withheld: None }
    }

    /// The length of the message at the beginning of `rest`; none if that is not there yet.
    fn length(&self) -> Option<usize> {
        let skipped = usize::from(self.has_started);
        let length = self.rest.get(skipped..skipped + 4)?.try_into().expect("four bytes");
        Some(skipped + usize::try_from(u32::from_be_bytes(length)).expect("a length"))
    }

    fn take(&mut self, length: usize) {
        let message: Vec<_> = self.rest.drain(..length).collect();
        if self.has_started {
            let text = String::from_utf8_lossy(&message[5..]).trim_end_matches('\0').to_owned();
            let kind = char::from(message[0]);
            lock(&self.seen).messages.push(Message { connection: self.connection, kind, text });
        } else {
            let code = message.get(4..8).map_or(0, |code| u32::from_be_bytes(code.try_into().expect("four")));
            self.has_started = !ENCRYPTION.contains(&code);
        }
    }

    /// Whether the message at the beginning of `rest`, of which a part may be missing, is the one
    /// to cut at.
    fn is_planned(&self) -> Option<Cut> {
        let seen = lock(&self.seen);
        let (cut, text) = seen.planned.as_ref()?;
        let message = &self.rest[..self.length()?.min(self.rest.len())];
        let has_text = message.windows(text.len()).any(|part| part == text.as_bytes());
        (self.has_started && has_text).then_some(*cut)
    }

    fn count_cut(&self) {
        lock(&self.seen).cuts += 1;
    }
}

impl Tap for Reader {
    fn sent(&mut self, bytes: &[u8]) -> Pass {
        let before = self.rest.len();
        self.rest.extend_from_slice(bytes);
        // Where the next message begins in these bytes.
        let mut at = 0;
        while let Some(length) = self.length() {
            let planned = self.is_planned();
            if planned == Some(Cut::WithinMessage) {
                lock(&self.seen).planned = None;
                self.count_cut();
                let here = self.rest.len().min(length) - before.min(length);
                return Pass::ThenCut(at + here / 2);
            }
            if self.rest.len() < length {
                break;
            }
            if planned == Some(Cut::BeforeAnswer) {
                lock(&self.seen).planned = None;
                self.withheld = Some(Vec::new());
            }
            self.take(length);
            at = bytes.len() - self.rest.len();
        }
        Pass::All
    }

    fn answered(&mut self, bytes: &[u8]) -> Pass {
        let Some(withheld) = &mut self.withheld else { return Pass::All };
        withheld.extend_from_slice(bytes);
        let is_whole = withheld.len().checked_sub(6).is_some_and(|at| withheld[at..].starts_with(&READY));
        if !is_whole {
            return Pass::None;
        }
        self.count_cut();
        Pass::ThenCut(0)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
