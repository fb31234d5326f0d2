use serde_json::{Map, Value, json};

use crate::{Address, CertificateField, ConfigError, Error, HandshakeError, limits};

#[cfg(test)]
mod tests;

/// A plugin that runs, in the terms in which hosts tell each other of it.
///
/// Its JSON is a map from names to records, as Terraform reads it from `TF_REATTACH_PROVIDERS`.
/// What proves that the record is of the process that it was made for (`StartTime`, `BootId`,
/// `PluginCert`) is an extension of ours, and other hosts ignore it. A record holds no secret: the
/// host's key travels by itself, if at all.
///
/// # Example
///
/// ```
/// use rpcplugin_core::Reattach;
///
/// let variable = r#"{"kv":{"Protocol":"grpc","ProtocolVersion":6,"Pid":123,"Test":true,
///     "Addr":{"Network":"unix","String":"/run/x/plugin1"}}}"#;
/// let record = Reattach::from_json(variable, "kv")?;
/// assert_eq!((record.pid, record.protocol_version, record.test), (123, 6, true));
/// assert_eq!(Reattach::from_json(&record.to_json("other")?, "other")?, record);
/// # Ok::<(), rpcplugin_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Reattach {
    /// The process's id.
    pub pid: u32,
    /// Where it listens.
    pub address: Address,
    /// The application version that it serves.
    pub protocol_version: u32,
    /// Whether it belongs to somebody else, such as a debugger: hosts never end it.
    pub test: bool,
    /// When the process started, in clock ticks since the system did.
    pub start_time: Option<u64>,
    /// Which start of the system that was.
    pub boot_id: Option<String>,
    /// The certificate that it shows; empty if it serves plaintext.
    pub plugin_cert: CertificateField,
}

impl Reattach {
    /// A record of this process, with nothing to prove it by yet.
    #[must_use]
    pub fn new(pid: u32, address: Address, protocol_version: u32) -> Self {
        Self {
            pid,
            address,
            protocol_version,
            test: false,
            start_time: None,
            boot_id: None,
            plugin_cert: CertificateField::default(),
        }
    }

    /// Reads one record of a map, whatever the others hold.
    ///
    /// # Errors
    ///
    /// `CONFIG_INVALID` if the text is longer than [`limits::REATTACH`], is not such a map, does
    /// not hold `name`, or holds it without a process id, a version or an address;
    /// `HANDSHAKE_PROTOCOL_UNSUPPORTED` unless its protocol is gRPC; `HANDSHAKE_ADDRESS`.
    pub fn from_json(json: &str, name: &str) -> Result<Self, Error> {
        if json.len() > limits::REATTACH {
            return Err(invalid(format!("{} bytes", json.len()), "at most 64 KiB of JSON"));
        }
        let map: Value = serde_json::from_str(json)
            .map_err(|error| invalid(error.to_string(), "JSON, a map from names to records"))?;
        let record = map.get(name).and_then(Value::as_object).ok_or_else(|| {
            let names = map.as_object().into_iter().flat_map(Map::keys);
            let names: Vec<_> = names.take(SHOWN).map(|name| shown(name)).collect();
            invalid(format!("records {names:?}"), "a record of the plugin's name among them")
        })?;
        read(record)
    }

    /// The record alone under this name, as JSON on one line.
    ///
    /// # Errors
    ///
    /// `TRANSPORT_INVALID_ENDPOINT` for an address that no host could read back and dial.
    pub fn to_json(&self, name: &str) -> Result<String, Error> {
        let address = json!({
            "Network": self.address.network().as_str(),
            "String": self.address.to_field()?,
        });
        let mut record = json!({
            "Protocol": GRPC,
            "ProtocolVersion": self.protocol_version,
            "Pid": self.pid,
            "Test": self.test,
            "Addr": address,
        });
        if let Some(start_time) = self.start_time {
            record["StartTime"] = start_time.into();
        }
        if let Some(boot_id) = &self.boot_id {
            record["BootId"] = boot_id.as_str().into();
        }
        if self.plugin_cert.is_announced() {
            record["PluginCert"] = self.plugin_cert.as_str().into();
        }
        let map = Map::from_iter([(name.to_owned(), record)]);
        Ok(Value::Object(map).to_string())
    }
}

const GRPC: &str = "grpc";

/// Most names, and characters of one text, that an error shows.
const SHOWN: usize = 64;

fn read(record: &Map<String, Value>) -> Result<Reattach, Error> {
    let protocol = optional_text(record, "Protocol")?;
    if protocol != Some(GRPC) {
        // What go-plugin takes an absent one for.
        let protocol = protocol.filter(|name| !name.is_empty()).map_or("netrpc".into(), shown);
        return Err(HandshakeError::ProtocolUnsupported { protocol }.into());
    }
    let address = record.get("Addr").and_then(Value::as_object);
    let address =
        address.ok_or_else(|| invalid("no Addr".to_owned(), "Addr with Network and String"))?;
    let network = optional_text(address, "Network")?.unwrap_or_default();
    let text = optional_text(address, "String")?.unwrap_or_default();
    let pid = number(record, "Pid", 1..=i32::MAX.unsigned_abs().into())?
        .ok_or_else(|| invalid("no Pid".to_owned(), "the process's id"))?;
    let version = number(record, "ProtocolVersion", 0..=u32::MAX.into())?
        .ok_or_else(|| invalid("no ProtocolVersion".to_owned(), "the version that it serves"))?;
    let test = match record.get("Test") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(test)) => *test,
        Some(_) => return Err(invalid("Test".to_owned(), "true or false")),
    };
    Ok(Reattach {
        pid: pid.try_into().unwrap_or(u32::MAX),
        address: Address::parse(network, text)?,
        protocol_version: version.try_into().unwrap_or(u32::MAX),
        test,
        start_time: number(record, "StartTime", 0..=u64::MAX)?,
        boot_id: optional_text(record, "BootId")?.map(str::to_owned),
        plugin_cert: CertificateField::from_text(
            optional_text(record, "PluginCert")?.unwrap_or_default(),
        ),
    })
}

fn optional_text<'a>(
    record: &'a Map<String, Value>,
    key: &'static str,
) -> Result<Option<&'a str>, Error> {
    match record.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(key.to_owned(), "a text")),
    }
}

fn number(
    record: &Map<String, Value>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<Option<u64>, Error> {
    match record.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64().filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(invalid(format!("{key} {}", shown(&value.to_string())), "a number")),
        },
    }
}

/// The beginning of a text, fit for an error.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(SHOWN).collect();
    crate::escape_text(&start)
}

fn invalid(value: String, expected: &'static str) -> Error {
    ConfigError::Invalid { setting: "reattach", value, expected }.into()
}
