//! What code in Python cannot be made of.

use super::model::Interface;
use crate::failure::Failure;

/// Refuses names that Python reserves: grpc_tools makes code of them that is no Python.
pub(super) fn check(interface: &Interface) -> Result<(), Failure> {
    for service in &interface.services {
        let names = service.python.module.split('.').chain([&*service.python.name]);
        let methods = service.methods.iter().map(|method| &*method.name);
        if let Some(word) = names.chain(methods).find(|word| KEYWORDS.contains(word)) {
            return Err(Failure::usage(
                format!("{}: {word} is a word of Python", service.full_name),
                "give the file, service or method another name, or choose another language",
            ));
        }
    }
    Ok(())
}

const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];
