//! The reply: believed only when it is audio, and whole.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use ureq::http::Response;
use ureq::http::header::LOCATION;

use super::client::lost;
use super::key::Key;
use super::line::Line;
use super::refusal;
use super::retry::{Trouble, asked, seconds};
use super::settings::Settings;
use crate::audio::probe::{self, Format};
use crate::error::{Exchange, Failure, Kind};
use crate::isolate::{Observer, Stage};
use crate::source::PEEK;
use crate::text::{megabytes, one_line};

/// How long an error body is waited for; its status is known without it.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// The longest name that the service may have for a request.
const LONGEST_NAME: usize = 80;

/// Takes note of what the headers say.
pub(super) fn note(response: &Response<ureq::Body>, key: &Key, exchange: &mut Exchange) {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    exchange.http_status = Some(response.status().as_u16());
    exchange.code = None;
    exchange.request_id = header("request-id").map(|id| one_line(&key.redact(id), LONGEST_NAME));
    exchange.credits = header("character-cost").and_then(|cost| cost.trim().parse().ok());
}

/// How many requests the account may have under way at once, if the service says so.
pub(super) fn most_at_once(response: &Response<ureq::Body>) -> Option<usize> {
    response.headers().get("maximum-concurrent-requests")?.to_str().ok()?.trim().parse().ok()
}

/// Makes an answer that is no success a failure.
///
/// # Errors
/// For every status but 2xx.
pub(super) fn accept(
    response: &mut Response<ureq::Body>,
    line: &Line,
    key: &Key,
    exchange: &mut Exchange,
) -> Result<(), Trouble> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
        return Err(Trouble::for_good(redirected(status.as_u16(), target, key)));
    }
    let asked = asked(response.headers());
    let body = error_body(response, line);
    Err(refusal::trouble(status.as_u16(), &body, asked, key, exchange))
}

/// The beginning of an error body, as much as comes soon.
fn error_body(response: &mut Response<ureq::Body>, line: &Line) -> Vec<u8> {
    let mut body = Vec::new();
    let mut reader = response.body_mut().as_reader().take(refusal::MOST_BYTES);
    let start = Instant::now();
    let mut block = vec![0; 4096];
    while let Some(left) = ERROR_BODY_PATIENCE.checked_sub(start.elapsed()) {
        line.wait_for(left.max(Duration::from_millis(1)));
        match reader.read(&mut block) {
            Ok(read @ 1..) => body.extend_from_slice(&block[..read]),
            // What has come is worth more than why no more comes.
            Ok(0) | Err(_) => break,
        }
    }
    body
}

fn redirected(status: u16, target: Option<&str>, key: &Key) -> Failure {
    let host = target
        .and_then(|target| target.split_once("://"))
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default())
        // A user name before the host could make it look like another one.
        .map(|authority| authority.rsplit('@').next().unwrap_or_default())
        .map(|host| one_line(&key.redact(host), LONGEST_NAME))
        .filter(|host| !host.is_empty());
    let to = host.map_or_else(|| "elsewhere".into(), |host| format!("to {host}"));
    Failure::new(
        Kind::Service,
        format!(
            "the service redirects {to} (HTTP {status}); neither the key nor the recording was sent there"
        ),
        "if that is where the service is now, say so with --base-url",
    )
}

/// Where the reply goes.
pub(super) trait Take {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Output`, or `ReaderLeft` when nobody reads any more.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure>;
}

/// Takes in a successful reply to its end, and says what it is.
///
/// # Errors
/// `Lost` when it breaks off, `Service` when it is no audio, and those of `to`.
pub(super) fn receive(
    response: &mut Response<ureq::Body>,
    line: &Line,
    settings: &Settings,
    to: &mut dyn Take,
    observer: &dyn Observer,
) -> Result<Format, Trouble> {
    let of = response.body().content_length();
    let media_type = response.body().mime_type().map(str::to_owned);
    let status = response.status().as_u16();
    // The head may come long before the audio; from then on nothing needs long.
    line.wait_for(settings.timeout);
    let mut reader = response.body_mut().as_reader();
    let mut received = 0;
    let mut block = vec![0; 64 * 1024];
    let mut next = |block: &mut [u8]| loop {
        match reader.read(block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(read) => {
                // ureq takes a connection that breaks for the end where no length was announced.
                if read == 0 && line.is_cut() {
                    return Err(broken_off(received, of, None));
                }
                line.wait_no_longer_than_a_stall();
                received += read as u64;
                observer.stage(Stage::Downloading { received, of });
                return Ok(read);
            }
            Err(error) => {
                let patience = if received == 0 { settings.timeout } else { settings.stall_timeout };
                let stalled = is_timeout(&error).then_some(patience);
                return Err(broken_off(received, of, stalled));
            }
        }
    };
    let mut head = Vec::new();
    let mut format = Format::Unknown;
    while format == Format::Unknown && head.len() < PEEK {
        let read = next(&mut block)?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(&block[..read]);
        format = audio(&head);
    }
    if format == Format::Unknown {
        return Err(Trouble::for_good(no_audio(&head, status, media_type.as_deref(), &settings.key)));
    }
    to.take(&head).map_err(Trouble::for_good)?;
    loop {
        let read = next(&mut block)?;
        if read == 0 {
            return Ok(format);
        }
        to.take(&block[..read]).map_err(Trouble::for_good)?;
    }
}

impl Take for crate::sink::Output {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes)?;
        self.pass_on()
    }
}

impl Take for std::fs::File {
    fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes).map_err(|error| Failure::writing(&error))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
        || error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<ureq::Error>())
            .is_some_and(|error| matches!(error, ureq::Error::Timeout(_)))
}

fn broken_off(received: u64, of: Option<u64>, stalled: Option<Duration>) -> Trouble {
    let of = of.map_or_else(String::new, |of| format!(" of {}", megabytes(of)));
    let how = stalled.map_or_else(|| "broke off".into(), |wait| format!("stood still for {}", seconds(wait)));
    lost(&format!("but the reply {how} after {}{of}", megabytes(received)))
}

/// The format of a reply that starts like audio, else `Unknown`.
fn audio(head: &[u8]) -> Format {
    match probe::probe(head) {
        // Junk before the first frame is for files that people kept, not for a service.
        Format::Mpeg | Format::Adts if head.first() != Some(&0xff) => Format::Unknown,
        Format::Foreign(_) => Format::Unknown,
        format => format,
    }
}

/// Why a reply is none, although it says success.
fn no_audio(head: &[u8], status: u16, media_type: Option<&str>, key: &Key) -> Failure {
    let text = String::from_utf8_lossy(head);
    let start = text.trim_start();
    let what = match probe::probe(head) {
        Format::Foreign(name) => format!("answered with a {name}"),
        _ if head.is_empty() => "answered with nothing".into(),
        _ if !probe::is_text(head) => "answered with something unknown".into(),
        _ if start.starts_with(['{', '[']) => "answered with JSON".into(),
        _ if start.starts_with('<') => "answered with a web page".into(),
        _ => "answered with text".into(),
    };
    let media_type = media_type
        .map_or_else(String::new, |kind| format!(", {}", one_line(&key.redact(kind), LONGEST_NAME)));
    let said = if probe::is_text(head) && !start.starts_with('<') {
        format!(": {}", one_line(&key.redact(start), LONGEST_NAME))
    } else {
        String::new()
    };
    Failure::new(
        Kind::Service,
        format!(
            "the service {what} in place of audio (HTTP {status}{media_type}){said}; it may have been billed"
        ),
        "check --base-url; if it is right, look into the history of your ElevenLabs account before you send it again",
    )
}
