//! The programs of PostgreSQL on this machine, the user that runs them, and what a server begins with.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::ROLE;

/// A temporary folder and at most one process in it. Both end when it is dropped, and when the
/// process of the tests ends.
pub struct Keeper {
    pub(super) folder: PathBuf,
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
pub(super) struct Template {
    pub(super) keeper: Keeper,
    pub(super) installation: &'static Installation,
}

pub(super) fn template() -> Option<&'static Template> {
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
pub(super) fn certify(folder: &Path, name: &str, installation: &Installation) {
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
pub(super) fn free_port() -> u16 {
    let first = 20_000 + u16::try_from(std::process::id() % 6000).expect("a small number");
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..first + 4000).find(is_free).expect("a free port")
}

/// The processes whose parent this is.
pub(super) fn children(parent: u32) -> Vec<u32> {
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
pub(super) fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {done:?}");
}
