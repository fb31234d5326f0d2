use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::time::{Instant, sleep};

use super::*;
use crate::serving::boxed;

fn calls() -> Calls {
    Calls::new(Arc::default())
}

/// A service whose handler takes this long, and then answers with a message every second for
/// ever.
fn slow(handler: Duration) -> RpcService {
    boxed(tower::service_fn(move |_: http::Request<Body>| async move {
        sleep(handler).await;
        let message = Bytes::from_static(b"\0\0\0\0\x01x");
        let messages = stream::repeat(message).then(|message| async {
            sleep(Duration::from_secs(1)).await;
            Ok::<_, Infallible>(Frame::data(message))
        });
        Ok::<_, Infallible>(http::Response::new(Body::new(StreamBody::new(Box::pin(messages)))))
    }))
}

fn request(timeout: &'static str) -> http::Request<Body> {
    http::Request::builder().header("grpc-timeout", timeout).body(Body::empty()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_a_handler() {
    let (calls, start) = (calls(), Instant::now());
    let answer = calls.call(slow(Duration::from_secs(60)), request("3S")).await;
    assert_eq!(answer.headers()["grpc-status"], "4");
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    drop(answer);
    assert_eq!(calls.in_flight.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_callers_deadline_ends_an_answer_with_trailers() {
    let (calls, start) = (calls(), Instant::now());
    let answer = calls.call(slow(Duration::from_secs(1)), request("3500m")).await;
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(3500));
    assert_eq!(body.trailers().unwrap()["grpc-status"], "4");
    assert_eq!(body.to_bytes().len(), 2 * 6, "what came before the deadline");
    assert_eq!(calls.in_flight.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_call_counts_until_its_answer_is_over_or_dropped() {
    let calls = calls();
    let answer = calls.call(slow(Duration::ZERO), request("")).await;
    assert_eq!(calls.in_flight.calls(), 1);
    drop(answer);
    assert_eq!(calls.in_flight.calls(), 0);
}

#[tokio::test]
async fn a_failing_body_becomes_trailers() {
    let calls = calls();
    let service = boxed(tower::service_fn(|_: http::Request<Body>| async {
        let failing = stream::iter([Err::<Frame<Bytes>, _>(Status::data_loss("gone"))]);
        Ok::<_, Infallible>(http::Response::new(Body::new(StreamBody::new(failing))))
    }));
    let answer = calls.call(service, request("")).await;
    let body = answer.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "15");
    assert_eq!(body.trailers().unwrap()["grpc-message"], "gone");
}
