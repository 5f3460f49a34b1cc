//! In place of a notification service: this program is built without the feature `desktop`.
//!
//! Configuration and command line refuse the desktop then, so this is what remains for callers of
//! the library.

use std::future::{Ready, ready};

use super::Notice;
use crate::config::DesktopSettings;

pub(super) fn has_session() -> bool {
    false
}

/// Fails: nothing can be shown.
pub fn show(_notice: &Notice) -> Ready<Result<(), String>> {
    try_desktop()
}

/// Fails: nothing could be shown.
pub fn try_desktop() -> Ready<Result<(), String>> {
    ready(Err(DesktopSettings::NOT_BUILT_IN.to_owned()))
}
