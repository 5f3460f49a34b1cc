//! Restores to start.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[row(
    69,
    "restore-without-a-name-or-with-one-that-is-taken",
    &[
        "restore-watch restore 670e8400-e29b-41d4-a716-446655440000",
        "restore-watch restore 670e8400-e29b-41d4-a716-446655440000 --name Docs_Search",
        "restore-watch restore 670e8400-e29b-41d4-a716-446655440000 --name docs-search --quiet",
    ],
)];
