//! Restarts and reloads after everything was delivered deliver nothing again.
//!
//! Invariant: each process gets as far as reading its pending deliveries, which is when a delivery
//! would be repeated.

use std::time::Duration;

use restore_watch::model::Exit;

use crate::oracle::Emission;
use crate::stage::{Stage, start};
use crate::world::Size;

const RESTARTS: usize = 100;

/// Some of its jobs never end, so that the daemon always has something to watch.
const SETTLED: Size = Size { projects: 2, jobs: 10, endless: 1, span: Duration::from_secs(1) };

/// Every how many restarts the process runs until its first poll; the others end sooner.
const POLLED: usize = 10;

#[test]
fn delivered_event_is_never_sent_again() {
    let mut stage = Stage::new(SETTLED, 5);
    let mut first = start(stage.daemon(&[]));

    first.until("everything to be emitted", |_| stage.is_emitted());
    stage.ended(&first.kill());

    let posts = |stage: &Stage| stage.ledgers.iter().map(|ledger| ledger.posts().len()).collect::<Vec<_>>();
    let delivered = posts(&stage);
    for restart in 0..RESTARTS {
        let polls = stage.world.requests();
        let mut daemon = start(stage.daemon(&[]));
        daemon.until_logged("watching 2 restores; ended before: 20");
        if restart % POLLED == 0 {
            daemon.until("a poll", |_| stage.world.requests() > polls);
        }
        let done = match restart % 4 {
            0 => daemon.kill(),
            signals => {
                daemon.signal("HUP");
                daemon.until_logged("configuration reloaded: 0 added, 0 removed");
                for _ in 0..signals.min(2) {
                    daemon.signal("TERM");
                }
                daemon.finish().expect(i32::from(Exit::Success.code()))
            }
        };
        assert!(done.stderr.contains(", pending: 0, "), "{}", done.stderr);
        stage.ended(&done);
    }

    assert_eq!(posts(&stage), delivered);
    let counts = stage.judge(Emission::Once);
    println!("{RESTARTS} restarts and {} reloads with nothing pending: {counts}", RESTARTS * 3 / 4);
}
