use minijinja::{Environment, UndefinedBehavior, context, syntax::SyntaxConfig, value::Serde};

use super::{Kind, Language, project::Project, templates};
use crate::failure::Failure;

/// A file of the new project.
#[derive(Debug)]
pub(super) struct File {
    /// Its path below the project's directory.
    pub(super) name: String,
    pub(super) text: String,
}

/// The whole project, in the order of names.
pub(super) fn files(project: &Project) -> Result<Vec<File>, Failure> {
    let environment = environment()?;
    let render = |template: &str, service: Option<usize>| {
        let service = service.map(|index| Serde(&project.interface.services[index]));
        let names = context! { service, ..minijinja::Value::from(Serde(project)) };
        environment.get_template(template)?.render(names)
    };
    let mut files = Vec::new();
    for (file, template) in templates::of(project.kind, project.language) {
        let text = render(template, None).map_err(Failure::template)?;
        files.push(File { name: (*file).to_owned(), text });
    }
    if (project.kind, project.language) == (Kind::Plugin, Language::Rust) {
        let template =
            if project.sample { "rust/plugin/greeter.rs" } else { "rust/plugin/service.rs" };
        for (index, service) in project.interface.services.iter().enumerate() {
            let text = render(template, Some(index)).map_err(Failure::template)?;
            files.push(File { name: format!("src/services/{}.rs", service.file), text });
        }
    }
    for (name, text) in &project.sources {
        files.push(File { name: format!("proto/{name}"), text: text.clone() });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn environment() -> Result<Environment<'static>, Failure> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().map_err(Failure::template)?);
    environment.add_filter("default_value", default_value);
    for (name, text) in templates::ALL {
        environment.add_template(name, text).map_err(Failure::template)?;
    }
    Ok(environment)
}

/// How Rust's code makes an empty message of this type.
fn default_value(name: &str) -> String {
    match name {
        "()" => name.to_owned(),
        generic if generic.contains('<') => format!("<{generic}>::default()"),
        plain => format!("{plain}::default()"),
    }
}
