//! A service that gives back what it is sent, later and at another level, as services do; and recordings that nothing
//! repeats itself in.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use voxsift::audio::decode::{self, Raw};
use voxsift::source::Source;

use crate::crowd::Sent;
use crate::support::{Audio, Noise};

/// `seconds` of something like speech: syllables of random length, pitch and colour, with pauses between sentences, and a
/// little noise everywhere. Channels differ in level.
pub fn ramble(rate: u32, channels: u16, seconds: f64) -> Audio {
    let frames = (seconds * f64::from(rate)) as usize;
    let mut noise = Noise(7);
    let mut samples = Vec::with_capacity(frames * usize::from(channels));
    let (mut left, mut length, mut loud, mut pitch, mut phase) = (0, 1, 0.0_f32, 0.01_f32, 0.0_f32);
    let (mut near, mut far, mut turn) = (0.0_f32, 0.0_f32, 1.0_f32);
    let mut random = Noise(3);
    for _ in 0..frames {
        if left == 0 {
            let pause = random.next() > 0.6;
            let span = 0.16 + 0.08 * random.next() + if pause { 0.4 } else { 0.0 };
            length = (span * rate as f32) as usize;
            left = length;
            loud = if pause { 0.0 } else { 0.25 + 0.15 * random.next() };
            pitch = (130.0 + 50.0 * random.next()) / rate as f32;
            // A formant between 300 and 1500 Hz.
            turn = (std::f32::consts::TAU * (900.0 + 600.0 * random.next()) / rate as f32).cos();
        }
        left -= 1;
        phase = (phase + pitch).fract();
        let swell = (std::f32::consts::PI * left as f32 / length as f32).sin();
        let source = (phase - 0.5) * loud * swell + 0.002 * noise.next();
        let sample = source * 0.3 + 1.9 * turn * near - 0.9 * far;
        (far, near) = (near, sample);
        let sample = sample * 0.3 + 0.002 * noise.next();
        samples.extend((0..channels).map(|channel| sample / (1.0 + f32::from(channel))));
    }
    // Room for what is louder.
    let peak = samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    Audio { rate, channels, samples }.scaled(0.4 / peak)
}

/// The audio in a request.
pub fn heard(sent: &Sent) -> Audio {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), &sent.audio).expect("a temporary file can be written");
    let raw = (sent.file_format == "pcm_s16le_16").then_some(Raw { rate: 16_000, channels: 1 });
    let mut decoder = decode::open(&Source::File(file.path().to_owned()), raw).expect("audio");
    let spec = decoder.spec();
    let (mut samples, mut block) = (Vec::new(), Vec::new());
    while decoder.read(&mut block).expect("whole audio") > 0 {
        samples.extend_from_slice(&block);
    }
    Audio { rate: spec.rate, channels: spec.channels, samples }
}

/// The number of a piece, by the name that it is sent under; the first one is 1.
pub fn number(name: &str) -> usize {
    let stem = name.rsplit_once('.').expect("an extension").0;
    stem.rsplit('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no number: {name}"))
}

/// `audio`, later by so many frames and louder by so many dB.
pub fn replayed(audio: &Audio, frames: usize, db: f32) -> Audio {
    let mut samples = vec![0.0; frames * usize::from(audio.channels)];
    samples.extend(audio.scaled(10_f32.powf(db / 20.0)).samples);
    Audio { samples, ..audio.clone() }
}

/// An MP3 of `audio` at 44.1 kHz by ffmpeg, without the tag that says how much silence the encoder put in front.
pub fn mp3(audio: &Audio) -> Vec<u8> {
    let args = "-v error -i - -ar 44100 -c:a libmp3lame -b:a 192k -write_xing 0 -f mp3 -";
    let mut ffmpeg = Command::new("ffmpeg")
        .args(args.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("ffmpeg starts");
    let mut stdin = ffmpeg.stdin.take().expect("a pipe");
    let wav = audio.wav(32, true);
    let writer = std::thread::spawn(move || stdin.write_all(&wav));
    let output = ffmpeg.wait_with_output().expect("ffmpeg ends");
    writer.join().expect("no panic").expect("ffmpeg reads to the end");
    assert!(output.status.success());
    output.stdout
}

/// What is to be known of two signals that should be the same but for their level.
#[derive(Debug)]
pub struct Likeness {
    /// Scale-invariant signal-to-distortion ratio, in dB (Le Roux et al., "SDR – half-baked or well done?", 2019).
    pub si_sdr: f64,
    /// The level of each stretch of ten seconds against the reference, in dB, lowest and highest.
    pub level: (f64, f64),
    /// The largest lag of any such stretch, in seconds.
    pub lag: f64,
    /// The largest step between neighbouring samples, and that of the reference at the same level.
    pub step: (f32, f32),
}

impl Likeness {
    #[track_caller]
    pub fn of(audio: &Audio, reference: &Audio) -> Self {
        let (x, y) = (reference.channel(0), audio.channel(0));
        assert_eq!((audio.rate, x.len()), (reference.rate, y.len()), "rate and length");
        let scale = product(&x, &y) / product(&x, &x);
        let target = scale * scale * product(&x, &x);
        let error: f64 = x.iter().zip(&y).map(|(x, y)| (f64::from(*y) - scale * f64::from(*x)).powi(2)).sum();
        let stretch = 10 * audio.rate as usize;
        let (mut level, mut lag) = ((f64::MAX, f64::MIN), 0.0_f64);
        for (x, y) in x.chunks(stretch).zip(y.chunks(stretch)).filter(|(x, _)| x.len() == stretch) {
            let db = 20.0 * (product(x, y) / product(x, x)).log10();
            level = (level.0.min(db), level.1.max(db));
            // Two seconds tell as much as ten.
            let (x, y) = (&x[..stretch / 5], &y[..stretch / 5]);
            let (stretch, most) = (stretch / 5, audio.rate as usize / 400);
            let shifted = |by: usize, late: bool| {
                let (a, b) =
                    if late { (&x[..stretch - by], &y[by..]) } else { (&x[by..], &y[..stretch - by]) };
                product(a, b)
            };
            let lags = (0..most).flat_map(|by| [(by, shifted(by, true)), (by, shifted(by, false))]);
            let best = lags.max_by(|a, b| a.1.total_cmp(&b.1)).expect("lags").0;
            lag = lag.max(best as f64 / f64::from(audio.rate));
        }
        let step = |x: &[f32]| x.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
        Self {
            si_sdr: 10.0 * (target / error.max(1e-20)).log10(),
            level,
            lag,
            step: (step(&y), step(&x) * scale as f32),
        }
    }
}

fn product(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum()
}
