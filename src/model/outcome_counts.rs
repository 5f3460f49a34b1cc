//! How many jobs have which outcome.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::{AddAssign, SubAssign};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Outcome;

/// Counts of jobs by outcome. The JSON form is an object of the outcomes that some job has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutcomeCounts([usize; Outcome::ALL.len()]);

impl OutcomeCounts {
    /// How many jobs have this outcome.
    pub fn of(&self, outcome: Outcome) -> usize {
        self.0[outcome as usize]
    }

    /// How many jobs have an outcome of this kind.
    pub fn count(&self, is_meant: impl Fn(Outcome) -> bool) -> usize {
        self.iter().filter(|(outcome, _)| is_meant(*outcome)).map(|(_, jobs)| jobs).sum()
    }

    /// The outcomes that some job has, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Outcome, usize)> {
        Outcome::ALL.into_iter().map(|outcome| (outcome, self.of(outcome))).filter(|(_, jobs)| *jobs > 0)
    }

    /// Adds this number of jobs of an outcome.
    pub fn add(&mut self, outcome: Outcome, jobs: usize) {
        self.0[outcome as usize] += jobs;
    }

    /// The same jobs, each with the outcome that `change` says.
    #[must_use]
    pub fn map(self, change: impl Fn(Outcome) -> Outcome) -> Self {
        self.iter().fold(Self::default(), |mut counts, (outcome, jobs)| {
            counts.add(change(outcome), jobs);
            counts
        })
    }
}

impl AddAssign for OutcomeCounts {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(jobs, more)| *jobs += more);
    }
}

impl SubAssign for OutcomeCounts {
    fn sub_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(jobs, less)| *jobs -= less);
    }
}

impl JsonSchema for OutcomeCounts {
    fn schema_name() -> Cow<'static, str> {
        "OutcomeCounts".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let count = generator.subschema_for::<usize>();
        json_schema!({ "type": "object", "additionalProperties": count })
    }
}

impl Serialize for OutcomeCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for OutcomeCounts {
    /// Words that this version does not know are left out.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let jobs_of = BTreeMap::<String, usize>::deserialize(deserializer)?;
        let mut counts = Self::default();
        for (word, jobs) in jobs_of {
            if let Ok(outcome) = word.parse() {
                counts.add(outcome, jobs);
            }
        }
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counts(of: &[(Outcome, usize)]) -> OutcomeCounts {
        of.iter().fold(OutcomeCounts::default(), |mut counts, (outcome, jobs)| {
            counts.add(*outcome, *jobs);
            counts
        })
    }

    #[test]
    fn json_has_the_outcomes_that_some_job_has() {
        let counts = counts(&[(Outcome::Failed, 5), (Outcome::Open, 1)]);

        let json = serde_json::to_value(counts).unwrap();

        assert_eq!(json, json!({ "open": 1, "failed": 5 }));
        assert_eq!(serde_json::from_value::<OutcomeCounts>(json).unwrap(), counts);
        let of_later = json!({ "open": 1, "failed": 5, "exploded": 2 });
        assert_eq!(serde_json::from_value::<OutcomeCounts>(of_later).unwrap(), counts);
    }

    #[test]
    fn counts_are_added_and_mapped() {
        let mut sum = counts(&[(Outcome::Open, 1), (Outcome::Ready, 2)]);
        sum += counts(&[(Outcome::Open, 2), (Outcome::Unreachable, 1)]);
        assert_eq!(sum.count(Outcome::is_final), 2);

        let refused = sum.map(|outcome| if outcome.is_final() { outcome } else { Outcome::Unauthorized });
        assert_eq!(refused, counts(&[(Outcome::Ready, 2), (Outcome::Unauthorized, 4)]));

        sum -= counts(&[(Outcome::Ready, 2), (Outcome::Unreachable, 1)]);
        assert_eq!(sum, counts(&[(Outcome::Open, 3)]));
    }
}
