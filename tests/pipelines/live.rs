//! How soon sound comes out again.

use crate::support::{Audio, Bench, Noise};
use crate::terminal::{Terminal, on_terminal};
use crate::{AT_16_KHZ, AT_OTHER_RATES, Live, RAW, at_once, bytes, take};

#[test]
fn a_block_leaves_as_soon_as_it_can_be_made() {
    for (rate, channels, within) in [
        (16_000, 1, AT_16_KHZ),
        (16_000, 2, AT_16_KHZ),
        (48_000, 1, AT_OTHER_RATES),
        (48_000, 2, AT_OTHER_RATES),
        (44_100, 2, AT_OTHER_RATES),
        (32_000, 1, AT_OTHER_RATES),
        (8_000, 1, AT_OTHER_RATES),
    ] {
        let bench = Bench::new();
        let pcm = Audio::speechlike(rate as u32, channels as u16, rate).pcm();
        let (rate_option, channels_option) = (rate.to_string(), channels.to_string());
        let mut live = Live::start(
            &bench,
            &["--raw", "--rate", &rate_option, "--channels", &channels_option, "-t", "pcm"],
        );
        // As a sound card delivers it, 10 ms at once; the first of them may not be enough for anything.
        for block in pcm.chunks(bytes(10, rate, channels)) {
            live.give(block);
            live.keep_up(bytes(within, rate, channels));
        }
        assert_eq!(live.end().with(0).stdout.len(), pcm.len(), "{rate} Hz, {channels} channels");
    }
}

#[test]
fn no_sample_waits_longer_than_another() {
    // Sample by sample, so that none can hide in a lump.
    for (rate, within) in [(16_000, AT_16_KHZ), (48_000, AT_OTHER_RATES)] {
        let bench = Bench::new();
        let pcm = Audio::speechlike(rate as u32, 1, rate / 4).pcm();
        let option = rate.to_string();
        let mut live = Live::start(&bench, &["--raw", "--rate", &option, "-t", "pcm"]);
        for sample in pcm.chunks(2) {
            live.give(sample);
            live.keep_up(bytes(within, rate, 1));
        }
        assert_eq!(live.end().with(0).stdout.len(), pcm.len(), "{rate} Hz");
    }
}

#[test]
fn the_lag_does_not_grow() {
    for (rate, within, seconds) in [(16_000, AT_16_KHZ, 120), (44_100, AT_OTHER_RATES, 45)] {
        let bench = Bench::new();
        let second = Audio::speechlike(rate as u32, 1, rate).pcm();
        let option = rate.to_string();
        let mut live = Live::start(&bench, &["--raw", "--rate", &option, "-t", "pcm"]);
        for _ in 0..seconds {
            live.give(&second);
            live.keep_up(bytes(within, rate, 1));
        }
        assert_eq!(live.end().with(0).stdout.len(), seconds * second.len(), "{rate} Hz");
    }
}

#[test]
fn wav_is_as_live_as_raw_samples() {
    let bench = Bench::new();
    let mut wav = take().wav16();
    // As arecord begins.
    wav[4..8].copy_from_slice(&0x8000_0024_u32.to_le_bytes());
    wav[40..44].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    let mut live = Live::start(&bench, &["-t", "wav", "-"]);
    // The header as well comes in pieces.
    for piece in wav.chunks(11) {
        live.give(piece);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert_eq!(live.end().with(0).stdout.len(), wav.len());
}

#[test]
fn a_channel_that_goes_its_own_way_does_not_hold_up_the_others() {
    let bench = Bench::new();
    let mut audio = Audio::speechlike(48_000, 2, 2 * 48_000);
    for frame in audio.samples[..96_000].chunks_exact_mut(2) {
        frame[1] = frame[0];
    }
    let pcm = audio.pcm();
    let mut live = Live::start(&bench, &["--raw", "--rate", "48000", "--channels", "2", "-t", "pcm"]);
    for block in pcm.chunks(bytes(10, 48_000, 2)) {
        live.give(block);
        live.keep_up(bytes(AT_OTHER_RATES, 48_000, 2));
    }
    assert_eq!(live.end().with(0).stdout.len(), pcm.len());
}

#[test]
fn a_bar_does_not_hold_up_the_sound() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    let mut run = on_terminal(&bench, &terminal, &RAW);
    let mut live = Live::of(&mut run);
    let pcm = take().pcm();
    for _ in 0..10 {
        for block in pcm.chunks(bytes(10, 16_000, 1)) {
            live.give(block);
            live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
        }
    }
    let ended = live.end().with(0);
    assert_eq!(ended.stdout, at_once(&pcm.repeat(10)), "the bar is on the terminal only");
    assert!(terminal.all().contains("standard input → standard output  10.0 s"), "{:?}", terminal.all());
}

#[test]
fn lumps_do_not_matter() {
    let pcm = take().pcm();
    let expected = at_once(&pcm);
    for lump in [1, 3, 319, 320, 4_096, 30_000] {
        let bench = Bench::new();
        let mut live = Live::start(&bench, &RAW);
        for piece in pcm.chunks(lump) {
            live.give(piece);
        }
        assert!(live.end().with(0).stdout == expected, "in lumps of {lump} bytes");
    }
    let bench = Bench::new();
    let (mut noise, mut rest) = (Noise(7), &pcm[..]);
    let mut live = Live::start(&bench, &RAW);
    while !rest.is_empty() {
        let lump = 1 + (noise.next().abs() * 2_000.0) as usize;
        let (piece, later) = rest.split_at(lump.min(rest.len()));
        live.give(piece);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1) + 1);
        rest = later;
    }
    assert!(live.end().with(0).stdout == expected, "in lumps of any size");
}
