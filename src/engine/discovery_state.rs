//! How far the discovery of jobs is.

/// How it stands with jobs that are not named but are to be found in the API's list. A higher one
/// wins over several projects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscoveryState {
    /// Complete: a full scan that began after the last job ended, and `not_found_grace` after the
    /// start or later, found no other job. Or discovery is off.
    Complete,
    /// There may be others.
    UnderWay,
    /// The list could not be read for too long.
    Unreachable,
    /// The list cannot be read as requests are set up.
    Misconfigured,
    /// The API refuses the key or the permission.
    Unauthorized,
}
