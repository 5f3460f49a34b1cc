//! When sinks are open: over midnight, on some days, and in the nights in which clocks change.

use super::*;

fn window(days: &str, from: &str, to: &str, zone: &str) -> Window {
    let minute = |text: &str| {
        let (hour, minute) = text.split_once(':').unwrap();
        hour.parse::<i64>().unwrap() * 60 + minute.parse::<i64>().unwrap()
    };
    let days = Days(std::array::from_fn(|at| days == "daily" || days.contains(Days::NAMES[at])));
    Window { days, from: minute(from), to: minute(to), zone: TimeZone::get(zone).unwrap() }
}

fn hours(windows: Vec<Window>) -> Hours {
    Hours { windows, outside: Outside::Hold }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The openings and closings from `from` on, in UTC.
fn changes(hours: &Hours, from: &str, count: usize) -> Vec<String> {
    let mut at = at(from);
    let mut found = Vec::new();
    for _ in 0..count {
        let phase = hours.phase(at);
        assert!(phase.since <= at && at < phase.until);
        assert_eq!(hours.next_opening(at), if phase.is_open { at } else { phase.until });
        let opens = if phase.is_open { "closes" } else { "opens" };
        found.push(format!("{opens} {}", phase.until.strftime("%d %H:%M")));
        at = phase.until;
        assert_eq!(hours.is_open(at), !phase.is_open);
    }
    found
}

#[test]
fn a_window_opens_on_its_days_by_its_zone() {
    let berlin = hours(vec![window("mon,tue,fri", "09:00", "18:00", "Europe/Berlin")]);

    // A Monday in winter.
    let found = changes(&berlin, "2026-11-23T07:59:59Z", 6);

    assert_eq!(
        found,
        [
            "opens 23 08:00",
            "closes 23 17:00",
            "opens 24 08:00",
            "closes 24 17:00",
            "opens 27 08:00",
            "closes 27 17:00"
        ]
    );
    assert!(berlin.is_open(at("2026-11-23T08:00:00Z")) && !berlin.is_open(at("2026-11-23T17:00:00Z")));
}

#[test]
fn a_window_over_midnight_is_of_the_day_it_begins_on() {
    let nights = hours(vec![window("fri", "22:00", "06:00", "UTC")]);

    assert_eq!(
        changes(&nights, "2026-11-23T12:00:00Z", 3),
        ["opens 27 22:00", "closes 28 06:00", "opens 04 22:00"]
    );
    assert!(nights.is_open(at("2026-11-28T05:59:59Z")), "on Saturday morning");
}

#[test]
fn windows_that_touch_are_one() {
    let split = hours(vec![
        window("daily", "13:00", "24:00", "UTC"),
        window("daily", "09:00", "13:00", "UTC"),
        window("daily", "10:00", "11:00", "UTC"),
    ]);
    assert_eq!(
        changes(&split, "2026-11-23T10:30:00Z", 3),
        ["closes 24 00:00", "opens 24 09:00", "closes 25 00:00"]
    );

    let always = hours(vec![window("daily", "00:00", "24:00", "Europe/Berlin")]);
    assert!(always.phase(at("2026-11-23T10:30:00Z")).is_open);
}

/// On 2026-03-29, clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC.
#[test]
fn a_skipped_time_is_as_much_later() {
    let before = "2026-03-28T12:00:00Z";
    for (from, to, expected) in [
        ("02:30", "06:00", ["opens 29 01:30", "closes 29 04:00"]),
        ("02:30", "02:45", ["opens 29 01:30", "closes 29 01:45"]),
        ("22:00", "02:30", ["opens 28 21:00", "closes 29 01:30"]),
        ("01:00", "03:00", ["opens 29 00:00", "closes 29 01:00"]),
    ] {
        let berlin = hours(vec![window("daily", from, to, "Europe/Berlin")]);
        assert_eq!(changes(&berlin, before, 2), expected, "{from} to {to}");
    }
    // 02:30 is 03:30, and 03:00 is before that: the end is an hour later, too.
    let skipped = hours(vec![window("daily", "02:30", "03:00", "Europe/Berlin")]);
    assert_eq!(changes(&skipped, before, 2), ["opens 29 01:30", "closes 29 02:00"]);
    let weekly = hours(vec![window("sun", "02:30", "03:00", "Europe/Berlin")]);
    assert_eq!(changes(&weekly, before, 2), ["opens 29 01:30", "closes 29 02:00"]);
}

/// On 2026-10-25, clocks in Berlin go from 03:00 back to 02:00, at 01:00 UTC.
#[test]
fn of_a_time_that_comes_twice_the_first_counts() {
    for (from, to, expected) in [
        ("02:30", "06:00", ["opens 25 00:30", "closes 25 05:00"]),
        ("22:00", "02:30", ["opens 24 20:00", "closes 25 00:30"]),
        ("02:30", "02:45", ["opens 25 00:30", "closes 25 00:45"]),
        ("01:30", "03:00", ["opens 24 23:30", "closes 25 02:00"]),
    ] {
        let berlin = hours(vec![window("daily", from, to, "Europe/Berlin")]);
        assert_eq!(changes(&berlin, "2026-10-24T12:00:00Z", 2), expected, "{from} to {to}");
    }
}

/// Lord Howe changes by half an hour: at 02:00 to 02:30 on 2026-10-04 (15:30 UTC the day before),
/// and from 02:00 back to 01:30 on 2026-04-05 (15:00 UTC the day before).
#[test]
fn clocks_may_change_by_half_an_hour() {
    let island = |from, to| hours(vec![window("daily", from, to, "Australia/Lord_Howe")]);

    let forward = "2026-10-03T12:00:00Z";
    assert_eq!(changes(&island("02:15", "04:00"), forward, 2), ["opens 03 15:45", "closes 03 17:00"]);
    let back = "2026-04-04T12:00:00Z";
    assert_eq!(changes(&island("01:45", "04:00"), back, 2), ["opens 04 14:45", "closes 04 17:30"]);
}

#[test]
fn every_day_of_a_decade_has_its_window() {
    for zone in ["Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Pacific/Apia", "UTC"] {
        let daily = hours(vec![window("daily", "09:00", "17:30", zone)]);
        let mut at = at("2020-01-01T12:00:00Z");
        let mut openings = 0;
        while at < "2030-01-01T12:00:00Z".parse().unwrap() {
            let phase = daily.phase(at);
            openings += usize::from(!phase.is_open);
            at = phase.until;
        }
        assert!((3653..=3654).contains(&openings), "{zone}: {openings}");
    }
}

#[test]
fn hours_are_said_in_words() {
    let mut office = hours(vec![
        window("mon,tue,wed,thu,fri", "09:00", "18:00", "Europe/Berlin"),
        window("sat", "10:00", "24:00", "UTC"),
    ]);
    assert_eq!(
        office.to_string(),
        "mon-fri 09:00 to 18:00 Europe/Berlin, sat 10:00 to 24:00 UTC; what is emitted outside is held until then"
    );
    office.windows.truncate(1);
    office.windows[0].days = Days::ALL;
    office.outside = Outside::Drop;
    assert_eq!(office.to_string(), "daily 09:00 to 18:00 Europe/Berlin; what is emitted outside is dropped");
}
