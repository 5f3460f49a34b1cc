//! Which format a scraper prefers (RFC 9110, section 12.5.1).

/// Whether these values of `Accept` name `OpenMetrics` 1.0.0 and prefer nothing else that there is.
pub(super) fn prefers_open_metrics<'a>(accept: impl Iterator<Item = &'a str>) -> bool {
    let ranges: Vec<_> = accept.flat_map(|value| value.split(',')).filter_map(Range::parse).collect();
    let weight = |fits: &dyn Fn(&Range<'_>) -> bool| {
        ranges.iter().filter(|range| fits(range)).map(|range| range.weight).max()
    };

    let open_metrics = weight(&|range| range.names("application/openmetrics-text", "1.0.0"));
    // The most precise range that there is decides.
    let text = weight(&|range| range.names("text/plain", "0.0.4"))
        .or_else(|| weight(&|range| range.media == "text/*"))
        .or_else(|| weight(&|range| range.media == "*/*"));
    open_metrics.is_some_and(|weight| weight > 0 && Some(weight) >= text)
}

/// One media range of the header.
struct Range<'a> {
    media: String,
    version: Option<&'a str>,
    /// In thousandths.
    weight: u16,
}

impl<'a> Range<'a> {
    /// A range that is malformed is none.
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let mut range = Self { media, version: None, weight: 1000 };
        for part in parts {
            let (name, value) = part.split_once('=')?;
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => range.weight = weight(value.trim())?,
                "version" => range.version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        Some(range)
    }

    /// Whether this is the type, in this version or in any.
    fn names(&self, media: &str, version: &str) -> bool {
        self.media == media && self.version.is_none_or(|wanted| wanted == version)
    }
}

/// A weight from 0 to 1, in thousandths.
fn weight(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_well_formed = fraction.len() <= 3 && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok().filter(|_| is_well_formed)?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_preferred_if_it_is_named_and_no_less_wanted() {
        // Of Prometheus 2.42 and 3.0.
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
                            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                            application/openmetrics-text;version=0.0.1;q=0.5,\
                            text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, preferred) in [
            (prometheus_2, true),
            (prometheus_3, true),
            ("application/openmetrics-text", true),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8", true),
            ("application/openmetrics-text;q=0.5, text/plain;q=0.5", true),
            ("text/plain, application/openmetrics-text;q=0.9", false),
            ("application/openmetrics-text;q=0.5, text/*;q=0.6", false),
            ("application/openmetrics-text;q=0.5, text/plain;q=0.1, */*", true),
            ("application/openmetrics-text;version=0.0.1", false),
            ("application/openmetrics-text;q=0", false),
            ("application/openmetrics-text;q=nonsense", false),
            ("application/openmetrics-text;q=0.0001", false),
            ("*/*", false),
            ("text/html, */*;q=0.8", false),
            ("", false),
        ] {
            assert_eq!(prefers_open_metrics([accept].into_iter()), preferred, "{accept}");
        }
    }

    #[test]
    fn several_headers_are_one_list() {
        let accept = ["text/plain;q=0.5", "application/openmetrics-text;version=1.0.0;q=0.7"];

        assert!(prefers_open_metrics(accept.into_iter()));
        assert!(!prefers_open_metrics([].into_iter()));
    }
}
