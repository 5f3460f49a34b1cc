use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::model::{Event, EventKind};

fn sample(kind: EventKind) -> Event {
    Event::samples(kind).remove(0)
}

fn variables(kind: EventKind) -> Variables {
    Variables::of(&sample(kind), &BTreeMap::from([("CHAT".to_owned(), "42".to_owned())]))
}

fn rendered(source: &str) -> Result<Value, Fault> {
    Leaf::parse(source)?.render(&variables(EventKind::Completed), &mut MAX_BODY.clone())
}

fn fault(source: &str) -> String {
    let fault = rendered(source).unwrap_err();
    let at = fault.range.map(|range| source.get(range.clone()).unwrap_or("?").to_owned());
    format!("{} at {at:?}", fault.message)
}

#[test]
fn one_expression_keeps_its_type() {
    for (source, value) in [
        ("{{ job.percent_complete }}", json!(100.0)),
        ("{{- severity == 'error' -}}", json!(false)),
        ("{{ reason }}", Value::Null),
        ("{{ [1, type] }}", json!([1, "restore_job.completed"])),
        ("{{ {'a': status} }}", json!({ "a": "Completed" })),
        ("{{ env.CHAT }}", json!("42")),
        ("{{ env.CHAT | int }}", json!(42)),
        ("{{ 1 }}{{ 2 }}", json!("12")),
        (" {{ 1 }}", json!(" 1")),
        ("{{ 1 }}, {{ status }}", json!("1, Completed")),
        ("{{ '}}' }}", json!("}}")),
        ("no template\n", json!("no template\n")),
        ("", json!("")),
    ] {
        assert_eq!(rendered(source), Ok(value), "{source}");
    }
}

#[test]
fn null_prints_nothing() {
    assert_eq!(rendered("a{{ reason }}b{{ reason | truncate(3) | duration }}"), Ok(json!("ab")));
    assert_eq!(rendered("{{ reason | default('-', true) }}!"), Ok(json!("-!")));
}

#[test]
fn values_are_no_markup_and_no_template() {
    let mut event = sample(EventKind::Failed);
    event.reason = Some("{{ 1 }} <b> \" \\ {% raw %}".to_owned());
    let variables = Variables::of(&event, &BTreeMap::new());

    let value = Leaf::parse("[{{ reason }}]").unwrap().render(&variables, &mut MAX_BODY.clone());

    assert_eq!(value, Ok(json!("[{{ 1 }} <b> \" \\ {% raw %}]")));
}

#[test]
fn faults_say_where() {
    insta::assert_snapshot!(
        ["{{ sumary }}", "a {{ job.nme }}", "{{ status", "x {{ status | nope }}", "{% include 'x' %}", "{% for x in job %}", "{{ 1 + }}"]
            .map(fault)
            .join("\n"),
        @r#"
    a value is undefined at None
    a value is undefined at Some("job.nme")
    unexpected end of input, expected end of variable block at Some("status")
    filter nope is unknown at Some("nope")
    unknown statement include at Some("include")
    unexpected end of input, expected end of block at Some("%}")
    unexpected end of variable block at Some("}}")
    "#
    );
}

#[test]
fn what_has_no_bound_is_stopped() {
    for source in [
        "{{ 'x' * 1000000000 }}",
        "a{{ 'x' * 1000000000 }}",
        "{{ 'x' * 70000 }}",
        "{{ range(1000000000) }}",
        "{{ range(100000) }}",
        "{{ range(100000) | list }}",
        "{{ [0] * 1000000000 }}",
        "{{ [[0] * 100000] * 100000 }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(70000) %}x{% endfor %}",
        "{% set ns = namespace(x='xxxxxxxx') %}{% for a in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{{ ('x' * 60000) ~ ('y' * 60000) }}",
        "{{ 'x' | indent(100000000) }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ ('x' * 60000) | replace('x', 'y' * 60000) }}",
        "{% for a in [1] recursive %}{{ loop([a]) }}{% endfor %}",
    ] {
        assert!(rendered(source).is_err(), "{source}");
    }
}

#[test]
fn filters_fit_and_neutralize() {
    for (source, value) in [
        ("{{ '😀😀😀' | truncate(5) }}", json!("😀😀…")),
        ("{{ 'abc' | truncate(3) }}", json!("abc")),
        ("{{ 'a*b_c' | escape_markdown }}", json!("a\\*b\\_c")),
        ("{{ '@all <users/all>' | break_mentions }}", json!("@\u{200b}all <\u{200b}users/all>")),
        ("{{ elapsed_seconds | duration }}", json!("12m 00s")),
    ] {
        assert_eq!(rendered(source), Ok(value), "{source}");
    }
    assert!(rendered("{{ nope | truncate(3) }}").is_err());
    assert!(rendered("{{ 'x' | truncate(0) }}").is_err());
}

#[test]
fn documented_filters_are_those_there_are() {
    for (filter, _) in FILTERS {
        let argument = filter.replace("(N)", "(9)");
        assert!(rendered(&format!("{{{{ 1 | {argument} }}}}")).is_ok(), "{filter}");
    }
}

#[test]
fn variables_are_listed_with_those_of_the_job() {
    let names = Variables::names();

    for name in ["type", "job.target_index_name", "summary", "advice", "env", "range"] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|known| known == "debug"));
}

fn template(nodes: &[(&str, Node)]) -> Template {
    let entries = nodes.iter().map(|(key, node)| ((*key).to_owned(), node.clone())).collect();
    Template { content: Content::Json(Node::Table(entries)), env: BTreeMap::new() }
}

fn text(source: &str) -> Node {
    Node::Text(Leaf::parse(source).unwrap())
}

#[test]
fn a_tree_keeps_its_order_and_its_constants() {
    let template = template(&[
        ("z", text("{{ type }}: {{ status }}")),
        ("a", Node::Array(vec![Node::Constant(json!(1.5)), Node::Secret("token".to_owned())])),
        ("a/b~", Node::Secret("user".to_owned())),
    ]);

    let rendered = template.render(&sample(EventKind::Failed));

    assert_eq!(
        String::from_utf8(rendered.body).unwrap(),
        r#"{"z":"restore_job.failed: Failed","a":[1.5,{"restore-watch:secret":"token"}],"a/b~":{"restore-watch:secret":"user"}}"#
    );
}

#[test]
fn what_fails_is_replaced_by_what_happened() {
    let template = template(&[
        ("text", text("Restore of {{ job.id }}")),
        ("id", text("{{ job.id }}")),
        ("fits", text("{{ type }}")),
    ]);

    let rendered = template.render(&sample(EventKind::ProjectRecovered));

    let body: Value = serde_json::from_slice(&rendered.body).unwrap();
    let summary = "project default: the API key is accepted again";
    assert_eq!(body, json!({ "text": summary, "id": null, "fits": "project.recovered" }));
    let pointers: Vec<_> = rendered.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["/text", "/id"]);
}

#[test]
fn a_body_is_bounded_as_a_whole() {
    let half = || text("{{ 'x' * 40000 }}!");
    let template = template(&[("a", half()), ("b", half())]);

    let rendered = template.render(&sample(EventKind::Failed));

    assert!(rendered.body.len() < MAX_BODY && rendered.faults.len() == 1, "{:?}", rendered.faults);
}
