use anyhow::{Result, ensure};
use rpcplugin_proto::counter::{
    GetRequest, PutRequest, SumRequest, SumResponse,
    add_helper_server::{AddHelper, AddHelperServer},
    counter_client::CounterClient,
};
use tonic::{Request, Response, Status};

use crate::{report::Report, session::Session};

/// The calls of go-plugin's example with callbacks: the plugin dials what this host serves.
pub(crate) async fn check(session: &Session, report: &mut Report<'_>) {
    report.that("callback", callback(session, &[5, 7])).await;
}

async fn callback(session: &Session, values: &[i64]) -> Result<String> {
    let mut counter = session.client.dispense(CounterClient::new);
    let get = || GetRequest { key: "visits".into() };
    // The example's plugin has a status and no value until something was put.
    let before = counter.get(get()).await.map_or(0, |reply| reply.into_inner().value);
    for &value in values {
        // A plugin of go-plugin dials a number once.
        let adder = session.client.broker().serve(AddHelperServer::new(Adder)).await?;
        let add_server = adder.id().get();
        counter.put(PutRequest { add_server, key: "visits".into(), value }).await?;
        adder.close().await;
    }
    let after = counter.get(get()).await?.into_inner().value;
    let expected = before + values.iter().sum::<i64>();
    ensure!(after == expected, "counted to {after}, not {expected}");
    Ok(format!("counted to {after} in {} calls back", values.len()))
}

struct Adder;

#[tonic::async_trait]
impl AddHelper for Adder {
    async fn sum(&self, request: Request<SumRequest>) -> Result<Response<SumResponse>, Status> {
        let SumRequest { a, b } = request.into_inner();
        Ok(Response::new(SumResponse { r: a + b }))
    }
}
