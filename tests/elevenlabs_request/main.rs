//! What the ElevenLabs engine sends: every byte of it.

#![cfg(unix)]

mod audio;
mod extras;
mod names;
mod place;
mod reading;

#[path = "../support/child.rs"]
mod child;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/service.rs"]
mod service;
#[path = "../support/mod.rs"]
mod support;

use std::f64::consts::TAU;
use std::fs;
use std::sync::LazyLock;

use service::{Form, Request, Service};
use support::{Audio, Bench, Done, fixture};

/// Five seconds at 16 kHz: the shortest recording is 4.6 s long.
static TAKE: LazyLock<Audio> = LazyLock::new(|| Audio::speechlike(16_000, 1, 80_000));
static SAMPLES: LazyLock<Vec<u8>> = LazyLock::new(|| TAKE.pcm());
static WAV: LazyLock<Vec<u8>> = LazyLock::new(|| TAKE.wav16());

/// Five seconds that are sent as they are.
static OTHER_WAV: LazyLock<Vec<u8>> = LazyLock::new(|| Audio::speechlike(8_000, 1, 40_000).wav16());

/// Runs the program against a fresh service, and returns the request.
#[track_caller]
fn request(bench: &Bench, args: &[&str], stdin: &[u8]) -> Request {
    let service = Service::new();
    service.voxsift(bench, &[&["-f", "-o", "out.mp3"], args].concat()).stdin(stdin).succeeds();
    assert_eq!(bench.read("out.mp3"), service::voice());
    service.request()
}

/// What is sent.
#[track_caller]
fn sent(bench: &Bench, args: &[&str]) -> Form {
    request(bench, args, b"").form()
}

/// What is sent of a file with these bytes.
#[track_caller]
fn sent_of(bytes: &[u8], args: &[&str]) -> Form {
    let bench = Bench::new();
    // The name tells nothing: the bytes decide.
    bench.file("in.bin", bytes);
    let form = sent(&bench, &[&["in.bin"], args].concat());
    assert_eq!(form.file_name, "in.bin");
    form
}

/// What is sent of a pipe.
#[track_caller]
fn sent_of_pipe(bytes: &[u8], args: &[&str]) -> Form {
    let form = request(&Bench::new(), &[&["-"], args].concat(), bytes).form();
    assert_eq!(form.file_name, "audio");
    form
}

/// Expects that this is refused before anything is sent.
#[track_caller]
fn refused(bytes: &[u8], args: &[&str], code: i32, reason: &str) -> Done {
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.bin", bytes);
    let done = service.voxsift(&bench, &[&["in.bin"], args].concat()).fails(code, reason);
    service.is_untouched();
    assert_eq!(bench.names(), ["in.bin"]);
    done
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&id[..], &(body.len() as u32).to_le_bytes(), body].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// A WAV file of these chunks.
fn riff(id: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let len = if id == b"RIFF" { body.len() as u32 + 4 } else { u32::MAX };
    [&id[..], &len.to_le_bytes(), b"WAVE", &body].concat()
}

/// The body of a plain `fmt ` chunk.
fn plain(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let align = channels * bits.div_ceil(8);
    let (one, two) = ([tag, channels].map(u16::to_le_bytes), [align, bits].map(u16::to_le_bytes));
    let rates = [rate, rate * u32::from(align)].map(u32::to_le_bytes);
    [one.concat(), rates.concat(), two.concat()].concat()
}

/// The body of a `fmt ` chunk of `WAVE_FORMAT_EXTENSIBLE` at 16 kHz.
fn extensible(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let guid_tail = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";
    let sizes = [22_u16, bits].map(u16::to_le_bytes).concat();
    let fmt = plain(0xfffe, channels, 16_000, bits);
    [&fmt[..], &sizes, &4_u32.to_le_bytes(), &tag.to_le_bytes(), guid_tail].concat()
}

/// Five seconds of a buzz in syllables, below 3.4 kHz; one pitch in Hz for each channel.
fn tones(rate: u32, pitches: &[f64]) -> Audio {
    let frames = 5 * rate as usize;
    let mut samples = Vec::with_capacity(frames * pitches.len());
    for frame in 0..frames {
        let t = frame as f64 / f64::from(rate);
        // Silent at both ends, where a resampler has nothing to look at, and in three syllables a second.
        let syllable = (std::f64::consts::PI * 3.0 * t).sin().powi(2);
        let tone = |pitch: f64| (1..=10).map(|k| (TAU * pitch * f64::from(k) * t).sin()).sum::<f64>();
        samples.extend(pitches.iter().map(|pitch| (0.1 * syllable * tone(*pitch)) as f32));
    }
    Audio { rate, channels: pitches.len() as u16, samples }
}
