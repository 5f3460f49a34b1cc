//! The curves of mean delay against mean requests, as an SVG.

use std::fmt::Write as _;

use crate::comparison::{Comparison, Measured};

/// The colors of the schedules, in their order: distinct for all kinds of color vision (M. Okabe
/// and K. Ito, 2008), and grays.
const COLOURS: [&str; 10] = [
    "#d55e00", "#8b0000", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#b8a900", "#777777",
    "#000000",
];

/// A panel and its margins, the panels in a row, and the height of the legend.
const PANEL: (f64, f64) = (400.0, 300.0);
const MARGIN: (f64, f64) = (60.0, 50.0);
const ROW: usize = 3;
const LEGEND: f64 = 76.0;

/// A panel for each comparison that has curves.
pub(crate) fn of(comparisons: &[Comparison]) -> String {
    let has_curves = |comparison: &&Comparison| comparison.lines().any(|one| !one.curve.is_empty());
    let panels: Vec<_> = comparisons.iter().filter(has_curves).collect();
    let rows = panels.len().div_ceil(ROW) as f64;
    let (width, height) = (PANEL.0 * ROW as f64, PANEL.1 * rows + LEGEND);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for (place, comparison) in panels.iter().enumerate() {
        let (x, y) = (PANEL.0 * (place % ROW) as f64, PANEL.1 * (place / ROW) as f64);
        writeln!(svg, "<g transform=\"translate({x} {y})\">\n{}</g>", panel(comparison)).unwrap();
    }
    if let Some(first) = panels.first() {
        svg.push_str(&legend(first.lines(), height - LEGEND + 20.0));
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(comparison: &Comparison) -> String {
    let curves = comparison.lines().flat_map(|measured| &measured.curve);
    let points: Vec<_> = curves.chain(comparison.efforts.iter().flatten()).collect();
    let x = Axis::over(points.iter().map(|point| point.0), MARGIN.0, PANEL.0 - 20.0);
    let y = Axis::over(points.iter().map(|point| point.1), PANEL.1 - MARGIN.1, 30.0);
    let mut svg =
        format!("<text x=\"{}\" y=\"18\" font-weight=\"bold\">{}</text>\n", MARGIN.0, comparison.workload);
    for (value, at) in x.ticks() {
        svg.push_str(&line((at, y.from), (at, y.to)));
        writeln!(svg, "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>", y.from + 15.0)
            .unwrap();
    }
    for (value, at) in y.ticks() {
        svg.push_str(&line((x.from, at), (x.to, at)));
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            x.from - 6.0,
            at + 4.0
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">mean requests</text>\n\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"end\">mean delay, s</text>",
        x.to,
        y.from + 32.0,
        y.to,
    )
    .unwrap();
    // The first two, the subject of the plot, lie above the others.
    for (place, (measured, colour)) in comparison.lines().zip(COLOURS).enumerate().rev() {
        let width = if place < 2 { 3.0 } else { 1.6 };
        let places = measured.curve.iter().map(|(requests, delay)| (x.place(*requests), y.place(*delay)));
        let places: Vec<_> = places.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let places = places.join(" ");
        writeln!(
            svg,
            "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>"
        )
        .unwrap();
    }
    for (points, colour) in comparison.efforts.iter().zip(COLOURS) {
        for (requests, delay) in points {
            let (x, y) = (x.place(*requests), y.place(*delay));
            writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"/>").unwrap();
        }
    }
    svg
}

fn line(from: (f64, f64), to: (f64, f64)) -> String {
    let ((x1, y1), (x2, y2)) = (from, to);
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#dddddd\"/>\n")
}

fn legend<'a>(schedules: impl Iterator<Item = &'a Measured>, y: f64) -> String {
    let mut svg = String::new();
    for (place, (measured, colour)) in schedules.zip(COLOURS).enumerate() {
        let (x, y) = (MARGIN.0 + 220.0 * (place % 5) as f64, y + 20.0 * (place / 5) as f64);
        writeln!(
            svg,
            "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"{}\" y=\"{}\">{}</text>",
            x + 24.0,
            x + 30.0,
            y + 4.0,
            measured.schedule
        )
        .unwrap();
    }
    writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\">dots: the efforts gentle, balanced and eager</text>",
        MARGIN.0,
        y + 44.0
    )
    .unwrap();
    svg
}

/// A logarithmic axis.
struct Axis {
    /// The logarithms of its least and greatest value.
    least: f64,
    greatest: f64,
    /// Where they are drawn.
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let logarithms: Vec<_> = values.map(f64::ln).collect();
        let least = logarithms.iter().copied().fold(f64::INFINITY, f64::min) - 0.1;
        let greatest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 0.1;
        Self { least, greatest, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * (value.ln() - self.least) / (self.greatest - self.least)
    }

    /// The values 1, 2 and 5 of each decade that it has, and their places.
    fn ticks(&self) -> Vec<(f64, f64)> {
        let values = (-3..7).flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10_f64.powi(decade)));
        let within = values.filter(|value| (self.least..=self.greatest).contains(&value.ln()));
        within.map(|value| (value, self.place(value))).collect()
    }
}
