//! The reply: believed only when it is audio, and whole.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::header::{LOCATION, TRANSFER_ENCODING};
use ureq::http::{Response, StatusCode};

use super::delivery::Delivery;
use super::key::Key;
use super::line::Line;
use super::mp3::Frames;
use super::refusal::{self, LONGEST_NAME};
use super::retry::{Trouble, asked, in_words, lost};
use super::settings::Settings;
use crate::audio::probe::{self, Format};
use crate::error::{Failure, Kind};
use crate::exchange::Exchange;
use crate::isolate::{Observer, Stage};
use crate::source::PEEK;
use crate::text::megabytes;

/// How long an error body is waited for; its status is known without it.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// Takes note of what the headers say, and returns the credits that it took, if they do.
pub(super) fn note(response: &Response<ureq::Body>, key: &Key, exchange: &mut Exchange) -> Option<u64> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    exchange.http_status = Some(response.status().as_u16());
    exchange.request_id = header("request-id").map(|id| key.quoted(id, LONGEST_NAME));
    header("character-cost")?.trim().parse().ok()
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
    if status.is_success() && status != StatusCode::PARTIAL_CONTENT {
        return if line.is_sent() {
            Ok(())
        } else {
            // What it has done can only be for a part.
            Err(lost("the service answered before it had all of the recording"))
        };
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
    line.wait_in_all(ERROR_BODY_PATIENCE);
    // What has come is worth more than why no more comes.
    let _ = reader.read_to_end(&mut body);
    body
}

fn redirected(status: u16, target: Option<&str>, key: &Key) -> Failure {
    let target = target.map(|target| key.quoted(target, usize::MAX));
    let host = target
        .as_deref()
        .and_then(|target| target.split_once("//"))
        .map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default())
        // A user name before the host could make it look like another one.
        .map(|authority| authority.rsplit('@').next().unwrap_or_default())
        .map(|host| key.quoted(host, LONGEST_NAME))
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

/// Takes in a successful reply to its end, and says what it is. `seconds` is the recording's length.
///
/// # Errors
/// `Lost` when it breaks off or is too short, `Service` when it is no audio, and those of `to`.
pub(super) fn receive(
    response: &mut Response<ureq::Body>,
    line: &Line,
    settings: &Settings,
    seconds: Option<f64>,
    to: &mut Delivery,
    observer: &dyn Observer,
) -> Result<(Format, Vec<String>), Trouble> {
    let of = response.body().content_length();
    let media_type = response.body().mime_type().map(str::to_owned);
    let status = response.status().as_u16();
    let ends_by_itself = of.is_some() || response.headers().contains_key(TRANSFER_ENCODING);
    // The head may come long before the audio; from then on nothing needs long.
    line.wait_in_all(settings.timeout);
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
                line.wait_for_stalls();
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
    let mut frames = Frames::default();
    let mut take = |bytes: &[u8]| {
        frames.push(bytes);
        to.take(bytes).map_err(|failure| Trouble::for_good(paid(failure)))
    };
    take(&head)?;
    loop {
        let read = next(&mut block)?;
        if read == 0 {
            break;
        }
        take(&block[..read])?;
    }
    match format {
        Format::Mpeg | Format::Id3 => Ok((format, believed(&frames, seconds, ends_by_itself)?)),
        _ => Ok((format, Vec::new())),
    }
}

/// Whether an MP3 is whole. Returns what the user should know about it.
fn believed(frames: &Frames, seconds: Option<f64>, ends_by_itself: bool) -> Result<Vec<String>, Trouble> {
    if let Some(damage) = frames.damage() {
        return Err(Trouble::for_good(paid(Failure::new(
            Kind::Service,
            format!("the service's reply is damaged: {damage} bytes of it are no MP3"),
            "the output was not written",
        ))));
    }
    let got = frames.seconds();
    let Some(seconds) = seconds.filter(|seconds| got < seconds - (seconds / 10.0).max(1.0)) else {
        return Ok(Vec::new());
    };
    // Nothing else says where such a reply ends.
    if !ends_by_itself {
        return Err(lost(&format!(
            "the upload was complete, but the reply ends after {got:.1} of {seconds:.1} s"
        )));
    }
    if got < seconds / 2.0 {
        return Err(Trouble::for_good(paid(Failure::new(
            Kind::Service,
            format!("the service's reply is only {got:.1} s long, and the recording {seconds:.1} s"),
            "the output was not written",
        ))));
    }
    Ok(vec![format!("the service's reply is {got:.1} s long, and the recording {seconds:.1} s")])
}

/// A failure behind the work of the service.
pub(super) fn paid(failure: Failure) -> Failure {
    if failure.saved || failure.kind == Kind::ReaderLeft {
        return failure;
    }
    let hint = format!(
        "{}; the service has done its work and billed it: look into the history of your ElevenLabs account",
        failure.hint
    );
    Failure { hint, ..failure }
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
    let how =
        stalled.map_or_else(|| "broke off".into(), |wait| format!("stood still for {}", in_words(wait)));
    lost(&format!("the upload was complete, but the reply {how} after {}{of}", megabytes(received)))
}

/// The format of a reply that starts like audio, else `Unknown`.
fn audio(head: &[u8]) -> Format {
    match probe::probe(head) {
        // Junk before the first frame is for files that people kept, not for a service.
        Format::Mpeg | Format::Adts if head.first() != Some(&0xff) => Format::Unknown,
        // A tag that states an impossible version or size is a text that begins like one.
        Format::Id3 if head.len() < 10 || head[3] == 0xff || head[6..10].iter().any(|byte| *byte >= 0x80) => {
            Format::Unknown
        }
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
    let media_type =
        media_type.map_or_else(String::new, |kind| format!(", {}", key.quoted(kind, LONGEST_NAME)));
    let said = if probe::is_text(head) && !start.starts_with('<') {
        format!(": {}", key.quoted(start, LONGEST_NAME))
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
