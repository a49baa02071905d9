//! The ElevenLabs engine: the Voice Isolator, a paid service.
//!
//! What can be known before the upload is found out before it, and a recording that the service would refuse takes a
//! `way` on which it does not (`prepare`): as it is (`payload`), encoded here (`coding`), or in `pieces`. Then attempts
//! follow each other (`retry`): each sends the same `form` over a `line` of its own (`client`), takes in the `reply`, or
//! what the service says instead (`refusal`), and hands it to the output (`delivery`).

mod client;
mod coding;
mod content;
mod delivery;
mod form;
mod gate;
#[doc(hidden)]
pub mod harness;
pub mod key;
mod limits;
mod line;
mod mp3;
mod narrow;
mod payload;
mod pieces;
pub mod place;
mod prepare;
mod refusal;
mod reply;
mod retry;
pub mod settings;
mod way;

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Isolate, Observer, Outcome, Recording, Rehearsal, Task, Upload};
use crate::audio::decode::Raw;
use crate::audio::{encode, probe};
use crate::error::{Failure, Kind};
use crate::exchange::Exchange;
use crate::source::Source;
use client::Client;
use coding::Coding;
use delivery::Delivery;
use form::{Body, Form};
use gate::Gate;
use line::Line;
use payload::Payload;
use prepare::{Original, Prepared};
use retry::{Again, Retries, Trouble, in_words};
pub use settings::FileFormat;
use settings::Settings;
use way::Way;

/// In which format the service's voice is written where nobody asks for another: as it is sent, unless it has to be cut or
/// joined.
#[must_use]
pub fn own_format(source: &Source, raw: Option<Raw>, settings: &Settings) -> encode::Format {
    match prepare::forecast(source, raw, settings) {
        Ok(Some(forecast)) if forecast.way.is_joined() => encode::Format::Wav,
        // What is wrong with it is told when it is worked on.
        _ => encode::Format::Mp3,
    }
}

/// Isolates over the network, for money.
pub struct ElevenLabs {
    settings: Arc<Settings>,
    client: Client,
    gate: Gate,
    /// How many requests may be under way at once.
    at_once: usize,
}

impl ElevenLabs {
    /// An engine that sends so many requests at once at most.
    #[must_use]
    pub fn new(settings: Settings, at_once: usize) -> Self {
        let settings = Arc::new(settings);
        Self { client: Client::new(Arc::clone(&settings)), settings, gate: Gate::new(at_once), at_once }
    }

    /// Sends a recording that is taken apart or made longer, and makes one of its length of what comes back, unless
    /// that is to stay MP3.
    fn join(
        &self,
        task: &Task,
        original: &Original,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<Done, Failure> {
        if !task.wants_mp3() {
            return pieces::isolate(self, task, original, exchange, observer);
        }
        // Who asks for MP3 gets what the service sends.
        let Way::Padded(coding, ..) = original.way else { return Err(pieces::no_mp3()) };
        let (mut payload, recording) = pieces::padded(original, coding, observer)?;
        exchange.file_format = Some(payload.file_format.name());
        let sent = self.send(task, &mut payload, exchange, observer)?;
        let warnings = [payload.warnings(), vec![pieces::uncut(recording)], sent.surprises(task)].concat();
        let bytes_written = sent.bytes_written;
        Ok(Done { recording, bytes_written, warnings, details: Vec::new() })
    }

    /// Sends the payload until there is a reply, and writes that.
    fn send(
        &self,
        task: &Task,
        payload: &mut Payload,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<Sent, Failure> {
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
                in_words(wait),
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
    ) -> Result<Sent, Trouble> {
        // Opened before anything is sent, so that a place that cannot be written costs nothing.
        let open = slot.take().map_or_else(|| Delivery::open(task), Ok);
        let mut delivery = open.map_err(Trouble::for_good)?;
        match self.exchange(form, payload, &mut delivery, exchange, observer) {
            Ok((format, mut warnings)) => {
                let done = delivery.finish(task);
                let (bytes_written, more) =
                    done.map_err(|failure| Trouble::for_good(reply::paid(failure)))?;
                warnings.extend(more);
                Ok(Sent { bytes_written, format, warnings })
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
        // What an earlier answer said is not true of this attempt, but for what it has cost.
        *exchange = Exchange {
            file_format: exchange.file_format,
            bytes_uploaded: exchange.bytes_uploaded,
            attempts: exchange.attempts + 1,
            credits: exchange.credits,
            ..Exchange::default()
        };
        let answer = self.client.post(form, &mut body, &line);
        exchange.bytes_uploaded += body.sent();
        let seconds = payload.recording().seconds;
        let (price, done) = match answer {
            Ok(mut response) => {
                let price = reply::note(&response, &settings.key, exchange);
                if let Some(most) = reply::most_at_once(&response) {
                    self.gate.told(most);
                }
                let done = reply::accept(&mut response, &line, &settings.key, exchange).and_then(|()| {
                    reply::receive(&mut response, &line, settings, seconds, delivery, observer)
                });
                (price, done)
            }
            Err(trouble) => (None, Err(trouble)),
        };
        exchange.spend(price.or_else(|| {
            let lost = done.as_ref().is_err_and(|trouble| trouble.again == Again::Lost);
            let succeeded = exchange.http_status.is_some_and(|status| (200..300).contains(&status));
            // A refusal costs nothing.
            (!lost && !succeeded).then_some(0)
        }));
        done
    }
}

/// What came of a recording.
struct Done {
    recording: Recording,
    bytes_written: u64,
    warnings: Vec<String>,
    details: Vec<String>,
}

/// A reply that is written.
struct Sent {
    bytes_written: u64,
    /// What it was.
    format: probe::Format,
    /// What the user should know about it.
    warnings: Vec<String>,
}

impl Sent {
    /// What the user should know, also about what was written as it came.
    fn surprises(&self, task: &Task) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        let is_mp3 = matches!(self.format, probe::Format::Mpeg | probe::Format::Id3);
        if task.format == encode::Format::Mp3 && !is_mp3 {
            let name = self.format.name();
            warnings.push(format!("the service sent {name} instead of MP3: that is what was written"));
        }
        warnings
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
        let done = prepare::prepare(task, &self.settings, observer).and_then(|prepared| match prepared {
            Prepared::Original(original) => self.join(task, &original, &mut exchange, observer),
            Prepared::Request(mut payload) => {
                exchange.file_format = Some(payload.file_format.name());
                let sent = self.send(task, &mut payload, &mut exchange, observer)?;
                let warnings = [payload.warnings(), sent.surprises(task)].concat();
                let (recording, bytes_written) = (payload.recording(), sent.bytes_written);
                Ok(Done { recording, bytes_written, warnings, details: Vec::new() })
            }
        });
        match done {
            Ok(Done { recording, bytes_written, warnings, details }) => Ok(Outcome {
                recording,
                bytes_written,
                elapsed: started.elapsed(),
                warnings,
                details,
                exchange: Some(exchange),
            }),
            Err(failure) => Err(Failure { exchange: Some(Box::new(exchange)), ..failure }),
        }
    }

    fn rehearse(&self, task: &Task) -> Result<Rehearsal, Failure> {
        let Some(forecast) = prepare::forecast(&task.source, task.raw, &self.settings)? else {
            let upload = Upload {
                file_format: None,
                bytes: None,
                seconds: None,
                credits: None,
                change: None,
                pieces: Vec::new(),
            };
            return Ok(Rehearsal { recording: Recording::default(), upload: Some(upload) });
        };
        if task.wants_mp3() && matches!(forecast.way, Way::Pieces(..)) {
            return Err(pieces::no_mp3());
        }
        let pieces = pieces::planned(forecast.way, &self.settings);
        let seconds = match forecast.way {
            Way::Whole | Way::Compressed(_) => forecast.recording.seconds,
            Way::Padded(..) => Some(limits::PADDED_SECONDS),
            Way::Pieces(..) => Some(pieces.iter().map(|piece| piece.seconds).sum()),
        };
        let credits = match forecast.way {
            Way::Pieces(..) => Some(pieces.iter().filter_map(|piece| piece.credits).sum()),
            _ => seconds.map(limits::credits),
        };
        let coding = forecast.way.coding();
        Ok(Rehearsal {
            recording: forecast.recording,
            upload: Some(Upload {
                file_format: Some(coding.map_or(forecast.file_format, Coding::file_format).name()),
                // What is encoded here has a size that nobody knows before.
                bytes: forecast.bytes.filter(|_| coding.is_none()),
                seconds,
                credits,
                change: forecast.way.change(pieces.len()),
                pieces,
            }),
        })
    }
}
