use super::*;

fn shelf(entries: &[(u8, &'static str)]) -> Shelf<u8, &'static str> {
    let mut shelf = Shelf::new(2, true);
    for (id, value) in entries {
        shelf.put(*id, Arc::new(*value));
    }
    shelf
}

#[track_caller]
fn mark(lookup: &Lookup<&'static str>) -> Mark {
    match lookup {
        Lookup::Unindexed(mark) => *mark,
        known => panic!("{known:?}"),
    }
}

#[track_caller]
fn assert_found(lookup: &Lookup<&'static str>, expected: &str) {
    assert!(matches!(lookup, Lookup::Found(value) if **value == expected), "{lookup:?}");
}

#[test]
fn a_complete_shelf_knows_what_is_absent() {
    let shelf = shelf(&[(1, "a"), (2, "b")]);
    assert_found(&shelf.get(&1), "a");
    assert!(matches!(shelf.get(&3), Lookup::Absent));
}

#[test]
fn beyond_the_bound_only_the_store_knows() {
    let mut shelf = shelf(&[(1, "a"), (2, "b"), (3, "c")]);
    assert!(matches!(shelf.get(&3), Lookup::Unindexed(_)));
    shelf.written(2, "B", false);
    assert_found(&shelf.get(&2), "B");
    assert_eq!(shelf.entries.len(), 2);
}

#[test]
fn after_an_unknown_outcome_only_the_store_knows_and_its_answer_is_kept() {
    let mut shelf = shelf(&[(1, "a")]);
    shelf.forget(&1);
    let asked = mark(&shelf.get(&1));
    shelf.keep(1, &Arc::new("A"), asked);
    assert_found(&shelf.get(&1), "A");
}

#[test]
fn an_answer_that_a_change_overtook_is_not_kept() {
    let mut shelf = Shelf::new(2, false);
    let asked = mark(&shelf.get(&1));
    shelf.forget(&1);
    shelf.keep(1, &Arc::new("old"), asked);
    assert!(matches!(shelf.get(&1), Lookup::Unindexed(_)));
}

#[test]
fn what_this_process_wrote_to_a_shared_store_is_asked_for_again() {
    let mut shelf = Shelf::new(2, false);
    shelf.put(1, Arc::new("a"));
    shelf.written(1, "b", true);
    assert!(matches!(shelf.get(&1), Lookup::Unindexed(_)));
}

#[tokio::test(start_paused = true)]
async fn without_hearing_of_changes_nothing_is_trusted_for_long() {
    let snapshot = Snapshot { plans: Plan::defaults(), merchants: vec![], keys: vec![], sequence: 1 };
    let bounds = Bounds { keys: 9, merchants: 9, plans: 9 };
    let mut index = Index::new(snapshot, bounds, Some(Duration::from_secs(1)));
    assert!(matches!(index.plan("starter"), Lookup::Found(_)));
    assert!(matches!(index.plan("gold"), Lookup::Unindexed(_)), "another process may have made it");
    tokio::time::advance(Duration::from_millis(1_001)).await;
    assert!(!index.is_current() && matches!(index.plan("starter"), Lookup::Unindexed(_)));
    index.heard(Instant::now());
    assert!(matches!(index.plan("starter"), Lookup::Found(_)));
    index.changed(&Subject::Plans);
    assert!(matches!(index.plan("starter"), Lookup::Unindexed(_)));
}
