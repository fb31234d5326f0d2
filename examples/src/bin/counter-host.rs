//! Counts with a plugin that calls back for each sum: `counter-host ./counter-plugin`.

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::{Client, tonic};
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::counter::{
    GetRequest, PutRequest, SumRequest, SumResponse,
    add_helper_server::{AddHelper, AddHelperServer},
    counter_client::CounterClient,
};
use tokio::process::Command;
use tonic::{Request, Response, Status};

struct Adder;

#[tonic::async_trait]
impl AddHelper for Adder {
    async fn sum(&self, request: Request<SumRequest>) -> Result<Response<SumResponse>, Status> {
        let SumRequest { a, b } = request.into_inner();
        show(&format!("the plugin asks for {a} + {b}"));
        Ok(Response::new(SumResponse { r: a + b }))
    }
}

#[tokio::main]
async fn main() -> miette::Result<()> {
    let program =
        std::env::args_os().nth(1).ok_or_else(|| miette!("usage: counter-host PLUGIN"))?;
    let plugin = Client::builder(COOKIE).spawn(Command::new(program)).await?;
    let mut counter = plugin.dispense(CounterClient::new);

    for value in [5, 7] {
        // The number goes to the plugin in an ordinary message; the side channel ends with `adder`.
        let adder = plugin.broker().serve(AddHelperServer::new(Adder)).await?;
        let add_server = adder.id().get();
        let put = PutRequest { add_server, key: "visits".into(), value };
        counter.put(put).await.into_diagnostic()?;
        adder.close().await;
    }

    let visits = counter.get(GetRequest { key: "visits".into() }).await.into_diagnostic()?;
    show(&format!("visits = {}", visits.into_inner().value));
    plugin.shutdown().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "this is a host: its stdout is its own")]
fn show(line: &str) {
    println!("{line}");
}
