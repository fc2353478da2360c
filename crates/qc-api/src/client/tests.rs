//! What happens on the wire, against a server that plays a script. Virtual time: nothing waits between attempts.

use std::io::Write as _;

use base64::Engine as _;
use sha2::Digest as _;

use super::*;
use crate::endpoint::Effect;
use crate::endpoints::account::ReadAccount;
use crate::endpoints::backtests::{CreateBacktest, DeleteBacktest, ReadBacktest};
use crate::endpoints::compile::{CreateCompile, ReadCompile};
use crate::endpoints::connections::{AuthorizeConnection, Connection, Secret};
use crate::endpoints::files::{CreateFile, ReadFiles};
use crate::endpoints::live_commands::BroadcastLiveCommand;
use crate::endpoints::object_store::{ListObjects, SetObject};
use crate::endpoints::projects::{DeleteProject, ReadProjects};
use crate::ids::ProjectId;
use crate::testing::{Act, Server, VirtualClock, answer, json};

mod bad_answers;
mod connections;
mod downloads;
mod repeating;
mod signing;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PROJECTS: &str = r#"{"projects":[{"projectId":7,"name":"a"}],"success":true}"#;
const COMPILED: &str = r#"{"compileId":"a-b","state":"InQueue","success":true}"#;

fn setup(server: &Server) -> (Config, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.base_url = server.base.clone();
    config.clock = clock.clone();
    (config, clock)
}

fn client(server: &Server) -> Client {
    Client::new(setup(server).0).unwrap()
}

fn read() -> ReadProjects {
    ReadProjects::default()
}

fn create() -> CreateCompile {
    CreateCompile { project_id: ProjectId(1) }
}

#[tokio::test]
async fn file_calls_name_the_editing_program_unless_they_do_themselves() {
    let server = Server::play(vec![json(r#"{"success":true,"files":[]}"#)]).await;
    let (mut config, _) = setup(&server);
    config.code_source = Some("my editor".into());
    let client = Client::new(config).unwrap();
    client.send(&ReadFiles { project_id: ProjectId(1), ..Default::default() }).await.unwrap();
    let own = CreateFile { name: "a.py".into(), code_source_id: Some("theirs".into()), ..Default::default() };
    client.send(&own).await.unwrap();
    client.send(&read()).await.unwrap_err();
    let bodies: Vec<Value> = server.seen().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    assert_eq!(bodies[0]["codeSourceId"], "my editor");
    assert_eq!(bodies[1]["codeSourceId"], "theirs");
    assert!(bodies[2].get("codeSourceId").is_none());
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let server = Server::play(vec![json(PROJECTS)]).await;
    let (mut config, _) = setup(&server);
    config.max_concurrent = 2;
    let client = Client::new(config).unwrap();
    let twin = client.with_credentials(client.credentials().clone()).unwrap();
    let sends = (0..12).map(|at| {
        let client = if at % 2 == 0 { client.clone() } else { twin.clone() };
        async move { client.send(&read()).await }
    });
    assert!(futures::future::join_all(sends).await.iter().all(Result::is_ok));
    assert_eq!((server.seen().len(), server.most_at_once()), (12, 2));
}

#[tokio::test]
async fn raw_json_goes_the_same_way() {
    let server = Server::play(vec![json(COMPILED)]).await;
    let info = EndpointInfo::of::<ReadCompile>();
    let body = serde_json::json!({"projectId": 1, "compileId": "a-b"});
    let reply = client(&server).send_raw(&info, &body).await.unwrap();
    assert_eq!(reply["state"], "InQueue");
    assert_eq!(serde_json::from_str::<Value>(&server.seen()[0].body).unwrap(), body);
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn gzip_is_asked_for_and_read() {
    let server = Server::play(vec![answer("200 OK", "Content-Encoding: gzip\r\n", gzipped(PROJECTS.as_bytes()))]).await;
    let reply = client(&server).send(&read()).await.unwrap();
    assert_eq!(reply.projects[0].project_id, ProjectId(7));
    assert_eq!(server.seen()[0].header("accept-encoding"), "gzip");
}

#[tokio::test]
async fn a_login_page_is_given_not_visited() {
    let stranger = Server::play(vec![json("{}")]).await;
    let place = format!("Location: {}/login?state=s3cr3t\r\n", stranger.base);
    let server = Server::play(vec![answer("302 Found", &place, "")]).await;
    let request = AuthorizeConnection { brokerage: Connection::Alpaca };
    let page = client(&server).send(&request).await.unwrap();
    assert!(page.location.expose().ends_with("/login?state=s3cr3t"));
    assert!(!format!("{page:?}").contains("s3cr3t"));
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn dropping_the_future_ends_the_request() {
    let server = Server::play(vec![Act::SayAndHang(Vec::new()), json(PROJECTS)]).await;
    let (mut config, _) = setup(&server);
    config.max_concurrent = 1;
    let client = Client::new(config).unwrap();
    let request = read();
    let (never, arrived) = (Box::pin(client.send(&request)), Box::pin(server.has_seen(1)));
    match futures::future::select(never, arrived).await {
        futures::future::Either::Left((answer, _)) => panic!("the first answer never comes: {answer:?}"),
        futures::future::Either::Right(((), never)) => drop(never),
    }
    // Its place among the requests in flight is free again, or this would wait for ever.
    tokio::time::timeout(Duration::from_secs(20), client.send(&request)).await.unwrap().unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_rate_holds_on_the_clients_clock() {
    let server = Server::play(vec![json(PROJECTS)]).await;
    let (mut config, clock) = setup(&server);
    config.rate = Some(Rate { per_second: 2.0, burst: 3 });
    let client = Client::new(config).unwrap();
    for _ in 0..7 {
        client.send(&read()).await.unwrap();
    }
    assert_eq!(clock.elapsed(), Duration::from_secs(2), "three at once, then two a second");
}

#[tokio::test]
async fn the_organization_of_the_credentials_stands_where_a_request_names_none() {
    let server = Server::play(vec![json(r#"{"success":true,"organizationId":"o","projects":[],"objects":[]}"#)]).await;
    let (mut config, _) = setup(&server);
    config.credentials = Credentials::new("42", TOKEN).unwrap().with_organization("0rg");
    let client = Client::new(config).unwrap();
    client.send(&ReadAccount::default()).await.unwrap();
    client.send(&ReadAccount { organization_id: Some("theirs".into()) }).await.unwrap();
    client.send(&ListObjects::default()).await.unwrap();
    client.send(&read()).await.unwrap();
    let broadcast = BroadcastLiveCommand { organization_id: "".into(), command: Value::Null, exclude_project_id: None };
    client.send(&broadcast).await.unwrap();
    let bodies: Vec<Value> = server.seen().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    let named: Vec<_> = bodies.iter().map(|body| body.get("organizationId").and_then(Value::as_str)).collect();
    // A list of projects is not narrowed, and what reaches every algorithm of an organization names it itself.
    assert_eq!(named, [Some("0rg"), Some("theirs"), Some("0rg"), None, Some("")]);
    let object = SetObject { organization_id: "".into(), key: "a".into(), data: vec![1] };
    client.send(&object).await.unwrap();
    assert!(server.seen().last().unwrap().body.contains("0rg"));
}
