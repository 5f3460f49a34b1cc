//! What is refused, where, and why.

use super::{KEYS, Scenario, ScenarioError};

fn refused(text: &str) -> ScenarioError {
    text.parse::<Scenario>().expect_err(text)
}

#[test]
fn mistakes_have_a_place_and_a_reason() {
    for (text, place, reason) in [
        ("answers = \"2025-01\"", (1, 11), "unknown variant `2025-01`, expected `2026-04` or `2026-07`"),
        ("[[job]]\nid = \"a\"\ntake = \"6s\"", (3, 1), "unknown field `take`"),
        ("[[job]]\ntakes = \"6s\"", (1, 1), "missing field `id`"),
        (
            "[[job]]\nid = \"a\"\ntakes = 6",
            (3, 9),
            "invalid type: integer `6`, expected a duration with a unit",
        ),
        ("[[job]]\nid = \"a\"\ntakes = \"6\"", (3, 9), "`6` is not a duration"),
        ("[[job]]\nid = \"a\"\nprogress = \"fast\"", (3, 12), "expected `\"none\"`, `\"linear\"` or a list"),
        ("[[job]]\nid = \"a\"\nprogress = [{ at = \"1s\", percen = 4 }]", (3, 26), "unknown field `percen`"),
        ("[[job]]\nid = \"a b\"", (2, 6), "no spaces"),
        ("[[job]]\nid = \"a\"\n[[job]]\nid = \"a\"", (4, 6), "two jobs have the id `a`"),
        ("[[job]]\nid = \"a\"\ncount = 0", (3, 9), "`count` lies between 1 and 100000"),
        ("[[job]]\nid = \"a\"\nprogress = \"linear\"", (2, 6), "needs `takes`"),
        ("[[job]]\nid = \"a\"\nends = \"failed\"", (2, 6), "`ends` needs `takes`"),
        (
            "[[job]]\nid = \"a\"\nstatuses = [{ at = \"2s\", status = \"x\" }, { at = \"1s\", status = \"y\" }]",
            (2, 6),
            "order of their times",
        ),
        ("fraction_digits = 10", (1, 19), "0 to 9"),
        ("[list]\ndrop_rows = 1.5", (2, 13), "between 0 and 1, this is 1.5"),
        ("[list]\nend_early_after = 0", (2, 19), "at least one page"),
        ("[[index]]\nname = \"i\"\n[[index]]\nname = \"i\"", (4, 8), "described twice"),
        ("[[backup]]\nid = \"b\"\n[[backup]]\nid = \"b\"", (4, 6), "described twice"),
        ("[restore]\ntake = \"6s\"", (2, 1), "unknown field `take`"),
        ("[[fault]]\nkind = \"drop\"\nendpoint = \"list\"\naccepted = true", (1, 1), "endpoint = \"create\""),
        (
            "[[job]]\nid = \"a\"\n[[fault]]\nkind = \"drop\"\nendpoint = \"create\"\njob = \"a\"",
            (3, 1),
            "not about one job",
        ),
        ("[[fault]]\nkind = \"explode\"", (2, 8), "unknown variant `explode`, expected one of `status`"),
        ("[[fault]]\nkind = \"status\"", (1, 1), "needs `status`"),
        ("[[fault]]\nkind = \"redirect\"", (1, 1), "needs `location`"),
        ("[[fault]]\nkind = \"drop\"\nstatus = 500", (1, 1), "`status` belongs to `kind = \"status\""),
        ("[[fault]]\nkind = \"status\"\nstatus = 99", (1, 1), "between 200 and 599"),
        (
            "[[fault]]\nkind = \"status\"\nstatus = 429\nretry_after_date = true",
            (1, 1),
            "needs `retry_after`",
        ),
        ("[[fault]]\nkind = \"status\"\nstatus = 429\nretry_after_raw = \"a\\nb\"", (1, 1), "HTTP header"),
        ("[[fault]]\nkind = \"drop\"\njob = \"none\"", (3, 7), "no `[[job]]` has the id `none`"),
        ("[[fault]]\nkind = \"drop\"\njob = \"none\"\nendpoint = \"list\"", (1, 1), "not about one job"),
        ("[[fault]]\nkind = \"drop\"\nevery = 0", (1, 1), "counted from 1"),
        ("[[fault]]\nkind = \"drop\"\nrequests = [0]", (1, 1), "counted from 1"),
        ("[[fault]]\nkind = \"drop\"\nfrom = \"2s\"\nto = \"1s\"", (1, 1), "`to` is not after `from`"),
        ("revoked = [{ to = \"1s\" }, { to = \"0\" }]", (1, 27), "`to` is not after `from`"),
        ("[[job]]\nid = \"a\"\nappears = \"9s\"\nvanishes = \"9s\"", (2, 6), "vanishes before"),
        ("[[job]\nid = 1", (1, 7), "array"),
    ] {
        let error = refused(text);
        assert_eq!((error.line(), error.column()), place, "{text}\n{error}");
        assert!(error.message().contains(reason), "{text}\n{error}");
    }
}

#[test]
fn shown_with_a_caret() {
    insta::assert_snapshot!(refused("# é\n[[job]]\nid = \"rj-1\"\ntakes = \"6 s\" # long"), @r#"
    the scenario has an error at line 4, column 9
      |
    4 | takes = "6 s" # long
      |         ^^^^^
    `6 s` is not a duration; write it like `90s`, `10m` or `1h30m` (units: ms, s, m, h, d, y)
    "#);
}

#[test]
fn a_key_is_not_shown() {
    let error = refused("apikey = \"sesame\"").to_string();
    assert!(error.contains("unknown field `apikey`") && !error.contains("sesame"), "{error}");
}

#[test]
fn no_file_makes_it_panic() {
    for end in KEYS.char_indices().map(|(at, _)| at).step_by(5) {
        if let Err(error) = KEYS[..end].parse::<Scenario>() {
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn ids_and_key() {
    let scenario: Scenario =
        "api_key = \"k\"\n[[job]]\nid = \"one\"\n[[job]]\nid = \"many\"\ncount = 2".parse().unwrap();
    let ids: Vec<&str> = scenario.job_ids().iter().map(crate::model::JobId::as_str).collect();
    assert_eq!(ids, ["one", "many-1", "many-2"]);
    assert_eq!(scenario.api_key(), Some("k"));
    assert!(!format!("{scenario:?}").contains("\"k\""));
}

#[test]
fn every_key_is_explained() {
    if let Err(error) = KEYS.parse::<Scenario>() {
        panic!("{error}");
    }
    let scripts = [
        include_str!("../script/mod.rs"),
        include_str!("../script/job.rs"),
        include_str!("../script/list.rs"),
        include_str!("../script/fault.rs"),
        include_str!("../script/restore.rs"),
    ];

    let keys = scripts.iter().flat_map(|script| script.lines()).filter_map(|line| {
        let (key, _) = line.strip_prefix("    pub(in crate::simulate) ")?.split_once(": ")?;
        (!key.contains(' ')).then_some(key)
    });
    let words: Vec<&str> = KEYS.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let keys: Vec<&str> = keys.collect();

    assert!(keys.len() > 50, "{keys:?}");
    assert_eq!(keys.into_iter().filter(|key| !words.contains(key)).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn the_scenarios_of_the_demo_can_be_read() {
    for (scenario, least) in [(Scenario::demo(), 7), (Scenario::demo_page(), 50)] {
        assert!(scenario.job_ids().len() >= least);
    }
}
