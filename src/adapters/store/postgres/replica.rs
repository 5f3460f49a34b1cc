//! A process that stands by for the lease, and takes it when it is free.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::{debug, warn};

use super::cluster::Sightings;
use super::connection::Database;
use super::fault::Fault;
use super::held_lease::{self, HeldLease};
use super::lease::{self, Fence, Holder, LeaseRow};
use super::link::Link;
use super::requests::{Incoming, OwnRequest};
use super::store::{PostgresStore, Shared};
use super::times::{LOOK_INTERVAL, Times};
use super::{Postgres, blocked, recall, schema};
use crate::adapters::store::{
    Backend as _, ClusterView, Lease as _, Leaving, Look, Looking, OpenError, Opened, Pending, Replica,
    Store as _, StoreError, StoreErrorClass,
};
use crate::config::PostgresSettings;
use crate::engine::snapshot::Snapshot;
use crate::model::time::Instant;
use crate::platform::clock::Clock;
use crate::platform::{blocking, failpoint, process};

/// A process that takes part in a cluster.
pub(super) struct PostgresReplica {
    settings: PostgresSettings,
    clock: Clock,
    times: Times,
    sightings: Arc<Sightings>,
    /// None before the address could be read.
    links: Option<Links>,
    /// Whether the server and the schema were found to be usable.
    is_prepared: bool,
    /// Whether the schema was there once.
    has_seen_schema: bool,
    /// The token of the last take, whose answer may not have come.
    token: Option<String>,
    declined: Option<Declined>,
    /// Until when the lease is not taken at all.
    paused_until: Option<Instant>,
}

/// How long the last message of a process may take.
const LEAVING: Duration = Duration::from_secs(2);

/// The connections of a replica, beside that for commits.
#[derive(Clone)]
struct Links {
    /// For looks and renewals, which wait for nothing else.
    keep: Link,
    /// For all that may take longer.
    read: Link,
}

/// A lease that is left to others, until this time or until one of them took it.
struct Declined {
    /// The last term before.
    epoch: i64,
    until: Instant,
}

/// A lease that was taken, with all that is committed.
pub(super) struct Taken {
    pub(super) store: PostgresStore,
    pub(super) snapshot: Snapshot,
}

impl PostgresReplica {
    pub(super) fn new(settings: &PostgresSettings, clock: Clock) -> Self {
        let cluster = &settings.cluster;
        let times = Times { lease: cluster.lease };
        let name = cluster.replica.clone().unwrap_or_else(process::host_name);
        Self {
            settings: settings.clone(),
            clock,
            times,
            sightings: Arc::new(Sightings::new(&cluster.name, &name, times)),
            links: None,
            is_prepared: false,
            has_seen_schema: false,
            token: None,
            declined: None,
            paused_until: None,
        }
    }

    /// Looks at the lease, and takes it if it is free and `takes` is set.
    pub(super) async fn look_and_take(&mut self, takes: bool) -> Result<Option<Taken>, OpenError> {
        let links = self.links().await?;
        let looked = self.try_look(&links, takes).await;
        // Another server may answer next, or the same one with another schema.
        self.is_prepared &= looked.is_ok();
        looked.map_err(|fault| {
            if matches!(fault, Fault::Refused { .. } | Fault::Misconfigured(_)) && !fault.is_passing() {
                // The password, or a certificate, may be another one by then.
                self.links = None;
            }
            fault.while_opening(links.keep.database())
        })
    }

    /// What the last look saw.
    pub(super) fn sightings(&self) -> &Sightings {
        &self.sightings
    }

    fn view(&self) -> ClusterView {
        self.sightings.view(self.clock.now().instant)
    }

    async fn links(&mut self) -> Result<Links, OpenError> {
        if let Some(links) = &self.links {
            return Ok(links.clone());
        }

        let (settings, postgres) = (self.settings.clone(), Postgres::at(&self.settings));
        // The address and the certificates are in files.
        let reading = blocking::start("state-address", move || Database::of(&settings));
        let read = reading.map_err(|error| postgres.no_thread(&error))?.await;
        let database = Arc::new(read.unwrap_or_else(|_| Err(postgres.ended_early()))?);

        let links = Links { keep: Link::to(&database), read: Link::to(&database) };
        Ok(self.links.insert(links).clone())
    }

    /// The link for what a client of this replica asks for.
    fn beside(&self, doing: &'static str) -> Result<Link, StoreError> {
        let links = self.links.as_ref().ok_or_else(|| StoreError {
            class: StoreErrorClass::Failed,
            doing,
            state: Postgres::at(&self.settings).location(),
            fault: "it was not reached yet".to_owned(),
            help: "the log of this replica says why",
        });
        links.map(|links| links.read.clone())
    }

    async fn try_look(&mut self, links: &Links, takes: bool) -> Result<Option<Taken>, Fault> {
        let link = &links.keep;
        if !self.is_prepared {
            // Tables that are gone are restored by people, whom new ones would be in the way of.
            let durability = schema::prepare(link, self.times.message(), !self.has_seen_schema).await?;
            if !std::mem::replace(&mut self.has_seen_schema, true) {
                for warning in durability.warnings() {
                    warn!("{warning}");
                }
            }
            let found = link.ask(&lease::look(&self.sightings.cluster), self.times.message()).await?;
            // Where there is a row, even an insert that does nothing waits for a commit under way.
            if found.last().is_none_or(Vec::is_empty) {
                link.ask(&lease::make(&self.sightings.cluster), self.times.message()).await?;
            }
            self.is_prepared = true;
        }

        let (row, version) = self.see(link).await?;
        if !takes || !self.may_take(&row) {
            return Ok(None);
        }
        self.take(links, &row, version).await
    }

    /// The row of the lease, and the version of the schema. Notes what it sees.
    async fn see(&self, link: &Link) -> Result<(LeaseRow, usize), Fault> {
        let now = self.clock.now().instant;
        let sql = format!("{}; {}", lease::look(&self.sightings.cluster), self.sightings.sql(now));
        let answer = link.ask(&sql, self.times.message()).await?;

        let row = answer.first().and_then(|rows| rows.first());
        let row = row.ok_or_else(|| Fault::unreadable("the row of the cluster is gone"))?;
        let version = schema::known(lease::version(row)?)?;
        let row = LeaseRow::read(row)?;
        let now = self.clock.now().instant;
        self.sightings.see_lease(row.clone(), now);
        self.sightings.see(answer.last().map(Vec::as_slice).unwrap_or_default(), now)?;
        Ok((row, version))
    }

    /// Whether the lease is free, as it was just seen.
    fn may_take(&self, row: &LeaseRow) -> bool {
        let now = self.clock.now().instant;
        let is_left = |declined: &Declined| now < declined.until && row.epoch == declined.epoch;
        let declines = self.declined.as_ref().is_some_and(is_left) && self.sightings.has_others(now);
        // The answer to the last take of this process may not have come.
        let is_mine = row.token.is_some() && row.token == self.token;
        let is_free = is_mine || self.sightings.free_at().is_none_or(|free| free <= now);
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        is_free && !declines && !is_paused
    }

    async fn take(&mut self, links: &Links, seen: &LeaseRow, version: usize) -> Result<Option<Taken>, Fault> {
        let link = &links.keep;
        let begun = self.clock.now();
        let token = self.token.insert(lease::token()).clone();
        let holder = Holder {
            name: &self.sightings.name,
            since: begun.wall,
            lease: self.times.lease,
            configuration: &self.sightings.configuration(),
        };
        let sql = lease::take(&self.sightings.cluster, seen, &token, &holder);
        let answer = blocked::ask(link, &sql, &token, self.times).await?;
        let Some(row) = answer.first().and_then(|rows| rows.first()).map(LeaseRow::read).transpose()? else {
            return Ok(None);
        };
        failpoint::reached("after_take");

        let fence = Fence { cluster: self.sightings.cluster.clone(), epoch: row.epoch, token };
        let batch = row.batch;
        self.sightings.see_lease(row, self.clock.now().instant);
        let held_lease =
            HeldLease::begin(fence, self.times, self.clock, Arc::clone(link.database()), begun.instant);
        let held_lease = Arc::new(held_lease);
        let runtime = Handle::current();
        let kept = held_lease::keep(Arc::clone(&held_lease), link.clone(), Arc::clone(&self.sightings));
        let keep = runtime.spawn(kept).abort_handle();
        let shared = Arc::new(Shared {
            held_lease,
            sightings: Arc::clone(&self.sightings),
            keep: link.clone(),
            write: Link::to(link.database()),
            read: links.read.clone(),
            batch: AtomicI64::new(batch),
            incoming: Incoming::default(),
        });
        // From here on, the lease is kept until the store is dropped.
        let store = PostgresStore::new(Arc::clone(&shared), runtime, keep);
        let recalled = async {
            schema::bring_up_to_date(&shared.read, version).await?;
            recall(&shared.read, &shared.held_lease.fence.cluster, self.times).await
        };
        match recalled.await {
            Ok(snapshot) => {
                Ok(shared.held_lease.holds(self.clock.now().instant).then_some(Taken { store, snapshot }))
            }
            Err(fault) => {
                // A newer program may understand what this one does not, and another machine may get
                // an answer that does not come through to this one.
                let is_given_back = store.give_back().await.is_ok();
                if is_given_back || !fault.is_passing() {
                    let until = self.clock.now().instant + self.times.listed();
                    self.declined = Some(Declined { epoch: shared.held_lease.fence.epoch, until });
                }
                Err(fault)
            }
        }
    }
}

/// Reads all that is committed.
async fn recall(link: &Link, cluster: &str, times: Times) -> Result<Snapshot, Fault> {
    // The lease is kept meanwhile, so that this may take as long as the state is large.
    let answer = link.ask(&recall::sql(cluster), times.lease * 4).await?;
    recall::snapshot(&answer)
}

impl Replica for PostgresReplica {
    fn look(&mut self) -> Looking<'_> {
        Box::pin(async move {
            let taken = self.look_and_take(true).await?;
            Ok(taken.map_or(Look::Standby, |Taken { store, snapshot }| {
                Look::Taken(Opened { store: Box::new(store), snapshot, set_aside: None })
            }))
        })
    }

    fn look_interval(&self) -> Duration {
        let now = self.clock.now().instant;
        let until_free = self.sightings.free_at().map(|free| free.since(now));
        until_free.filter(|left| !left.is_zero()).map_or(LOOK_INTERVAL, |left| left.min(LOOK_INTERVAL))
    }

    fn cluster(&self) -> ClusterView {
        self.view()
    }

    fn snapshot(&mut self) -> Pending<Snapshot> {
        let (link, cluster, times) = (self.beside("read"), self.sightings.cluster.clone(), self.times);
        Box::pin(async move {
            let link = link?;
            let read = recall(&link, &cluster, times).await;
            read.map_err(|fault| fault.while_doing("read", link.database()))
        })
    }

    fn hand_over(&mut self, request: String) -> Pending<Option<String>> {
        let (link, cluster, clock) = (self.beside("write"), self.sightings.cluster.clone(), self.clock);
        Box::pin(async move {
            let link = link?;
            let handed_over = OwnRequest::new(link.clone(), clock, cluster, request).answer().await;
            handed_over.map_err(|fault| fault.while_doing("write", link.database()))
        })
    }

    fn configure(&self, configuration: &str) {
        self.sightings.configure(configuration);
    }

    fn decline(&mut self, time: Duration) {
        let epoch = self.sightings.sign_of_life().map_or(0, |(epoch, _)| epoch);
        self.declined = Some(Declined { epoch, until: self.clock.now().instant + time });
    }

    fn fail(&mut self, pause: Duration) {
        // The tables, or the rights to them, may be gone.
        self.is_prepared = false;
        // The lease of that term runs out as that of another process does.
        self.token = None;
        self.paused_until = Some(self.clock.now().instant + pause);
    }

    fn leave(&mut self) -> Leaving<'_> {
        Box::pin(async move {
            let Some(links) = &self.links else { return };
            let mut sql = self.sightings.leave();
            if let Some(token) = &self.token {
                sql = format!("{}; {sql}", lease::leave(&self.sightings.cluster, token));
            }
            let left = tokio::time::timeout(LEAVING, links.keep.ask(&sql, LEAVING)).await;
            if !matches!(left, Ok(Ok(_))) {
                debug!("the database did not take note that this replica leaves");
            }
        })
    }
}
