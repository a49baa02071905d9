//! What isolation has done to a recording, for eye and ear: both spectrograms on one sheet, how much lower the
//! background is, and an excerpt of both.
//!
//! Source and output are read again when they are complete, so that engines need not know of it, and what is shown is
//! what is on the disk. Memory does not grow with their length.

mod axes;
mod background;
mod canvas;
mod excerpt;
mod sheet;
mod spectrum;

use std::path::{Path, PathBuf};

use crate::audio::Spec;
use crate::audio::decode::{self, Decoder, Raw};
use crate::error::Failure;
use crate::sink::Sink;
use crate::source::Source;
use background::Meter;
pub use excerpt::Excerpt;
use excerpt::Recorder;
use sheet::Panel;
pub use sheet::{PLOT, SIZE};
use spectrum::{Analysis, Spectrogram};

/// A file to look at.
#[derive(Debug, Clone)]
pub struct Side {
    /// Where it is.
    pub source: Source,
    /// Its layout, when it has no header.
    pub raw: Option<Raw>,
}

impl Side {
    /// Opens it.
    ///
    /// # Errors
    /// As [`decode::open`].
    pub fn open(&self) -> Result<Decoder, Failure> {
        decode::open(&self.source, self.raw)
    }

    /// Its layout as if it had no header.
    ///
    /// # Errors
    /// As [`decode::open`].
    pub fn layout(&self) -> Result<Raw, Failure> {
        let spec = self.open()?.spec();
        Ok(Raw { rate: spec.rate, channels: spec.channels })
    }

    fn title(&self) -> String {
        let name = self.source.path().and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// What is told of a comparison in few words.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Where the spectrograms are, or would be.
    pub spectrogram: Option<PathBuf>,
    /// By how many dB the background is lower.
    pub noise_removed_db: Option<f64>,
}

/// Is told how many frames have been looked at, and how many there should be.
pub type Ticker<'a> = dyn Fn(Spec, u64, Option<u64>) + 'a;

/// A recording before and after isolation.
#[derive(Debug)]
pub struct Comparison {
    /// Both spectrograms on one sheet, as a PNG file.
    pub sheet: Vec<u8>,
    /// By how many dB the background is lower.
    pub noise_removed_db: f64,
    /// The length of the recording, or of its output if that is longer, in seconds: the end of the axis of time.
    pub seconds: f64,
    /// The same excerpt of both, where it is asked for and there is something to hear.
    pub excerpts: Option<[Excerpt; 2]>,
}

impl Comparison {
    /// Looks at a recording and at what has become of it; `listen` asks for excerpts. `ticker` is told how far each is.
    ///
    /// # Errors
    /// `Input` when one of them cannot be read or decoded; `Output` when there is no room for a temporary file.
    pub fn new(before: &Side, after: &Side, listen: bool, ticker: &Ticker) -> Result<Self, Failure> {
        let start = if listen { Some(excerpt::start(before.open()?.seconds())) } else { None };
        let first = look(before, None, start, ticker)?;
        let second = look(after, Some(first.spectrogram.highest), start, ticker)?;
        // Levels are measured in steps of a twentieth; more digits would be pretence.
        let noise_removed_db = ((first.background_db - second.background_db) * 10.0).round() / 10.0;
        let seconds = first.spectrogram.seconds.max(second.spectrogram.seconds);
        let (panel, one) = first.panel("before", before);
        let (other_panel, other) = second.panel("after", after);
        let sheet = sheet::draw(&[panel, other_panel])?;
        let heard = one.zip(other).filter(|(one, other)| one.seconds.min(other.seconds) > 0.0);
        let excerpts = heard.map(|(one, other)| [one, other]);
        Ok(Self { sheet, noise_removed_db, seconds, excerpts })
    }
}

/// What is seen of one file.
struct Seen {
    spectrogram: Spectrogram,
    background_db: f64,
    excerpt: Option<Excerpt>,
}

impl Seen {
    fn panel(self, word: &str, side: &Side) -> (Panel, Option<Excerpt>) {
        let panel = Panel {
            title: format!("{word}  {}", side.title()),
            remark: format!("background {:.1} dBFS", self.background_db),
            spectrogram: self.spectrogram,
        };
        (panel, self.excerpt)
    }
}

/// Reads a file from start to end. The frequencies go up to `highest` Hz, or as far as it has any; an excerpt is taken
/// from `start` seconds on.
fn look(side: &Side, highest: Option<f64>, start: Option<f64>, ticker: &Ticker) -> Result<Seen, Failure> {
    let mut decoder = side.open()?;
    let spec = decoder.spec();
    let expected = decoder.length().frames();
    let mut analysis = Analysis::new(spec, expected, highest);
    let mut meter = Meter::new(spec);
    let mut recorder = start.map(|start| Recorder::new(spec, start)).transpose()?;
    let (mut block, mut done) = (Vec::new(), 0);
    loop {
        let frames = decoder.read(&mut block)?;
        if frames == 0 {
            break;
        }
        done += frames as u64;
        ticker(spec, done, expected);
        analysis.add(&block)?;
        meter.add(&block);
        if let Some(recorder) = &mut recorder {
            recorder.add(&block)?;
        }
    }
    Ok(Seen {
        spectrogram: analysis.finish()?,
        background_db: meter.background_db(),
        excerpt: recorder.map(Recorder::finish).transpose()?,
    })
}

/// Puts a finished sheet in its place, whole or not at all.
///
/// # Errors
/// Those of [`Sink::open`] and of writing.
pub fn write(sheet: &[u8], sink: &Sink) -> Result<(), Failure> {
    let mut output = sink.open()?;
    output.write_all(sheet)?;
    output.commit().map(drop)
}
