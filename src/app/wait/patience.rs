//! How long a wait goes on in spite of trouble.

use std::time::Duration;

use crate::model::duration;

/// What ends a wait whose requests fail.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Patience {
    pub(super) timeout: Option<Duration>,
    /// Whether one restore is enough: trouble with another ends nothing then.
    pub(super) any: bool,
}

impl Patience {
    /// After what time the wait gives up because of trouble that decides after `limit`; none if
    /// there is no such time.
    pub(super) fn limit(self, limit: Option<Duration>) -> Option<Duration> {
        [limit.filter(|_| !self.any), self.timeout].into_iter().flatten().min()
    }

    /// `retrying, gives up in 10m`
    pub(super) fn retrying(self, limit: Option<Duration>) -> String {
        match self.limit(limit) {
            Some(limit) => format!("retrying, gives up in {}", duration::written(limit)),
            None => "retrying".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_gives_up_at_the_first_limit_that_ends_it() {
        let minutes = Duration::from_mins;
        for (limit, timeout, any, words) in [
            (Some(10), None, false, "retrying, gives up in 10m"),
            (Some(10), Some(2), false, "retrying, gives up in 2m"),
            (Some(10), Some(20), true, "retrying, gives up in 20m"),
            (Some(10), None, true, "retrying"),
            (None, None, false, "retrying"),
        ] {
            let patience = Patience { timeout: timeout.map(minutes), any };
            assert_eq!(patience.retrying(limit.map(minutes)), words);
        }
    }
}
