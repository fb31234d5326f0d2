use std::{io, path::PathBuf};

use futures_util::future::BoxFuture;
use rpcplugin_core::Address;
use rpcplugin_transport::{Accepted, Listener, UnixListener};

use crate::guard::Files;

/// A socket that is on the list of what goes before the process is ended hard, as long as it
/// listens.
#[derive(Debug)]
pub(super) struct Registered {
    listener: UnixListener,
    _entry: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: PathBuf,
    files: Files,
}

impl Registered {
    pub(super) fn new(listener: UnixListener, files: &Files, own_directory: bool) -> Self {
        let entry = match listener.address() {
            Address::Unix(path) => {
                files.add(path.clone(), own_directory);
                Some(Entry { path, files: files.clone() })
            }
            _ => None,
        };
        Self { listener, _entry: entry }
    }
}

impl Listener for Registered {
    fn address(&self) -> Address {
        self.listener.address()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<Accepted>> {
        self.listener.accept()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.files.forget(&self.path);
    }
}
