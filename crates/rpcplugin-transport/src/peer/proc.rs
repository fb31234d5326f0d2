//! What Linux tells under `/proc` about processes and listening sockets.

use std::{
    collections::HashMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use crate::ProcessStat;

mod reading;

pub(super) use self::reading::Interest;

/// A TCP socket of this machine.
#[derive(Debug)]
pub(super) struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    listens: bool,
    pub(super) uid: u32,
    /// 0 once no process holds it any more.
    pub(super) inode: u64,
}

/// Whether `pid` is `ancestor` or one of its descendants.
///
/// A process whose parent died counts no longer: it belongs to init or to a subreaper.
pub(super) fn descends_from(pid: u32, ancestor: u32) -> bool {
    // Longer chains of living processes are nobody's plugin; the bound is for a chain that
    // changes while it is read.
    const LONGEST_CHAIN: usize = 256;
    std::iter::successors(Some(pid), |pid| parent(*pid))
        .take(LONGEST_CHAIN)
        .any(|pid| pid == ancestor)
}

/// The sockets that take connections to `address`; `None` if the kernel does not tell.
pub(super) fn listeners(address: SocketAddr) -> Option<Vec<Socket>> {
    let mut found = Vec::new();
    for _ in 0..READINGS {
        found = taking(address, sockets()?);
        if !found.is_empty() {
            break;
        }
    }
    Some(found)
}

/// Those of the sockets that the kernel may hand a connection to `address`.
fn taking(address: SocketAddr, mut sockets: Vec<Socket>) -> Vec<Socket> {
    sockets.retain(|socket| {
        socket.listens
            && socket.local.port() == address.port()
            && covers(socket.local.ip(), address.ip())
    });
    // One that is bound to this very address goes before those that are bound to any: they may
    // belong to others, and take connections of the other version of IP alone.
    if sockets.iter().any(|socket| same(socket.local, address)) {
        sockets.retain(|socket| same(socket.local, address));
    }
    sockets
}

/// The user at the other end of a connection within this machine, which was there at `accepted`;
/// `None` if the kernel does not tell.
pub(super) fn user_of(peer: SocketAddr, own: SocketAddr, accepted: Instant) -> Option<u32> {
    /// No user. What the peer sent before it closed its end must not pass as root's, whose
    /// number a socket without a process shows.
    const NOBODY: u32 = u32::MAX;
    if !peer.ip().to_canonical().is_loopback() {
        return None;
    }
    let mut since = accepted;
    for _ in 0..READINGS {
        let sockets = reading::shared(since)?;
        since = Instant::now();
        let find = |local, remote| {
            sockets.iter().find(|end| same(end.local, local) && same(end.remote, remote))
        };
        // Without our own end, this is the table of another network.
        find(own, peer)?;
        if let Some(socket) = find(peer, own)
            && socket.inode != 0
        {
            return Some(socket.uid);
        }
    }
    Some(NOBODY)
}

/// How often the tables are read before a socket counts as absent: they change while they are
/// read, and a reading may miss one.
const READINGS: usize = 3;

fn sockets() -> Option<Vec<Socket>> {
    let v4 = fs::read_to_string("/proc/net/tcp").ok()?;
    // Absent where IPv6 is not built in.
    let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Some(v4.lines().chain(v6.lines()).filter_map(socket).collect())
}

/// Whether `pid` or, unless it must be `alone`, one of its descendants holds the socket of this
/// inode.
///
/// True as well if the descriptors of one of them cannot be read: then the kernel does not tell.
pub(super) fn holds(pid: u32, inode: u64, alone: bool) -> bool {
    // Mostly it is the process itself, so the table of all processes is read only if not.
    has_descriptor(pid, inode)
        || !alone
            && descendants(pid).into_iter().any(|descendant| has_descriptor(descendant, inode))
}

fn has_descriptor(pid: u32, inode: u64) -> bool {
    let socket = format!("socket:[{inode}]");
    match fs::read_dir(format!("/proc/{pid}/fd")) {
        Ok(descriptors) => descriptors
            .flatten()
            .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
            .any(|target| target.as_os_str() == socket.as_str()),
        Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
    }
}

/// The parent of a process; `None` for the first one, and for one that is gone or out of sight.
fn parent(pid: u32) -> Option<u32> {
    ProcessStat::of(pid).map(|stat| stat.parent).filter(|parent| *parent != 0)
}

fn descendants(ancestor: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let pids = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()) {
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    // Each entry is taken out once, so that even a table that changed meanwhile has no loops.
    let mut found = children.remove(&ancestor).unwrap_or_default();
    let mut next = 0;
    while let Some(pid) = found.get(next) {
        found.extend(children.remove(pid).unwrap_or_default());
        next += 1;
    }
    found
}

/// Reads one row of `/proc/net/tcp` or `tcp6`.
fn socket(row: &str) -> Option<Socket> {
    const LISTEN: &str = "0A";
    let mut fields = row.split_ascii_whitespace();
    let local = address(fields.nth(1)?)?;
    let remote = address(fields.next()?)?;
    let listens = fields.next()? == LISTEN;
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok()?;
    Some(Socket { local, remote, listens, uid, inode })
}

/// Reads `0100007F:1F90`: 32-bit words in the machine's byte order, then the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let mut words = [[0; 4]; 4];
    let count = ip.len() / 8;
    if !ip.is_ascii() || ip.len() % 8 != 0 || !(count == 1 || count == 4) {
        return None;
    }
    for (index, word) in words.iter_mut().enumerate().take(count) {
        *word = u32::from_str_radix(&ip[index * 8..index * 8 + 8], 16).ok()?.to_ne_bytes();
    }
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = if count == 1 {
        IpAddr::V4(Ipv4Addr::from(words[0]))
    } else {
        let mut octets = [0; 16];
        for (octets, word) in octets.chunks_exact_mut(4).zip(words) {
            octets.copy_from_slice(&word);
        }
        IpAddr::V6(Ipv6Addr::from(octets))
    };
    Some(SocketAddr::new(ip, port))
}

/// Whether both are one address, written as IPv4 or as IPv6.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}

/// Whether a socket bound to `bound` takes connections to `dialled`.
fn covers(bound: IpAddr, dialled: IpAddr) -> bool {
    // An IPv6 socket may take IPv4 connections too, under mapped addresses.
    let bound = bound.to_canonical();
    let dialled = dialled.to_canonical();
    match bound {
        IpAddr::V4(ip) if ip.is_unspecified() => dialled.is_ipv4(),
        IpAddr::V6(ip) if ip.is_unspecified() => true,
        _ => bound == dialled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_both_tables_are_read() {
        let row = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 123456 1 0000 100 0 0 10 0";
        let found = socket(row).unwrap();
        assert_eq!(found.local, "127.0.0.1:8080".parse().unwrap());
        assert_eq!((found.listens, found.uid, found.inode), (true, 1000, 123_456));

        let row = "1: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:1 01 0:0 00:0 0 7 0 9 1";
        let found = socket(row).unwrap();
        assert_eq!(found.local, "[::1]:8080".parse().unwrap());
        assert_eq!((found.remote, found.listens), ("[::1]:1".parse().unwrap(), false));
    }

    #[test]
    fn rows_that_make_no_sense_are_skipped() {
        for row in [
            "",
            "sl local_address rem_address st",
            "0: 0100007:1F90 0:0 0A 0 0 0 0 0 0",
            "0: ÄÄÄÄ:1F90 0:0 0A 0 0 0 0 0 0",
        ] {
            assert!(socket(row).is_none(), "{row}");
        }
    }

    #[test]
    fn wildcards_cover_what_they_accept() {
        let check =
            |bound: &str, dialled: &str| covers(bound.parse().unwrap(), dialled.parse().unwrap());
        assert!(check("0.0.0.0", "127.0.0.1") && check("::", "127.0.0.1") && check("::", "::1"));
        assert!(check("127.0.0.1", "127.0.0.1") && check("::ffff:127.0.0.1", "127.0.0.1"));
        assert!(!check("0.0.0.0", "::1") && !check("127.0.0.2", "127.0.0.1"));
    }

    #[test]
    fn the_socket_at_the_very_address_goes_before_those_at_any() {
        let listening = |local: &str, inode| Socket {
            local: local.parse().unwrap(),
            remote: "0.0.0.0:0".parse().unwrap(),
            listens: true,
            uid: 0,
            inode,
        };
        let check = |dialled: &str, expected: &[u64]| {
            let sockets = vec![
                listening("[::]:80", 1),
                listening("127.0.0.1:80", 2),
                listening("127.0.0.1:81", 3),
            ];
            let found = taking(dialled.parse().unwrap(), sockets);
            assert_eq!(found.iter().map(|socket| socket.inode).collect::<Vec<_>>(), expected);
        };
        check("127.0.0.1:80", &[2]);
        check("127.0.0.2:80", &[1]);
        check("[::1]:80", &[1]);
        check("[::1]:81", &[]);
    }

    #[test]
    fn everybody_descends_from_themselves_and_their_parent() {
        let own = std::process::id();
        assert!(descends_from(own, own));
        assert!(descends_from(own, std::os::unix::process::parent_id()));
        assert!(!descends_from(std::os::unix::process::parent_id(), own));
        assert!(!descends_from(u32::MAX, own));
    }

    #[test]
    fn a_childs_child_is_found() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & read line; kill $!"])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        while descendants(child.id()).is_empty() {
            std::thread::yield_now();
        }
        let grandchild = descendants(child.id())[0];
        assert!(descends_from(grandchild, child.id()));
        assert!(descendants(std::process::id()).contains(&grandchild));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}
