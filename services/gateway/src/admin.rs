//! Administration through the front door: calls to Accounts, Quota, Billing and the rest are passed on for callers with the
//! admin scope, so that one port and one credential serve operators.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use kaleem_rpc::{CallContext, Fault, Mount, StackConfig, Transport};
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt as _};

use crate::{auth::Credential, pipeline::Pipeline};

/// A peer's service behind the admin scope.
#[derive(Clone)]
struct Guarded {
    pipeline: Arc<Pipeline>,
    peer: Transport,
}

impl Guarded {
    async fn pass(self, mut request: Request<Body>) -> Result<Response<Body>, Fault> {
        let credential = Credential::from_headers(request.headers())?;
        let (ctx, _) = self.pipeline.context(None, None)?;
        let principal = self.pipeline.authenticator().admin(&ctx, &credential).await?;
        let headers = request.headers_mut();
        // The secret ends here; the peer learns the key's id.
        headers.remove("authorization");
        headers.remove("x-api-key");
        let ctx = CallContext { key_id: Some(principal.key_id), ..ctx };
        let (metadata, _, ()) = ctx.request(()).into_parts();
        headers.extend(metadata.into_headers());
        self.peer.oneshot(request).await.map_err(|status| Fault::from_status(&status))
    }
}

impl Service<Request<Body>> for Guarded {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let passed = self.clone().pass(request);
        Box::pin(async move { Ok(passed.await.unwrap_or_else(|fault| Status::from(fault).into_http())) })
    }
}

/// Mounts `peers` (gRPC service name and transport) behind the admin scope.
pub(crate) fn mounts(
    pipeline: &Arc<Pipeline>,
    peers: Vec<(&'static str, Transport)>,
    config: &StackConfig,
) -> Vec<Mount> {
    let guarded = |(name, peer)| {
        let service = Guarded { pipeline: Arc::clone(pipeline), peer };
        Mount::named(name, service, config)
    };
    peers.into_iter().map(guarded).collect()
}
