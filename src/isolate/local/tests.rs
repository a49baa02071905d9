//! Pieces against the uncut way, with pieces so short that there are many of them.

use std::path::Path;
use std::sync::Arc;

use super::crew::{Cores, Crew};
use super::cut::Cut;
use super::ensemble::{Ensemble, State};
use super::frames::Timing;
use super::models::{Name, Weights};
use super::pieces::Pieces;
use super::stream::Stream;
use super::{LOOK_AHEAD, Settings};
use crate::audio::decode;
use crate::source::Source;

/// Short pieces, whose lengths are no multiples of anything.
const SHORT: Cut = Cut { length: 53, warm_up: 17, joint: 3 };

struct Setup {
    weights: Weights,
    timing: Timing,
    settings: Settings,
}

impl Setup {
    fn new(rate: u32) -> Self {
        let weights = Weights::load(Name::Hush).expect("weights");
        let timing = Timing::of(weights.model().expect("a network").as_ref());
        let settings = Settings { rate, look_ahead: LOOK_AHEAD, attenuation_limit: None };
        Self { weights, timing, settings }
    }

    fn pieces(&self, channels: usize, cut: Cut, cores: usize) -> Pieces {
        let cores = Cores::new(cores);
        let crew = Crew::new(&cores, cores.take());
        Pieces::new(self.weights.clone(), self.timing, self.settings, channels, cut, crew)
            .expect("resamplers")
    }

    /// What comes out in pieces on so many cores.
    fn cut(&self, channels: &[Vec<f32>], cut: Cut, cores: usize) -> Vec<Vec<f32>> {
        run(&mut self.pieces(channels.len(), cut, cores), channels, |_| {})
    }

    /// What comes out of one stream for the whole recording.
    fn uncut(&self, channels: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let cores = Cores::new(1);
        let core = Some(cores.take());
        let stream = Stream::new(self.weights.clone(), self.settings, channels.len(), &cores, core);
        run(&mut stream.expect("resamplers"), channels, |_| {})
    }
}

/// Sends all channels through `ensemble`, and has it looked at at every step.
fn run<E: Ensemble>(ensemble: &mut E, channels: &[Vec<f32>], look: impl Fn(&E)) -> Vec<Vec<f32>> {
    let all: Vec<f32> =
        (0..channels[0].len()).flat_map(|i| channels.iter().map(move |channel| channel[i])).collect();
    let mut blocks = all.chunks(1_000 * channels.len());
    let mut output = Vec::new();
    loop {
        look(ensemble);
        match ensemble.work(&mut output).expect("it works") {
            State::Complete => break,
            State::Busy => {}
            State::Hungry => match blocks.next() {
                Some(block) => ensemble.push(block).expect("it takes a block"),
                None => ensemble.end().expect("it ends"),
            },
        }
    }
    let channel = |channel| output.iter().copied().skip(channel).step_by(channels.len()).collect();
    (0..channels.len()).map(channel).collect()
}

/// Noisy speech at 48 kHz, `seconds` long.
fn speech(seconds: usize) -> Vec<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/voice.opus");
    let mut decoder = decode::open(&Source::File(path), None).expect("the fixture");
    let (mut clean, mut block) = (Vec::new(), Vec::new());
    while decoder.read(&mut block).expect("it decodes") > 0 {
        clean.extend_from_slice(&block);
    }
    let noise = noise(seconds * 48_000);
    clean.iter().cycle().zip(noise).map(|(clean, noise)| clean + 0.01 * noise).collect()
}

/// White noise in −1…1.
fn noise(samples: usize) -> Vec<f32> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..samples).map(|_| next()).collect()
}

/// How far `output` is from `reference`, in dB.
fn difference(output: &[f32], reference: &[f32]) -> f32 {
    let energy = |samples: &mut dyn Iterator<Item = f32>| samples.map(|x| f64::from(x * x)).sum::<f64>();
    let apart = energy(&mut output.iter().zip(reference).map(|(x, y)| x - y));
    10.0 * (apart / energy(&mut reference.iter().copied())).log10() as f32
}

#[test]
fn pieces_are_as_good_as_the_whole() {
    let setup = Setup::new(48_000);
    let input = [speech(50)];
    let cut = Cut { length: 2_000, warm_up: 1_500, joint: 10 };
    let (output, whole) = (setup.cut(&input, cut, 2), setup.uncut(&input));
    assert_eq!(output[0].len(), input[0].len());
    let apart = difference(&output[0], &whole[0]);
    assert!(apart < -40.0, "{apart:.1} dB");
}

#[test]
fn the_number_of_cores_changes_nothing() {
    let setup = Setup::new(48_000);
    let input = [speech(4), noise(4 * 48_000)];
    let alone = setup.cut(&input, SHORT, 1);
    for cores in [2, 5] {
        assert!(setup.cut(&input, SHORT, cores) == alone, "{cores} cores");
    }
}

#[test]
fn as_many_frames_come_out_wherever_pieces_end() {
    for rate in [16_000, 44_100, 48_000] {
        let setup = Setup::new(rate);
        let piece = SHORT.length * rate as usize / 100;
        let around = [piece, piece + SHORT.joint * rate as usize / 100, 3 * piece];
        for samples in around.into_iter().flat_map(|samples| [samples - 1, samples, samples + 1]).chain([1]) {
            let output = setup.cut(&[noise(samples)], SHORT, 1);
            assert_eq!(output[0].len(), samples, "{rate} Hz");
        }
    }
}

#[test]
fn a_channel_that_parts_is_isolated_as_if_it_were_alone() {
    let input = speech(4);
    for rate in [16_000, 48_000] {
        let setup = Setup::new(rate);
        let left: Vec<f32> = input.iter().copied().step_by(48_000 / rate as usize).collect();
        let alone = setup.cut(std::slice::from_ref(&left), SHORT, 1).remove(0);
        // At the start, within a piece, where it is cut off, and near the end.
        for seconds in [0.0, 0.3, 0.56, 2.0, 3.9] {
            let part = (seconds * rate as f32) as usize;
            let right: Vec<f32> =
                left.iter().enumerate().map(|(i, x)| if i < part { *x } else { -0.3 * x }).collect();
            let right_alone = setup.cut(std::slice::from_ref(&right), SHORT, 1).remove(0);
            let together = setup.cut(&[left.clone(), right, left.clone()], SHORT, 3);
            assert!(together[0] == alone, "left, {rate} Hz, {seconds} s");
            assert!(together[1] == right_alone, "right, {rate} Hz, {seconds} s");
            assert!(together[2] == alone, "the same as left, {rate} Hz, {seconds} s");
        }
    }
}

#[test]
fn no_more_pieces_wait_than_cores_can_use() {
    let setup = Setup::new(16_000);
    let input = [noise(60 * 16_000)];
    let cut = Cut { length: 450, ..SHORT };
    // One for every core and one ready; and one more at the end, which comes at once with what was looked ahead.
    for (cores, most) in [(1, 2), (2, 4)] {
        let mut pieces = setup.pieces(1, cut, cores);
        run(&mut pieces, &input, |pieces| assert!(pieces.waiting() <= most, "{} pieces", pieces.waiting()));
    }
}

#[test]
fn nobody_goes_on_with_a_recording_that_has_failed() {
    let setup = Setup::new(16_000);
    let cores = Cores::new(3);
    let crew = Crew::new(&cores, cores.take());
    let mut pieces =
        Pieces::new(setup.weights.clone(), setup.timing, setup.settings, 1, SHORT, crew).expect("resamplers");
    pieces.push(&noise(10 * 16_000)).expect("it takes a block");
    drop(pieces);
    // All cores come back.
    let _all: Vec<_> = (0..3).map(|_| Arc::clone(&cores).take()).collect();
    assert!(cores.spare().is_none());
}
