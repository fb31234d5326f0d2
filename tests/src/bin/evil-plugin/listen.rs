use std::{
    io,
    net::TcpListener,
    os::unix::net::UnixListener,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(UnixListener, PathBuf),
    Tcp(TcpListener),
}

/// A connection, whatever it runs over.
pub(crate) trait Stream: io::Read + io::Write + Send {}
impl<S: io::Read + io::Write + Send> Stream for S {}

impl Listener {
    /// Binds: `unix` where the host said, `tcp` on loopback, `outside` where no host looks.
    pub(crate) fn bind(place: &str) -> anyhow::Result<Self> {
        let name = format!("evil{}", std::process::id());
        let directory = match place {
            "unix" => std::env::var_os("PLUGIN_UNIX_SOCKET_DIR")
                .map(PathBuf::from)
                .context("the host gave no directory")?,
            "outside" => std::env::var_os("EVIL_OUTSIDE")
                .map(PathBuf::from)
                .context("EVIL_OUTSIDE names a directory")?,
            "tcp" => return Ok(Self::Tcp(TcpListener::bind("127.0.0.1:0")?)),
            other => bail!("cannot listen on {other:?}"),
        };
        let path = directory.join(name);
        Ok(Self::Unix(UnixListener::bind(&path)?, path))
    }

    pub(crate) fn network(&self) -> &'static str {
        match self {
            Self::Unix(..) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }

    pub(crate) fn address(&self) -> anyhow::Result<String> {
        Ok(match self {
            Self::Unix(_, path) => path.to_str().context("paths of tests are text")?.to_owned(),
            Self::Tcp(listener) => listener.local_addr()?.to_string(),
        })
    }

    pub(crate) fn unlink(&self) -> anyhow::Result<()> {
        match self {
            Self::Unix(_, path) => Ok(std::fs::remove_file::<&Path>(path.as_ref())?),
            Self::Tcp(_) => bail!("only a Unix socket has a file"),
        }
    }

    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Unix(listener, path) => Self::Unix(listener.try_clone()?, path.clone()),
            Self::Tcp(listener) => Self::Tcp(listener.try_clone()?),
        })
    }

    pub(crate) fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Unix(listener, _) => Box::new(listener.accept()?.0),
            Self::Tcp(listener) => Box::new(listener.accept()?.0),
        })
    }

    /// The same socket for a runtime.
    pub(crate) fn into_tokio(self) -> io::Result<AsyncListener> {
        Ok(match self {
            Self::Unix(listener, _) => {
                listener.set_nonblocking(true)?;
                AsyncListener::Unix(tokio::net::UnixListener::from_std(listener)?)
            }
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                AsyncListener::Tcp(tokio::net::TcpListener::from_std(listener)?)
            }
        })
    }
}

/// A socket that listens, within a runtime.
#[derive(Debug)]
pub(crate) enum AsyncListener {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

impl AsyncListener {
    pub(crate) async fn accept(&self) -> io::Result<rpcplugin_transport::BoxIo> {
        Ok(match self {
            Self::Unix(listener) => Box::new(listener.accept().await?.0),
            Self::Tcp(listener) => Box::new(listener.accept().await?.0),
        })
    }
}
