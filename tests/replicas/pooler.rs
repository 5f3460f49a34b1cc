//! Replicas behind pgbouncer, which gives each transaction another connection.

use std::time::Duration;

use crate::scene::Scene;
use crate::support::{CLOCK, Pgbouncer, PostgresServer};
use crate::world::Size;

const WORLD: Size = Size { projects: 1, jobs: 20, endless: 1, span: Duration::from_secs(8) };

#[test]
fn replicas_behind_a_pooler_lose_nothing() {
    let Some(server) = PostgresServer::shared() else { return };
    let Some(pooler) = Pgbouncer::start(server) else { return };
    let mut scene = Scene::new(server, "behind_a_pooler", WORLD, 5);
    for replica in &mut scene.cluster.replicas {
        replica.variables.push(("POSTGRES".to_owned(), pooler.url("behind_a_pooler")));
    }
    scene.cluster.start();

    for is_killed in [true, false] {
        let active = scene.cluster.active();
        let left = CLOCK.now().instant;
        if is_killed {
            scene.cluster.replicas[active].kill();
        } else {
            scene.cluster.replicas[active].stop();
        }
        scene.cluster.until_polled(left, |replica| replica != active);
        scene.cluster.replicas[active].start();
    }

    scene.finish();
    println!("behind a pooler: {}", scene.judge().counts);
}
