//! The file: what it keeps, who may use it, and what happens to one that is damaged.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::engine::snapshot::{
    AddedJob, EndSnapshot, IndexSnapshot, JobRecord, JobSnapshot, LearnedRateSnapshot, ProjectRecord,
    ProjectSnapshot, SinkRecord, SinkSnapshot, StreakSnapshot, Throttled,
};
use crate::engine::{BatchEntry, DeliveryState, DeliveryUpdate};
use crate::model::{
    Event, EventId, EventKind, JobFacts, JobId, JobRef, Outcome, ProjectName, SinkName, Status,
};

const NOON: &str = "2026-11-23T12:00:00Z";

pub(super) fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

pub(super) fn event(number: u8) -> Event {
    Event {
        id: EventId::from_parts(noon(), [number; 10]),
        kind: EventKind::Completed,
        timestamp: noon(),
        project: ProjectName::default(),
        job: Some(JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts: JobFacts::default() }),
        previous_status: Some(Status::Pending),
        status: Some(Status::Completed),
        elapsed_seconds: Some(0.1 + 0.2),
        detection_delay_seconds: None,
        reason: None,
    }
}

fn pending(number: u8, sinks: &[&str]) -> BatchEntry {
    let recipients = sinks.iter().map(|name| SinkName::new(*name)).collect();
    BatchEntry { event: Arc::new(event(number)), recipients }
}

pub(super) fn delivery(number: u8, sink: &str) -> DeliveryId {
    DeliveryId { event: event(number).id, sink: SinkName::new(sink) }
}

fn update(number: u8, sink: &str, state: DeliveryState) -> DeliveryUpdate {
    DeliveryUpdate {
        id: delivery(number, sink),
        at: noon(),
        attempts: 1,
        state,
        reason: Some("HTTP 500".into()),
    }
}

pub(super) fn job(name: &str, failures: u32) -> JobRecord {
    let snapshot = JobSnapshot {
        watched_since: noon(),
        head_start: Some(std::time::Duration::from_millis(1500)),
        started_at: Some(noon()),
        status: Some(Status::parse("Warming up")),
        facts: JobFacts { percent_complete: Some(33.3), ..JobFacts::default() },
        end: None,
        progress: None,
        progress_told: 30.0,
        overdue_told: true,
        overdue_deadline: Some(std::time::Duration::from_secs(7200)),
        slow_told: true,
        unknown_statuses: vec!["warming up".to_owned()],
        missing: StreakSnapshot::default(),
        unreachable: StreakSnapshot { lasted: Some(std::time::Duration::from_secs(9)), told: false },
        failures,
        last_error: Some("HTTP 503".to_owned()),
        last_was_not_found: false,
        next_poll: Some(noon()),
        answered_at: Some(noon()),
        gone_for: std::time::Duration::from_secs(9),
        added: Some(AddedJob { name: Some("nightly".to_owned()), ..AddedJob::default() }),
        index: IndexSnapshot::default(),
    };
    JobRecord { project: ProjectName::default(), id: JobId::new(name).unwrap(), saved_at: noon(), snapshot }
}

/// A project whose server takes less than is configured.
fn limited() -> ProjectSnapshot {
    let learned = LearnedRateSnapshot {
        refused_per_second: 1.9,
        good_for: std::time::Duration::from_millis(1500),
        counted_until: noon(),
        reason: "HTTP 429".to_owned(),
    };
    ProjectSnapshot { learned: Some(learned), ..ProjectSnapshot::default() }
}

pub(super) fn full() -> Batch {
    Batch {
        projects: vec![ProjectRecord { name: ProjectName::default(), snapshot: limited() }],
        jobs: vec![job("rj-1", 3), job("rj-2", 0)],
        sinks: vec![SinkRecord {
            name: SinkName::new("ops"),
            snapshot: SinkSnapshot {
                written_at: Some(noon()),
                fingerprint: u64::MAX,
                disabled: Some("gone".into()),
                held_until: Some(noon()),
            },
        }],
        entries: vec![pending(2, &["ops", "log"]), pending(1, &["ops"])],
        ..Batch::default()
    }
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn commit(store: &Sqlite, batch: &Batch, bodies: Vec<Body>) -> Result<(), Error> {
    store.commit(Arc::new(batch.clone()), bodies).await
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn payload(store: &Sqlite, id: &DeliveryId) -> Result<Payload, Error> {
    store.payload(id).await
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn look(store: &Sqlite) -> Result<Vec<Edit>, Error> {
    store.edits().await
}

fn edits(store: &Sqlite) -> Vec<Edit> {
    look(store).unwrap()
}

pub(super) fn open(path: &Path) -> Opened {
    Sqlite::open(path, None).unwrap()
}

pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("deep/state.db")
    }

    /// A state with a full batch in it, closed.
    pub(super) fn filled() -> Self {
        let place = Self::new();
        commit(&open(&place.path()).store, &full(), Vec::new()).unwrap();
        place
    }
}

#[test]
fn what_was_committed_is_there_after_a_restart_in_its_order() {
    let place = Place::new();
    let opened = open(&place.path());
    assert_eq!(opened.saved, Snapshot::default());
    commit(&opened.store, &full(), Vec::new()).unwrap();
    let changes = Batch {
        jobs: vec![job("rj-1", 4)],
        deliveries: vec![
            update(2, "log", DeliveryState::Delivered),
            update(2, "ops", DeliveryState::Pending { due: noon() + std::time::Duration::from_secs(5) }),
        ],
        ..Batch::default()
    };
    commit(&opened.store, &changes, Vec::new()).unwrap();
    drop(opened);

    let saved = open(&place.path()).saved;
    assert_eq!(saved.jobs, [job("rj-1", 4), job("rj-2", 0)]);
    assert_eq!((saved.projects, saved.sinks), (full().projects, full().sinks));
    let pending: Vec<_> = saved.deliveries.iter().map(|pending| (&pending.id, pending.attempts)).collect();
    assert_eq!(pending, [(&delivery(2, "ops"), 1), (&delivery(1, "ops"), 0)]);
    assert_eq!(saved.deliveries[0].due, noon() + std::time::Duration::from_secs(5));
    assert_eq!(saved.deliveries[0].written_at, noon());
}

#[test]
fn bodies_are_read_as_they_were_written() {
    let place = Place::new();
    let opened = open(&place.path());
    let body = b"\x00\xff not text".to_vec();
    commit(&opened.store, &full(), vec![(delivery(1, "ops"), body.clone())]).unwrap();
    let own = payload(&opened.store, &delivery(2, "ops")).unwrap();
    assert_eq!(own.body, serde_json::to_vec(&event(2)).unwrap());
    assert_eq!(own.event, event(2), "to the last bit of each number");
    assert_eq!(payload(&opened.store, &delivery(1, "ops")).unwrap().body, body);
    let missing = payload(&opened.store, &delivery(9, "ops")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read the state "), "{missing}");
}

#[test]
fn a_batch_is_committed_whole_or_not_at_all() {
    let place = Place::filled();
    let opened = open(&place.path());
    // The second entry has an id that is taken.
    let broken = Batch {
        jobs: vec![job("rj-3", 0)],
        entries: vec![pending(7, &["ops"]), pending(2, &[])],
        ..Batch::default()
    };
    let error = commit(&opened.store, &broken, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("UNIQUE constraint failed"), "{error}");
    drop(opened);
    let saved = open(&place.path()).saved;
    assert_eq!((saved.jobs.len(), saved.deliveries.len()), (2, 3));
}

#[test]
fn no_connection_needs_a_directory_for_temporary_files() {
    let place = Place::filled();
    for connection in [open::write(&place.path()).unwrap(), open::beside(&place.path()).unwrap()] {
        let temporary: i32 = connection.query_row("PRAGMA temp_store", [], |row| row.get(0)).unwrap();
        assert_eq!(temporary, 2, "in memory (https://sqlite.org/pragma.html#pragma_temp_store)");
    }
}

#[test]
fn a_full_disk_is_called_by_its_name() {
    let failure = |code| describe(&rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
    assert_eq!(failure(ffi::SQLITE_FULL), "the disk is full");
    assert_eq!(failure(ffi::SQLITE_IOERR_SHMSIZE), "the disk is full");
    assert_ne!(failure(ffi::SQLITE_IOERR_FSYNC), "the disk is full");
}

#[test]
fn a_locked_state_is_no_matter_of_free_space() {
    let place = Place::filled();
    for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
        let locked = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        let error = Error { doing: "write", file: "state.db".to_owned(), fault: fault(&locked) };
        assert_eq!(error.to_string(), "cannot write the state state.db: another program holds a lock on it");
        let at_start = open::unreadable(&place.path(), &locked);
        for help in [error.help(), at_start.help().unwrap()] {
            assert!(help.contains("fuser") && !help.contains("space"), "{help}");
        }
    }
}

#[test]
fn only_its_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let opened = open(&place.path());
    commit(&opened.store, &full(), Vec::new()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(place.path().parent().unwrap()), 0o700);
    let mut files: Vec<_> = std::fs::read_dir(place.path().parent().unwrap()).unwrap().flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let names: Vec<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal", "state.db.lock"]);
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_second_process_is_told_who_holds_it() {
    let place = Place::filled();
    let opened = open(&place.path());
    let error = Sqlite::open(&place.path(), None).unwrap_err();
    let told = format!("the state {} is in use by process {}", place.path().display(), std::process::id());
    assert_eq!(error.to_string(), told);
    let aside = Sqlite::open(&place.path(), Some(noon())).unwrap_err();
    assert!(matches!(aside, OpenError::Locked { .. }), "nor is it set aside under its user: {aside}");
    drop(opened);
    open(&place.path());
}

#[test]
fn what_is_not_understood_is_refused_and_left_as_it_is() {
    let place = Place::filled();
    let text = |change: &str| {
        let connection = Connection::open(place.path()).unwrap();
        schema::prepare(&connection).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let before = std::fs::read(place.path()).unwrap();
        let error = Sqlite::open(&place.path(), None).unwrap_err();
        assert_eq!(std::fs::read(place.path()).unwrap(), before);
        assert!(error.help().is_some());
        error.to_string().replace(&place.path().display().to_string(), "FILE")
    };
    let newer = format!("PRAGMA user_version = {}", SCHEMA_VERSION + 1);
    assert_eq!(
        text(&newer),
        format!(
            "the state FILE was written by a newer restore-watch: it has version {}, this program knows {SCHEMA_VERSION}",
            SCHEMA_VERSION + 1
        )
    );
    let foreign = format!("PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = 7");
    assert_eq!(text(&foreign), "FILE is a database, but not a state of restore-watch");
    let changed = format!(
        "PRAGMA application_id = {}; DROP TRIGGER deliveries_changed; UPDATE deliveries SET state = 'delivered'",
        schema::APPLICATION_ID
    );
    assert_eq!(
        text(&changed),
        "the state FILE is damaged: 3 rows of the table deliveries are not as they were written"
    );
    std::fs::write(place.path(), "This is no database, but a text of some length.".repeat(40)).unwrap();
    let error = Sqlite::open(&place.path(), None).unwrap_err().to_string();
    assert!(error.ends_with("is damaged: file is not a database"), "{error}");
}

#[test]
fn one_that_is_refused_does_not_take_in_its_log() {
    let place = Place::filled();
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", place.path().display()));
    let opened = open(&place.path());
    let change = Batch { deliveries: vec![update(1, "ops", DeliveryState::Delivered)], ..Batch::default() };
    commit(&opened.store, &change, Vec::new()).unwrap();
    let log = std::fs::read(beside("-wal")).unwrap();
    drop(opened);
    assert!(!beside("-wal").exists(), "one that is well does");

    let mut damaged = std::fs::read(place.path()).unwrap();
    let middle = damaged.len() / 2;
    damaged.truncate(middle);
    std::fs::write(place.path(), &damaged).unwrap();
    std::fs::write(beside("-wal"), &log).unwrap();
    let error = Sqlite::open(&place.path(), None).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(place.path()).unwrap(), damaged);
    assert_eq!(std::fs::read(beside("-wal")).unwrap(), log);
}

#[test]
fn a_damaged_one_is_set_aside_and_not_deleted() {
    let place = Place::filled();
    let mut damaged = std::fs::read(place.path()).unwrap();
    damaged.truncate(damaged.len() / 2);
    std::fs::write(place.path(), &damaged).unwrap();
    let error = Sqlite::open(&place.path(), None).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
    assert!(error.help().unwrap().contains("--set-state-aside"));
    let opened = Sqlite::open(&place.path(), Some(noon())).unwrap();
    assert_eq!(opened.saved, Snapshot::default());
    let aside = opened.set_aside.unwrap();
    assert_eq!(aside.file_name().unwrap(), "state.db.aside-20261123T120000Z");
    assert_eq!(std::fs::read(aside).unwrap(), damaged);
    drop(opened.store);
    let nothing = Place::new();
    assert_eq!(Sqlite::open(&nothing.path(), Some(noon())).unwrap().set_aside, None);
}

#[test]
fn every_bit_that_falls_over_is_noticed_or_does_not_matter() {
    let place = Place::filled();
    let good = std::fs::read(place.path()).unwrap();
    let expected = open(&place.path()).saved;
    let mut rng = fastrand::Rng::with_seed(20_261_124);
    let mut noticed = 0;
    for _ in 0..300 {
        let mut bad = good.clone();
        let at = rng.usize(..bad.len());
        bad[at] ^= 1 << rng.u8(..8);
        std::fs::write(place.path(), &bad).unwrap();
        match Sqlite::open(&place.path(), None) {
            Ok(opened) => {
                assert_eq!(opened.saved, expected, "byte {at}");
                drop(opened);
            }
            Err(error) => {
                noticed += 1;
                assert!(error.to_string().contains(&place.path().display().to_string()), "{error}");
                assert_eq!(std::fs::read(place.path()).unwrap(), bad, "byte {at}");
            }
        }
    }
    assert!(noticed > 10, "{noticed}");
}

#[test]
fn what_is_old_and_over_is_deleted_and_dead_letters_stay() {
    let place = Place::filled();
    let opened = open(&place.path());
    let late = noon() + std::time::Duration::from_secs(3600);
    let over = Batch {
        deliveries: vec![
            update(2, "log", DeliveryState::Delivered),
            update(2, "ops", DeliveryState::Dropped),
            update(1, "ops", DeliveryState::Dead),
        ],
        forgotten: vec![(ProjectName::default(), JobId::new("rj-2").unwrap())],
        prune_before: Some(noon()),
        ..Batch::default()
    };
    commit(&opened.store, &over, Vec::new()).unwrap();
    let deliveries = Deliveries::open(&place.path()).unwrap();
    assert_eq!(deliveries.list(&Filter::default(), 100).unwrap().len(), 3, "not yet old");
    let later = Batch { prune_before: Some(late), ..Batch::default() };
    commit(&opened.store, &later, Vec::new()).unwrap();
    let left = deliveries.list(&Filter::default(), 100).unwrap();
    assert_eq!(
        left.iter().map(|row| (row.id, row.state)).collect::<Vec<_>>(),
        [(event(1).id, RowState::Dead)]
    );
    assert_eq!(open_saved_jobs(opened, &place), ["rj-1"]);
}

fn open_saved_jobs(opened: Opened, place: &Place) -> Vec<String> {
    drop(opened);
    open(&place.path()).saved.jobs.iter().map(|job| job.id.to_string()).collect()
}

#[test]
fn others_change_what_is_owed_and_the_daemon_learns_of_it_once() {
    let place = Place::filled();
    let opened = open(&place.path());
    assert_eq!(edits(&opened.store), []);
    commit(
        &opened.store,
        &Batch { deliveries: vec![update(1, "ops", DeliveryState::Dead)], ..Batch::default() },
        Vec::new(),
    )
    .unwrap();
    let mut deliveries = Deliveries::open(&place.path()).unwrap();
    assert_eq!(deliveries.daemon(), Some(&Locked { process: Some(std::process::id()) }));
    let of = |number, sink: &str| Filter {
        id: Some(event(number).id),
        sink: Some(sink.to_owned()),
        ..Filter::default()
    };
    let later = noon() + std::time::Duration::from_secs(60);
    assert_eq!(deliveries.retry(&of(1, "ops"), later), Ok(1));
    assert_eq!(deliveries.drop(&of(2, "log"), later), Ok(1));
    assert_eq!(deliveries.drop(&of(2, "log"), later), Ok(0), "it is dropped already");
    let [Edit::Retry(record), Edit::Drop(dropped)] = &edits(&opened.store)[..] else { panic!("two edits") };
    assert_eq!((&record.id, record.attempts, record.due), (&delivery(1, "ops"), 0, later));
    assert_eq!(*dropped, delivery(2, "log"));
    assert_eq!(edits(&opened.store), []);
    // What was delivered meanwhile was delivered, whatever was decided.
    commit(
        &opened.store,
        &Batch { deliveries: vec![update(2, "log", DeliveryState::Delivered)], ..Batch::default() },
        Vec::new(),
    )
    .unwrap();
    let row = |filter: &Filter| deliveries.list(filter, 1).unwrap().remove(0);
    assert_eq!(row(&of(2, "log")).state, RowState::Delivered);
    commit(
        &opened.store,
        &Batch { deliveries: vec![update(2, "log", DeliveryState::Dead)], ..Batch::default() },
        Vec::new(),
    )
    .unwrap();
    assert_eq!(row(&of(2, "log")).state, RowState::Delivered);
}

#[test]
fn without_a_daemon_a_change_waits_for_the_next_one() {
    let place = Place::filled();
    let mut deliveries = Deliveries::open(&place.path()).unwrap();
    assert_eq!(deliveries.daemon(), None);
    let all = Filter { states: vec![RowState::Pending], ..Filter::default() };
    assert_eq!(deliveries.drop(&Filter { sink: Some("log".to_owned()), ..all.clone() }, noon()), Ok(1));
    assert_eq!(deliveries.list(&all, 100).unwrap().len(), 2);
    assert_eq!(deliveries.list(&all, 1).unwrap()[0].id, event(1).id, "the newest");
    assert_eq!(deliveries.disabled_sinks().unwrap(), [(SinkName::new("ops"), "gone".to_owned())]);
    drop(deliveries);
    assert_eq!(open(&place.path()).saved.deliveries.len(), 2);
    let missing = Deliveries::open(Path::new("/nonexistent/state.db")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no state at /nonexistent/state.db");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_kept_as_it_is(name in "\\PC{0,40}", status in "\\PC{0,40}", reason in any::<String>()) {
        let place = Place::new();
        let opened = open(&place.path());
        let mut told = event(1);
        told.reason = Some(reason);
        told.status = Some(Status::parse(&status));
        told.job.as_mut().unwrap().name = Some(name.clone());
        let entry = BatchEntry { event: Arc::new(told.clone()), recipients: vec![SinkName::new(name.clone())] };
        commit(&opened.store, &Batch { entries: vec![entry], ..Batch::default() }, Vec::new()).unwrap();
        let id = DeliveryId { event: told.id, sink: SinkName::new(name) };
        prop_assert_eq!(payload(&opened.store, &id).unwrap().event, told);
    }
}

/// The same value as a release before wrote it, without what was added to its form since.
fn as_before<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T, added: &[(&str, &str)]) -> T {
    let mut json = serde_json::to_value(value).unwrap();
    for (parent, key) in added {
        let fields = json.pointer_mut(parent).and_then(serde_json::Value::as_object_mut).unwrap();
        fields.remove(*key).unwrap_or_else(|| panic!("{parent}/{key}"));
    }
    serde_json::from_value(json).unwrap()
}

#[test]
fn what_the_release_before_wrote_can_be_read() {
    let throttled = Throttled { until: noon(), reason: "HTTP 429".to_owned(), is_backoff: true };
    let project = ProjectSnapshot { throttled: Some(throttled), written_at: Some(noon()), ..limited() };
    let read = as_before(&project, &[("", "written_at"), ("/throttled", "is_backoff")]);
    assert_eq!(read.written_at, None);
    assert_eq!(read.throttled.map(|throttled| throttled.is_backoff), Some(false));
    let end = EndSnapshot { how: Outcome::Failed, observed_at: noon(), age: Some(std::time::Duration::ZERO) };
    let job = JobSnapshot { end: Some(end), ..job("rj-1", 0).snapshot };
    let read = as_before(&job, &[("", "started_at"), ("/end", "age"), ("/index", "age")]);
    assert_eq!((read.started_at, read.end.map(|end| end.age)), (None, Some(None)));
    let sink = full().sinks.remove(0).snapshot;
    assert_eq!(as_before(&sink, &[("", "written_at")]), SinkSnapshot { written_at: None, ..sink });
}
