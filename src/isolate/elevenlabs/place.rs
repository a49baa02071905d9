//! Where the service is, and the way to it: the base URL and proxies.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;

use ureq::Proxy;
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::error::Failure;

/// The variable that the vendor's own clients read.
pub const VARIABLE: &str = "ELEVENLABS_BASE_URL";

/// The service's address for everybody.
pub const DEFAULT: &str = "https://api.elevenlabs.io";

/// Where the service is.
#[derive(Debug, Clone)]
pub struct BaseUrl {
    /// Without a slash at its end.
    text: String,
    host: String,
    plain: bool,
}

impl BaseUrl {
    /// Reads a base URL; `origin` is who gave it, for messages.
    ///
    /// # Errors
    /// `Usage` when it is no base URL, or would carry the key through the network in clear.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let wrong = |what: &str| {
            Failure::usage(format!("{origin} {what}"), format!("a base URL looks like this: {DEFAULT}"))
        };
        if text.contains('@') {
            // Not shown: what stands before the @ may be a password.
            return Err(wrong("has a user name in it; the key is all that is sent"));
        }
        let wrong = |what: &str| wrong(&format!("{text} {what}"));
        if text.contains(['?', '#']) {
            return Err(wrong("has more behind its path"));
        }
        let uri: Uri = text.parse().map_err(|_| wrong("is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong("is no URL with a scheme and a host"));
        };
        let host = authority.host().to_owned();
        if !is_host_and_port(authority) {
            return Err(wrong("has no host, or an impossible port"));
        }
        let plain = match scheme {
            "https" => false,
            "http" if is_loopback(&host) => true,
            "http" => {
                return Err(Failure::usage(
                    format!("{origin} {text} would send the key and the recording unencrypted"),
                    "use https://; http:// is accepted to this machine only",
                ));
            }
            _ => return Err(wrong("is neither https nor http")),
        };
        Ok(Self { text: text.trim_end_matches('/').to_owned(), host, plain })
    }

    /// The URL of an endpoint, given by its path.
    pub(super) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.text)
    }

    /// Whether nothing is encrypted on the way, which ends on this machine.
    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    /// The host, for messages.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

/// Whether an authority has a host, and a port that can be one, if any.
fn is_host_and_port(authority: &Authority) -> bool {
    let behind_user = authority.as_str().rsplit('@').next().unwrap_or_default();
    !authority.host().is_empty()
        && (behind_user.len() == authority.host().len() || authority.port_u16().is_some())
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// What the environment says about proxies. `Debug` hides it, as proxies have passwords.
#[derive(Clone, Default)]
pub struct Proxies {
    /// Name and value of the variables that are set, the one that counts first.
    set: Vec<(&'static str, OsString)>,
    except: Option<String>,
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.set.iter().map(|(name, _)| name)).finish()
    }
}

impl Proxies {
    /// Looks into the environment, as curl does: what is said for https counts before what is said for all.
    #[must_use]
    pub fn look() -> Self {
        let value = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        Self {
            set: names.into_iter().filter_map(|name| Some((name, value(name)?))).collect(),
            except: ["no_proxy", "NO_PROXY"]
                .into_iter()
                .find_map(value)
                .map(|hosts| hosts.to_string_lossy().into_owned()),
        }
    }

    /// The proxy on the way to `base`. Plain HTTP goes to this machine only, and so never through a proxy,
    /// which would get the key in clear.
    ///
    /// # Errors
    /// `Usage` when a variable holds no proxy's URL: going there directly may be just what is forbidden.
    pub fn towards(&self, base: &BaseUrl) -> Result<Option<Proxy>, Failure> {
        let Some((name, url)) = self.set.first().filter(|_| !base.is_plain() && !self.spares(&base.host))
        else {
            return Ok(None);
        };
        let proxy = url.to_str().and_then(|url| Proxy::new(url.trim()).ok());
        let proxy = proxy.filter(|proxy| proxy.uri().authority().is_some_and(is_host_and_port));
        proxy.map(Some).ok_or_else(|| {
            Failure::usage(
                format!("{name} is not the URL of a proxy"),
                "set it like http://host:port or socks5h://host:port, or unset it",
            )
        })
    }

    /// Whether `NO_PROXY` names the host or a domain above it.
    fn spares(&self, host: &str) -> bool {
        let except = self.except.as_deref().unwrap_or_default().to_ascii_lowercase();
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let names = |entry: &str| {
            let rest = host
                .strip_suffix(entry.trim_start_matches('*').trim_start_matches('.').trim_matches(['[', ']']));
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        except.trim() == "*"
            || except.split([',', ' ']).filter(|entry| entry.contains(char::is_alphanumeric)).any(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_and_domains() {
        let spares =
            |except: &str, host: &str| Proxies { set: Vec::new(), except: Some(except.into()) }.spares(host);
        assert!(spares("*", "api.elevenlabs.io"));
        assert!(spares("localhost, elevenlabs.io", "api.elevenlabs.io"));
        assert!(spares(".elevenlabs.io", "api.elevenlabs.io"));
        assert!(spares("*.elevenlabs.io", "API.elevenlabs.io"));
        assert!(spares("::1", "[::1]"));
        assert!(!spares("labs.io", "api.elevenlabs.io"));
        assert!(!spares("api.elevenlabs.io.evil", "api.elevenlabs.io"));
        assert!(!spares("", "api.elevenlabs.io"));
        assert!(!spares(",", "api.elevenlabs.io"));
    }
}
