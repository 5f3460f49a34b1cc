//! `type = "desktop"`: desktop notifications.

use super::{EventFilter, Meaning, TargetSettings};
use crate::config::keys::Table;
use crate::config::reader::Section;

pub(in crate::config) static KEYS: Table = Table {
    title: "`[[sink]]` with `type = \"desktop\"`",
    place: None,
    about: "Desktop notifications.",
    keys: &[],
};

/// Desktop notifications, which have no settings of their own.
#[derive(Debug, Clone, Default)]
pub struct DesktopSettings {}

impl DesktopSettings {
    /// Whether this program can show notifications. The unit tests read files with each type of
    /// sink, whatever they are built with.
    pub const IS_BUILT_IN: bool = cfg!(any(feature = "desktop", test));

    /// What is said if it cannot.
    pub const NOT_BUILT_IN: &str = "this restore-watch was built without desktop notifications";

    pub(super) fn read(section: Section<'_>) -> Self {
        section.finish();
        Self {}
    }
}

impl TargetSettings for DesktopSettings {
    fn usual_events(&self) -> EventFilter {
        EventFilter::for_people()
    }

    fn meaning(&self) -> Meaning {
        Meaning::new("desktop notifications")
    }
}
