//! docs/interop.md, from the table of pairs: what a run checks is what the page says.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, Result};

use super::{
    pairs::{self, Pair, WAYS},
    peers::Peer,
};
use crate::workspace;

/// Where the page is, below the workspace's folder.
const PATH: &str = "docs/interop.md";

/// Writes the page.
pub(super) fn write() -> Result<()> {
    let path = workspace::root().join(PATH);
    fs::write(&path, page()).with_context(|| format!("cannot write {}", path.display()))
}

const HEAD: &str = "\
# Tested with

<!-- Written by `cargo xtask interop --write-docs`; a test of xtask compares. -->

`cargo xtask interop` runs our host and our plugin against real ones of other libraries, each pair
in a directory of its own, and fails if a check does. CI runs all of it, with every peer.
The page says what each pair is checked for; a run says that it holds.

## Peers

| Peer | What it is |
| --- | --- |
";

const MATRIX: &str = "
## Pairs

*mtls* is automatic mutual TLS, *plain* is plaintext; *unix* and *tcp* say what the plugin listens on.
A tick is a pair that passes all of its checks; a number is a note below.

";

const CHECKS: &str = "
## What is checked

With every pair: that no process and no socket is left, and under our host no file.
With every host but the examples, which check nothing by themselves: the start, the version that both
ends settle on, TLS or none as asked for, health, a shutdown that the plugin obeys by itself, and its
exit status.
With mutual TLS our host and go-plugin's also check that the plugin asks for their certificate;
go-plugin's moreover TLS 1.2, and that strangers in plaintext, without a certificate and with one of
their own are refused.
The probe adds calls of all four kinds, a message of 20 MiB, a status with its message, both halves
of the captured output, and a log line with its level.
The example of streams writes a file and reads it back in chunks.
The key-value examples put, get, and miss a key; the one of several versions must be served by the
implementation of version 3, and a host that offers version 2 alone is told that this one is net/rpc.
The pairs with side channels call 20 in each direction, each with a connection of its own, and the
multiplexed ones the same with everything on one connection. go-plugin's hosts look at every one of
them: with mutual TLS both ends have shown a certificate. The host of python-plugin serves before it
dials, since it opens its broker's stream with its own first announcement.
The attached pairs do the same in plaintext with a plugin in test mode: the host attaches to it twice,
and leaves it running. A go-plugin plugin has side channels for its first host only.
With mutual TLS one host starts the plugin, and a second one comes by what go-plugin's
`ReattachConfig` holds, which is neither certificate nor key. Ours is refused before it connects
(`SECURITY_REATTACH_NEEDS_TLS`), and a go-plugin plugin does not answer it in plaintext either.
go-plugin's goes on in plaintext although `AutoMTLS` is on, and our plugin does not answer it; it is
served with the `TLSConfig` of the first host, which never leaves that process. The first host goes on.

With certificates, and with OpenSSL, *mtls* is not the automatic one: both ends have certificates of
an authority. Each side issues for both, we with `CertAuthority` (P-256, P-384 and Ed25519, each under
the root and under an intermediate), and each set must carry calls; the wrong root and the wrong
certificate are refused with `SECURITY_CERT_UNTRUSTED` and `SECURITY_CLIENT_REFUSED`.
go-plugin's ends take them by `TLSConfig` and `TLSProvider`, and `crypto/x509` verifies our chains;
what it issues is P-256, P-384, P-521, RSA of 2048 bits and Ed25519.
pyvider-rpcplugin takes them by `PLUGIN_SERVER_CERT`, `PLUGIN_SERVER_KEY` and
`PLUGIN_CLIENT_ROOT_CERTS`.
OpenSSL issues the same five kinds. `openssl verify -x509_strict` judges our chains, for the purpose
that they have and for the other one. `openssl s_client` and `openssl s_server` speak no HTTP/2, so
they are bridges: our host calls our plugin through `s_client`, and gets an answer through `s_server`,
in TLS 1.2 and 1.3, each with ALPN `h2` and a certificate on both sides. Certificates of OpenSSL that
have expired, are for the other purpose, bear another name, or were revoked (`openssl ca -gencrl`) are
refused on either side, with `SECURITY_CERT_EXPIRED` and `SECURITY_CERT_UNTRUSTED` by our host and
`SECURITY_CLIENT_REFUSED` by our plugin. In TLS 1.2 `s_server` does not show a P-521 certificate to our
host, which exchanges no keys on that curve; in TLS 1.3 it does.

## Notes

";

/// The whole page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for peer in Peer::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {} | {} |", peer.name(), peer.about());
    }
    page.push_str(MATRIX);
    let titles = WAYS.map(|(tls, network)| format!("{}, {}", tls.word(), network.word()));
    let _ = writeln!(page, "| Host | Plugin | {} |", titles.join(" | "));
    let _ = writeln!(page, "| --- | --- |{}", " --- |".repeat(WAYS.len()));
    let mut notes = Vec::new();
    // All ways of one host and one plugin stand together.
    for ways in pairs::all(false).chunks(WAYS.len()) {
        let cells: Vec<_> = ways.iter().map(|pair| cell(pair, &mut notes)).collect();
        let (host, plugin) = ways[0].names();
        let _ = writeln!(page, "| {host} | {plugin} | {} |", cells.join(" | "));
    }
    page.push_str(CHECKS);
    for (index, note) in notes.iter().enumerate() {
        let _ = writeln!(page, "{}. {note}.", index + 1);
    }
    page
}

/// A tick with the numbers of what is left out, or why there is none.
fn cell(pair: &Pair, notes: &mut Vec<String>) -> String {
    let mut number = |note: String| {
        let known = notes.iter().position(|known| *known == note);
        1 + known.unwrap_or_else(|| {
            notes.push(note);
            notes.len() - 1
        })
    };
    if let Some(reason) = pair.impossible() {
        return format!("– ({})", number(format!("Not possible: {reason}")));
    }
    let limits = pair.limits();
    let mut numbers: Vec<_> =
        limits.iter().map(|(check, limit)| number(format!("Without `{check}`: {limit}"))).collect();
    numbers.sort_unstable();
    let numbers: Vec<_> = numbers.iter().map(usize::to_string).collect();
    if numbers.is_empty() { "✓".to_owned() } else { format!("✓ ({})", numbers.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_pairs_say() {
        let committed = fs::read_to_string(workspace::root().join(PATH)).unwrap_or_default();
        // Windows may have checked it out with its own line ends.
        assert!(
            committed.replace('\r', "") == page(),
            "run `cargo xtask interop --write-docs` and commit {PATH}"
        );
    }

    #[test]
    fn notes_that_are_alike_have_one_number() {
        let page = page();
        let notes: Vec<_> = page.lines().filter_map(|line| line.split_once(". ")).collect();
        let mut texts: Vec<_> = notes.iter().map(|(_, text)| text).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), notes.len());
    }
}
