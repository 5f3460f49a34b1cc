//! The documents as pages, with their fenced blocks, headings and links.

use std::fs;
use std::path::{Path, PathBuf};

/// A Markdown file for readers.
pub(crate) struct Page {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A fenced block.
pub(crate) struct Block {
    /// The file and the line, for messages.
    pub(crate) place: String,
    /// The first word of its info string.
    pub(crate) language: String,
    /// The others.
    pub(crate) options: Vec<String>,
    pub(crate) text: String,
}

/// The files at the root that people read.
const AT_THE_ROOT: [&str; 4] = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All pages.
pub(crate) fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = AT_THE_ROOT.iter().map(PathBuf::from).collect();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                paths.push(path);
            }
        }
    }

    paths.into_iter().map(|path| Page { text: read(&path), path }).collect()
}

impl Page {
    /// The fenced blocks, and the text without them.
    pub(crate) fn parts(&self) -> (Vec<Block>, String) {
        let (mut blocks, mut prose) = (Vec::new(), String::new());
        let mut open: Option<Block> = None;
        for (number, line) in self.text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(info)) => {
                    let mut words = info.split([',', ' ']).filter(|word| !word.is_empty());
                    open = Some(Block {
                        place: format!("{}:{}", self.path.display(), number + 1),
                        language: words.next().unwrap_or_default().to_owned(),
                        options: words.map(str::to_owned).collect(),
                        text: String::new(),
                    });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.extend([line, "\n"]),
                (None, None) => prose.extend([line, "\n"]),
            }
        }

        assert!(open.is_none(), "{}: a block is not closed", self.path.display());
        (blocks, prose)
    }

    /// The texts in single backticks, outside of fenced blocks.
    pub(crate) fn code(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        // A span may be wrapped, but not over a paragraph or a row of a table.
        let paragraphs = prose.split("\n\n").flat_map(|part| part.split("\n|"));
        paragraphs
            .flat_map(|part| part.split('`').skip(1).step_by(2))
            .map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }

    /// The anchors of the headings, as GitHub and mdBook make them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        let headings = prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }

    /// The targets of its links.
    pub(crate) fn links(&self) -> Vec<String> {
        let (_, prose) = self.parts();
        let inline = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let defined = prose.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: "));
        inline.chain(defined.map(|(_, target)| target)).map(str::to_owned).collect()
    }
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn parts_of_a_page_are_told_apart() {
    let text = "# A `b`, c\n[x](y.md#z) `one\ntwo`\n```toml,scenario\n[not](a-link)\n```\n[d]: https://e\n";
    let page = Page { path: "a.md".into(), text: text.to_owned() };

    let (blocks, _) = page.parts();

    assert_eq!(
        (blocks.len(), blocks[0].language.as_str(), blocks[0].options.as_slice()),
        (1, "toml", &["scenario".to_owned()][..])
    );
    assert_eq!((blocks[0].place.as_str(), blocks[0].text.as_str()), ("a.md:4", "[not](a-link)\n"));
    assert_eq!(page.anchors(), ["a-b-c"]);
    assert_eq!(page.links(), ["y.md#z", "https://e"]);
    assert_eq!(page.code(), ["b", "one two"]);
}
