//! The ElevenLabs engine: the Voice Isolator, a paid service.
//!
//! What can be known before the upload is found out before it (`payload`). Then attempts follow each other
//! (`retry`): each sends the same `form` over a `line` of its own (`client`), takes in the `reply`, or what
//! the service says instead (`refusal`), and hands it to the output (`delivery`).

mod client;
mod content;
mod delivery;
mod form;
mod gate;
pub mod key;
mod limits;
mod line;
mod mp3;
mod narrow;
mod payload;
pub mod place;
mod refusal;
mod reply;
mod retry;
pub mod settings;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Isolate, Observer, Outcome, Rehearsal, Task, Upload};
use crate::audio::probe;
use crate::error::{Exchange, Failure, Kind};
use client::Client;
use delivery::Delivery;
use form::{Body, Form};
use gate::Gate;
use line::Line;
use payload::Payload;
use retry::{Again, Retries, Trouble, seconds};
pub use settings::FileFormat;
use settings::Settings;

/// Isolates over the network, for money.
pub struct ElevenLabs {
    settings: Arc<Settings>,
    client: Client,
    gate: Gate,
}

impl ElevenLabs {
    /// An engine that sends so many requests at once at most.
    #[must_use]
    pub fn new(settings: Settings, at_once: usize) -> Self {
        let settings = Arc::new(settings);
        Self { client: Client::new(Arc::clone(&settings)), settings, gate: Gate::new(at_once) }
    }

    /// Sends the payload until there is a reply, and writes that. Returns the bytes written.
    fn send(
        &self,
        task: &Task,
        payload: &mut Payload,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<(u64, Vec<String>), Failure> {
        let preview = self.settings.preview.as_ref().map(|preview| preview.0.as_str());
        let form = Form::new(boundary(), payload, preview);
        let mut retries = Retries::new(&self.settings);
        let mut delivery = None;
        loop {
            let pass = self.gate.enter();
            retries.attempts += 1;
            let trouble = match self.attempt(task, &form, payload, &mut delivery, exchange, observer) {
                Ok(done) => return Ok(done),
                Err(trouble) => trouble,
            };
            let asked = match trouble.again {
                Again::After(asked) => asked.unwrap_or_default().min(retry::LONGEST),
                Again::Never | Again::Lost => Duration::ZERO,
            };
            // Where fewer of ours cure it, it is no failure of this recording.
            let crowded = trouble.failure.kind == Kind::RateLimit
                && trouble.again != Again::Never
                && payload.content.can_be_read_again();
            if let Some(at_once) = pass.leave(crowded) {
                retries.attempts -= 1;
                observer.note(&format!("{}; going on with {at_once} at once", trouble.failure));
                thread::sleep(asked);
                continue;
            }
            let (failure, wait) = retries.next(trouble)?;
            observer.note(&format!(
                "{failure}; trying again in {} (attempt {} of {})",
                seconds(wait),
                retries.attempts.saturating_add(1),
                self.settings.retries.saturating_add(1)
            ));
            thread::sleep(wait);
        }
    }

    /// Sends the payload once. What nothing has gone to is left in `slot` for the next attempt: a FIFO can be
    /// opened only once.
    fn attempt(
        &self,
        task: &Task,
        form: &Form,
        payload: &mut Payload,
        slot: &mut Option<Delivery>,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<(u64, Vec<String>), Trouble> {
        // Opened before anything is sent, so that a place that cannot be written costs nothing.
        let open = slot.take().map_or_else(|| Delivery::open(task), Ok);
        let mut delivery = open.map_err(Trouble::for_good)?;
        match self.exchange(form, payload, &mut delivery, exchange, observer) {
            Ok((format, mut warnings)) => {
                let done =
                    delivery.finish(task, format).map_err(|failure| Trouble::for_good(reply::paid(failure)));
                let (bytes, more) = done?;
                warnings.extend(more);
                Ok((bytes, warnings))
            }
            Err(trouble) => {
                let trouble = delivery.after(trouble);
                if trouble.failure.kind == Kind::Service && !delivery.is_untouched() {
                    return Err(Trouble::for_good(delivery.keep(&task.sink, trouble.failure)));
                }
                *slot = Some(delivery).filter(Delivery::is_untouched);
                Err(trouble)
            }
        }
    }

    /// Sends the payload over a line of its own and takes in the reply.
    fn exchange(
        &self,
        form: &Form,
        payload: &mut Payload,
        delivery: &mut Delivery,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<(probe::Format, Vec<String>), Trouble> {
        let settings = &self.settings;
        payload.content.rewind().map_err(Trouble::for_good)?;
        let line = Line::new(settings.stall_timeout, settings.timeout);
        let mut body = Body::new(form, &mut payload.content, &payload.witness, Arc::clone(&line), observer);
        // What an earlier answer said is not true of this attempt.
        *exchange = Exchange {
            file_format: exchange.file_format,
            bytes_uploaded: exchange.bytes_uploaded,
            attempts: exchange.attempts + 1,
            ..Exchange::default()
        };
        let answer = self.client.post(form, &mut body, &line);
        exchange.bytes_uploaded += body.sent();
        let mut response = answer?;
        reply::note(&response, &settings.key, exchange);
        if let Some(most) = reply::most_at_once(&response) {
            self.gate.told(most);
        }
        reply::accept(&mut response, &line, &settings.key, exchange)?;
        let seconds = payload.recording().seconds;
        reply::receive(&mut response, &line, settings, seconds, delivery, observer)
    }
}

/// A boundary that no recording has in it: 128 random bits.
fn boundary() -> String {
    let random = RandomState::new();
    format!("voxsift-{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

impl Isolate for ElevenLabs {
    fn name(&self) -> &'static str {
        "elevenlabs"
    }

    fn isolate(&self, task: &Task, observer: &dyn Observer) -> Result<Outcome, Failure> {
        let started = Instant::now();
        // Until something is sent, nothing is spent.
        let mut exchange = Exchange { credits: Some(0), ..Exchange::default() };
        let mut payload = match payload::prepare(task, &self.settings, observer) {
            Ok(payload) => payload,
            Err(failure) => return Err(Failure { exchange: Some(Box::new(exchange)), ..failure }),
        };
        exchange.file_format = Some(payload.file_format.name());
        match self.send(task, &mut payload, &mut exchange, observer) {
            Ok((bytes_written, warnings)) => Ok(Outcome {
                recording: payload.recording(),
                bytes_written,
                elapsed: started.elapsed(),
                warnings: payload.warnings().into_iter().chain(warnings).collect(),
                exchange: Some(exchange),
            }),
            Err(failure) => Err(Failure { exchange: Some(Box::new(exchange)), ..failure }),
        }
    }

    fn rehearse(&self, task: &Task) -> Result<Rehearsal, Failure> {
        let looked = payload::look(task, &self.settings)?;
        let recording = looked.map(|(_, _, recording)| recording).unwrap_or_default();
        Ok(Rehearsal {
            recording,
            upload: Some(Upload {
                file_format: looked.map(|(format, ..)| format.name()),
                bytes: looked.and_then(|(_, bytes, _)| bytes),
                credits: recording.seconds.map(limits::credits),
            }),
        })
    }
}
