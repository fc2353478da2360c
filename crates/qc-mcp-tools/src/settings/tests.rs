//! Settings: defaults, combinations that must not start, where things lie.

use super::{parse::lean_json_folder, *};

fn parse(transport: Transport, flags: &[&str]) -> Result<Settings, String> {
    Settings::isolated(transport, flags.iter().copied()).map_err(|error| error.to_string())
}

#[test]
fn defaults_are_the_documented_ones() {
    let settings = parse(Transport::Http, &[]).unwrap();
    assert_eq!((settings.host.as_str(), settings.port, settings.path.as_str()), ("127.0.0.1", 8000, "/mcp"));
    assert_eq!((settings.mode, settings.cache_mb, settings.log_level), (Mode::Paper, 64, LogLevel::Info));
    assert_eq!(settings.allowed_hosts, ["localhost", "127.0.0.1", "::1"]);
    assert!(!settings.demo && settings.auth_token.is_none());
}

#[test]
fn each_binary_refuses_the_others_transport_and_names_the_other_binary() {
    let error = parse(Transport::Stdio, &["--transport", "streamable-http"]).unwrap_err();
    assert!(error.contains("start qc-mcp-http instead"), "{error}");
    let error = parse(Transport::Http, &["--mcp-transport", "stdio"]).unwrap_err();
    assert!(error.contains("start qc-mcp-stdio instead"), "{error}");
    assert!(parse(Transport::Stdio, &["--transport", "sse"]).is_err());
    assert!(parse(Transport::Http, &["--transport", "streamable_http"]).is_ok());
}

#[test]
fn unknown_values_refuse_to_start() {
    for flags in [
        ["--mode", "lve"],
        ["--toolsets", "backtest"],
        ["--log-level", "loud"],
        ["--cache-mb", "0"],
        ["--port", "70000"],
    ] {
        assert!(parse(Transport::Stdio, &flags).is_err(), "{flags:?}");
    }
    assert!(parse(Transport::Stdio, &["--toolsets", "backtest"]).unwrap_err().contains("backtests"));
    assert!(parse(Transport::Stdio, &["--mode", "READ-ONLY"]).is_ok());
}

#[test]
fn flags_also_go_by_the_variables_name() {
    let settings = parse(Transport::Stdio, &["--quantconnect-user-id", "7", "--quantconnect-api-token", "t"]).unwrap();
    assert_eq!(settings.user_id.as_deref(), Some("7"));
    assert!(!format!("{settings:?}").contains("\"t\""));
}

#[test]
fn half_of_the_credentials_is_refused() {
    assert!(parse(Transport::Stdio, &["--user-id", "7"]).unwrap_err().contains("QUANTCONNECT_API_TOKEN"));
}

#[test]
fn the_signed_header_travels_by_https_or_on_this_computer() {
    for good in [
        "https://www.quantconnect.com/api/v2",
        "http://127.0.0.1:5612/api/v2",
        "http://localhost/api",
        "http://[::1]:9/x",
    ] {
        assert!(parse(Transport::Stdio, &["--api-url", good]).is_ok(), "{good}");
    }
    for bad in [
        "http://www.quantconnect.com/api/v2",
        "http://localhost.evil.com/",
        "ftp://x",
        "quantconnect.com",
        "https://a@b/",
        "http://127.0.0.1@evil.com/",
    ] {
        assert!(parse(Transport::Stdio, &["--api-url", bad]).is_err(), "{bad}");
    }
}

#[test]
fn lean_cli_credentials_go_to_quantconnect_or_loopback_only() {
    let to = |url: &str| parse(Transport::Stdio, &["--api-url", url]).unwrap().api_is_quantconnect_or_loopback();
    assert!(to("https://beta.quantconnect.com/api/v2") && to("http://127.0.0.1:1/"));
    assert!(!to("https://quantconnect.com.evil.org/api") && !to("https://notquantconnect.com"));
}

#[test]
fn mode_live_talks_to_quantconnect_itself_or_to_this_computer() {
    let live = |url: &str| parse(Transport::Stdio, &["--mode", "live", "--allow-live-orgs", "abc", "--api-url", url]);
    assert!(live("https://www.quantconnect.com/api/v2").is_ok() && live("http://127.0.0.1:5612/api/v2").is_ok());
    for other in ["https://beta.quantconnect.com/api/v2", "https://quantconnect.com/api/v2", "https://proxy.example/"] {
        assert!(live(other).unwrap_err().contains("www.quantconnect.com only"), "{other}");
    }
}

#[test]
fn mode_live_needs_a_second_setting_and_over_http_a_key() {
    let key = "k".repeat(32);
    assert!(parse(Transport::Stdio, &["--mode", "live"]).unwrap_err().contains("QC_MCP_ALLOW_LIVE_ORGS"));
    let orgs = ["--mode", "live", "--allow-live-orgs", "5cad178b20a1d525"];
    assert!(parse(Transport::Stdio, &orgs).is_ok());
    assert!(parse(Transport::Http, &orgs).unwrap_err().contains("QC_MCP_STATE_KEY"));
    let with_key: Vec<&str> = orgs.iter().copied().chain(["--state-key", key.as_str()]).collect();
    assert!(parse(Transport::Http, &with_key).is_ok());
    let shared: Vec<&str> = with_key.iter().copied().chain(["--auth-token", key.as_str()]).collect();
    assert!(parse(Transport::Http, &shared).unwrap_err().contains("the same"));
    for bad in ["*", "all", "a b", "../x", ""] {
        assert!(parse(Transport::Stdio, &["--mode", "live", "--allow-live-orgs", bad]).is_err(), "{bad}");
    }
}

#[test]
fn unknown_values_of_guards_refuse_to_start() {
    for flags in [
        ["--backtests-per-minute", "-1"],
        ["--backtests-per-day", "many"],
        ["--sweep-size", "1.5"],
        ["--deletes-per-call", ""],
        ["--spend-per-day", "-1"],
        ["--spend-per-day", "NaN"],
        ["--spend-per-day", "inf"],
        ["--state-key", "short"],
        ["--http-sessions", "perhaps"],
        ["--mode", ""],
        ["--mode", "paper,live"],
    ] {
        assert!(parse(Transport::Stdio, &flags).is_err(), "{flags:?}");
    }
}

#[test]
fn state_lies_where_no_caller_can_name_it() {
    let of = |flags: &[&str]| {
        let mut settings = parse(Transport::Stdio, flags).unwrap();
        settings.home = Some("/home/me".into());
        settings.working_folder = "/home/me/work".into();
        settings
    };
    assert_eq!(of(&[]).state_folder().unwrap().path, PathBuf::from("/home/me/.quantconnect-mcp"));
    assert_eq!(of(&["--demo"]).state_folder(), None);
    assert!(!of(&[]).state_is_exposed() && !of(&["--state-dir", ".state"]).state_is_exposed());
    assert!(of(&["--state-dir", "state"]).state_is_exposed());
    assert!(of(&["--state-dir", "/out/state", "--output-dir", "/out"]).state_is_exposed());
}

#[test]
fn an_empty_host_list_refuses_to_start_over_http() {
    assert!(parse(Transport::Http, &["--allowed-hosts", ""]).is_err());
}

#[test]
fn read_only_writes_no_file() {
    let of = |flags: &[&str]| parse(Transport::Stdio, flags).unwrap().writable_folder();
    assert!(of(&["--output-dir", "out"]).is_some());
    assert_eq!(of(&["--output-dir", "out", "--mode", "read-only"]), None);
}

#[test]
fn an_address_with_a_backslash_is_refused() {
    let spoofed = parse(Transport::Stdio, &["--api-url", "https://other.example\\.quantconnect.com/api"]);
    assert!(spoofed.is_err());
}

#[test]
fn lean_json_may_hold_comments() {
    let text = "{ // the data\n \"a\": \"http://x\", /* where */ \"data-folder\": \"my\\\\data\" }";
    assert_eq!(lean_json_folder(text), Some(PathBuf::from("my\\data")));
}

#[test]
fn data_folder_falls_back_to_lean_json_then_data() {
    let dir = std::env::temp_dir().join(format!("qc-settings-{}", std::process::id()));
    let inner = dir.join("project");
    std::fs::create_dir_all(&inner).unwrap();
    let mut settings = parse(Transport::Stdio, &[]).unwrap();
    settings.working_folder = inner.clone();
    assert_eq!(settings.data_folder_choice().path, inner.join("data"));
    std::fs::write(dir.join("lean.json"), "{\"data-folder\": \"lean-data\"}").unwrap();
    assert_eq!(settings.data_folder_choice().path, dir.join("lean-data"));
    settings.data_folder = Some("/somewhere".into());
    assert_eq!(settings.data_folder_choice().origin, "QC_DATA_FOLDER");
    std::fs::remove_dir_all(dir).unwrap();
}

#[test]
fn readable_folders_over_http_are_none_unless_named() {
    assert!(parse(Transport::Http, &[]).unwrap().readable_folders().is_empty());
    assert_eq!(parse(Transport::Http, &["--file-roots", "/a,/b"]).unwrap().readable_folders().len(), 2);
}
