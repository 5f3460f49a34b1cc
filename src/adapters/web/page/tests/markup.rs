//! Reads the markup that the page is made of: XML, but for the first line of HTML.
//!
//! Invariant: what a browser would have to guess, fails.

use std::collections::BTreeMap;

/// An element, with the text directly in it.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) text: String,
    /// The elements that it is in, the outermost first, by their place in the document.
    pub(super) within: Vec<usize>,
}

/// All elements, in the order of the document.
pub(super) struct Document(pub(super) Vec<Element>);

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

impl Document {
    pub(super) fn parse(text: &str) -> Self {
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut rest = text.strip_prefix("<!doctype html>\n").unwrap_or(text);
        while let Some(at) = rest.find('<') {
            add_text(&mut elements, &open, &rest[..at]);
            let end = rest[at..].find('>').expect("a tag ends") + at;
            let tag = &rest[at + 1..end];
            rest = &rest[end + 1..];

            if let Some(name) = tag.strip_prefix('/') {
                let last = open.pop().expect("an element is open");
                assert_eq!(elements[last].name, name, "tags are balanced");
                continue;
            }
            let (tag, is_empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
            let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
            assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "a tag: {tag}");
            let element = Element {
                name: name.to_owned(),
                attributes: read(attributes),
                within: open.clone(),
                ..Element::default()
            };
            if !is_empty {
                open.push(elements.len());
            }
            elements.push(element);
        }
        add_text(&mut elements, &open, rest);
        assert!(open.is_empty(), "every element ends");
        Self(elements)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.0.iter().filter(move |element| element.name == name)
    }

    pub(super) fn with_id(&self, id: &str) -> Option<usize> {
        self.0.iter().position(|element| element.attribute("id") == Some(id))
    }

    /// All text in the element of this id.
    pub(super) fn text_of(&self, id: &str) -> String {
        let place = self.with_id(id).unwrap_or_else(|| panic!("no element has the id {id}"));
        let inner =
            self.0.iter().enumerate().filter(|(at, inner)| *at == place || inner.within.contains(&place));
        inner.map(|(_, element)| element.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// The elements of this name in the one of this id.
    pub(super) fn in_id<'a>(&'a self, id: &str, name: &'a str) -> impl Iterator<Item = &'a Element> {
        let place = self.with_id(id).unwrap_or_else(|| panic!("no element has the id {id}"));
        self.all(name).filter(move |element| element.within.contains(&place))
    }
}

fn add_text(elements: &mut [Element], open: &[usize], text: &str) {
    match open.last() {
        Some(last) => elements[*last].text += &unescaped(text),
        None => assert_eq!(text.trim(), "", "text is in an element"),
    }
}

fn read(mut text: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a value in double quotes");
        let (value, rest) = rest.split_once('"').expect("the end of a value");
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'),
            "the name of an attribute: {name}"
        );
        assert!(!value.contains('<'), "{value}");
        assert!(attributes.insert(name.to_owned(), unescaped(value)).is_none(), "{name} is there twice");
        text = rest.strip_prefix(' ').unwrap_or(rest);
    }
    attributes
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').expect("an entity ends");
        shown.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("an entity that XML does not know: {entity}"),
        });
        shown.push_str(rest);
    }
    shown
}
