//! What `compare.sh` holds the program against: its parts alone.
//!
//! ```text
//! bare model IN.wav               the Hush network over one channel at 16 kHz, without anything around it
//! bare convert IN.wav OUT.wav     the resampler, between the program's own reader and writer, to 16 kHz mono
//! ```

use std::fs::File;
use std::hint::black_box;
use std::path::Path;

use voxsift::audio::resample::{Converter, converted};
use voxsift::audio::{Spec, decode, encode};
use voxsift::error::Failure;
use voxsift::isolate::local::models::{Name, Weights};
use voxsift::sink::Sink;
use voxsift::source::Source;

/// The network's sample rate in Hz.
const RATE: u32 = 16_000;

/// The fewest samples that are converted at once, as the local engine does it.
const BLOCK: usize = 320;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["model", input] => model(Path::new(input)),
        ["convert", input, output] => convert(Path::new(input), Path::new(output)),
        _ => Err(Failure::usage("this is no command", "bare model IN.wav, or bare convert IN.wav OUT.wav")),
    };
    if let Err(failure) = done {
        eprintln!("{failure}\n{}", failure.hint);
        std::process::exit(1);
    }
}

fn model(input: &Path) -> Result<(), Failure> {
    let mut decoder = open(input)?;
    let mut stream = Weights::load(Name::Hush)?.model()?;
    let mut clean = vec![0.0; stream.hop()];
    let (mut block, mut waiting) = (Vec::new(), Vec::new());
    while decoder.read(&mut block)? > 0 {
        waiting.extend_from_slice(&block);
        let whole = waiting.len() / clean.len() * clean.len();
        for noisy in waiting[..whole].chunks_exact(clean.len()) {
            stream.process(noisy, &mut clean)?;
            black_box(&clean);
        }
        waiting.drain(..whole);
    }
    Ok(())
}

fn convert(input: &Path, output: &Path) -> Result<(), Failure> {
    let mut decoder = open(input)?;
    let spec = decoder.spec();
    let mut converter = Converter::new(spec.rate, RATE, BLOCK)?;
    // Written directly: others do not wait until it is on the disk either.
    File::create(output).map_err(|error| Failure::writing(&error))?;
    let to = Sink::Device(output.to_owned()).open()?;
    let announced = decoder.length().exact().map(|frames| converted(frames, spec.rate, RATE));
    let mut encoder = encode::to(encode::Format::Wav, Spec { rate: RATE, ..spec }, announced, to)?;
    let (mut block, mut low) = (Vec::new(), Vec::new());
    while decoder.read(&mut block)? > 0 {
        converter.push(block.iter().copied(), &mut low)?;
        encoder.write(&low)?;
        low.clear();
    }
    converter.finish(&mut low)?;
    encoder.write(&low)?;
    encoder.finish().map(drop)
}

fn open(input: &Path) -> Result<decode::Decoder, Failure> {
    let decoder = decode::open(&Source::File(input.to_owned()), None)?;
    if decoder.spec().channels == 1 {
        return Ok(decoder);
    }
    Err(Failure::input("it has several channels", "give it a mono recording"))
}
