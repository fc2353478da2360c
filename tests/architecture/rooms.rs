//! Jobs that have one place inside qc-mcp-tools: callers' paths, state, the thread pool, the door to QuantConnect.

use crate::source::{Source, below};
use crate::{falls, stands};

/// A job, the file (or folder of the same name) that does it, and the words nobody else may use for it.
struct Job {
    what: &'static str,
    place: &'static [&'static str],
    words: &'static [&'static str],
}

const TOOLS: &str = "crates/qc-mcp-tools/src/";

const JOBS: &[Job] = &[
    Job {
        what: "turning a caller's string into a path",
        // `private` opens the server's own files by names of its own, never a caller's.
        place: &["roots", "settings", "private"],
        words: &["cap_std", "std::fs", "tokio::fs", "File::open", "PathBuf::from", "Path::new", "OpenOptions"],
    },
    Job { what: "keeping state", place: &["store"], words: &["rusqlite", "Connection::open"] },
    Job {
        what: "meeting rayon from async code",
        place: &["compute"],
        words: &["rayon", "ThreadPoolBuilder", "spawn_blocking", "block_in_place", "thread::spawn", "thread::scope"],
    },
    Job {
        what: "holding QuantConnect's client",
        place: &["clients", "server", "gate"],
        words: &["Client", "Client::new"],
    },
    Job { what: "sending to QuantConnect", place: &["gate"], words: &[".client(", "send_raw"] },
];

/// Files that hold tools: arguments, one call, reply.
const TOOL_FILES: &str = "crates/qc-mcp-tools/src/tools/";
const NOT_IN_TOOL_FILES: &[&str] = &["tokio::spawn", "std::fs", "Credentials::from_env"];

fn second_places(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for job in JOBS {
        for source in sources {
            let own = job.place.iter().any(|name| {
                source.path == format!("{TOOLS}{name}.rs") || source.path.starts_with(&format!("{TOOLS}{name}/"))
            });
            if own {
                continue;
            }
            for word in job.words {
                let places = source.places_of(word);
                found.extend(places.iter().map(|place| format!("{place}: `{word}`: {} has one place", job.what)));
            }
        }
    }
    found
}

fn busy_tools(sources: &[Source]) -> Vec<String> {
    let tool_files = sources.iter().filter(|source| source.path.starts_with(TOOL_FILES));
    tool_files
        .flat_map(|source| NOT_IN_TOOL_FILES.iter().flat_map(|word| source.places_of(word)))
        .map(|place| format!("{place}: a tool is arguments, one call, reply"))
        .collect()
}

/// Names of the functions that carry `#[tool(...)]`.
fn tool_names(sources: &[Source]) -> Vec<String> {
    let mut names = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with(TOOL_FILES)) {
        let mut lines = source.code.lines();
        while lines.any(|line| line.trim_start().starts_with("#[tool(")) {
            let function = lines.by_ref().find_map(|line| line.split_once("fn "));
            names.extend(function.and_then(|(_, rest)| rest.split('(').next()).map(str::to_owned));
        }
    }
    names
}

/// Lines of qc-api that speak of a tool by name: hints belong to the floor that has the tools.
fn tools_named_below(names: &[String], sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            let named = names
                .iter()
                .filter(|name| line.contains(&format!("`{name}`")) || line.contains(&format!("\"{name}\"")));
            found.extend(named.map(|name| format!("{}:{}: names the tool {name}", source.path, number + 1)));
        }
    }
    found
}

#[test]
fn the_client_knows_no_tool() {
    stands(tools_named_below(&tool_names(&below(TOOLS)), &below("crates/qc-api/src")));
}

#[test]
fn each_job_has_one_place() {
    stands(second_places(&below(TOOLS)));
}

#[test]
fn tools_are_arguments_one_call_and_a_reply() {
    stands(busy_tools(&below(TOOLS)));
}

#[test]
fn planted_breaches_are_noticed() {
    for job in JOBS {
        for word in job.words {
            let planted = Source::new(&format!("{TOOLS}tools/planted.rs"), &format!("fn f() {{ {word} }}"));
            falls(second_places(&[planted]), "planted.rs:1");
            let at_home = Source::new(&format!("{TOOLS}{}.rs", job.place[0]), &format!("fn f() {{ {word} }}"));
            stands(second_places(&[at_home]));
        }
    }
    let planted = Source::new("crates/qc-mcp-tools/src/tools/x.rs", "fn f() { tokio::spawn(g()) }");
    falls(busy_tools(&[planted]), "x.rs:1");
    let tool =
        Source::new("crates/qc-mcp-tools/src/tools/x.rs", "#[tool(\n title = \"X\")]\n async fn do_it(&self) {}");
    let names = tool_names(&[tool]);
    assert_eq!(names, ["do_it"]);
    let planted = Source::new("crates/qc-api/src/error.rs", "/// call `do_it` next");
    falls(tools_named_below(&names, &[planted]), "error.rs:1");
}
