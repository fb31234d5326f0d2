//! No network: a filter of system calls that lets a process make Unix sockets only.

use std::collections::BTreeMap;

use rpcplugin_core::SecurityError;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::failed;

/// The filter, for the kernel.
///
/// # Errors
///
/// `SECURITY_ISOLATION_FAILED` on a machine for which there is none.
pub(super) fn filter() -> Result<Vec<libc::sock_filter>, SecurityError> {
    let machine = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| failed(WHAT, format!("no filter for {}", std::env::consts::ARCH)))?;
    let filter = compile(machine).map_err(|error| failed(WHAT, error))?;
    let instruction = |at: seccompiler::sock_filter| libc::sock_filter {
        code: at.code,
        jt: at.jt,
        jf: at.jf,
        k: at.k,
    };
    Ok(filter.into_iter().map(instruction).collect())
}

pub(super) const WHAT: &str = "no_network";

fn compile(machine: TargetArch) -> Result<BpfProgram, BackendError> {
    /// Beside its own system calls, an x86-64 kernel may take those of its "x32" programs, which
    /// have the same numbers with this bit.
    const X32: i64 = 0x4000_0000;
    let mut rules = BTreeMap::new();
    for variant in [0, X32] {
        for call in [libc::SYS_socket, libc::SYS_socketpair] {
            let family = SeccompCondition::new(
                0,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::Ne,
                u64::from(libc::AF_UNIX.unsigned_abs()),
            )?;
            rules.insert(call | variant, vec![SeccompRule::new(vec![family])?]);
        }
        // Its rings make sockets without the calls above.
        rules.insert(libc::SYS_io_uring_setup | variant, Vec::new());
    }
    // What a program gets on a kernel without that kind of socket, so it is prepared for it.
    let refuse = SeccompAction::Errno(libc::EAFNOSUPPORT.unsigned_abs());
    // A process that makes the calls of another machine, such as 32-bit ones, is killed.
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine)?.try_into()
}
