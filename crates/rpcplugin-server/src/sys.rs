//! The one operation of this crate that the compiler cannot check.

/// Removes variables from the environment of this process, so that its children do not take its
/// host's for their own.
#[expect(unsafe_code, reason = "std::env::remove_var is unsafe on Unix")]
pub(crate) fn remove_variables<'a>(names: impl IntoIterator<Item = &'a str>) {
    for name in names {
        // SAFETY: the danger is a concurrent access to the environment that does not go through
        // the standard library, whose own accesses share a lock. None of this crate's threads
        // exists yet when this runs (`environment::read` is the first step of a start, before
        // the guard), and the standard library and tokio's workers do not call `getenv`
        // themselves. What remains is foreign code (C's `getenv`, `localtime`, `getaddrinfo`)
        // on a thread that the program started before `run` or `serve`; their documentation asks
        // not to have such code running at that moment. `run_blocking` as the first thing in
        // `main` has no other thread at all.
        unsafe { std::env::remove_var(name) };
    }
}
