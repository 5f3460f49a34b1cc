//! Commands of sinks under restore-watch.service: what its sandbox allows them, and how they end.

use crate::support::{KEY, done};
use crate::world::World;

const UNIT: &str = "restore-watch.service";

/// A sink that runs this script for the end of a restore.
fn sink(world: &World, script: &str) -> String {
    world.write("/usr/local/bin/on-restore", script);
    world.succeed("chmod 755 /usr/local/bin/on-restore");
    "[[sink]]\ntype = \"log\"\n[[sink]]\ntype = \"exec\"\nname = \"hook\"\nretry = false\n\
     command = [\"/usr/local/bin/on-restore\"]\nevents = [\"restore_job.completed\"]\n"
        .to_owned()
}

#[test]
fn command_leaves_a_file_and_another_unit_acts() {
    const LEAVE: &str = "#!/bin/sh
set -eu
folder=/var/lib/restore-watch/restored
mkdir -p $folder
cat > $folder/$RESTORE_WATCH_EVENT_ID.new
mv $folder/$RESTORE_WATCH_EVENT_ID.new $folder/$RESTORE_WATCH_EVENT_ID.json
logger -t on-restore \"left $RESTORE_WATCH_JOB_ID\"
env > /var/lib/restore-watch/environment
! systemctl start traffic.service
";
    const ACT: &str = "#!/bin/sh
set -eu
for file in /var/lib/restore-watch/restored/*.json; do
  systemctl start traffic.service
  rm $file
done
";

    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[("rj-1", "completed")]));
    let sink = sink(&world, LEAVE);
    world.configure(&plane, &["rj-1"], &sink);
    world.write("/usr/local/sbin/act", ACT);
    world.succeed("chmod 755 /usr/local/sbin/act");
    let units = "/etc/systemd/system";
    let path = "[Path]\nPathExistsGlob=/var/lib/restore-watch/restored/*.json\n";
    world.write(&format!("{units}/act.path"), path);
    world.write(&format!("{units}/act.service"), "[Service]\nType=oneshot\nExecStart=/usr/local/sbin/act\n");
    let traffic = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n";
    world.write(&format!("{units}/traffic.service"), traffic);

    world.succeed("systemctl daemon-reload && systemctl start act.path restore-watch");
    world.until("the other unit", || world.property("traffic.service", "ActiveState") == "active");
    world.until("an empty folder", || {
        world.run("test -z \"$(ls /var/lib/restore-watch/restored)\"").code == Some(0)
    });

    world.until("the line of logger", || world.has_logged("SYSLOG_IDENTIFIER=on-restore", "left rj-1"));
    let environment = world.succeed("cat /var/lib/restore-watch/environment");
    for name in
        ["NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "INVOCATION_ID", "JOURNAL_STREAM", "WATCHDOG_", KEY]
    {
        assert!(!environment.contains(name), "{name}\n{environment}");
    }
    world.succeed("systemctl stop restore-watch");
    assert_eq!(world.property(UNIT, "Result"), "success");
    let dead = "restore-watch deliveries --state dead --state-file /var/lib/restore-watch/state.db";
    assert_eq!(world.succeed(dead), "no such deliveries", "systemctl is refused, and nothing else");
}

#[test]
fn stop_lets_a_command_finish() {
    const SLOW: &str = "#!/bin/sh
touch /var/lib/restore-watch/began
sleep 1
touch /var/lib/restore-watch/ended
";

    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[("rj-1", "completed")]));
    let sink = sink(&world, SLOW);
    world.configure(&plane, &["rj-1"], &sink);

    world.succeed("systemctl start restore-watch");
    world.until("a run", || world.run("test -e /var/lib/restore-watch/began").code == Some(0));
    world.succeed("systemctl stop restore-watch");

    world.succeed("test -e /var/lib/restore-watch/ended");
    assert_eq!(world.property(UNIT, "Result"), "success");
    assert!(!world.has_logged("--unit=restore-watch", "still pending"));
}
