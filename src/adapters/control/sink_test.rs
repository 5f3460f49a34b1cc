//! Tests of sinks: one marked event to each, and what came of it.

use serde::{Deserialize, Serialize};

use crate::model::SinkName;

/// Which sinks get a test event.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestSinks {
    /// All sinks of the configuration if there is none.
    #[serde(default)]
    pub sinks: Vec<SinkName>,
}

/// What came of the tests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkTests {
    pub sinks: Vec<SinkTest>,
}

/// What came of the test of one sink.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkTest {
    pub sink: SinkName,
    /// The type of the sink, as the configuration has it.
    #[serde(rename = "type")]
    pub kind: String,
    pub ok: bool,
    /// How long the attempt took.
    pub seconds: f64,
    /// Why the sink did not take it.
    pub error: Option<String>,
}
