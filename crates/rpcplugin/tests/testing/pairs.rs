use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rpcplugin::{
    Client, Tls,
    client::{ExitStatus, PluginChannel, ServingStatus, ShutdownOutcome, State},
    core::Kind,
    testing::{self, Pair},
    tonic::{Code, Request, Status, service::InterceptorLayer},
    transport::error_from_status,
};
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};

use crate::{echo::Echo, within};

fn kv(plugin: &Client) -> KvClient<PluginChannel> {
    plugin.dispense(KvClient::new)
}

async fn get(plugin: &Client) -> Result<Vec<u8>, Status> {
    let reply = kv(plugin).get(GetRequest { key: "key".into() }).await?;
    Ok(reply.into_inner().value)
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn both_sides_prove_their_certificates() {
    let plugin = testing::client(Echo::default().plugins()).await.unwrap();
    assert_eq!(get(&plugin).await.unwrap(), b"key");
    assert_eq!(plugin.tls(), Tls::Auto);
    let info = plugin.tls_info().unwrap();
    assert!(info.client_certificate_requested, "the plugin asks who its host is");
    let (host, peer) = (plugin.host_certificate().unwrap(), plugin.peer_certificate().unwrap());
    assert_ne!(host.fingerprint(), peer.fingerprint());
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn a_build_without_tls_refuses_it() {
    let error = testing::client(Echo::default().plugins()).await.unwrap_err();
    assert_eq!(error.code(), "SECURITY_TLS_NOT_BUILT");
}

fn plain(echo: &Echo) -> Pair {
    Pair::new(echo.plugins()).tls(Tls::Plaintext)
}

#[tokio::test]
async fn health_is_that_of_the_plugins_services() {
    let plugin = plain(&Echo::default()).join().await.unwrap();
    plugin.ping().await.unwrap();
    for service in ["", "plugin", "proto.KV"] {
        assert_eq!(plugin.health(service).await.unwrap(), ServingStatus::Serving);
    }
    assert_eq!(plugin.health("other").await.unwrap(), ServingStatus::ServiceUnknown);
}

#[tokio::test]
async fn a_shutdown_is_graceful_and_lets_calls_finish() {
    let echo = Echo::default();
    let plugin = plain(&echo).version(7).join().await.unwrap();
    assert_eq!((plugin.version(), plugin.pid()), (7, std::process::id()));
    assert_eq!(plugin.state(), State::Running);
    let mut slow = kv(&plugin);
    let slow = tokio::spawn(async move { slow.put(PutRequest::default()).await });
    within(echo.entered.notified()).await;
    let (exited, gate) = (plugin.clone(), echo.gate.clone());
    let stopping = tokio::spawn(plugin.shutdown());
    gate.notify_one();
    within(slow).await.unwrap().unwrap();
    let stopped = within(stopping).await.unwrap().unwrap();
    assert_eq!(stopped.outcome, ShutdownOutcome::Graceful);
    assert_eq!(stopped.status, Some(ExitStatus::Code(0)));
    assert_eq!(within(exited.exited()).await.status, Some(ExitStatus::Code(0)));
    assert_eq!(exited.state(), State::Ended);
    let status = get(&exited).await.unwrap_err();
    assert_eq!(error_from_status(&status).code(), "TRANSPORT_SHUT_DOWN");
}

#[tokio::test]
async fn dropping_the_last_client_ends_the_plugin_and_its_calls() {
    let echo = Echo::default();
    let plugin = plain(&echo).join().await.unwrap();
    let mut slow = kv(&plugin);
    let slow = tokio::spawn(async move { slow.put(PutRequest::default()).await });
    within(echo.entered.notified()).await;
    let services = Arc::downgrade(&echo.gate);
    drop((plugin, echo));
    let status = within(slow).await.unwrap().unwrap_err();
    assert_eq!(error_from_status(&status).code(), "TRANSPORT_SHUT_DOWN");
    let gone = async {
        while services.upgrade().is_some() {
            tokio::task::yield_now().await;
        }
    };
    within(gone).await;
}

#[tokio::test]
async fn a_plugin_that_stops_by_itself_is_gone() {
    let mut handle = None;
    let plugin = plain(&Echo::default())
        .plugin(|server| {
            handle = Some(server.handle());
            server
        })
        .join()
        .await
        .unwrap();
    handle.unwrap().shutdown(Duration::from_millis(100)).await;
    let report = within(plugin.exited()).await;
    assert_eq!(report.status, Some(ExitStatus::Code(0)));
    assert_eq!(get(&plugin).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(plugin.shutdown().await.unwrap_err().code(), "TRANSPORT_PLUGIN_GONE");
}

#[tokio::test]
async fn layers_of_the_plugin_and_settings_of_the_host_hold() {
    let deny = |_: Request<()>| Err(Status::permission_denied("not today"));
    let plugin = plain(&Echo::default())
        .plugin(|server| server.layer(InterceptorLayer::new(deny)))
        .join()
        .await
        .unwrap();
    assert_eq!(get(&plugin).await.unwrap_err().code(), Code::PermissionDenied);

    let limit = Duration::from_millis(50);
    let plugin =
        plain(&Echo::default()).host(|host| host.request_timeout(limit)).join().await.unwrap();
    let status = within(kv(&plugin).put(PutRequest::default())).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_pair_that_does_not_fit_says_why() {
    async fn refused(pair: Pair) -> String {
        let error = within(pair.join()).await.unwrap_err();
        error.code().to_owned()
    }
    let echo = Echo::default();
    let twice = || {
        let set = echo.plugins();
        set.service(rpcplugin_proto::kv::kv_server::KvServer::new(echo.clone()))
    };
    let plaintext = Pair::new(twice()).tls(Tls::Plaintext);
    assert_eq!(refused(plaintext).await, "CONFIG_DUPLICATE_SERVICE");
    let demanding = plain(&echo).plugin(rpcplugin::Server::require_tls);
    assert_eq!(refused(demanding).await, "SECURITY_TLS_REQUIRED");
    let other = plain(&echo).host(|host| host.versions([2, 3]));
    assert_eq!(refused(other).await, "HANDSHAKE_VERSION_MISMATCH");
    let impatient = plain(&echo).host(|host| host.start_timeout(Duration::ZERO));
    assert_eq!(refused(impatient).await, "CONFIG_INVALID");
}

#[tokio::test(start_paused = true)]
async fn paused_time_passes_at_once() {
    let echo = Echo::default();
    let plugin =
        plain(&echo).host(|host| host.request_timeout(Duration::from_secs(3600))).join().await;
    let plugin = plugin.unwrap();
    let start = tokio::time::Instant::now();
    let status = kv(&plugin).put(PutRequest::default()).await.unwrap_err();
    assert_eq!(error_from_status(&status).kind(), Kind::Transport);
    assert_eq!(start.elapsed().as_secs(), 3600);
    assert_eq!(get(&plugin).await.unwrap(), b"key", "the liveness probes were answered");
    plugin.shutdown().await.unwrap();
}

/// Waits until the runtime has no task but the caller's, which is none.
async fn no_task_is_left() {
    let left = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let gone = async {
        while left() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(10), gone).await;
    assert!(gone.is_ok(), "{} tasks are left", left());
}

#[tokio::test]
async fn nothing_is_left_of_a_pair_however_it_ends() {
    let plugin = plain(&Echo::default()).join().await.unwrap();
    plugin.shutdown().await.unwrap();
    no_task_is_left().await;
    let plugin = plain(&Echo::default()).join().await.unwrap();
    let killed = plugin.kill().await;
    assert_eq!(killed.outcome, ShutdownOutcome::Killed);
    assert_eq!(killed.status, Some(ExitStatus::Unknown), "no signal killed it");
    drop(plugin);
    no_task_is_left().await;
    drop(plain(&Echo::default()).join().await.unwrap());
    no_task_is_left().await;
}

#[tokio::test]
async fn nothing_is_left_of_a_join_that_is_cancelled_at_any_point() {
    let tls = if cfg!(feature = "tls") { Tls::Auto } else { Tls::Plaintext };
    let mut polls = 0;
    loop {
        let pair = Pair::new(Echo::default().plugins()).tls(tls.clone());
        let joined = within(Cancelled { future: Box::pin(pair.join()), polls }).await.is_some();
        no_task_is_left().await;
        if joined {
            break;
        }
        polls += 1;
    }
    assert!(polls > 0, "there was something to cancel");
}

/// A future that is given up when it was polled so many times.
struct Cancelled<F> {
    future: F,
    polls: u32,
}

impl<F: Future + Unpin> Future for Cancelled<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.future).poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => {
                self.polls -= 1;
                Poll::Pending
            }
        }
    }
}

#[tokio::test]
async fn many_pairs_run_side_by_side() {
    let pairs = (0..20).map(|_| testing_pair());
    for value in futures(pairs).await {
        assert_eq!(value, b"key");
    }
}

async fn testing_pair() -> Vec<u8> {
    let plugin = plain(&Echo::default()).join().await.unwrap();
    let value = get(&plugin).await.unwrap();
    plugin.shutdown().await.unwrap();
    value
}

async fn futures<T: Send + 'static>(
    all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let all: tokio::task::JoinSet<T> = all.collect();
    within(all.join_all()).await
}
