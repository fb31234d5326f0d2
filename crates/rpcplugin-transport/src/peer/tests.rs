use super::*;

#[test]
fn another_user_is_refused_by_name() {
    let expected = ExpectedPeer::new().uid(1000);
    let error = expected.check("/s", &Peer::new(None, Some(7))).unwrap_err();
    assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
    assert_eq!(
        error.to_string(),
        "/s belongs to another process: expected user 1000, found user 7"
    );
    assert!(expected.check("/s", &Peer::new(None, Some(1000))).is_ok());
}

#[test]
fn a_process_of_a_foreign_pid_namespace_has_no_id() {
    assert_eq!(Peer::new(Some(0), None).pid(), None);
    assert_eq!(Peer::new(Some(7), None).pid(), Some(7));
}

#[cfg(target_os = "linux")]
#[test]
fn another_process_is_refused_by_name() {
    let parent = std::os::unix::process::parent_id();
    let expected = ExpectedPeer::new().pid(std::process::id());
    let error = expected.check("/s", &Peer::new(Some(parent), None)).unwrap_err();
    assert!(error.to_string().contains(&format!("found process {parent}")), "{error}");
    // A process of a foreign pid namespace shows as 0.
    assert!(expected.check("/s", &Peer::new(Some(0), None)).is_err());
    assert!(expected.check("/s", &Peer::ourselves()).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn the_holder_of_a_port_is_found() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let own = ExpectedPeer::new().pid(std::process::id());
    assert!(own.check_listener(address).is_ok());
    assert!(ExpectedPeer::new().uid(4711).check_listener(address).is_err());

    let mut other =
        std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
    let error = ExpectedPeer::new().pid(other.id()).check_listener(address).unwrap_err();
    assert!(error.to_string().contains("which does not hold the socket"), "{error}");
    drop(other.stdin.take());
    other.wait().unwrap();

    drop(listener);
    assert!(own.check_listener(address).is_err());
    assert!(ExpectedPeer::new().check_listener(address).is_ok());
}

#[cfg(target_os = "linux")]
#[test]
fn a_descendant_is_not_the_process_itself() {
    let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
    let peer = Peer::ourselves();
    ExpectedPeer::new().pid(parent).check("/s", &peer).unwrap();
    ExpectedPeer::new().itself(own).check("/s", &peer).unwrap();
    let error = ExpectedPeer::new().itself(parent).check("/s", &peer).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("/s belongs to another process: expected process {parent}, found process {own}")
    );

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    ExpectedPeer::new().pid(parent).check_listener(address).unwrap();
    ExpectedPeer::new().itself(own).check_listener(address).unwrap();
    let error = ExpectedPeer::new().itself(parent).check_listener(address).unwrap_err();
    assert_eq!(error.code(), "SECURITY_PEER_CREDENTIALS");
}
