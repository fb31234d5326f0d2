use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    load::Until,
    results::{Called, Program, Results, Starts},
    stats::Times,
};

/// Everything, with times in seconds and memory in bytes.
pub(super) fn of(results: &Results) -> Value {
    let load = &results.load;
    let (count, duration) = match load.until {
        Until::Count(count) => (Some(count), None),
        Until::Elapsed(limit) => (None, Some(limit.as_secs_f64())),
    };
    json!({
        "load": {
            "concurrency": load.concurrency,
            "count": count,
            "duration": duration,
            "rate": load.rate,
            "warm_up": load.warm_up,
        },
        "interrupted": results.interrupted,
        "programs": results.programs.iter().map(program).collect::<Vec<_>>(),
    })
}

fn program(program: &Program) -> Value {
    json!({
        "program": program.name,
        "starts": program.starts.as_ref().map(starts),
        "calls": program.calls.as_ref().map(calls),
        "ended": program.ended,
    })
}

fn starts(starts: &Starts) -> Value {
    json!({
        "count": starts.start.count(),
        "start": times(&starts.start),
        "handshake": times(&starts.handshake),
        "stop": times(&starts.stop),
        "memory": starts.memory,
    })
}

fn calls(called: &Called) -> Value {
    let calls = &called.calls;
    let mut found = json!({
        "method": called.method.as_deref().unwrap_or("grpc.health.v1.Health/Check"),
        "count": calls.count(),
        "failed": calls.failed,
        "elapsed": called.elapsed.as_secs_f64(),
        "per_second": called.per_second(),
        "latency": times(&calls.latency),
        "memory": called.memory,
        "processor_per_call": called.processor_per_call().map(|time| time.as_secs_f64()),
    });
    if called.streams {
        found["first_reply"] = times(&calls.first_reply);
        found["replies"] = json!(calls.replies);
        found["replies_per_second"] = json!(called.replies_per_second());
    }
    found
}

fn times(times: &Times) -> Value {
    const KEYS: [&str; 6] = ["minimum", "median", "p90", "p99", "p99_9", "maximum"];
    let seconds = |time: Duration| json!(time.as_secs_f64());
    times.summary().map_or(Value::Null, |summary| {
        let pairs = KEYS.into_iter().zip(summary.map(seconds));
        Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect::<Map<_, _>>())
    })
}
