//! Long recordings on several cores, through the real binary: nobody can tell from the result how many there were, and
//! nothing is left where it fails.

#[cfg(unix)]
#[path = "support/child.rs"]
mod child;
mod support;

use support::{Audio, Bench, Noise};

/// As many seconds as are cut into two pieces.
const CUT: usize = 91;

/// Syllables in noise at 16 kHz, `frames` long.
fn long(channels: u16, frames: usize) -> Audio {
    let piece = Audio::speechlike(16_000, channels, 10 * 16_000);
    let mut noise = Noise(5);
    let samples = piece.samples.iter().cycle().take(frames * usize::from(channels));
    Audio { samples: samples.map(|sample| sample + 0.01 * noise.next()).collect(), ..piece }
}

/// The voice in `input`, isolated on so many cores.
fn isolated(bench: &Bench, input: &Audio, cores: &str) -> Vec<u8> {
    bench.file("in.wav", input.wav(32, true));
    bench.voxsift(["in.wav", "-q", "-f", "-o", "out.wav", "-j", cores]).succeeds();
    let output = bench.read("out.wav");
    let audio = Audio::of_wav(&output);
    assert_eq!((audio.channels, audio.frames()), (input.channels, input.frames()));
    output
}

#[test]
fn the_result_is_the_same_on_any_number_of_cores() {
    let bench = Bench::new();
    let input = long(1, CUT * 16_000);
    let alone = isolated(&bench, &input, "1");
    for cores in ["2", "5"] {
        assert!(isolated(&bench, &input, cores) == alone, "-j {cores}");
    }
}

#[test]
fn channels_that_differ_are_the_same_on_any_number_of_cores() {
    let bench = Bench::new();
    let input = long(2, CUT * 16_000);
    assert!(isolated(&bench, &input, "5") == isolated(&bench, &input, "1"));
}

#[test]
fn a_channel_that_parts_late_is_isolated_as_if_it_were_alone() {
    let bench = Bench::new();
    let left = long(1, CUT * 16_000);
    let part = 70 * 16_000;
    let right: Vec<f32> =
        left.samples.iter().enumerate().map(|(i, x)| if i < part { *x } else { 0.5 * x }).collect();
    let samples = left.samples.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
    let both = isolated(&bench, &Audio { channels: 2, samples, ..left.clone() }, "2");
    let alone = Audio::of_wav(&isolated(&bench, &Audio { samples: right, ..left }, "1"));
    assert!(Audio::of_wav(&both).channel(1) == alone.samples);
}

#[test]
fn recordings_in_a_batch_come_out_as_they_do_alone() {
    let bench = Bench::new();
    let input = long(1, CUT * 16_000);
    let alone = isolated(&bench, &input, "2");
    bench.file("short.wav", Audio::speechlike(16_000, 1, 16_000).wav16());
    bench.voxsift(["short.wav", "in.wav", "-j", "2", "-d", "clean"]).succeeds();
    assert!(bench.read("clean/in.wav") == alone);
}

#[test]
fn sources_too_wide_for_pieces_keep_their_length() {
    let bench = Bench::new();
    let input = Audio::speechlike(96_000, 8, 40_001);
    bench.file("in.wav", input.wav16());
    let run = |cores| {
        bench.voxsift(["in.wav", "-q", "-f", "-o", "out.wav", "-j", cores]).succeeds();
        bench.read("out.wav")
    };
    let alone = run("1");
    let output = Audio::of_wav(&alone);
    assert_eq!((output.rate, output.channels, output.frames()), (96_000, 8, 40_001));
    assert!(run("5") == alone);
}

#[test]
fn a_failure_in_the_middle_leaves_nothing() {
    let bench = Bench::new();
    let mut input = long(1, CUT * 16_000);
    // In the second piece: the first is under way.
    input.samples[80 * 16_000] = f32::NAN;
    bench.file("in.wav", input.wav(32, true));
    bench.voxsift(["in.wav", "-j", "2"]).fails(4, "the sample at 80.000 s in channel 1 is not a number");
    assert_eq!(bench.names(), ["in.wav"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_in_the_middle_leaves_nothing() {
    use child::{Running, command, until};

    let bench = Bench::new();
    bench.file("in.wav", long(1, 600 * 16_000).wav16());
    let args = ["in.wav", "-j", "2", "--progress", "always"];
    let running = Running::start(&mut command(&bench.path(""), args));
    // Pieces are under way.
    until("a line of progress", || running.stderr().contains(" of 10:00").then_some(()));
    running.signal(rustix::process::Signal::INT);
    running.end().with(130);
    assert_eq!(bench.names(), ["in.wav"]);
}
