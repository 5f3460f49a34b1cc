//! A commit is one message, and is committed once if its answer is lost.
//!
//! `RESTORE_WATCH_CUTS=100` gives the long form.

use std::time::Duration;

use crate::scene::Scene;
use crate::support::{Cut, Message, PostgresServer};
use crate::world::Size;
use crate::{at_once, number};

const WORLD: Size = Size { projects: 1, jobs: 30, endless: 0, span: Duration::from_secs(6) };

/// What the message of each commit has in it.
const COMMIT: &str = "restore_watch.commit_";

#[test]
fn commit_is_one_message_of_the_simple_protocol() {
    let Some(server) = PostgresServer::shared() else { return };
    let mut scene = Scene::new(server, "one_message", WORLD, 1);
    scene.cluster.start();

    scene.finish();

    scene.judge();
    let mut commits = 0;
    for replica in &scene.cluster.replicas {
        let messages = replica.to_database.messages();
        // A transaction of several messages would hold the row of the lease if it is cut off.
        let is_simple =
            |message: &Message| matches!(message.kind, 'Q' | 'X') && !message.text.starts_with("BEGIN");
        let other: Vec<_> = messages.iter().filter(|message| !is_simple(message)).collect();
        assert!(other.is_empty(), "{other:?}");
        let is_commit = |text: &str| text.contains(COMMIT) && !text.contains("CREATE ");
        commits += messages.iter().filter(|message| is_commit(&message.text)).count();
    }
    assert!(commits > 0, "{}", scene.context());
}

#[test]
fn commit_whose_connection_is_cut_is_committed_once() {
    at_once([&|| cuts("lost_answers", Cut::BeforeAnswer), &|| cuts("lost_messages", Cut::WithinMessage)]);
}

/// Cuts the connection at each commit but a few.
fn cuts(database: &str, cut: Cut) {
    let Some(server) = PostgresServer::shared() else { return };
    let wanted = number("RESTORE_WATCH_CUTS").unwrap_or(10);
    let tens = u32::try_from(wanted.div_ceil(10)).unwrap();
    let size = Size { jobs: tens * WORLD.jobs, span: tens * WORLD.span, ..WORLD };
    let mut scene = Scene::new(server, database, size, 4);
    scene.cluster.start();
    scene.cluster.active();
    let cuts = |scene: &Scene<'_>| {
        scene.cluster.replicas.iter().map(|replica| replica.to_database.cuts()).sum::<usize>()
    };

    let mut planned = 0;
    while cuts(&scene) < wanted && !scene.world.is_over() {
        let done = cuts(&scene);
        if done >= planned {
            planned = done + 1;
            scene.cluster.replicas.iter().for_each(|replica| replica.to_database.cut_next(cut, COMMIT));
        }
        scene.cluster.all_live();
        std::thread::sleep(Duration::from_millis(5));
    }

    let done = cuts(&scene);
    scene.finish();
    println!("{database}: {done} cuts, {}", scene.judge().counts);
    assert!(done > 0, "{}", scene.context());
}
