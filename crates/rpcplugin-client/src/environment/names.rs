//! Names of variables by what they do to a child.

use std::ffi::OsStr;

/// What a plugin gets of its host's environment without anybody asking.
const BASIC: &[&str] =
    &["HOME", "LANG", "PATH", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "TMPDIR", "TZ", "USER"];
const BASIC_WINDOWS: &[&str] = &["SYSTEMROOT", "TEMP", "TMP"];
const BASIC_PREFIX: &str = "LC_";

/// Variables that make a loader, a C library or an interpreter run code of somebody's choice.
const INJECTING: &[&str] = &[
    "BASH_ENV",
    "BASHOPTS",
    "CLASSPATH",
    "COR_ENABLE_PROFILING",
    "CORECLR_ENABLE_PROFILING",
    "DOTNET_STARTUP_HOOKS",
    "ENV",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LIBPATH",
    "LOCPATH",
    "NIS_PATH",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "RESOLV_HOST_CONF",
    "RUBYLIB",
    "RUBYOPT",
    "SHELLOPTS",
    "SHLIB_PATH",
    "_JAVA_OPTIONS",
];
const INJECTING_PREFIXES: &[&str] = &[
    "BASH_FUNC_",
    "COR_PROFILER",
    "CORECLR_PROFILER",
    "DYLD_",
    "LD_",
    "LUA_",
    "MALLOC_",
    "PERL",
    "PYTHON",
    "_RLD",
];

pub(super) fn is_basic(name: &OsStr) -> bool {
    is_one_of(name, BASIC)
        || starts_with(name, BASIC_PREFIX)
        || (cfg!(windows) && is_one_of(name, BASIC_WINDOWS))
}

pub(super) fn injects_code(name: &OsStr) -> bool {
    is_one_of(name, INJECTING) || INJECTING_PREFIXES.iter().any(|prefix| starts_with(name, prefix))
}

/// Whether `name` starts with `prefix`; on Windows in any case.
pub(super) fn starts_with(name: &OsStr, prefix: &str) -> bool {
    let head = name.as_encoded_bytes().get(..prefix.len()).unwrap_or_default();
    if cfg!(windows) {
        head.eq_ignore_ascii_case(prefix.as_bytes())
    } else {
        head == prefix.as_bytes()
    }
}

fn is_one_of(name: &OsStr, names: &[&str]) -> bool {
    names.iter().any(|candidate| super::same_name(name, OsStr::new(candidate)))
}
