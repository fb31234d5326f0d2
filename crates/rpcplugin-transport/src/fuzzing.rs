//! What `fuzz/` runs on this crate; `docs/decisions.md` says why it stands here.
//!
//! Each function takes any bytes, and panics if a promise does not hold for them.

use crate::serving::mended;

/// The adapter that makes `:authority` legal, on what follows the preface of a connection.
///
/// The first byte chooses the pieces in which the rest arrives.
pub fn header_adapter(bytes: &[u8]) {
    let Some((piece, sent)) = bytes.split_first() else { return };
    let whole = mended(sent, sent.len());
    for (before, after) in sent.iter().zip(&whole) {
        assert!(before == after || (*before, *after) == (b'%', b'.'), "only `%` is replaced");
    }
    assert_eq!(mended(sent, usize::from(*piece)), whole, "pieces make no difference");
    assert_eq!(mended(&whole, whole.len()), whole, "what is legal stays as it is");
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::{replay::replay, *};

    #[test]
    fn connections_that_were_found_hold() {
        replay("header_adapter", header_adapter);
    }
}
