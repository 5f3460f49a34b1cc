//! The lines of a terminal: which jobs have one, and in which order.
//!
//! Invariant: the lines are a pure function of what is shown, the size and the style. There are
//! never more than the terminal has rows, and of a reason nothing is cut before decoration is.

use super::columns::rows;
use super::counts::Counts;
use super::fit::shorten;
use super::screen::Size;
use super::style::{Style, Tone};
use super::view::{Job, Trouble, View};
use super::words;
use crate::model::{Outcome, duration, natural_order};
use crate::platform::lines::{NO_BREAK, unbroken, wrap};

use console::measure_text_width;

/// With fewer rows, what is not about this moment is left out.
const MIN_ROWS_FOR_TAIL: usize = 8;

/// A reason has this many rows at most.
const MAX_REASON_ROWS: usize = 4;

/// With fewer columns, a reason has one row, which is cut.
const MIN_COLUMNS_TO_WRAP: usize = 20;

/// More different errors than this are counted.
const MAX_TROUBLES: usize = 3;

/// Where and how lines are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) style: Style,
    /// The number of the frame, for what moves.
    pub(super) frame: usize,
}

/// What several open jobs, or one of them, fail with.
#[derive(Debug, Clone, Copy)]
struct SharedTrouble<'v> {
    trouble: Trouble<'v>,
    label: &'v str,
    jobs: usize,
}

/// The lines of a frame.
pub(super) fn lines(view: &View<'_>, size: Size, style: Style, frame: usize) -> Vec<String> {
    let paper = Paper {
        // A line that fills the last column leaves the cursor where terminals do not agree.
        columns: usize::from(size.columns).saturating_sub(1).max(1),
        // The command line that began the wait stays on the screen.
        rows: usize::from(size.rows).saturating_sub(1).max(1),
        style,
        frame,
    };
    let troubles = troubles(view);
    let tail = tail(view, paper);

    let whole = (view.jobs.len() <= paper.rows).then(|| whole(view, &troubles, paper));
    match whole.filter(|lines| lines.len() <= paper.rows) {
        Some(mut lines) => {
            let room = paper.rows - lines.len();
            // The first of them is the first to go.
            lines.extend(tail.into_iter().rev().take(room).rev());
            lines
        }
        None => folded(view, &troubles, tail, paper),
    }
}

/// A line for each job, in the order in which they were named.
fn whole(view: &View<'_>, troubles: &[SharedTrouble<'_>], paper: Paper) -> Vec<String> {
    let mut jobs: Vec<_> = view.jobs.iter().collect();
    jobs.sort_by(|a, b| a.place.compare(a.label, b.place, b.label));

    let mut lines = head(view, paper);
    let shared = troubles.iter().filter(|trouble| trouble.jobs > 1);
    lines.extend(shared.flat_map(|shared| shared_lines(shared, view, paper)));
    for (job, row) in jobs.iter().zip(rows(&jobs, paper)) {
        lines.push(row);
        let is_shared =
            |reason| troubles.iter().any(|other| other.jobs > 1 && other.trouble.reason == reason);
        let own = job.trouble.filter(|own| job.outcome != Outcome::Open || !is_shared(own.reason));
        lines.extend(own.into_iter().flat_map(|own| own_lines(job, own, paper)));
    }

    lines
}

/// As many jobs as there is room for: those in which something went wrong, then those that are
/// nearest to their end; the others are counted.
fn folded(view: &View<'_>, troubles: &[SharedTrouble<'_>], tail: Vec<String>, paper: Paper) -> Vec<String> {
    let has_tail = paper.rows >= MIN_ROWS_FOR_TAIL;
    let mut lines = head(view, paper);
    for shared in troubles.iter().take(MAX_TROUBLES) {
        lines.extend(shared_lines(shared, view, paper));
    }
    if troubles.len() > MAX_TROUBLES {
        let more = format!("  {} {} other errors", paper.style.ellipsis(), troubles.len() - MAX_TROUBLES);
        lines.push(paper.style.paint(Tone::Trouble, &more));
    }

    let fixed = lines.len() + 1 + if has_tail { tail.len() } else { 0 };
    let (shown, reasons) = selection(view, paper.rows.saturating_sub(fixed), paper);
    let table = rows(&shown, paper).into_iter().zip(reasons);
    lines.extend(table.flat_map(|(row, reason)| std::iter::once(row).chain(reason)));

    let counts: Counts = shown.iter().map(|job| job.standing()).collect();
    let rest = format!("  {} {}", paper.style.ellipsis(), view.counts.rest_in_words(&counts));
    lines.push(paper.style.paint(Tone::Faint, &rest));
    if has_tail {
        lines.extend(tail);
    }
    lines.truncate(paper.rows);
    lines
}

/// The jobs that have a line if there is room for so many, each with the lines of its reason.
fn selection<'v, 'a>(view: &'v View<'a>, room: usize, paper: Paper) -> (Vec<&'v Job<'a>>, Vec<Vec<String>>) {
    let (bad, rest): (Vec<_>, Vec<_>) = view.jobs.iter().partition(|job| Tone::of(job.outcome) == Tone::Bad);
    let open: Vec<_> = rest.into_iter().filter(|job| job.outcome == Outcome::Open).collect();
    let room_for_open = open.len().min(room / 2);

    let (mut shown, mut reasons, mut used) = (Vec::new(), Vec::new(), 0);
    for job in first(bad, room, &|a, b| natural_order(a.label, b.label)) {
        let reason: Vec<_> = job.trouble.into_iter().flat_map(|own| own_lines(job, own, paper)).collect();
        if used + 1 + reason.len() + room_for_open > room {
            break;
        }
        used += 1 + reason.len();
        shown.push(job);
        reasons.push(reason);
    }
    for job in first(open, room - used, &|a, b| {
        nearness(a).cmp(&nearness(b)).then_with(|| natural_order(a.label, b.label))
    }) {
        shown.push(job);
        reasons.push(Vec::new());
    }

    (shown, reasons)
}

/// The first `count` in this order. Only they are sorted.
fn first<'v, 'a>(
    mut jobs: Vec<&'v Job<'a>>,
    count: usize,
    order: &dyn Fn(&Job<'a>, &Job<'a>) -> std::cmp::Ordering,
) -> Vec<&'v Job<'a>> {
    if (1..jobs.len()).contains(&count) {
        jobs.select_nth_unstable_by(count, |a, b| order(a, b));
    }
    jobs.truncate(count);
    jobs.sort_by(|a, b| order(a, b));
    jobs
}

/// How near a job is to its end, the nearest first: by powers of two of the time that is left, else
/// by the minute of its start. Both change seldom, so that rows stay in their places.
fn nearness(job: &Job<'_>) -> (u8, i64) {
    let left = job.left.map(|left| i64::from(left.as_secs().checked_ilog2().map_or(0, |log| log + 1)));
    match (left, job.started_at, job.status) {
        (Some(left), ..) => (0, left),
        (None, Some(started_at), Some(_)) => (1, started_at.as_second().div_euclid(60)),
        (None, None, Some(_)) => (2, 0),
        (None, _, None) => (3, 0),
    }
}

/// What stands above the jobs: the totals and the clock, and the search for others.
fn head(view: &View<'_>, paper: Paper) -> Vec<String> {
    let mut lines = Vec::new();
    let clock = duration::running(view.waited);
    if view.jobs.len() > 1 {
        let counts = view.counts.words();
        let headline = words::headline(view);
        let short = format!("{}: {counts}", words::restores(view.jobs.len()));
        let texts = [format!("{headline}   {clock}"), format!("{short}   {clock}"), short, counts];
        let fits = |text: &&String| measure_text_width(text) <= paper.columns;
        match texts.iter().find(fits) {
            Some(text) => lines.push(text.clone()),
            None => lines.extend(wrap_below(&texts[0], paper)),
        }
    }

    if let Some(search) = view.search {
        let mark = paper.style.mark(Outcome::Open, paper.frame);
        let text = format!("{mark} {}", paper.style.shown(&words::search(search)));
        lines.extend(wrap_below(&text, paper));
    }
    if let Some(trouble) = &view.list_trouble {
        lines.extend(trouble_lines("the restores cannot be listed: ", trouble, Tone::Trouble, paper));
    }
    lines
}

/// What stands below the jobs, the most important last.
fn tail(view: &View<'_>, paper: Paper) -> Vec<String> {
    let expected = view.expected.iter().flat_map(|past| wrap_below(&format!("  {past}"), paper));
    // It is short, because a terminal shows a `^C` behind it.
    let restores = if view.jobs.len() == 1 { "restore" } else { "restores" };
    let footer = format!("Ctrl-C ends the wait, not the {restores}");
    expected.chain([footer]).map(|line| paper.style.paint(Tone::Faint, &line)).collect()
}

/// What open jobs fail with, in no order: each reason once.
fn troubles<'v>(view: &'v View<'_>) -> Vec<SharedTrouble<'v>> {
    let mut found: Vec<SharedTrouble<'v>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for job in view.jobs.iter().filter(|job| job.outcome == Outcome::Open) {
        let Some(trouble) = job.trouble else { continue };
        let place = *places.entry(trouble.reason).or_insert(found.len());
        match found.get_mut(place) {
            // The wait for all of them ends with the last one.
            Some(known) => {
                known.jobs += 1;
                known.trouble.gives_up_in = known.trouble.gives_up_in.max(trouble.gives_up_in);
            }
            None => found.push(SharedTrouble { trouble, label: job.label, jobs: 1 }),
        }
    }
    found.sort_by(|a, b| b.jobs.cmp(&a.jobs).then_with(|| natural_order(a.label, b.label)));
    found
}

/// The lines of a trouble that is not below its job.
fn shared_lines(shared: &SharedTrouble<'_>, view: &View<'_>, paper: Paper) -> Vec<String> {
    let whose = match shared.jobs {
        1 => format!("{}: ", shorten(shared.label, paper.columns / 3, paper.style.ellipsis())),
        jobs if jobs == view.counts.open() => String::new(),
        jobs => format!("{}: ", words::restores(jobs)),
    };
    trouble_lines(&whose, &shared.trouble, Tone::Trouble, paper)
}

/// The lines below a job that say why it is as it is.
fn own_lines(job: &Job<'_>, trouble: Trouble<'_>, paper: Paper) -> Vec<String> {
    let tone = if job.outcome == Outcome::Open { Tone::Trouble } else { Tone::Plain };
    trouble_lines("", &trouble, tone, paper)
}

fn trouble_lines(whose: &str, trouble: &Trouble<'_>, tone: Tone, paper: Paper) -> Vec<String> {
    let (reason, end) = words::trouble_parts(trouble);
    let reason = paper.style.shown(reason);
    if paper.columns < MIN_COLUMNS_TO_WRAP {
        return vec![paper.style.paint(tone, &format!("  {whose}{reason}{end}"))];
    }

    // The time is read at one glance.
    let end = unbroken(&end).replacen(NO_BREAK, " ", 1);
    let width = paper.columns - 2;
    let mut room = width * MAX_REASON_ROWS;
    let rows = loop {
        let cut = console::truncate_str(&reason, room, paper.style.ellipsis());
        let rows = wrap(&format!("{whose}{cut}{end}"), width);
        if rows.len() <= MAX_REASON_ROWS || room == 0 {
            break rows;
        }
        room = room.saturating_sub(width / 4);
    };
    let shown = |row: &String| format!("  {}", paper.style.paint(tone, row));
    rows.iter().map(shown).collect()
}

/// A text in rows of which all but the first are indented by two columns; the first may be by
/// itself.
fn wrap_below(text: &str, paper: Paper) -> Vec<String> {
    if paper.columns < MIN_COLUMNS_TO_WRAP {
        return vec![text.to_owned()];
    }
    let (indent, text) = text.strip_prefix("  ").map_or(("", text), |rest| ("  ", rest));
    let rows = wrap(text, paper.columns - 2).into_iter().enumerate();
    rows.map(|(number, row)| format!("{}{row}", if number == 0 { indent } else { "  " })).collect()
}

#[cfg(test)]
mod tests;
