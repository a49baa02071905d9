//! What holds for every recording, of whatever rate, number of channels and length: as many frames come out as
//! went in, and where they were.
//!
//! The cases are the same in every run. One that fails is kept in `properties.proptest-regressions`, to be checked in,
//! and comes first from then on.

mod support;

use std::sync::OnceLock;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};
use support::{Audio, Bench, Noise, fixture};

/// Hz that recorders have; the others are for what nobody thought of.
const USUAL_RATES: [u32; 9] = [8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000];

fn rates() -> impl Strategy<Value = u32> {
    // An odd rate takes blocks of seconds, and so a hundred times as long.
    prop_oneof![4 => prop::sample::select(&USUAL_RATES[..]), 1 => 8_000..=192_000_u32]
}

fn channels() -> impl Strategy<Value = u16> {
    prop_oneof![3 => 1..=2_u16, 1 => 3..=8_u16]
}

/// Numbers of frames up to `most`, of which few are as frequent as many. None is another matter: see below.
fn lengths(most: usize) -> impl Strategy<Value = usize> {
    prop_oneof![1 => Just(1), 2 => 1..400_usize, 4 => 400..=most]
}

/// Tries `cases` cases: the ones that have failed before, then the same ones in every run.
fn holds<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let seeds = FileFailurePersistence::WithSource("proptest-regressions");
    let config = ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(seeds)),
        source_file: Some(file!()),
        ..ProptestConfig::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    if let Err(failure) = runner.run(strategy, test) {
        panic!("{failure}");
    }
}

/// How a recording is stored: bits, and whether as floats.
fn depths() -> impl Strategy<Value = (u16, bool)> {
    prop::sample::select(vec![(8, false), (16, false), (24, false), (32, true)])
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Files,
    Pipes,
}

/// What the program makes of a WAV.
fn through(wav: &[u8], way: Way, args: &[&str]) -> Audio {
    let bench = Bench::new();
    let mut output = match way {
        Way::Files => {
            bench.file("in.wav", wav);
            bench.voxsift([&["in.wav", "-o", "out.wav"], args].concat()).succeeds();
            bench.read("out.wav")
        }
        Way::Pipes => bench.voxsift([&["-"], args].concat()).stdin(wav).succeeds().stdout().to_vec(),
    };
    // A pipe's header need not know the length, and hound wants one.
    let data = output.windows(4).position(|id| id == b"data").expect("a data chunk") + 8;
    if output[data - 4..data] == [0xff; 4] {
        let len = (output.len() - data) as u32;
        output[data - 4..data].copy_from_slice(&len.to_le_bytes());
    }
    Audio::of_wav(&output)
}

#[test]
fn with_nothing_taken_away_every_sample_is_where_it_was() {
    let case =
        (rates(), channels(), lengths(12_000), depths(), prop::sample::select(vec![Way::Files, Way::Pipes]));
    holds(60, &case, |(rate, channels, frames, (bits, float), way)| {
        let wav = Audio::speechlike(rate, channels, frames).wav(bits, float);
        let output = through(&wav, way, &["--attenuation-limit", "0"]);
        prop_assert_eq!(output.frames(), frames);
        prop_assert_eq!(output, Audio::of_wav(&wav));
        Ok(())
    });
}

/// The checked-in speech: 48 kHz, mono.
fn speech() -> &'static [f32] {
    static SPEECH: OnceLock<Vec<f32>> = OnceLock::new();
    SPEECH.get_or_init(|| {
        let bench = Bench::new();
        let path = fixture("voice.opus");
        let args = ["--attenuation-limit", "0", "-o", "voice.wav"].map(std::ffi::OsStr::new);
        bench.voxsift(args.into_iter().chain([path.as_os_str()])).succeeds();
        let audio = Audio::of_wav(&bench.read("voice.wav"));
        assert_eq!((audio.rate, audio.channels), (48_000, 1));
        audio.samples
    })
}

/// Speech from `start` seconds on at any rate, with a little noise; the channels differ in level.
fn noisy_speech(rate: u32, channels: u16, frames: usize, start: f32) -> Audio {
    let speech = speech();
    let step = 48_000.0 / rate as f32;
    // A mean over a sample's duration is filter enough: there is little above the lower Nyquist frequency.
    let wide = (step as usize).max(1);
    let mut noise = Noise(3);
    let mut samples = Vec::with_capacity(frames * usize::from(channels));
    for frame in 0..frames {
        let at = start * 48_000.0 + frame as f32 * step;
        let (whole, part) = (at as usize, at.fract());
        let mean =
            |from: usize| (from..from + wide).map(|at| speech[at % speech.len()]).sum::<f32>() / wide as f32;
        let sample = mean(whole) * (1.0 - part) + mean(whole + 1) * part;
        for channel in 0..channels {
            samples.push(sample / f32::from(1 + channel) + 0.002 * noise.next());
        }
    }
    Audio { rate, channels, samples }
}

/// How many seconds `late` lags behind `early`: where their correlation is greatest, within 20 ms.
fn lag(early: &[f32], late: &[f32], rate: u32) -> f32 {
    let step = (rate as usize / 8000).max(1);
    let most = rate as usize / 50 / step * step;
    let middle = most..early.len() - most;
    let correlation = |offset: usize| -> f64 {
        middle
            .clone()
            .step_by(step)
            .map(|at| f64::from(early[at]) * f64::from(late[at + offset - most]))
            .sum()
    };
    let best = (0..=2 * most).step_by(step).max_by(|a, b| correlation(*a).total_cmp(&correlation(*b)));
    (best.unwrap_or(0) as f32 - most as f32) / rate as f32
}

#[test]
fn what_lags_is_found_to_lag() {
    for rate in [8_000, 44_100, 192_000] {
        let early = noisy_speech(rate, 1, rate as usize, 0.5).samples;
        let silence = vec![0.0; rate as usize / 250];
        let late = [&silence[..], &early[..early.len() - silence.len()]].concat();
        let lag = lag(&early, &late, rate);
        assert!((lag - 0.004).abs() < 0.0002, "{} ms at {rate} Hz", lag * 1e3);
    }
}

#[test]
fn isolated_speech_has_its_length_and_its_place() {
    let seconds = prop_oneof![1 => 0.001..0.1_f32, 4 => 0.5..1.5_f32];
    let case = (
        rates(),
        prop_oneof![3 => 1..=2_u16, 1 => 3..=8_u16],
        seconds,
        0.0..3.0_f32,
        prop::sample::select(vec![Way::Files, Way::Pipes]),
    );
    holds(16, &case, |(rate, channels, seconds, start, way)| {
        let input = noisy_speech(rate, channels, (seconds * rate as f32) as usize, start);
        let output = through(&input.wav(32, true), way, &[]);
        prop_assert_eq!((output.rate, output.channels), (rate, channels));
        prop_assert_eq!(output.frames(), input.frames());
        if seconds >= 0.5 {
            for channel in 0..usize::from(channels) {
                let lag = lag(&input.channel(channel), &output.channel(channel), rate);
                prop_assert!(lag.abs() <= 0.001, "channel {} lags by {} ms", channel, lag * 1e3);
            }
        }
        Ok(())
    });
}

#[test]
fn a_recording_of_no_frames_is_refused_and_nothing_is_made_of_it() {
    let bench = Bench::new();
    bench.file("in.wav", Audio { rate: 44_100, channels: 2, samples: Vec::new() }.wav16());
    for output in ["out.wav", "out.flac", "out.opus", "out.pcm"] {
        bench.voxsift(["in.wav", "-o", output]).fails(4, "there is no audio in it");
    }
    bench.voxsift(["--raw", "-t", "pcm"]).stdin("").fails(4, "there is no audio in it");
    assert_eq!(bench.names(), ["in.wav"]);
}
