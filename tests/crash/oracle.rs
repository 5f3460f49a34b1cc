//! The oracle: holds the deliveries that had to be made against what arrived and what the daemon
//! believes.
//!
//! Invariant: the truth comes from the scenario and the ledgers; each row of the daemon's state is
//! checked against it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use restore_watch::model::EventKind;
use serde_json::Value;

use crate::ledger::{Ledger, Post};
use crate::support::state::{Query, State};
use crate::world::Job;

/// How events may have been emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emission {
    /// Each under one id.
    Once,
    /// Some repeated under another id, because a part of the state was lost.
    Again,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The broken guarantees.
    pub(crate) faults: Vec<String>,
    /// What was counted.
    pub(crate) counts: Counts,
}

/// What was counted.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    /// Events with a recipient.
    pub(crate) events: usize,
    /// Deliveries: an event to a sink.
    pub(crate) deliveries: usize,
    /// Deliveries marked as delivered.
    pub(crate) delivered: usize,
    /// Dead letters.
    pub(crate) dead: usize,
    /// Deliveries that neither arrived nor became dead letters.
    pub(crate) lost: usize,
    /// The requests that came.
    pub(crate) posts: usize,
    /// The requests beyond the first for the same delivery.
    pub(crate) repeats: usize,
    /// Repeated requests after one that was answered well.
    pub(crate) duplicates: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.events += more.events;
        self.deliveries += more.deliveries;
        self.delivered += more.delivered;
        self.dead += more.dead;
        self.lost += more.lost;
        self.posts += more.posts;
        self.repeats += more.repeats;
        self.duplicates += more.duplicates;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} events, {} deliveries, {} delivered, {} dead letters, {} lost; {} POSTs, {} of them repeated, \
             {} of those after a good answer",
            self.events,
            self.deliveries,
            self.delivered,
            self.dead,
            self.lost,
            self.posts,
            self.repeats,
            self.duplicates,
        )
    }
}

/// A delivery in the state.
struct Row {
    seq: i64,
    id: String,
    kind: EventKind,
    job: Option<(String, String)>,
    sink: String,
    state: String,
    changed_at: i64,
    reason: Option<String>,
    body: Vec<u8>,
}

/// Checks the state of a daemon that has ended.
pub(crate) fn judge(state: &State, jobs: &[Job], ledgers: &[Ledger], emission: Emission) -> Verdict {
    let rows = read(state).expect("a state that can be read");
    let mut verdict = Verdict::default();
    verdict.counts.events = rows.iter().map(|row| row.seq).collect::<BTreeSet<_>>().len();
    verdict.ends(&rows, jobs, ledgers);
    for ledger in ledgers {
        let rows: Vec<_> = rows.iter().filter(|row| row.sink == ledger.sink.name).collect();
        verdict.sink(&rows, ledger, emission);
    }
    verdict
}

impl Verdict {
    fn blame(&mut self, fault: impl Into<String>) {
        self.faults.push(fault.into());
    }

    /// Each job has one watched event and one end, the true one; each goes to every sink whose
    /// filter accepts it.
    fn ends(&mut self, rows: &[Row], jobs: &[Job], ledgers: &[Ledger]) {
        let mut of_job: BTreeMap<_, Vec<&Row>> = BTreeMap::new();
        for row in rows {
            of_job.entry(row.job.clone()).or_default().push(row);
        }
        for job in jobs {
            let mut rows = of_job.remove(&Some((job.project.clone(), job.id.clone()))).unwrap_or_default();
            rows.retain(|row| row.kind.is_terminal() || row.kind == EventKind::Watched);
            for kind in [Some(EventKind::Watched), job.ends, job.index].into_iter().flatten() {
                for ledger in ledgers.iter().filter(|ledger| ledger.sink.wants(kind)) {
                    let place = rows.iter().position(|row| row.kind == kind && row.sink == ledger.sink.name);
                    if let Some(place) = place {
                        rows.remove(place);
                    } else {
                        self.counts.lost += 1;
                        self.blame(format!("{}: {kind} has no delivery to {}", job.id, ledger.sink.name));
                    }
                }
            }
            for row in rows {
                self.blame(format!("{}: {} has one more delivery to {}", job.id, row.kind, row.sink));
            }
        }
        self.faults.extend(of_job.keys().map(|job| format!("no event is due for {job:?}")));
    }

    fn sink(&mut self, rows: &[&Row], ledger: &Ledger, emission: Emission) {
        let name = ledger.sink.name;
        let posts = ledger.posts();
        let mut by_id: BTreeMap<&str, Vec<&Post>> = BTreeMap::new();
        for post in &posts {
            self.faults.extend(post.fault.as_ref().map(|fault| format!("{name}: {}: {fault}", post.id)));
            by_id.entry(&post.id).or_default().push(post);
        }
        for posts in by_id.values() {
            self.counts.posts += posts.len();
            self.counts.repeats += posts.len() - 1;
            let first_good = posts.iter().position(|post| post.taken).unwrap_or(posts.len() - 1);
            self.counts.duplicates += posts.len() - 1 - first_good;
        }
        let mut last: BTreeMap<_, (i64, &str)> = BTreeMap::new();
        let mut firsts = Vec::new();
        for row in rows {
            let posts = by_id.remove(row.id.as_str()).unwrap_or_default();
            firsts.extend(posts.first().map(|post| (post.at, *row)));
            self.delivery(row, &posts, ledger);
        }
        firsts.sort_by_key(|(at, _)| *at);
        for (_, row) in firsts.into_iter().filter(|(_, row)| !row.kind.is_terminal()) {
            if let Some((seq, before)) = last.insert(row.job.clone(), (row.seq, &row.id))
                && seq > row.seq
            {
                self.blame(format!("{name}: {before} came before {}, which is older", row.id));
            }
        }
        if emission == Emission::Once {
            self.faults.extend(by_id.keys().map(|id| format!("{name}: {id} came and is not in the state")));
        }
    }

    fn delivery(&mut self, row: &Row, posts: &[&Post], ledger: &Ledger) {
        let Row { id, sink, state, .. } = row;
        self.counts.deliveries += 1;
        if !ledger.sink.wants(row.kind) {
            self.blame(format!("{sink}: {id} is {}, which it does not want", row.kind));
        }
        if posts.iter().any(|post| *post.body != *row.body) {
            self.blame(format!("{sink}: {id} came with another body"));
        }
        match state.as_str() {
            "delivered" => {
                self.counts.delivered += 1;
                if !posts.iter().any(|post| post.taken) {
                    self.counts.lost += 1;
                    self.blame(format!("{sink}: {id} is marked as delivered, but was not taken"));
                }
            }
            "dead" => {
                self.counts.dead += 1;
                if !ledger.sink.gives_up() || row.reason.is_none() || posts.is_empty() {
                    self.blame(format!("{sink}: {id} was given up: {:?}", row.reason));
                }
            }
            other => {
                self.counts.lost += 1;
                self.blame(format!("{sink}: {id} is {other} at the end"));
            }
        }
        // Times of the state are whole milliseconds.
        let late = posts.iter().filter(|post| post.at.as_millisecond() > row.changed_at).count();
        if late > 0 {
            self.blame(format!("{sink}: {id} came {late} times after it was marked as {state}"));
        }
    }
}

/// Every delivery with its event. A body is in hexadecimal digits.
const DELIVERIES: Query = Query {
    sqlite: "SELECT json_array(t.seq, t.id, t.kind, t.project, t.job, d.sink, d.state, d.changed_at, d.reason,
                               lower(hex(coalesce(d.body, CAST(t.body AS BLOB)))))
             FROM deliveries d JOIN transitions t ON t.seq = d.transition ORDER BY t.seq",
    postgres: "SELECT json_build_array(e.seq, e.id, e.kind, e.project, e.job, d.sink, d.state, d.changed_at, d.reason,
                                       encode(coalesce(d.body, convert_to(e.body, 'UTF8')), 'hex'))
               FROM deliveries d JOIN events e ON e.seq = d.event ORDER BY e.seq",
};

fn read(state: &State) -> Result<Vec<Row>, String> {
    let row = |row: Value| {
        let text = |at: usize| row[at].as_str().map(str::to_owned);
        let word = |at: usize| text(at).expect("a text");
        let number = |at: usize| row[at].as_i64().expect("a number");
        Row {
            seq: number(0),
            id: word(1),
            kind: EventKind::parse(&word(2)).expect("a kind"),
            job: text(4).map(|job| (word(3), job)),
            sink: word(5),
            state: word(6),
            changed_at: number(7),
            reason: text(8),
            body: bytes(&word(9)),
        }
    };
    Ok(state.rows(&DELIVERIES)?.into_iter().map(row).collect())
}

/// What these hexadecimal digits stand for.
fn bytes(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("two digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}
