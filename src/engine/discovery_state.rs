//! How far the discovery of jobs is.

/// How far the jobs of the API's list are known that the configuration does not name. Of several
/// projects, the highest one counts.
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
