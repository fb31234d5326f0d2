//! Errors of the kind Config.

use std::time::Duration;

use rpcplugin::{
    Client, Config, PluginSet,
    config::ConfigBuilder,
    core::{MagicCookie, Network},
    testing::Pair,
    tls::KeyType,
};
use rpcplugin_proto::kv::kv_server::{self, KvServer};
use rpcplugin_tests::{
    golden,
    host::{host, test_plugin},
    leak::leak_free,
};

use crate::told;

/// What a configuration that cannot work tells.
fn refused(name: &str, builder: ConfigBuilder) {
    golden(name, &builder.build().unwrap_err());
}

/// The same for a file of this name.
fn refused_file(name: &str, file: &str, content: &str) {
    leak_free(async |guard| {
        let path = guard.scratch().join(file);
        std::fs::write(&path, content).unwrap();
        refused(name, Config::builder().file(path));
    });
}

#[test]
fn a_value_out_of_range() {
    told("CONFIG_INVALID.builder", async |guard| {
        (host(guard).handshake_timeout(Duration::ZERO), test_plugin(guard))
    });
    let variables = [("PLUGIN_START_TIMEOUT", "soon")];
    refused("CONFIG_INVALID.variable", Config::builder().environment(variables));
    refused_file("CONFIG_INVALID.file", "app.toml", "plugin_start_timeout = 0.01\n");
}

#[test]
fn several_problems_at_once() {
    let builder = Config::builder().set("plugin_insecure", "maybe");
    refused("CONFIG_INVALID.several", builder.environment([("PLUGIN_START_TIMEOUT", "soon")]));
}

#[test]
fn a_setting_that_cannot_change_while_the_plugin_runs() {
    leak_free(async |guard| {
        let client = host(guard).spawn(test_plugin(guard)).await.unwrap();
        let other = [("PLUGIN_START_TIMEOUT", "5"), ("PLUGIN_HOST_MIN_PORT", "11000")];
        let other = Config::builder().environment(other).build().unwrap();
        golden("CONFIG_NOT_RELOADABLE.two", &client.reload(&other).unwrap_err());
        client.shutdown().await.unwrap();
    });
}

#[test]
fn a_port_range_upside_down() {
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is wrong with it")]
    told("CONFIG_PORT_RANGE.reversed", async |guard| {
        (host(guard).ports(20..=10), test_plugin(guard))
    });
}

#[test]
fn a_misspelt_key() {
    refused("CONFIG_UNKNOWN_KEY.misspelt", Config::builder().set("plugin_start_timeuot", "1"));
}

#[test]
fn settings_that_exclude_each_other() {
    told("CONFIG_CONFLICT.network", async |guard| {
        (host(guard).no_network().transports([Network::Tcp]), test_plugin(guard))
    });
    let builder = Config::builder().set("plugin_cert_rotation_days", "365");
    refused("CONFIG_CONFLICT.days", builder);
}

#[test]
fn a_missing_file() {
    refused("CONFIG_FILE_NOT_FOUND.missing", Config::builder().file("/nonexistent/app.toml"));
}

#[test]
fn a_file_with_an_open_quote() {
    refused_file("CONFIG_FILE_SYNTAX.quote", "app.toml", "plugin_log_level = \"info\n");
}

#[test]
fn an_unknown_profile() {
    refused("CONFIG_UNKNOWN_PROFILE.unknown", Config::builder().profile("mine"));
}

#[test]
fn an_empty_cookie() {
    told("CONFIG_COOKIE.empty", async |guard| {
        (Client::builder(MagicCookie::new("MY_APP_COOKIE", "")), test_plugin(guard))
    });
}

#[test]
fn a_version_twice() {
    told("CONFIG_PROTOCOL_VERSIONS.twice", async |guard| {
        (host(guard).versions([1, 1]), test_plugin(guard))
    });
}

/// It serves nothing: a pair with two of it does not come about.
#[derive(Clone, Debug)]
struct Nothing;

#[tonic::async_trait]
impl kv_server::Kv for Nothing {
    type ListStream = tokio_stream::Empty<Result<rpcplugin_proto::kv::Entry, tonic::Status>>;

    async fn get(
        &self,
        _: tonic::Request<rpcplugin_proto::kv::GetRequest>,
    ) -> Result<tonic::Response<rpcplugin_proto::kv::GetResponse>, tonic::Status> {
        Err(tonic::Status::unimplemented(""))
    }

    async fn put(
        &self,
        _: tonic::Request<rpcplugin_proto::kv::PutRequest>,
    ) -> Result<tonic::Response<rpcplugin_proto::kv::Empty>, tonic::Status> {
        Err(tonic::Status::unimplemented(""))
    }

    async fn list(
        &self,
        _: tonic::Request<rpcplugin_proto::kv::ListRequest>,
    ) -> Result<tonic::Response<Self::ListStream>, tonic::Status> {
        Err(tonic::Status::unimplemented(""))
    }
}

#[test]
fn a_service_twice() {
    leak_free(async |_| {
        let set = || PluginSet::new().service(KvServer::new(Nothing));
        let error = Pair::new(set().service(KvServer::new(Nothing))).join().await.unwrap_err();
        golden("CONFIG_DUPLICATE_SERVICE.twice", &error);
    });
}

#[test]
fn a_variable_of_the_handshake() {
    told("CONFIG_ENV.handshake", async |guard| {
        let mut command = test_plugin(guard);
        command.env("PLUGIN_PROTOCOL_VERSIONS", "2");
        (host(guard), command)
    });
}

#[test]
fn a_missing_directory() {
    told("CONFIG_SOCKET_DIR.missing", async |guard| {
        (host(guard).unix_socket_dir("/nonexistent"), test_plugin(guard))
    });
}

#[test]
fn an_unknown_group() {
    told("CONFIG_SOCKET_GROUP.unknown", async |guard| {
        (host(guard).unix_socket_group("no-such-group"), test_plugin(guard))
    });
}

#[test]
fn keys_that_this_build_cannot_make() {
    told("CONFIG_NOT_BUILT.p521", async |guard| {
        (host(guard).cert_key_type(KeyType::P521), test_plugin(guard))
    });
}
