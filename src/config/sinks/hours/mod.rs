//! `hours`: when a sink gets deliveries, and what becomes of events outside of that.
//!
//! Invariant: this reads no clock. A window is as long as its wall times say, but for the night in
//! which clocks change: a time that is skipped then is as much later as clocks go forward (02:30 is
//! 03:30 in most places), and of one that comes twice the first counts.

mod read;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

pub(super) use read::{read, refuse};

pub(in crate::config) use read::HOURS;

use crate::model::keywords;

/// Each window opens once a week at least.
const DAYS_AHEAD: i64 = 8;

/// A window that is open now began at most this many days ago.
const DAYS_BACK: i64 = 2;

/// When a sink gets deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// At least one; they may overlap.
    windows: Vec<Window>,
    /// What becomes of events outside of all windows.
    pub outside: Outside,
}

/// What becomes of an event that is emitted while its sink is closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Outside {
    /// Its delivery waits until a window opens.
    #[default]
    Hold,
    /// Its delivery is recorded as dropped.
    Drop,
}

keywords!(Outside { Hold = "hold", Drop = "drop" });

/// A stretch of time on some days of each week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Window {
    /// The days on which it opens.
    days: Days,
    /// When it opens, in minutes of the day.
    from: i64,
    /// When it closes, in minutes of the same day, or of the next one unless that is later than
    /// `from`.
    to: i64,
    zone: TimeZone,
}

/// The days of a week, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Days([bool; 7]);

/// A stretch of time in which a sink is either open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    pub is_open: bool,
    /// It has been so since then, or longer.
    pub since: Timestamp,
    /// It is so until then.
    pub until: Timestamp,
}

impl Hours {
    /// Whether deliveries go out at this time.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.phase(at).is_open
    }

    /// When deliveries go out next: at this time, if they do then.
    pub fn next_opening(&self, at: Timestamp) -> Timestamp {
        let phase = self.phase(at);
        if phase.is_open { at } else { phase.until }
    }

    /// Whether deliveries go out at this time, and from when until when that is so.
    pub fn phase(&self, at: Timestamp) -> Phase {
        let mut openings: Vec<_> = self.windows.iter().flat_map(|window| window.around(at)).collect();
        openings.sort_unstable();

        let mut since = at;
        let mut openings = openings.into_iter().peekable();
        while let Some((start, mut end)) = openings.next() {
            while let Some((_, later)) = openings.next_if(|(next, _)| *next <= end) {
                end = end.max(later);
            }
            if at < start {
                return Phase { is_open: false, since, until: start };
            }
            if at < end {
                return Phase { is_open: true, since: start, until: end };
            }
            since = end;
        }
        // Only at the end of time.
        Phase { is_open: false, since: at, until: Timestamp::MAX }
    }
}

impl Window {
    /// The stretches in which it is open, from shortly before this time on.
    fn around(&self, at: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = self.zone.to_datetime(at).date();
        let days =
            (-DAYS_BACK..=DAYS_AHEAD).filter_map(move |days| today.checked_add(Span::new().days(days)).ok());
        let days = days.filter(|day| self.days.contains(day.weekday()));
        days.filter_map(|day| self.on(day))
    }

    /// When it opens on this day, and when it closes. If it opens so much later that its end is over
    /// by then, the end is as much later.
    fn on(&self, day: Date) -> Option<(Timestamp, Timestamp)> {
        let last_day = if self.to > self.from { day } else { day.tomorrow().ok()? };
        let (start, end) = (self.time(day, self.from)?, self.time(last_day, self.to)?);
        if start < end {
            return Some((start, end));
        }
        let minutes = if self.to > self.from { self.to - self.from } else { self.to + 24 * 60 - self.from };
        Some((start, start.checked_add(SignedDuration::from_mins(minutes)).ok()?))
    }

    /// The time at which a clock of the zone shows this minute of a day.
    fn time(&self, day: Date, minute: i64) -> Option<Timestamp> {
        let shown = day.at(0, 0, 0, 0).checked_add(Span::new().minutes(minute)).ok()?;
        self.zone.to_ambiguous_timestamp(shown).compatible().ok()
    }
}

impl Days {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const ALL: Self = Self([true; 7]);

    fn contains(self, day: Weekday) -> bool {
        Self::NAMES
            .iter()
            .zip(self.0)
            .nth(usize::try_from(day.to_monday_zero_offset()).unwrap_or(0))
            .is_some_and(|(_, is_in)| is_in)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, window) in self.windows.iter().enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            write!(f, "{separator}{window}")?;
        }
        match self.outside {
            Outside::Hold => f.write_str("; what is emitted outside is held until then"),
            Outside::Drop => f.write_str("; what is emitted outside is dropped"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |minute: i64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{} {} to {} {zone}", self.days, time(self.from), time(self.to))
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALL {
            return f.write_str("daily");
        }
        let days: Vec<_> = Self::NAMES.iter().zip(self.0).collect();
        let runs = days.chunk_by(|(_, one), (_, next)| one == next).filter(|run| run[0].1);
        let runs = runs.map(|run| match run {
            [(only, _)] => (**only).to_owned(),
            [(first, _), .., (last, _)] => format!("{first}-{last}"),
            [] => String::new(),
        });
        f.write_str(&runs.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
impl Hours {
    /// Daily windows in UTC, each from and to a minute of the day.
    pub(crate) fn daily(windows: &[(i64, i64)], outside: Outside) -> Self {
        let window =
            |(from, to): &(i64, i64)| Window { days: Days::ALL, from: *from, to: *to, zone: TimeZone::UTC };
        Self { windows: windows.iter().map(window).collect(), outside }
    }
}
