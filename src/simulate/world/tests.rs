//! Tables: a script, a time, and what is seen.

use std::collections::HashSet;

use super::*;
use crate::simulate::Scenario;

fn world(text: &str) -> World {
    let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
    World::new(scenario.script().clone())
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Status, percent and whether there is an end time, at one time.
fn seen(world: &World, at: f64) -> Option<(String, f64, bool)> {
    let (_, state) = world.job("j", seconds(at))?;
    Some((state.status.to_owned(), state.percent, state.completed.is_some()))
}

/// A time, and what is seen then.
type Seen = (f64, &'static str, f64, bool);

#[test]
fn the_life_of_a_job() {
    let table: &[(&str, &[Seen])] = &[
        ("", &[(0.0, "Pending", 0.0, false), (1e6, "Pending", 0.0, false)]),
        ("takes = \"6s\"", &[(5.999, "Pending", 0.0, false), (6.0, "Completed", 100.0, true)]),
        ("takes = \"6s\"\nage = \"4s\"", &[(1.999, "Pending", 0.0, false), (2.0, "Completed", 100.0, true)]),
        ("takes = \"6s\"\nage = \"1h\"", &[(0.0, "Completed", 100.0, true)]),
        ("takes = \"6s\"\nends = \"failed\"", &[(6.0, "Failed", 0.0, false)]),
        ("takes = \"6s\"\nends = \"cancelled\"\nend_time = true", &[(6.0, "Cancelled", 0.0, true)]),
        ("takes = \"6s\"\nends = \"COMPLETED\"", &[(6.0, "COMPLETED", 100.0, true)]),
        ("takes = \"6s\"\nends = \"Archived\"", &[(6.0, "Archived", 0.0, false)]),
        ("takes = \"6s\"\nends = \"Archived\"\nend_time = true", &[(6.0, "Archived", 0.0, true)]),
        ("takes = \"6s\"\nend_time = false", &[(6.0, "Completed", 100.0, false)]),
        (
            "takes = \"8s\"\nprogress = \"linear\"\nends = \"failed\"",
            &[(2.0, "Pending", 25.0, false), (8.0, "Failed", 100.0, false)],
        ),
        (
            "takes = \"8s\"\npending_status = \"Running\"\nprogress = [{ at = \"2s\", percent = 40 }, { at = \"6s\", percent = 130 }]",
            &[
                (1.0, "Running", 0.0, false),
                (2.0, "Running", 40.0, false),
                (7.0, "Running", 130.0, false),
                (8.0, "Completed", 100.0, true),
            ],
        ),
        (
            "takes = \"8s\"\nstatuses = [{ at = \"1s\", status = \"Initializing\" }, { at = \"4s\", status = \"inprogress\" }]",
            &[
                (0.5, "Pending", 0.0, false),
                (1.0, "Initializing", 0.0, false),
                (4.0, "inprogress", 0.0, false),
                (8.0, "Completed", 100.0, true),
            ],
        ),
    ];

    for (keys, expected) in table {
        let world = world(&format!("[[job]]\nid = \"j\"\n{keys}"));
        for (at, status, percent, ended) in *expected {
            let expected = Some(((*status).to_owned(), *percent, *ended));
            assert_eq!(seen(&world, *at), expected, "{keys} at {at}");
        }
    }
}

#[test]
fn a_job_that_appears_and_vanishes() {
    let world =
        world("[[job]]\nid = \"j\"\nappears = \"10s\"\nage = \"3s\"\ntakes = \"5s\"\nvanishes = \"20s\"");
    let statuses: Vec<Option<String>> =
        [9.9, 10.0, 12.0, 20.0].map(|at| seen(&world, at).map(|(status, ..)| status)).into();
    assert_eq!(statuses, [None, Some("Pending".into()), Some("Completed".into()), None]);
    let (job, _) = world.job("j", seconds(10.0)).unwrap();
    assert_eq!(job.created, SignedDuration::from_secs(7));
}

#[test]
fn counted_jobs_differ_by_their_steps() {
    let world = world(
        "[[job]]\nid = \"j\"\nindex = \"i\"\ncount = 3\nage_step = \"10s\"\ntakes = \"1m\"\ntakes_step = \"1s\"",
    );
    let made: Vec<(&str, &str, i64, i64)> = world
        .jobs
        .iter()
        .map(|job| (&*job.id, &*job.index, job.created.as_secs(), job.ends.unwrap().as_secs()))
        .collect();
    assert_eq!(made, [("j-1", "i-1", 0, 60), ("j-2", "i-2", -10, 51), ("j-3", "i-3", -20, 42)]);
    let ids: HashSet<&str> = world.jobs.iter().flat_map(|job| [&*job.backup_id, &*job.index_id]).collect();
    assert_eq!(ids.len(), 6);
}

#[test]
fn a_fault_counts_the_requests_it_is_about() {
    let mut world = world(
        "[[job]]\nid = \"j\"\n[[job]]\nid = \"k\"\n\
         [[fault]]\njob = \"j\"\nrequests = [2]\nfrom = \"5s\"\nkind = \"drop\"\n\
         [[fault]]\nevery = 3\nkind = \"hang\"",
    );

    let mut meets = |id: &str, at: f64| {
        world.fault(&Target::Describe(id.into()), seconds(at)).map(|(fault, number)| (fault.kind, number))
    };

    assert_eq!(meets("j", 0.0), None, "too early for the first, the first of the second");
    assert_eq!(meets("j", 5.0), None);
    assert_eq!(meets("k", 5.0), Some((crate::simulate::script::FaultKind::Hang, 3)));
    assert_eq!(meets("j", 5.0), Some((crate::simulate::script::FaultKind::Drop, 2)));
    assert_eq!(meets("k", 5.0), None);
    assert_eq!(meets("k", 5.0), Some((crate::simulate::script::FaultKind::Hang, 6)));
}

#[test]
fn chance_follows_the_seed() {
    let run = |seed: u64| {
        let mut world = world(&format!(
            "seed = {seed}\n[[job]]\nid = \"j\"\n[[fault]]\nprobability = 0.05\nkind = \"drop\""
        ));
        (0..10_000)
            .map(|_| world.fault(&Target::Describe("j".into()), Duration::ZERO).is_some())
            .collect::<Vec<bool>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let met = run(3).into_iter().filter(|met| *met).count();
    assert!((400..600).contains(&met), "{met}");
}

/// The ids of a whole listing, and how many pages it had.
fn walk(world: &mut World, limit: Option<&str>, at: f64) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    let mut query = ListQuery { limit: limit.map(str::to_owned), token: None };
    loop {
        let page = world.list(&query, seconds(at)).unwrap();
        ids.extend(page.rows.iter().map(|(job, _)| job.id.clone()));
        pages += 1;
        match page.next {
            Some(token) => query = ListQuery { limit: None, token: Some(token) },
            None => return (ids, pages),
        }
    }
}

#[test]
fn a_reliable_list() {
    let mut world = world("[[job]]\nid = \"j\"\ncount = 250\nage_step = \"1s\"");
    for (limit, pages) in [(Some("100"), 3), (Some("50"), 6), (None, 26), (Some("7"), 36)] {
        let (ids, walked) = walk(&mut world, limit, 0.0);
        assert_eq!((ids.len(), walked), (250, pages), "{limit:?}");
        assert!(ids.iter().enumerate().all(|(at, id)| *id == format!("j-{}", at + 1)));
    }
}

#[test]
fn a_limit_beside_a_token_skips_or_repeats() {
    let mut world = world("[[job]]\nid = \"j\"\ncount = 250\nage_step = \"1s\"");
    let first = |world: &mut World, limit: &str| {
        let query = ListQuery { limit: Some("50".into()), token: None };
        let token = world.list(&query, Duration::ZERO).unwrap().next;
        let page = world.list(&ListQuery { limit: Some(limit.into()), token }, Duration::ZERO).unwrap();
        page.rows[0].0.id.clone()
    };
    assert_eq!(first(&mut world, "100"), "j-101");
    assert_eq!(first(&mut world, "20"), "j-21");
}

#[test]
fn an_unreliable_list() {
    let text = |keys: &str| format!("[list]\n{keys}\n[[job]]\nid = \"j\"\ncount = 1000\nage_step = \"1s\"");
    let run = |keys: &str| {
        let mut world = world(&text(keys));
        let (ids, _) = walk(&mut world, Some("100"), 0.0);
        let (again, _) = walk(&mut world, Some("100"), 0.0);
        let different: HashSet<String> = ids.iter().cloned().collect();
        (ids.len(), different.len(), ids != again)
    };

    let (rows, different, changes) = run("drop_rows = 0.1");

    assert!((850..950).contains(&rows) && rows == different && changes, "{rows} {different}");

    let (rows, different, changes) = run("repeat_rows = 0.1");
    assert!((1050..1150).contains(&rows) && different == 1000 && changes, "{rows} {different}");
    assert_eq!(run("order = \"shuffled\""), (1000, 1000, true));
    assert_eq!(run("end_early_after = 2"), (200, 200, false));
}

#[test]
fn new_jobs_are_listed_late() {
    let mut world = world(
        "[list]\ndelay_visibility = \"60s\"\n[[job]]\nid = \"new\"\nappears = \"5s\"\n[[job]]\nid = \"old\"\nage = \"1h\"",
    );
    assert!(world.job("new", seconds(5.0)).is_some());
    for (at, rows) in [(0.0, 1), (64.9, 1), (65.0, 2)] {
        assert_eq!(walk(&mut world, None, at).0.len(), rows, "at {at}");
    }
}
