//! The keys of `hours` and `outside`, and how they are read.

use jiff::tz::{self, TimeZone};
use toml::de::DeValue;

use super::{Days, Hours, Outside, Window};
use crate::config::keys::{Key, Kind, Table};
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Section, Value};
use crate::config::typo::nearest;

const HELP: &str = "write hours = { days = [\"mon-fri\"], from = \"09:00\", to = \"18:00\", tz = \"Europe/Berlin\" }, or an \
                    array of up to 20 such tables";

const HELP_FOR_DAYS: &str = "write days = [\"mon-fri\"] or days = [\"mon\", \"sat\"]";

/// The most windows of one sink.
const MOST: usize = 20;

const MIDNIGHT: i64 = 24 * 60;

pub(in crate::config) static HOURS: Table = Table {
    title: "The hours of a sink",
    place: Some("`hours`, as in hours = { days = [\"mon-fri\"], from = \"09:00\", to = \"18:00\" }"),
    about: "When a sink gets deliveries: `hours` is one such table, or an array of them if there are several windows. If a \
            wall time is skipped because clocks go forward, it counts as much later as they go forward (02:30 is 03:30 in \
            most places); of one that comes twice, the first counts.",
    keys: &[
        Key::new(
            "days",
            Kind::Days,
            "The days on which the window opens: `mon` to `sun`, or ranges of them. Default: all.",
        )
        .example("[\"mon-fri\"]"),
        Key::new("from", Kind::Text { default: Some("00:00") }, "When the window opens, as `HH:MM`."),
        Key::new(
            "to",
            Kind::Text { default: Some("24:00") },
            "When the window closes, as `HH:MM`, up to `24:00`. If that is not later than `from`, it is on the next day.",
        ),
        Key::new(
            "tz",
            Kind::Text { default: Some("UTC") },
            "The time zone of `from` and `to`, by its name in the IANA database, such as `\"Europe/Berlin\"`. The zone of the \
             machine is not used.",
        ),
    ],
};

/// The hours of a sink; none if it has none, or if they were refused.
pub(in crate::config::sinks) fn read(section: &mut Section<'_>) -> Option<Hours> {
    let at_outside = section.span_of("outside");
    let outside = section.choice::<Outside>("outside");
    let Some(value) = section.take("hours") else {
        if let Some(at) = at_outside {
            let finding = Finding::new(&at, "`outside` without `hours`");
            section.report.push(finding.help("add `hours`, or remove `outside`"));
        }
        return None;
    };

    let tables = match value.inner {
        DeValue::Array(_) => value.array(HELP)?,
        _ => vec![value.clone()],
    };
    if tables.is_empty() || tables.len() > MOST {
        value.refuse(format_args!("has {} entries", tables.len()), HELP);
        return None;
    }
    // Each one, so that all problems are reported.
    let windows: Vec<_> = tables.iter().map(window).collect();
    Some(Hours { windows: windows.into_iter().collect::<Option<_>>()?, outside: outside.unwrap_or_default() })
}

/// Refuses the hours of a sink that cannot have any.
pub(in crate::config::sinks) fn refuse(section: &mut Section<'_>, why: &str) {
    for key in ["hours", "outside"] {
        if let Some(value) = section.take(key) {
            value.refuse(why, "remove it");
        }
    }
}

fn window(value: &Value<'_>) -> Option<Window> {
    let mut section = Section::of(value, &HOURS, "a table", HELP)?;
    if !["days", "from", "to"].iter().any(|key| section.has(key)) {
        value.refuse("has neither `days` nor `from` nor `to`, and would be at any time", HELP);
        return None;
    }
    let (at_from, at_to) = (section.span_of("from"), section.span_of("to"));
    let days = section.take("days").map_or(Some(Days::ALL), |value| days(&value));
    let from = section.take("from").map_or(Some(0), |value| minute(&value));
    let to = section.take("to").map_or(Some(MIDNIGHT), |value| minute(&value));
    let zone = section.take("tz").map_or(Some(TimeZone::UTC), |value| zone(&value));
    let report = section.report;
    section.finish();

    let (from, to) = (from?, to?);
    if from == MIDNIGHT
        && let Some(at) = &at_from
    {
        let finding = Finding::new(at, "`from` is 24:00, which is only an end");
        report.push(finding.help("write \"00:00\", and the day after in `days`"));
        return None;
    }
    if from == to
        && let Some(at) = at_to.or(at_from)
    {
        let finding = Finding::new(&at, "`from` and `to` are the same time");
        report.push(finding.help("for the whole day, write from = \"00:00\" and to = \"24:00\""));
        return None;
    }
    Some(Window { days: days?, from, to, zone: zone? })
}

fn days(value: &Value<'_>) -> Option<Days> {
    let entries = value.array(HELP_FOR_DAYS)?;
    if entries.is_empty() {
        value.refuse("is empty", HELP_FOR_DAYS);
        return None;
    }
    let mut all = [false; 7];
    let mut are_right = true;
    for entry in &entries {
        match range(entry) {
            Some((first, last)) => {
                // `sat-mon` goes over the end of the week.
                let length = (last + 7 - first) % 7;
                (first..=first + length).for_each(|day| all[day % 7] = true);
            }
            None => are_right = false,
        }
    }
    are_right.then_some(Days(all))
}

/// The first and the last day of an entry, counted from Monday.
fn range(entry: &Value<'_>) -> Option<(usize, usize)> {
    let text = entry.string_or("a day, such as \"mon\" or \"mon-fri\"", HELP_FOR_DAYS)?;
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let place = |word: &str| Days::NAMES.iter().position(|name| *name == word);
    let found = place(first).zip(place(last));
    if found.is_none() {
        // As in `Monday`.
        let beginning = |word: &str| word.trim().to_lowercase().chars().take(3).collect::<String>();
        let (first, last) = (beginning(first), beginning(last));
        let help = match (place(&first), place(&last)) {
            (Some(one), Some(other)) if one == other => format!("write \"{first}\""),
            (Some(_), Some(_)) => format!("write \"{first}-{last}\""),
            _ => format!("{HELP_FOR_DAYS}; the days are {}", Days::NAMES.join(", ")),
        };
        entry.refuse(format_args!("is {}, which is no day", quoted(text)), help);
    }
    found
}

/// A time of day in minutes, from 00:00 to 24:00.
fn minute(value: &Value<'_>) -> Option<i64> {
    const HELP: &str = "write it like \"09:00\", from \"00:00\" to \"24:00\"";

    let text = value.string_or("a time in quotes, such as \"09:00\"", HELP)?;
    let minutes = text.split_once(':').and_then(|(hour, minute)| {
        let number = |digits: &str, lengths: std::ops::RangeInclusive<usize>| {
            let is_number =
                lengths.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i64>().ok().filter(|_| is_number)
        };
        let (hour, minute) = (number(hour, 1..=2)?, number(minute, 2..=2)?);
        Some(hour * 60 + minute).filter(|_| minute < 60)
    });
    let minutes = minutes.filter(|minutes| (0..=MIDNIGHT).contains(minutes));
    if minutes.is_none() {
        value.refuse(format_args!("is {}, which is no time of day", quoted(text)), HELP);
    }
    minutes
}

fn zone(value: &Value<'_>) -> Option<TimeZone> {
    let text = value.string_or("the name of a time zone", "write it like \"Europe/Berlin\" or \"UTC\"")?;
    let zone = TimeZone::get(text).ok().filter(|zone| zone.iana_name().is_some() || text == "UTC");
    if zone.is_none() {
        let names: Vec<_> = tz::db().available().map(|name| name.to_string()).collect();
        let lowercase: Vec<_> = names.iter().map(|name| name.to_lowercase()).collect();
        let near = nearest(text, lowercase.iter().map(String::as_str));
        let near = near.and_then(|near| names.iter().find(|name| name.to_lowercase() == near));
        let help = match near {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => "write its name in the IANA database, such as \"Europe/Berlin\" or \"UTC\"".to_owned(),
        };
        value.refuse(format_args!("is {}, which is no time zone", quoted(text)), help);
    }
    zone
}
