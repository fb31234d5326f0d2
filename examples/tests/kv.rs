//! How a plugin's author tests it: host and plugin in this process, with everything between them.

use rpcplugin::{
    Client, Error, PluginSet,
    client::{PluginChannel, ServingStatus, ShutdownOutcome},
    testing,
    tonic::Code,
};
use rpcplugin_examples::Store;
use rpcplugin_proto::kv::{
    GetRequest, ListRequest, PutRequest, kv_client::KvClient, kv_server::KvServer,
};

/// What each test begins with.
async fn start() -> Result<(Client, KvClient<PluginChannel>), Error> {
    let plugin = testing::client(PluginSet::new().service(KvServer::new(Store::default()))).await?;
    let kv = plugin.dispense(KvClient::new);
    Ok((plugin, kv))
}

type Tested = Result<(), Box<dyn std::error::Error>>;

#[tokio::test]
async fn what_was_put_is_found() -> Tested {
    let (_plugin, mut kv) = start().await?;
    kv.put(PutRequest { key: "greeting".into(), value: "hello".into() }).await?;
    let reply = kv.get(GetRequest { key: "greeting".into() }).await?;
    assert_eq!(reply.into_inner().value, b"hello");
    Ok(())
}

#[tokio::test]
async fn a_missing_key_is_not_found() -> Tested {
    let (_plugin, mut kv) = start().await?;
    let status = kv.get(GetRequest { key: "none".into() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    Ok(())
}

#[tokio::test]
async fn entries_come_in_the_order_of_their_keys() -> Tested {
    let (_plugin, mut kv) = start().await?;
    for key in ["b2", "a", "b1"] {
        kv.put(PutRequest { key: key.into(), value: key.into() }).await?;
    }
    let mut entries = kv.list(ListRequest { prefix: "b".into() }).await?.into_inner();
    for key in ["b1", "b2"] {
        assert_eq!(entries.message().await?.map(|entry| entry.key).as_deref(), Some(key));
    }
    assert_eq!(entries.message().await?, None);
    Ok(())
}

#[tokio::test]
async fn it_is_healthy_and_stops_when_it_is_asked_to() -> Tested {
    let (plugin, _kv) = start().await?;
    assert_eq!(plugin.health("proto.KV").await?, ServingStatus::Serving);
    assert_eq!(plugin.shutdown().await?.outcome, ShutdownOutcome::Graceful);
    Ok(())
}
