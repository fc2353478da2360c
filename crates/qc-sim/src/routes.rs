//! One line per endpoint: which method of the world answers which request.
//!
//! The compiler checks that a method takes the request type the client sends and gives the reply type it decodes.

use std::sync::LazyLock;

use qc_api::endpoints::Done;
use qc_api::endpoints::live::CreateLive;
use qc_api::endpoints::object_store::SetObject;
use qc_api::{Effect, Endpoint};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::body::Body;
use crate::endpoints::{
    account, assist, backtests, collaboration, community, compile, connections, data, files, lean, libraries, live,
    nodes, object_store, optimizations, organizations, projects,
};
use crate::refuse::{self, Answer, Refusal};
use crate::world::{Call, World};

/// An endpoint the simulator serves.
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) effect: Effect,
    /// The answer is the redirect to its `location`.
    pub(crate) redirects: bool,
    /// Where two requests share a path: the member that tells this one.
    told_by: Option<&'static str>,
    run: Box<Run>,
}

type Run = dyn Fn(&mut World, &Call<'_>, Body) -> Result<Value, Failure> + Send + Sync;

/// Why a route did not answer, with what only a developer wants to know.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) refusal: Refusal,
    /// Where decoding stopped; the service itself says nothing about it.
    pub(crate) detail: Option<String>,
}

impl Failure {
    pub(crate) fn plain(refusal: Refusal) -> Self {
        Self { refusal, detail: None }
    }
}

impl Route {
    /// Decodes, asks the world, encodes.
    pub(crate) fn run(&self, world: &mut World, call: &Call<'_>, body: Body) -> Result<Value, Failure> {
        (self.run)(world, call, body)
    }
}

static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(|| {
    let mut routes = Routes::default();
    routes
        .on(account::authenticate)
        .on(account::read)
        .on(account::user)
        .on(organizations::read)
        .on(organizations::list)
        .on(organizations::encryption_keys)
        .on(projects::create)
        .on(projects::read)
        .on(projects::update)
        .on(projects::delete)
        .on(nodes::read)
        .on(nodes::of_project)
        .on(nodes::update)
        .on(libraries::add)
        .on(libraries::remove)
        .on(collaboration::create)
        .on(collaboration::read)
        .on(collaboration::update)
        .on(collaboration::delete)
        .on(collaboration::acquire_lock)
        .on(files::create)
        .on(files::read)
        .on_told_by("newName", files::rename)
        .on(files::update)
        .on(files::patch)
        .on(files::delete)
        .on(assist::check_syntax)
        .on(compile::create)
        .on(compile::read)
        .on(backtests::create)
        .on(backtests::read)
        .on(backtests::list)
        .on(backtests::chart)
        .on(backtests::orders)
        .on(backtests::insights)
        .on(backtests::trades)
        .on(backtests::logs)
        .on(backtests::report)
        .on(backtests::update)
        .on(backtests::update_tags)
        .on(backtests::delete)
        .on(optimizations::estimate)
        .on(optimizations::create)
        .on(optimizations::read)
        .on(optimizations::list)
        .on(optimizations::update)
        .on(optimizations::abort)
        .on(optimizations::delete)
        .on(lean::read_versions)
        .on(lean::environments)
        .on(live::create)
        .on(live::read)
        .on(live::list)
        .on(live::portfolio)
        .on(live::chart)
        .on(live::orders)
        .on(live::trades)
        .on(live::insights)
        .on(live::logs)
        .on(live::stop)
        .on(live::liquidate)
        .on(live::command)
        .on(live::broadcast)
        .on_upload(object_store::set)
        .on(object_store::download)
        .on_told_by("jobId", object_store::poll)
        .on(object_store::properties)
        .on(object_store::list)
        .on(object_store::delete)
        .on(connections::authorize)
        .on(connections::read)
        .on(data::read)
        .on(data::list)
        .on(data::prices)
        .on(data::datasets)
        .on(data::modules)
        .on(data::module)
        .on(assist::initialization)
        .on(assist::complete)
        .on(assist::enhance)
        .on(assist::convert)
        .on(assist::search)
        .on(community::create)
        .on(community::list)
        .on(community::news);
    routes.0
});

/// Other spellings of a path that are in use.
const ALIASES: [(&str, &str); 2] =
    [("backtests/insights/read", "backtests/read/insights"), ("live/read/insights", "live/insights/read")];

/// Paths the simulator serves, in order, each once.
pub(crate) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// The route for a path. An unknown path falls through to its parent, as at the real service: `backtests/read/logs`
/// (which does not exist) answers like `backtests/read`.
pub(crate) fn find(path: &str, fields: Option<&Map<String, Value>>) -> Option<&'static Route> {
    let mut path = ALIASES.iter().find(|(alias, _)| *alias == path).map_or(path, |(_, path)| path);
    loop {
        let mut here = ROUTES.iter().filter(|route| route.path == path);
        let told = here.clone().find(|route| {
            route
                .told_by
                .is_some_and(|key| fields.is_some_and(|fields| fields.get(key).is_some_and(|value| !value.is_null())))
        });
        if let Some(route) = told.or_else(|| here.clone().find(|route| route.told_by.is_none())).or_else(|| here.next())
        {
            return Some(route);
        }
        path = path.rsplit_once('/')?.0;
    }
}

#[derive(Default)]
struct Routes(Vec<Route>);

impl Routes {
    fn on<E>(&mut self, method: fn(&mut World, &Call<'_>, E) -> Answer<E::Reply>) -> &mut Self
    where
        E: Endpoint + DeserializeOwned + 'static,
        E::Reply: Serialize,
    {
        self.add(None, method)
    }

    fn on_told_by<E>(
        &mut self,
        key: &'static str,
        method: fn(&mut World, &Call<'_>, E) -> Answer<E::Reply>,
    ) -> &mut Self
    where
        E: Endpoint + DeserializeOwned + 'static,
        E::Reply: Serialize,
    {
        self.add(Some(key), method)
    }

    /// A multipart request, whose bytes are in a part and not in the decoded members.
    fn on_upload(&mut self, method: fn(&mut World, &Call<'_>, SetObject) -> Answer<Done>) -> &mut Self {
        let run = move |world: &mut World, call: &Call<'_>, mut body: Body| {
            let (_, data) = body.files.pop().ok_or_else(|| Failure::plain(refuse::invalid_argument()))?;
            let mut request: SetObject = decoded(body)?;
            request.data = data.to_vec();
            method(world, call, request).map_err(Failure::plain)?;
            Ok(enveloped(Value::Null))
        };
        self.push::<SetObject>(None, Box::new(run))
    }

    fn add<E>(
        &mut self,
        told_by: Option<&'static str>,
        method: fn(&mut World, &Call<'_>, E) -> Answer<E::Reply>,
    ) -> &mut Self
    where
        E: Endpoint + DeserializeOwned + 'static,
        E::Reply: Serialize,
    {
        let run = move |world: &mut World, call: &Call<'_>, body: Body| {
            let reply = method(world, call, decoded(body)?).map_err(Failure::plain)?;
            let reply = serde_json::to_value(reply).unwrap_or_default();
            // The tools for people who write algorithms answer without an envelope.
            Ok(if E::PATH.starts_with("ai/tools/") { reply } else { enveloped(reply) })
        };
        self.push::<E>(told_by, Box::new(run))
    }

    fn push<E: Endpoint>(&mut self, told_by: Option<&'static str>, run: Box<Run>) -> &mut Self {
        self.0.push(Route { path: E::PATH, effect: E::EFFECT, redirects: E::REDIRECT_IS_ANSWER, told_by, run });
        self
    }
}

fn decoded<E: Endpoint + DeserializeOwned>(body: Body) -> Result<E, Failure> {
    let brokerage = body.fields.get("brokerage");
    if E::PATH == CreateLive::PATH && brokerage.is_some_and(|brokerage| body.is_form || !brokerage.is_object()) {
        return Err(Failure::plain(refuse::brokerage_not_an_array()));
    }
    serde_json::from_value(Value::Object(body.fields))
        .map_err(|error| Failure { refusal: refuse::invalid_argument(), detail: Some(error.to_string()) })
}

/// The payload at the top level, with `success` behind it.
fn enveloped(reply: Value) -> Value {
    let mut members = match reply {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    members.entry("success").or_insert(Value::Bool(true));
    Value::Object(members)
}
