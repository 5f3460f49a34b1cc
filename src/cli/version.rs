//! The version, and what the program is built for.
//!
//! Invariant: it is one line, whose second word is the version: scripts read that.

/// The oldest glibc that has what the program needs, or `static` if it needs none. Only
/// `packaging/build`, which looks into the program, can say it.
const GLIBC: Option<&str> = option_env!("RESTORE_WATCH_GLIBC");

/// Such as `0.1.0 (x86_64-linux, glibc 2.34 or later; features: desktop, postgres)`.
pub(super) fn long() -> String {
    let features = [("desktop", cfg!(feature = "desktop")), ("postgres", cfg!(feature = "postgres"))];
    let built_in: Vec<_> = features.iter().filter(|(_, is_in)| *is_in).map(|(name, _)| *name).collect();
    let features = if built_in.is_empty() { "none".to_owned() } else { built_in.join(", ") };
    let (machine, system) = (std::env::consts::ARCH, std::env::consts::OS);
    format!("{} ({machine}-{system}{}; features: {features})", env!("CARGO_PKG_VERSION"), c_library())
}

/// The C library, as far as it matters for where the program runs.
fn c_library() -> String {
    match GLIBC {
        Some("static") => ", static".to_owned(),
        Some(version) => format!(", glibc {version} or later"),
        None if cfg!(target_feature = "crt-static") => ", static".to_owned(),
        None if cfg!(target_env = "gnu") => ", glibc".to_owned(),
        None if cfg!(target_env = "musl") => ", musl".to_owned(),
        None => String::new(),
    }
}
