//! A plugin that misbehaves as its arguments say, one after the other.
//!
//! ```text
//! evil-plugin stdout 'Welcome\n' gate /tmp/go exit 3
//! ```
//!
//! | Arguments | What it does |
//! | --- | --- |
//! | `stdout TEXT`, `stderr TEXT` | writes the text; `\n`, `\r`, `\t`, `\\`, `\xHH` are bytes |
//! | `fill stdout\|stderr COUNT` | writes COUNT bytes without a newline |
//! | `flood stdout\|stderr COUNT` | writes COUNT numbered lines |
//! | `listen unix\|tcp\|outside` | binds, as go-plugin would; `outside`: in no private directory |
//! | `line TEMPLATE` | prints a line with `{network}`, `{address}`, `{cert}` and `{version}` filled in |
//! | `serve MANNER` | accepts in the background, see [`serve`] |
//! | `unlink` | removes the socket that it listens on |
//! | `report FIFO TEXT` | writes a line to a named pipe, with `{pid}`, `{child}` and `{result}` filled in |
//! | `gate FIFO` | waits until the test lets it go on |
//! | `child ACTIONS` | starts a descendant that inherits all standard descriptors |
//! | `allocate MIB`, `open COUNT`, `multiply COUNT` | takes so much memory, so many files or processes; the result is how many it got |
//! | `spin COUNT` | keeps so many threads busy, in the background |
//! | `grow PATH MIB` | writes a file |
//! | `dial ADDRESS` | connects to a TCP port; the result is what became of it |
//! | `close stdout\|stderr` | gives the pipe away |
//! | `exec PROGRAM …` | becomes another program |
//! | `exit CODE`, `signal NUMBER`, `hang` | ends, or never does |
//!
//! It knows nothing of the lifeline, and of the protocol only what the arguments say.

#[cfg(target_os = "linux")]
mod actions;
#[cfg(target_os = "linux")]
mod announce;
#[cfg(target_os = "linux")]
mod grpc;
#[cfg(target_os = "linux")]
mod hunger;
#[cfg(target_os = "linux")]
mod listen;
#[cfg(target_os = "linux")]
mod replies;
#[cfg(target_os = "linux")]
mod serve;
#[cfg(target_os = "linux")]
mod text;
#[cfg(target_os = "linux")]
mod tls;

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<std::process::ExitCode> {
    actions::Plugin::default().run(std::env::args().skip(1))
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("evil-plugin is built for Linux only");
}
