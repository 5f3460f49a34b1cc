//! The watch as it is at one moment: what a status, an explanation and a list of silences are made
//! of.

use crate::app::driver::Driver;
use crate::engine::Engine;
use crate::model::time::Now;

/// The watch at one moment.
#[derive(Clone, Copy)]
pub(super) struct WatchView<'a> {
    pub(super) engine: &'a Engine,
    pub(super) now: Now,
    /// What does not end, if so.
    pub(super) stuck: Option<&'static str>,
    /// Whether this replica stands by, so that none of this is going to happen here.
    pub(super) stands_by: bool,
}

impl<'a> WatchView<'a> {
    pub(super) fn of(driver: &'a Driver) -> Self {
        Self { engine: driver.engine(), now: driver.now(), stuck: driver.stuck(), stands_by: false }
    }
}
