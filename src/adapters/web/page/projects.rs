//! The projects: how each stands, and how long its restores take.

use super::chart::Chart;
use super::content::{Content, DRAWN_PROJECTS};
use super::html::{Html, html};
use super::query::{PageQuery, link_to_project};
use super::table::heading;
use super::times;
use crate::adapters::report::{History, JobStatus, ProjectStatus};

pub(super) fn section(content: &Content, asked: &PageQuery) -> Html {
    let projects = &content.daemon.projects;
    let is_meant = |project: &&ProjectStatus| asked.project.as_ref().is_none_or(|name| *name == project.name);
    let meant: Vec<_> = projects.iter().filter(is_meant).collect();
    let cards: Html = meant.iter().take(DRAWN_PROJECTS).map(|project| card(project, content)).collect();
    let others: Html = meant.iter().skip(DRAWN_PROJECTS).map(|project| other(project)).collect();
    let others = (meant.len() > DRAWN_PROJECTS).then(|| html!("<ul class=\"others\">" (others) "</ul>"));
    html!(
        "<section id=\"projects\" aria-labelledby=\"projects-title\">"
        (heading("projects", "Projects", Some(meant.len()))) "<div class=\"cards\">" (cards) "</div>" (others) "</section>"
    )
}

fn card(project: &ProjectStatus, content: &Content) -> Html {
    let past = match &content.past {
        Ok(past) => past.of_projects.iter().find(|(name, _)| *name == project.name),
        Err(_) => None,
    };
    let expected = project.expected.as_ref().map(|expected| html!("<p>" (expected.to_string()) "</p>"));
    html!(
        "<article><h3><bdi>" (&project.name) "</bdi></h3><p>" (numbers(project)) "</p>" (expected) (states(project))
        (past.map(|(_, past)| durations(project, past, content))) "</article>"
    )
}

fn durations(project: &ProjectStatus, past: &History, content: &Content) -> Html {
    let open: Vec<&JobStatus> = content.running.iter().filter(|job| job.project == project.name).collect();
    let chart = Chart {
        project: &project.name,
        past: &past.restores,
        open: &open,
        expected: project.expected.as_ref(),
        now: content.daemon.timestamp,
    };
    if chart.is_empty() {
        return html!("<p class=\"empty\">No durations are known yet.</p>");
    }
    chart.inline()
}

fn numbers(project: &ProjectStatus) -> Html {
    html!("<b>" (project.open) "</b> open, <b>" (project.ended) "</b> ended")
}

/// What is out of the ordinary.
fn states(project: &ProjectStatus) -> Html {
    let paused = project.paused_since.map(|at| {
        html!("<p class=\"outcome stopped\">" (times::icon("stopped")) "paused since " (times::at(at)) "</p>")
    });
    let refused = project.refused.as_ref().map(
        |reason| html!("<p class=\"outcome alert\">" (times::icon("alert")) "key refused: " (reason) "</p>"),
    );
    let limited = project.limited.as_ref().map(|reason| {
        let rate = format!("{:.2}", project.requests_per_second);
        html!("<p>polled " (rate) " times a second, because its server refused more: " (reason) "</p>")
    });
    html!((paused)(refused)(limited))
}

/// A project without a drawing.
fn other(project: &ProjectStatus) -> Html {
    html!("<li><a href=\"" (link_to_project(&project.name)) "\"><bdi>" (&project.name) "</bdi></a> " (numbers(project)) "</li>")
}
