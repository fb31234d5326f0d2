//! An interface as its author wrote it: `.proto` files, compiled in this process.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    fs,
    path::{self, Component, Path, PathBuf},
    rc::Rc,
};

use prost_build::{Config, Module};
use prost_types::FileDescriptorSet;
use protox::{
    Compiler,
    file::{File, FileResolver},
};

use super::{
    error::ProtoError,
    model::{Interface, Method, PythonService, Service},
    names,
};
use crate::failure::Failure;

/// The interface with the files that it is made of, to be copied.
#[derive(Debug)]
pub(super) struct Protos {
    pub(super) interface: Interface,
    /// Names below `proto/`, and what stands there.
    pub(super) sources: Vec<(String, String)>,
}

/// Reads `files`, which lie below one of `roots`; without any, below their own folders.
pub(super) fn read(files: &[PathBuf], roots: &[PathBuf]) -> Result<Protos, Failure> {
    let roots = match roots {
        [] => files.iter().map(|file| folder(file)).collect(),
        named => named.to_vec(),
    };
    let mut compiler = Compiler::new(roots.iter().map(absolute)).map_err(ProtoError::new)?;
    compiler.include_imports(true).include_source_info(true);
    for file in files {
        fs::metadata(file).map_err(Failure::reading(file))?;
        compiler.open_file(absolute(file)).map_err(ProtoError::new)?;
    }
    let mut sources = Vec::new();
    for file in compiler.files() {
        // What has no path comes with the compiler, here as in the project.
        let Some(path) = file.path() else { continue };
        let is_below =
            Path::new(file.name()).components().all(|c| matches!(c, Component::Normal(_)));
        if !is_below {
            let message = format!("{} is not below its root", file.name());
            return Err(Failure::usage(message, "name the root of the files with --include"));
        }
        let text = fs::read_to_string(path).map_err(Failure::reading(path))?;
        sources.push((file.name().to_owned(), text));
    }
    sources.sort();
    Ok(Protos { interface: interface(&compiler)?, sources })
}

/// The interface of a file that comes with this program.
pub(super) fn built_in(name: &'static str, text: &'static str) -> Result<Protos, Failure> {
    let mut compiler = Compiler::with_file_resolver(BuiltIn(text));
    compiler.include_source_info(true).open_file(name).map_err(ProtoError::new)?;
    let sources = vec![(name.to_owned(), text.to_owned())];
    Ok(Protos { interface: interface(&compiler)?, sources })
}

struct BuiltIn(&'static str);

impl FileResolver for BuiltIn {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        File::from_source(name, self.0)
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Files are found below roots by their paths alone, so both must be written alike.
fn absolute(path: impl AsRef<Path>) -> PathBuf {
    path::absolute(path.as_ref()).unwrap_or_else(|_| path.as_ref().to_owned())
}

fn interface(compiler: &Compiler) -> Result<Interface, Failure> {
    let named = compiler.files().filter(|file| !file.is_import());
    let files: BTreeSet<_> = named.map(|file| file.name().to_owned()).collect();
    let set = compiler.file_descriptor_set();
    let recorded = record(&set)?;
    let mut services = Vec::new();
    for file in set.file.iter().filter(|file| files.contains(file.name())) {
        for service in &file.service {
            let found = recorded.iter().find(|recorded| {
                recorded.package == file.package() && recorded.proto_name == service.name()
            });
            services.extend(found.map(|found| to_service(found, file.name())));
        }
    }
    if services.is_empty() {
        return Err(Failure::usage(
            format!("there is no service in {}", Vec::from_iter(files).join(", ")),
            "a plugin serves services: name the file that has one",
        ));
    }
    names::separate(&mut services);
    names::check(&services)?;
    let methods: Vec<_> = services.iter().flat_map(|service| &service.methods).collect();
    let types = methods.iter().flat_map(|method| [&method.input, &method.output]);
    Ok(Interface {
        streams: methods.iter().any(|method| method.client_streaming || method.server_streaming),
        primitives: types.clone().any(|name| names::is_primitive(name)),
        well_known: set.file.iter().any(|file| file.name().starts_with("google/protobuf/")),
        files: files.into_iter().collect(),
        services: services.clone(),
    })
}

/// Has prost name everything, as it will when the project is built.
fn record(set: &FileDescriptorSet) -> Result<Vec<prost_build::Service>, Failure> {
    let services = Rc::new(RefCell::new(Vec::new()));
    let mut config = Config::new();
    config.service_generator(Box::new(Recorder(services.clone())));
    let requests = set
        .file
        .iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file.clone()));
    config
        .generate(requests.collect())
        .map_err(|error| ProtoError::new(protox::Error::new(error)))?;
    drop(config);
    Ok(services.take())
}

struct Recorder(Rc<RefCell<Vec<prost_build::Service>>>);

impl prost_build::ServiceGenerator for Recorder {
    fn generate(&mut self, service: prost_build::Service, code: &mut String) {
        // prost panics at a package of which no code was made.
        code.push('\n');
        self.0.borrow_mut().push(service);
    }
}

fn to_service(service: &prost_build::Service, file: &str) -> Service {
    let package = Module::from_protobuf_package_name(&service.package);
    let parts: Vec<_> = ["proto"].into_iter().chain(package.parts()).map(str::to_owned).collect();
    let base = parts.join("::");
    let snake = names::tonic_snake(&service.name);
    let methods = service.methods.iter().map(|method| Method {
        name: method.proto_name.clone(),
        function: method.name.clone(),
        input: names::from_root(&parts, &method.input_type),
        output: names::from_root(&parts, &method.output_type),
        stream: format!("{}Stream", method.proto_name),
        client_streaming: method.client_streaming,
        server_streaming: method.server_streaming,
        comments: method.comments.leading.iter().map(|line| line.trim().to_owned()).collect(),
    });
    let dot = if service.package.is_empty() { "" } else { "." };
    Service {
        full_name: format!("{}{dot}{}", service.package, service.proto_name),
        file: snake.trim_end_matches('_').to_owned(),
        module: String::new(),
        implementation: service.name.trim_end_matches('_').to_owned(),
        interface: format!("{base}::{snake}_server::{}", service.name),
        server: format!("{base}::{snake}_server::{}Server", service.name),
        client: format!("{base}::{snake}_client::{}Client", service.name),
        methods: methods.collect(),
        python: PythonService {
            module: format!(
                "{}_pb2_grpc",
                file.trim_end_matches(".proto").replace('/', ".").replace('-', "_")
            ),
            name: service.proto_name.clone(),
        },
    }
}
