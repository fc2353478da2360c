//! What a room must never do, word by word: a table of places and of the words that give a breach away.

use crate::source::{Source, all};
use crate::{falls, stands};

/// `words` may not stand in code below `folders`, except in files below `except`.
struct Wall {
    why: &'static str,
    folders: &'static [&'static str],
    except: &'static [&'static str],
    words: &'static [&'static str],
}

const PROGRAM: &[&str] = &["crates/", "bins/"];
const MAINS: &[&str] = &["bins/qc-mcp-stdio/src/main.rs", "bins/qc-mcp-http/src/main.rs"];

const WALLS: &[Wall] = &[
    Wall {
        why: "qc-quant does no I/O",
        folders: &["crates/qc-quant/src"],
        except: &[],
        words: &["std::fs", "std::io", "std::net", "std::env", "std::process", "std::path", "env!", "include_str!"],
    },
    Wall {
        why: "qc-quant reads no clock",
        folders: &["crates/qc-quant/src"],
        except: &[],
        words: &["std::time", "Instant::now", "SystemTime", "Timestamp::now", "Zoned::now", "Timer", "sleep"],
    },
    Wall {
        why: "qc-quant does not log, serialise or wait",
        folders: &["crates/qc-quant/src"],
        except: &[],
        words: &["tracing", "log::", "serde", "Serialize", "Deserialize", "tokio", "async fn", "async move", ".await"],
    },
    Wall {
        why: "random numbers in qc-quant come from a given seed",
        folders: &["crates/qc-quant/src"],
        except: &[],
        words: &[
            "thread_rng",
            "rand::rng",
            "rand::random",
            "from_os_rng",
            "try_from_os_rng",
            "from_entropy",
            "OsRng",
            "SysRng",
            "ThreadRng",
            "getrandom",
            "RandomState",
            "DefaultHasher",
        ],
    },
    Wall {
        why: "faer stands in one file",
        folders: PROGRAM,
        except: &["crates/qc-quant/src/linalg.rs"],
        words: &["faer"],
    },
    Wall {
        why: "linfa stands in one file",
        folders: PROGRAM,
        except: &["crates/qc-quant/src/interop.rs"],
        words: &["linfa", "linfa_reduction", "ndarray"],
    },
    Wall {
        why: "argmin stands in qc-quant's solve/",
        folders: PROGRAM,
        except: &["crates/qc-quant/src/solve/", "crates/qc-quant/src/solve.rs"],
        words: &["argmin"],
    },
    Wall {
        why: "the network belongs to qc-api (and serving it to qc-sim and qc-mcp-http)",
        folders: &[
            "crates/qc-data/src",
            "crates/qc-quant/src",
            "crates/qc-report/src",
            "crates/qc-mcp-tools/src",
            "bins/qc-mcp-stdio/src",
        ],
        except: &[],
        words: &["reqwest", "hyper", "axum", "TcpStream", "TcpListener", "UdpSocket"],
    },
    Wall { why: "reqwest stands in qc-api", folders: PROGRAM, except: &["crates/qc-api/src/"], words: &["reqwest"] },
    Wall {
        why: "MCP is spoken in qc-mcp-tools and the binaries only",
        folders: &[
            "crates/qc-api/src",
            "crates/qc-quant/src",
            "crates/qc-data/src",
            "crates/qc-report/src",
            "crates/qc-sim/src",
            "crates/qc-mcp-tools/src/flows",
        ],
        except: &[],
        words: &["rmcp"],
    },
    Wall {
        why: "the environment is read in the settings and in Credentials::from_env",
        folders: PROGRAM,
        except: &[
            "crates/qc-mcp-tools/src/settings.rs",
            "crates/qc-mcp-tools/src/settings/",
            "crates/qc-api/src/auth.rs",
        ],
        words: &[
            "env::var",
            "env::var_os",
            "env::vars",
            "env::vars_os",
            "env::home_dir",
            "env::set_var",
            "env::remove_var",
        ],
    },
    Wall {
        why: "standard output belongs to JSON-RPC; only the mains print or end the process",
        folders: PROGRAM,
        except: MAINS,
        words: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "dbg!",
            "stdout()",
            "process::exit",
            "process::abort",
            "ExitCode",
        ],
    },
    Wall {
        why: "the program starts no child processes",
        folders: PROGRAM,
        except: &[],
        words: &["process::Command", "Command::new"],
    },
    Wall {
        why: "qc-api and the tools keep no global state",
        folders: &["crates/qc-api/src", "crates/qc-mcp-tools/src"],
        except: &[],
        words: &["static mut", "thread_local!", "lazy_static!"],
    },
];

fn breaches(walls: &[Wall], sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for wall in walls {
        let within = |list: &[&str], path: &str| list.iter().any(|start| path.starts_with(start));
        let inside = sources.iter().filter(|source| {
            within(wall.folders, &source.path) && !within(wall.except, &source.path) && is_program(&source.path)
        });
        for source in inside {
            for word in wall.words {
                found.extend(source.places_of(word).iter().map(|place| format!("{place}: `{word}`: {}", wall.why)));
            }
        }
    }
    found
}

/// Benches, build scripts and integration tests beside a crate are not part of the program.
fn is_program(path: &str) -> bool {
    path.contains("/src/")
}

/// Statics that hold state which changes: a place for one caller's data to reach another's.
fn changing_statics(sources: &[Source]) -> Vec<String> {
    let changing = ["Mutex", "RwLock", "RefCell", "Cell", "ArcSwap", "DashMap"];
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| is_program(&source.path)) {
        for (number, line) in source.code.lines().enumerate() {
            let declares = line.trim_start().trim_start_matches("pub(crate) ").starts_with("static ");
            if declares && changing.iter().any(|kind| crate::source::contains_word(line, kind)) {
                found.push(format!("{}:{}: a static that changes", source.path, number + 1));
            }
        }
    }
    found
}

#[test]
fn no_room_does_what_it_must_not() {
    stands(breaches(WALLS, &all()));
}

#[test]
fn no_crate_keeps_changing_global_state() {
    let sources: Vec<_> = all().into_iter().filter(|source| source.path.starts_with("crates/")).collect();
    stands(changing_statics(&sources));
}

/// Plants every word of every wall in every folder it guards.
#[test]
fn planted_breaches_are_noticed() {
    for wall in WALLS {
        for folder in wall.folders {
            let folder = if *folder == "bins/" { "bins/qc-mcp-http/src" } else { folder };
            let folder = if folder == "crates/" { "crates/qc-report/src" } else { folder };
            for word in wall.words {
                let planted = Source::new(&format!("{folder}/planted.rs"), &format!("fn f() {{ {word} }}"));
                falls(breaches(&[Wall { ..*wall }], &[planted]), "planted.rs:1");
            }
        }
    }
    let planted = Source::new("crates/qc-api/src/x.rs", "static CACHE: Mutex<u8> = Mutex::new(0);");
    falls(changing_statics(&[planted]), "x.rs:1");
}

/// An exception that names nothing would hide a moved file's breach for ever.
#[test]
fn a_planted_breach_in_an_excepted_file_passes() {
    for wall in WALLS.iter().filter(|wall| !wall.except.is_empty()) {
        let start = wall.except[0];
        for place in wall.except {
            assert!(
                support::paths::workspace_root().join(place).exists(),
                "{}: the exception {place} is not there",
                wall.why
            );
        }
        let path = if start.ends_with(".rs") { start.to_owned() } else { format!("{start}planted.rs") };
        let planted = Source::new(&path, &format!("fn f() {{ {} }}", wall.words[0]));
        stands(breaches(&[Wall { ..*wall }], &[planted]));
    }
}
