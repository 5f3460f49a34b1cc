//! Which ends are emitted and which are history, whatever the clocks show, and what is kept of
//! both.

use jiff::{SignedDuration, Timestamp};

use super::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A daemon that discovers, on a machine whose clock may be wrong.
struct World {
    stage: Stage,
    settings: ProjectSettings,
}

impl World {
    /// A world whose clock is off by this many seconds; the server says the time if `is_dated`.
    fn new(off: i64, is_dated: bool) -> Self {
        let settings = discovering(DiscoverySettings::default());
        let server: Timestamp = NOON.parse().unwrap();
        let now = Now { instant: Instant::default(), wall: server + SignedDuration::from_secs(off) };
        let stage = Stage::on(Disk::default(), std::slice::from_ref(&settings), vec![everything()], now);
        Self { stage: Stage { server, is_dated, ..stage }, settings }
    }

    /// The time at the server.
    fn time(&self) -> Timestamp {
        self.stage.server
    }

    /// Answers the next page with these rows.
    fn page(&mut self, rows: Vec<Observation>, next: Option<&str>) {
        let (list, _) = self.stage.list();
        self.stage.page(list, rows, next);
    }

    /// Answers polls and pages by `rows` for this time.
    fn go_on(&mut self, time: Duration, rows: &[Observation]) {
        let until = self.stage.now.instant + time;
        loop {
            while let Some(poll) = self.stage.polls.pop_front() {
                let found = rows.iter().find(|row| row.id == poll.job).unwrap();
                let (status, facts) = (found.status.to_string(), found.facts.clone());
                self.stage.answer_with(poll, &status, facts);
            }
            while let Some((list, _)) = self.stage.lists.pop_front() {
                self.stage.page(list, rows.to_vec(), None);
            }
            match self.stage.engine.poll_timeout() {
                Some(at) if at <= until => self.stage.next(),
                _ => break,
            };
        }
        self.stage.pass(until.since(self.stage.now.instant));
        self.stage.step(Input::Timeout);
    }

    /// Ends this process, and starts the next one `later` under a clock that is off by `off`
    /// seconds.
    fn restart(mut self, later: u64, off: i64) -> Self {
        self.stage.step(Input::Command(Command::Stop));
        let down = seconds(later);
        let wall = self.stage.server + down + SignedDuration::from_secs(off);
        let projects = std::slice::from_ref(&self.settings);
        self.stage.restart_under(wall, down, projects, vec![everything()]);
        self
    }

    /// A job that began and ended this many seconds ago, by the clock of the server.
    fn ended(&self, job: &str, began: u64, ended: u64) -> Observation {
        let mut row = row(job, "Completed", 0);
        row.facts.created_at = Some(self.time() - seconds(began));
        row.facts.completed_at = Some(self.time() - seconds(ended));
        row
    }

    fn watched(&self) -> Vec<String> {
        self.stage.engine.jobs().map(|job| job.tracker.settings().id.to_string()).collect()
    }

    /// The terminal events so far, each with its job.
    fn ends(&self) -> Vec<String> {
        let ends = self.stage.disk.events.iter().filter(|event| event.kind.is_terminal());
        ends.map(|event| event.job.as_ref().unwrap().id.to_string()).collect()
    }

    /// From now on, ended jobs are kept for an hour.
    fn keep_for_an_hour(&mut self) {
        let projects = std::slice::from_ref(&self.settings);
        let plan = Plan {
            keep: Retention { records: seconds(3600), ..Retention::FOREVER },
            ..plan(projects, vec![everything()])
        };
        self.stage.command(Command::Reconfigure(plan));
    }
}

/// A completed restore an hour for two days, and one that failed five hours ago.
fn past(world: &World) -> Vec<Observation> {
    let mut rows: Vec<_> =
        (1..49).map(|hour| world.ended(&format!("old-{hour}"), 3600 * hour + 600, 3600 * hour)).collect();
    let mut failed = world.ended("failed", 5 * 3600, 0);
    (failed.status, failed.facts.completed_at) = (Status::Failed, None);
    rows.push(failed);
    rows
}

#[test]
fn history_emits_nothing_under_any_clock() {
    for off in [0, -1, -600, -5400, -DAY, -30 * DAY, -20_000 * DAY, 2, 3 * HOUR, 31 * DAY, 4000 * DAY] {
        for is_dated in [true, false] {
            let mut world = World::new(off, is_dated);
            let mut rows = past(&world);
            world.page(rows.clone(), None);
            world.page(rows.clone(), None);
            assert_eq!(world.watched(), [""; 0], "off by {off} s, dated: {is_dated}");
            // Without a `Date`, nothing shows how far the clock is ahead.
            if is_dated || off <= 0 {
                world.go_on(seconds(90), &rows);
                rows.push(world.ended("quick", 30, 5));
                world.go_on(seconds(90), &rows);
                assert_eq!(world.ends(), ["quick"], "off by {off} s, dated: {is_dated}");
            }
        }
    }
}

#[test]
fn an_end_before_the_first_page_is_emitted() {
    for off in [0, -DAY, 31 * DAY] {
        let mut world = World::new(off, true);
        let (list, _) = world.stage.list();
        world.stage.step(Input::PageFailed {
            list,
            is_of_token: false,
            failure: failure(FailureClass::Transient),
        });
        world.stage.pass(seconds(1800));
        world.stage.step(Input::Timeout);
        let rows = [world.ended("after", 1500, 900), world.ended("before", 4000, 1900)];
        world.go_on(seconds(60), &rows);
        assert_eq!(world.ends(), ["after"], "off by {off} s");
    }
}

#[test]
fn an_end_before_the_first_scan_is_emitted_after_a_restart() {
    let mut world = World::new(0, true);
    let old = world.ended("old", 400, 300);
    world.page(vec![old.clone()], Some("further"));
    world.stage.pass(seconds(20));
    let mut world = world.restart(5, 0);
    let rows = [world.ended("quick", 20, 10), world.ended("old", 425, 325)];
    world.go_on(seconds(30), &rows);
    assert_eq!(world.ends(), ["quick"]);
}

#[test]
fn a_start_far_ahead_emits_no_end_again() {
    let mut world = World::new(0, true);
    let running: Vec<_> = (0..6).map(|n| row(&format!("d{n}"), "Pending", 1)).collect();
    world.page(running.clone(), None);
    let mut rows: Vec<_> = (0..6).map(|n| world.ended(&format!("d{n}"), 30, 0)).collect();
    rows[1].status = Status::Failed;
    rows[1].facts.completed_at = None;
    world.go_on(seconds(120), &rows);
    assert_eq!(world.ends().len(), 6);
    for off in [31 * DAY, 0, -400 * DAY, 4000 * DAY, 0] {
        world = world.restart(60, off);
        world.go_on(seconds(7200), &rows);
        assert_eq!((world.ends().len(), world.watched().len()), (6, 6), "off by {off} s");
    }

    // They are deleted once they are old by both clocks, and emit nothing then, either.
    for _ in 0..32 {
        world.go_on(seconds(86_400), &rows);
    }
    assert!(!world.stage.disk.has_job("d0") && !world.stage.disk.has_job("d1"));
    for off in [-40 * DAY, 0, 40 * DAY] {
        world = world.restart(60, off);
        world.go_on(seconds(7200), &rows);
        assert_eq!(world.ends().len(), 6, "off by {off} s");
    }
}

#[test]
fn a_running_restore_without_answers_is_not_deleted() {
    // The daemon was down for longer than the retention time, or its clock is ahead, or the API was
    // unreachable.
    for (down, off, outage) in [(60, 31 * DAY, 0), (31 * 86_400, 0, 0), (60, 0, 40)] {
        let mut world = World::new(0, true);
        world.page(vec![row("a", "Pending", 1)], None);
        world.go_on(seconds(60), &[row("a", "Pending", 1)]);
        let mut world = world.restart(down, off);
        for _ in 0..outage {
            world.stage.fail_for(FailureClass::Transient, seconds(86_400));
        }
        assert_eq!(world.watched(), ["a"]);
        let ended = world.ended("a", 120, 30);
        world.go_on(seconds(300), &[ended]);
        assert_eq!(world.ends(), ["a"], "down for {down} s, off by {off} s");
    }
}

#[test]
fn a_restore_is_deleted_after_404s_for_the_retention_time() {
    let mut world = World::new(0, true);

    world.keep_for_an_hour();
    world.page(vec![row("a", "Pending", 1)], None);

    // Neither an outage nor the time without requests counts.
    world.stage.fail_for(FailureClass::Transient, seconds(7200));
    world.stage.fail(FailureClass::NotFound);
    world = world.restart(7200, 0);
    world.keep_for_an_hour();
    world.stage.fail(FailureClass::NotFound);
    assert_eq!(world.watched(), ["a"]);
    let start = world.stage.now.instant;
    for _ in 0..30 * 60 {
        while let Some((list, _)) = world.stage.lists.pop_front() {
            world.stage.page(list, Vec::new(), None);
        }
        world.stage.fail_for(FailureClass::NotFound, seconds(60));
        if world.watched().is_empty() {
            break;
        }
    }
    let took = world.stage.now.instant.since(start);
    assert!(world.watched().is_empty() && took >= seconds(3500), "{took:?}");
}

#[test]
fn a_forgotten_job_stays_forgotten_while_it_is_listed() {
    let mut world = World::new(0, true);

    world.keep_for_an_hour();
    let running = || vec![row("a", "Pending", 1)];
    world.page(running(), None);
    let name = ProjectName::default();
    assert_eq!(world.stage.command(Command::Forget(name.clone(), id("a"))), CommandReply::Done);
    for off in [0, 31 * DAY, -31 * DAY, 0] {
        world = world.restart(60, off);
        world.keep_for_an_hour();
        world.go_on(seconds(5 * 3600), &running());
        let ended = world.ended("a", 3600, 30);
        world.go_on(seconds(300), &[ended]);
        assert_eq!((world.watched(), world.ends()), (Vec::new(), Vec::new()), "off by {off} s");
    }

    // A few scans may miss it.
    world.go_on(seconds(300), &[]);
    world.go_on(seconds(7200), &running());
    assert_eq!(world.watched(), [""; 0]);
    assert_eq!(world.stage.disk.ignored(), [id("a")]);
    world.go_on(seconds(2 * 3600), &[]);
    assert_eq!(world.stage.disk.ignored(), [], "nothing is kept of what the list no longer shows");
}

#[test]
fn an_endless_list_is_bounded_and_reported_once() {
    let discovery = DiscoverySettings { max_jobs: 50, ..all() };
    let mut stage = Stage::new(&[discovering(discovery)], Vec::new());
    let endless =
        |page: usize| -> Vec<_> { (0..100).map(|n| row(&format!("j-{page}-{n}"), "Pending", 5)).collect() };
    for page in 0..200 {
        let (list, _) = stage.list();
        let next = (page % 100 < 99).then(|| page.to_string());
        stage.page(list, endless(page), next.as_deref());
        stage.polls.clear();
    }
    assert_eq!(stage.engine.jobs().count(), 50);
    assert!(matches!(
        stage.diagnostics[..],
        [Diagnostic::JobsLeftOut { reason: LeftOut::TooManyUnfinished(50), .. }]
    ));
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::UnderWay, "there are others");
    assert!(stage.engine.projects().next().unwrap().left_out.is_some());
}

#[test]
fn restores_that_were_left_out_are_watched_once_there_is_room() {
    let discovery = DiscoverySettings { max_jobs: 2, ..all() };
    let mut stage = Stage::new(&[discovering(discovery)], Vec::new());
    let rows: Vec<_> = ["a", "b", "c"].iter().map(|job| row(job, "Pending", 5)).collect();
    let (list, _) = stage.list();
    stage.page(list, rows.clone(), None);
    let done: Vec<_> = ["a", "b", "c"].iter().map(|job| row(job, "Completed", 5)).collect();
    for _ in 0..2 {
        let poll = stage.poll();
        let facts = done.iter().find(|row| row.id == poll.job).unwrap().facts.clone();
        stage.answer_with(poll, "Completed", facts);
    }
    stage.answer_list(vec![done[0].clone(), done[1].clone(), rows[2].clone()]);
    assert_eq!(stage.poll().job, id("c"));
    assert!(matches!(
        &stage.diagnostics[..],
        [Diagnostic::JobsLeftOut { .. }, Diagnostic::AllJobsWatched { .. }]
    ));
}

#[test]
fn surplus_rows_are_reported() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let (list, _) = stage.list();
    let page = ListPage { jobs: vec![row("a", "Pending", 5)], surplus: 7, next: None };
    stage.step(Input::PageFetched { list, page });
    assert!(matches!(
        stage.diagnostics[..],
        [Diagnostic::JobsLeftOut { reason: LeftOut::SurplusRows(7), .. }]
    ));
}

#[test]
fn surplus_ended_restores_are_deleted_and_not_emitted_again() {
    let mut world = World::new(0, true);

    world.settings.discover = Some(DiscoverySettings { max_jobs: 20, ..all() });
    let projects = std::slice::from_ref(&world.settings);
    world.stage.command(Command::Reconfigure(plan(projects, vec![everything()])));
    world.page(Vec::new(), None);
    let mut rows = Vec::new();
    for n in 0..100 {
        rows.push(world.ended(&format!("quick-{n}"), 2, 1));
        world.go_on(seconds(70), &rows);
    }
    let count = world.watched().len();
    assert!(count <= 22, "{count}");
    let mut ends = world.ends();
    assert_eq!(ends.len(), 100);
    ends.sort_unstable();
    ends.dedup();
    assert_eq!(ends.len(), 100, "none is emitted twice");
}

/// A world that discovers under this limit, and has scanned the list once.
fn limited(max_jobs: u32) -> World {
    let mut world = World::new(0, true);
    world.settings.discover = Some(DiscoverySettings { max_jobs, ..all() });
    let projects = std::slice::from_ref(&world.settings);
    world.stage.command(Command::Reconfigure(plan(projects, vec![everything()])));
    world.page(Vec::new(), None);
    world
}

#[test]
fn ends_during_downtime_are_emitted_beyond_max_jobs() {
    let mut world = limited(20).restart(3600, 0);

    // The newest first, as the list has them.
    let rows: Vec<_> =
        (0..60).map(|n| world.ended(&format!("meanwhile-{n:02}"), 40 * n + 70, 40 * n + 60)).collect();
    world.page(rows[..30].to_vec(), Some("2"));
    world.page(rows[30..].to_vec(), None);
    for _ in 0..3 {
        world.go_on(seconds(70), &rows);
    }
    let mut ends = world.ends();
    ends.sort_unstable();
    assert_eq!(ends.len(), 60);
    ends.dedup();
    assert_eq!(ends.len(), 60, "none is emitted twice");
    assert!(
        world
            .stage
            .diagnostics
            .iter()
            .all(|diagnostic| !matches!(diagnostic, Diagnostic::JobsLeftOut { .. }))
    );
    assert!(world.watched().len() <= 20);
}

#[test]
fn ended_and_unfinished_restores_have_separate_limits() {
    let mut world = limited(20).restart(3600, 0);
    let newest = (0..20_020).map(|n| world.ended(&format!("newer-{n}"), 70, 60)).collect();
    let rows = [world.ended("older", 700, 600), row("running", "Pending", 10)];
    world.page(newest, Some("2"));
    world.page(rows.to_vec(), None);
    assert!(world.watched().contains(&"running".to_owned()));
    assert!(!world.watched().contains(&"older".to_owned()));
    assert_eq!(world.watched().len(), 20_021);
    assert!(matches!(
        world.stage.diagnostics[..],
        [Diagnostic::JobsLeftOut { reason: LeftOut::TooManyEnded(20_020), .. }]
    ));
    world.settings.discover = Some(DiscoverySettings { max_jobs: 30, ..all() });
    let projects = std::slice::from_ref(&world.settings);
    world.stage.command(Command::Reconfigure(plan(projects, vec![everything()])));
    world.page(rows.to_vec(), None);
    assert!(world.watched().contains(&"older".to_owned()), "there is room for it");
}

#[test]
fn deletion_of_surplus_keeps_failed_restores() {
    let mut world = limited(5);
    let mut failed = world.ended("failed", 10, 0);
    (failed.status, failed.facts.completed_at) = (Status::Failed, None);
    let mut rows = vec![failed];
    for n in 0..20 {
        world.go_on(seconds(70), &rows);
        rows.push(world.ended(&format!("quick-{n}"), 2, 1));
    }
    world.go_on(seconds(70), &rows);
    assert!(world.watched().len() <= 7, "{:?}", world.watched());
    assert!(world.stage.engine.outcomes().contains(&Outcome::Failed));
}

#[test]
fn a_record_of_an_earlier_release_continues() {
    let discovery = snapshot::DiscoverySnapshot {
        since: "2026-09-23T11:00:00Z".parse().unwrap(),
        began: None,
        has_baseline: true,
        ignored: vec![(JobId::new("forgotten").unwrap(), "2026-11-23T11:00:00Z".parse().unwrap())],
    };
    let snapshot =
        snapshot::ProjectSnapshot { discovery: Some(discovery), ..snapshot::ProjectSnapshot::default() };
    let record = snapshot::ProjectRecord { name: ProjectName::default(), snapshot };
    let mut world = World::new(0, true);
    let mut disk = Disk::default();
    disk.apply(&Batch { projects: vec![record], ..Batch::default() });
    let projects = std::slice::from_ref(&world.settings);
    world.stage = Stage::on(disk, projects, vec![everything()], world.stage.now);
    let rows = vec![
        row("forgotten", "Pending", 5000),
        // Its end may have been emitted, and deleted since.
        world.ended("old", 32 * 86_400, 31 * 86_400),
        world.ended("before", 70 * 86_400, 69 * 86_400),
        world.ended("meanwhile", 7200, 3600),
    ];
    world.go_on(seconds(300), &rows);
    assert_eq!((world.ends(), world.watched()), (vec!["meanwhile".to_owned()], vec!["meanwhile".to_owned()]));

    assert_eq!(world.stage.disk.job("meanwhile").not_found_for, Duration::ZERO);
}

#[test]
fn a_record_dated_by_a_fast_clock_ends_no_discovery() {
    for since in ["2031-01-01T00:00:00Z", "2026-11-23T12:30:00Z"] {
        let snapshot = snapshot::DiscoverySnapshot {
            since: since.parse().unwrap(),
            began: None,
            has_baseline: true,
            ignored: Vec::new(),
        };
        let snapshot =
            snapshot::ProjectSnapshot { discovery: Some(snapshot), ..snapshot::ProjectSnapshot::default() };
        let record = snapshot::ProjectRecord { name: ProjectName::default(), snapshot };
        let mut world = World::new(0, true);
        let mut disk = Disk::default();
        disk.apply(&Batch { projects: vec![record], ..Batch::default() });
        let projects = std::slice::from_ref(&world.settings);
        world.stage = Stage::on(disk, projects, vec![everything()], world.stage.now);
        let mut rows = vec![world.ended("old", 7200, 3600)];
        world.go_on(seconds(60), &rows);
        let mut world = world.restart(60, 0);
        rows.push(world.ended("quick", 30, 5));
        world.go_on(seconds(90), &rows);
        assert_eq!(world.ends(), ["quick"], "{since}");
    }
}

#[test]
fn an_empty_undated_list_is_not_dated_by_a_fast_clock() {
    let mut world = World::new(0, false);

    world.go_on(seconds(90), &[]);
    let mut world = world.restart(60, 4000 * DAY);

    world.go_on(seconds(90), &[]);
    let rows = [world.ended("quick", 30, 5)];
    world.go_on(seconds(90), &rows);
    assert_eq!(world.ends(), ["quick"]);
}
