//! The daemon with Slack on a server, installed by the commands of the README.

use crate::support::KEY;
use crate::world::World;

/// A restore that is found by discovery.
const RUNNING: &str =
    "[[job]]\nid = \"9857add2-99d4-4399-870e-aa7f15d8d326\"\nindex = \"docs-search\"\nage = \"5m\"\n";

/// The first block of a language after a text of the README.
fn block(language: &str, after: &str) -> &'static str {
    let (_, rest) = include_str!("../../README.md").split_once(after).expect("that section");
    let (_, block) = rest.split_once(&format!("```{language}\n")).expect("that block");
    block.split("```").next().expect("the text before its end")
}

#[test]
fn readme_sets_up_a_daemon_that_posts_to_slack() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&format!("api_key = \"{KEY}\"\n{RUNNING}"));
    let slack = world.receive(Vec::new());
    let configuration = block("toml", "## Run the daemon");
    world.write("/clone/config.toml", format!("{configuration}\n[api]\nendpoint = \"{}\"\n", plane.url()));
    world.succeed(concat!("cp -r ", env!("CARGO_MANIFEST_DIR"), "/systemd /clone/"));

    let mut last = String::new();
    for command in
        block("console", "On a server with systemd").lines().filter_map(|line| line.strip_prefix("$ "))
    {
        // The program is in its place in this world.
        if command.contains(".cargo/bin") {
            continue;
        }
        let pasted = if command.contains("slack-webhook ") { slack.url() } else { KEY.to_owned() };
        last = world.succeed(&format!("sudo() {{ \"$@\"; }}; cd /clone; echo '{pasted}' | {{ {command}\n}}"));
    }

    assert!(last.contains("slack"), "{last}");
    assert_eq!(slack.count(), 1);
    world.until("the restore", || world.succeed("restore-watch status").contains("docs-search"));
}
