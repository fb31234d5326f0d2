use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Instant,
};

use rpcplugin_core::SecurityError;

#[cfg(target_os = "linux")]
mod proc;

#[cfg(not(target_os = "linux"))]
#[path = "peer/unknown.rs"]
mod proc;

/// The process at the other end of a connection, as far as the system tells.
///
/// Unix sockets tell both on Linux and macOS. TCP tells the user on Linux, for connections within
/// the machine; otherwise TLS is what proves the peer.
///
/// The user of a TCP connection is looked up when somebody asks, once for all clones: see
/// [`looked_up`](Self::looked_up).
#[derive(Clone, Default)]
pub struct Peer {
    pid: Option<u32>,
    user: User,
}

/// Who a peer runs as.
#[derive(Clone)]
enum User {
    Known(Option<u32>),
    OfTcp(Arc<OfTcp>),
}

/// The far end of an accepted TCP connection.
struct OfTcp {
    peer: SocketAddr,
    own: SocketAddr,
    accepted: Instant,
    uid: OnceLock<Option<u32>>,
}

impl Peer {
    /// A peer with this process and user id.
    #[must_use]
    pub const fn new(pid: Option<u32>, uid: Option<u32>) -> Self {
        Self { pid, user: User::Known(uid) }
    }

    /// Its process id when it connected or began to listen; `None` for a process outside of this
    /// one's PID namespace, which has no number in here.
    #[must_use]
    pub const fn pid(&self) -> Option<u32> {
        match self.pid {
            // What the kernel says of all of them. `ExpectedPeer` still refuses it: it is not the
            // process that was expected.
            Some(0) | None => None,
            pid => pid,
        }
    }

    /// Its user id. The first question after that of a TCP connection blocks while the kernel's
    /// tables are read, unless [`looked_up`](Self::looked_up) came before.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        match &self.user {
            User::Known(uid) => *uid,
            User::OfTcp(tcp) => {
                *tcp.uid.get_or_init(|| proc::user_of(tcp.peer, tcp.own, tcp.accepted))
            }
        }
    }

    /// The same peer once its user is known. Without waiting, except for a TCP connection on
    /// Linux: its tables are read on a thread that may block, and one reading serves all who wait.
    ///
    /// To be awaited in a connection's own task, not where connections are accepted.
    pub async fn looked_up(self) -> Self {
        if let User::OfTcp(tcp) = &self.user
            && tcp.uid.get().is_none()
        {
            /// However many connections come, they take up one thread.
            static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
            let asking = self.clone();
            let _interest = proc::Interest::new();
            let turn = TURN.lock().await;
            let asked = tokio::task::spawn_blocking(move || {
                let _ = asking.uid();
                // Given back only now, even if nobody waits for the answer any more.
                drop(turn);
            });
            // It fails only while the runtime ends, and then the next question answers itself.
            let _ = asked.await;
        }
        self
    }

    /// This process, as its peers see it.
    #[must_use]
    pub fn ourselves() -> Self {
        Self::new(Some(std::process::id()), own_uid())
    }

    /// Whether the peer may use a plugin of this process: it runs as the same user or as root,
    /// or the system does not tell.
    ///
    /// # Example
    ///
    /// ```
    /// use rpcplugin_transport::Peer;
    ///
    /// assert!(Peer::ourselves().is_same_user());
    /// assert!(Peer::default().is_same_user());
    /// # #[cfg(unix)]
    /// assert!(!Peer::new(None, Some(u32::MAX - 1)).is_same_user());
    /// ```
    #[must_use]
    pub fn is_same_user(&self) -> bool {
        match (self.uid(), own_uid()) {
            (Some(peer), Some(own)) => peer == own || peer == 0,
            _ => true,
        }
    }

    /// The peer of an accepted TCP connection. One that closed its end already counts as another
    /// user's.
    pub(crate) fn of_tcp(peer: SocketAddr, own: SocketAddr) -> Self {
        let (accepted, uid) = (Instant::now(), OnceLock::new());
        Self { pid: None, user: User::OfTcp(Arc::new(OfTcp { peer, own, accepted, uid })) }
    }

    #[cfg(unix)]
    pub(crate) fn of_unix(stream: &tokio::net::UnixStream) -> Self {
        // Linux answers with SO_PEERCRED, macOS with getpeereid and LOCAL_PEERPID.
        stream.peer_cred().map_or_else(
            |_| Self::default(),
            |cred| {
                let pid = cred.pid().and_then(|pid| pid.try_into().ok());
                Self::new(pid, Some(cred.uid()))
            },
        )
    }
}

impl Default for User {
    fn default() -> Self {
        Self::Known(None)
    }
}

impl fmt::Debug for Peer {
    /// Shows what is known by now, and looks nothing up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Peer");
        shown.field("pid", &self.pid);
        match &self.user {
            User::Known(uid) => shown.field("uid", uid).finish(),
            User::OfTcp(tcp) => shown.field("tcp", &tcp.peer).field("uid", &tcp.uid.get()).finish(),
        }
    }
}

/// Who must listen at an address, checked after connecting and before the first byte is sent.
///
/// What is `None` is not checked. Where the system does not tell (the owner of a TCP port outside
/// Linux, the ancestors of a process outside Linux), the check passes: there, TLS is what proves
/// the peer.
///
/// # Example
///
/// ```
/// use rpcplugin_transport::ExpectedPeer;
///
/// let plugin = ExpectedPeer::new().pid(4711).uid(1000);
/// assert_eq!(plugin.pid, Some(4711));
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct ExpectedPeer {
    /// The user id.
    pub uid: Option<u32>,
    /// That process or one of its descendants.
    pub pid: Option<u32>,
    /// Only that process, and none of its descendants.
    pub alone: bool,
}

impl ExpectedPeer {
    /// Expects nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { uid: None, pid: None, alone: false }
    }

    /// Expects this user.
    #[must_use]
    pub const fn uid(mut self, uid: u32) -> Self {
        self.uid = Some(uid);
        self
    }

    /// Expects this process or one of its descendants.
    #[must_use]
    pub const fn pid(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self
    }

    /// Expects this process itself, and none of its descendants.
    #[must_use]
    pub const fn itself(mut self, pid: u32) -> Self {
        self.pid = Some(pid);
        self.alone = true;
        self
    }

    /// Checks the process behind a connected Unix socket.
    #[cfg(unix)]
    pub(crate) fn check(self, address: &str, peer: &Peer) -> Result<(), SecurityError> {
        self.check_uid(address, peer.uid())?;
        let (Some(expected), Some(found)) = (self.pid, peer.pid) else { return Ok(()) };
        if found == expected || (!self.alone && proc::descends_from(found, expected)) {
            return Ok(());
        }
        Err(SecurityError::PeerCredentials {
            address: address.to_owned(),
            detail: format!("expected process {}, found process {found}", self.whom(expected)),
        })
    }

    /// Checks the process that listens on a TCP port.
    pub(crate) fn check_listener(self, address: SocketAddr) -> Result<(), SecurityError> {
        if self == Self::new() {
            return Ok(());
        }
        let refuse =
            |detail| SecurityError::PeerCredentials { address: address.to_string(), detail };
        let Some(sockets) = proc::listeners(address) else { return Ok(()) };
        if sockets.is_empty() {
            return Err(refuse("no process of this machine listens there any more".to_owned()));
        }
        for socket in sockets {
            self.check_uid(&address.to_string(), Some(socket.uid))?;
            if let Some(pid) = self.pid
                && !proc::holds(pid, socket.inode, self.alone)
            {
                let whom = self.whom(pid);
                return Err(refuse(format!(
                    "expected process {whom}, which does not hold the socket"
                )));
            }
        }
        Ok(())
    }

    fn whom(self, pid: u32) -> String {
        if self.alone { pid.to_string() } else { format!("{pid} or a descendant") }
    }

    fn check_uid(self, address: &str, found: Option<u32>) -> Result<(), SecurityError> {
        match (self.uid, found) {
            (Some(expected), Some(found)) if expected != found => {
                Err(SecurityError::PeerCredentials {
                    address: address.to_owned(),
                    detail: format!("expected user {expected}, found user {found}"),
                })
            }
            _ => Ok(()),
        }
    }
}

fn own_uid() -> Option<u32> {
    #[cfg(unix)]
    {
        Some(rustix::process::geteuid().as_raw())
    }
    #[cfg(not(unix))]
    {
        None
    }
}

#[cfg(all(test, unix))]
mod tests;
