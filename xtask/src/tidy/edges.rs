//! Which of our crates may use which.

use serde_json::Value;

use super::Problem;

/// The picture in `docs/architecture.md`, lowest row first.
///
/// A crate may use those on lower rows, never one on its own row or above.
const ROWS: [&[&str]; 6] = [
    &["rpcplugin-core"],
    &["rpcplugin-transport", "rpcplugin-tls", "rpcplugin-proto"],
    &["rpcplugin-broker"],
    &["rpcplugin-client", "rpcplugin-server"],
    &["rpcplugin"],
    &["rpcplugin-cli"],
];

const RULE: &str = "crate-edges";

/// Compares the dependencies of all packages of the workspace with the picture.
pub(super) fn check(metadata: &Value) -> Vec<Problem> {
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    let mut problems = Vec::new();
    for package in packages {
        let user = text(&package["name"]);
        // Examples, tests and xtask are on no row: they may use everything.
        if !user.starts_with("rpcplugin") || package["publish"] == Value::Array(Vec::new()) {
            continue;
        }
        let Some(row) = row(user) else {
            problems.push(Problem::new(
                user,
                RULE,
                "is on no row of the picture; add it to ROWS in xtask/src/tidy/edges.rs \
                 and to docs/architecture.md",
            ));
            continue;
        };
        for dependency in list(&package["dependencies"]) {
            let used = text(&dependency["name"]);
            // Tests may reach for anything: users never build them.
            if text(&dependency["kind"]) != "dev" && members.contains(&used) {
                problems.extend(refusal(user, row, used));
            }
        }
    }
    problems
}

/// What is wrong with `user`, on `row`, using `used`.
fn refusal(user: &str, row: usize, used: &str) -> Option<Problem> {
    let message = match self::row(used) {
        None => format!("uses {used}, which is for maintainers only"),
        Some(lower) if lower < row => return None,
        Some(same) if same == row => {
            format!("uses {used} of its own row; crates of a row never see each other")
        }
        Some(_) => format!("uses {used}, which is above it"),
    };
    Some(Problem::new(user, RULE, message))
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Checks a workspace in which `user` depends on `used`, beside the crates of the picture.
    #[track_caller]
    fn check_edge(user: &str, used: &str, kind: Value, expected: Option<&str>) {
        let metadata = json!({ "packages": [
            { "name": user, "dependencies": [{ "name": used, "kind": kind }] },
            { "name": used, "dependencies": [] },
            { "name": "xtask", "publish": [], "dependencies": [{ "name": user, "kind": null }] },
        ]});
        let messages: Vec<_> = check(&metadata).into_iter().map(|p| p.to_string()).collect();
        assert_eq!(messages, expected.map(|m| format!("{m} [crate-edges]")).as_slice());
    }

    #[test]
    fn a_lower_row_may_be_used() {
        check_edge("rpcplugin-server", "rpcplugin-core", Value::Null, None);
        check_edge("rpcplugin-cli", "rpcplugin", Value::Null, None);
    }

    #[test]
    fn the_same_row_may_not() {
        check_edge(
            "rpcplugin-tls",
            "rpcplugin-transport",
            Value::Null,
            Some(
                "rpcplugin-tls: uses rpcplugin-transport of its own row; \
                 crates of a row never see each other",
            ),
        );
    }

    #[test]
    fn a_row_above_may_not() {
        check_edge(
            "rpcplugin-core",
            "rpcplugin-tls",
            json!("build"),
            Some("rpcplugin-core: uses rpcplugin-tls, which is above it"),
        );
    }

    #[test]
    fn tests_may_use_anything() {
        check_edge("rpcplugin-transport", "rpcplugin-proto", json!("dev"), None);
    }

    #[test]
    fn maintainers_packages_may_not_be_used() {
        check_edge(
            "rpcplugin",
            "xtask",
            Value::Null,
            Some("rpcplugin: uses xtask, which is for maintainers only"),
        );
    }

    #[test]
    fn a_crate_outside_the_picture_is_named() {
        let metadata = json!({ "packages": [{ "name": "rpcplugin-new", "dependencies": [] }] });
        assert!(check(&metadata)[0].to_string().starts_with("rpcplugin-new: is on no row"));
    }
}
