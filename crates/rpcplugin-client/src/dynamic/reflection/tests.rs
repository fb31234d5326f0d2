//! Answers of plugins that err, or that mean harm.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet, SourceCodeInfo, source_code_info};
use rpcplugin_core::Error;
use rpcplugin_proto::provider;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::{
    server_reflection_request::MessageRequest as Question,
    server_reflection_response::MessageResponse,
};

use self::peer::{Peer, files, services};
use super::{super::Source, BYTES, FILES, SERVICES};

mod mutation;
mod peer;

/// The files of the service `Provider`, by which it can be called.
fn provider_files() -> Vec<FileDescriptorProto> {
    FileDescriptorSet::decode(provider::FILE_DESCRIPTOR_SET).unwrap().file
}

fn honest() -> MessageResponse {
    files(provider_files().iter().map(prost::Message::encode_to_vec))
}

const PROVIDER: &str = "rpcplugin.provider.v1.Provider";

fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some(name.to_owned()),
        dependency: imports.iter().map(ToString::to_string).collect(),
        service: vec![prost_types::ServiceDescriptorProto {
            name: Some(format!("Of{}", name.trim_end_matches(".proto"))),
            ..Default::default()
        }],
        syntax: Some("proto3".to_owned()),
        ..Default::default()
    }
}

/// How a plugin with the service `Of1` is refused that answers so when it is asked for files.
async fn refused(answer: impl Fn(&Question) -> MessageResponse + Send + Sync + 'static) -> Error {
    let peer = Peer::new(move |question| match question {
        Question::ListServices(_) => Ok(services(["Of1"])),
        question => Ok(answer(question)),
    });
    Source::new(None).schema(peer.channel().await, None).await.unwrap_err()
}

#[track_caller]
fn assert_told(error: &Error, code: &str, what: &str) {
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

#[tokio::test]
async fn garbage_for_a_file_is_a_bad_reply() {
    let error = refused(|_| files([vec![0xff; 64]])).await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "no descriptor");
}

#[tokio::test]
async fn an_answer_of_another_kind_is_a_bad_reply() {
    let error = refused(|_| services(["Of1"])).await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "asked for a file, it sent something else");
}

#[tokio::test]
async fn a_list_of_services_that_is_something_else_is_a_bad_reply() {
    let peer = Peer::new(|_| Ok(files([file("1.proto", &[]).encode_to_vec()])));
    let error = Source::new(None).schema(peer.channel().await, None).await.unwrap_err();
    assert_told(&error, "PROTOCOL_BAD_REPLY", "asked for services, it sent something else");
}

#[tokio::test]
async fn a_file_without_the_service_is_a_bad_reply() {
    let error = refused(|_| files([file("2.proto", &[]).encode_to_vec()])).await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "do not describe the service");
}

#[tokio::test]
async fn another_file_than_the_imported_one_is_a_bad_reply() {
    let error = refused(|question| match question {
        Question::FileByFilename(_) => files([file("3.proto", &[]).encode_to_vec()]),
        _ => files([file("1.proto", &["2.proto"]).encode_to_vec()]),
    })
    .await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "asked for 2.proto, it sent other files");
}

#[tokio::test]
async fn imports_in_a_circle_are_a_bad_reply() {
    let error = refused(|question| match question {
        Question::FileByFilename(_) => files([file("2.proto", &["1.proto"]).encode_to_vec()]),
        _ => files([file("1.proto", &["2.proto"]).encode_to_vec()]),
    })
    .await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "in a circle");
    let error = refused(|_| files([file("1.proto", &["1.proto"]).encode_to_vec()])).await;
    assert_told(&error, "PROTOCOL_BAD_REPLY", "in a circle");
}

#[tokio::test]
async fn too_many_services_are_a_limit() {
    let peer = Peer::new(|_| Ok(services((0..=SERVICES).map(|number| format!("Of{number}")))));
    let error = Source::new(None).schema(peer.channel().await, None).await.unwrap_err();
    assert_told(&error, "PROTOCOL_LIMIT", "more than 1024 services");
}

#[tokio::test]
async fn too_many_files_in_one_answer_are_a_limit() {
    let error = refused(|_| {
        files((1..=FILES + 1).map(|number| file(&format!("{number}.proto"), &[]).encode_to_vec()))
    })
    .await;
    assert_told(&error, "PROTOCOL_LIMIT", "more than 2048 .proto files");
}

#[tokio::test]
async fn imports_without_end_are_a_limit() {
    // Each answer is large, so that the limit of bytes is met after a few.
    let error = refused(|question| {
        let number: usize = match question {
            Question::FileByFilename(name) => name.trim_end_matches(".proto").parse().unwrap(),
            _ => 1,
        };
        let import = format!("{}.proto", number + 1);
        let mut file = file(&format!("{number}.proto"), &[&import]);
        let comment = source_code_info::Location {
            leading_comments: Some("a".repeat(BYTES / 8)),
            ..Default::default()
        };
        file.source_code_info = Some(SourceCodeInfo { location: vec![comment] });
        files([file.encode_to_vec()])
    })
    .await;
    assert_told(&error, "PROTOCOL_LIMIT", "over 16777216 bytes");
}

#[tokio::test]
async fn one_answer_that_is_too_large_is_a_limit() {
    let error = refused(|_| files([vec![0; BYTES / 2]])).await;
    assert_told(&error, "PROTOCOL_LIMIT", "too large");
}

#[tokio::test]
async fn answers_without_end_that_nobody_asked_for_are_a_bad_reply() {
    let peer = Peer::flooding(services(["Of1"]));
    let error = Source::new(None).schema(peer.channel().await, None).await.unwrap_err();
    assert_told(&error, "PROTOCOL_BAD_REPLY", "asked for a file, it sent something else");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_never_answers_is_given_up() {
    let peer = Peer::mute();
    let channel = peer.channel().await;
    let error = Source::new(None).schema(channel, None).await.unwrap_err();
    assert_told(&error, "TRANSPORT_DEADLINE", "asking the plugin for its descriptors, 10s");
}

#[tokio::test]
async fn v1alpha_alone_is_enough() {
    let peer = Peer::new(|question| match question {
        Question::ListServices(_) => Ok(services([PROVIDER])),
        _ => Ok(honest()),
    });
    let channel = peer.alpha_only().channel().await;
    let schema = Source::new(None).schema(channel, None).await.unwrap();
    assert_eq!(schema.method("plan").unwrap().full_name(), format!("{PROVIDER}.Plan"));
}

#[tokio::test]
async fn two_calls_at_once_share_one_fetch() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counted = fetches.clone();
    let peer = Peer::new(move |question| match question {
        Question::ListServices(_) => {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(services([PROVIDER]))
        }
        _ => Ok(honest()),
    });
    let (channel, source) = (peer.channel().await, Source::new(None));
    let (one, two) =
        tokio::join!(source.schema(channel.clone(), None), source.schema(channel.clone(), None));
    assert!(Arc::ptr_eq(&one.unwrap(), &two.unwrap()));
    source.schema(channel, None).await.unwrap();
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_failed_fetch_is_not_kept() {
    let fetches = AtomicUsize::new(0);
    let peer = Peer::new(move |question| match question {
        Question::ListServices(_) if fetches.fetch_add(1, Ordering::SeqCst) == 0 => {
            Err(Status::new(Code::Internal, "not yet"))
        }
        Question::ListServices(_) => Ok(services([PROVIDER])),
        _ => Ok(honest()),
    });
    let (channel, source) = (peer.channel().await, Source::new(None));
    let error = source.schema(channel.clone(), None).await.unwrap_err();
    assert_told(&error, "PROTOCOL_STATUS", "not yet");
    source.schema(channel, None).await.unwrap();
}
