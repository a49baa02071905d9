//! Ways into this engine past the network, for those who throw strangers' bytes at it (`fuzz/`) and who time it
//! (`benches/`).

use std::io::{Read, Write};
use std::time::Duration;

use ureq::http::Response;

use super::coding::Coding;
use super::delivery::Delivery;
use super::form::{Body, Form};
use super::key::Key;
use super::line::{Line, SEND_BYTES};
use super::mp3::Frames;
use super::payload::{Payload, file_name};
use super::prepare::Prepared;
use super::settings::Settings;
use super::{boundary, prepare, refusal, reply};
use crate::error::Failure;
use crate::exchange::Exchange;
use crate::isolate::{Observer, Recording, Stage, Task};
use crate::source::Source;

/// Hears nothing.
pub struct Nobody;

impl Observer for Nobody {
    fn stage(&self, _: Stage) {}
    fn note(&self, _: &str) {}
}

/// A request as it would be sent.
#[derive(Debug)]
pub struct Request {
    /// The header `Content-Type`.
    pub content_type: String,
    /// The header `Content-Length`, if there is one.
    pub length: Option<u64>,
    /// The body.
    pub body: Vec<u8>,
    /// What the audio is declared to be.
    pub file_format: &'static str,
}

/// The request for a task.
///
/// # Errors
/// Those before and while it is sent that are the recording's.
pub fn request(task: &Task, settings: &Settings) -> Result<Request, Failure> {
    let Prepared::Request(mut payload) = prepare::prepare(task, settings, &Nobody)? else {
        return Err(Failure::usage("it is sent in pieces", "ask for a whole one"));
    };
    let preview = settings.preview.as_ref().map(|preview| preview.0.as_str());
    let form = Form::new(boundary(), &payload, preview);
    let line = Line::new(settings.stall_timeout, settings.timeout);
    let mut bytes = Vec::new();
    let mut body = Body::new(&form, &mut payload.content, &payload.witness, line, &Nobody);
    if let Err(error) = body.read_to_end(&mut bytes) {
        return Err(body.failure().unwrap_or_else(|| Failure::reading(&error)));
    }
    let length = body.len();
    Ok(Request {
        content_type: form.content_type(),
        length,
        body: bytes,
        file_format: payload.file_format.name(),
    })
}

/// The body of a request for a file, to `out` instead of to the service. Returns its length in bytes.
///
/// # Errors
/// `Input` when the file cannot be read, and `Output` when `out` cannot be written to.
pub fn framed(source: &Source, out: &mut impl Write) -> Result<u64, Failure> {
    let input = source.open()?;
    let mut payload = Payload::encoded(file_name(source), Coding::Flac, input, Recording::default())?;
    let form = Form::new(boundary(), &payload, None);
    let line = Line::new(Duration::MAX, Duration::MAX);
    let mut body = Body::new(&form, &mut payload.content, &payload.witness, line, &Nobody);
    let mut block = vec![0; SEND_BYTES];
    loop {
        let read = body.read(&mut block).map_err(|error| Failure::reading(&error))?;
        if read == 0 {
            return Ok(body.sent());
        }
        out.write_all(&block[..read]).map_err(|error| Failure::writing(&error))?;
    }
}

/// What is made of an answer that is no success.
#[must_use]
pub fn refused(status: u16, body: &[u8], wait: Option<Duration>, key: &Key) -> (Failure, Exchange) {
    let mut exchange = Exchange::default();
    let trouble = refusal::trouble(status, body, wait, key, &mut exchange);
    (trouble.failure, exchange)
}

/// What is made of a successful reply to a recording of so many seconds: bytes written and warnings.
///
/// # Errors
/// As the reply deserves.
pub fn replied(
    body: &[u8],
    seconds: Option<f64>,
    task: &Task,
    settings: &Settings,
) -> Result<(u64, Vec<String>), Failure> {
    let mut response = Response::new(ureq::Body::builder().data(body));
    let line = Line::new(settings.stall_timeout, settings.timeout);
    let mut to = Delivery::open(task)?;
    match reply::receive(&mut response, &line, settings, seconds, &mut to, &Nobody) {
        Ok(_) => to.finish(task),
        Err(trouble) => Err(trouble.failure),
    }
}

/// The seconds, and the bytes of damage, in MP3 that comes in these parts.
pub fn followed<'a>(parts: impl Iterator<Item = &'a [u8]>) -> (f64, Option<u64>) {
    let mut frames = Frames::default();
    parts.for_each(|part| frames.push(part));
    (frames.seconds(), frames.damage())
}
