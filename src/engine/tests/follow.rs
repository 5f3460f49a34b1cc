//! Jobs that somebody else polls.

use super::*;

impl Stage {
    fn hear(&mut self, news: Result<&str, FailureClass>) {
        let answer = |status| {
            let facts = JobFacts { target_index_name: Some("docs".to_owned()), ..JobFacts::default() };
            Answer::Job(Observation { id: id("a"), status: Status::parse(status), facts })
        };
        let news = news.map(answer).map_err(failure);
        let next = Some(self.now.instant + seconds(10));
        self.step(Event::Heard { project: ProjectName::default(), job: id("a"), news, next });
    }

    fn unfollow(&mut self) {
        self.engine.unfollow(&ProjectName::default(), &id("a"), self.now);
        self.step(Event::DeadlineReached);
    }
}

/// A job `a` that somebody else polls, with these settings.
fn followed(settings: ProjectSettings) -> Stage {
    let projects = [settings];
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut stage = Stage::unstarted(Disk::default(), &projects, Vec::new(), now);
    stage.engine.follow(&ProjectName::default(), &id("a"), now);
    stage.step(Event::DeadlineReached);
    stage
}

#[test]
fn what_is_heard_counts_and_nothing_is_asked() {
    let mut stage = followed(project(&["a"]));
    stage.hear(Ok("Pending"));
    let next = stage.engine.forecast();
    assert_eq!(next.values().copied().collect::<Vec<_>>(), [stage.now.instant + seconds(10)]);
    stage.pass(seconds(60));
    stage.step(Event::DeadlineReached);
    assert_eq!(stage.polls.len(), 0);
    stage.hear(Ok("Completed"));
    assert_eq!(stage.kinds(), [TransitionKind::Watched, TransitionKind::Completed]);
    stage.unfollow();
    assert_eq!((stage.polls.len(), stage.engine.next_poll()), (0, None));
}

#[test]
fn a_job_that_is_left_is_polled_at_once_and_goes_on_with_what_is_known() {
    let mut stage = followed(project(&["a", "b"]));
    assert_eq!(stage.polls.len(), 1, "the other job is polled here");
    stage.answer("Completed");
    stage.hear(Ok("Pending"));
    stage.kinds();
    stage.unfollow();
    assert_eq!(stage.polls.len(), 1);
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [TransitionKind::Completed]);
    stage.hear(Ok("Failed"));
    assert_eq!(stage.kinds(), [], "what comes too late does not count");
}

#[test]
fn trouble_that_is_heard_of_is_looked_into_before_it_is_told() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(30);
    let mut stage = followed(settings);
    stage.hear(Ok("Pending"));
    for _ in 0..4 {
        stage.hear(Err(FailureClass::Transient));
        stage.pass(seconds(10));
        stage.step(Event::DeadlineReached);
    }
    assert_eq!(stage.kinds(), [TransitionKind::Watched]);
    assert_eq!(stage.polls.len(), 1, "it is asked here");
    stage.pass(seconds(30));
    stage.step(Event::DeadlineReached);
    assert_eq!(stage.kinds(), [], "and the answer waited for");
    stage.answer("Pending");
    assert_eq!((stage.kinds(), stage.standing()), (Vec::new(), Standing::Open));

    // Where the answer is no better, it is told.
    let mut settings = project(&["a"]);
    settings.watch.not_found_grace = Duration::ZERO;
    let mut stage = followed(settings);
    stage.hear(Err(FailureClass::NotFound));
    assert_eq!(stage.kinds(), []);
    stage.fail_for(FailureClass::NotFound, seconds(11));
    assert_eq!(stage.kinds(), [TransitionKind::NotFound]);
}

#[test]
fn the_limits_and_the_key_of_somebody_else_are_not_ours() {
    let mut stage = followed(project(&["a", "b"]));
    stage.hear(Err(FailureClass::Throttled));
    stage.answer("Pending");
    stage.hear(Err(FailureClass::Refused));
    assert_eq!(stage.polls.len(), 1, "it is asked with our key");
    stage.answer("Pending");
    assert_eq!(stage.engine.outcomes(), [Outcome::Open, Outcome::Open]);
}

#[test]
fn the_last_look_is_our_own() {
    let mut stage = followed(project(&["a"]));
    stage.hear(Ok("Pending"));
    stage.pass(seconds(20));
    stage.step(Event::LastLookRequested);
    assert_eq!(stage.polls.len(), 1);
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [TransitionKind::Watched, TransitionKind::Completed]);
}

#[test]
fn where_nothing_is_heard_any_more_it_is_asked_here() {
    let mut stage = followed(project(&["a"]));
    stage.hear(Ok("Pending"));
    let start = stage.now.instant;
    while stage.polls.is_empty() {
        stage.next();
    }
    assert_eq!(stage.now.instant.since(start), seconds(70), "a minute after the poll that was announced");
    stage.answer("Completed");
    assert_eq!(stage.standing(), Standing::Ended(Ending::Completed));
}
