//! The command `rpcplugin`, as people and scripts run it. Every test runs under the leak oracle.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

mod bench;
mod call;
mod call_streams;
mod case;
mod cert;
mod cert_refusals;
mod cert_rotate;
mod check;
mod config;
mod config_init;
mod guides;
mod health;
mod help;
mod inspect;
mod launch;
mod launch_signals;
mod logs;
mod new;
mod session;
mod sessions;
mod shell;
mod terminal;
