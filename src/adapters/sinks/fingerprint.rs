//! Identifies the settings of a sink, to notice that they changed.

mod former;

pub(super) use former::of;
