//! The static program, where a static glibc goes wrong: the services that look up names are shared
//! libraries, of the glibc of the system.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::archive::Archive;
use crate::support::{KEY, TlsPlane, skipped};

/// A service that kills the process which loads it, as one of another glibc does.
const SERVICE: &str = "__attribute__((constructor)) static void loaded(void) { __builtin_trap(); }\n";

/// Looks up a name, as every static program does that takes no care.
const LOOK_UP: &str = "#include <netdb.h>\n\
    int main(void) { struct addrinfo *found; return getaddrinfo(\"localhost\", 0, 0, &found); }\n";

/// A system with nothing but a table of hosts, certificates, randomness, and that service, which is
/// asked first.
fn system(authorities: &[&Path]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("etc/nsswitch.conf", b"hosts: deadly files dns\npasswd: deadly files\n");
    write("etc/hosts", b"127.0.0.1 localhost\n");
    let certificates: Vec<_> = authorities.iter().map(|file| fs::read(file).unwrap()).collect();
    write("etc/ssl/certs/ca-certificates.crt", &certificates.concat());

    fs::create_dir(root.path().join("dev")).unwrap();
    let copied = Command::new("cp")
        .args(["-a", "/dev/random", "/dev/urandom"])
        .arg(root.path().join("dev"))
        .status()
        .unwrap();
    assert!(copied.success());

    let machine = std::env::consts::ARCH;
    write(&format!("lib/{machine}-linux-gnu/none"), b"");
    let library = root.path().join(format!("lib/{machine}-linux-gnu/libnss_deadly.so.2"));
    compile(&["-shared", "-fPIC", "-nostdlib"], SERVICE, &library);
    root
}

#[track_caller]
fn compile(options: &[&str], source: &str, program: &Path) {
    use std::io::Write as _;

    let mut compiler = Command::new("cc")
        .args(options)
        .args(["-x", "c", "-", "-o"])
        .arg(program)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    compiler.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    assert!(compiler.wait().unwrap().success(), "{source}");
}

fn run(root: &TempDir, program: &str, arguments: &[&str]) -> Output {
    // By its path, because the environment is cleared.
    let mut command = Command::new("/usr/sbin/chroot");
    command.arg(root.path()).arg(program).args(arguments);
    command.env_clear().env("PINECONE_API_KEY", KEY).output().unwrap()
}

/// Waits for a restore of a server with TLS that is called by a name.
fn wait(archive: &Archive, root: &TempDir) -> Output {
    let plane = TlsPlane::start();
    let url = plane.url().replace("127.0.0.1", "localhost");
    fs::write(root.path().join("config.toml"), format!("jobs = [\"rj-1\"]\n[api]\nendpoint = \"{url}\"\n"))
        .unwrap();
    fs::copy(archive.program(), root.path().join("restore-watch")).unwrap();
    run(root, "/restore-watch", &["wait", "--config", "/config.toml", "--unreachable-after", "10s"])
}

/// Whether a process can be put into another root.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped("the static program on other systems: only root can run it in one");
    }
    is_root
}

#[test]
fn static_program_loads_no_service_that_looks_up_names() {
    let Some(archive) = Archive::unpack() else { return };
    if !is_root() {
        return;
    }
    let root = system(&[&TlsPlane::authority()]);
    compile(&["-static"], LOOK_UP, &root.path().join("look-up"));

    let careless = run(&root, "/look-up", &[]);
    let waited = wait(&archive, &root);

    assert_eq!(careless.status.code(), None, "killed by a signal, so the service would be loaded");
    assert_eq!(waited.status.code(), Some(0), "{waited:?}");
}

#[test]
fn static_program_trusts_what_the_system_trusts() {
    let Some(archive) = Archive::unpack() else { return };
    if !is_root() {
        return;
    }

    let waited = wait(&archive, &system(&[]));

    assert_eq!(waited.status.code(), Some(78), "{waited:?}");
    let said = String::from_utf8_lossy(&waited.stderr).into_owned();
    assert!(said.contains("no CA certificates were found on this system"), "{said}");
}
