//! One request over one connection, by ureq.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, RustlsConnector, SocksConnector};
use ureq::{Agent, Error, SendBody, Timeout};

use super::form::{Body, Form};
use super::line::{Line, Listen, RECEIVE_BYTES, SEND_BYTES, Sockets};
use super::retry::{Again, Trouble, in_words, lost};
use super::settings::Settings;
use crate::error::{Failure, Kind};
use crate::text::megabytes;

/// Who is asking.
const USER_AGENT: &str = concat!("voxsift/", env!("CARGO_PKG_VERSION"));

/// The path of the endpoint, and of the one that replies while it works.
const WHOLE: &str = "/v1/audio-isolation";
const STREAM: &str = "/v1/audio-isolation/stream";

/// Sends requests.
pub(super) struct Client {
    settings: Arc<Settings>,
    roots: OnceLock<RootCerts>,
}

impl Client {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        Self { settings, roots: OnceLock::new() }
    }

    /// Sends `body` and returns the answer, whatever its status.
    ///
    /// # Errors
    /// When there is no answer.
    pub(super) fn post(
        &self,
        form: &Form,
        body: &mut Body,
        line: &Arc<Line>,
    ) -> Result<Response<ureq::Body>, Trouble> {
        let path = if self.settings.stream { STREAM } else { WHOLE };
        let mut request = self
            .agent(line)
            .post(self.settings.base_url.join(path))
            .header("xi-api-key", self.settings.key.header().map_err(Trouble::for_good)?)
            .content_type(form.content_type());
        if let Some(len) = body.len() {
            // ureq sends a reader in chunks, unless it is told the length.
            request = request.header("Content-Length", len);
        }
        let answer = request.send(SendBody::from_reader(body));
        answer.map_err(|error| match body.failure() {
            Some(failure) => Trouble::for_good(failure),
            None => self.trouble(error, body, line),
        })
    }

    /// Whom to trust; nobody has to be where nothing is encrypted.
    fn roots(&self) -> RootCerts {
        if self.settings.base_url.is_plain() {
            return RootCerts::Specific(Arc::default());
        }
        self.roots.get_or_init(roots).clone()
    }

    fn agent(&self, line: &Arc<Line>) -> Agent {
        let settings = &self.settings;
        let tls = TlsConfig::builder()
            .root_certs(self.roots())
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        // Behind a SOCKS proxy the socket is ureq's own, and so are its timeouts.
        let scheme = settings.proxy.as_ref().and_then(|proxy| proxy.uri().scheme_str());
        let socks = scheme.is_some_and(|scheme| scheme.starts_with("socks"));
        let ureqs = |time: Duration| socks.then_some(time);
        let config = Config::builder()
            .user_agent(USER_AGENT)
            // Audio does not get smaller, and what is not asked for cannot be a bomb.
            .accept_encoding("identity")
            .http_status_as_error(false)
            // ureq would send the key to wherever a redirect points.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(settings.proxy.clone())
            .tls_config(tls)
            .timeout_resolve(Some(settings.connect_timeout))
            .timeout_connect(Some(settings.connect_timeout))
            .timeout_recv_response(ureqs(settings.timeout))
            .timeout_per_write(ureqs(settings.stall_timeout))
            .timeout_per_read(ureqs(settings.timeout.max(settings.stall_timeout)))
            // An idle connection may have died: every attempt has one of its own.
            .max_idle_connections(0)
            .input_buffer_size(RECEIVE_BYTES)
            .output_buffer_size(SEND_BYTES)
            .build();
        let connectors =
            ().chain(SocksConnector::default())
                .chain(ConnectProxyConnector::default())
                .chain(Sockets(Arc::clone(line)))
                .chain(RustlsConnector::default())
                .chain(Listen { line: Arc::clone(line), behind_proxy: settings.proxy.is_some() });
        Agent::with_parts(config, connectors, DefaultResolver::default())
    }

    /// Why there is no answer.
    fn trouble(&self, error: Error, body: &Body, line: &Line) -> Trouble {
        let host = self.settings.base_url.host();
        if line.is_sent() {
            return lost(&match &error {
                Error::Timeout(_) => format!(
                    "the upload was complete, but no reply came within {}",
                    in_words(self.settings.timeout)
                ),
                _ if line.is_cut() => {
                    "the upload was complete, but the connection broke before the reply".into()
                }
                error => format!("the upload was complete, but the reply was lost: {}", plain(error)),
            });
        }
        if let Some(reason) = tls_trouble(&error) {
            return Trouble::for_good(Failure::new(
                Kind::Network,
                format!("there is no safe connection to {host}: {reason}"),
                "behind a company's proxy, point SSL_CERT_FILE to its certificates (PEM); the check cannot be turned off",
            ));
        }
        let sent = body.sent();
        let network = |message: String, hint: &str| Trouble {
            failure: Failure::new(Kind::Network, message, hint),
            again: Again::After(None),
        };
        let reach = "check the network, the proxy variables and --base-url; --engine local needs no network";
        match error {
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => network(
                format!("no connection to {host} within {}", in_words(self.settings.connect_timeout)),
                reach,
            ),
            Error::Timeout(_) if sent > 0 => network(
                format!("the upload to {host} stood still for {}", in_words(self.settings.stall_timeout)),
                "check the network; --stall-timeout S waits longer",
            ),
            Error::ConnectProxyFailed(reason) => {
                let refused = reason.contains(" 4");
                let reason = reason.split('/').next().unwrap_or_default();
                let trouble = network(
                    format!("the proxy did not connect to {host}: {reason}"),
                    "check HTTPS_PROXY and ALL_PROXY; a user and a password go before the host: http://user:password@host:port",
                );
                if refused { Trouble { again: Again::Never, ..trouble } } else { trouble }
            }
            Error::Io(_) | Error::Protocol(_) if sent > 0 => {
                let of = body.len().map_or_else(String::new, |len| format!(" of {}", megabytes(len)));
                network(
                    format!("the connection to {host} broke after {}{of} of the upload", megabytes(sent)),
                    "check the network, then run the command again",
                )
            }
            error => {
                let through =
                    self.settings.proxy.as_ref().map(|proxy| format!(" through the proxy {}", proxy.host()));
                let through = through.unwrap_or_default();
                network(format!("cannot reach {host}{through}: {}", plain(&error)), reach)
            }
        }
    }
}

/// The system's certificates, for companies that look into their people's traffic, and bundled ones, for
/// systems that have none.
fn roots() -> RootCerts {
    let system = rustls_native_certs::load_native_certs().certs;
    let all = system
        .iter()
        .map(AsRef::as_ref)
        .chain(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().map(AsRef::as_ref))
        .map(|der: &[u8]| Certificate::from_der(der).to_owned());
    RootCerts::Specific(Arc::new(all.collect()))
}

/// Why TLS did not come about, if that is the trouble.
fn tls_trouble(error: &Error) -> Option<String> {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        UnknownIssuer,
    };
    let tls = match error {
        Error::Rustls(error) => error,
        Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        Error::Tls(reason) => return Some((*reason).to_owned()),
        _ => return None,
    };
    let rustls::Error::InvalidCertificate(reason) = tls else {
        return Some(tls.to_string());
    };
    let reason = match reason {
        UnknownIssuer => "nobody known has signed its certificate",
        Expired | ExpiredContext { .. } => "its certificate has expired",
        NotValidYet | NotValidYetContext { .. } => "its certificate is not valid yet",
        NotValidForName | NotValidForNameContext { .. } => "its certificate is for another host",
        _ => "its certificate is not valid",
    };
    Some(reason.into())
}

/// A reason without the names of layers and codes.
fn plain(error: &Error) -> String {
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the connection was closed".into()
        }
        Error::Io(error) => {
            let failure = Failure::reading(error);
            failure.message.trim_start_matches("failed to lookup address information: ").to_owned()
        }
        Error::HostNotFound => "there is no such host".into(),
        Error::Protocol(_) => "the answer is no HTTP".into(),
        error => error.to_string(),
    }
}
