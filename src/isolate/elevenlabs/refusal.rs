//! What the service says when it refuses, in all the forms it has for that.

use serde_json::Value;

use super::key::Key;
use super::retry::{Again, Trouble};
use crate::audio::probe;
use crate::error::{Failure, Kind};
use crate::exchange::Exchange;

/// The most that is read of an error body, in bytes.
pub(super) const MOST_BYTES: u64 = 64 * 1024;

/// The most that is shown of what the service says, and of its names for things, in characters.
const LONGEST_MESSAGE: usize = 300;
pub(super) const LONGEST_NAME: usize = 80;

/// A refusal, as far as it could be understood.
#[derive(Debug, Default)]
struct Refusal {
    /// Code, status and type, the most telling first.
    codes: Vec<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Refusal {
    /// Reads the body of an answer: JSON with a `detail` that is an object, a list or a text, or anything.
    fn of(body: &[u8]) -> Self {
        let Ok(json) = serde_json::from_slice::<Value>(body) else {
            let text = String::from_utf8_lossy(body);
            let prose = probe::is_text(body) && !text.trim_start().starts_with(['<', '{', '[']);
            return Self { message: prose.then(|| text.into_owned()), ..Self::default() };
        };
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match json.get("detail").or(json.get("error")).unwrap_or(&json) {
            Value::String(message) => Self { message: Some(message.clone()), ..Self::default() },
            Value::Array(list) => {
                let one = |entry: &Value| {
                    let field = entry.get("loc").and_then(Value::as_array).and_then(|loc| loc.last());
                    let field = field.map_or_else(String::new, |field| match field.as_str() {
                        Some(name) => format!("{name}: "),
                        None => format!("{field}: "),
                    });
                    text(entry, "msg").map(|message| format!("{field}{message}"))
                };
                let messages: Vec<_> = list.iter().take(5).filter_map(one).collect();
                Self { message: (!messages.is_empty()).then(|| messages.join("; ")), ..Self::default() }
            }
            detail => Self {
                codes: ["code", "status", "type"].iter().filter_map(|name| text(detail, name)).collect(),
                message: text(detail, "message").or_else(|| text(detail, "error")),
                request_id: text(detail, "request_id"),
            },
        }
    }
}

/// The codes that are known, by what they mean.
const CODES: [(Kind, &[&str]); 7] = [
    (
        Kind::Key,
        &[
            "invalid_api_key",
            "missing_api_key",
            "invalid_authorization_header",
            "unauthorized",
            "sign_in_required",
        ],
    ),
    (
        Kind::Permission,
        &[
            "missing_permissions",
            "insufficient_permissions",
            "forbidden",
            "workspace_access_denied",
            "feature_not_available",
            "subscription_required",
            "only_for_creator+",
            "detected_unusual_activity",
        ],
    ),
    (Kind::Credits, &["insufficient_credits", "quota_exceeded", "payment_required", "paid_plan_required"]),
    (
        Kind::Input,
        &[
            "invalid_audio",
            "invalid_audio_format",
            "invalid_audio_duration",
            "audio_too_short",
            "audio_too_long",
            "invalid_file_type",
            "request_too_large",
        ],
    ),
    (
        Kind::Request,
        &[
            "validation_error",
            "invalid_parameters",
            "missing_required_field",
            "bad_request",
            "invalid_content_type",
        ],
    ),
    (
        Kind::RateLimit,
        &[
            "too_many_concurrent_requests",
            "concurrent_limit_exceeded",
            "rate_limit_exceeded",
            "rate_limit_error",
            "system_busy",
        ],
    ),
    (Kind::Service, &["internal_error", "service_unavailable", "maintenance"]),
];

fn kind_of_code(code: &str) -> Option<Kind> {
    CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(kind, _)| *kind)
}

fn kind_of_status(status: u16) -> Kind {
    match status {
        401 => Kind::Key,
        402 => Kind::Credits,
        403 => Kind::Permission,
        413 | 415 => Kind::Input,
        429 => Kind::RateLimit,
        // A part of a result, for one, is no answer to what was asked.
        ..300 | 408 | 409 | 500.. => Kind::Service,
        _ => Kind::Request,
    }
}

/// What an answer that is no success means. `asked` is the wait that it asks for. Fills in what the
/// service calls things in `exchange`.
pub(super) fn trouble(
    status: u16,
    body: &[u8],
    asked: Option<std::time::Duration>,
    key: &Key,
    exchange: &mut Exchange,
) -> Trouble {
    let refusal = Refusal::of(body);
    let known = refusal.codes.iter().find_map(|code| Some((code, kind_of_code(code)?)));
    let kind = known.map_or_else(|| kind_of_status(status), |(_, kind)| kind);
    let code = known.map(|(code, _)| code).or(refusal.codes.first());
    let clean = |text: &String, limit| key.quoted(text, limit);
    exchange.code = code.map(|code| clean(code, LONGEST_NAME));
    if let Some(id) = &refusal.request_id {
        exchange.request_id = Some(clean(id, LONGEST_NAME));
    }
    let said = refusal.message.as_ref().map(|message| clean(message, LONGEST_MESSAGE));
    let mut message = meaning(kind, status).to_owned();
    if let Some(said) = said.filter(|said| !said.is_empty()) {
        message = format!("{message}: {}", said.trim_end_matches('.'));
    }
    let mut details = format!("HTTP {status}");
    for (label, detail) in [("", &exchange.code), ("request id ", &exchange.request_id)] {
        if let Some(detail) = detail {
            details = format!("{details}, {label}{detail}");
        }
    }
    let failure = Failure::new(kind, format!("{message} ({details})"), hint(kind, status, code));
    // Waiting cures neither a wrong key nor an empty account, whatever the status says.
    let temporary = matches!(kind, Kind::RateLimit | Kind::Service)
        && matches!(status, 408 | 409 | 429 | 500 | 502 | 503 | 504);
    Trouble { failure, again: if temporary { Again::After(asked) } else { Again::Never } }
}

fn meaning(kind: Kind, status: u16) -> &'static str {
    match (kind, status) {
        (Kind::Key, _) => "the service does not accept the API key",
        (Kind::Permission, _) => "the API key or its plan lacks a right",
        (Kind::Credits, _) => "there are not enough credits",
        (Kind::Input, _) => "the service does not accept the audio",
        (Kind::RateLimit, _) => "the service has too many requests at once",
        (Kind::Service, _) => "the service is in trouble",
        (_, 404 | 405) => "there is no voice isolator at this address",
        _ => "the service does not accept the request",
    }
}

fn hint(kind: Kind, status: u16, code: Option<&String>) -> &'static str {
    match (kind, code.map(String::as_str)) {
        (Kind::Key, _) => {
            "check the key in your ElevenLabs account under Settings, API keys; residency hosts need one of their own"
        }
        (Kind::Permission, Some("detected_unusual_activity")) => {
            "the service distrusts this network or account; --engine local needs neither"
        }
        (Kind::Permission, _) => {
            "give the key the right to isolate audio, or use a plan that has it; --engine local needs neither"
        }
        (Kind::Credits, _) => "buy credits or wait for the next month; --engine local costs nothing",
        (Kind::Input, Some("audio_too_short" | "audio_too_long" | "invalid_audio_duration")) => {
            "the service takes 4.6 s to 1 hour; --engine local takes any length"
        }
        (Kind::Input, Some("request_too_large")) => "--resample sends much less: 115 MB an hour",
        (Kind::Input, _) if status == 413 => "--resample sends much less: 115 MB an hour",
        (Kind::Input, _) => "check that it plays; --resample decodes it here and sends plain samples",
        (Kind::RateLimit, _) => "run fewer at once, or try again in a minute",
        (Kind::Service, _) => "try again later; nothing was written",
        _ if matches!(status, 404 | 405) => "check --base-url and ELEVENLABS_BASE_URL",
        _ => "check --base-url and the options; if they are right, the service has changed: please report it",
    }
}
