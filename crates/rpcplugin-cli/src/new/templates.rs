//! The files of `templates/`, and where they go in a project.

use super::{Kind, Language};

/// What a project consists of, but for `proto/` and a file for each service: files below its
/// directory, each with its template.
pub(super) const fn of(kind: Kind, language: Language) -> &'static [(&'static str, &'static str)] {
    match (language, kind) {
        (Language::Rust, Kind::Plugin) => &[
            (".gitignore", "rust/gitignore"),
            ("Cargo.toml", "rust/Cargo.toml"),
            ("README.md", "rust/README.md"),
            ("build.rs", "rust/build.rs"),
            ("src/lib.rs", "rust/plugin/lib.rs"),
            ("src/main.rs", "rust/plugin/main.rs"),
            ("src/services.rs", "rust/plugin/services.rs"),
            ("tests/plugin.rs", "rust/plugin/test.rs"),
        ],
        (Language::Rust, Kind::Host) => &[
            (".gitignore", "rust/gitignore"),
            ("Cargo.toml", "rust/Cargo.toml"),
            ("README.md", "rust/README.md"),
            ("build.rs", "rust/build.rs"),
            ("src/lib.rs", "rust/host/lib.rs"),
            ("src/main.rs", "rust/host/main.rs"),
            ("tests/host.rs", "rust/host/test.rs"),
        ],
        (Language::Python, _) => &[
            (".gitignore", "python/gitignore"),
            ("README.md", "python/README.md"),
            ("generate.py", "python/generate.py"),
            ("plugin.py", "python/plugin.py"),
            ("requirements.txt", "python/requirements.txt"),
            ("services.py", "python/services.py"),
            ("serving.py", "python/serving.py"),
            ("tests/test_plugin.py", "python/test_plugin.py"),
        ],
        (Language::Go, _) => &[
            (".gitignore", "go/gitignore"),
            ("README.md", "go/README.md"),
            ("go.mod", "go/go.mod"),
            ("go.sum", "go/go.sum"),
            ("greeter.go", "go/greeter.go"),
            ("greeterv1/greeter.pb.go", "go/greeter.pb.go"),
            ("greeterv1/greeter_grpc.pb.go", "go/greeter_grpc.pb.go"),
            ("main.go", "go/main.go"),
            ("main_test.go", "go/main_test.go"),
        ],
    }
}

/// Every template by its name, which is that of its file without `.jinja`.
pub(super) const ALL: &[(&str, &str)] = &[
    ("go/README.md", include_str!("../../templates/go/README.md.jinja")),
    ("go/gitignore", include_str!("../../templates/go/gitignore.jinja")),
    ("go/go.mod", include_str!("../../templates/go/go.mod.jinja")),
    ("go/go.sum", include_str!("../../templates/go/go.sum.jinja")),
    ("go/greeter.go", include_str!("../../templates/go/greeter.go.jinja")),
    ("go/greeter.pb.go", include_str!("../../templates/go/greeter.pb.go.jinja")),
    ("go/greeter_grpc.pb.go", include_str!("../../templates/go/greeter_grpc.pb.go.jinja")),
    ("go/main.go", include_str!("../../templates/go/main.go.jinja")),
    ("go/main_test.go", include_str!("../../templates/go/main_test.go.jinja")),
    ("python/README.md", include_str!("../../templates/python/README.md.jinja")),
    ("python/generate.py", include_str!("../../templates/python/generate.py.jinja")),
    ("python/gitignore", include_str!("../../templates/python/gitignore.jinja")),
    ("python/plugin.py", include_str!("../../templates/python/plugin.py.jinja")),
    ("python/requirements.txt", include_str!("../../templates/python/requirements.txt.jinja")),
    ("python/services.py", include_str!("../../templates/python/services.py.jinja")),
    ("python/serving.py", include_str!("../../templates/python/serving.py.jinja")),
    ("python/test_plugin.py", include_str!("../../templates/python/test_plugin.py.jinja")),
    ("rust/Cargo.toml", include_str!("../../templates/rust/Cargo.toml.jinja")),
    ("rust/README.md", include_str!("../../templates/rust/README.md.jinja")),
    ("rust/build.rs", include_str!("../../templates/rust/build.rs.jinja")),
    ("rust/gitignore", include_str!("../../templates/rust/gitignore.jinja")),
    ("rust/host/lib.rs", include_str!("../../templates/rust/host/lib.rs.jinja")),
    ("rust/host/main.rs", include_str!("../../templates/rust/host/main.rs.jinja")),
    ("rust/host/test.rs", include_str!("../../templates/rust/host/test.rs.jinja")),
    ("rust/interface.rs", include_str!("../../templates/rust/interface.rs.jinja")),
    ("rust/plugin/greeter.rs", include_str!("../../templates/rust/plugin/greeter.rs.jinja")),
    ("rust/plugin/lib.rs", include_str!("../../templates/rust/plugin/lib.rs.jinja")),
    ("rust/plugin/main.rs", include_str!("../../templates/rust/plugin/main.rs.jinja")),
    ("rust/plugin/service.rs", include_str!("../../templates/rust/plugin/service.rs.jinja")),
    ("rust/plugin/services.rs", include_str!("../../templates/rust/plugin/services.rs.jinja")),
    ("rust/plugin/test.rs", include_str!("../../templates/rust/plugin/test.rs.jinja")),
];
