use proptest::prelude::*;

use super::*;

fn one(line: &str) -> Entry {
    parse(line.as_bytes(), &mut PanicState::default())
}

#[track_caller]
fn text(line: &str, level: Level, message: &str) {
    assert_eq!(one(line), Entry::text(level, message.to_owned()), "{line}");
}

#[track_caller]
fn levels(lines: &[&str], expected: &[Level]) {
    let mut state = PanicState::default();
    let levels: Vec<Level> =
        lines.iter().map(|line| parse(line.as_bytes(), &mut state).level).collect();
    assert_eq!(levels, expected);
}

#[test]
fn a_json_line_keeps_level_message_and_fields() {
    let entry = one(
        r#"{"@level":" Warn","@message":"low\u001b[2J","@timestamp":"t","@module":"m","@caller":"c:1","a":{"b":1}}"#,
    );
    let expected = Entry {
        level: Level::WARN,
        message: r"low\x1b[2J".to_owned(),
        module: Some("m".to_owned()),
        caller: Some("c:1".to_owned()),
        timestamp: Some("t".to_owned()),
        fields: Some(r#"{"a":{"b":1}}"#.to_owned()),
    };
    assert_eq!(entry, expected);
}

#[test]
fn objects_of_other_types_are_text() {
    for line in [
        r#"{"@message":5}"#,
        r#"{"@level":[]}"#,
        r#"{"@level":"info","@message":null}"#,
        r#"{"@level":"info","@timestamp":1}"#,
        r#"{"@level":"info","@module":{}}"#,
        r#"{"@level":"loud","@message":"x"}"#,
        r#"{"a":1}"#,
        r#"{"@level":"info""#,
        "[1]",
    ] {
        text(line, Level::DEBUG, line);
    }
}

#[test]
fn nothing_nests_deep_enough_to_matter() {
    let deep = format!(r#"{{"@level":"info","a":{}"#, "[".repeat(60_000));
    text(&deep, Level::DEBUG, &deep);
}

#[test]
fn fields_hold_nothing_that_acts_on_a_terminal() {
    let entry = one("{\"@level\":\"info\",\"k\":\"\u{9b}2J\u{202e}\u{7f}\"}");
    let fields = entry.fields.unwrap();
    assert_eq!(fields, r#"{"k":"\u009b2J\u202e\u007f"}"#);
    let value: serde_json::Value = serde_json::from_str(&fields).unwrap();
    assert_eq!(value["k"], "\u{9b}2J\u{202e}\u{7f}", "it is still the same JSON");
}

#[test]
fn tagged_lines_keep_their_tag_and_its_level() {
    text("[TRACE] x", Level::TRACE, "[TRACE] x");
    text("[INFO] x\r", Level::INFO, "[INFO] x");
    text("[WARN]  x", Level::WARN, "[WARN]  x");
    text("[ERROR] x", Level::ERROR, "[ERROR] x");
    text("[ERR] x", Level::DEBUG, "[ERR] x");
    text("x [WARN]", Level::DEBUG, "x [WARN]");
}

#[test]
fn bytes_that_are_not_text_are_escaped() {
    let entry = parse(b"\xff\\ \x1b[2J\0", &mut PanicState::default());
    assert_eq!(entry, Entry::text(Level::DEBUG, r"\xff\\ \x1b[2J\x00".to_owned()));
}

#[test]
fn a_panic_is_an_error_with_all_its_lines() {
    use Level as L;
    let (error, debug) = (L::ERROR, L::DEBUG);
    levels(
        &["before", "panic: boom", "", "goroutine 1 [running]:", "main.main()"],
        &[debug, error, error, error, error],
    );
    levels(&["fatal error: all goroutines are asleep"], &[error]);
    levels(
        &["thread 'main' (7) panicked at src/main.rs:1:1:", "boom", "note: run with"],
        &[error, error, error],
    );
    levels(
        &["Traceback (most recent call last):", "  File \"x\", line 1", "ValueError: x"],
        &[error, error, error],
    );
    levels(&["thread 'x' started", "my panic: x"], &[debug, debug]);
}

#[test]
fn a_panic_ends_at_a_tagged_or_json_line_or_after_200_lines() {
    use Level as L;
    levels(&["panic: x", "[INFO] y", "z"], &[L::ERROR, L::INFO, L::DEBUG]);
    levels(&["panic: x", r#"{"@level":"info"}"#, "z"], &[L::ERROR, L::INFO, L::DEBUG]);
    levels(&["panic: x", r#"{"a":1}"#, "z"], &[L::ERROR, L::DEBUG, L::DEBUG]);
    let mut lines = vec!["panic: x"];
    lines.extend(["y"; 201]);
    let mut expected = vec![L::ERROR; 201];
    expected.push(L::DEBUG);
    levels(&lines, &expected);
}

/// The messages of the entries that lines make, each with its level.
fn entries(lines: &[&str]) -> Vec<String> {
    let mut all = Vec::new();
    let mut keep = |entry: &Entry| all.push(format!("{} {}", entry.level, entry.message));
    let mut journal = Journal::default();
    for line in lines {
        journal.line(line.as_bytes(), &mut keep);
    }
    journal.end(&mut keep);
    all
}

#[test]
fn all_lines_of_a_panic_are_one_entry() {
    assert_eq!(
        entries(&["a", "panic: boom", "", "goroutine 1 [running]:", "[INFO] b", "c"]),
        [
            "DEBUG a",
            "ERROR panic: boom\n    \n    goroutine 1 [running]:",
            "INFO [INFO] b",
            "DEBUG c"
        ]
    );
    // As our own plugins write one: two lines of which each begins a panic.
    assert_eq!(
        entries(&["panic: boom", "thread 'main' panicked at src/main.rs:1:1", "note: run with"]),
        ["ERROR panic: boom\n    thread 'main' panicked at src/main.rs:1:1\n    note: run with"]
    );
    assert_eq!(
        entries(&["Traceback (most recent call last):", "  File \"x\"", r#"{"@level":"warn"}"#]),
        ["ERROR Traceback (most recent call last):\n      File \"x\"", "WARN "]
    );
}

#[test]
fn no_line_of_a_panic_can_pass_for_a_record_of_its_own() {
    let forged = entries(&["panic: x", "2026-11-24T14:00:00Z ERROR host: all is lost\x1b[2J"]);
    assert_eq!(
        forged,
        ["ERROR panic: x\n    2026-11-24T14:00:00Z ERROR host: all is lost\\x1b[2J"]
    );
}

#[test]
fn a_panic_without_an_end_comes_in_bounded_entries() {
    let lines = vec!["panic: again"; 500];
    let found = entries(&lines);
    assert_eq!(found.len(), 3);
    let count: usize = found.iter().map(|entry| entry.matches("panic: again").count()).sum();
    assert_eq!(count, 500, "no line is lost");
    let long = "x".repeat(30_000);
    let found = entries(&["panic: a", &long, &long, &long]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|entry| entry.len() <= 70_000));
}

#[test]
fn a_part_of_a_line_ends_a_panic() {
    let mut all = Vec::new();
    let mut journal = Journal::default();
    journal.line(b"panic: x", |entry| all.push(entry.message.clone()));
    assert!(journal.is_open());
    journal.part(b"part", |entry| all.push(entry.message.clone()));
    assert!(!journal.is_open());
    assert_eq!(all, ["panic: x", "part"]);
}

#[track_caller]
fn told(lines: &[&str], expected: Option<&str>) {
    let newest_first = lines.iter().rev().map(|line| line.as_bytes());
    assert_eq!(reason(newest_first).as_deref(), expected);
}

#[test]
fn the_reason_is_the_coded_line_then_the_panic_then_the_last() {
    told(&[], None);
    told(&["a", "b", " "], Some("b"));
    told(&["a", "panic: boom", "goroutine 1", "exit status 2"], Some("panic: boom"));
    told(&["CONFIG_COOKIE: no cookie", "panic: x", "b"], Some("CONFIG_COOKIE: no cookie"));
    told(
        &[r#"{"@level":"error","@message":"no group","code":"CONFIG_SOCKET_GROUP"}"#, "b"],
        Some("CONFIG_SOCKET_GROUP: no group"),
    );
    told(&["set CONFIG_ to x", "b"], Some("b"));
}

#[test]
fn the_reason_of_a_rust_panic_has_its_message() {
    let begin = "thread 'main' (16469) panicked at src/bin/plugin.rs:8:20:";
    let whole = format!("{begin} no store");
    told(&["a", begin, "no store", "note: run with `RUST_BACKTRACE=1`", ""], Some(&whole));
    told(&["a", begin, "", "note: run with `RUST_BACKTRACE=1`"], Some(begin));
    told(&[begin], Some(begin));
    let before_1_73 = "thread 'main' panicked at 'no store', src/main.rs:2:5";
    told(&[before_1_73, "note: run with `RUST_BACKTRACE=1`"], Some(before_1_73));
}

proptest! {
    #[test]
    fn no_bytes_panic_the_parser(line in prop::collection::vec(any::<u8>(), 0..300)) {
        let entry = parse(&line, &mut PanicState::default());
        prop_assert!(!entry.message.contains(|c: char| c.is_control()));
        unparsed(&line);
        reason([line.as_slice()].into_iter());
    }

    #[test]
    fn no_json_panics_the_parser(
        line in r#"\{("@?(level|message|timestamp|module|code)":("?info"?|5|null|\[\]|\{\}|"\\u001b"),?){0,5}\}"#,
    ) {
        let entry = parse(line.as_bytes(), &mut PanicState::default());
        prop_assert!(!entry.message.contains(|c: char| c.is_control()));
        reason([line.as_bytes()].into_iter());
    }
}
