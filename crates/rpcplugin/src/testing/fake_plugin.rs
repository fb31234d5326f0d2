use std::{
    env,
    ffi::{OsStr, OsString},
};

use rpcplugin_server::PluginSet;
use tokio::process::Command;

mod served;

/// A child process that is no good plugin: what a host must cope with.
///
/// [`command`](FakePlugin::command) gives what to start. It takes any host's cookie, and its
/// sockets lie where the host said.
///
/// `Silent`, `GarbageLine`, `WrongVersion`, `CrashAt(Step::Start)` and `Flood` are scripts for
/// `/bin/sh`. The others serve gRPC, for which a library has no program of its own: they start the
/// test's own program again, as one of its tests, which has this name and which the test's author
/// writes:
///
/// ```
/// # use rpcplugin::PluginSet;
/// use rpcplugin::testing::FakePlugin;
///
/// // With `#[test]` above it.
/// fn rpcplugin_fake_plugin() {
///     FakePlugin::intercept(PluginSet::new()); // .service(…), what a good plugin would serve
/// }
/// # rpcplugin_fake_plugin();
/// ```
///
/// Without that test such a child ends at once, and the host reports `HANDSHAKE_PLUGIN_EXITED`.
/// A program with a `main` of its own, such as a test without the standard harness, calls
/// [`intercept`](FakePlugin::intercept) first thing in `main`.
///
/// # Example
///
/// ```
/// use rpcplugin::{Client, MagicCookie, testing::FakePlugin};
///
/// const COOKIE: MagicCookie = MagicCookie::new("KV_PLUGIN_COOKIE", "e2b6a1c7");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let start = Client::builder(COOKIE).spawn(FakePlugin::GarbageLine.command());
/// assert_eq!(start.await.unwrap_err().code(), "HANDSHAKE_NOT_A_HANDSHAKE");
/// # }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FakePlugin {
    /// Prints nothing, and does not end before its host does: `HANDSHAKE_TIMEOUT`.
    Silent,
    /// Prints a line that is no handshake: `HANDSHAKE_NOT_A_HANDSHAKE`.
    GarbageLine,
    /// Announces an application version that no host knows: `HANDSHAKE_VERSION_MISMATCH`.
    WrongVersion,
    /// Announces one certificate and serves with another: `SECURITY_PIN_MISMATCH`. To a host in
    /// plaintext it announces one, too: `SECURITY_CERT_UNEXPECTED`.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    WrongCertificate,
    /// Says a word on stderr and ends with exit code 3.
    CrashAt(Step),
    /// Serves, and answers a request to stop like any plugin, but does not end; nor does it on
    /// SIGTERM. The host has to kill it.
    DeafToShutdown,
    /// Prints without end and without a newline: `HANDSHAKE_LINE_TOO_LONG`.
    Flood,
}

/// When a plugin crashes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Before its line: `HANDSHAKE_PLUGIN_EXITED`.
    Start,
    /// After its line, before a connection: `TRANSPORT_PLUGIN_GONE`.
    Line,
    /// In the first call of one of its own services, with `TRANSPORT_PLUGIN_GONE` for the call.
    Call,
}

/// How a child learns what it is.
const VARIABLE: &str = "RPCPLUGIN_FAKE_PLUGIN";

/// What the child says before it crashes, and its exit code.
const LAST_WORDS: &str = "fake plugin: crashes as it was told to";
const CRASHED: i32 = 3;

/// A child that waits stays for as long as its host, which holds the other end of its stdin, and
/// ten minutes more: a host may have given it no such pipe.
const WAIT: &str = "read -r _; exec sleep 600";

/// Starts the program in the first argument as its test of this name. What the harness prints
/// must not stand where the host reads the line, so that has a descriptor of its own.
const AGAIN: &str = r#"exec "$0" --nocapture rpcplugin_fake_plugin 3>&1 >/dev/null"#;

impl FakePlugin {
    /// What a host is to start. The program is `/bin/sh`; it becomes the fake by `exec`, so that
    /// there is one process, whose id is the child's.
    #[must_use]
    pub fn command(self) -> Command {
        let mut command = Command::new("/bin/sh");
        command.arg("-c");
        match self.script() {
            Some(script) => command.arg(script),
            None => {
                let deaf = if self == Self::DeafToShutdown { "trap '' TERM; " } else { "" };
                // If the system does not tell, the shell says so, and ends.
                let program = env::current_exe().unwrap_or_default();
                command.arg(format!("{deaf}{AGAIN}")).arg(program).env(VARIABLE, self.name())
            }
        };
        command
    }

    /// Becomes the fake plugin if this process was started as one, and never returns; otherwise
    /// does nothing. `plugins` are the services that a good plugin would have.
    ///
    /// It serves on a Unix socket, speaks the highest version that the host knows, and ends with
    /// its host.
    pub fn intercept(plugins: PluginSet) {
        let Some(fake) = env::var_os(VARIABLE).and_then(|name| Self::named(&name)) else { return };
        served::run(fake, plugins)
    }

    /// What needs no more than a shell.
    fn script(self) -> Option<String> {
        Some(match self {
            Self::Silent => WAIT.to_owned(),
            Self::GarbageLine => format!("echo 'this is no handshake'; {WAIT}"),
            Self::WrongVersion => format!("echo '1|2147483647|unix|/nowhere|grpc|'; {WAIT}"),
            Self::CrashAt(Step::Start) => format!("echo '{LAST_WORDS}' >&2; exit {CRASHED}"),
            Self::Flood => "while :; do printf %65536s flood; done".to_owned(),
            _ => return None,
        })
    }

    /// The name by which a child learns what it is.
    fn name(self) -> OsString {
        format!("{self:?}").into()
    }

    fn named(name: &OsStr) -> Option<Self> {
        [
            #[cfg(feature = "tls")]
            Self::WrongCertificate,
            Self::CrashAt(Step::Line),
            Self::CrashAt(Step::Call),
            Self::DeafToShutdown,
        ]
        .into_iter()
        .find(|fake| fake.name() == name)
    }
}
