//! Health and reflection services.

use tonic_health::{pb::health_server::HealthServer, server::HealthReporter};
use tonic_reflection::server::{v1, v1alpha};

/// The standard health service. Every name given starts as NOT_SERVING; left alone, a service would start as SERVING.
pub async fn health(
    names: &[&'static str],
) -> (HealthReporter, HealthServer<impl tonic_health::pb::health_server::Health + use<>>) {
    let (reporter, server) = tonic_health::server::health_reporter();
    for name in names.iter().chain([&""]) {
        reporter.set_service_status(name, tonic_health::ServingStatus::NotServing).await;
    }
    (reporter, server)
}

/// Marks `names`, and the whole server, as serving or not.
pub async fn set_serving(reporter: &HealthReporter, names: &[&'static str], serving: bool) {
    let status =
        if serving { tonic_health::ServingStatus::Serving } else { tonic_health::ServingStatus::NotServing };
    for name in names.iter().chain([&""]) {
        reporter.set_service_status(name, status).await;
    }
}

/// Server reflection of every kaleem proto, in both versions that clients speak.
pub fn reflection() -> Result<
    (
        v1::ServerReflectionServer<impl v1::ServerReflection>,
        v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>,
    ),
    tonic_reflection::server::Error,
> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(kaleem_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok((builder().build_v1()?, builder().build_v1alpha()?))
}
