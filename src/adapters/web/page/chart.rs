//! The durations of the past restores of a project, as a drawing: when each ended and how long it
//! took, with the restores that run now at its right edge.
//!
//! Invariant: no bound is drawn as a duration: restores whose end has no time are marked below the
//! axis. It is read without colors, too: each kind of mark has a shape of its own.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;

use super::html::{Html, Pixels, html};
use super::times;
use crate::adapters::report::JobStatus;
use crate::model::time::wall_between;
use crate::model::{EndedRestore, Expectation, Outcome, ProjectName, duration, one_line};

/// The colors, for both documents that have the drawing.
pub(super) const STYLE: &str = include_str!("chart.css");

/// The area of the durations, within 360 by 230 of the whole.
const LEFT: f64 = 34.0;
const RIGHT: f64 = 264.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 150.0;

/// Where restores are marked whose duration is not known.
const LANE: f64 = 164.0;

/// Where restores are marked that run now.
const NOW: f64 = RIGHT + 7.0;

/// The most characters of the name of the project that there is room for.
const MAX_HEADING: usize = 40;

/// The least distance of two labels.
const LINE: f64 = 13.0;

/// The steps of the axis, in seconds, with their labels.
const STEPS: [(f64, &str); 10] = [
    (1.0, "1s"),
    (10.0, "10s"),
    (30.0, "30s"),
    (120.0, "2m"),
    (600.0, "10m"),
    (1800.0, "30m"),
    (7200.0, "2h"),
    (21_600.0, "6h"),
    (86_400.0, "1d"),
    (604_800.0, "7d"),
];

/// Without durations, the axis has about those that the documentation of the API names.
const USUAL: Axis = Axis { first: 2, last: 7 };

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chart<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) past: &'a [EndedRestore],
    /// The restores of the project that run.
    pub(super) open: &'a [&'a JobStatus],
    pub(super) expected: Option<&'a Expectation>,
    pub(super) now: Timestamp,
}

/// The logarithmic axis of durations, from one of [`STEPS`] to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Axis {
    first: usize,
    last: usize,
}

impl Chart<'_> {
    /// Whether nothing is known that could be drawn.
    pub(super) fn is_empty(self) -> bool {
        self.past.is_empty() && self.durations().next().is_none()
    }

    /// As part of the page.
    pub(super) fn inline(self) -> Html {
        html!("<svg class=\"chart\" viewBox=\"0 0 360 230\" role=\"img\">" (self.content()) "</svg>")
    }

    /// As a document of its own, which brings its heading, its colors and its background.
    pub(super) fn document(self) -> Html {
        let mut html = html!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" viewBox=\"0 -26 360 256\" width=\"720\" "
            "height=\"512\" role=\"img\"><style>"
        );
        html.markup(STYLE);
        html.markup("</style><rect class=\"plate\" y=\"-26\" width=\"360\" height=\"256\" rx=\"6\"/>");
        let name = one_line(self.project.as_str(), MAX_HEADING);
        html.add(
            html!("<text class=\"heading\" x=\"10\" y=\"-6\">" (name) "</text>" (self.content()) "</svg>"),
        );
        html
    }

    fn content(self) -> Html {
        let axis = Axis::of(self.durations());
        html!(
            "<title>Durations of the restores of " (self.project) "</title><desc>" (self.in_words()) "</desc>"
            (axis.draw()) (self.draw_times()) (self.draw_quantiles(axis)) (self.draw_past(axis))
            (self.draw_open(axis)) (legend())
        )
    }

    /// What the drawing shows, for readers who do not see it.
    fn in_words(self) -> String {
        let count = |is_meant: fn(Outcome) -> bool| {
            self.past.iter().filter(|restore| is_meant(restore.outcome)).count()
        };
        let mut words = format!("{} completed", count(Outcome::is_success));
        // Writing to a text cannot fail.
        if let Some(expected) = self.expected {
            _ = write!(words, "; {expected}");
        }
        for (is_meant, label) in [(is_bad as fn(Outcome) -> bool, "failed"), (is_cancelled, "cancelled")] {
            match count(is_meant) {
                0 => {}
                restores => _ = write!(words, "; {restores} {label}"),
            }
        }
        if let Some(longest) = self.open.iter().filter_map(|job| times::running_time(job)).max() {
            _ = write!(
                words,
                "; running now: {}, the longest for {}",
                self.open.len(),
                duration::running(longest)
            );
        }
        words
    }

    /// All durations that the axis must have room for.
    fn durations(self) -> impl Iterator<Item = f64> {
        let past = self.completed().map(|(_, took)| took);
        let open = self.open.iter().filter_map(|job| times::running_time(job));
        let quantiles = self.expected.into_iter().flat_map(|past| [past.p50_seconds, past.p90_seconds]);
        past.chain(open).map(|time| time.as_secs_f64()).chain(quantiles)
    }

    /// The restores that ended well after a known time.
    fn completed(self) -> impl Iterator<Item = (Timestamp, Duration)> {
        let good = self.past.iter().filter(|restore| restore.outcome.is_success());
        good.filter_map(|restore| Some((end(restore), times::known(restore.elapsed)?)))
    }

    /// When the drawing begins.
    fn start(self) -> Option<Timestamp> {
        self.past.iter().map(end).min()
    }

    fn place_of_time(self, at: Timestamp) -> f64 {
        let since = |from| wall_between(from, self.now).as_secs_f64();
        let whole = self.start().map(since).unwrap_or_default().max(1.0);
        RIGHT - (RIGHT - LEFT) * (since(at) / whole).min(1.0)
    }

    fn draw_times(self) -> Html {
        let start = self.start().map(|start| {
            let ago = duration::ago(wall_between(start, self.now));
            html!("<text x=\"" (Pixels(LEFT)) "\" y=\"185\">" (ago) "</text>")
        });
        html!((start) "<text class=\"end\" x=\"" (Pixels(RIGHT)) "\" y=\"185\">now</text>")
    }

    /// The lines of the p50 and the p90, with their labels at the right.
    fn draw_quantiles(self, axis: Axis) -> Html {
        let Some(expected) = self.expected else { return Html::default() };
        let (p50, p90) = (axis.place(expected.p50_seconds), axis.place(expected.p90_seconds));
        // The labels of two lines that are close together are moved apart.
        let apart = (LINE - (p50 - p90)).max(0.0) / 2.0;
        html!((line("p50", p50))(line("p90", p90))(label("p50", expected.p50_seconds, p50 + apart))(label(
            "p90",
            expected.p90_seconds,
            p90 - apart
        )))
    }

    fn draw_past(self, axis: Axis) -> Html {
        let good =
            self.completed().map(|(at, took)| (self.place_of_time(at), axis.place(took.as_secs_f64())));
        let ended_as = |is_meant: fn(Outcome) -> bool| {
            let meant = self.past.iter().filter(move |restore| is_meant(restore.outcome));
            meant.map(move |restore| (self.place_of_time(end(restore)), LANE))
        };
        let has_lane = self.past.iter().any(|restore| !restore.outcome.is_success());
        let lane = has_lane.then(|| {
            html!("<path class=\"grid\" d=\"M" (Pixels(LEFT)) " " (Pixels(LANE)) "H" (Pixels(RIGHT)) "\"/>")
        });
        html!((lane)(marks("good", "v0", good))(marks("bad", CROSS, ended_as(is_bad)))(marks(
            "stopped",
            DASH,
            ended_as(is_cancelled)
        )))
    }

    fn draw_open(self, axis: Axis) -> Html {
        let ages = self.open.iter().filter_map(|job| times::running_time(job));
        marks("open", DIAMOND, ages.map(|age| (NOW, axis.place(age.as_secs_f64()))))
    }
}

/// A mark is a path that begins in its middle.
const CROSS: &str = "m-3-3l6 6m0-6l-6 6";
const DASH: &str = "m-3 0h6";
const DIAMOND: &str = "m0-4l4 4l-4 4l-4-4z";

/// When a restore ended; if the API does not say that, when its end was noticed.
fn end(restore: &EndedRestore) -> Timestamp {
    restore.job.facts.completed_at.unwrap_or(restore.end_observed_at)
}

fn is_bad(outcome: Outcome) -> bool {
    outcome.is_final() && !outcome.is_success() && !is_cancelled(outcome)
}

fn is_cancelled(outcome: Outcome) -> bool {
    outcome == Outcome::Cancelled
}

/// Marks of one kind, as one path.
fn marks(kind: &'static str, mark: &'static str, places: impl Iterator<Item = (f64, f64)>) -> Html {
    let mut drawn = false;
    let path: Html = places
        .map(|(x, y)| {
            drawn = true;
            html!("M" (Pixels(x)) " " (Pixels(y)) (mark))
        })
        .collect();
    if drawn { html!("<path class=\"" (kind) "\" d=\"" (path) "\"/>") } else { path }
}

fn line(kind: &'static str, y: f64) -> Html {
    html!("<path class=\"" (kind) "\" d=\"M" (Pixels(LEFT)) " " (Pixels(y)) "H" (Pixels(NOW + 6.0)) "\"/>")
}

fn label(kind: &'static str, seconds: f64, y: f64) -> Html {
    let took = duration::rough(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let place = (NOW + 9.0, y + 4.0);
    html!("<text x=\"" (Pixels(place.0)) "\" y=\"" (Pixels(place.1)) "\">" (kind) " " (took) "</text>")
}

fn legend() -> Html {
    html!(
        "<path class=\"good\" d=\"M10 214v0\"/><text x=\"18\" y=\"218\">completed</text>"
        "<path class=\"bad\" d=\"M96 214m-3-3l6 6m0-6l-6 6\"/><text x=\"104\" y=\"218\">failed</text>"
        "<path class=\"stopped\" d=\"M156 214m-3 0h6\"/><text x=\"164\" y=\"218\">cancelled</text>"
        "<path class=\"open\" d=\"M238 214m0-4l4 4l-4 4l-4-4z\"/><text x=\"247\" y=\"218\">running now</text>"
    )
}

impl Axis {
    /// The shortest axis with room for these durations.
    fn of(seconds: impl Iterator<Item = f64>) -> Self {
        let ends = seconds.fold(None, |ends: Option<(f64, f64)>, at| {
            let (low, high) = ends.unwrap_or((at, at));
            Some((low.min(at), high.max(at)))
        });
        let Some((low, high)) = ends else { return USUAL };

        let first = STEPS.iter().rposition(|(at, _)| *at <= low).unwrap_or(0).min(STEPS.len() - 2);
        let last = STEPS.iter().position(|(at, _)| *at >= high).unwrap_or(STEPS.len() - 1);
        Self { first, last: last.max(first + 1) }
    }

    /// Where a duration is; one beyond the axis is at its end.
    fn place(self, seconds: f64) -> f64 {
        let (low, high) = (STEPS[self.first].0.ln(), STEPS[self.last].0.ln());
        let part = (seconds.max(0.001).ln() - low) / (high - low);
        BOTTOM - (BOTTOM - TOP) * part.clamp(0.0, 1.0)
    }

    fn draw(self) -> Html {
        let steps = &STEPS[self.first..=self.last];
        let step = |&(seconds, label): &(f64, &'static str)| {
            let y = self.place(seconds);
            html!(
                "<path class=\"grid\" d=\"M" (Pixels(LEFT)) " " (Pixels(y)) "H" (Pixels(RIGHT)) "\"/>"
                "<text class=\"end\" x=\"" (Pixels(LEFT - 5.0)) "\" y=\"" (Pixels(y + 4.0)) "\">" (label) "</text>"
            )
        };
        steps.iter().map(step).collect()
    }
}
