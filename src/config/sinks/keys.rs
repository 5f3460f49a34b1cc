//! The keys that sinks of every type have.

use super::hours::Outside;
use super::route;
use crate::config::SinkType;
use crate::config::keys::{Key, Kind, LONGEST_NAME, Table, choice, default, no_default};

pub(in crate::config) static SINK: Table = Table {
    title: "`[[sink]]`",
    place: Some("a [[sink]]"),
    about: "A place that events are delivered to. Sinks of every type have these keys.",
    keys: &[
        Key::new("type", choice::<SinkType>(no_default), "The type of the sink. At most one is the log.")
            .required()
            .example("\"log\""),
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the sink, unique in the file. Its deliveries are kept under this name. Default: its type.",
        )
        .example("\"ops\""),
        route::EVENTS,
        route::PROJECTS,
        route::INDEXES,
        route::EXCLUDE_INDEXES,
        route::NAMES,
        Key::new(
            "hours",
            Kind::Hours,
            "When it gets deliveries. Default: at any time. Not for the log.",
        )
        .example("{ days = [\"mon-fri\"], from = \"09:00\", to = \"18:00\", tz = \"Europe/Berlin\" }"),
        Key::new(
            "outside",
            choice::<Outside>(default::<Outside>),
            "What becomes of an event that is emitted outside its `hours`: it is held until they begin, or dropped.",
        ),
    ],
};
