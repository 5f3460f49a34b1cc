//! The page as a whole: its structure, its texts and its size.

mod listener;
mod markup;
mod samples;

use std::collections::BTreeSet;

use markup::Document;
use samples::{HOSTILE, NOW, busy, empty, ended, job, named};
use serde_json::json;

use super::content::{Content, OpenRestores};
use super::layout;
use super::query::{PageQuery, ROWS};
use super::{assets, chart::Chart};
use crate::adapters::report::{History, RequestError, RequestErrorKind};
use crate::model::{Outcome, ProjectName};

/// In bytes: what is not about restores, and the whole page.
const MOST_OF_FRAME: usize = 40 * 1024;
const MOST: usize = 250 * 1000;

/// What needs a person, as the daemon says it.
const TROUBLES: [&str; 2] =
    ["the key of the project us is refused", "2 dead letters (restore-watch deliveries)"];

fn page(content: &Content, query: &str) -> Document {
    Document::parse(&layout::page(content, &PageQuery::parse(query)))
}

/// Pages of every kind.
fn pages() -> Vec<Document> {
    let unreadable =
        Err(RequestError::new(RequestErrorKind::Stopping, "cannot read /x: <no>")
            .with_help("look at the disk"));
    let trouble = |mut content: Content| {
        content.daemon.troubles = TROUBLES.map(str::to_owned).to_vec();
        content.daemon.projects[0].refused = Some("HTTP 401: \"no\"".to_owned());
        content.daemon.projects[0].limited = Some("HTTP 429".to_owned());
        content
    };
    let many: Vec<_> = (0..40).map(|number| format!("project {number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    vec![
        page(&empty(&["default"]), ""),
        page(&empty(&[]), "project=none&index=a/b"),
        page(&empty(&many), ""),
        page(&busy(), ""),
        page(&busy(), "project=eu&index=prod-*&outcome=failed&open=3&ended=2"),
        page(&trouble(busy()), ""),
        page(&Content { past: unreadable, ..busy() }, ""),
        Document::parse(&layout::unavailable("the daemon <is> stopping")),
    ]
}

#[test]
fn the_markup_has_a_clear_structure() {
    for page in pages() {
        let ids: Vec<_> = page.0.iter().filter_map(|element| element.attribute("id")).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "ids are distinct: {ids:?}");
        for element in &page.0 {
            let named = element.attribute("aria-labelledby");
            assert!(named.is_none_or(|id| ids.contains(&id)), "{element:?}");
        }

        assert_eq!(page.all("h1").count(), 1);
        assert_eq!(page.all("main").count(), 1);
        assert_eq!(page.all("html").next().unwrap().attribute("lang"), Some("en"));
        assert!(page.all("title").next().unwrap().text.ends_with(" – restore-watch"));
        let fields = page.all("input").chain(page.all("select"));
        assert!(fields.into_iter().all(|field| field.within.iter().any(|at| page.0[*at].name == "label")));
    }
}

#[test]
fn tables_have_a_caption_and_a_cell_for_each_column() {
    let page = page(&busy(), "");

    let tables: Vec<_> = page.0.iter().enumerate().filter(|(_, element)| element.name == "table").collect();
    assert_eq!(tables.len(), 3);
    for (table, _) in tables {
        let within = |name| page.all(name).filter(move |element| element.within.contains(&table));
        let columns: Vec<_> = within("th")
            .filter(|head| head.attribute("scope") == Some("col"))
            .map(|head| &*head.text)
            .collect();
        let rows = within("th").filter(|head| head.attribute("scope") == Some("row")).count();
        let labels: Vec<_> = within("td").map(|cell| cell.attribute("data-label").unwrap()).collect();

        assert_eq!(within("caption").count(), 1);
        assert!(rows > 0);
        assert_eq!(labels, columns[1..].repeat(rows));
    }
}

#[test]
fn nothing_in_the_page_needs_more_than_its_policy_allows() {
    for page in pages() {
        for element in &page.0 {
            for (name, value) in &element.attributes {
                assert!(name != "style" && !name.starts_with("on"), "{element:?}");
                let is_address = ["href", "src", "action"].contains(&name.as_str());
                assert!(!is_address || !(value.contains(':') || value.starts_with("//")), "{element:?}");
            }
            assert!(element.name != "style" && element.name != "iframe", "{element:?}");
            assert!(element.name != "script" || element.text.is_empty());
        }
    }
    let files = [&assets::STYLE.content, &assets::SCRIPT.content];
    for word in ["http:", "https:", "@import", "url(", "eval", "innerHTML =", "cookie"] {
        assert!(files.iter().all(|file| !file.contains(word)), "{word}");
    }
}

#[test]
fn names_are_text_whatever_is_in_them() {
    let elements = |content| page(&content, "").0.into_iter().map(|element| element.name).collect::<Vec<_>>();
    let usual = elements(busy());

    for text in HOSTILE {
        let content = named(text, text);
        assert_eq!(elements(content), usual, "{text:?}");

        let page = page(&named(text, text), "");
        let shown: String = {
            let mut shown = String::new();
            text.chars().for_each(|c| crate::model::write_visible(&mut shown, c));
            shown
        };
        assert!(page.text_of("open").contains(&shown), "{text:?}");
        assert!(page.text_of("ended").contains(&shown), "{text:?}");
        assert!(!page.0.iter().any(|element| element.text.contains(crate::model::is_invisible)));
    }
}

#[test]
fn names_of_projects_are_text_too() {
    for text in HOSTILE {
        let content = empty(&[text, "other"]);
        let page = page(&content, "");

        let names: Vec<_> = page.all("option").filter_map(|option| option.attribute("value")).collect();
        assert!(names[1].starts_with(&text[..4]), "{names:?}");
        assert_eq!(page.in_id("projects", "h3").count(), 2);
    }
}

#[test]
fn the_frame_is_small() {
    let frame = layout::page(&empty(&["default"]), &PageQuery::default()).len();
    let sizes = [frame, assets::STYLE.content.len(), assets::SCRIPT.content.len()];

    assert!(sizes.iter().sum::<usize>() <= MOST_OF_FRAME, "{sizes:?}");
}

#[test]
fn many_restores_make_a_page_that_is_no_larger() {
    let index = "orders-nightly-of-the-whole-world-2026-11-23-x";
    let error = "HTTP 503: the service is unavailable, try again later".repeat(4);
    let expected =
        json!({ "restores": 200, "p50_seconds": 540.0, "p90_seconds": 720.0, "group": { "index": index } });
    let names: Vec<_> = (0..60).map(|number| format!("project-{number}")).collect();
    let mut content = empty(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let other = json!({ "elapsed_seconds": 9000.0, "expected": expected, "last_error": error });
    let jobs =
        (0..ROWS).map(|number| job("project-1", number, "nightly-orders", index, "open", other.clone()));
    content.open = OpenRestores { jobs: jobs.collect(), total: 1000, all: 1000 };
    let restores: Vec<_> = (0..200)
        .map(|number| ended("project-1", number, "nightly-orders", index, Outcome::Completed))
        .collect();
    let past = content.past.as_mut().unwrap();
    past.ended = History { restores: restores[..ROWS].to_vec(), total: 10_000 };
    past.of_projects.iter_mut().for_each(|(_, of_project)| {
        *of_project = History { restores: restores.clone(), total: 10_000 };
    });

    let html = layout::page(&content, &PageQuery::default());

    let page = Document::parse(&html);
    assert!(html.len() <= MOST, "{}", html.len());
    assert!(
        page.text_of("open").contains("–  50  of  1000") || page.text_of("open").contains("1–50 of 1000")
    );
}

#[test]
fn pages_of_a_list_are_linked_with_the_filters() {
    let mut content = busy();
    content.open.total = 120;
    content.past.as_mut().unwrap().ended.total = 10_000;

    let page = page(&content, "project=eu&index=d*&open=2&ended=200");

    let links = |id| {
        let links = page.in_id(id, "a").filter_map(|link| link.attribute("href"));
        links.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        links("open"),
        ["?project=eu&index=d*&ended=200#open", "?project=eu&index=d*&open=3&ended=200#open"]
    );
    assert_eq!(links("ended"), ["?project=eu&index=d*&open=2&ended=199#ended"]);
    assert!(page.text_of("open").contains("51–100 of 120"), "{}", page.text_of("open"));
}

#[test]
fn the_form_shows_what_is_asked_for() {
    let page = page(&busy(), "project=us&index=prod-*&outcome=not_found");

    let selected: Vec<_> =
        page.all("option").filter(|option| option.attribute("selected").is_some()).collect();
    let words: Vec<_> = selected.iter().map(|option| option.text.as_str()).collect();
    assert_eq!(words, ["us", "not found"]);
    assert_eq!(page.all("input").next().unwrap().attribute("value"), Some("prod-*"));
}

#[test]
fn a_mistake_in_the_query_is_shown() {
    let page = page(&busy(), "index=a/b");

    let alert = page.0.iter().find(|element| element.attribute("role") == Some("alert")).unwrap();
    assert_eq!(alert.text, "the name of an index has '/' in it, which no name of an index has: a/b");
    assert_eq!(page.all("input").next().unwrap().attribute("value"), Some("a/b"));
}

#[test]
fn the_title_says_how_everything_stands() {
    let title = |content: &Content| page(content, "").all("title").next().unwrap().text.clone();
    let mut trouble = busy();
    trouble.daemon.troubles = vec![TROUBLES[1].to_owned()];

    assert_eq!(title(&empty(&["default"])), "0 open – restore-watch");
    assert_eq!(title(&busy()), "4 open, 2 failed in 24h – restore-watch");
    assert_eq!(title(&trouble), "trouble, 4 open, 2 failed in 24h – restore-watch");
}

#[test]
fn a_list_that_is_empty_says_why() {
    let open = |content: &Content, query| page(content, query).text_of("open");
    let mut none_matches = busy();
    none_matches.open = OpenRestores { jobs: Vec::new(), total: 0, all: 4 };

    assert!(open(&empty(&["default"]), "").contains("No restore is open."));
    assert!(open(&none_matches, "index=x").contains("No open restore matches the filter."));
    assert!(page(&empty(&["default"]), "").text_of("ended").contains("No restore has ended yet."));
}

#[test]
fn an_unreadable_history_hides_nothing_else() {
    let fault = RequestError::new(RequestErrorKind::Stopping, "cannot read the state");
    let page = page(&Content { past: Err(fault), ..busy() }, "");

    assert!(page.text_of("ended").contains("cannot read the state"));
    assert!(!page.text_of("trouble").contains("All is well"), "{}", page.text_of("trouble"));
    assert_eq!(page.in_id("open", "tr").count(), 5);
}

#[test]
fn a_drawing_is_a_document_of_its_own() {
    let content = busy();
    let restores = &content.past.as_ref().unwrap().ended.restores;
    let open: Vec<_> = content.open.jobs.iter().collect();
    for text in HOSTILE {
        let project = ProjectName::new(text);
        let chart = Chart {
            project: &project,
            past: restores,
            open: &open,
            expected: content.daemon.projects[0].expected.as_ref(),
            now: samples::now(),
        };

        let svg = Document::parse(&chart.document().into_string());

        let root = &svg.0[0];
        assert_eq!(root.attribute("xmlns"), Some("http://www.w3.org/2000/svg"));
        assert!(svg.all("title").next().unwrap().text.starts_with("Durations of the restores of "));
        let words = &svg.all("desc").next().unwrap().text;
        assert!(words.starts_with("2 completed; usually 9 min"), "{words}");
        assert!(words.ends_with("2 failed; 1 cancelled; running now: 4, the longest for 15m 00s"), "{words}");
    }
}

#[test]
fn files_are_named_by_their_content() {
    let page = page(&empty(&["default"]), "");

    let script = page.all("script").next().unwrap().attribute("src").unwrap().to_owned();
    let (name, version) = script.split_once("?v=").unwrap();
    assert_eq!(name, "script.js");
    assert!(version.len() == 12 && version.chars().all(|c| c.is_ascii_hexdigit()), "{version}");
}

#[test]
fn what_needs_attention_comes_before_all_else() {
    let banner = |content: &Content| page(content, "").text_of("trouble");
    let mut trouble = busy();
    trouble.daemon.troubles = TROUBLES.map(str::to_owned).to_vec();

    let shown = page(&trouble, "");
    assert!(shown.text_of("trouble").contains("Needs attention"));
    let items: Vec<_> = shown.in_id("trouble", "li").map(|item| item.text.as_str()).collect();
    assert_eq!(items, TROUBLES);
    assert!(banner(&busy()).contains("in the last 24 hours"), "{}", banner(&busy()));
    assert!(banner(&empty(&["default"])).contains("All is well:"));
    let page = page(&busy(), "");
    assert_eq!(page.in_id("trouble", "a").next().unwrap().attribute("href"), Some("?outcome=failed#ended"));
}

#[test]
fn a_standby_names_the_active_replica_and_no_next_poll() {
    let mut content = busy();
    let active = json!({ "name": "a", "since": NOW, "heard_seconds": 1.0 });
    content.daemon.cluster = serde_json::from_value(json!({
        "name": "default", "replica": "b", "role": "standby", "epoch": 7, "active": active, "replicas": [],
        "as_of": NOW,
    }))
    .unwrap();

    let page = page(&content, "");

    let banner = page.text_of("trouble");
    assert!(banner.contains("replica b stands by; replica a is active"), "{banner}");
    let labels: Vec<_> = page.in_id("open", "td").filter_map(|cell| cell.attribute("data-label")).collect();
    assert!(!labels.contains(&"Next poll") && labels.contains(&"Last answer"), "{labels:?}");
    assert!(!page.text_of("open").contains("Next poll"));
}

#[test]
fn a_restore_without_a_known_start_has_no_bar() {
    let expected = json!({ "restores": 34, "p50_seconds": 540.0, "p90_seconds": 720.0, "group": null });
    let mut job = job("eu", 1, "nightly", "docs", "open", json!({ "expected": expected }));
    job.job.facts.created_at = None;
    let content = Content {
        running: vec![job.clone()],
        open: OpenRestores { jobs: vec![job], total: 1, all: 1 },
        ..empty(&["eu"])
    };

    let page = page(&content, "");

    assert!(page.text_of("open").contains("not known"));
    assert!(page.text_of("projects").contains("No durations are known yet."));
    assert!(page.all("svg").all(|svg| svg.attribute("class") != Some("bar")));
}
