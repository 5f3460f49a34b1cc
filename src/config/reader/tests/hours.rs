//! How the problems of `hours` and `outside` look.

use super::printed;

const TEXT: &str = r#"jobs = []
[[sink]]
type = "desktop"
hours = [
    { days = ["Monday", "mon-fry"], from = "9", tz = "Europe/Berln" },
    { from = "24:00", to = "18:00", tz = "+01:00" },
    { days = [], form = "09:00", to = "25:00" },
    { days = ["sat"], from = "10:00", to = "10:00" },
    { tz = "UTC" },
]
outside = "hide"
[[sink]]
type = "webhook"
url = "https://hooks.example.com/x"
outside = "drop"
[[sink]]
type = "log"
hours = { from = "09:00", to = "18:00" }
"#;

#[test]
fn each_problem_of_hours_is_shown_at_its_place() {
    let shown = printed(TEXT);

    let problems = [
        ("an entry of `days` is `Monday`, which is no day", "5:15", "write \"mon\""),
        ("an entry of `days` is `mon-fry`, which is no day", "5:25", "the days are mon, tue,"),
        ("`from` is `9`, which is no time of day", "5:44", "write it like \"09:00\""),
        ("`tz` is `Europe/Berln`, which is no time zone", "5:54", "did you mean \"Europe/Berlin\"?"),
        ("`tz` is `+01:00`, which is no time zone", "6:42", "write its name in the IANA database"),
        ("`from` is 24:00, which is only an end", "6:14", "write \"00:00\""),
        ("`days` is empty", "7:14", "write days = [\"mon-fri\"]"),
        ("unknown key `form`", "7:18", "did you mean `from`?"),
        ("`to` is `25:00`, which is no time of day", "7:39", "write it like \"09:00\""),
        ("`from` and `to` are the same time", "8:44", "from = \"00:00\" and to = \"24:00\""),
        ("an entry of `hours` has neither `days` nor `from` nor `to`", "9:5", "write hours = {"),
        ("`outside` cannot be `hide`", "11:11", "\"hold\" or \"drop\""),
        ("`outside` without `hours`", "15:11", "add `hours`"),
        ("`hours` is not for the log", "18:9", "remove it"),
    ];
    for (message, place, help) in problems {
        let problem = shown.split("\n\n").find(|problem| problem.contains(message));
        let problem = problem.unwrap_or_else(|| panic!("{message}: {shown}"));
        assert!(problem.contains(&format!("config.toml:{place}\n")), "{problem}");
        assert!(problem.contains(help), "{problem}");
    }
    assert_eq!(shown.matches("error: ").count(), problems.len(), "{shown}");
}

#[test]
fn a_time_without_quotes_is_shown_how_to_write() {
    let shown =
        printed("jobs = []\n[[sink]]\ntype = \"desktop\"\nhours = { from = 09:00:00, to = \"18:00\" }\n");

    assert!(shown.contains("`from` must be a time in quotes, such as \"09:00\", found a date"), "{shown}");
}
