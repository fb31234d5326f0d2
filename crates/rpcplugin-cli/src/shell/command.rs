//! What can be typed.

use rpcplugin::{Client, Error, client::ServiceInfo, core::ProtocolError};
use serde_json::json;

use crate::{
    failure::Failure,
    output::{FAINT, Output, STRONG},
};

/// One line.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Command<'a> {
    Nothing,
    Help,
    Services,
    /// Of a method or a service; of all of them without a name.
    Describe(&'a str),
    Health(&'a str),
    Call {
        method: &'a str,
        params: &'a str,
    },
    Exit,
}

/// The words that are no methods, with what they do.
pub(super) const WORDS: [(&str, &str, &str); 6] = [
    ("help", "", "this list"),
    ("services", "", "the plugin's services, with their methods"),
    ("describe", "NAME", "a method with its types, or the methods of a service"),
    ("health", "[SERVICE]", "whether the plugin, or a service, serves"),
    ("call", "METHOD [JSON]", "call a method; the word call may be left out"),
    ("exit", "", "end the shell and the plugin, as Ctrl-D does"),
];

impl<'a> Command<'a> {
    pub(super) fn read(line: &'a str) -> Self {
        let (word, rest) = split(line);
        match word {
            "" => Self::Nothing,
            "help" | "?" => Self::Help,
            "services" => Self::Services,
            "describe" => Self::Describe(rest),
            "health" => Self::Health(rest),
            "exit" | "quit" => Self::Exit,
            "call" => {
                let (method, params) = split(rest);
                Self::Call { method, params }
            }
            method => Self::Call { method, params: rest },
        }
    }
}

/// The first word, and what follows it.
fn split(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim_start())
}

pub(super) async fn help(out: &Output) -> Result<(), Failure> {
    let json = || json!({ "commands": WORDS.map(|(word, rest, about)| json!({ "command": word, "arguments": rest, "about": about })) });
    out.result(json, |f| {
        for (word, rest, about) in WORDS {
            let usage = format!("{word} {rest}");
            writeln!(f, "{usage:<20} {FAINT}{about}{FAINT:#}")?;
        }
        writeln!(f, "{:<20} {FAINT}such as Get {{\"key\": \"a\"}}{FAINT:#}", "METHOD [JSON]")
    })
    .await
}

pub(super) async fn services(plugin: &Client, out: &Output) -> Result<(), Failure> {
    let services = plugin.services().await?;
    let own = services.iter().filter(|service| !service.is_framework());
    let own = Vec::from_iter(own);
    out.result(|| json!({ "services": own }), |f| own.iter().try_for_each(|one| list(f, one))).await
}

fn list(f: &mut dyn std::io::Write, service: &ServiceInfo) -> std::io::Result<()> {
    writeln!(f, "{STRONG}{}{STRONG:#}", service.full_name())?;
    for method in service.methods() {
        writeln!(f, "  {} {FAINT}{}{FAINT:#}", method.short_name(), method.kind())?;
    }
    Ok(())
}

pub(super) async fn describe(plugin: &Client, out: &Output, name: &str) -> Result<(), Failure> {
    if name.is_empty() {
        return services(plugin, out).await;
    }
    match plugin.describe(name).await {
        Ok(method) => {
            let json = || {
                let mut json = serde_json::to_value(&method).unwrap_or_default();
                json["input_schema"] = method.input_schema();
                json["output_schema"] = method.output_schema();
                json
            };
            out.result(json, |f| write!(f, "{}", method.proto_text())).await
        }
        Err(error) => match plugin.services().await?.iter().find(|one| is(one, name)) {
            Some(service) => out.result(|| json!(service), |f| list(f, service)).await,
            None => Err(error.into()),
        },
    }
}

fn is(service: &ServiceInfo, name: &str) -> bool {
    service.full_name() == name || service.short_name() == name
}

pub(super) async fn health(plugin: &Client, out: &Output, service: &str) -> Result<(), Failure> {
    let service = if service.is_empty() { "plugin" } else { service };
    let status = match plugin.health(service).await {
        // A plugin without the service is none that failed.
        Err(Error::Protocol { source: ProtocolError::Status { name, .. }, .. }) => name,
        other => other?.as_str_name(),
    };
    out.result(
        || json!({ "service": service, "status": status }),
        |f| writeln!(f, "{service}: {status}"),
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Command<'_>) {
        assert_eq!(Command::read(line), expected);
    }

    #[test]
    fn a_line_is_a_command_or_a_call() {
        check("  ", Command::Nothing);
        check("?", Command::Help);
        check("describe  kv.KV ", Command::Describe("kv.KV"));
        check("health", Command::Health(""));
        check("quit", Command::Exit);
        check(
            " Get {\"key\": \"a b\"} ",
            Command::Call { method: "Get", params: "{\"key\": \"a b\"}" },
        );
        check("call help", Command::Call { method: "help", params: "" });
        check("Sum 1 2", Command::Call { method: "Sum", params: "1 2" });
    }
}
