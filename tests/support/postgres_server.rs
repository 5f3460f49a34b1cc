//! A private PostgreSQL server for tests, in a temporary folder, on a Unix socket in it.
//!
//! Invariant: it ends with the process of the tests, however that ends: its keeper waits for the end
//! of a pipe from here, then ends the server, by its id, and removes the folder.
//!
//! It needs no more than std and tempfile. Unit tests include it by `#[path]`, with
//! `#[expect(dead_code, unreachable_pub)]`, since this file is shared by tests that each use a part.

// Unit tests include this file by its path, too.
#[path = "postgres_server/installation.rs"]
mod installation;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::Duration;

pub use installation::{Installation, Keeper, signal};

use installation::{certify, children, free_port, run, template};

/// The role that the program under test connects as. It owns its database and nothing else.
pub const ROLE: &str = "watch";

/// The time between two looks at what is waited for.
const TICK: Duration = Duration::from_millis(10);

/// The number of looks before a test fails: a minute of them.
const TICKS: usize = 6000;

/// What a server is like. By default it trusts every client, on its socket alone, and syncs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether a commit waits for the disk, which matters only if the machine may fail.
    pub fsync: bool,
    /// Whether it listens on a port of 127.0.0.1, too.
    pub tcp: bool,
    /// The name in its certificate; without one it does not speak TLS.
    pub certified_for: Option<&'static str>,
    /// Whether roles other than the superuser need a password.
    pub passwords: bool,
    /// Further settings, each `name=value`.
    pub settings: &'static [&'static str],
}

/// A server. It can be stopped and started again; its data stay until it is dropped.
pub struct PostgresServer {
    keeper: Keeper,
    installation: &'static Installation,
    options: Options,
    /// Variables of its environment.
    variables: Vec<(String, String)>,
    port: u16,
    /// None while it is stopped.
    process: Mutex<Option<Child>>,
}

impl PostgresServer {
    /// The server that the tests of this process share, each in a database of its own. `None` if
    /// there is no PostgreSQL on this machine.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<PostgresServer>> = OnceLock::new();

        SHARED.get_or_init(|| Self::new(Options::default())).as_ref()
    }

    /// A server for one test, which may stop it. `None` if there is no PostgreSQL on this machine.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn new(options: Options) -> Option<Self> {
        Self::new_with(options, &[])
    }

    /// The same with these variables in its environment.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn new_with(options: Options, variables: &[(String, String)]) -> Option<Self> {
        let template = template()?;
        let installation = &template.installation;
        let keeper = Keeper::new(installation);
        let data = keeper.folder.join("data");

        // Each is smaller than the time that initdb takes.
        run(Command::new("cp").arg("-a").arg(template.keeper.folder.join("data")).arg(&data));
        let method = if options.passwords { "scram-sha-256" } else { "trust" };
        let rules = format!(
            "local all postgres trust\nlocal all all {method}\n\
             host all all 127.0.0.1/32 {method}\nlocal replication postgres trust\n"
        );
        fs::write(data.join("pg_hba.conf"), rules).expect("a file");
        if let Some(name) = options.certified_for {
            certify(&keeper.folder, name, installation);
        }

        let port = if options.tcp { free_port() } else { 5432 };
        let variables = variables.to_vec();
        let server = Self { keeper, installation, options, variables, port, process: Mutex::default() };
        server.start();
        Some(server)
    }

    /// A server that follows this one, with its data, until it is promoted.
    ///
    /// # Panics
    ///
    /// If it does not start.
    #[must_use]
    pub fn follower(&self) -> Self {
        let keeper = Keeper::new(self.installation);
        let mut copy = self.installation.command("pg_basebackup");
        copy.args(["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"]);
        copy.args(["--username=postgres", "--port", &self.port.to_string()]).arg("--host").arg(self.folder());
        run(copy.arg("--pgdata").arg(keeper.folder.join("data")).current_dir(&keeper.folder));

        let (installation, variables) = (self.installation, Vec::new());
        let options = Options { tcp: false, certified_for: None, ..self.options };
        let server = Self { keeper, installation, options, variables, port: 5432, process: Mutex::default() };
        server.start();
        server
    }

    /// Has a follower take writes, whatever the one that it follows does.
    pub fn promote(&self) {
        assert_eq!(self.psql("postgres", "SELECT pg_promote()"), "t");
    }

    /// The address of a database, over its socket.
    pub fn url(&self, database: &str) -> String {
        let folder = self.keeper.folder.display().to_string().replace('/', "%2F");
        format!("postgresql://{ROLE}@{folder}:{}/{database}", self.port)
    }

    /// The address of a database, over TCP; `host` is how 127.0.0.1 is called.
    pub fn tcp_url(&self, host: &str, database: &str) -> String {
        format!("postgresql://{ROLE}@{host}:{}/{database}", self.port)
    }

    /// The port, which its socket is named after, too.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket, its certificates and its data.
    pub fn folder(&self) -> &Path {
        &self.keeper.folder
    }

    /// The certificate of the authority that certifies it.
    pub fn ca_file(&self) -> PathBuf {
        self.keeper.folder.join("ca.pem")
    }

    /// What PostgreSQL logged.
    pub fn logged(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.keeper.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Creates an empty database that [`ROLE`] owns. Gives its address.
    ///
    /// # Panics
    ///
    /// If there is one of this name.
    pub fn create_database(&self, name: &str) -> String {
        self.psql("postgres", &format!("CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0"));
        self.url(name)
    }

    /// Runs SQL as superuser. Gives the rows as lines, their columns between bars.
    ///
    /// # Panics
    ///
    /// If it fails.
    #[track_caller]
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}\n{}", self.logged()))
    }

    /// The same; fails with the message of psql.
    pub fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let flags = ["--no-psqlrc", "--no-align", "--tuples-only", "--quiet", "--set=ON_ERROR_STOP=1"];
        let done = self.tool("psql").args(flags).args(["--dbname", database, "--command", sql]).output();
        let done = done.expect("psql");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// A program of PostgreSQL, such as `pg_dump`, that connects to this server as superuser.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = Command::new(self.installation.binaries().join(name));
        command.env("PGHOST", &self.keeper.folder).env("PGPORT", self.port.to_string());
        command.env("PGUSER", "postgres").env("PGCONNECT_TIMEOUT", "10").stdin(Stdio::null());
        command
    }

    /// Starts it, unless it runs, and waits until it takes connections.
    ///
    /// # Panics
    ///
    /// If it ends instead.
    pub fn start(&self) {
        let mut process = self.process();
        if process.is_some() {
            return;
        }
        let log = fs::File::options().append(true).create(true).open(self.keeper.folder.join("log"));
        let log = log.expect("a log");
        let data = self.keeper.folder.join("data");

        // Not in the environment of what starts it, which may run as another user.
        let mut command = self.installation.command("env");
        command.args(self.variables.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(self.installation.binaries().join("postgres")).arg("-D").arg(&data).args(self.settings());
        command.current_dir(&self.keeper.folder);
        let error = log.try_clone().expect("a file");
        let mut child = command.stdout(log).stderr(error).process_group(0).spawn().expect("postgres");
        self.keeper.keep(child.id());

        let id = child.id().to_string();
        let is_ready = || {
            let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            let lines: Vec<_> = text.lines().map(str::trim).collect();
            // A file of this name outlives a server that was killed.
            lines.first() == Some(&&*id) && matches!(lines.get(7), Some(&("ready" | "standby")))
        };
        let mut ticks = 0;
        while !is_ready() {
            let ended = child.try_wait().expect("a child");
            assert!(ended.is_none() && ticks < TICKS, "no server ({ended:?}):\n{}", self.logged());
            ticks += 1;
            sleep(TICK);
        }
        *process = Some(child);
    }

    /// Stops it as a crash does: connections break, and the next start recovers from its log.
    pub fn stop_immediate(&self) {
        self.stop("QUIT");
    }

    /// Stops it in order: transactions are rolled back, and clients get a message.
    pub fn stop_fast(&self) {
        self.stop("INT");
    }

    /// Stops time for all its processes: connections stay and nothing is answered.
    pub fn pause(&self) {
        self.signal_all("STOP");
    }

    /// Lets time go on for all its processes.
    pub fn resume(&self) {
        self.signal_all("CONT");
    }

    fn settings(&self) -> Vec<String> {
        let Options { fsync, tcp, certified_for, settings, .. } = self.options;
        let addresses = if tcp { "127.0.0.1" } else { "" };
        let mut all = vec![
            format!("fsync={}", if fsync { "on" } else { "off" }),
            format!("listen_addresses={addresses}"),
            format!("port={}", self.port),
            format!("unix_socket_directories={}", self.keeper.folder.display()),
            "shared_buffers=16MB".to_owned(),
            "max_connections=200".to_owned(),
            "log_line_prefix=%m [%p] %a ".to_owned(),
        ];
        if certified_for.is_some() {
            let file = |name: &str| self.keeper.folder.join(name).display().to_string();
            all.push("ssl=on".to_owned());
            all.push(format!("ssl_cert_file={}", file("server.pem")));
            all.push(format!("ssl_key_file={}", file("server.key")));
        }
        all.extend(settings.iter().map(|&setting| setting.to_owned()));
        all.into_iter().flat_map(|setting| ["-c".to_owned(), setting]).collect()
    }

    fn process(&self) -> MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stop(&self, name: &str) {
        let Some(mut child) = self.process().take() else { return };
        signal(child.id(), name);
        let mut ticks = 0;
        while child.try_wait().expect("a child").is_none() {
            if ticks == TICKS {
                child.kill().expect("a child");
            }
            ticks += 1;
            sleep(TICK);
        }
        self.keeper.keep(0);
    }

    fn signal_all(&self, name: &str) {
        let process = self.process();
        let Some(child) = &*process else { return };
        // The postmaster first: once it is stopped, there are no new ones.
        signal(child.id(), name);
        for child in children(child.id()) {
            signal(child, name);
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.resume();
        self.stop("QUIT");
    }
}
