//! `openssl s_client` and `openssl s_server` as bridges: TLS on one side, and on the other their
//! standard input and output, over which HTTP/2 then runs.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result};
use http_body_util::Empty;
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rpcplugin_core::Address;
use tokio::{
    io::{AsyncReadExt as _, Join, copy_bidirectional, join},
    net::UnixListener,
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};

use crate::openssl::Openssl;

/// How long it may take to end when the connection has.
const END: Duration = Duration::from_secs(10);

/// `openssl s_client` or `openssl s_server`.
pub(crate) struct Bridge {
    child: Child,
    work: JoinHandle<()>,
}

impl Bridge {
    /// Whoever connects to the socket that this returns comes to the plugin through `s_client`.
    pub(crate) fn to_plugin(
        openssl: &Openssl,
        dir: &Path,
        plugin: &Address,
        options: &[&str],
    ) -> Result<(Self, Address)> {
        let place = match plugin {
            Address::Tcp(address) => ["-connect".to_owned(), address.to_string()],
            Address::Unix(path) => ["-unix".to_owned(), path.display().to_string()],
            _ => anyhow::bail!("OpenSSL does not know {plugin}"),
        };
        let place = place.each_ref().map(String::as_str);
        let client = ["s_client", "-servername", "localhost", "-verify_hostname", "localhost"];
        let (child, mut io) = start(openssl, dir, &[&client, &place[..], options].concat())?;
        let path = openssl.dir.join("bridge");
        let _earlier = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        let work = tokio::spawn(async move {
            if let Ok((mut host, _)) = listener.accept().await {
                let _ended = copy_bidirectional(&mut host, &mut io).await;
            }
        });
        Ok((Self { child, work }, Address::Unix(path)))
    }

    /// A gRPC server without any service behind `s_server`, of whose connections one may succeed.
    pub(crate) fn from_host(
        openssl: &Openssl,
        dir: &Path,
        options: &[&str],
    ) -> Result<(Self, PathBuf)> {
        // OpenSSL 3.0 binds no path of more than 31 bytes; this one it sees from `dir`.
        const NAME: &str = "s_server";
        let path = dir.join(NAME);
        let _earlier = std::fs::remove_file(&path);
        let server = ["s_server", "-unix", NAME, "-Verify", "3"];
        let (child, io) = start(openssl, dir, &[&server, options].concat())?;
        let work = tokio::spawn(async move {
            let answer = service_fn(async |_: Request<Incoming>| {
                Response::builder()
                    .header("content-type", "application/grpc")
                    .header("grpc-status", "12")
                    .body(Empty::<Bytes>::new())
            });
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ended = builder.serve_connection(TokioIo::new(io), answer).await;
        });
        Ok((Self { child, work }, path))
    }

    /// Ends it, although it would go on.
    pub(crate) async fn kill(mut self) -> Result<()> {
        self.work.abort();
        Ok(self.child.kill().await?)
    }

    /// Waits for its end, which a refusal brings about, and returns what it said.
    pub(crate) async fn end(mut self) -> Result<String> {
        self.work.abort();
        let mut said = Vec::new();
        let mut stderr = self.child.stderr.take().context("its stderr was piped")?;
        if tokio::time::timeout(END, stderr.read_to_end(&mut said)).await.is_err() {
            self.child.kill().await?;
        }
        self.child.wait().await?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

fn start(
    openssl: &Openssl,
    dir: &Path,
    words: &[&str],
) -> Result<(Child, Join<ChildStdout, ChildStdin>)> {
    // Without `-quiet` it writes about the connection to stdout, and takes commands on stdin.
    let common = ["-quiet", "-alpn", "h2", "-verify_return_error"];
    let mut command = Command::new(&openssl.program);
    command.current_dir(dir).args(words).args(common).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot run openssl")?;
    let stdout = child.stdout.take().context("its stdout was piped")?;
    let stdin = child.stdin.take().context("its stdin was piped")?;
    Ok((child, join(stdout, stdin)))
}

/// The options for what one side presents.
pub(crate) fn presented(dir: &Path, role: &str) -> Vec<String> {
    let mut words =
        vec!["-cert".into(), format!("{role}.crt"), "-key".into(), format!("{role}.key")];
    if dir.join("between.crt").exists() {
        words.extend(["-cert_chain".into(), "between.crt".into()]);
    }
    words
}
