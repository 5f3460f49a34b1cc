//! An engine that runs the image: podman, with a store of its own.
//!
//! Invariant: no image is fetched, and no container outlives the value that stands for it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::support::{Done, Folder, Watch, skipped};

/// The tag of the image in its archive.
pub(crate) const IMAGE: &str = "localhost/restore-watch:test";

/// The archive with the image, as `docker save` writes it, if it was built.
pub(crate) fn archive() -> Option<PathBuf> {
    let found = std::env::var_os("RESTORE_WATCH_IMAGE").map(PathBuf::from);
    if found.is_none() {
        println!("SKIPPED: the image: RESTORE_WATCH_IMAGE does not name its archive");
    }
    found.map(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
}

/// Podman with the options that this machine needs.
pub(crate) struct Engine {
    options: Vec<String>,
}

impl Engine {
    /// An engine that has loaded the image, if one can run it here; says so if none can.
    pub(crate) fn start() -> Option<&'static Self> {
        static ENGINE: LazyLock<Result<Engine, String>> = LazyLock::new(Engine::load);

        archive()?;
        match &*ENGINE {
            Ok(engine) => Some(engine),
            Err(why) => {
                let required = std::env::var("RESTORE_WATCH_REQUIRE_PODMAN").is_ok_and(|value| value == "1");
                assert!(!required, "the image cannot be run here, and it must be: {why}");
                skipped(&format!("the image as a container: {why}"));
                None
            }
        }
    }

    /// Tries the usual runtime first, then the one that knows the control groups of old systems.
    fn load() -> Result<Self, String> {
        let mut faults = String::new();
        for runtime in [&[][..], &["--runtime", "runc"]] {
            let engine = Self::new(runtime);
            let archive = archive().expect("an image").into_os_string().into_string().unwrap();
            // Of an earlier run of the tests.
            drop(engine.ask(&["rmi", "--all", "--force"]));
            let version = engine.ask(&["load", "--quiet", "--input", &archive]).and_then(|_| {
                let options = Options::default().with(&["--rm", "--no-healthcheck"]);
                let words = Engine::run_words(&options, &["--version"]);
                engine.ask(&words.iter().map(String::as_str).collect::<Vec<_>>())
            });
            match version {
                Ok(_) => return Ok(engine),
                Err(fault) => faults.push_str(&fault),
            }
        }
        Err(faults)
    }

    fn new(runtime: &[&str]) -> Self {
        let store = Path::new(env!("CARGO_TARGET_TMPDIR")).join("containers");
        let folder = |name: &str| store.join(name).into_os_string().into_string().unwrap();
        let places = [("--root", "images"), ("--runroot", "run"), ("--tmpdir", "tmp")];
        let places = places.iter().flat_map(|(option, name)| [(*option).to_owned(), folder(name)]);
        let usual = ["--cgroup-manager", "cgroupfs", "--events-backend", "none"];
        let words = runtime.iter().chain(&usual).map(|word| (*word).to_owned());
        Self { options: words.chain(places).collect() }
    }

    fn ask(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("podman").args(&self.options).args(words).output();
        let output = output.map_err(|error| format!("podman cannot be started: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    fn watch(&self, words: &[&str]) -> Watch {
        let options = self.options.iter().map(String::as_str);
        Watch::program(
            &["podman"].into_iter().chain(options).chain(words.iter().copied()).collect::<Vec<_>>(),
        )
    }

    /// The words of a run with a root that cannot be written to.
    fn run_words(options: &Options, arguments: &[&str]) -> Vec<String> {
        let mut words = vec!["run", "--pull=never", "--read-only", "--network=host"];
        // The usual limits may be higher than this machine permits.
        words.extend(["--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096"]);
        let mut words: Vec<_> = words.into_iter().map(str::to_owned).collect();
        words.extend(options.words.iter().cloned());
        words.push(IMAGE.to_owned());
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        words
    }

    /// Runs a container to its end.
    pub(crate) fn run(&self, options: &Options, arguments: &[&str]) -> Done {
        self.running(options, arguments).run()
    }

    /// A container in the foreground, to start.
    pub(crate) fn running(&self, options: &Options, arguments: &[&str]) -> Watch {
        let options = options.clone().with(&["--rm", "--no-healthcheck"]);
        let words = Self::run_words(&options, arguments);
        self.watch(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a container in the background.
    #[track_caller]
    pub(crate) fn start_container(&'static self, options: &Options, arguments: &[&str]) -> Container {
        // Health is checked by the tests, not by a timer of systemd.
        let options = options.clone().with(&["--detach", "--health-interval=disable"]);
        let words = Self::run_words(&options, arguments);
        let id = self.watch(&words.iter().map(String::as_str).collect::<Vec<_>>()).run().expect(0).stdout;
        Container { engine: self, id: id.trim().to_owned() }
    }
}

/// Further options of a run.
#[derive(Clone, Default)]
pub(crate) struct Options {
    words: Vec<String>,
}

impl Options {
    #[must_use]
    pub(crate) fn with(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|word| (*word).to_owned()));
        self
    }

    /// With this folder, which any user can read, as the one of the configuration.
    #[must_use]
    pub(crate) fn configured(self, folder: &Folder) -> Self {
        use std::os::unix::fs::PermissionsExt as _;

        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        self.with(&["--volume", &format!("{}:/etc/restore-watch:ro", folder.path().display())])
    }
}

/// A container that was started. It is removed when it is dropped, with its volumes.
pub(crate) struct Container {
    engine: &'static Engine,
    id: String,
}

impl Container {
    /// Runs the program in it.
    pub(crate) fn exec(&self, arguments: &[&str]) -> Done {
        self.engine.watch(&[&["exec", &self.id, "restore-watch"], arguments].concat()).run()
    }

    /// The check of the image for it, as a prober runs it.
    pub(crate) fn check_health(&self) -> Done {
        self.engine.watch(&["healthcheck", "run", &self.id]).run()
    }

    /// What it printed on standard error so far.
    pub(crate) fn logged(&self) -> String {
        self.engine.watch(&["logs", &self.id]).run().expect(0).stderr
    }

    /// Asks it to stop, and waits for its end. Gives its exit code.
    pub(crate) fn stop(&self) -> i32 {
        self.engine.watch(&["stop", "--time", "30", &self.id]).run().expect(0);
        let inspect = ["inspect", "--format", "{{.State.ExitCode}}", &self.id];
        self.engine.watch(&inspect).run().expect(0).stdout.trim().parse().expect("an exit code")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(self.engine.ask(&["rm", "--force", "--time", "0", "--volumes", &self.id]));
    }
}
