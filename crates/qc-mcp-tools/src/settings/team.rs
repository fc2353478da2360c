//! Settings of a server that several people share: whose credentials, whose tokens, how much of each, and TLS.

use std::path::PathBuf;

use clap::ValueEnum;

use super::{
    Settings, Transport,
    parse::{is_loopback, url_host},
};

/// Where the credentials of a request come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum CredentialsFrom {
    /// The server has one account, and everybody who may call it works with it.
    Server,
    /// Every request brings its own in the headers X-QuantConnect-User-Id and X-QuantConnect-Api-Token.
    Headers,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings of this file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Team (HTTP)")]
pub struct Team {
    /// Whose QuantConnect account: the server's, or that of each request's headers X-QuantConnect-User-Id, X-QuantConnect-Api-Token and X-QuantConnect-Organization-Id
    #[arg(long, env = "QC_MCP_CREDENTIALS", value_enum, default_value = "server", ignore_case = true)]
    pub credentials: CredentialsFrom,

    /// Issuer of the tokens (JWT) that clients must send; with the two settings below
    #[arg(long, env = "QC_MCP_JWT_ISSUER", value_name = "URL")]
    pub jwt_issuer: Option<String>,

    /// Address of this server's MCP endpoint as clients know it, which tokens must name as their audience
    #[arg(long, env = "QC_MCP_JWT_AUDIENCE", value_name = "URL")]
    pub jwt_audience: Option<String>,

    /// Address of the issuer's public keys (JWKS), https
    #[arg(long, env = "QC_MCP_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,

    /// File of the certificate chain (PEM); with the key, the server speaks https
    #[arg(long, env = "QC_MCP_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,

    /// File of the certificate's private key (PEM)
    #[arg(long, env = "QC_MCP_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,

    /// Most requests a minute of one caller; by default 600 where callers are told apart (JWT or headers), else no limit
    #[arg(long, env = "QC_MCP_RATE_PER_CALLER", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate_per_caller: Option<u32>,

    /// Most requests a minute of all callers together; by default 6000 where callers are told apart, else no limit
    #[arg(long, env = "QC_MCP_RATE_TOTAL", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rate_total: Option<u32>,

    /// Most requests of one caller at the same time; by default 32 where callers are told apart, else as many as of all together
    #[arg(long, env = "QC_MCP_CONCURRENT_PER_CALLER", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrent_per_caller: Option<u32>,

    /// Most requests of all callers at the same time
    #[arg(long, env = "QC_MCP_CONCURRENT_TOTAL", value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub concurrent_total: u32,

    /// How log lines look
    #[arg(
        long,
        env = "QC_MCP_LOG_FORMAT",
        value_enum,
        default_value = "text",
        ignore_case = true,
        help_heading = "Logging"
    )]
    pub log_format: LogFormat,
}

/// Whose tokens are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What the claim `iss` must say.
    pub issuer: String,
    /// What the claim `aud` must name: this server's endpoint.
    pub audience: String,
    /// Where its keys are.
    pub jwks_url: String,
    /// Whether the keys may come by http from this computer.
    pub loopback: bool,
}

impl Team {
    /// Whether each request brings its own credentials.
    pub fn by_headers(&self) -> bool {
        self.credentials == CredentialsFrom::Headers
    }

    /// Whether callers are told apart.
    pub fn tells_apart(&self) -> bool {
        self.by_headers() || self.jwt_issuer.is_some()
    }
}

impl Settings {
    /// Whose tokens are believed, if anybody's.
    pub fn issuer(&self) -> Option<Issuer> {
        let team = &self.team;
        Some(Issuer {
            issuer: team.jwt_issuer.clone()?,
            audience: team.jwt_audience.clone()?,
            jwks_url: team.jwks_url.clone()?,
            loopback: self.plays(),
        })
    }

    /// Whether QuantConnect is played on this computer, so that what stands around it may be as well.
    fn plays(&self) -> bool {
        self.demo || is_loopback(url_host(&self.api_url))
    }

    /// What no single value of a team's settings shows.
    pub(super) fn check_team(&self, transport: Transport) -> Result<(), String> {
        let team = &self.team;
        if team.by_headers() {
            if transport == Transport::Stdio {
                return Err("QC_MCP_CREDENTIALS=headers is for HTTP; this program has one client and no headers".into());
            }
            if self.user_id.is_some() || self.api_token.is_some() {
                return Err("QC_MCP_CREDENTIALS=headers takes the credentials of each request, so \
                            QUANTCONNECT_USER_ID and QUANTCONNECT_API_TOKEN must not be set"
                    .into());
            }
        }
        let parts = [
            ("QC_MCP_JWT_ISSUER", team.jwt_issuer.as_deref()),
            ("QC_MCP_JWT_AUDIENCE", team.jwt_audience.as_deref()),
            ("QC_MCP_JWKS_URL", team.jwks_url.as_deref()),
        ];
        let missing: Vec<&str> = parts.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        if !missing.is_empty() && missing.len() < parts.len() {
            return Err(format!("tokens of an issuer need three settings; missing: {}", missing.join(", ")));
        }
        for (name, value) in parts {
            let Some(value) = value else { continue };
            let local = value.starts_with("http://") && is_loopback(url_host(value)) && self.plays();
            let plain = !value.contains(['@', '\\']) && !value.contains(char::is_whitespace);
            if !plain || url_host(value).is_empty() || !(value.starts_with("https://") || local) {
                return Err(format!(
                    "{name} must be an https address (http only on this computer, with a simulated QuantConnect)"
                ));
            }
        }
        if missing.is_empty() && self.auth_token.is_some() {
            return Err("QC_MCP_AUTH_TOKEN and QC_MCP_JWT_ISSUER are two front doors; choose one".into());
        }
        if team.tells_apart() && (!self.file_roots.is_empty() || self.output_dir.is_some()) {
            return Err("QC_MCP_FILE_ROOTS and QC_MCP_OUTPUT_DIR name one set of folders for everybody, so they do not go with \
                        callers who are told apart (QC_MCP_CREDENTIALS=headers, QC_MCP_JWT_ISSUER)"
                .into());
        }
        if team.tls_cert.is_some() != team.tls_key.is_some() {
            return Err("QC_MCP_TLS_CERT and QC_MCP_TLS_KEY belong together; set both or neither".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str]) -> Result<Settings, String> {
        Settings::isolated(Transport::Http, flags.iter().copied()).map_err(|error| error.to_string())
    }

    const ISSUED: [&str; 6] = [
        "--jwt-issuer",
        "https://id.example.com",
        "--jwt-audience",
        "https://qc.example.com/mcp",
        "--jwks-url",
        "https://id.example.com/keys",
    ];

    #[test]
    fn headers_stand_alone() {
        assert!(parse(&["--credentials", "headers"]).is_ok());
        let error = parse(&["--credentials", "headers", "--user-id", "7", "--api-token", "t"]).unwrap_err();
        assert!(error.contains("must not be set"), "{error}");
        assert!(parse(&["--credentials", "both"]).is_err());
        let stdio = Settings::isolated(Transport::Stdio, ["--credentials", "headers"]);
        assert!(stdio.unwrap_err().to_string().contains("HTTP"));
        let mut settings = parse(&["--credentials", "headers"]).unwrap();
        settings.home = Some("/home/somebody".into());
        assert_eq!(settings.lean_cli_file(), None);
        assert!(!settings.caller_is_here());
    }

    #[test]
    fn an_issuer_needs_all_three_settings_and_https() {
        assert_eq!(parse(&[]).unwrap().issuer(), None);
        assert!(parse(&ISSUED).unwrap().issuer().is_some());
        assert!(parse(&ISSUED[..4]).unwrap_err().contains("QC_MCP_JWKS_URL"));
        for (at, bad) in [(1, "http://id.example.com"), (3, "qc"), (5, "http://127.0.0.1:9/keys"), (5, "https://a@b/")]
        {
            let mut flags = ISSUED;
            flags[at] = bad;
            assert!(parse(&flags).unwrap_err().contains("https"), "{bad}");
        }
        let mut local = ISSUED.to_vec();
        local[5] = "http://127.0.0.1:9/keys";
        local.extend(["--api-url", "http://127.0.0.1:1/api/v2"]);
        assert!(parse(&local).unwrap().issuer().unwrap().loopback);
        let mut both = ISSUED.to_vec();
        both.extend(["--auth-token", "t"]);
        assert!(parse(&both).unwrap_err().contains("choose one"));
    }

    #[test]
    fn folders_are_not_shared_by_callers_who_are_told_apart() {
        for folder in ["--file-roots", "--output-dir"] {
            assert!(parse(&[folder, "/srv/files"]).is_ok());
            let headers = parse(&["--credentials", "headers", folder, "/srv/files"]).unwrap_err();
            let issued = parse(&[&ISSUED[..], &[folder, "/srv/files"]].concat()).unwrap_err();
            assert!(
                headers.contains("QC_MCP_FILE_ROOTS") && issued.contains("QC_MCP_OUTPUT_DIR"),
                "{headers} {issued}"
            );
        }
    }

    #[test]
    fn processes_and_paths_are_shown_to_callers_at_this_computer_only() {
        let is_here = |flags: &[&str]| parse(flags).unwrap().caller_is_here();
        assert!(is_here(&[]) && is_here(&["--allowed-hosts", "localhost,[::1],127.0.0.1:8000"]));
        // Behind a proxy the address is loopback, and the callers are elsewhere.
        for flags in [
            ["--host", "0.0.0.0"],
            ["--allowed-hosts", "qc.example.com"],
            ["--auth-token", "t"],
            ["--credentials", "headers"],
        ] {
            assert!(!is_here(&flags), "{flags:?}");
        }
    }

    #[test]
    fn half_a_certificate_is_refused() {
        assert!(parse(&["--tls-cert", "a.pem"]).unwrap_err().contains("QC_MCP_TLS_KEY"));
        assert!(parse(&["--tls-cert", "a.pem", "--tls-key", "b.pem"]).is_ok());
    }
}
