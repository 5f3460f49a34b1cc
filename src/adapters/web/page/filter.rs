//! The form that chooses which restores are listed.

use super::content::Content;
use super::html::{Html, Value, html};
use super::query::PageQuery;
use crate::model::Outcome;

pub(super) fn form(content: &Content, asked: &PageQuery) -> Html {
    let problem =
        asked.problem.as_ref().map(|text| html!("<p class=\"problem\" role=\"alert\">" (text) "</p>"));
    let invalid =
        (asked.index.is_none() && !asked.typed_index.is_empty()).then(|| html!(" aria-invalid=\"true\""));
    let clear =
        (asked.is_filtered() || asked.problem.is_some()).then(|| html!("<a href=\"./\">Show all</a>"));
    html!(
        "<form method=\"get\" action=\"./\" role=\"search\" aria-label=\"Filter the restores\">"
        (projects(content, asked))
        "<label>Index <input name=\"index\" value=\"" (&asked.typed_index)
        "\"" (invalid) " placeholder=\"prod-*\" maxlength=\"64\" size=\"14\" autocapitalize=\"none\" autocomplete=\"off\" "
        "spellcheck=\"false\"/></label>"
        "<label>Outcome <select name=\"outcome\"><option value=\"\">any</option>" (outcomes(asked))
        "</select></label><button>Filter</button>" (clear) (problem) "</form>"
    )
}

/// Which project; not if there is only one.
fn projects(content: &Content, asked: &PageQuery) -> Option<Html> {
    let projects = &content.daemon.projects;
    let options: Html = projects
        .iter()
        .map(|project| {
            let selected = is_selected(asked.project.as_ref() == Some(&project.name));
            // Without `value`, the value of an option is its text, which may be cut.
            html!("<option value=\"" (Value(project.name.to_string())) "\"" (selected) ">" (&project.name) "</option>")
        })
        .collect();
    (projects.len() > 1).then(|| {
        html!("<label>Project <select name=\"project\"><option value=\"\">all</option>" (options) "</select></label>")
    })
}

fn outcomes(asked: &PageQuery) -> Html {
    Outcome::ALL
        .iter()
        .map(|outcome| {
            let selected = is_selected(asked.outcome == Some(*outcome));
            html!("<option value=\"" (outcome.to_string()) "\"" (selected) ">" (outcome.label()) "</option>")
        })
        .collect()
}

fn is_selected(is_selected: bool) -> Option<Html> {
    is_selected.then(|| html!(" selected=\"\""))
}
