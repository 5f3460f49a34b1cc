//! What the documents tell an administrator of a server to type: the daemon with Slack by the
//! README, and a backup of its state by the guide.

use crate::support::KEY;
use crate::world::World;

/// A restore that is found by discovery.
const RUNNING: &str =
    "[[job]]\nid = \"9857add2-99d4-4399-870e-aa7f15d8d326\"\nindex = \"docs-search\"\nage = \"5m\"\n";

const README: &str = include_str!("../../README.md");
const UPGRADE: &str = include_str!("../../docs/guides/upgrade.md");

/// The first block of a language after a text of a page.
fn block(page: &'static str, language: &str, after: &str) -> &'static str {
    let (_, rest) = page.split_once(after).expect("that section");
    let (_, block) = rest.split_once(&format!("```{language}\n")).expect("that block");
    block.split("```").next().expect("the text before its end")
}

/// The world has no `sudo`.
const SUDO: &str = "sudo() { \"$@\"; }";

fn commands(block: &str) -> impl Iterator<Item = &str> {
    block.lines().filter_map(|line| line.strip_prefix("$ "))
}

#[test]
fn readme_sets_up_a_daemon_that_posts_to_slack() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&format!("api_key = \"{KEY}\"\n{RUNNING}"));
    let slack = world.receive(Vec::new());
    let configuration = block(README, "toml", "## Run the daemon");
    world.write("/root/config.toml", format!("{configuration}\n[api]\nendpoint = \"{}\"\n", plane.url()));

    let mut last = String::new();
    for command in commands(block(README, "console", "On a server with systemd")) {
        let pasted = if command.contains("slack-webhook ") { slack.url() } else { KEY.to_owned() };
        last = world.succeed(&format!("{SUDO}; cd /root; echo '{pasted}' | {{ {command}\n}}"));
    }

    assert!(last.contains("slack"), "{last}");
    assert_eq!(slack.count(), 1);
    world.until("the restore", || world.succeed("restore-watch status").contains("docs-search"));
}

#[test]
fn guide_backs_up_and_restores_the_state_of_the_service() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"added\"\n");
    world.configure(&plane, &[], "");
    world.succeed("mkdir -p /var/backups; systemctl start restore-watch; restore-watch add added");

    for command in commands(block(UPGRADE, "console", "## Back up the state")) {
        world.succeed(&format!("{SUDO}; {command}"));
    }
    world.succeed("restore-watch forget added");
    for command in commands(block(UPGRADE, "console", "## Restore a backup")) {
        world.succeed(&format!("{SUDO}; {command}"));
    }

    let watched = world.succeed("restore-watch status");
    assert!(watched.contains("added"), "the state is that of the backup: {watched}");
}
