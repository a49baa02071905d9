//! The ElevenLabs engine: the Voice Isolator, a paid service.
//!
//! What can be known before the upload is found out before it ([`payload`]). Then attempts follow each other
//! ([`retry`]): each sends the same [`form`] over a [`line`] of its own ([`client`]) and takes in the [`reply`],
//! or what the service says instead ([`refusal`]).

mod client;
mod form;
mod gate;
pub mod key;
mod line;
mod narrow;
mod payload;
pub mod place;
mod refusal;
mod reply;
mod retry;
pub mod settings;

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::{Isolate, Observer, Outcome, Rehearsal, Task, Upload};
use crate::audio::encode::{self, Format};
use crate::audio::{decode, probe};
use crate::error::{Exchange, Failure, Kind};
use crate::sink::{Output, Sink};
use crate::source::{Input, spool};
use client::Client;
use form::{Body, Form};
use gate::Gate;
use line::Line;
pub use payload::FileFormat;
use payload::Payload;
use retry::{Again, Retries, Trouble, seconds};
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
        loop {
            let pass = self.gate.enter();
            retries.attempts += 1;
            exchange.attempts += 1;
            let trouble = match self.attempt(task, &form, payload, exchange, observer) {
                Ok(done) => return Ok(done),
                Err(trouble) => trouble,
            };
            let crowded = trouble.failure.kind == Kind::RateLimit && trouble.again != Again::Never;
            // Fewer of ours cure it: then it is no failure of this recording.
            if let Some(at_once) = pass.leave(crowded) {
                retries.attempts -= 1;
                observer.note(&format!("{}; going on with {at_once} at once", trouble.failure));
                continue;
            }
            let (failure, wait) = retries.next(trouble)?;
            observer.note(&format!(
                "{failure}; trying again in {} (attempt {} of {})",
                seconds(wait),
                retries.attempts + 1,
                self.settings.retries + 1
            ));
            thread::sleep(wait);
        }
    }

    fn attempt(
        &self,
        task: &Task,
        form: &Form,
        payload: &mut Payload,
        exchange: &mut Exchange,
        observer: &dyn Observer,
    ) -> Result<(u64, Vec<String>), Trouble> {
        let settings = &self.settings;
        // Opened before anything is sent, so that a place that cannot be written costs nothing.
        let mut delivery = Delivery::open(task).map_err(Trouble::for_good)?;
        payload.content.rewind().map_err(Trouble::for_good)?;
        let line = Line::new(settings.stall_timeout, settings.timeout);
        let mut body = Body::new(form, &mut payload.content, &payload.witness, Arc::clone(&line), observer);
        let answer = self.client.post(form, &mut body, &line);
        exchange.bytes_uploaded += body.sent();
        let mut response = answer?;
        reply::note(&response, &settings.key, exchange);
        if let Some(most) = reply::most_at_once(&response) {
            self.gate.told(most);
        }
        reply::accept(&mut response, &line, &settings.key, exchange)?;
        let format = reply::receive(&mut response, &line, settings, delivery.take(), observer);
        let format = format.map_err(|trouble| delivery.after(trouble))?;
        delivery.finish(task, format).map_err(Trouble::for_good)
    }
}

/// A boundary that no recording has in it: 128 random bits.
fn boundary() -> String {
    let random = RandomState::new();
    format!("voxsift-{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
}

/// Where the reply goes on its way to the output.
enum Delivery {
    /// As it is into the output.
    Direct(Output),
    /// Into a temporary file, to be decoded.
    Spooled { spool: File, output: Output },
}

impl Delivery {
    fn open(task: &Task) -> Result<Self, Failure> {
        let output = task.sink.open()?;
        Ok(if task.format == Format::Mp3 {
            Self::Direct(output)
        } else {
            Self::Spooled { spool: spool()?, output }
        })
    }

    fn take(&mut self) -> &mut dyn reply::Take {
        match self {
            Self::Direct(output) => output,
            Self::Spooled { spool, .. } => spool,
        }
    }

    /// What has gone to a pipe cannot be taken back, so that there is no second attempt.
    fn after(&self, trouble: Trouble) -> Trouble {
        match self {
            Self::Direct(output) if output.has_passed_on() => Trouble::for_good(trouble.failure),
            _ => trouble,
        }
    }

    /// Completes the output. Returns its size in bytes, and what the user should know.
    fn finish(self, task: &Task, format: probe::Format) -> Result<(u64, Vec<String>), Failure> {
        match self {
            Self::Direct(output) => {
                let mut warnings = Vec::new();
                if !matches!(format, probe::Format::Mpeg | probe::Format::Id3) {
                    warnings.push(format!(
                        "the service sent {} instead of MP3: that is what was written",
                        format.name()
                    ));
                }
                Ok((output.commit()?, warnings))
            }
            Self::Spooled { spool, output } => {
                let spare = spool.try_clone();
                convert(spool, task.format, output).map_err(|failure| match (failure.kind, spare) {
                    (Kind::ReaderLeft, _) | (_, Err(_)) => failure,
                    (_, Ok(spare)) => kept(spare, &task.sink, failure),
                })
            }
        }
    }
}

/// Decodes a reply and writes it in another format.
fn convert(spool: File, format: Format, output: Output) -> Result<(u64, Vec<String>), Failure> {
    let reply = |failure: Failure| Failure {
        kind: Kind::Service,
        message: format!("the service's reply cannot be decoded: {}", failure.message),
        ..failure
    };
    let mut decoder = decode::open_input(Input::of_spool(spool)?, None, None).map_err(reply)?;
    let mut encoder = encode::to(format, decoder.spec(), decoder.length().exact(), output)?;
    let mut block = Vec::new();
    while decoder.read(&mut block).map_err(reply)? > 0 {
        encoder.write(&block)?;
    }
    Ok((encoder.finish()?, decoder.warnings()))
}

/// Puts a reply that is paid for, but could not be converted, beside the output, and says so.
fn kept(spool: File, sink: &Sink, failure: Failure) -> Failure {
    let Sink::File { path, .. } = sink else { return failure };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".reply.mp3");
    let place = path.with_file_name(name);
    match keep(spool, &place) {
        Ok(()) => {
            Failure { hint: format!("what the service sent is kept in {}", place.display()), ..failure }
        }
        Err(_) => failure,
    }
}

fn keep(spool: File, place: &Path) -> Result<(), Failure> {
    let mut spool = Input::of_spool(spool)?;
    let mut output = Sink::at(place, false).open()?;
    let mut block = vec![0; 64 * 1024];
    loop {
        match spool.read(&mut block).map_err(|error| Failure::reading(&error))? {
            0 => return output.commit().map(drop),
            read => output.write_all(&block[..read])?,
        }
    }
}

impl Isolate for ElevenLabs {
    fn name(&self) -> &'static str {
        "elevenlabs"
    }

    fn isolate(&self, task: &Task, observer: &dyn Observer) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let mut payload = payload::prepare(task, &self.settings, observer)?;
        let mut exchange = Exchange { file_format: Some(payload.file_format.name()), ..Exchange::default() };
        match self.send(task, &mut payload, &mut exchange, observer) {
            Ok((bytes_written, warnings)) => Ok(Outcome {
                recording: payload.recording,
                bytes_written,
                elapsed: started.elapsed(),
                warnings: payload.warnings.into_iter().chain(warnings).collect(),
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
                bytes: looked.map(|(_, bytes, _)| bytes),
                credits: recording.seconds.map(payload::credits),
            }),
        })
    }
}
