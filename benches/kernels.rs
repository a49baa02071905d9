//! The parts that take the time, each alone. The figure that criterion prints as elements per second is × real time: an
//! element is a second of sound; uploads count bytes.
//!
//! `cargo bench` runs all of it, `cargo bench resample` what has that in its name.

use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use voxsift::audio::decode;
use voxsift::audio::encode::{self, Format};
use voxsift::audio::resample::{Blocks, Resampler};
use voxsift::audio::{Depth, Spec};
use voxsift::isolate::elevenlabs::harness::{self, Nobody};
use voxsift::isolate::local::models::{Name, Weights};
use voxsift::isolate::local::{Local, bands};
use voxsift::isolate::{Isolate, Task};
use voxsift::sink::Sink;
use voxsift::source::Source;

/// Seconds of sound that every measurement works on.
const SECONDS: usize = 10;

/// The network's sample rate in Hz, and its frames.
const RATE: u32 = 16_000;
const HOP: usize = 160;

/// Noise that comes and goes as often as syllables do, the same in every run.
fn sound(rate: u32, seconds: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let rate = rate as usize;
    (0..seconds * rate)
        .map(|i| {
            // A generator by Marsaglia ("Xorshift RNGs", 2003).
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let level = if (i * 8 / rate).is_multiple_of(2) { 0.2 } else { 0.01 };
            level * (state as f32 / u32::MAX as f32 - 0.5)
        })
        .collect()
}

/// Writes the sound of [`sound`] in a format that the program writes itself.
fn file(folder: &Path, rate: u32, format: Format) -> PathBuf {
    let path = folder.join(format!("{rate}.{}", format.extension()));
    let spec = Spec { rate, channels: 1, depth: Depth::Int16 };
    let output = Sink::at(&path, true).open().unwrap();
    let mut encoder = encode::to(format, spec, None, output).unwrap();
    encoder.write(&sound(rate, SECONDS)).unwrap();
    encoder.finish().unwrap();
    path
}

/// A fixture of half a second over and over; for formats whose frames stand for themselves.
fn repeated(folder: &Path, fixture: &str) -> PathBuf {
    let once = fs::read(Path::new("tests/fixtures").join(fixture)).unwrap();
    let path = folder.join(fixture);
    fs::write(&path, once.repeat(2 * SECONDS)).unwrap();
    path
}

fn decoded(path: &Path) -> u64 {
    let mut decoder = decode::open(&Source::File(path.to_owned()), None).unwrap();
    let mut block = Vec::new();
    let mut frames = 0;
    while decoder.read(&mut block).unwrap() > 0 {
        frames += block.len() as u64;
    }
    frames / u64::from(decoder.spec().rate)
}

fn decoding(c: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let mut group = c.benchmark_group("decode");
    for (name, path) in [
        ("wav", file(folder.path(), 48_000, Format::Wav)),
        ("flac", file(folder.path(), 48_000, Format::Flac)),
        ("opus", file(folder.path(), 48_000, Format::Opus)),
        ("mp3", repeated(folder.path(), "tagless.mp3")),
        ("aac", repeated(folder.path(), "aac.aac")),
    ] {
        group.throughput(Throughput::Elements(decoded(&path)));
        group.bench_function(name, |b| b.iter(|| decoded(black_box(&path))));
    }
}

fn encoding(c: &mut Criterion) {
    let samples = sound(48_000, SECONDS);
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(SECONDS as u64));
    for format in [Format::Wav, Format::Flac, Format::Opus] {
        group.bench_function(format.extension(), |b| {
            b.iter(|| {
                let spec = Spec { rate: 48_000, channels: 1, depth: Depth::Int16 };
                let nowhere = Sink::Device("/dev/null".into()).open().unwrap();
                let mut encoder = encode::to(format, spec, None, nowhere).unwrap();
                encoder.write(black_box(&samples)).unwrap();
                encoder.finish().unwrap()
            });
        });
    }
}

fn resampling(c: &mut Criterion) {
    let mut group = c.benchmark_group("resample");
    group.throughput(Throughput::Elements(SECONDS as u64));
    for (from, to) in [(48_000, 16_000), (16_000, 48_000), (44_100, 16_000), (16_000, 44_100)] {
        let samples = sound(from, SECONDS);
        let blocks = match to {
            RATE => Blocks::new(from, RATE, HOP, 2 * HOP),
            _ => Blocks::new(to, RATE, HOP, 2 * HOP).reversed(),
        };
        let mut resampler = Resampler::new(blocks).unwrap();
        let mut output = Vec::new();
        group.bench_function(format!("{from} to {to}"), |b| {
            b.iter(|| {
                output.clear();
                for block in samples.chunks_exact(blocks.a) {
                    resampler.process(black_box(block), &mut output).unwrap();
                }
                output.len()
            });
        });
    }
}

fn gate(c: &mut Criterion) {
    let (noisy, clean) = (sound(RATE, SECONDS), sound(RATE, SECONDS));
    let mut group = c.benchmark_group("bands");
    group.throughput(Throughput::Elements(SECONDS as u64));
    group.bench_function("gate", |b| {
        let mut gate = bands::Gate::new(RATE, HOP);
        b.iter(|| {
            let frames = noisy.chunks_exact(HOP).zip(clean.chunks_exact(HOP));
            frames.map(|(noisy, clean)| gate.follow(black_box(noisy), clean)).sum::<f32>()
        });
    });
    group.bench_function("curve at 48000", |b| {
        b.iter(|| {
            let mut curve = bands::Curve::from(0.0);
            let mut sum = 0.0;
            for frame in 0..100 * SECONDS {
                curve.push(black_box(0.5));
                for sample in 0..3 * HOP {
                    sum += curve.at((frame * 3 * HOP + sample) as f64 / (3 * HOP) as f64);
                }
            }
            sum
        });
    });
}

fn network(c: &mut Criterion) {
    let samples = sound(RATE, 1);
    let mut stream = Weights::load(Name::Hush).unwrap().model().unwrap();
    let mut clean = [0.0; HOP];
    let mut group = c.benchmark_group("model");
    group.throughput(Throughput::Elements(1));
    group.sample_size(20).bench_function("hush", |b| {
        b.iter(|| {
            for noisy in samples.chunks_exact(HOP) {
                stream.process(black_box(noisy), &mut clean).unwrap();
            }
            clean[0]
        });
    });
}

/// From file to file: what is around the network is what this takes longer than the network alone.
fn path(c: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    let engine = Local::new(Name::Hush, None, 1).unwrap();
    let mut group = c.benchmark_group("path");
    group.throughput(Throughput::Elements(SECONDS as u64));
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    for rate in [16_000, 48_000] {
        let task = Task {
            source: Source::File(file(folder.path(), rate, Format::Wav)),
            raw: None,
            sink: Sink::at(&folder.path().join("voice.wav"), true),
            format: Format::Wav,
            any_format: false,
        };
        group.bench_function(format!("{rate}"), |b| b.iter(|| engine.isolate(&task, &Nobody).unwrap()));
    }
}

fn framing(c: &mut Criterion) {
    const BYTES: usize = 16 << 20;
    let folder = TempDir::new().unwrap();
    let take = folder.path().join("take.flac");
    fs::write(&take, vec![7; BYTES]).unwrap();
    let source = Source::File(take);
    let mut group = c.benchmark_group("upload");
    group.throughput(Throughput::Bytes(BYTES as u64));
    group.bench_function("multipart", |b| {
        b.iter(|| {
            let length = harness::framed(&source, &mut io::sink()).unwrap();
            assert!(length > BYTES as u64);
            length
        });
    });
}

criterion_group!(kernels, resampling, decoding, encoding, gate, network, path, framing);
criterion_main!(kernels);
