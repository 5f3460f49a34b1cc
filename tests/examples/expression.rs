//! Expressions of GitHub's workflows, as far as the example uses them.
//!
//! Invariant: an expression that is not understood fails.

use std::collections::BTreeMap;

#[test]
fn conditions_are_read_as_github_does() {
    let mut context = Context::default();
    context.set("steps.wait.outputs.exit_code", "1");
    let one = "steps.wait.outputs.exit_code == '1'";

    for (condition, after_success, after_failure) in [
        ("", true, false),
        ("always()", true, true),
        ("failure()", false, true),
        (one, true, false),
        ("inputs.job == ''", true, false),
        ("steps.wait.outputs.exit_code != '1'", false, false),
        (&format!("failure() && {one}"), false, true),
        (
            "failure() && (steps.wait.outputs.exit_code == '5' || steps.switch.outcome == 'failure')",
            false,
            false,
        ),
    ] {
        let condition = (!condition.is_empty()).then_some(condition);
        for (failure, held) in [(false, after_success), (true, after_failure)] {
            context.failure = failure;
            assert_eq!(context.holds(condition), held, "{condition:?}, {failure}");
        }
    }
}

/// The context of expressions: paths such as `steps.wait.outputs.exit_code`, and the job status.
#[derive(Default)]
pub(crate) struct Context {
    values: BTreeMap<String, String>,
    /// Whether a step of the job failed.
    pub(crate) failure: bool,
}

impl Context {
    /// Sets the value of a path.
    pub(crate) fn set(&mut self, path: &str, value: &str) {
        self.values.insert(path.to_owned(), value.to_owned());
    }

    /// The value of a path; empty if it is unset, as on GitHub.
    pub(crate) fn get(&self, path: &str) -> &str {
        let known = ["env.", "github.", "inputs.", "runner.", "secrets.", "steps."];
        assert!(known.iter().any(|context| path.starts_with(context)), "no context has {path}");
        self.values.get(path).map_or("", String::as_str)
    }

    /// A text with every `${{ path }}` in it replaced.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut parts = text.split("${{");
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (path, rest) = part.split_once("}}").expect("the end of an expression");
            filled.push_str(self.get(path.trim()));
            filled.push_str(rest);
        }
        filled
    }

    /// Whether a step with this condition runs.
    pub(crate) fn holds(&self, condition: Option<&str>) -> bool {
        let Some(condition) = condition else { return !self.failure };
        let mut parser = Parser { context: self, rest: condition, asks_for_status: false };
        let held = parser.any();
        assert_eq!(parser.rest.trim(), "", "{condition}");
        held && (parser.asks_for_status || !self.failure)
    }
}

struct Parser<'a> {
    context: &'a Context,
    rest: &'a str,
    /// A status function was called, so the default, `success()`, does not apply.
    asks_for_status: bool,
}

impl<'a> Parser<'a> {
    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn any(&mut self) -> bool {
        let mut held = self.all();
        while self.takes("||") {
            held |= self.all();
        }
        held
    }

    fn all(&mut self) -> bool {
        let mut held = self.one();
        while self.takes("&&") {
            held &= self.one();
        }
        held
    }

    fn one(&mut self) -> bool {
        if self.takes("(") {
            let held = self.any();
            assert!(self.takes(")"), "`)` is missing: {}", self.rest);
            return held;
        }
        for (function, held) in
            [("failure()", self.context.failure), ("success()", !self.context.failure), ("always()", true)]
        {
            if self.takes(function) {
                self.asks_for_status = true;
                return held;
            }
        }
        let left = self.operand();
        let equal = self.takes("==")
            || !{
                assert!(self.takes("!="), "no comparison: {}", self.rest);
                true
            };
        (left == self.operand()) == equal
    }

    fn operand(&mut self) -> &'a str {
        let text = self.rest.trim_start();
        if let Some(text) = text.strip_prefix('\'') {
            let (value, rest) = text.split_once('\'').expect("the end of a text");
            self.rest = rest;
            return value;
        }
        let end = text.find(|payload: char| !(payload.is_alphanumeric() || "._-".contains(payload)));
        let (path, rest) = text.split_at(end.unwrap_or(text.len()));
        self.rest = rest;
        self.context.get(path)
    }
}
