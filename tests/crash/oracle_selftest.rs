//! Tests of the oracle: a good run, spoilt afterwards in each way that matters.
//!
//! Invariant: the run itself is good, so each finding of the oracle comes from the change made
//! here.

use std::time::Duration;

use restore_watch::model::EventKind;
use rusqlite::Connection;

use crate::ledger::Post;
use crate::oracle::{Emission, judge};
use crate::stage::{Stage, start};
use crate::support::state::{State, is_about_files};
use crate::world::{Job, Size};

const SMALL: Size = Size { projects: 1, jobs: 8, endless: 1, span: Duration::from_millis(800) };

#[test]
fn oracle_notices_every_broken_guarantee() {
    if is_about_files("copies of a file are changed") {
        return;
    }
    let mut stage = Stage::new(SMALL, 1);
    let mut daemon = start(stage.daemon(&[]));
    daemon.until("all to be emitted", |_| stage.is_emitted());
    let done = daemon.kill();
    stage.ended(&done);
    let posts = stage.ledgers[0].posts();
    let jobs = stage.world.jobs().to_vec();
    let mut bench = Bench { stage, posts, jobs };
    assert_eq!(bench.faults(Emission::Once), [""; 0]);

    let said = bench.came(Emission::Once, |posts| drop(posts.remove(0)));
    assert!(said.contains("is marked as delivered, but was not taken"), "{said}");
    let said = bench.came(Emission::Once, |posts| posts[0].taken = false);
    assert!(said.contains("is marked as delivered, but was not taken"), "{said}");
    let said =
        bench.came(Emission::Once, |posts| posts.push(Post { body: "another".into(), ..posts[0].clone() }));
    assert!(said.contains("came with another body"), "{said}");
    let unknown = |posts: &mut Vec<Post>| posts.push(Post { id: "another".to_owned(), ..posts[0].clone() });
    assert_eq!(bench.came(Emission::Once, unknown), "well: another came and is not in the state");
    assert_eq!(bench.came(Emission::Again, unknown), "");
    let later = |at: jiff::Timestamp| at + Duration::from_mins(1);
    let said =
        bench.came(Emission::Once, |posts| posts.push(Post { at: later(posts[0].at), ..posts[0].clone() }));
    assert!(said.ends_with("came 1 times after it was marked as delivered"), "{said}");
    let said = bench.came(Emission::Once, |posts| posts[0].fault = Some("the signature".to_owned()));
    assert!(said.ends_with("the signature"), "{said}");
    let said = bench.believed("UPDATE deliveries SET state = 'pending' WHERE transition = 1");
    assert!(said.contains(" is pending at the end"), "{said}");
    let said = bench.believed("UPDATE deliveries SET state = 'dead', reason = 'x' WHERE transition = 1");
    assert!(said.contains(" was given up"), "{said}");
    let ends =
        "(SELECT seq FROM transitions WHERE kind LIKE 'restore_job.%ed' AND kind <> 'restore_job.watched')";
    let said =
        bench.believed(&format!("DELETE FROM deliveries WHERE transition IN {ends} AND sink = 'strict'"));
    assert!(said.contains(" has no delivery to strict"), "{said}");
    let said = bench.believed(
        "UPDATE deliveries SET transition = -transition;
         UPDATE transitions SET seq = -seq;
         UPDATE transitions SET kind = 'restore_job.progressed' WHERE kind <> 'restore_job.watched'",
    );
    assert!(said.contains(", which is older"), "{said}");
    let said = bench.believed("UPDATE transitions SET kind = 'restore_job.completed' WHERE seq = 1");
    assert!(said.contains("restore_job.completed has one more delivery to well"), "{said}");

    bench.jobs[8].ends = Some(EventKind::Failed);
    let said = bench.faults(Emission::Once).join("\n");
    assert!(said.contains("rj-1-9: restore_job.failed has no delivery to well"), "{said}");
}

/// A finished run, the requests to its first sink, and the findings after changes to either.
struct Bench {
    stage: Stage,
    posts: Vec<Post>,
    jobs: Vec<Job>,
}

impl Bench {
    fn faults(&self, emission: Emission) -> Vec<String> {
        judge(&State::of(self.stage.state()), &self.jobs, &self.stage.ledgers, emission).faults
    }

    /// The findings with other requests to the first sink.
    fn came(&self, emission: Emission, change: impl FnOnce(&mut Vec<Post>)) -> String {
        let mut posts = self.posts.clone();
        change(&mut posts);
        self.stage.ledgers[0].reset(posts);
        let faults = self.faults(emission).join("\n");
        self.stage.ledgers[0].reset(self.posts.clone());
        faults
    }

    /// The findings with a changed state.
    fn believed(&self, change: &str) -> String {
        let changed = self.stage.state().with_extension("changed");
        let original = Connection::open(self.stage.state()).unwrap();
        original.execute("VACUUM INTO ?1", [changed.to_str()]).unwrap();
        let connection = Connection::open(&changed).unwrap();
        // The triggers keep the daemon's checksums valid.
        connection
            .execute_batch("DROP TRIGGER transitions_changed; DROP TRIGGER deliveries_changed")
            .unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let faults = judge(&State::of(&changed), &self.jobs, &self.stage.ledgers, Emission::Once).faults;
        std::fs::remove_file(changed).unwrap();
        faults.join("\n")
    }
}
