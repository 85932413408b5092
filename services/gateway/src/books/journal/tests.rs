use kaleem_proto::{billing::v1::UsageStatus, chat::v1::TokenUsage, quota::v1::Reservation};

use super::*;

/// An event as it is intended: unconfirmed, with the estimated input.
fn event(id: &str) -> UsageEvent {
    UsageEvent {
        reservation: Some(Reservation { event_id: id.into(), ..Reservation::default() }),
        usage: Some(TokenUsage { input_fresh_count: 5, ..TokenUsage::default() }),
        status: UsageStatus::Unconfirmed.into(),
        ..UsageEvent::default()
    }
}

fn ended(id: &str) -> UsageEvent {
    UsageEvent { status: UsageStatus::Ok.into(), ..event(id) }
}

/// Id, status and output of what is left.
fn shown(left: &[(Ticket, UsageEvent)]) -> Vec<(&str, UsageStatus, i64)> {
    let output = |event: &UsageEvent| event.usage.map_or(0, |usage| usage.output_text_count);
    left.iter().map(|(_, event)| (event_id(event), event.status(), output(event))).collect()
}

fn opened(folder: &Path) -> (Journal, Vec<(Ticket, UsageEvent)>) {
    Journal::open(folder).unwrap()
}

#[test]
fn what_was_not_acknowledged_is_left_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, left) = opened(folder.path());
    assert!(left.is_empty());
    let first = journal.finish(&ended("a")).unwrap();
    journal.finish(&ended("b")).unwrap();
    journal.acknowledge(first);
    drop(journal);
    let (mut journal, left) = opened(folder.path());
    // An acknowledged event of an open segment is told again: both peers know repetitions.
    assert_eq!(shown(&left), [("a", UsageStatus::Ok, 0), ("b", UsageStatus::Ok, 0)]);
    for (ticket, _) in &left {
        journal.acknowledge(*ticket);
    }
    drop(journal);
    assert!(opened(folder.path()).1.is_empty());
}

#[test]
fn an_attempt_that_died_with_its_gateway_is_charged_what_it_was_seen_to_stream() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = opened(folder.path());
    for id in ["dispatched", "ended", "released", "streaming"] {
        journal.intend(&event(id)).unwrap();
    }
    for output in [3, 9, 7] {
        journal.progress("streaming", output).unwrap();
    }
    journal.progress("unknown", 1).unwrap();
    journal.finish(&ended("ended")).unwrap();
    journal.release("released").unwrap();
    drop(journal);
    let expected = [
        ("ended", UsageStatus::Ok, 0),
        ("dispatched", UsageStatus::Unconfirmed, 0),
        ("streaming", UsageStatus::Partial, 9),
    ];
    let (journal, left) = opened(folder.path());
    assert_eq!(shown(&left), expected);
    drop(journal);
    // Killed again before anybody was told: the same once more.
    let (mut journal, left) = opened(folder.path());
    assert_eq!(shown(&left), expected);
    for (ticket, _) in &left {
        journal.acknowledge(*ticket);
    }
    drop(journal);
    assert!(opened(folder.path()).1.is_empty());
}

#[test]
fn a_torn_tail_loses_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = opened(folder.path());
    journal.finish(&ended("whole")).unwrap();
    journal.finish(&ended("torn")).unwrap();
    let file = path_of(folder.path(), journal.segment);
    let len = fs::metadata(&file).unwrap().len();
    drop(journal);
    OpenOptions::new().write(true).open(&file).unwrap().set_len(len - 1).unwrap();
    assert_eq!(shown(&opened(folder.path()).1), [("whole", UsageStatus::Ok, 0)]);
}

#[test]
fn an_idle_journal_starts_its_segment_over() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = opened(folder.path());
    for round in 0..3 {
        journal.intend(&event("a")).unwrap();
        let ticket = journal.finish(&ended("a")).unwrap();
        journal.acknowledge(ticket);
        assert_eq!(journal.len, 0, "round {round}");
    }
    journal.intend(&event("runs")).unwrap();
    let ticket = journal.finish(&ended("b")).unwrap();
    journal.acknowledge(ticket);
    assert!(journal.len > 0, "an intent is kept while its attempt runs");
}

#[test]
fn the_last_event_of_an_old_segment_takes_none_of_a_new_one_with_it() {
    let folder = tempfile::tempdir().unwrap();
    opened(folder.path()).0.finish(&ended("old")).unwrap();
    let (mut journal, left) = opened(folder.path());
    journal.finish(&ended("new")).unwrap();
    journal.acknowledge(left[0].0);
    drop(journal);
    assert_eq!(shown(&opened(folder.path()).1), [("new", UsageStatus::Ok, 0)]);
}

#[test]
fn a_long_stream_moves_on_and_holds_no_segment_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = opened(folder.path());
    journal.intend(&event("long")).unwrap();
    journal.progress("long", 4).unwrap();
    let first = journal.finish(&ended("a")).unwrap();
    journal.rotate().unwrap();
    let second = journal.finish(&ended("b")).unwrap();
    journal.rotate().unwrap();
    // Out of turn: the second segment waits for the first.
    journal.acknowledge(second);
    assert_eq!(segments(folder.path()).unwrap().len(), 3);
    journal.acknowledge(first);
    assert_eq!(segments(folder.path()).unwrap(), [journal.segment]);
    drop(journal);
    assert_eq!(shown(&opened(folder.path()).1), [("long", UsageStatus::Partial, 4)]);
}

#[test]
fn what_cannot_be_synced_is_left_for_a_new_segment() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = opened(folder.path());
    journal.intend(&event("running")).unwrap();
    let before = journal.finish(&ended("before")).unwrap();
    journal.distrust();
    journal.probe().unwrap();
    let after = journal.finish(&ended("after")).unwrap();
    assert_ne!(before, after);
    drop(journal);
    let left = opened(folder.path()).1;
    let expected = [
        ("before", UsageStatus::Ok, 0),
        ("after", UsageStatus::Ok, 0),
        ("running", UsageStatus::Unconfirmed, 0),
    ];
    assert_eq!(shown(&left), expected);
}

#[test]
fn a_journal_with_as_many_segments_as_it_may_have_takes_no_new_attempt_and_every_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = opened(folder.path()).0;
    for number in 0..SEGMENTS_MAX {
        journal.finish(&ended(&number.to_string())).unwrap();
        drop(journal);
        journal = opened(folder.path()).0;
    }
    let full = journal.intend(&event("new")).unwrap_err();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert_eq!(journal.probe().unwrap_err().kind(), io::ErrorKind::StorageFull);
    journal.finish(&ended("late")).unwrap();
    drop(journal);
    let (mut journal, left) = opened(folder.path());
    assert_eq!(left.len(), SEGMENTS_MAX + 1);
    for (ticket, _) in left {
        journal.acknowledge(ticket);
    }
    journal.intend(&event("new")).unwrap();
}
