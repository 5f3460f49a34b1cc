//! The Debian package as a service of a machine: set up, started, stopped, pointed out.

use crate::root::Debian;
use crate::support::KEY;
use crate::world::World;

const UNIT: &str = "restore-watch.service";
const CONFIG: &str = "/etc/restore-watch/config.toml";

/// A restore that discovery finds, and that ends while it is watched.
const RUNNING: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\ntakes = \"12s\"\nends = \"failed\"\n";

#[test]
fn installed_service_is_set_up_by_what_init_says() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let receiver = world.receive(Vec::new());
    let said = debian.install();
    assert!(
        said.contains("the service is not enabled yet; to set it up: /usr/share/doc/restore-watch/"),
        "{said}"
    );
    assert_eq!(state(world), ("inactive".to_owned(), "disabled".to_owned()));

    let said = world.succeed(&format!("umask 077; restore-watch init {CONFIG}"));
    let plane = world.play(&format!("api_key = \"{KEY}\"\n{RUNNING}"));
    let webhook = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let api = format!("[api]\nendpoint = \"{}\"\nrequests_per_second = 200\n", plane.url());
    let cadence = "[cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n";
    world.succeed(&format!("cat >> {CONFIG} <<'END'\n{webhook}{api}{cadence}END"));
    let next = said.lines().filter_map(|line| line.strip_prefix("  "));
    assert_eq!(next.clone().count(), 3, "{said}");
    let last = debian.type_in(next, KEY).unwrap();

    assert_eq!(last.code, Some(0), "{last:?}");
    assert_eq!(state(world), ("active".to_owned(), "enabled".to_owned()));
    let has_ended = || {
        let posts = receiver.received();
        posts.iter().any(|post| String::from_utf8_lossy(&post.body).contains("restore_job.failed"))
    };
    world.until("the webhook of the end", has_ended);
    assert!(plane.requests().iter().all(|request| request.key_accepted));
    assert!(world.property(UNIT, "FragmentPath").ends_with("/lib/systemd/system/restore-watch.service"));
}

#[test]
fn start_without_configuration_says_what_to_do() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    debian.install();

    let started = world.run("systemctl start restore-watch");
    assert_eq!(started.code, Some(1), "{started:?}");
    assert_eq!(world.property(UNIT, "ActiveState"), "failed");
    assert_eq!(
        (world.property(UNIT, "ExecMainStatus"), world.property(UNIT, "NRestarts")),
        ("78".into(), "0".into())
    );
    world.succeed("journalctl --sync");
    let shown = world.run("systemctl status --full --no-pager restore-watch").stdout;
    assert!(shown.contains(&format!("sudo restore-watch init {CONFIG}")), "{shown}");

    // With a configuration, but without its key.
    world.succeed(&format!("restore-watch init {CONFIG}"));
    assert_eq!(world.run("systemctl start restore-watch").code, Some(1));
    assert_eq!(
        (world.property(UNIT, "ExecMainStatus"), world.property(UNIT, "NRestarts")),
        ("78".into(), "0".into())
    );
    world.succeed("journalctl --sync");
    let shown = world.run("systemctl status --full --no-pager restore-watch").stdout;
    assert!(shown.contains("/etc/restore-watch/pinecone-api-key"), "{shown}");
}

#[test]
fn what_was_installed_by_hand_is_pointed_out_and_kept() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let plane = world.play("[[job]]\nid = \"rj-1\"\n");
    debian.install();
    let by_hand = ["/usr/local/bin/restore-watch", "/etc/systemd/system/restore-watch.service"];
    world.succeed(&format!("cp /usr/bin/restore-watch {}", by_hand[0]));
    world.succeed(&format!("sed s:/usr/bin:/usr/local/bin: /usr/lib/systemd/system/{UNIT} > {}", by_hand[1]));
    world.write("/etc/restore-watch/pinecone-api-key", KEY);
    world.configure(&plane, &["rj-1"], "");
    world.succeed("systemctl daemon-reload; systemctl start restore-watch");
    let process = world.property(UNIT, "MainPID");

    let said = world.succeed("cd /root; apt -y install --reinstall ./restore-watch.deb 2>&1");
    let line =
        said.lines().find(|line| line.starts_with("restore-watch: ")).unwrap_or_else(|| panic!("{said}"));
    assert!(by_hand.iter().all(|file| line.contains(file)) && !line.contains("wait@"), "{line}");
    world.edit(UNIT, "[Service]\nNice=1\n");
    let said = debian.take_away("purge");

    for kept in
        ["/etc/restore-watch and /var/lib/restore-watch", "/etc/systemd/system/restore-watch.service.d"]
    {
        assert!(said.contains(&format!("restore-watch: kept {kept}")), "{said}");
    }
    assert_eq!(world.property(UNIT, "ActiveState"), "active");
    assert_ne!(world.property(UNIT, "MainPID"), process, "restarted by the second installation alone");
    world.succeed(&format!("test -s {CONFIG} && test -s /var/lib/restore-watch/state.db"));
}

#[test]
fn package_installs_where_no_systemd_runs() {
    let Some(debian) = Debian::boot() else { return };
    // As in a chroot, or while an image is built.
    let without = "unshare --mount sh -c 'umount -l /run && mount -t tmpfs none /run && exec \"$@\"' sh";

    let installed = debian.world.run(&format!("{without} dpkg --install /root/restore-watch.deb 2>&1"));
    let purged = debian.world.run(&format!("{without} dpkg --purge restore-watch 2>&1"));

    assert_eq!(installed.code, Some(0), "{installed:?}");
    assert_eq!(purged.code, Some(0), "{purged:?}");
    for said in [installed.stdout, purged.stdout] {
        assert!(!said.contains("ystemctl") && !said.contains("ailed") && !said.contains("warning"), "{said}");
    }
}

fn state(world: &World) -> (String, String) {
    let enabled = world.run(&format!("systemctl is-enabled {UNIT}")).stdout;
    (world.property(UNIT, "ActiveState"), enabled)
}
