//! Log events as lines, for people or as JSON.

use std::fmt;

use anstyle::AnsiColor;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::fields::Fields;
use super::style::{Stamp, Style};
use crate::config::LogFormat;
use crate::model::time::{Instant, Now};
use crate::platform::{lines, locale};

pub(super) struct Lines {
    pub(super) style: Style,
    pub(super) color: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let fields = Fields::of(event);
        let now = self.style.clock.now();
        match self.style.format {
            LogFormat::Human => self.human(&mut writer, now, event.metadata(), &fields),
            LogFormat::Json => writeln!(writer, "{}", fields.json(event.metadata(), now)),
        }
    }
}

impl Lines {
    fn human(
        &self,
        writer: &mut Writer<'_>,
        now: Now,
        metadata: &Metadata<'_>,
        fields: &Fields,
    ) -> fmt::Result {
        let level = *metadata.level();
        let paint = match level {
            _ if !self.color => anstyle::Style::new(),
            Level::ERROR => AnsiColor::Red.on_default().bold(),
            Level::WARN => AnsiColor::Yellow.on_default(),
            Level::INFO => AnsiColor::Green.on_default(),
            _ => anstyle::Style::new().dimmed(),
        };

        let stamp = match self.style.stamp {
            Stamp::Time => format!("{:.0}", now.wall),
            Stamp::Elapsed => format!("{:5.1}s", now.instant.since(Instant::default()).as_secs_f64()),
        };
        let message = (self.style.filter)(fields.human(metadata).into_owned());
        let message = locale::shown(&message);
        // A line that fills the last column of a terminal may leave an empty one below it.
        let width = self.style.width.map(|width| width.saturating_sub(1));
        let message = lines::hanging(&message, stamp.len() + " ERROR ".len(), width);

        writeln!(writer, "{stamp} {paint}{:>5}{paint:#} {message}", level.as_str())
    }
}
