//! The schedules of other pollers.
//!
//! Each is as documented, without its limit of attempts or time, which is never reached here, and
//! without its handling of errors: some give up at the first, others leave that to a client below.
//! Here an error is an inconclusive answer, and a `Retry-After` is a lower bound of the delay,
//! which is the best any of them does. Each polls at the begin of the watch, as the program does:
//! without that poll it is not known that there is something to watch. The delays follow it.

use fastrand::Rng;

use crate::schedule::{Schedule, Sighting};
use crate::world::{Reply, World};

/// A loop that polls and sleeps, for each restore on its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loop {
    name: &'static str,
    /// How long it sleeps before the first poll that is its own; 0 if that is the one at the begin.
    lead: f64,
    /// How long it sleeps after a number of polls of its own.
    delay: fn(u32, &mut Rng) -> f64,
}

impl Loop {
    pub(crate) const ALL: [Self; 7] =
        [Self::AWS, Self::GOOGLE, Self::GCLOUD, Self::AZURE, Self::PINECONE, Self::EXPONENTIAL, Self::FIXED];

    /// Waiters of the AWS SDKs: after attempt `n` a whole number of seconds between `minDelay` and
    /// `min(minDelay · 2^(n-1), maxDelay)`, by default 2 and 120 s (Smithy 2.0, "Waiters", section
    /// "Waiter retries"). `aws … wait` of the AWS CLI takes the fixed delay of each waiter in
    /// botocore instead, mostly 15 or 30 s.
    pub(crate) const AWS: Self = Self {
        name: "AWS (Smithy waiters)",
        lead: 0.0,
        delay: |attempt, rng| {
            let highest = if attempt > 6 { 120 } else { 2 << (attempt - 1) };
            rng.u32(2..=highest).into()
        },
    };

    /// `google.api_core.future.polling.DEFAULT_POLLING`: 1 s, by 1.5 each time, at most 20 s, of
    /// which `google.api_core.retry.exponential_sleep_generator` sleeps a uniform part.
    pub(crate) const GOOGLE: Self = Self {
        name: "Google (api_core)",
        lead: 0.0,
        delay: |attempt, rng| growing(1.0, 1.5, attempt).min(20.0) * rng.f64(),
    };

    /// `googlecloudsdk.api_lib.util.waiter.WaitFor`: 1 s before the first poll
    /// (`pre_start_sleep_ms`), then 2 s, by 1.4 each time, and up to 1 s of jitter more, at most
    /// 180 s in all (`googlecloudsdk.core.util.retry.Retryer`).
    pub(crate) const GCLOUD: Self = Self {
        name: "gcloud",
        lead: 1.0,
        delay: |attempt, rng| (growing(2.0, 1.4, attempt) + rng.f64()).min(180.0),
    };

    /// `azure.core.polling.base_polling.LROBasePolling`: 30 s before each poll, where the service
    /// asks for nothing else.
    pub(crate) const AZURE: Self = Self { name: "Azure (30 s)", lead: 30.0, delay: |_, _| 30.0 };

    /// `create_index_from_backup` of the Pinecone SDK for Python: every 5 s
    /// (`poll_index_until_ready` in `pinecone/_internal/indexes_helpers.py`, which polls the index;
    /// here, the job).
    pub(crate) const PINECONE: Self = Self { name: "Pinecone SDK (5 s)", lead: 0.0, delay: |_, _| 5.0 };

    /// Plain exponential backoff, as people write it: 1 s, doubling, at most 60 s. What Pinecone
    /// recommends for errors, but for the jitter.
    pub(crate) const EXPONENTIAL: Self = Self {
        name: "1 s, doubling, to 60 s",
        lead: 0.0,
        delay: |attempt, _| growing(1.0, 2.0, attempt).min(60.0),
    };

    /// A fixed interval. By its factor it is the best there is for a workload and a number of
    /// requests: it wastes none on the start.
    pub(crate) const FIXED: Self = Self { name: "fixed, in hindsight", lead: 1.0, delay: |_, _| 1.0 };
}

fn growing(first: f64, by: f64, attempt: u32) -> f64 {
    // Beyond that every limit is reached.
    first * by.powf(f64::from(attempt.min(100) - 1))
}

impl Schedule for Loop {
    fn name(&self) -> &'static str {
        self.name
    }

    fn watch(&self, world: &World, factor: f64, seed: u64) -> Vec<Sighting> {
        let mut rng = Rng::with_seed(seed);
        let mut watch = |place: usize| {
            let restore = world.restores[place];
            let has_lead = self.lead > 0.0;
            let mut at = 0.0;
            for polls in 1.. {
                let floor = match world.reply(place, at, &mut rng) {
                    Reply::Ended => {
                        let delay = at - restore.end;
                        return Sighting { delay, takes: restore.takes(), requests: polls.into() };
                    }
                    Reply::Limited(pause) => pause,
                    Reply::Running | Reply::Unwell => 0.0,
                };
                let delay = match polls - u32::from(has_lead) {
                    0 => self.lead,
                    own => (self.delay)(own, &mut rng),
                };
                at += (delay * factor).max(floor);
            }
            unreachable!("every restore ends")
        };
        (0..world.restores.len()).map(&mut watch).collect()
    }
}
