//! A Debian with its own systemd, in which packages are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist::{dist, file};
use crate::skip::skipped_unless_required;
use crate::world::{Ran, World};

/// The variable that forbids skipping these tests.
pub(crate) const REQUIRED: &str = "RESTORE_WATCH_REQUIRE_PACKAGES";

/// Where the package is in the world.
const PACKAGE: &str = "/root/restore-watch.deb";

/// A booted Debian 12, as small as it can be, with the package's file, which is not installed.
pub(crate) struct Debian {
    pub(crate) world: World,
    package: PathBuf,
}

impl Debian {
    /// Boots it; `None` if there are no packages, or if that is impossible here.
    pub(crate) fn boot() -> Option<Self> {
        let package = file(&dist()?, ".deb");
        match root().and_then(|root| World::boot_root(&root)) {
            Ok(world) => {
                std::fs::copy(&package, world.seen_from_outside(PACKAGE)).unwrap();
                Some(Self { world, package })
            }
            Err(why) => {
                skipped_unless_required(REQUIRED, "the packages in a Debian of its own", &why);
                None
            }
        }
    }

    /// Installs the package, or upgrades to it, as people do. Gives what that printed.
    #[track_caller]
    pub(crate) fn install(&self) -> String {
        self.world.succeed(&format!("cd /root && {APT} install ./restore-watch.deb 2>&1"))
    }

    /// Installs an older version: the package that `RESTORE_WATCH_OLD_DEB` names, or else the same
    /// one with a lower number.
    #[track_caller]
    pub(crate) fn install_older(&self) {
        let inside = "/root/older.deb";
        let outside = self.world.seen_from_outside(inside);
        if let Some(older) = std::env::var_os("RESTORE_WATCH_OLD_DEB") {
            let older = Path::new(env!("CARGO_MANIFEST_DIR")).join(older);
            std::fs::copy(&older, outside).unwrap_or_else(|error| panic!("{}: {error}", older.display()));
        } else {
            renumber(&self.package, &outside);
        }
        self.world.succeed(&format!("{APT} install {inside} 2>&1"));
    }

    /// `apt remove` or `apt purge`. Gives what that printed.
    #[track_caller]
    pub(crate) fn take_away(&self, how: &str) -> String {
        self.world.succeed(&format!("{APT} {how} restore-watch 2>&1"))
    }

    /// Runs the commands that a text tells an administrator to type, who pastes `secret`. Gives how
    /// the last one ended.
    pub(crate) fn type_in(
        &self,
        commands: impl Iterator<Item = impl AsRef<str>>,
        secret: &str,
    ) -> Option<Ran> {
        // The world has no `sudo`.
        let typed = commands.map(|command| {
            self.world.run(&format!("sudo() {{ \"$@\"; }}; echo '{secret}' | {{ {}\n}}", command.as_ref()))
        });
        typed.last()
    }
}

/// As an administrator uses it, but that it does not ask.
const APT: &str = "DEBIAN_FRONTEND=noninteractive apt --quiet --yes";

/// The folder with the system, which is made once. The error says why it cannot be.
fn root() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian-12");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/packages/root.sh");
    let made = Command::new("bash").arg(script).arg(&folder).output().map_err(|error| error.to_string())?;
    if made.status.success() { Ok(folder) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned()) }
}

/// Makes a package with a lower version of another one.
fn renumber(package: &Path, renumbered: &Path) {
    let place = tempfile::tempdir().unwrap();
    let script = "dpkg-deb --raw-extract \"$1\" \"$3\"/tree &&
        sed -i 's/^Version: .*/Version: 0.0.1~before/' \"$3\"/tree/DEBIAN/control &&
        dpkg-deb -Zgzip -z1 --root-owner-group --build \"$3\"/tree \"$2\"";
    let made = Command::new("sh")
        .args(["-c", script, "sh"])
        .args([package, renumbered, place.path()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}
