//! How long restores took, which is what the next one may be expected to take.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RestoreGroup, duration};

/// How long restores took in the past.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// How many are known, the newest 200 at most.
    pub restores: usize,
    /// Half of them took this long at most. Earlier daemons call it the median.
    #[serde(alias = "median_seconds")]
    pub p50_seconds: f64,
    /// Nine in ten of them took this long at most.
    pub p90_seconds: f64,
    /// What they have in common; `null` if they are all restores of the project.
    pub group: Option<RestoreGroup>,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let duration = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let half = duration::rough(duration(self.p50_seconds));
        let most = duration::rough_limit(duration(self.p90_seconds));
        let of = self.group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
        let most = match self.restores {
            _ if half == most => String::new(),
            // Nine in ten of so few are all of them.
            ..10 => format!(", at most {most}"),
            _ => format!(", 9 in 10 under {most}"),
        };
        let restores = if self.restores == 1 { "restore" } else { "restores" };
        write!(f, "usually {half}{most} ({} {restores}{of})", self.restores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation(restores: usize, group: Option<RestoreGroup>) -> Expectation {
        Expectation { restores, p50_seconds: 540.0, p90_seconds: 1260.0, group }
    }

    #[test]
    fn expectations_name_their_group() {
        let index = || Some(RestoreGroup::Index("orders".to_owned()));
        let backup = Some(RestoreGroup::Backup("b-1".to_owned()));
        for (expected, text) in [
            (Expectation { p90_seconds: 540.0, ..expectation(1, None) }, "usually 9 min (1 restore)"),
            (
                Expectation { p90_seconds: 540.0, ..expectation(1, index()) },
                "usually 9 min (1 restore of orders)",
            ),
            (expectation(40, None), "usually 9 min, 9 in 10 under 21 min (40 restores)"),
            (expectation(12, index()), "usually 9 min, 9 in 10 under 21 min (12 restores of orders)"),
            (expectation(3, backup), "usually 9 min, at most 21 min (3 restores of backup b-1)"),
            (Expectation { p90_seconds: 540.0, ..expectation(40, None) }, "usually 9 min (40 restores)"),
        ] {
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn an_expectation_of_before_has_no_group() {
        let json = serde_json::json!({ "restores": 2, "p50_seconds": 540.0, "p90_seconds": 1260.0 });

        assert_eq!(serde_json::from_value::<Expectation>(json).unwrap(), expectation(2, None));
    }

    #[test]
    fn the_median_of_an_earlier_daemon_is_read() {
        let json = serde_json::json!({ "restores": 2, "median_seconds": 540.0, "p90_seconds": 1260.0 });

        assert_eq!(serde_json::from_value::<Expectation>(json).unwrap(), expectation(2, None));
    }

    #[test]
    fn the_group_is_one_key_in_json() {
        let group = |group| serde_json::to_value(expectation(2, Some(group))).unwrap()["group"].clone();

        assert_eq!(group(RestoreGroup::Index("orders".to_owned())), serde_json::json!({ "index": "orders" }));
        assert_eq!(group(RestoreGroup::Backup("b-1".to_owned())), serde_json::json!({ "backup": "b-1" }));
    }
}
