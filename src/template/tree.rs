//! A whole template: a tree of JSON whose texts are templates, or one text.
//!
//! Invariant: an event always has a body. What cannot be rendered is replaced by what a reader can
//! still use.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Fault, Leaf, Variables, placeholder};
use crate::model::Event;

/// The most that the texts of a body may have together, in bytes: no message is longer, and each
/// body is kept in the state until it is delivered.
pub const MAX_BODY: usize = 64 * 1024;

/// What a webhook sends for an event.
#[derive(Debug, Clone)]
pub struct Template {
    pub content: Content,
    /// The environment variables that it names.
    pub env: BTreeMap<String, String>,
}

/// The form of a body.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON of this shape.
    Json(Node),
    /// A text.
    Text(Leaf),
}

/// A value of a body that is JSON. Keys are what they are: no event changes the shape.
#[derive(Debug, Clone)]
pub enum Node {
    /// A number or a boolean.
    Constant(Value),
    Text(Leaf),
    /// A placeholder in a body that is kept; the secret of this name takes its place when it is
    /// sent.
    Secret(String),
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// The body for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub body: Vec<u8>,
    /// What could not be rendered, in the order of the template.
    pub faults: Vec<LeafFault>,
}

/// A text of a template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafFault {
    /// Where it stands in the body, as a JSON pointer (RFC 6901); empty for a body that is a text.
    pub pointer: String,
    pub fault: Fault,
}

impl Template {
    /// The body for an event.
    ///
    /// A text that fails is replaced by the summary of the event, and an expression by `null`. The
    /// configuration was tried with samples of every type, so this is for an event that is unlike
    /// any of them, such as one with a name of a megabyte. To refuse the event would lose it; to
    /// send another shape would be refused by the receiver. The summary in place of a text is what
    /// a person can act on, and most receivers take it.
    pub fn render(&self, event: &Event) -> Rendered {
        let mut rendering = Rendering {
            variables: Variables::of(event, &self.env),
            summary: event.presentable_summary(),
            room: MAX_BODY,
            faults: Vec::new(),
        };
        let body = match &self.content {
            Content::Json(node) => rendering.node(node, "").to_string().into_bytes(),
            Content::Text(leaf) => match rendering.leaf(leaf, "") {
                Value::String(text) => text.into_bytes(),
                Value::Null => Vec::new(),
                value => value.to_string().into_bytes(),
            },
        };
        Rendered { body, faults: rendering.faults }
    }
}

/// A rendering under way.
struct Rendering {
    variables: Variables,
    summary: String,
    /// For the texts that are left, in bytes.
    room: usize,
    faults: Vec<LeafFault>,
}

impl Rendering {
    fn node(&mut self, node: &Node, pointer: &str) -> Value {
        match node {
            Node::Constant(value) => value.clone(),
            Node::Text(leaf) => self.leaf(leaf, pointer),
            Node::Secret(name) => placeholder(name),
            Node::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(at, item)| self.node(item, &below(pointer, &at.to_string()))).collect()
            }
            Node::Table(entries) => {
                let entry =
                    |(key, node): &(String, Node)| (key.clone(), self.node(node, &below(pointer, key)));
                Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf, pointer: &str) -> Value {
        leaf.render(&self.variables, &mut self.room).unwrap_or_else(|fault| {
            self.faults.push(LeafFault { pointer: pointer.to_owned(), fault });
            if leaf.is_expression() { Value::Null } else { Value::from(self.summary.as_str()) }
        })
    }
}

/// The pointer to an entry (RFC 6901, section 3).
fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
