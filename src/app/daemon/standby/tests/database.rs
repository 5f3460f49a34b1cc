//! A state that replicas share, in memory, with one replica and whatever the others do to it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::adapters::report::Reader;
use crate::adapters::store::{
    ActiveReplica, Backend, BackupError, Body, ClusterView, DeliveryAdmin, HandedOver, Lease, Leaving, Look,
    Looking, Lost, OpenError, OpenErrorClass, Opened, OtherReplica, Pending, Replica, Store, StoreError,
    StoreErrorClass, Volatile,
};
use crate::engine::snapshot::Snapshot;
use crate::engine::tests::Disk;
use crate::engine::{Batch, Edit, RequestAnswer};
use crate::model::time::Instant;
use crate::model::{DeliveryId, Payload, RequestId};
use crate::platform::clock::Clock;

pub(super) const LEASE: Duration = Duration::from_secs(15);

/// How long after a renewal something may begin.
const HOLDING: Duration = Duration::from_millis(13_500);

#[derive(Clone)]
pub(super) struct Database {
    content: Arc<Mutex<Content>>,
    clock: Clock,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a switch of a test")]
pub(super) struct Content {
    pub(super) disk: Disk,
    pub(super) holder: Holder,
    pub(super) epoch: u64,
    pub(super) is_reachable: bool,
    /// Whether another replica takes the lease when the next commit arrives.
    pub(super) steals_at_commit: bool,
    pub(super) snapshots: usize,
    pub(super) configuration: String,
    /// How many other replicas are there, and whether they take a lease that is given back.
    pub(super) others: usize,
    pub(super) others_take: bool,
    /// Until when the lease is left to others.
    declined_until: Option<Instant>,
    paused_until: Option<Instant>,
    /// Whether commits fail, for a reason that is not the lease.
    pub(super) refuses_commits: bool,
    /// Whether the lease that is given back is never confirmed as such.
    pub(super) hangs_at_give_back: bool,
    /// What clients of others ask for, and the answers that were committed.
    handed_over: Vec<HandedOver>,
    pub(super) answers: Vec<RequestAnswer>,
    /// What this process hands over, and the answer to it.
    pub(super) asked: Vec<String>,
    pub(super) answer: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Free,
    /// Another replica, which shows signs of life.
    Other,
    /// This process, since this epoch.
    Me(u64),
}

impl Database {
    pub(super) fn new(holder: Holder, clock: Clock) -> Self {
        let content = Content {
            disk: Disk::default(),
            holder,
            epoch: 1,
            is_reachable: true,
            steals_at_commit: false,
            snapshots: 0,
            configuration: String::new(),
            others: 0,
            others_take: true,
            declined_until: None,
            paused_until: None,
            refuses_commits: false,
            hangs_at_give_back: false,
            handed_over: Vec::new(),
            answers: Vec::new(),
            asked: Vec::new(),
            answer: None,
        };
        Self { content: Arc::new(Mutex::new(content)), clock }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    pub(super) fn replica(&self) -> Box<dyn Replica> {
        Box::new(self.clone())
    }

    /// Another replica takes the lease.
    pub(super) fn steal(&self) {
        self.lock().steal();
    }

    fn open(&self, epoch: u64) -> Opened {
        let (deadline, _) = watch::channel(Some(self.clock.now().instant + HOLDING));
        let held_lease = Arc::new(HeldLease { database: self.clone(), epoch, deadline });
        let keep = tokio::spawn(keep(Arc::clone(&held_lease))).abort_handle();
        let snapshot = self.lock().disk.load();
        Opened { store: Box::new(Held { held_lease, keep }), snapshot, set_aside: None }
    }
}

impl Content {
    /// A client of another replica asks for this.
    pub(super) fn hand_over(&mut self, text: &str) {
        let id = RequestId::new(format!("{}", self.answers.len()));
        self.handed_over.push(HandedOver { id, text: text.to_owned() });
    }

    fn steal(&mut self) {
        self.holder = Holder::Other;
        self.epoch += 1;
    }
}

impl Replica for Database {
    fn look(&mut self) -> Looking<'_> {
        let mut content = self.lock();
        if !content.is_reachable {
            return Box::pin(std::future::ready(Err(unreachable())));
        }
        let now = self.clock.now().instant;
        let not_before = content.declined_until.max(content.paused_until);
        if content.holder != Holder::Free || not_before.is_some_and(|until| now < until) {
            return Box::pin(std::future::ready(Ok(Look::Standby)));
        }
        content.epoch += 1;
        let epoch = content.epoch;
        content.holder = Holder::Me(epoch);
        drop(content);
        Box::pin(std::future::ready(Ok(Look::Taken(self.open(epoch)))))
    }

    fn look_interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn cluster(&self) -> ClusterView {
        let content = self.lock();
        let name = match content.holder {
            Holder::Free => None,
            Holder::Other => Some("b"),
            Holder::Me(_) => Some("a"),
        };
        let active = name.map(|name| ActiveReplica {
            name: name.to_owned(),
            since: self.clock.now().wall,
            heard: Duration::from_millis(1200),
        });
        let other = OtherReplica {
            name: "b".to_owned(),
            version: "1.0.0".to_owned(),
            differs: false,
            heard: Duration::from_millis(1200),
        };
        ClusterView {
            cluster: "default".to_owned(),
            replica: "a".to_owned(),
            lease: LEASE,
            epoch: content.epoch,
            active,
            others: vec![other; content.others],
        }
    }

    fn snapshot(&mut self) -> Pending<Snapshot> {
        let mut content = self.lock();
        content.snapshots += 1;
        let snapshot = if content.is_reachable { Ok(content.disk.load()) } else { Err(failed("away")) };
        Box::pin(std::future::ready(snapshot))
    }

    fn configure(&self, configuration: &str) {
        configuration.clone_into(&mut self.lock().configuration);
    }

    fn decline(&mut self, time: Duration) {
        self.lock().declined_until = Some(self.clock.now().instant + time);
    }

    fn fail(&mut self, pause: Duration) {
        self.lock().paused_until = Some(self.clock.now().instant + pause);
    }

    fn leave(&mut self) -> Leaving<'_> {
        let mut content = self.lock();
        if matches!(content.holder, Holder::Me(_)) {
            content.holder = Holder::Free;
        }
        Box::pin(std::future::ready(()))
    }

    fn hand_over(&mut self, request: String) -> Pending<Option<String>> {
        let mut content = self.lock();
        content.asked.push(request);
        Box::pin(std::future::ready(Ok(content.answer.clone())))
    }
}

impl Backend for Database {
    fn location(&self) -> String {
        "the database of a test".to_owned()
    }

    fn open(&self, _: Option<Timestamp>) -> Result<Opened, OpenError> {
        Err(unreachable())
    }

    fn administer(&self) -> Result<Box<dyn DeliveryAdmin>, OpenError> {
        Err(unreachable())
    }

    fn read(&self) -> Result<Box<dyn Reader>, OpenError> {
        Volatile::default().reader()
    }

    fn back_up(&self, _: &Path) -> Result<(), BackupError> {
        Err(unreachable().into())
    }
}

/// The state while this process has the lease.
struct Held {
    held_lease: Arc<HeldLease>,
    keep: AbortHandle,
}

struct HeldLease {
    database: Database,
    epoch: u64,
    /// None once it ended.
    deadline: watch::Sender<Option<Instant>>,
}

impl HeldLease {
    fn is_mine(&self) -> bool {
        self.database.lock().holder == Holder::Me(self.epoch)
    }

    /// Waits for the database until the deadline.
    async fn reach(&self) -> Result<(), StoreError> {
        while self.holds(self.database.clock.now().instant) {
            let is_reachable = self.database.lock().is_reachable;
            match (is_reachable, self.is_mine()) {
                (true, true) => return Ok(()),
                (true, false) => return Err(deposed()),
                (false, _) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
        Err(deposed())
    }
}

impl Lease for HeldLease {
    fn holds(&self, now: Instant) -> bool {
        self.deadline.borrow().is_some_and(|deadline| now < deadline)
    }
}

/// Renews the lease until that fails.
async fn keep(held_lease: Arc<HeldLease>) {
    let clock = held_lease.database.clock;
    let mut pause = LEASE / 3;
    loop {
        tokio::time::sleep(pause).await;
        let (now, is_reachable) = (clock.now().instant, held_lease.database.lock().is_reachable);
        if !held_lease.holds(now) || is_reachable && !held_lease.is_mine() {
            held_lease.deadline.send_replace(None);
            return;
        }
        pause = if is_reachable { LEASE / 3 } else { Duration::from_millis(500) };
        if is_reachable {
            held_lease.deadline.send_replace(Some(now + HOLDING));
        }
    }
}

impl Store for Held {
    fn commit(&self, batch: Arc<Batch>, _: Vec<Body>) -> Pending<()> {
        let held_lease = Arc::clone(&self.held_lease);
        Box::pin(async move {
            {
                let mut content = held_lease.database.lock();
                if std::mem::take(&mut content.steals_at_commit) {
                    content.steal();
                }
            }
            held_lease.reach().await?;
            let mut content = held_lease.database.lock();
            if content.refuses_commits {
                return Err(failed("no rights"));
            }
            content.disk.apply(&batch);
            content.answers.extend(batch.answers.iter().cloned());
            Ok(())
        })
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let (held_lease, id) = (Arc::clone(&self.held_lease), id.clone());
        Box::pin(async move {
            held_lease.reach().await?;
            let event = held_lease.database.lock().disk.event(id.event);
            let body = serde_json::to_vec(&*event).unwrap();
            Ok(Payload { event: (*event).clone(), body })
        })
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        Volatile::default().reader()
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        let held_lease = Arc::clone(&self.held_lease);
        Box::pin(async move { held_lease.reach().await.map(|()| Vec::new()) })
    }

    fn handed_over(&self) -> Pending<Vec<HandedOver>> {
        let requests = std::mem::take(&mut self.held_lease.database.lock().handed_over);
        Box::pin(std::future::ready(Ok(requests)))
    }

    fn lease(&self) -> Option<Arc<dyn Lease>> {
        let held_lease: Arc<dyn Lease> = Arc::clone(&self.held_lease) as _;
        Some(held_lease)
    }

    fn lost(&self) -> Lost {
        let mut deadline = self.held_lease.deadline.subscribe();
        Box::pin(async move {
            drop(deadline.wait_for(Option::is_none).await);
            deposed()
        })
    }

    fn cluster(&self) -> Option<ClusterView> {
        Some(Replica::cluster(&self.held_lease.database))
    }

    fn give_back(&self) -> Pending<()> {
        let held_lease = Arc::clone(&self.held_lease);
        Box::pin(async move {
            held_lease.reach().await?;
            if held_lease.database.lock().hangs_at_give_back {
                return std::future::pending().await;
            }
            {
                let mut content = held_lease.database.lock();
                content.holder = Holder::Free;
                if content.others > 0 && content.others_take {
                    content.steal();
                }
            }
            held_lease.deadline.send_replace(None);
            Ok(())
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.keep.abort();
        self.held_lease.deadline.send_replace(None);
    }
}

pub(super) fn unreachable() -> OpenError {
    OpenError {
        class: OpenErrorClass::Unreachable,
        message: "the database of a test is away".to_owned(),
        help: "wait".into(),
    }
}

fn deposed() -> StoreError {
    StoreError { class: StoreErrorClass::Deposed, ..failed("another replica has the lease") }
}

fn failed(fault: &str) -> StoreError {
    StoreError {
        class: StoreErrorClass::Failed,
        doing: "read",
        state: "the database of a test".to_owned(),
        fault: fault.to_owned(),
        help: "wait",
    }
}
