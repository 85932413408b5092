//! One client type for a peer in this process and for a peer over TCP; callers cannot tell.

use std::{convert::Infallible, time::Duration};

use http::{Request, Response};
use tonic::{
    Status,
    body::Body,
    codegen::Service,
    transport::{Channel, ClientTlsConfig, Endpoint},
};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use crate::{Code, Fault, ResolverError};

/// An erased client transport; cloning is cheap. Its error is a [`Status`]: with a boxed error the call future of generated
/// clients is not `Send`.
pub type Transport = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// A transport to a service in this process.
pub(crate) fn local<S>(service: S) -> Transport
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(|never: Infallible| match never {}))
}

/// A transport to several services, told apart by the first part of the path.
pub(crate) fn by_path(services: Vec<(&'static str, Transport)>) -> Transport {
    let services: std::sync::Arc<[_]> = services.into();
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Body>| {
        let name = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        let found = services.iter().find(|(known, _)| *known == name).map(|(_, transport)| transport.clone());
        let unknown = found.is_none().then(|| format!("no service {name:?} runs here"));
        async move {
            match found {
                Some(transport) => transport.oneshot(request).await,
                None => {
                    let message = unknown.unwrap_or_default();
                    Err(Fault::new(Code::Unimplemented, "rpc.kaleem", "NOT_IMPLEMENTED", message).into())
                }
            }
        }
    }))
}

/// A transport to `address` (`http://host:port` or `https://…`) that connects on first use and again after a loss.
pub fn remote(target: &str, address: &str, tls: Option<ClientTlsConfig>) -> Result<Transport, ResolverError> {
    let wrong = |detail: String| ResolverError::Address { target: target.to_owned(), address: address.to_owned(), detail };
    let mut endpoint = Endpoint::from_shared(address.to_owned())
        .map_err(|error| wrong(error.to_string()))?
        .connect_timeout(Duration::from_secs(2))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true)
        .http2_adaptive_window(true);
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls).map_err(|error| wrong(error.to_string()))?;
    }
    let channel: Channel = endpoint.connect_lazy();
    let (target, address) = (target.to_owned(), address.to_owned());
    Ok(BoxCloneSyncService::new(channel.map_err(move |error| unreachable_peer(&target, &address, &error))))
}

fn unreachable_peer(target: &str, address: &str, error: &tonic::transport::Error) -> Status {
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = cause.to_string();
        source = cause.source();
    }
    let message = format!("{target} is not reachable at {address}: {detail}");
    Fault::new(Code::Unavailable, "rpc.kaleem", "PEER_UNAVAILABLE", message)
        .with("target", target)
        .retry_after(Duration::from_secs(1))
        .into()
}
