//! A watch outlives the default deadline, which bounds only calls that come to an end.

use std::time::Duration;

use kaleem_rpc::{Mount, StackConfig};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response::ServingStatus as Seen, health_client::HealthClient},
};

use crate::peer::soon;

const SERVICE: &str = "kaleem.provider.v1.ProviderService";

#[tokio::test(start_paused = true)]
async fn a_watch_without_a_deadline_goes_on() {
    let (reporter, server) = tonic_health::server::health_reporter();
    reporter.set_service_status(SERVICE, ServingStatus::NotServing).await;
    let stack = StackConfig::default();
    let mut client = HealthClient::new(Mount::new(server, &stack).transport);
    let request = HealthCheckRequest { service: SERVICE.into() };
    let mut states = client.watch(request).await.expect("a watch").into_inner();
    let first = soon("the state", states.message()).await.expect("no failure").expect("no end");
    assert_eq!(first.status(), Seen::NotServing);
    tokio::select! {
        changed = states.message() => panic!("nothing happened, and yet {changed:?}"),
        () = tokio::time::sleep(stack.deadline_max + Duration::from_secs(1)) => {}
    }
    reporter.set_service_status(SERVICE, ServingStatus::Serving).await;
    let second = soon("the change", states.message()).await.expect("no failure").expect("no end");
    assert_eq!(second.status(), Seen::Serving);
}
