//! What both binaries agree on about logging: which targets may speak how loud, and panics without payloads.

use crate::settings::{LogLevel, Settings};

/// Targets that would print request bodies or headers at lower levels; capped at ERROR whatever the level is.
const CAPPED: [&str; 7] = ["rmcp", "hyper", "hyper_util", "h2", "reqwest", "rustls", "tower"];

/// The filter for `tracing_subscriber::EnvFilter`.
pub fn filter(settings: &Settings) -> String {
    let level = match settings.log_level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let capped: String = CAPPED.iter().map(|target| format!(",{target}=error")).collect();
    // Where the audit has no file it goes to the log, and no level may hide it.
    format!("{level},audit=info{capped}")
}

/// Makes panics print their location and never their payload, which may hold what a client sent.
pub fn hide_panic_payloads() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        tracing::error!(location, "a panic was caught");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    #[test]
    fn library_targets_stay_at_error_at_every_level() {
        let settings = Settings::isolated(Transport::Stdio, ["--log-level", "TRACE"]).unwrap();
        assert_eq!(
            filter(&settings),
            "trace,audit=info,rmcp=error,hyper=error,hyper_util=error,h2=error,reqwest=error,rustls=error,tower=error"
        );
    }
}
