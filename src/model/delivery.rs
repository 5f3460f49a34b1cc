//! An event on its way to a sink, and how far it is.
//!
//! Invariant: the words of the states are part of the state file and of what is published, so none
//! of them changes.

use std::str::FromStr;

use clap::ValueEnum;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

use super::keyword::keywords;
use super::{EventId, SinkName};

/// The id of a delivery: an event and the sink that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// What is delivered.
    pub event: EventId,
    /// Where it goes.
    pub sink: SinkName,
}

/// How far a delivery is. The help of the command line shows the comments of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Pending
    Pending,
    /// Given up after the last attempt
    Dead,
    /// Made
    Delivered,
    /// Too old, or dropped by hand
    Dropped,
}

keywords!(DeliveryState { Pending = "pending", Dead = "dead", Delivered = "delivered", Dropped = "dropped" });

impl FromStr for DeliveryState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::deserialize(word.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Keyword as _;

    #[test]
    fn a_state_has_one_word_everywhere() {
        for state in DeliveryState::ALL {
            let word = state.as_str();
            let option = state.to_possible_value();

            assert_eq!(word.parse(), Ok(*state));
            assert_eq!(serde_json::to_value(state).unwrap(), word);
            assert!(option.is_some_and(|option| option.get_name() == word), "{word}");
        }

        assert!("exploded".parse::<DeliveryState>().is_err());
    }
}
