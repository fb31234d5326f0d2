use serde::Serialize;

use super::{Kind, Language, New, absolute, cookie::Cookie, model::Interface, proto, python};
use crate::failure::Failure;

/// All that a template may name.
#[derive(Debug, Serialize)]
pub(super) struct Project {
    pub(super) kind: Kind,
    pub(super) language: Language,
    pub(super) name: String,
    /// As Rust's code names it.
    #[serde(rename = "crate")]
    identifier: String,
    /// How Cargo.toml says which rpcplugin it depends on.
    dependency: String,
    cookie: Cookie,
    /// Whether the service is the greeting that comes with this program.
    pub(super) sample: bool,
    pub(super) interface: Interface,
    /// Names below `proto/`, and what stands there.
    #[serde(skip)]
    pub(super) sources: Vec<(String, String)>,
    /// What a project for the other side is made with.
    others: String,
}

impl Project {
    pub(super) fn new(arguments: New) -> Result<Self, Failure> {
        let sample = arguments.protos.is_empty();
        let protos = match sample {
            true => proto::built_in(GREETER.0, GREETER.1)?,
            false => proto::read(&arguments.protos, &arguments.includes)?,
        };
        if arguments.lang == Language::Python {
            python::check(&protos.interface)?;
        }
        let cookie = arguments.cookie.unwrap_or_else(|| Cookie::of(&protos.interface.services));
        let others = protos.interface.files.iter().map(|file| format!(" --proto proto/{file}"));
        let others = match sample {
            true => String::new(),
            false => others.chain([" --include proto".to_owned()]).collect(),
        };
        let dependency = match &arguments.rpcplugin {
            Some(path) => {
                let path = absolute(path);
                if !path.join("Cargo.toml").is_file() {
                    return Err(Failure::usage(
                        format!("there is no Cargo.toml in {}", path.display()),
                        "--rpcplugin names the folder of the crate: crates/rpcplugin in its repository",
                    ));
                }
                // A string of TOML, which escapes as JSON does.
                format!("path = {}", serde_json::Value::from(path.to_string_lossy()))
            }
            None => format!("version = \"{}\"", MINOR),
        };
        Ok(Self {
            kind: arguments.kind,
            language: arguments.lang,
            name: arguments.name.to_string(),
            identifier: arguments.name.identifier(),
            dependency,
            cookie,
            sample,
            interface: protos.interface,
            sources: protos.sources,
            others,
        })
    }
}

/// What a project is made for: all crates are released together.
const MINOR: &str = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));

const GREETER: (&str, &str) =
    ("greeter/v1/greeter.proto", include_str!("../../templates/proto/greeter.proto"));
