//! The fleets that are watched, at which rates, and what is expected of the engine there.

use crate::fleet::{Fleet, Order};

/// One of the fleets, in each order of the list.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// How many jobs run and are watched.
    pub(crate) running: usize,
    /// How many others the list has.
    finished: usize,
    pub(crate) per_second: f64,
    /// Whether the list moves while it is read.
    is_moving: bool,
    pub(crate) expectation: Expectation,
}

/// What the engine is compared with.
#[derive(Debug)]
pub(crate) enum Expectation {
    /// The rate is the limit, and the better of the simple loops is the measure.
    NearSimpleLoops,
    /// More requests would be permitted: no worse than an earlier version at equal requests, in
    /// each order of [`Order::ALL`].
    NoWorseThan([Earlier; 4]),
}

/// The figures of an earlier version of the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Earlier {
    /// The mean delay, in seconds.
    pub(crate) delay: f64,
    pub(crate) requests: f64,
}

/// The earlier figures were measured by this bench, with its default seeds, with version 0.1.0 at
/// commit e5a80fe, which weighed a page as three descriptions. With other seeds the fleets are
/// other ones; the products then differ by up to 7 %.
pub(crate) const SCENARIOS: [Scenario; 8] = [
    saturated(1000, 3000, 1.0),
    saturated(1000, 3000, 1.0).moving(),
    saturated(300, 3000, 1.0),
    saturated(300, 3000, 1.0).moving(),
    saturated(300, 10_000, 1.0),
    saturated(3000, 3000, 2.0),
    unsaturated(
        100,
        3000,
        2.0,
        [
            earlier(11.28, 3924.0),
            earlier(21.42, 16_845.0),
            earlier(20.94, 16_654.0),
            earlier(21.34, 16_752.0),
        ],
    ),
    unsaturated(
        30,
        3000,
        2.0,
        [earlier(13.50, 2033.0), earlier(21.55, 5239.0), earlier(19.55, 5218.0), earlier(20.34, 5232.0)],
    ),
];

impl Scenario {
    /// Its running jobs and all that the list has, such as `300-of-10300`.
    pub(crate) fn name(&self) -> String {
        let suffix = if self.is_moving { "-moving" } else { "" };
        format!("{}-of-{}{suffix}", self.running, self.running + self.finished)
    }

    /// Whether this names it: by its name, or by a part of it up to a hyphen.
    pub(crate) fn is_named(&self, wanted: &str) -> bool {
        self.name().strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// What is watched, for people.
    pub(crate) fn title(&self) -> String {
        let Self { running, finished, per_second, .. } = self;
        let moving = if self.is_moving { ", in a list that moves" } else { "" };
        format!(
            "{running} that run among {finished} that have finished{moving}, {per_second} requests a second"
        )
    }

    pub(crate) fn fleet(&self, order: Order, seed: u64) -> Fleet {
        let fleet = Fleet::new(self.running, self.finished, order, seed);
        if self.is_moving { fleet.moving(seed) } else { fleet }
    }

    const fn moving(self) -> Self {
        Self { is_moving: true, ..self }
    }
}

const fn saturated(running: usize, finished: usize, per_second: f64) -> Scenario {
    let expectation = Expectation::NearSimpleLoops;
    Scenario { running, finished, per_second, is_moving: false, expectation }
}

const fn unsaturated(running: usize, finished: usize, per_second: f64, earlier: [Earlier; 4]) -> Scenario {
    let expectation = Expectation::NoWorseThan(earlier);
    Scenario { running, finished, per_second, is_moving: false, expectation }
}

const fn earlier(delay: f64, requests: f64) -> Earlier {
    Earlier { delay, requests }
}
