//! The Debian package and the daemons of users who are logged in.

use crate::root::Debian;
use crate::support::KEY;
use crate::world::World;

const USER: &str = "of-this-test";
const UNIT: &str = "restore-watch-user.service";

#[test]
fn upgrade_restarts_the_running_daemon_of_a_user() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let plane = world.play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    debian.install_older();
    let systemctl = log_in(world);
    let shown = |what: &str| world.succeed(&format!("{systemctl} show --value --property={what} {UNIT}"));
    world.write(&format!("/home/{USER}/.config/restore-watch/pinecone-api-key"), KEY);
    world.write(
        &format!("/home/{USER}/.config/restore-watch/config.toml"),
        format!(
            "[[project]]\nname = \"one\"\napi_key = {{ credential = \"pinecone-api-key\" }}\njobs = [\"rj-1\"]\n\
             api = {{ endpoint = \"{}\" }}\n",
            plane.url()
        ),
    );
    world.succeed(&format!("chown --recursive {USER}: /home/{USER}"));

    // One that does not run stays so.
    debian.install();
    assert_eq!(shown("ActiveState"), "inactive");

    world.succeed(&format!("{systemctl} start {UNIT}"));
    let process = shown("MainPID");
    world.succeed("cd /root; apt --yes install --reinstall ./restore-watch.deb 2>&1");
    assert_eq!(shown("ActiveState"), "active");
    assert_ne!(shown("MainPID"), process);

    debian.take_away("remove");
    assert_eq!(shown("ActiveState"), "inactive");
    world.succeed(&format!("test -s /home/{USER}/.local/state/restore-watch/state.db"));
}

/// Has a user whose systemd runs. Gives the command that controls it.
fn log_in(world: &World) -> String {
    world.succeed(&format!(
        "useradd --create-home {USER} && systemctl start systemd-logind && loginctl enable-linger {USER}"
    ));
    let id = world.succeed(&format!("id -u {USER}"));
    world.until("the user's systemd", || {
        world.property(&format!("user@{id}.service"), "ActiveState") == "active"
    });
    format!("systemctl --user --machine={id}@")
}
