//! How long a restore has been running, against what restores like it took: a bar on a scale of
//! time.
//!
//! Invariant: the bar is no progress. Its scale has the p50 and the p90 of the past and goes beyond
//! both, and only the API knows how much of a restore is done.

use std::time::Duration;

use super::html::{Html, Pixels, html};
use crate::model::Expectation;

/// The length of the scale. `style.css` shows it smaller where there is less room.
const LENGTH: f64 = 160.0;

/// The scale ends at this multiple of the p90.
const SCALE: f64 = 1.5;

/// Fewer restores have no p90 apart from their longest.
const FEW: usize = 10;

/// The bar, and what it shows in words.
pub(super) fn bar(elapsed: Duration, expected: &Expectation) -> Html {
    let Expectation { p50_seconds, p90_seconds, restores, .. } = *expected;
    let full = p90_seconds * SCALE;
    let place = |seconds: f64| Pixels(LENGTH * (seconds / full.max(0.001)).clamp(0.0, 1.0));
    let is_over = elapsed.as_secs_f64() > p90_seconds;

    let tone = if is_over { "bar over" } else { "bar" };
    let over = match restores {
        ..FEW => "longer than all before",
        FEW.. => "longer than 9 in 10 before",
    };
    let over = is_over.then(|| html!("<b class=\"over\">" (over) "</b>, "));
    html!(
        "<svg class=\"" (tone) "\" viewBox=\"0 0 160 12\" preserveAspectRatio=\"xMinYMid\" aria-hidden=\"true\" data-full=\"" (Pixels(full)) "\">"
        "<rect class=\"track\" y=\"4\" width=\"160\" height=\"4\" rx=\"2\"/>"
        "<rect class=\"fill\" y=\"4\" width=\"" (place(elapsed.as_secs_f64())) "\" height=\"4\" rx=\"2\"/>"
        "<path class=\"p50\" d=\"M" (place(p50_seconds)) " 2v8\"/>"
        "<path class=\"p90\" d=\"M" (place(p90_seconds)) " 0v12\"/></svg>"
        "<small>" (over) (expected.to_string()) "</small>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(seconds: u64, restores: usize) -> String {
        let expected = Expectation { restores, p50_seconds: 540.0, p90_seconds: 720.0, group: None };
        bar(Duration::from_secs(seconds), &expected).into_string()
    }

    #[test]
    fn the_scale_goes_beyond_the_p90() {
        let bar = shown(540, 34);

        assert!(bar.contains("width=\"80\" height"), "{bar}");
        assert!(bar.contains("class=\"p50\" d=\"M80 "), "{bar}");
        assert!(bar.contains("class=\"p90\" d=\"M106.7 "), "{bar}");
        assert!(bar.contains("usually 9 min, 9 in 10 under 12 min (34 restores)"), "{bar}");
        assert!(!bar.contains("over\""), "{bar}");
    }

    #[test]
    fn beyond_the_p90_it_says_so_in_words_too() {
        assert!(shown(721, 34).contains("longer than 9 in 10 before"));
        assert!(shown(721, 3).contains("longer than all before"));
        // It ends where the scale does.
        assert!(shown(1_000_000, 3).contains("width=\"160\" height=\"4\" rx=\"2\"/><path"));
    }
}
