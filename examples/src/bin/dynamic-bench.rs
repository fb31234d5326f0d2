//! What a dynamic call costs, beside a generated client's: `dynamic-bench ./kv-plugin`.
//!
//! Both call one method of one plugin over one connection, by turns, so that neighbours on the
//! machine disturb both alike. `cargo xtask bench dynamic` builds it with optimisations and runs it.

#![expect(clippy::print_stdout, reason = "its stdout is its own")]

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, miette};
use rpcplugin::{Client, Tls, client::PluginChannel};
use rpcplugin_examples::COOKIE;
use rpcplugin_proto::kv::{GetRequest, PutRequest, kv_client::KvClient};
use serde_json::json;
use tokio::process::Command;

/// Times that each of the two has its turn.
const ROUNDS: usize = 9;

/// Calls in a turn.
const CALLS: usize = 2000;

/// Bytes of the value that is asked for.
const VALUE: usize = 64;

/// On one thread, so that the scheduler of the system does not decide the result.
#[tokio::main(flavor = "current_thread")]
async fn main() -> miette::Result<()> {
    let program =
        std::env::args_os().nth(1).ok_or_else(|| miette!("usage: dynamic-bench PLUGIN"))?;
    println!("KV/Get, {VALUE} bytes, Unix socket, {ROUNDS} rounds of {CALLS} calls, after one");
    for (name, tls) in [("mutual TLS", Tls::Auto), ("plaintext", Tls::Plaintext)] {
        let builder = Client::builder(COOKIE).tls(tls);
        // Over plaintext a plugin does not describe itself.
        let builder = builder.descriptors(rpcplugin_proto::kv::FILE_DESCRIPTOR_SET);
        let plugin = builder.spawn(Command::new(&program)).await?;
        compare(name, &plugin).await?;
        plugin.shutdown().await?;
    }
    Ok(())
}

async fn compare(name: &str, plugin: &Client) -> miette::Result<()> {
    let mut client = plugin.dispense(KvClient::new);
    let put = PutRequest { key: "key".to_owned(), value: vec![7; VALUE] };
    client.put(put).await.into_diagnostic()?;
    let (mut generated, mut dynamic) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let times = (by_generated(&mut client).await?, by_name(plugin).await?);
        // The first one warms up.
        if round > 0 {
            generated.push(times.0);
            dynamic.push(times.1);
        }
    }
    let ratios = generated.iter().zip(&dynamic).map(|(a, b)| b.as_secs_f64() / a.as_secs_f64());
    let mut ratios: Vec<f64> = ratios.collect();
    ratios.sort_by(f64::total_cmp);
    for (who, rounds) in [("generated client", &mut generated), ("call_method", &mut dynamic)] {
        rounds.sort();
        println!(
            "{name}: {who}: median {:.1} µs (medians of rounds {:.1} to {:.1})",
            micros(rounds[ROUNDS / 2]),
            micros(rounds[0]),
            micros(rounds[ROUNDS - 1]),
        );
    }
    println!(
        "{name}: call_method takes {:.2} times as long (rounds {:.2} to {:.2})",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1],
    );
    Ok(())
}

/// The median of one turn.
async fn by_generated(client: &mut KvClient<PluginChannel>) -> miette::Result<Duration> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let reply = client.get(GetRequest { key: "key".to_owned() }).await.into_diagnostic()?;
        times.push(start.elapsed());
        assert_eq!(reply.into_inner().value.len(), VALUE);
    }
    Ok(median(times))
}

/// The median of one turn, with the making of its JSON.
async fn by_name(plugin: &Client) -> miette::Result<Duration> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        let reply = plugin.call_method("Get", json!({ "key": "key" })).await?;
        times.push(start.elapsed());
        assert!(reply["value"].is_string());
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
