//! The names and numbers that other implementations rely on.

use prost::Message as _;
use prost_types::{FileDescriptorSet, field_descriptor_proto::Type};
use rpcplugin_proto::{health, plugin};
use tonic::server::NamedService;

#[test]
fn services_have_the_names_of_go_plugin() {
    fn name<S: NamedService>() -> &'static str {
        S::NAME
    }
    assert_eq!(name::<plugin::grpc_broker_server::GrpcBrokerServer<()>>(), "plugin.GRPCBroker");
    assert_eq!(
        name::<plugin::grpc_controller_server::GrpcControllerServer<()>>(),
        "plugin.GRPCController"
    );
    assert_eq!(name::<plugin::grpc_stdio_server::GrpcStdioServer<()>>(), "plugin.GRPCStdio");
    assert_eq!(name::<health::health_server::HealthServer<()>>(), "grpc.health.v1.Health");
}

#[test]
fn conn_info_has_the_fields_of_go_plugin() {
    let fields = fields(plugin::FILE_DESCRIPTOR_SET, &["ConnInfo"]);
    let expected = [
        ("service_id", 1, Type::Uint32),
        ("network", 2, Type::String),
        ("address", 3, Type::String),
        ("knock", 4, Type::Message),
    ];
    assert_eq!(fields, expected.map(owned));
}

#[test]
fn knock_has_the_fields_of_go_plugin() {
    let fields = fields(plugin::FILE_DESCRIPTOR_SET, &["ConnInfo", "Knock"]);
    let expected = [("knock", 1, Type::Bool), ("ack", 2, Type::Bool), ("error", 3, Type::String)];
    assert_eq!(fields, expected.map(owned));
}

#[test]
fn output_has_the_channels_of_go_plugin() {
    use plugin::stdio_data::Channel;
    let fields = fields(plugin::FILE_DESCRIPTOR_SET, &["StdioData"]);
    assert_eq!(fields, [("channel", 1, Type::Enum), ("data", 2, Type::Bytes)].map(owned));
    assert_eq!([Channel::Invalid, Channel::Stdout, Channel::Stderr].map(i32::from), [0, 1, 2]);
}

#[test]
fn health_has_the_statuses_of_grpc() {
    use health::health_check_response::ServingStatus::{
        NotServing, ServiceUnknown, Serving, Unknown,
    };
    let statuses = [Unknown, Serving, NotServing, ServiceUnknown];
    assert_eq!(statuses.map(i32::from), [0, 1, 2, 3]);
}

#[test]
fn descriptor_sets_hold_their_imports() {
    let set = FileDescriptorSet::decode(plugin::FILE_DESCRIPTOR_SET).unwrap();
    let names: Vec<_> = set.file.iter().map(|file| file.name()).collect();
    assert_eq!(names, ["google/protobuf/empty.proto", "plugin.proto"]);
}

#[cfg(feature = "examples")]
mod examples {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;
    use rpcplugin_proto::{
        kv::{
            Empty, Entry, GetRequest, GetResponse, ListRequest, PutRequest,
            kv_client::KvClient,
            kv_server::{Kv, KvServer},
        },
        probe,
    };
    use tonic::{Request, Response, Status, server::NamedService};

    /// Answers each key with its own bytes.
    struct Mirror;

    #[tonic::async_trait]
    impl Kv for Mirror {
        type ListStream = tonic::codegen::BoxStream<Entry>;

        async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
            Ok(Response::new(GetResponse { value: request.into_inner().key.into() }))
        }

        async fn put(&self, _: Request<PutRequest>) -> Result<Response<Empty>, Status> {
            Ok(Response::new(Empty {}))
        }

        async fn list(
            &self,
            _: Request<ListRequest>,
        ) -> Result<Response<Self::ListStream>, Status> {
            Err(Status::unimplemented("a mirror holds nothing"))
        }
    }

    #[tokio::test]
    async fn a_generated_client_speaks_to_a_generated_server() {
        let mut client = KvClient::new(KvServer::new(Mirror));
        let reply = client.get(GetRequest { key: "hello".into() }).await.unwrap();
        assert_eq!(reply.into_inner().value, b"hello");
        client.put(PutRequest { key: "k".into(), value: b"v".to_vec() }).await.unwrap();
    }

    #[test]
    fn the_key_value_service_has_the_name_of_go_plugins_example() {
        assert_eq!(<KvServer<Mirror> as NamedService>::NAME, "proto.KV");
    }

    #[test]
    fn the_probe_uses_well_known_messages_only() {
        let set = FileDescriptorSet::decode(probe::FILE_DESCRIPTOR_SET).unwrap();
        let file = set.file.iter().find(|file| file.name() == "probe.proto").unwrap();
        assert!(file.message_type.is_empty());
        for method in &file.service[0].method {
            assert!(method.input_type().starts_with(".google.protobuf."), "{method:?}");
            assert!(method.output_type().starts_with(".google.protobuf."), "{method:?}");
        }
    }

    #[test]
    fn plain_values_encode_as_the_wrappers_that_they_stand_for() {
        assert_eq!(b"hi".to_vec().encode_to_vec(), b"\x0a\x02hi");
        assert_eq!(String::from("hi").encode_to_vec(), b"\x0a\x02hi");
        assert_eq!(7u32.encode_to_vec(), b"\x08\x07");
        assert_eq!(().encode_to_vec(), b"");
    }
}

fn owned((name, number, kind): (&str, i32, Type)) -> (String, i32, Type) {
    (name.to_owned(), number, kind)
}

/// The fields of the message that `path` leads to, in a set's last file.
#[track_caller]
fn fields(descriptors: &[u8], path: &[&str]) -> Vec<(String, i32, Type)> {
    let set = FileDescriptorSet::decode(descriptors).expect("the generator encoded it");
    let file = set.file.last().expect("a set has its own file");
    let mut messages = &file.message_type;
    let mut found = None;
    for name in path {
        let message =
            messages.iter().find(|message| message.name() == *name).expect("the message exists");
        messages = &message.nested_type;
        found = Some(message);
    }
    let fields = &found.expect("the path is not empty").field;
    fields.iter().map(|f| (f.name().to_owned(), f.number(), f.r#type())).collect()
}
