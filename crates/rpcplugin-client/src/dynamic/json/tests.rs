use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value as Field};
use rpcplugin_core::Error;
use rpcplugin_proto::provider;
use serde_json::{Value, json};

use super::{Style, parse_json, read, write};

fn everything() -> MessageDescriptor {
    let pool = DescriptorPool::decode(provider::FILE_DESCRIPTOR_SET).unwrap();
    pool.get_message_by_name("rpcplugin.provider.v1.Everything").unwrap()
}

/// JSON to a message, to bytes, and all the way back.
fn there_and_back(of: &MessageDescriptor, text: &str) -> Result<Value, Error> {
    let message = read(of, &parse_json(text)?, false, None)?;
    let bytes = message.encode_to_vec();
    let message = DynamicMessage::decode(of.clone(), bytes.as_slice()).unwrap();
    Ok(write(&message, Style::default()).unwrap())
}

#[test]
fn every_case_of_the_mapping_holds() {
    let of = everything();
    let mut failures = Vec::new();
    for line in include_str!("cases.txt").lines() {
        if line.is_empty() || line.starts_with('#') || line.starts_with(' ') {
            continue;
        }
        let (name, case) = line.split_once(": ").unwrap();
        let found = match case.split_once(" -> ") {
            Some((text, wanted)) => {
                let wanted = if wanted == "=" { text } else { wanted };
                let wanted: Value = serde_json::from_str(wanted).unwrap();
                let found = there_and_back(&of, text);
                (found.as_ref().ok() != Some(&wanted)).then(|| format!("{found:?}"))
            }
            None => {
                let (text, wanted) = case.split_once(" !! ").unwrap();
                let found = there_and_back(&of, text);
                let told = found.as_ref().map_err(ToString::to_string).err();
                (told.as_deref() != Some(wanted)).then(|| format!("{found:?}"))
            }
        };
        failures.extend(found.map(|found| format!("{name}: {found}")));
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn minus_zero_is_kept_where_it_is_a_field() {
    let of = everything();
    let message = read(&of, &json!({ "doubleWrapper": -0.0 }), false, None).unwrap();
    let value = write(&message, Style::default()).unwrap();
    assert!(value["doubleWrapper"].as_f64().unwrap().is_sign_negative());
}

#[test]
fn unknown_fields_and_names_are_left_out_on_demand() {
    let of = everything();
    let value = json!({
        "unknown": { "a": 1 },
        "enumValue": "UNKNOWN",
        "repeatedEnum": ["UNKNOWN", "TYPE_TEXT"],
        "enumMap": { "a": "UNKNOWN", "b": "TYPE_TEXT" },
        "messageValue": { "unknown": 1 },
    });
    let message = read(&of, &value, true, None).unwrap();
    assert_eq!(
        write(&message, Style::default()).unwrap(),
        json!({
            "repeatedEnum": ["TYPE_TEXT"],
            "enumMap": { "b": "TYPE_TEXT" },
            "messageValue": {},
        })
    );
}

/// `{"messageValue": {"messageValue": …}}`
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({}), |inner, _| json!({ "messageValue": inner }))
}

#[test]
fn messages_nested_a_hundred_levels_deep_are_read_and_those_beyond_are_refused() {
    let of = everything();
    let message = read(&of, &nested(100), false, None).unwrap();
    assert!(write(&message, Style::default()).is_err(), "the root makes it a hundred and one");
    let message = read(&of, &nested(99), false, None).unwrap();
    assert_eq!(write(&message, Style::default()).unwrap(), nested(99));
    let error = read(&of, &nested(101), false, None).unwrap_err().to_string();
    assert!(error.ends_with(": nested more than 100 levels deep"), "{error}");
}

#[test]
fn free_json_nested_deeper_than_a_peer_could_read_is_refused() {
    let of = everything();
    let free = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    for (levels, is_read) in [(32, true), (33, false), (120, false)] {
        let read = read(&of, &json!({ "value": free(levels) }), false, None);
        assert_eq!(read.is_ok(), is_read, "{levels}");
        if let Ok(message) = read {
            let bytes = message.encode_to_vec();
            DynamicMessage::decode(of.clone(), bytes.as_slice()).unwrap();
        }
    }
}

#[test]
fn an_any_in_an_any_in_an_any_without_end_is_refused() {
    let of = everything();
    let any = of.parent_pool().get_message_by_name("google.protobuf.Any").unwrap();
    let mut bytes = Vec::new();
    for _ in 0..100_000 {
        let message = prost_types::Any {
            type_url: "/google.protobuf.Any".to_owned(),
            value: std::mem::take(&mut bytes),
        };
        bytes = message.encode_to_vec();
        if bytes.len() > 1 << 16 {
            break;
        }
    }
    let message = DynamicMessage::decode(any, bytes.as_slice()).unwrap();
    let error = write(&message, Style::default()).unwrap_err();
    assert_eq!(error, "nested more than 100 levels deep");
}

#[test]
fn values_that_have_no_json_are_told_of() {
    let of = everything();
    let told = |field: &str, message: &[u8]| {
        let mut whole = DynamicMessage::new(of.clone());
        let field = of.get_field_by_name(field).unwrap();
        let kind = field.kind();
        let inner = DynamicMessage::decode(kind.as_message().unwrap().clone(), message).unwrap();
        whole.set_field(&field, Field::Message(inner));
        write(&whole, Style::default()).unwrap_err()
    };
    let timestamp = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    assert_eq!(
        told("timestamp", &timestamp.encode_to_vec()),
        "a Timestamp has a value out of range"
    );
    let duration = prost_types::Duration { seconds: 1, nanos: -1 };
    assert_eq!(told("duration", &duration.encode_to_vec()), "a Duration has a value out of range");
    let mask = prost_types::FieldMask { paths: vec!["fooBar".to_owned()] };
    assert_eq!(
        told("field_mask", &mask.encode_to_vec()),
        "a FieldMask has a path without a JSON form"
    );
    let any = prost_types::Any { type_url: "/no.Such".to_owned(), value: vec![] };
    assert_eq!(told("any", &any.encode_to_vec()), "no descriptor has the type \"/no.Such\"");
    let value = prost_types::Value { kind: Some(prost_types::value::Kind::NumberValue(f64::NAN)) };
    assert_eq!(
        told("value", &value.encode_to_vec()),
        "a number of a google.protobuf.Value is not finite"
    );
}

#[test]
fn for_rust_all_fields_are_there_and_numbers_are_numbers() {
    let pool = DescriptorPool::decode(provider::FILE_DESCRIPTOR_SET).unwrap();
    let of = pool.get_message_by_name("rpcplugin.provider.v1.Schema").unwrap();
    let style = Style { default_values: true, for_rust: true };
    let schema = read(&of, &json!({ "version": "2" }), false, None).unwrap();
    assert_eq!(write(&schema, style).unwrap(), json!({ "version": 2, "resources": {} }));
    let of = pool.get_message_by_name("rpcplugin.provider.v1.Address").unwrap();
    let address = DynamicMessage::new(of);
    assert_eq!(write(&address, style).unwrap(), json!({ "street_name": "", "zip": 0 }));
}
