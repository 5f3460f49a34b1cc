//! The replicas that share a state, as one of them reports them.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::schema::DateTime;
use crate::model::time::wall_between;
use crate::model::{duration, time};

const NO_ACTIVE: &str = "no replica is active";

/// The replicas that share the state of a daemon.
// The comments of all fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterStatus {
    /// The name of the state, as `[cluster]` has it.
    pub name: String,
    /// What the replica that answers is called.
    pub replica: String,
    /// Whether that replica is the active one.
    pub role: Role,
    /// How often the lease of the state was taken, by any replica.
    pub epoch: u64,
    /// The replica that polls and delivers, if one does.
    pub active: Option<ActiveStatus>,
    /// The replicas beside the one that answers.
    pub replicas: Vec<ReplicaStatus>,
    /// When the state was read that the answer shows.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub as_of: Timestamp,
}

/// What a replica does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It has the lease of the state: it polls and delivers.
    Active,
    /// It takes over if the active replica is lost.
    Standby,
}

/// The replica that has the lease of the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActiveStatus {
    /// What it is called.
    pub name: String,
    /// Since when, by its own clock.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub since: Timestamp,
    /// How long ago it last showed a sign of life.
    pub heard_seconds: f64,
}

/// Another replica that shares the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReplicaStatus {
    /// What it is called.
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// Whether its configuration differs from that of the replica that answers.
    pub differs: bool,
    /// How long ago it last showed a sign of life.
    pub heard_seconds: f64,
}

impl ClusterStatus {
    /// Which replica is active, as in `a is active (since 3h 00m, heard 1s ago)`.
    pub fn active_replica(&self, now: Timestamp) -> String {
        self.active.as_ref().map_or_else(|| NO_ACTIVE.to_owned(), |active| active.text(now))
    }

    /// That this replica stands by, and for which one, without ages.
    pub fn standing(&self) -> String {
        let active = self.active.as_ref().map(|active| format!("replica {} is active", active.name));
        let active = active.unwrap_or_else(|| NO_ACTIVE.to_owned());
        format!("replica {} stands by; {active}", self.replica)
    }

    /// What this replica does, in one line.
    pub fn line(&self, now: Timestamp) -> String {
        let Self { replica, active, replicas, .. } = self;
        match self.role {
            Role::Standby => {
                let age = duration::ago(wall_between(self.as_of, now));
                format!("replica {replica}: standby; {}; as of {age}", self.active_replica(now))
            }
            Role::Active => {
                let since = active.as_ref().map(|active| wall_between(active.since, now)).unwrap_or_default();
                let others: Vec<_> = replicas.iter().map(ReplicaStatus::text).collect();
                let others = if others.is_empty() { "none".to_owned() } else { others.join(", ") };
                format!("replica {replica}: active for {}; standbys: {others}", duration::running(since))
            }
        }
    }

    /// The replicas whose configuration is another one, each in a text.
    pub fn differences(&self) -> impl Iterator<Item = String> {
        let differing = self.replicas.iter().filter(|replica| replica.differs);
        differing.map(|ReplicaStatus { name, .. }| {
            format!("the configuration of replica {name} differs from that of replica {}", self.replica)
        })
    }
}

impl ActiveStatus {
    fn text(&self, now: Timestamp) -> String {
        let since = duration::running(wall_between(self.since, now));
        format!("{} is active (since {since}, heard {})", self.name, shown_ago(self.heard_seconds))
    }
}

impl ReplicaStatus {
    fn text(&self) -> String {
        format!("{} (heard {})", self.name, shown_ago(self.heard_seconds))
    }
}

fn shown_ago(seconds: f64) -> String {
    duration::ago(Duration::try_from_secs_f64(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(role: Role, active: Option<&str>) -> ClusterStatus {
        let active = active.map(|name| ActiveStatus {
            name: name.to_owned(),
            since: "2026-11-23T12:00:00Z".parse().unwrap(),
            heard_seconds: 1.4,
        });
        let other = |name: &str, differs| ReplicaStatus {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            differs,
            heard_seconds: 0.2,
        };
        ClusterStatus {
            name: "default".to_owned(),
            replica: "b".to_owned(),
            role,
            epoch: 7,
            active,
            replicas: vec![other("a", false), other("c", true)],
            as_of: "2026-11-23T14:59:56Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_line_says_what_a_replica_does() {
        let now = "2026-11-23T15:00:00Z".parse().unwrap();
        for (role, active, line) in [
            (
                Role::Standby,
                Some("a"),
                "replica b: standby; a is active (since 3h 00m, heard 1s ago); as of 4s ago",
            ),
            (Role::Standby, None, "replica b: standby; no replica is active; as of 4s ago"),
            (
                Role::Active,
                Some("b"),
                "replica b: active for 3h 00m; standbys: a (heard 0s ago), c (heard 0s ago)",
            ),
        ] {
            assert_eq!(status(role, active).line(now), line);
        }
    }

    #[test]
    fn a_standby_names_the_active_replica() {
        for (active, text) in [
            (Some("a"), "replica b stands by; replica a is active"),
            (None, "replica b stands by; no replica is active"),
        ] {
            assert_eq!(status(Role::Standby, active).standing(), text);
        }
    }

    #[test]
    fn replicas_with_another_configuration_are_named() {
        let differences: Vec<_> = status(Role::Standby, Some("a")).differences().collect();
        assert_eq!(differences, ["the configuration of replica c differs from that of replica b"]);
    }
}
