//! Hours in milliseconds: the driver and its adapters against the simulated control plane, over
//! real HTTP, in paused time.
//!
//! Both ends share one runtime of one thread, so that time moves on only when neither has anything
//! left to do.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use restore_watch::app::driver::{Driver, State};
use restore_watch::app::setup::Setup;
use restore_watch::config::{Endpoint, JobSettings, ProjectSettings, Rate, SecretSource, StateSettings};
use restore_watch::model::{Elapsed, Event, EventKind, ProjectName};
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Scenario, Simulator, Timeline};

use EventKind::{
    Completed, NotFound, Overdue, Progressed, ProjectRecovered, ProjectUnauthorized, Recovered, Unreachable,
    Watched,
};

const START: &str = "2026-11-23T12:00:00Z";

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

#[tokio::test(start_paused = true)]
async fn five_hour_restore_is_polled_by_the_square_root_rule() {
    let site = Site::play("default", "[[job]]\nid = \"rj-1\"\ntakes = \"5h\"").await;
    let events = watch(&[&site], 6).await;

    assert_eq!(kinds(&events), [Watched, Completed]);
    // The integral of dt / sqrt(0.2 t) over five hours is 600; the jitter of a tenth moves it by
    // little.
    let polls = site.plane.count();
    assert!((560..=640).contains(&polls), "{polls}");

    let delay = events[1].detection_delay_seconds.unwrap();
    assert!((0.0..=66.0).contains(&delay), "{delay}");
    assert!(site.longest_gap(0.0, 5.0 * HOUR) <= 66.5);
    assert!(site.longest_gap(0.0, 10.0) <= 2.0, "a young job is watched closely");
    assert_eq!(events[1].elapsed, Elapsed::Exact(Duration::from_hours(5)));
    assert!(site.plane.connections() < polls / 10, "connections are used again");
}

#[tokio::test(start_paused = true)]
async fn age_of_a_job_counts_and_not_its_time_watched() {
    let site = Site::play("default", "[[job]]\nid = \"rj-1\"\nage = \"4h\"\ntakes = \"5h\"").await;
    assert_eq!(kinds(&watch(&[&site], 2).await), [Watched, Completed]);
    let polls = site.plane.count();
    assert!((55..=75).contains(&polls), "{polls}");
}

#[tokio::test(start_paused = true)]
async fn hour_long_outage_and_its_end_are_emitted_once() {
    for fault in ["kind = \"status\"\nstatus = 503", "kind = \"drop\"", "kind = \"hang\"", "kind = \"html\""]
    {
        let outage = format!("[[fault]]\nfrom = \"10m\"\nto = \"70m\"\n{fault}");
        let site = Site::play("default", &format!("[[job]]\nid = \"rj-1\"\ntakes = \"2h\"\n{outage}")).await;
        let emitted = emitted(&watch(&[&site], 3).await);
        let kinds: Vec<_> = emitted.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Watched, Unreachable, Recovered, Completed], "{fault}");
        // Ten minutes count from the first failure, which comes within one poll of the outage, and
        // end with a poll.
        let (unreachable, recovered) = (emitted[1].1 / MINUTE, emitted[2].1 / MINUTE);
        assert!((20.0..21.5).contains(&unreachable), "{fault}: {unreachable}");
        assert!((70.0..71.5).contains(&recovered), "{fault}: {recovered}");
        let during = site.requests().iter().filter(|at| (10.0 * MINUTE..70.0 * MINUTE).contains(*at)).count();
        assert!((50..250).contains(&during), "{fault}: {during}");
    }
}

#[tokio::test(start_paused = true)]
async fn job_seen_before_may_be_404_for_ten_minutes() {
    for (minutes, expected) in
        [(9, &[Watched, Completed][..]), (25, &[Watched, NotFound, Recovered, Completed])]
    {
        let to = 10 + minutes;
        let fault = format!("[[fault]]\nfrom = \"10m\"\nto = \"{to}m\"\nkind = \"status\"\nstatus = 404");
        let site = Site::play("default", &format!("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n{fault}")).await;
        let emitted = emitted(&watch(&[&site], 2).await);
        assert_eq!(emitted.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), expected);
        if let Some((_, at)) = emitted.iter().find(|(kind, _)| *kind == NotFound) {
            assert!((20.0..21.5).contains(&(at / MINUTE)), "{at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_job_emits_not_found_after_a_minute() {
    let site = Site::play("default", "[[job]]\nid = \"rj-1\"\nappears = \"2h\"\ntakes = \"10m\"").await;
    let emitted = emitted(&watch(&[&site], 3).await);
    assert_eq!(
        emitted.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
        [NotFound, Watched, Recovered, Completed]
    );
    assert!((60.0..75.0).contains(&emitted[0].1), "{emitted:?}");
    assert!(site.plane.count() < 300, "{}", site.plane.count());
}

#[tokio::test(start_paused = true)]
async fn retry_after_pauses_that_project_alone() {
    for form in ["", "retry_after_date = true"] {
        for status in [429, 503] {
            let fault = format!(
                "[[fault]]\nrequests = [40]\nkind = \"status\"\nstatus = {status}\nretry_after = \"600s\"\n{form}"
            );
            let jobs = "[[job]]\nid = \"rj\"\ncount = 5\ntakes = \"25m\"";
            let mut asked = Site::play("asked", &format!("{jobs}\n{fault}")).await;
            // The pause of ten minutes must not emit `unreachable` here.
            asked.project.watch.unreachable_after = Duration::from_mins(30);
            let other = Site::play("other", jobs).await;
            let events = watch(&[&asked, &other], 1).await;
            let requests = asked.plane.requests();
            let throttled = requests.iter().position(|request| request.answered == Some(status)).unwrap();
            // Requests in flight are answered; from then on there are none.
            let from = requests[throttled].at.as_secs_f64();
            let during =
                asked.requests().iter().filter(|at| (from + 0.1..from + 600.0).contains(*at)).count();
            assert_eq!(during, 0, "{status} {form}");
            let later =
                asked.requests().iter().filter(|at| (from + 600.0..from + 602.0).contains(*at)).count();
            assert!(later >= 1, "{status} {form}");
            assert!(other.longest_gap(from, from + 600.0) < 30.0, "{status} {form}");
            let completed = events.iter().filter(|event| event.kind == Completed).count();
            assert_eq!((completed, kinds(&events).contains(&Unreachable)), (10, false));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn polls_close_in_on_the_end_if_progress_is_reported() {
    let site = Site::play("default", "[[job]]\nid = \"rj-1\"\ntakes = \"3h\"\nprogress = \"linear\"").await;
    let events = watch(&[&site], 4).await;
    let delay = events.last().unwrap().detection_delay_seconds.unwrap();
    assert!(delay <= 1.5, "{delay}");
    let progressed = events.iter().filter(|event| event.kind == Progressed).count();
    assert!((5..=10).contains(&progressed), "{progressed}");
    assert!(site.plane.count() < 400, "{}", site.plane.count());
    assert!(site.longest_gap(0.0, 3.0 * HOUR) <= 66.5);
}

#[tokio::test(start_paused = true)]
async fn key_refused_for_an_hour_emits_unauthorized_once() {
    let site = Site::play(
        "default",
        "revoked = [{ from = \"10m\", to = \"70m\" }]\n[[job]]\nid = \"rj\"\ncount = 3\ntakes = \"2h\"",
    )
    .await;
    let events = watch(&[&site], 3).await;

    let emitted = emitted(&events);
    let project: Vec<_> = emitted.iter().filter(|(kind, _)| ![Watched, Completed].contains(kind)).collect();
    let [(ProjectUnauthorized, refused), (ProjectRecovered, accepted)] = project[..] else {
        panic!("{emitted:?}")
    };
    assert!((10.0..12.0).contains(&(refused / MINUTE)), "{refused}");
    assert!((70.0..72.0).contains(&(accepted / MINUTE)), "{accepted}");
    assert_eq!(emitted.iter().filter(|(kind, _)| *kind == Completed).count(), 3);

    let during = site.requests().iter().filter(|at| (10.0 * MINUTE..70.0 * MINUTE).contains(*at)).count();
    assert!((50..100).contains(&during), "slowly: {during}");
}

#[tokio::test(start_paused = true)]
async fn rate_is_kept_in_every_window_and_no_job_starves() {
    let mut site =
        Site::play("default", "[[job]]\nid = \"rj\"\ncount = 200\ntakes = \"20m\"\ntakes_step = \"1s\"")
            .await;
    let (rate, burst) = (3.0, 5);
    site.project.api.requests_per_second = Rate::new(rate).unwrap();
    site.project.api.burst = NonZeroU32::new(burst).unwrap();
    let events = watch(&[&site], 2).await;

    assert_eq!(events.iter().filter(|event| event.kind == Completed).count(), 200);
    // Of requests i to j, `j - i + 1 <= burst + rate * (tj - ti)` for all i: the least `i - rate *
    // ti` decides.
    let (mut least, mut number) = (f64::INFINITY, 0.0);
    for at in site.requests() {
        number += 1.0;
        least = least.min(number - rate * at);
        let most = number - rate * at - least + 1.0;
        assert!(most <= f64::from(burst) + 1e-6, "{most} at {at}");
    }

    // In the first 70 s there are fewer requests than the jobs want, and yet each is polled.
    let emitted = emitted(&events);
    let early = emitted.iter().filter(|(kind, at)| *kind == Watched && *at < 70.0).count();
    assert_eq!(early, 200);
    for event in events.iter().filter(|event| event.kind == Completed) {
        assert!(event.detection_delay_seconds.unwrap() < 150.0, "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn job_past_its_deadline_emits_overdue_once() {
    let mut site = Site::play("default", "[[job]]\nid = \"rj-1\"\nage = \"30m\"\ntakes = \"3h\"").await;
    site.project.jobs[0].deadline = Some(Duration::from_hours(1));
    let emitted = emitted(&watch(&[&site], 4).await);
    assert_eq!(emitted.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [Watched, Overdue, Completed]);
    assert!((30.0 * MINUTE - 1.0..30.0 * MINUTE + 1.0).contains(&emitted[1].1), "{emitted:?}");
}

/// A control plane and what is watched on it.
struct Site {
    plane: Simulator,
    project: ProjectSettings,
}

impl Site {
    /// Plays a scenario; all its jobs are watched with the default settings.
    async fn play(name: &str, scenario: &str) -> Self {
        let scenario: Scenario = scenario.parse().unwrap_or_else(|error| panic!("{error}"));
        let timeline = Timeline::start(START.parse().expect("a time"));
        let plane = Simulator::start(&scenario, "127.0.0.1:0".parse().expect("an address"), timeline)
            .await
            .expect("a free port");
        let mut project = ProjectSettings {
            name: ProjectName::new(name),
            api_key: SecretSource::Public("a-key"),
            jobs: scenario.job_ids().iter().cloned().map(JobSettings::new).collect(),
            ..ProjectSettings::default()
        };
        project.api.endpoint = Endpoint::parse(&plane.url(), false).expect("an endpoint");
        Self { plane, project }
    }

    /// When requests came, in seconds.
    fn requests(&self) -> Vec<f64> {
        self.plane.requests().iter().map(|request| request.at.as_secs_f64()).collect()
    }

    /// The longest time without a request between these times.
    fn longest_gap(&self, from: f64, to: f64) -> f64 {
        let requests = self.requests();
        let within = requests.windows(2).filter(|pair| pair[1] > from && pair[0] < to);
        within.map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
    }
}

/// Watches until every job ended, or for so many hours.
async fn watch(sites: &[&Site], hours: u64) -> Vec<Arc<Event>> {
    let projects: Vec<_> = sites.iter().map(|site| site.project.clone()).collect();
    let clock = Clock::set_to(START.parse().expect("a time"));
    let setup = Setup::new(projects, &[], StateSettings::KEEP).expect("parts that fit");
    let mut driver = Driver::new(setup, State::volatile(), clock);
    let end = driver.now().instant + Duration::from_hours(hours);
    let mut events = Vec::new();
    while driver.engine().polls().busy_until(end) || !driver.engine().deliveries().is_settled() {
        tokio::select! {
            turned = driver.turn() => events.extend(turned.expect("nothing that stops a driver")),
            () = clock.sleep_until(Some(end)) => break,
        }
    }
    events
}

/// The kinds of the events, and their times in seconds.
fn emitted(events: &[Arc<Event>]) -> Vec<(EventKind, f64)> {
    let start = START.parse().expect("a time");
    events.iter().map(|event| (event.kind, event.timestamp.duration_since(start).as_secs_f64())).collect()
}

fn kinds(events: &[Arc<Event>]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}
