//! Each command that starts a plugin, in a terminal of its own.

use super::{
    case::{COOKIE, case, program},
    session::Session,
};

const ESCAPE: &str = "\u{1b}[";

#[test]
fn commands_are_coloured_on_a_terminal_and_leave_nothing_there() {
    case(|case| {
        let plugin = program("test-plugin");
        let commands: [&[&str]; 5] = [
            &["inspect", &plugin],
            &["health", &plugin],
            &["logs", "--", &plugin, "say=hello"],
            &["call", "--headers", &plugin, "Blob", "1"],
            &["inspect", "--help"],
        ];
        for words in commands {
            let (command, rest) = words.split_first().unwrap();
            let plain = case.launching(&[&[*command, "--cookie", COOKIE], rest].concat());
            let (code, shown) = Session::start(&plain).end();
            assert_eq!(code, Some(0), "{words:?}: {shown}");
            // What is logged in so short a life is not for sure seen.
            assert!(shown.contains(ESCAPE) || *command == "logs", "{words:?}: {shown}");
        }
    });
}

#[test]
fn a_slow_start_shows_that_it_is_under_way_and_ctrl_c_ends_it() {
    case(|case| {
        let evil = program("evil-plugin");
        let words = ["health", "--cookie", COOKIE, "--", &evil, "child", "hang", "hang"];
        let mut session = Session::start(&case.launching(&words));
        session.expect("evil-plugin … 0 s");
        session.expect("evil-plugin … 1 s");
        session.type_("\x03");
        let (code, shown) = session.end();
        assert_eq!(code, Some(130));
        // The line is gone.
        assert!(shown.trim_end_matches("^C").ends_with("\r\u{1b}[K"), "{shown:?}");
    });
}

#[test]
fn ctrl_c_ends_what_follows_a_plugin() {
    case(|case| {
        let plugin = program("test-plugin");
        let commands: [(&[&str], &str); 3] = [
            (&["health", "--watch", &plugin], "SERVING"),
            (&["logs", "--follow", "--", &plugin, "say=hello"], "hello"),
            (&["call", &plugin, "Count", "1000000000"], "100\r\n"),
        ];
        for (words, text) in commands {
            let (command, rest) = words.split_first().unwrap();
            let plain = case.launching(&[&[*command, "--cookie", COOKIE], rest].concat());
            let mut session = Session::start(&plain);
            session.expect(text);
            session.type_("\x03");
            assert_eq!(session.end().0, Some(130), "{words:?}");
        }
    });
}
