//! How long steps of the loop took, or answers that wait for them.

use std::time::Duration;

/// The longest that a step should hold the loop.
const GOAL: Duration = Duration::from_millis(50);

/// The times of one load.
#[derive(Debug, Default)]
pub(crate) struct Times {
    took: Vec<Duration>,
    longest: Option<(Duration, &'static str)>,
}

impl Times {
    /// Adds what took this time.
    pub(crate) fn add(&mut self, took: Duration, what: &'static str) {
        self.took.push(took);
        self.longest = self.longest.max(Some((took, what)));
    }

    pub(crate) fn print_header() {
        println!(
            "  {:<52} {:>8} {:>9} {:>10} {:>10}  what the longest was",
            "", "count", "total", "99.9 %", "longest"
        );
    }

    /// Prints a line about what was done meanwhile.
    pub(crate) fn print(mut self, done: &str) {
        self.took.sort_unstable();
        let total: Duration = self.took.iter().sum();
        let rank = self.took.len() - 1 - self.took.len() / 1000;
        let (longest, what) = self.longest.unwrap_or_default();
        let miss = if longest > GOAL { "  (too long)" } else { "" };
        println!(
            "  {done:<52} {:>8} {:>7.2} s {:>7.2} ms {:>7.2} ms  {what}{miss}",
            self.took.len(),
            total.as_secs_f64(),
            milliseconds(self.took[rank]),
            milliseconds(longest),
        );
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
