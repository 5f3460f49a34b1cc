//! A private PostgreSQL server for tests, in a temporary folder, on a Unix socket in it.
//!
//! Invariant: it ends with the process of the tests, however that ends: its keeper waits for the end
//! of a pipe from here, then ends the server, by its id, and removes the folder.
//!
//! It needs no more than std and tempfile. Unit tests include it by `#[path]`, with
//! `#[expect(dead_code, unreachable_pub)]`, since this file is shared by tests that each use a part.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::Duration;

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
        let mut command = Command::new(self.installation.binaries.join(name));
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
        command.arg(self.installation.binaries.join("postgres")).arg("-D").arg(&data).args(self.settings());
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

/// A temporary folder and at most one process in it. Both end when it is dropped, and when the
/// process of the tests ends.
pub struct Keeper {
    folder: PathBuf,
    shell: Mutex<Child>,
}

/// Reads ids of processes until the pipe ends; the last one is that of the process to end.
const KEEPER: &str = r#"
last=0
while read -r process; do last=$process; done
if [ "$last" -gt 0 ] && kill -QUIT "$last"; then
  kill -CONT "$last"
  for child in $(cat "/proc/$last/task/$last/children"); do kill -CONT "$child"; done
  tries=0
  while [ "$tries" -lt 150 ] && kill -0 "$last"; do sleep 0.1; tries=$((tries + 1)); done
  if [ "$tries" -eq 150 ]; then kill -KILL "$last"; fi
fi 2>/dev/null
rm -rf "$0"
"#;

impl Keeper {
    /// An empty folder, which the user that runs the servers may write to.
    pub fn new(installation: &Installation) -> Self {
        // The name of a socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("rw-").tempdir_in("/tmp").expect("a folder").keep();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a folder");
        installation.give(&folder);
        let shell = Command::new("sh")
            .args(["-c", KEEPER])
            .arg(&folder)
            // A kill of the tests' process group must leave it the time to tidy up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        Self { folder, shell: Mutex::new(shell.expect("sh")) }
    }

    /// Names the process to end; 0 if it has ended.
    pub fn keep(&self, process: u32) {
        let mut shell = self.shell.lock().unwrap_or_else(PoisonError::into_inner);
        let pipe = shell.stdin.as_mut().expect("a pipe");
        writeln!(pipe, "{process}").expect("a keeper");
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let shell = self.shell.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(shell.stdin.take());
        drop(shell.wait());
    }
}

/// The programs of PostgreSQL, and the user that runs them.
pub struct Installation {
    binaries: PathBuf,
    /// User and group, if this user is root, which PostgreSQL refuses to run as.
    user: Option<(u32, u32)>,
}

impl Installation {
    /// The newest one of this machine. Says that tests are skipped if there is none.
    ///
    /// # Panics
    ///
    /// If there is none, and `RESTORE_WATCH_REQUIRE_POSTGRES` is 1.
    pub fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Installation>> = OnceLock::new();

        let found = FOUND.get_or_init(|| {
            let found = folders().into_iter().find(|folder| is_complete(folder));
            if found.is_none() {
                // Past the harness, which shows the output of failed tests only.
                drop(writeln!(
                    std::io::stderr(),
                    "SKIPPED: PostgreSQL is not installed, so no state is kept in one"
                ));
            }
            found.map(|binaries| Self { binaries, user: server_user() })
        });
        let required = std::env::var("RESTORE_WATCH_REQUIRE_POSTGRES").is_ok_and(|value| value == "1");
        assert!(found.is_some() || !required, "PostgreSQL is not installed, and it must be");
        found.as_ref()
    }

    /// The folder of its programs.
    pub fn binaries(&self) -> &Path {
        &self.binaries
    }

    /// One of its programs, or another, run by that user in an environment without surprises.
    pub fn command(&self, program: &str) -> Command {
        let path = self.binaries.join(program);
        let path = if path.exists() { path } else { PathBuf::from(program) };
        let mut command = if let Some((user, group)) = self.user {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={group}")]);
            command.arg("--clear-groups").arg(path);
            command
        } else {
            Command::new(path)
        };
        command.env_clear().env("LC_ALL", "C").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        command
    }

    /// Gives a file to that user.
    pub fn give(&self, path: &Path) {
        if let Some((user, group)) = self.user {
            chown(path, Some(user), Some(group)).expect("a file of ours");
        }
    }
}

/// Sends a signal, such as `STOP`, to a process that may have ended.
pub fn signal(process: u32, name: &str) {
    let mut kill = Command::new("kill");
    kill.args(["-s", name, &process.to_string()]).stderr(Stdio::null()).status().expect("kill");
}

/// A cluster to copy, because making one takes a second or more.
struct Template {
    keeper: Keeper,
    installation: &'static Installation,
}

fn template() -> Option<&'static Template> {
    static TEMPLATE: OnceLock<Option<Template>> = OnceLock::new();

    TEMPLATE.get_or_init(|| Some(make_template(Installation::find()?))).as_ref()
}

fn make_template(installation: &'static Installation) -> Template {
    let keeper = Keeper::new(installation);
    let data = keeper.folder.join("data");
    let flags = ["--no-sync", "--auth=trust", "--locale=C", "--encoding=UTF8", "--username=postgres"];
    run(installation.command("initdb").current_dir(&keeper.folder).args(flags).arg("-D").arg(&data));

    let mut single = installation.command("postgres");
    single.current_dir(&keeper.folder).args(["--single", "-F", "-D"]).arg(&data).arg("postgres");
    let sql = keeper.folder.join("role.sql");
    fs::write(&sql, format!("CREATE ROLE {ROLE} LOGIN\n")).expect("a file");
    run(single.stdin(fs::File::open(sql).expect("a file")));
    Template { keeper, installation }
}

/// The folders that may have the programs, in the order in which they are tried.
fn folders() -> Vec<PathBuf> {
    let of_path = std::env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> = versions.map(|entry| entry.path()).collect();
    versions.sort_by_key(|path| std::cmp::Reverse(number(path)));
    std::env::split_paths(&of_path).chain(versions.into_iter().map(|path| path.join("bin"))).collect()
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).exists())
}

/// The user that runs the servers for root: `postgres`, or the one that owns nothing.
fn server_user() -> Option<(u32, u32)> {
    let me = Command::new("id").arg("-u").output().expect("id");
    if me.stdout != b"0\n" {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("a list of users");
    let user = |name: &str| {
        let line = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let mut fields = line.split(':').skip(1).map(|field| field.parse().ok());
        Some((fields.next()??, fields.next()??))
    };
    Some(user("postgres").or_else(|| user("nobody")).expect("a user other than root"))
}

/// Makes an authority and a certificate of it for a name; `localhost` is certified for 127.0.0.1,
/// too.
fn certify(folder: &Path, name: &str, installation: &Installation) {
    let openssl = |words: &str| run(Command::new("openssl").current_dir(folder).args(words.split(' ')));
    let address = if name == "localhost" { ",IP:127.0.0.1" } else { "" };
    let of_authority = "[req]\ndistinguished_name=name\nx509_extensions=ca\n[name]\n\
                        [ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n";
    fs::write(folder.join("authority.cnf"), of_authority).expect("a file");
    let of_server = format!(
        "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:{name}{address}\n"
    );
    fs::write(folder.join("server.cnf"), of_server).expect("a file");

    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -config authority.cnf -keyout";
    openssl(&format!("req -x509 {key} ca.key -out ca.pem -days 2 -subj /CN=authority"));
    openssl(&format!("req {key} server.key -out server.csr -subj /CN=server"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile server.cnf",
    );
    for file in ["server.key", "server.pem"] {
        installation.give(&folder.join(file));
    }
}

/// A free port below those that clients get, so that it is still free after a restart.
fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 6000).expect("a small number");
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 4000).find(is_free).expect("a free port")
}

/// The processes whose parent this is.
fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |process: &u32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        // The name of a program, in parentheses, may have any characters.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        fields.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    ids.filter(is_child).collect()
}

#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {done:?}");
}
