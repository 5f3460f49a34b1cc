//! restore-watch-user.service in a session: the user's systemd, bus, screen and notification
//! service, all of them real.

use serde_json::Value;

use crate::skip::skipped;
use crate::support::{KEY, done};
use crate::world::{STRICT, UNITS, World};

/// The user, whose home is made for the test.
const USER: &str = "of-this-test";

/// The parts of a session: a file of each Debian package that it needs beside systemd.
const PARTS: [(&str, &str); 5] = [
    ("dbus-user-session", "/usr/lib/systemd/user/dbus.socket"),
    ("dunst", "/usr/bin/dunst"),
    ("libpam-systemd", "/usr/lib/*/security/pam_systemd.so"),
    ("passwd", "/usr/sbin/useradd"),
    ("xvfb", "/usr/bin/Xvfb"),
];

#[test]
fn end_of_a_restore_is_a_desktop_notification() {
    let Some(session) = Session::begin() else { return };
    let plane = session
        .world
        .play(&format!("api_key = \"{KEY}\"\n{}[[job]]\nid = \"rj-2\"\n", done(&[("rj-1", "failed")])));
    let unit = std::fs::read_to_string(format!("{UNITS}/restore-watch-user.service")).unwrap();
    session.write(".config/systemd/user/restore-watch-user.service", &unit);
    session.write(".config/systemd/user/restore-watch-user.service.d/strict.conf", STRICT);
    session.write(".config/restore-watch/pinecone-api-key", KEY);
    session.write(
        ".config/restore-watch/config.toml",
        &format!(
            "[[project]]\nname = \"one\"\napi_key = {{ credential = \"pinecone-api-key\" }}\n\
             jobs = [\"rj-1\", \"rj-2\"]\napi = {{ endpoint = \"{}\" }}\n\
             [[sink]]\ntype = \"log\"\n[[sink]]\ntype = \"desktop\"\n",
            plane.url()
        ),
    );
    session.succeed("systemctl --user daemon-reload && systemctl --user enable --now restore-watch-user");
    session.world.until("a notification", || session.succeed("dunstctl count displayed") == "1");
    session.succeed("dunstctl close-all");
    let shown = shown(&session.succeed("dunstctl history"));
    let [(heading, text)] = &shown[..] else { panic!("{shown:?}") };
    assert!(heading.starts_with("restored-") && heading.ends_with(": restore failed"), "{shown:?}");
    assert!(text.contains("Took at most ") && !text.contains("rj-1"), "{shown:?}");
    assert!(plane.requests().iter().all(|request| request.key_accepted));

    let process = session.succeed("systemctl --user show --property=MainPID --value restore-watch-user");
    let status = session.world.succeed(&format!("cat /proc/{process}/status"));
    assert!(status.contains("\nNoNewPrivs:\t1\n") && status.contains("\nSeccomp:\t2\n"), "{status}");
    session.succeed("test -s ~/.local/state/restore-watch/state.db");
    session.succeed("systemctl --user stop restore-watch-user");
    assert_eq!(
        session.succeed("systemctl --user show --property=Result --value restore-watch-user"),
        "success"
    );
    let journal = session.world.succeed("journalctl --sync; journalctl --quiet --all --output=export");
    assert!(journal.contains("_SYSTEMD_USER_UNIT=restore-watch-user.service") && !journal.contains(KEY));
}

/// A world with a logged-in user and a screen.
struct Session {
    world: World,
    uid: String,
}

impl Session {
    /// Begins a session; `None` if that is impossible here.
    fn begin() -> Option<Self> {
        let world = World::boot()?;
        let missing: Vec<_> = PARTS
            .into_iter()
            .filter(|(_, file)| world.run(&format!("ls {file}")).code != Some(0))
            .map(|(package, _)| package)
            .collect();
        if !missing.is_empty() {
            skipped("the unit of a desktop session", &format!("not installed: {}", missing.join(", ")));
            return None;
        }
        world.succeed(&format!(
            "useradd --create-home {USER} && systemctl start systemd-logind && loginctl enable-linger {USER}"
        ));
        let uid = world.succeed(&format!("id -u {USER}"));
        let manager = format!("user@{uid}.service");
        world.until("the user's systemd", || world.property(&manager, "ActiveState") == "active");
        let session = Self { world, uid };
        session.succeed("systemd-run --user --quiet Xvfb :7 -nolisten tcp");
        let screen = session.world.seen_from_outside("/tmp/.X11-unix/X7");
        session.world.until("a screen", || screen.exists());
        // The bus starts the notification service at its first call.
        session.succeed("systemctl --user set-environment DISPLAY=:7");
        Some(session)
    }

    /// Runs a line of shell as the user. Gives what it printed.
    #[track_caller]
    fn succeed(&self, line: &str) -> String {
        let (uid, quoted) = (&self.uid, line.replace('\'', "'\\''"));
        self.world.succeed(&format!(
            "setpriv --reuid {USER} --regid {USER} --init-groups env HOME=/home/{USER} \
             XDG_RUNTIME_DIR=/run/user/{uid} DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/{uid}/bus sh -c '{quoted}'"
        ))
    }

    /// Writes a file of the user.
    fn write(&self, path: &str, text: &str) {
        self.world.write(&format!("/home/{USER}/{path}"), text);
        self.world.succeed(&format!("chown --recursive {USER}:{USER} /home/{USER}"));
    }
}

/// Heading and text of the notifications, the newest first.
fn shown(history: &str) -> Vec<(String, String)> {
    let history: Value = serde_json::from_str(history).unwrap();
    let notifications = history["data"][0].as_array().unwrap();
    let text = |notification: &Value, key: &str| notification[key]["data"].as_str().unwrap().to_owned();
    notifications.iter().map(|one| (text(one, "summary"), text(one, "body"))).collect()
}
