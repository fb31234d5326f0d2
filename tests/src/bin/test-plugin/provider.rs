use std::collections::{BTreeSet, HashMap};

use rpcplugin_proto::provider::{
    AttributeValue, Block, ConfigureRequest, ConfigureResponse, Diagnostic, Everything,
    ImportResponse, PlanRequest, PlanResponse, Progress, Resource, Schema, Type,
    attribute_value::Kind, block::Attribute, diagnostic::Severity, plan_response::Action,
    provider_server::Provider,
};
use tokio_stream::StreamExt as _;
use tonic::{
    Code, Extensions, Request, Response, Status, Streaming, codegen::BoxStream,
    metadata::MetadataMap,
};

use crate::report::Unfinished;

/// Knows one kind of resource, `disk`, and keeps none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestProvider;

#[tonic::async_trait]
impl Provider for TestProvider {
    type ApplyStream = BoxStream<Progress>;
    type RefreshStream = BoxStream<Resource>;

    async fn get_schema(&self, _: Request<()>) -> Result<Response<Schema>, Status> {
        Ok(Response::new(schema()))
    }

    async fn configure(
        &self,
        request: Request<ConfigureRequest>,
    ) -> Result<Response<ConfigureResponse>, Status> {
        let known = schema().provider.unwrap_or_default().attributes;
        let given: BTreeSet<String> = request.into_inner().settings.into_keys().collect();
        let missing = known.iter().filter(|one| one.required && !given.contains(&one.name));
        let missing = missing.map(|one| diagnostic(Severity::Error, "missing", &one.name));
        let unknown = given.iter().filter(|name| known.iter().all(|one| one.name != **name));
        let unknown = unknown.map(|name| diagnostic(Severity::Warning, "unknown", name));
        Ok(Response::new(ConfigureResponse { diagnostics: missing.chain(unknown).collect() }))
    }

    async fn plan(&self, request: Request<PlanRequest>) -> Result<Response<PlanResponse>, Status> {
        let PlanRequest { prior, wanted } = request.into_inner();
        let action = match (&prior, &wanted) {
            (None, None) => Action::Unspecified,
            (None, Some(_)) => Action::Create,
            (Some(_), None) => Action::Delete,
            (Some(_), Some(_)) => Action::Update,
        };
        let prior = prior.unwrap_or_default().attributes;
        let wanted = wanted.unwrap_or_default().attributes;
        let names: BTreeSet<&String> = prior.keys().chain(wanted.keys()).collect();
        let changed = names.into_iter().filter(|name| prior.get(*name) != wanted.get(*name));
        let paths = changed.map(|name| format!("attributes.{name}")).collect();
        Ok(Response::new(PlanResponse {
            action: action.into(),
            changes: Some(prost_types::FieldMask { paths }),
            planned_at: Some(prost_types::Timestamp { seconds: 1_000_000_000, nanos: 500_000_000 }),
        }))
    }

    async fn apply(
        &self,
        request: Request<PlanRequest>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        let name = request.into_inner().wanted.unwrap_or_default().name;
        let steps = ["allocate", "format", "mount"].into_iter().zip(1..);
        let steps: Vec<_> = steps
            .map(|(step, done)| Ok(Progress { done, of: 3, step: format!("{step} {name}") }))
            .collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(steps))))
    }

    async fn import(
        &self,
        request: Request<Streaming<Resource>>,
    ) -> Result<Response<ImportResponse>, Status> {
        let mut counts = HashMap::new();
        let mut resources = request.into_inner();
        while let Some(resource) = resources.message().await? {
            *counts.entry(resource.kind).or_default() += 1;
        }
        Ok(Response::new(ImportResponse { counts }))
    }

    /// Brings the caller's metadata back before and after the replies, and reports when it is
    /// over.
    async fn refresh(
        &self,
        request: Request<Streaming<Resource>>,
    ) -> Result<Response<Self::RefreshStream>, Status> {
        // Never finished: the requests of a cancelled call may just end, so all ends are told alike.
        let call = Unfinished::start("refresh");
        let told = told(request.metadata());
        // What the library makes of a status that is well: the trailers.
        let end = Status::with_metadata(Code::Ok, "", told.clone());
        let resources = request.into_inner().map(|resource| {
            let mut resource = resource?;
            let seen = AttributeValue { kind: Some(Kind::Switch(true)) };
            resource.attributes.insert("seen".to_owned(), seen);
            Ok(resource)
        });
        let replies = resources.chain(tokio_stream::once(Err(end))).map(move |reply| {
            let _held = &call;
            reply
        });
        let mut response: Response<Self::RefreshStream> = Response::new(Box::pin(replies));
        *response.metadata_mut() = told;
        Ok(response)
    }

    /// Brings the caller's metadata back as well.
    async fn reflect(&self, request: Request<Everything>) -> Result<Response<Everything>, Status> {
        let told = told(request.metadata());
        Ok(Response::from_parts(told, request.into_inner(), Extensions::default()))
    }
}

/// What a caller said besides its request, and how it compressed it.
fn told(metadata: &MetadataMap) -> MetadataMap {
    let mut told = MetadataMap::new();
    for text in metadata.get_all("told") {
        told.append("told", text.clone());
    }
    for bytes in metadata.get_all_bin("told-bin") {
        told.append_bin("told-bin", bytes.clone());
    }
    if let Some(encoding) = metadata.get("grpc-encoding") {
        told.insert("request-encoding", encoding.clone());
    }
    told
}

fn schema() -> Schema {
    let attribute = |name: &str, kind: Type, required| Attribute {
        name: name.to_owned(),
        r#type: kind.into(),
        required,
        description: format!("The {name}."),
    };
    let block = |attributes| Block { attributes, blocks: HashMap::new() };
    let encryption = block(vec![attribute("cipher", Type::Text, true)]);
    let disk = Block {
        attributes: vec![attribute("size", Type::Number, true)],
        blocks: HashMap::from([("encryption".to_owned(), encryption)]),
    };
    Schema {
        version: 2,
        provider: Some(block(vec![
            attribute("endpoint", Type::Text, true),
            attribute("dry_run", Type::Switch, false),
        ])),
        resources: HashMap::from([("disk".to_owned(), disk)]),
    }
}

fn diagnostic(severity: Severity, summary: &str, attribute: &str) -> Diagnostic {
    Diagnostic {
        severity: severity.into(),
        summary: summary.to_owned(),
        attribute: Some(attribute.to_owned()),
    }
}
