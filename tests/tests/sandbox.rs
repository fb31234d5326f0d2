//! Plugins that run as somebody else, and are kept from what is not theirs: F-ISO-3 and 8.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use rpcplugin::{
    Client, Tls,
    client::{AllowedPath, Builder, Network, PluginChannel},
    core::Address,
};
use rpcplugin_proto::kv::{GetRequest, kv_client::KvClient};
use rpcplugin_tests::{
    Fifo, Names, Unprivileged,
    host::{evil_plugin, gone, host, probe, program, refusal, signal, test_plugin},
    leak::{LeakGuard, leak_free},
    not_tested,
};
use rustix::process::Signal;

/// A line of `/proc/PID/status`.
fn status(client: &Client, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", client.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn works(client: Client) {
    assert_eq!(probe(&client).echo(vec![1]).await.unwrap().into_inner(), [1]);
    client.shutdown().await.unwrap();
}

/// Whether the kernel has Landlock, or a sentence on stderr.
async fn has_landlock(guard: &LeakGuard) -> bool {
    match host(guard).landlock(AllowedPath::system()).spawn(guard.command("true")).await {
        Err(error) if error.code() == "SECURITY_ISOLATION_FAILED" => {
            assert!(error.to_string().contains("landlock: it takes Linux 6.2"), "{error}");
            not_tested("landlock", error);
            false
        }
        _ => true,
    }
}

#[test]
fn a_plugin_runs_as_the_user_it_is_told_to_and_with_no_other_group() {
    leak_free(async |guard| {
        let Some(user) = Unprivileged::new(guard, "user") else { return };
        let command = user.command(guard, "test-plugin");
        let client = user.host(guard).spawn(command).await.unwrap();
        let number = user.number();
        let all = format!("{number} {number} {number} {number}");
        assert_eq!(status(&client, "Uid"), all);
        assert_eq!(status(&client, "Gid"), all);
        assert_eq!(status(&client, "Groups"), "");
        assert_eq!(status(&client, "CapEff"), "0000000000000000");
        works(client).await;
    });
}

#[test]
fn side_channels_reach_a_plugin_of_another_user_and_its_host() {
    leak_free(async |guard| {
        let Some(user) = Unprivileged::new(guard, "user, side channels") else { return };
        for tls in [Tls::Auto, Tls::Plaintext] {
            for network in [Network::Unix, Network::Tcp] {
                let command = user.command(guard, "broker-plugin");
                let builder = user.host(guard).tls(tls.clone()).transports([network]);
                let client = builder.spawn(command).await.unwrap();
                let get = async |channel: PluginChannel, key: String| {
                    let reply = KvClient::new(channel).get(GetRequest { key }).await.unwrap();
                    String::from_utf8(reply.into_inner().value.to_vec()).unwrap()
                };
                let main = client.dispense(|channel| channel);
                let served = client.broker().serve(Names::server("host")).await.unwrap();
                let answer = get(main.clone(), format!("dial {} k", served.id())).await;
                assert_eq!(answer, "host:k", "{tls:?} {network}");
                let id = get(main, "serve side".to_owned()).await;
                let channel = client.broker().dial(id.parse::<u32>().unwrap()).await.unwrap();
                assert_eq!(get(channel, "k".to_owned()).await, "side:k", "{tls:?} {network}");
                client.shutdown().await.unwrap();
            }
        }
    });
}

#[test]
fn a_plugin_of_another_user_dies_with_its_host() {
    leak_free(async |guard| {
        let Some(user) = Unprivileged::new(guard, "user, host death") else { return };
        let mut reports = user.fifo(guard, "reports");
        let plugin = user.command(guard, "evil-plugin");
        let plugin = plugin.as_std().get_program().to_owned();
        let words = ["report", reports.path(), "{pid}", "hang"];
        let mut host = guard.command(program("test-host"));
        host.arg(format!("user={}", user.number()))
            .arg("--")
            .arg(plugin)
            .args(words)
            .env("TMPDIR", guard.base());
        host.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
        let mut host = host.kill_on_drop(true).spawn().unwrap();
        let plugin = reports.line().await.unwrap().parse().unwrap();
        signal(host.id().unwrap(), Signal::KILL);
        host.wait().await.unwrap();
        gone(plugin).await;
        // What a killed host leaves is for the next one to sweep.
        for left in std::fs::read_dir(guard.base()).unwrap() {
            std::fs::remove_dir_all(left.unwrap().path()).unwrap();
        }
    });
}

#[test]
fn another_user_needs_the_right_to_become_it() {
    leak_free(async |guard| {
        if rustix::process::geteuid().is_root() {
            not_tested("user, without the right to become it", "this is root");
            return;
        }
        let error = refusal(host(guard).user("0"), test_plugin(guard)).await;
        assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED", "{error}");
    });
}

#[test]
fn niceness_processors_and_no_new_privileges_are_as_asked() {
    leak_free(async |guard| {
        let builder = host(guard).nice(7).cpu_affinity([0]).no_new_privs();
        let client = builder.spawn(test_plugin(guard)).await.unwrap();
        assert_eq!(status(&client, "NoNewPrivs"), "1");
        assert_eq!(status(&client, "Cpus_allowed_list"), "0");
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", client.pid())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
        assert_eq!(fields.clone().nth(16), Some("7"), "{stat}");
        works(client).await;
    });
}

/// A plugin that first tries to read one file and to write another, and tells on a third.
async fn what_it_can(guard: &LeakGuard, builder: Builder) -> String {
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    let script = r#"
        if cat "$1" > /dev/null; then echo read >> "$3"; fi
        if echo changed > "$2"; then echo wrote >> "$3"; fi
        echo done >> "$3"
        exec "$0"
    "#;
    let told = guard.scratch().join("told");
    let mut command = guard.command("sh");
    command.args(["-c", script]).arg(program("test-plugin"));
    command.arg(&secret).arg(outside.path().join("new")).arg(&told);
    let client = builder.spawn(command).await.unwrap();
    let text = std::fs::read_to_string(&told).unwrap();
    std::fs::remove_file(told).unwrap();
    works(client).await;
    text
}

#[test]
fn with_landlock_a_plugin_reaches_the_listed_files_only() {
    leak_free(async |guard| {
        if !has_landlock(guard).await {
            return;
        }
        assert_eq!(what_it_can(guard, host(guard)).await, "read\nwrote\ndone\n");
        let mut allowed = AllowedPath::system();
        allowed.push(AllowedPath::read(program("test-plugin")));
        allowed.push(AllowedPath::write(guard.scratch()));
        let builder = host(guard).landlock(allowed);
        assert_eq!(what_it_can(guard, builder).await, "done\n");
    });
}

#[test]
fn landlock_needs_paths_that_exist() {
    leak_free(async |guard| {
        if !has_landlock(guard).await {
            return;
        }
        let builder = host(guard).landlock([AllowedPath::read("/nonexistent")]);
        let error = refusal(builder, test_plugin(guard)).await;
        assert_eq!(error.code(), "SECURITY_ISOLATION_FAILED");
        assert!(error.to_string().contains("/nonexistent"), "{error}");
    });
}

#[test]
fn a_plugin_without_a_network_makes_unix_sockets_only() {
    leak_free(async |guard| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut reports = Fifo::create(guard.scratch(), "reports").unwrap();
        for (builder, expected) in [
            (host(guard), "connected"),
            // EAFNOSUPPORT: as on a kernel without such sockets.
            (host(guard).no_network(), "os error 97"),
        ] {
            let plugin = program("test-plugin");
            let words = ["dial", &address, "report", reports.path(), "{result}", "exec"];
            let words = words.into_iter().chain([plugin.to_str().unwrap()]);
            let client = builder.spawn(evil_plugin(guard, words)).await.unwrap();
            let result = reports.line().await.unwrap();
            assert!(result.contains(expected), "{result}");
            assert!(matches!(client.address(), Address::Unix(_)));
            works(client).await;
        }
    });
}

#[test]
fn tcp_without_a_network_is_a_conflict() {
    leak_free(async |guard| {
        let builder = host(guard).no_network().transports([Network::Tcp]);
        let error = refusal(builder, test_plugin(guard)).await;
        assert_eq!(error.code(), "CONFIG_CONFLICT", "{error}");
    });
}
