//! Row 23 of the crash matrix: quota's clock jumps a day ahead and back.

use std::time::Duration;

use kaleem_domain::Clock as _;
use kaleem_runtime::SystemClock;
use kaleem_testkit::{Gate, ManualClock, openai_upstream::Reply};

use crate::{audit::told, caller::new_id, mesh::Mesh};

const DAY: Duration = Duration::from_hours(24);

/// An answer is streaming while the clock jumps ahead, which expires its hold, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_23_a_day_ahead_and_back() {
    let now = SystemClock.now();
    let clock = ManualClock::at(now);
    let mesh = Mesh::start_timed(&clock).await;
    let gateway = mesh.gateway("gateway-1", "").await;
    let caller = mesh.caller();
    let mut answered = vec![caller.insist().await];
    let gate = Gate::new();
    mesh.worker.push(Reply::text(["نعم"]).wait(&gate).then_text([" نشحن"]));
    let id = new_id();
    let jumped = async {
        gate.arrived(1).await;
        let (before, held) = mesh.posted().await;
        assert_eq!((before.requests, held), (1, 1));
        clock.advance(DAY);
        let (tomorrow, held) = mesh.posted().await;
        assert_eq!((tomorrow.requests, held), (0, 0), "the hold ran out, and tomorrow is another day");
        clock.set(now);
        // A step of more than five seconds is believed; the day of the admission has what the expired hold is charged.
        let (today, held) = mesh.posted().await;
        assert_eq!((today.requests, held), (2, 0));
        gate.open();
    };
    let (late, ()) = tokio::join!(caller.ask(&id), jumped);
    answered.push(late.expect("the stream was open all the time"));
    answered.push(caller.insist().await);
    assert!(gateway.stop().await.success());
    let charges = mesh.settled(3).await;
    assert!(told(&answered, &charges).is_empty());
    mesh.end().await;
}
