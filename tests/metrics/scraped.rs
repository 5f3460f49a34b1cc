//! A daemon that is scraped.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use restore_watch::simulate::{Receiver, Simulator};

use crate::support::{Done, Folder, KEY, PATIENCE, Running, Watch};

/// The configuration and the state of a daemon, which outlive its process.
pub(crate) struct World {
    folder: Folder,
    text: String,
}

/// A running daemon.
pub(crate) struct Scraped {
    pub(crate) process: Running,
    /// Where it listens.
    pub(crate) address: String,
}

/// An answer over HTTP; its head in lower case.
pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The samples of a scrape, by series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Samples(pub(crate) BTreeMap<String, f64>);

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: Folder::new(), text: String::new() }
    }

    /// A project on this control plane, polled as fast as possible; `more` are lines of it.
    pub(crate) fn project(mut self, name: &str, plane: &Simulator, more: &str) -> Self {
        let url = plane.url();
        let table = format!(
            "[[project]]\nname = {name:?}\napi_key = {{ env = \"KEY\" }}\n{more}\n\
             [project.api]\nendpoint = \"{url}\"\nrequests_per_second = 500\nburst = 100\n\
             [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n"
        );
        self.text.push_str(&table);
        self
    }

    /// A webhook that gets all events.
    pub(crate) fn sink(mut self, name: &str, receiver: &Receiver) -> Self {
        let url = receiver.url();
        let table = format!(
            "[[sink]]\ntype = \"webhook\"\nname = {name:?}\nurl = \"{url}\"\nretry_schedule = [\"1h\"]\n"
        );
        self.text.push_str(&table);
        self
    }

    /// Starts a daemon. One that ran before is continued.
    pub(crate) fn start(&self) -> Scraped {
        let config = self.folder.write("config.toml", &self.text);
        let mut process = Watch::new(["run", "--http", "127.0.0.1:0", "--config", &config])
            .env("KEY", KEY)
            .env("STATE_DIRECTORY", &self.folder.path().join("state").to_string_lossy())
            .env("RUNTIME_DIRECTORY", &self.folder.path().to_string_lossy())
            .start();
        process.until_logged("listening on http://");
        // The daemon reports that it is ready once the first round of polls is scheduled.
        process.until_logged("watching ");
        let log = process.stderr();
        let (_, after) = log.split_once("listening on http://").unwrap();
        let address = after.split_whitespace().next().unwrap().to_owned();
        Scraped { process, address }
    }

    /// Replaces the configuration file.
    pub(crate) fn rewrite(&mut self, other: Self) {
        self.text = other.text;
        self.folder.write("config.toml", &self.text);
    }

    /// Has a running daemon read its configuration again.
    pub(crate) fn reload(&self) {
        self.ask(&["reload"]);
    }

    /// Runs a command against a running daemon.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Done {
        let socket = self.folder.path().join("control.sock");
        Watch::new(arguments).env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy()).run()
    }
}

impl Scraped {
    /// Asks for this path, with these lines of the head.
    pub(crate) fn request(&self, method: &str, path: &str, head: &[&str]) -> Answer {
        request(&self.address, method, path, head)
    }

    pub(crate) fn text(&self) -> String {
        let Answer { head, body } = self.request("GET", "/metrics", &[]);
        assert!(head.starts_with("http/1.") && head.contains(" 200 "), "{head}\n{body}");
        body
    }

    pub(crate) fn samples(&self) -> Samples {
        Samples::read(&self.text())
    }

    /// Waits until a scrape meets the condition.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Samples) -> bool) -> Samples {
        let address = self.address.clone();
        let samples = || Samples::read(&request(&address, "GET", "/metrics", &[]).body);
        self.process.until(what, |_| condition(&samples()));
        samples()
    }
}

/// Asks a server for this path.
pub(crate) fn request(address: &str, method: &str, path: &str, head: &[&str]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n").unwrap();
    for line in head {
        write!(stream, "{line}\r\n").unwrap();
    }
    write!(stream, "\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Answer { head: head.to_lowercase(), body: body.to_owned() }
}

impl Samples {
    pub(crate) fn read(text: &str) -> Self {
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
            (series.to_owned(), value.parse().unwrap_or_else(|_| panic!("no number: {line}")))
        };
        Self(text.lines().filter(|line| !line.starts_with('#')).map(sample).collect())
    }

    /// The value of a series of this program.
    #[track_caller]
    pub(crate) fn of(&self, series: &str) -> f64 {
        *self
            .0
            .get(&format!("restore_watch_{series}"))
            .unwrap_or_else(|| panic!("no series {series}: {self:?}"))
    }

    /// The sum of all series of a family of this program.
    pub(crate) fn sum(&self, family: &str) -> f64 {
        let prefix = format!("restore_watch_{family}{{");
        self.0.iter().filter(|(series, _)| series.starts_with(&prefix)).map(|(_, value)| value).sum()
    }
}

/// Whether two counts are the same.
pub(crate) fn is(value: f64, count: u32) -> bool {
    (value - f64::from(count)).abs() < 0.5
}

/// The time between two looks at a server that is waited for.
pub(crate) const STEP: Duration = Duration::from_millis(100);
