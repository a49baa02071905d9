//! A part of a recording to listen to in a browser, small enough to be put into a page.

use std::fs::File;
use std::io::{Read, Seek};

use crate::audio::encode::{self, Encode, Format};
use crate::audio::{Spec, mono};
use crate::error::Failure;
use crate::sink::Output;
use crate::source::{spool, unspooled};

/// The longest excerpt, in seconds.
const LONGEST: f64 = 30.0;

/// A part of a recording, as Ogg Opus of one or two channels.
#[derive(Debug)]
pub struct Excerpt {
    /// The file.
    pub ogg: Vec<u8>,
    /// Where it starts in the recording, in seconds.
    pub start: f64,
    /// Its length in seconds.
    pub seconds: f64,
}

/// Where the excerpt of a recording of this length starts: in the middle, where people talk, unless all of it fits.
pub(super) fn start(length: Option<f64>) -> f64 {
    length.map_or(0.0, |length| ((length - LONGEST) / 2.0).max(0.0))
}

/// Takes an excerpt while a recording is read.
pub(super) struct Recorder {
    encoder: Box<dyn Encode>,
    file: File,
    spec: Spec,
    start: f64,
    /// Frames before the excerpt that are still to come, and frames of it.
    before: u64,
    left: u64,
    taken: u64,
    mixed: Vec<f32>,
}

impl Recorder {
    /// An excerpt from `start` seconds on.
    ///
    /// # Errors
    /// `Output` when there is no place for a temporary file.
    pub(super) fn new(spec: Spec, start: f64) -> Result<Self, Failure> {
        let file = spool()?;
        let output = Output::to_spool(file.try_clone().map_err(|error| unspooled(&error))?);
        // What has more than two channels is heard as one: browsers would mix it in ways of their own.
        let heard = Spec { channels: if spec.channels > 2 { 1 } else { spec.channels }, ..spec };
        let frames = |seconds: f64| (seconds * f64::from(spec.rate)).round() as u64;
        Ok(Self {
            encoder: encode::to(Format::Opus, heard, None, output)?,
            file,
            spec,
            start,
            before: frames(start),
            left: frames(LONGEST),
            taken: 0,
            mixed: Vec::new(),
        })
    }

    /// Takes the next frames, interleaved.
    ///
    /// # Errors
    /// `Output` when a temporary file cannot be written.
    pub(super) fn add(&mut self, block: &[f32]) -> Result<(), Failure> {
        let channels = usize::from(self.spec.channels);
        let frames = (block.len() / channels) as u64;
        let skipped = self.before.min(frames);
        self.before -= skipped;
        let taken = (frames - skipped).min(self.left);
        self.left -= taken;
        self.taken += taken;
        let part = &block[skipped as usize * channels..(skipped + taken) as usize * channels];
        if part.is_empty() {
            return Ok(());
        }
        if channels <= 2 {
            return self.encoder.write(part);
        }
        self.mixed.clear();
        self.mixed.extend(mono(part, channels));
        self.encoder.write(&self.mixed)
    }

    /// Completes the excerpt.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn finish(mut self) -> Result<Excerpt, Failure> {
        self.encoder.finish()?;
        let mut ogg = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut ogg));
        read.map_err(|error| unspooled(&error))?;
        Ok(Excerpt { ogg, start: self.start, seconds: self.spec.seconds(self.taken) })
    }
}
