//! The families of metrics: one table row per family, from which the exposition and the reference
//! page are made.
//!
//! Invariant: names, types and labels are published. What a series of a dashboard or an alert
//! selects by never changes.

/// What the samples of a family are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only rises, and begins again at a restart.
    Counter,
    Gauge,
    Histogram,
    /// A gauge that is always 1, for its labels.
    Info,
}

impl Kind {
    /// The word of the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge | Self::Info => "gauge",
            Self::Histogram => "histogram",
        }
    }

    /// The end of the names of its samples that `OpenMetrics` leaves out of the name of the family.
    fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            Self::Gauge | Self::Histogram => "",
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Family {
    /// The name as it is queried.
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    /// What it shows: the doc comment of the variant.
    pub help: &'static str,
}

impl Family {
    /// The base unit, by the name.
    pub fn unit(&self) -> Option<&'static str> {
        ["seconds", "bytes"]
            .into_iter()
            .find(|unit| self.open_metrics_name().strip_suffix(unit).is_some_and(|rest| rest.ends_with('_')))
    }

    /// The name of the family in `OpenMetrics`.
    pub(super) fn open_metrics_name(&self) -> &'static str {
        self.name.strip_suffix(self.kind.suffix()).unwrap_or(self.name)
    }

    /// That name without its unit.
    pub(super) fn stem(&self) -> &'static str {
        let name = self.open_metrics_name();
        let unit = self.unit().and_then(|unit| name.strip_suffix(unit)?.strip_suffix('_'));
        unit.unwrap_or(name)
    }
}

/// Makes the enum, its list and its table of one declaration, so that none of them can lack a
/// family.
macro_rules! families {
    ($($(#[doc = $doc:literal])+ $metric:ident: $kind:ident $name:literal [$($label:literal),*];)+) => {
        /// A family of metrics.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Metric {
            $($(#[doc = $doc])+ $metric,)+
        }

        impl Metric {
            /// All families, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$metric),+];

            /// Its row of the table.
            pub fn family(self) -> &'static Family {
                match self {
                    $(Self::$metric => &Family {
                        name: $name,
                        kind: Kind::$kind,
                        labels: &[$($label),*],
                        help: concat!($($doc),+),
                    },)+
                }
            }
        }
    };
}

families! {
    /// The version of the daemon. The value is always 1.
    BuildInfo: Info "restore_watch_build_info" ["version"];
    /// Known restores by outcome, as long as the state keeps them.
    Restores: Gauge "restore_watch_restores" ["project", "outcome"];
    /// Restores that ended, by final outcome. It goes on after a restart, whatever the history still has.
    RestoresEnded: Counter "restore_watch_restores_ended_total" ["project", "outcome"];
    /// How long restores took that succeeded. It begins at 0 with each process.
    RestoreDuration: Histogram "restore_watch_restore_duration_seconds" [];
    /// The time from the end of a restore that succeeded to its observation, if it ended while it was watched. It begins at 0 with each process.
    DetectionDelay: Histogram "restore_watch_detection_delay_seconds" [];
    /// The age of the oldest restore that runs, as far as known. 0 if there is none. One that completed and awaits its index does not count, nor one that is not found or unreachable.
    OldestOpenRestore: Gauge "restore_watch_oldest_open_restore_age_seconds" ["project"];
    /// When a restore last succeeded, in seconds since 1970. 0 if none did.
    LastCompleted: Gauge "restore_watch_last_completed_timestamp_seconds" ["project"];
    /// Events that were emitted, by type.
    Events: Counter "restore_watch_events_total" ["project", "type"];
    /// When the API last answered what it was asked, in seconds since 1970. 0 if it did not since the start.
    LastAnswer: Gauge "restore_watch_last_answer_timestamp_seconds" ["project"];
    /// Requests to the API, by operation and HTTP status code. The code is transport if there was no whole answer.
    ApiRequests: Counter "restore_watch_api_requests_total" ["project", "endpoint", "code"];
    /// How long requests to the API took, from sending the request to the end of the answer.
    ApiRequestDuration: Histogram "restore_watch_api_request_duration_seconds" [];
    /// The rate of requests in force, in requests a second.
    ApiRateLimit: Gauge "restore_watch_api_rate_limit" ["project"];
    /// Whether the API accepts the key: 1, or 0 while the project is unauthorized.
    ProjectAuthorized: Gauge "restore_watch_project_authorized" ["project"];
    /// Whether the project is paused by hand: 1 if it is.
    ProjectPaused: Gauge "restore_watch_project_paused" ["project"];
    /// Deliveries that are pending, that are held until the hours of their sink begin, and dead letters.
    Deliveries: Gauge "restore_watch_deliveries" ["sink", "state"];
    /// Deliveries that ended, by how they did. A dead letter that is retried or dropped ends once more.
    DeliveriesEnded: Counter "restore_watch_deliveries_ended_total" ["sink", "outcome"];
    /// Attempts at deliveries, by what came of them.
    DeliveryAttempts: Counter "restore_watch_delivery_attempts_total" ["sink", "result"];
    /// Lines of the log that were lost, because its reader is slow.
    LogLinesLost: Counter "restore_watch_log_lines_lost_total" [];
    /// Whether the last reload succeeded: 1, or 0 if it was rejected. A start counts as a reload.
    ReloadSuccessful: Gauge "restore_watch_config_last_reload_successful" [];
    /// When the configuration in force was loaded, in seconds since 1970.
    ReloadSuccess: Gauge "restore_watch_config_last_reload_success_timestamp_seconds" [];
    /// Whether this replica is the active one: 1, or 0 while it stands by. Absent, as all of the cluster, unless replicas share the state.
    ClusterActive: Gauge "restore_watch_cluster_active" [];
    /// How often the lease of the state was taken, by any replica.
    ClusterEpoch: Gauge "restore_watch_cluster_epoch" [];
    /// How often this process took the lease of the state.
    ClusterTakeovers: Counter "restore_watch_cluster_takeovers_total" [];
    /// How often this process lost the lease of the state. One that it gave back is not lost.
    ClusterLosses: Counter "restore_watch_cluster_losses_total" [];
    /// How many replicas there are beside this one.
    ClusterOthers: Gauge "restore_watch_cluster_other_replicas" [];
    /// CPU time of the process, in user and system mode.
    ProcessCpu: Counter "process_cpu_seconds_total" [];
    /// Memory of the process that is in RAM. Linux only.
    ProcessResidentMemory: Gauge "process_resident_memory_bytes" [];
    /// Address space of the process. Linux only.
    ProcessVirtualMemory: Gauge "process_virtual_memory_bytes" [];
    /// Open files of the process. Linux only.
    ProcessOpenFiles: Gauge "process_open_fds" [];
    /// How many open files the process may have. Absent if there is no limit.
    ProcessMaxFiles: Gauge "process_max_fds" [];
    /// Threads of the process. Linux only.
    ProcessThreads: Gauge "process_threads" [];
    /// When the daemon was started, in seconds since 1970.
    ProcessStart: Gauge "process_start_time_seconds" [];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions() {
        for family in Metric::ALL.iter().map(|metric| metric.family()) {
            let Family { name, kind, help, .. } = family;
            assert!(name.starts_with("restore_watch_") || name.starts_with("process_"), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert_eq!(name.ends_with("_info"), *kind == Kind::Info, "{name}");
            assert!(!help.contains(['\\', '\n', '"']) && help.trim().ends_with('.'), "{name}: {help}");
        }
    }

    #[test]
    fn a_name_is_a_stem_a_unit_and_a_suffix() {
        for (metric, open_metrics, stem, unit) in [
            (Metric::BuildInfo, "restore_watch_build", "restore_watch_build", None),
            (Metric::ProcessCpu, "process_cpu_seconds", "process_cpu", Some("seconds")),
            (Metric::Restores, "restore_watch_restores", "restore_watch_restores", None),
            (Metric::ProcessOpenFiles, "process_open_fds", "process_open_fds", None),
        ] {
            let family = metric.family();
            assert_eq!(
                (family.open_metrics_name(), family.stem(), family.unit()),
                (open_metrics, stem, unit)
            );
        }
    }

    #[test]
    fn no_label_is_a_job_or_an_index() {
        for family in Metric::ALL.iter().map(|metric| metric.family()) {
            for label in family.labels {
                let known =
                    ["version", "project", "outcome", "type", "endpoint", "code", "sink", "state", "result"];
                assert!(known.contains(label), "{}: {label}", family.name);
            }
        }
    }
}
