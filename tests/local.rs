//! The local engine, through the real binary: what it does to speech, to noise and to levels.

mod support;

use support::{Audio, Bench, Noise, dbfs, fixture};

/// The checked-in clean speech at a sample rate, as the program decodes it.
fn speech(bench: &Bench, rate: u32) -> Audio {
    let path = fixture("voice.opus");
    let args = ["--attenuation-limit", "0", "-t", "wav", "-o", "-"];
    let done = bench.voxsift(args.map(std::ffi::OsString::from).into_iter().chain([path.into()])).succeeds();
    let mut bytes = done.stdout().to_vec();
    // A pipe's header does not know the length, and hound wants one.
    let len = (bytes.len() - 44) as u32;
    bytes[40..44].copy_from_slice(&len.to_le_bytes());
    let audio = Audio::of_wav(&bytes);
    assert_eq!(audio.rate, 48_000);
    if rate == 48_000 {
        return audio;
    }
    // Speech holds little above 8 kHz here, so that averaging is filter enough.
    let step = (48_000 / rate) as usize;
    let samples =
        audio.samples.chunks_exact(step).map(|part| part.iter().sum::<f32>() / step as f32).collect();
    Audio { rate, channels: 1, samples }
}

/// Adds white noise of this level in dBFS.
fn with_noise(clean: &Audio, level: f32) -> Audio {
    let mut noise = Noise(7);
    // Uniform noise in −1…1 has −4.77 dBFS.
    let gain = 10_f32.powf((level + 4.77) / 20.0);
    let samples = clean.samples.iter().map(|sample| sample + gain * noise.next()).collect();
    Audio { samples, ..clean.clone() }
}

fn isolated(bench: &Bench, input: &Audio, args: &[&str]) -> Audio {
    bench.file("in.wav", input.wav(32, true));
    bench.voxsift([&["in.wav", "-f", "-o", "out.wav"], args].concat()).succeeds();
    let output = Audio::of_wav(&bench.read("out.wav"));
    assert_eq!((output.rate, output.channels, output.frames()), (input.rate, input.channels, input.frames()));
    output
}

/// The gain in dB with which `clean` is found in `output`.
fn speech_gain(clean: &Audio, output: &Audio) -> f64 {
    let product = |a: &Audio, b: &Audio| -> f64 {
        a.samples.iter().zip(&b.samples).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum()
    };
    20.0 * (product(output, clean) / product(clean, clean)).log10()
}

#[test]
fn a_file_is_isolated_beside_itself() {
    let bench = Bench::new();
    bench.file("take.wav", Audio::speechlike(16_000, 1, 16_000).wav16());
    bench.voxsift(["take.wav"]).succeeds().says("take.wav → take.isolated.wav  1.0 s  local");
    assert_eq!(bench.names(), ["take.isolated.wav", "take.wav"]);
}

#[test]
fn noise_goes_and_speech_stays() {
    let bench = Bench::new();
    for rate in [16_000, 48_000] {
        let clean = speech(&bench, rate);
        let noisy = with_noise(&clean, -40.0);
        let output = isolated(&bench, &noisy, &[]);
        let pause = rate as usize * 3 / 10;
        let removed = dbfs(&noisy.samples[..pause]) - dbfs(&output.samples[..pause]);
        assert!(removed > 15.0, "{rate} Hz: {removed:.1} dB of noise removed");
        let gain = speech_gain(&clean, &output);
        assert!(gain.abs() < 1.5, "{rate} Hz: speech gain {gain:.2} dB");
    }
}

#[test]
fn clean_speech_keeps_its_level() {
    let bench = Bench::new();
    for rate in [16_000, 48_000] {
        let clean = speech(&bench, rate);
        let gain = speech_gain(&clean, &isolated(&bench, &clean, &[]));
        assert!(gain.abs() < 1.0, "{rate} Hz: {gain:.2} dB");
    }
}

#[test]
fn quiet_speech_is_kept_like_loud_speech() {
    let bench = Bench::new();
    let clean = speech(&bench, 16_000);
    let noisy = with_noise(&clean, -45.0);
    let gain = |scale: f32| speech_gain(&clean.scaled(scale), &isolated(&bench, &noisy.scaled(scale), &[]));
    let loud = gain(1.0);
    for scale in [0.1, 0.01] {
        let quiet = gain(scale);
        assert!((quiet - loud).abs() < 2.0, "{loud:.2} dB at full level, {quiet:.2} dB at {scale}");
    }
}

#[test]
fn a_bang_does_not_cost_the_speech_around_it() {
    let bench = Bench::new();
    let clean = speech(&bench, 16_000).scaled(0.05);
    let noisy = with_noise(&clean, -75.0);
    let mut noise = Noise(3);
    let (bang, after) = (40_000..44_000, 56_000);
    let mut banged = noisy.clone();
    banged.samples[bang].iter_mut().for_each(|sample| *sample += 0.5 * noise.next());
    let rest = |audio: &Audio| Audio { samples: audio.samples[after..].to_vec(), ..audio.clone() };
    for output in [
        isolated(&bench, &banged, &[]),
        Audio::of_pcm(
            bench.voxsift(["--raw", "-t", "pcm"]).stdin(banged.pcm()).succeeds().stdout(),
            16_000,
            1,
        ),
    ] {
        let gain = speech_gain(&rest(&clean), &rest(&output));
        assert!(gain.abs() < 6.0, "{gain:.1} dB behind the bang");
    }
}

#[test]
fn output_is_aligned_with_the_input() {
    let bench = Bench::new();
    for rate in [16_000, 24_000, 48_000] {
        let clean = speech(&bench, rate);
        let output = isolated(&bench, &with_noise(&clean, -50.0), &[]);
        let range = rate as usize..2 * rate as usize;
        let match_at = |lag: isize| -> f64 {
            range
                .clone()
                .map(|i| f64::from(clean.samples[i] * output.samples[i.wrapping_add_signed(lag)]))
                .sum()
        };
        let best = (-200..=200).max_by(|a, b| match_at(*a).total_cmp(&match_at(*b)));
        assert_eq!(best, Some(0), "{rate} Hz");
    }
}

#[test]
fn as_many_frames_come_out_as_went_in() {
    let bench = Bench::new();
    for rate in [8_000, 11_025, 16_000, 22_050, 32_000, 44_056, 44_100, 96_000, 192_000] {
        for frames in [1, 159, 160, 161, 4_097] {
            let input = Audio::speechlike(rate, 1, frames);
            isolated(&bench, &input, &[]);
        }
    }
    for channels in 2..=8 {
        isolated(&bench, &Audio::speechlike(44_100, channels, 3_000), &[]);
    }
}

#[test]
fn a_limit_of_zero_changes_nothing() {
    let bench = Bench::new();
    for (rate, channels) in [(8_000, 1), (16_000, 2), (44_100, 1), (48_000, 6), (192_000, 1)] {
        let input = Audio::speechlike(rate, channels, 30_011);
        let output = isolated(&bench, &input, &["--attenuation-limit", "0"]);
        let snr = output.snr(&input);
        assert!(snr > 110.0, "{rate} Hz, {channels} channels: {snr:.1} dB");
    }
}

#[test]
fn a_limit_leaves_that_much_of_the_noise() {
    let bench = Bench::new();
    let noisy = with_noise(&speech(&bench, 48_000), -40.0);
    let output = isolated(&bench, &noisy, &["--attenuation-limit", "12"]);
    let removed = dbfs(&noisy.samples[..12_000]) - dbfs(&output.samples[..12_000]);
    assert!((9.0..12.5).contains(&removed), "{removed:.1} dB");
}

#[test]
fn the_band_above_the_network_is_kept_while_somebody_speaks() {
    let bench = Bench::new();
    let clean = speech(&bench, 48_000);
    let upper = |audio: &Audio| -> f64 {
        // Two differences leave little below 8 kHz.
        let d: Vec<f32> = audio.samples.windows(2).map(|w| w[1] - w[0]).collect();
        dbfs(&d.windows(2).map(|w| w[1] - w[0]).collect::<Vec<_>>())
    };
    let output = isolated(&bench, &clean, &[]);
    let lost = upper(&clean) - upper(&output);
    assert!(lost < 4.0, "{lost:.1} dB of the upper band are lost");
}

#[test]
fn channels_do_not_leak_into_each_other() {
    let bench = Bench::new();
    let left = speech(&bench, 16_000);
    let samples = left.samples.iter().flat_map(|sample| [*sample, 0.0]).collect();
    let output = isolated(&bench, &Audio { channels: 2, samples, ..left.clone() }, &[]);
    assert!(output.channel(1).iter().all(|sample| *sample == 0.0));
    let alone = isolated(&bench, &left, &[]);
    let together = Audio { channels: 1, samples: output.channel(0), ..left };
    assert!(together.snr(&alone) > 100.0);
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_channels() {
    let bench = Bench::new();
    for channels in [1, 2, 5] {
        bench.file("in.wav", Audio::speechlike(16_000, channels, 32_000).wav16());
        let run = || {
            bench.voxsift(["in.wav", "-f", "-o", "out.wav"]).succeeds();
            bench.read("out.wav")
        };
        assert!(run() == run(), "{channels} channels");
    }
}

#[test]
fn dual_mono_stays_dual_mono() {
    let bench = Bench::new();
    let mono = with_noise(&speech(&bench, 16_000), -45.0);
    let samples = mono.samples.iter().flat_map(|sample| [*sample; 2]).collect();
    let output = isolated(&bench, &Audio { channels: 2, samples, ..mono.clone() }, &[]);
    assert_eq!(output.channel(0), output.channel(1));
    assert_eq!(output.channel(0), isolated(&bench, &mono, &[]).samples);
}

#[test]
fn channels_that_part_ways_late_are_isolated_as_if_they_always_had() {
    let bench = Bench::new();
    let mono = with_noise(&speech(&bench, 16_000), -45.0);
    let part = mono.frames() / 2;
    let right: Vec<f32> =
        mono.samples.iter().enumerate().map(|(i, x)| if i < part { *x } else { 0.4 * x }).collect();
    let samples = mono.samples.iter().zip(&right).flat_map(|(l, r)| [*l, *r]).collect();
    let output = isolated(&bench, &Audio { channels: 2, samples, ..mono.clone() }, &[]);
    let alone = isolated(&bench, &Audio { samples: right, ..mono.clone() }, &[]);
    let together = Audio { channels: 1, samples: output.channel(1), ..mono };
    assert!(together.snr(&alone) > 40.0, "{:.1} dB", together.snr(&alone));
}

#[test]
fn silence_stays_silence() {
    let bench = Bench::new();
    bench.file("in.wav", Audio { rate: 44_100, channels: 2, samples: vec![0.0; 88_200] }.wav16());
    bench.voxsift(["in.wav"]).succeeds();
    assert!(Audio::of_wav(&bench.read("in.isolated.wav")).samples.iter().all(|sample| *sample == 0.0));
}

#[test]
fn a_live_stream_is_isolated_without_being_measured_first() {
    let bench = Bench::new();
    let clean = speech(&bench, 16_000);
    let noisy = with_noise(&clean, -45.0);
    for scale in [1.0, 0.05] {
        let run = bench.voxsift(["--raw", "-t", "pcm"]).stdin(noisy.scaled(scale).pcm());
        let output = Audio::of_pcm(run.succeeds().stdout(), 16_000, 1);
        assert_eq!(output.frames(), clean.frames());
        let gain = speech_gain(&clean.scaled(scale), &output);
        assert!(gain.abs() < 3.0, "at {scale}: {gain:.2} dB");
    }
}

/// The most memory that the program has used when it has read `seconds` of raw samples, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory(seconds: usize) -> u64 {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    let mut child = Command::new(support::binary())
        .args(["-q", "--raw", "-t", "pcm"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = child.stdout.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        let second = Audio::speechlike(16_000, 1, 16_000).pcm();
        for _ in 0..seconds {
            stdin.write_all(&second).expect("the program reads");
        }
        // Kept open: the program waits, and its memory can be looked at.
        stdin
    });
    // All but the last second, of which the network holds back a part.
    let mut output = vec![0; (seconds - 1) * 16_000 * 2];
    stdout.read_exact(&mut output).expect("the program writes");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    drop(writer.join().expect("the writer ends"));
    stdout.read_to_end(&mut output).expect("the rest");
    assert!(child.wait().expect("it ends").success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    peak.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_length() {
    let (short, long) = (peak_memory(20), peak_memory(200));
    // DeepFilterNet3 alone takes more.
    let most = if cfg!(feature = "deepfilternet") { 400_000 } else { 60_000 };
    assert!(long < most, "{long} KiB");
    assert!(long * 10 <= short * 11, "{short} KiB for 20 s, {long} KiB for 200 s");
}
