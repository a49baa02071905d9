//! Reading every format but WAV, from recordings in tests/fixtures. With nothing taken away, the output is
//! the decoded input, so it can be held against the formula that the recordings were made with.

mod support;

use std::f64::consts::TAU;
use std::fs::{self, File};
use std::process::{Command, Stdio};

use hound::SampleFormat;
use support::{Audio, Bench, Run, SCRUBBED, binary, fixture};

/// The two sines of each channel, as in tests/fixtures/make.sh.
const SINES: [(f64, f64); 6] =
    [(310.0, 1270.0), (480.0, 1500.0), (650.0, 1730.0), (50.0, 90.0), (990.0, 2190.0), (1160.0, 2420.0)];

/// What the fixtures were made from.
fn tones(rate: u32, channels: u16, frames: usize) -> Audio {
    let mut samples = Vec::with_capacity(frames * usize::from(channels));
    for frame in 0..frames {
        let t = frame as f64 / f64::from(rate);
        for (low, high) in &SINES[..channels.into()] {
            samples.push((0.25 * (TAU * low * t).sin() + 0.12 * (TAU * high * t).sin()) as f32);
        }
    }
    Audio { rate, channels, samples }
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Lets the program copy `input` to `out.wav`.
fn copying(bench: &Bench, input: &str) -> Run {
    bench.voxsift([input, "--attenuation-limit", "0", "--force", "-o", "out.wav"])
}

/// Copies bytes from a file, and expects no warning.
#[track_caller]
fn from_file(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bench = Bench::new();
    // The name tells nothing: the bytes decide.
    bench.file("in.bin", bytes);
    copying(&bench, "in.bin").succeeds().says_not("warning");
    bench.read("out.wav")
}

/// Copies bytes from a pipe, and expects no warning.
#[track_caller]
fn from_pipe(bytes: impl Into<Vec<u8>>) -> Vec<u8> {
    let bench = Bench::new();
    copying(&bench, "-").stdin(bytes).succeeds().says_not("warning");
    bench.read("out.wav")
}

/// Copies a redirected file, and expects no warning.
#[track_caller]
fn from_redirection(name: &str) -> Vec<u8> {
    let bench = Bench::new();
    let mut command = Command::new(binary());
    command.current_dir(bench.path("")).args(["--attenuation-limit", "0", "-o", "out.wav"]);
    for variable in SCRUBBED {
        command.env_remove(variable);
    }
    command.stdin(Stdio::from(File::open(fixture(name)).expect("the fixture")));
    let output = command.output().expect("the program starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("warning"), "{name}: {stderr}");
    bench.read("out.wav")
}

/// How the output stores its samples.
#[track_caller]
fn stored(wav: &[u8]) -> (u16, SampleFormat) {
    let spec = hound::WavReader::new(wav).expect("hound reads the WAV").spec();
    (spec.bits_per_sample, spec.sample_format)
}

/// Expects what a format that keeps every bit makes of the tones: no more than a step of rounding.
#[track_caller]
fn keeps(wav: &[u8], bits: u16, format: SampleFormat, name: &str) {
    assert_eq!(stored(wav), (bits, format), "{name}");
    let audio = Audio::of_wav(wav);
    let reference = tones(8_000, 1, 2400);
    assert_eq!((audio.rate, audio.channels, audio.frames()), (8_000, 1, 2400), "{name}");
    // Encoders round or truncate; an f32 has 24 bits.
    let step = (-f32::from(bits.min(24) - 1)).exp2();
    let error = audio.samples.iter().zip(&reference.samples).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
    assert!(error <= 1.01 * step, "{name} is off by {} steps", error / step);
}

/// The signal-to-noise ratio of `audio` from frame `lag` on against the tones it was made from.
#[track_caller]
fn likeness(audio: &Audio, lag: usize, frames: usize) -> f64 {
    let channels = usize::from(audio.channels);
    let cut = audio.samples.get(lag * channels..(lag + frames) * channels);
    let cut = cut.unwrap_or_else(|| panic!("only {} frames, {frames} wanted behind {lag}", audio.frames()));
    let cut = Audio { samples: cut.to_vec(), ..audio.clone() };
    cut.snr(&tones(audio.rate, audio.channels, frames))
}

/// Expects the tones, at the right place and of the right length, as a lossy codec keeps them.
#[track_caller]
fn resembles(wav: &[u8], rate: u32, channels: u16, frames: usize, name: &str) {
    let audio = Audio::of_wav(wav);
    assert_eq!((audio.rate, audio.channels, audio.frames()), (rate, channels, frames), "{name}");
    assert_eq!(stored(wav), (16, SampleFormat::Int), "{name}");
    let snr = likeness(&audio, 0, frames);
    assert!(snr > 15.0, "{name}: {snr:.1} dB");
}

#[test]
fn aiff() {
    keeps(&from_file(bytes_of("s16.aiff")), 16, SampleFormat::Int, "s16.aiff");
    keeps(&from_file(bytes_of("s24.aiff")), 24, SampleFormat::Int, "s24.aiff");
    keeps(&from_file(bytes_of("sowt.aifc")), 16, SampleFormat::Int, "sowt.aifc");
    keeps(&from_file(bytes_of("f32.aifc")), 32, SampleFormat::Float, "f32.aifc");
}

#[test]
fn caf() {
    keeps(&from_file(bytes_of("pcm.caf")), 16, SampleFormat::Int, "pcm.caf");
    keeps(&from_file(bytes_of("alac.caf")), 16, SampleFormat::Int, "alac.caf");
}

#[test]
fn flac() {
    keeps(&from_file(bytes_of("s16.flac")), 16, SampleFormat::Int, "s16.flac");
    keeps(&from_file(bytes_of("s24.flac")), 24, SampleFormat::Int, "s24.flac");
}

#[test]
fn flac_in_other_containers() {
    keeps(&from_file(bytes_of("flac.ogg")), 16, SampleFormat::Int, "flac.ogg");
    keeps(&from_file(bytes_of("flac.mkv")), 16, SampleFormat::Int, "flac.mkv");
}

#[test]
fn alac_in_m4a() {
    keeps(&from_file(bytes_of("alac.m4a")), 16, SampleFormat::Int, "alac.m4a");
    keeps(&from_file(bytes_of("alac24.m4a")), 24, SampleFormat::Int, "alac24.m4a");
}

#[test]
fn pcm_in_a_film_has_either_byte_order() {
    for name in ["s24be.mov", "s24le.mov", "s24be-faststart.mov"] {
        keeps(&from_file(bytes_of(name)), 24, SampleFormat::Int, name);
    }
}

#[test]
fn adpcm() {
    // Its blocks are of one size, so the last one is filled up.
    for (name, block) in [("ima.wav", 2041), ("ms.wav", 2036)] {
        let audio = Audio::of_wav(&from_file(bytes_of(name)));
        let frames = audio.frames();
        assert!((2400..2400 + block).contains(&frames), "{name}: {frames} frames");
        let snr = likeness(&audio, 0, 2400);
        assert!(snr > 20.0, "{name}: {snr:.1} dB");
        assert!(from_pipe(bytes_of(name)) == from_file(bytes_of(name)), "{name}");
    }
}

/// An `ID3v2` tag with a large picture, in which bytes look like the start of MP3 frames.
fn id3v2(len: u32) -> Vec<u8> {
    let mut tag = b"ID3\x03\x00\x00".to_vec();
    // Seven bits per byte.
    tag.extend([21, 14, 7, 0].map(|shift| (len >> shift & 0x7f) as u8));
    let picture = len - 10;
    tag.extend(b"APIC");
    tag.extend(picture.to_be_bytes());
    tag.extend([0, 0]);
    tag.extend(b"\xff\xfb\x90\x64".iter().cycle().take(picture as usize));
    tag
}

fn id3v1() -> Vec<u8> {
    let mut tag = b"TAGtitle".to_vec();
    tag.resize(128, 0);
    tag
}

#[test]
fn tags_around_the_sound() {
    for name in ["s16.flac", "cbr.mp3", "tagless.mp3", "aac.aac"] {
        let bytes = bytes_of(name);
        let plain = from_file(&bytes);
        for tag_len in [100, 300_000] {
            let tagged = [id3v2(tag_len), bytes.clone()].concat();
            assert!(from_file(&tagged) == plain, "{name} behind a tag of {tag_len} bytes");
        }
        let tagged = [bytes.clone(), id3v1()].concat();
        assert!(from_file(&tagged) == plain, "{name} before a tag");
        let tagged = [id3v2(5000), id3v2(5000), bytes, id3v1()].concat();
        assert!(from_file(tagged) == plain, "{name} among many tags");
    }
}

#[test]
fn tags_before_the_sound_from_a_pipe() {
    for name in ["s16.flac", "cbr.mp3", "tagless.mp3", "aac.aac"] {
        let bytes = bytes_of(name);
        let plain = from_file(&bytes);
        // One that comes with the first bytes that are read, and one that does not.
        for tag_len in [300_000, 100] {
            let tagged = [id3v2(tag_len), bytes.clone()].concat();
            assert!(from_pipe(tagged) == plain, "{name} behind a tag of {tag_len} bytes");
        }
    }
}

#[test]
fn tags_behind_the_sound_from_a_pipe() {
    for name in ["s16.flac", "tagless.mp3", "aac.aac"] {
        let bytes = bytes_of(name);
        let tagged = [bytes.clone(), id3v1()].concat();
        assert!(from_pipe(tagged) == from_file(bytes), "{name}");
    }
}

#[test]
fn mp3_with_a_tag_has_exactly_its_length() {
    for name in ["cbr.mp3", "vbr.mp3"] {
        resembles(&from_file(bytes_of(name)), 44_100, 2, 13_230, name);
    }
}

#[test]
fn mp3_without_a_tag_keeps_the_encoders_delay() {
    // Nothing says how long it is. LAME's delay is 576 frames, and that of decoders 529.
    let audio = Audio::of_wav(&from_file(bytes_of("tagless.mp3")));
    assert!((13_230 + 1105..13_230 + 4 * 1152).contains(&audio.frames()), "{} frames", audio.frames());
    let snr = likeness(&audio, 1105, 13_230);
    assert!(snr > 15.0, "{snr:.1} dB");
}

#[test]
fn concatenated_mp3_loses_nothing() {
    let parts = ["cbr.mp3", "vbr.mp3", "tagless.mp3"];
    for first in parts {
        for second in parts {
            let bytes = [bytes_of(first), bytes_of(second)].concat();
            let audio = Audio::of_wav(&from_file(&bytes));
            // Between them, delay and padding of both may stay, and the frame with the tag.
            let most = 2 * 13_230 + 6 * 1152;
            assert!((2 * 13_230..most).contains(&audio.frames()), "{first}, {second}: {}", audio.frames());
            let second_half = (13_230..audio.frames() - 13_230 + 1)
                .map(|lag| rough_likeness(&audio, lag))
                .fold(f64::MIN, f64::max);
            assert!(second_half > 10.0, "{first}, {second}: {second_half:.1} dB");
        }
    }
}

#[test]
fn concatenated_mp3_from_a_pipe() {
    for (first, second) in [("tagless.mp3", "vbr.mp3"), ("vbr.mp3", "cbr.mp3")] {
        let bytes = [bytes_of(first), bytes_of(second)].concat();
        assert!(from_pipe(bytes.clone()) == from_file(bytes), "{first}, {second}");
    }
}

/// Like `likeness`, from few samples of the second part's middle, for it is searched for.
fn rough_likeness(audio: &Audio, lag: usize) -> f64 {
    let reference = tones(audio.rate, 1, 8_100);
    let (mut signal, mut noise) = (0.0, 1e-20);
    for frame in (3_000..8_000).step_by(37) {
        let (x, y) = (audio.samples[(lag + frame) * usize::from(audio.channels)], reference.samples[frame]);
        signal += f64::from(y * y);
        noise += f64::from((x - y) * (x - y));
    }
    10.0 * f64::log10(signal / noise)
}

#[test]
fn vorbis() {
    resembles(&from_file(bytes_of("vorbis1.ogg")), 8_000, 1, 2400, "vorbis1.ogg");
    resembles(&from_file(bytes_of("vorbis2.ogg")), 44_100, 2, 13_230, "vorbis2.ogg");
}

#[test]
fn vorbis_of_six_channels_is_refused() {
    let bench = Bench::new();
    bench.file("in.ogg", bytes_of("vorbis6.ogg"));
    copying(&bench, "in.ogg").fails(4, "more than two channels").says("hint: ").says("ffmpeg");
    assert_eq!(bench.names(), ["in.ogg"], "no output is left");
}

#[test]
fn vorbis_in_webm_behind_a_picture() {
    let audio = Audio::of_wav(&from_file(bytes_of("vorbis.webm")));
    assert_eq!((audio.rate, audio.channels), (44_100, 2));
    // The container may leave open how much of the last block counts.
    assert!((13_230..13_230 + 2048).contains(&audio.frames()), "{} frames", audio.frames());
    let snr = likeness(&audio, 0, 13_230);
    assert!(snr > 15.0, "{snr:.1} dB");
}

#[test]
fn aac_in_adts_keeps_the_encoders_delay() {
    // Nothing says how long it is. The encoder puts one packet before the sound.
    let audio = Audio::of_wav(&from_file(bytes_of("aac.aac")));
    assert_eq!((audio.rate, audio.channels, audio.frames()), (44_100, 2, 14 * 1024));
    let snr = likeness(&audio, 1024, 13_230);
    assert!(snr > 15.0, "{snr:.1} dB");
}

#[test]
fn aac_in_mp4_starts_and_ends_where_its_edit_list_says() {
    for name in ["aac.m4a", "aac-faststart.m4a", "aac.mp4"] {
        resembles(&from_file(bytes_of(name)), 44_100, 2, 13_230, name);
    }
}

#[test]
fn aac_in_matroska_behind_a_picture() {
    let audio = Audio::of_wav(&from_file(bytes_of("aac.mkv")));
    assert_eq!((audio.rate, audio.channels), (44_100, 2));
    // This file does not say that its first packet is the encoder's.
    assert!((13_230 + 1024..=14 * 1024).contains(&audio.frames()), "{} frames", audio.frames());
    let snr = likeness(&audio, 1024, 13_230);
    assert!(snr > 15.0, "{snr:.1} dB");
}

/// Expects what the reference decoder makes of an Opus file, which is beside it as FLAC.
#[track_caller]
fn is_as_by_the_reference_decoder(name: &str, channels: u16, frames: usize, least: f64) {
    let output = from_file(bytes_of(name));
    assert_eq!(stored(&output), (16, SampleFormat::Int), "{name}");
    let audio = Audio::of_wav(&output);
    assert_eq!((audio.rate, audio.channels, audio.frames()), (48_000, channels, frames), "{name}");
    let snr = audio.snr(&Audio::of_wav(&from_file(bytes_of(&format!("{name}.flac")))));
    assert!(snr > least, "{name}: {snr:.1} dB");
}

#[test]
fn opus() {
    is_as_by_the_reference_decoder("speech.opus", 1, 24_000, 60.0);
    is_as_by_the_reference_decoder("stereo.opus", 2, 14_400, 60.0);
    is_as_by_the_reference_decoder("surround.opus", 6, 7200, 60.0);
}

#[test]
fn opus_with_pauses_in_the_transmission() {
    // In the pauses libopus makes comfort noise of about one step of 16 bits, opus-pure silence.
    is_as_by_the_reference_decoder("dtx.opus", 1, 57_600, 50.0);
}

#[test]
fn opus_channels_come_in_the_order_of_wav() {
    let audio = Audio::of_wav(&from_file(bytes_of("surround.opus")));
    let reference = tones(48_000, 6, audio.frames());
    for channel in 0..6 {
        let part = |audio: &Audio| Audio { channels: 1, samples: audio.channel(channel), ..audio.clone() };
        let snr = part(&audio).snr(&part(&reference));
        // The subwoofer's channel is filtered, which shifts it.
        assert!(snr > if channel == 3 { 3.0 } else { 15.0 }, "channel {channel}: {snr:.1} dB");
    }
}

#[test]
fn opus_in_films() {
    for name in ["opus.webm", "opus.mkv", "opus.mp4"] {
        resembles(&from_file(bytes_of(name)), 48_000, 2, 14_400, name);
    }
}

#[test]
fn chained_ogg_is_played_to_its_end() {
    let chains: [(&str, &str, u32, u16, usize, usize); 3] = [
        ("stereo.opus", "stereo.opus", 48_000, 2, 14_400, 14_400),
        ("vorbis2.ogg", "vorbis2.ogg", 44_100, 2, 13_230, 13_230),
        ("speech.opus", "dtx.opus", 48_000, 1, 24_000, 57_600),
    ];
    for (first, second, rate, channels, frames1, frames2) in chains {
        let mut appended = bytes_of(second);
        renumber(&mut appended, 77);
        let bytes = [bytes_of(first), appended].concat();
        let output = from_file(&bytes);
        let audio = Audio::of_wav(&output);
        assert_eq!((audio.rate, audio.channels), (rate, channels), "{first}, {second}");
        assert_eq!(audio.frames(), frames1 + frames2, "{first}, {second}");
        let (one, two) = audio.samples.split_at(frames1 * usize::from(channels));
        for (part, name) in [(one, first), (two, second)] {
            let alone = Audio::of_wav(&from_file(bytes_of(name)));
            let part = Audio { samples: part.to_vec(), ..alone.clone() };
            let snr = part.snr(&alone);
            assert!(snr > 60.0, "{name} in {first}, {second}: {snr:.1} dB");
        }
        assert!(from_pipe(bytes) == output, "{first}, {second}: from a pipe");
    }
}

/// Gives all pages of an Ogg stream another serial number (RFC 3533, 6), as chaining asks for.
fn renumber(ogg: &mut [u8], serial: u32) {
    let mut at = 0;
    while at < ogg.len() {
        let segments = usize::from(ogg[at + 26]);
        let body: usize = ogg[at + 27..at + 27 + segments].iter().map(|len| usize::from(*len)).sum();
        let page = &mut ogg[at..at + 27 + segments + body];
        page[14..18].copy_from_slice(&serial.to_le_bytes());
        page[22..26].fill(0);
        let sum = page.iter().fold(0_u32, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
                sum << 1 ^ if sum >> 31 == 1 { 0x04c1_1db7 } else { 0 }
            })
        });
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        at += page.len();
    }
}

#[test]
fn the_name_does_not_matter() {
    let bytes = bytes_of("vbr.mp3");
    let plain = from_file(&bytes);
    for name in ["in.wav", "in.flac", "in"] {
        let bench = Bench::new();
        bench.file(name, &bytes);
        copying(&bench, name).succeeds();
        assert!(bench.read("out.wav") == plain, "{name}");
    }
}

/// Expects the same from a file, from a redirected file and from a pipe.
#[track_caller]
fn is_the_same_from_everywhere(names: &[&str]) {
    for name in names {
        let plain = from_file(bytes_of(name));
        assert!(from_redirection(name) == plain, "{name} by redirection");
        let piped = from_pipe(bytes_of(name));
        let frames = |wav: &[u8]| Audio::of_wav(wav).frames();
        assert!(
            piped == plain,
            "{name} from a pipe: {} frames, from a file {}",
            frames(&piped),
            frames(&plain)
        );
    }
}

#[test]
fn aiff_and_flac_from_a_pipe() {
    is_the_same_from_everywhere(&["s16.aiff", "f32.aifc", "s16.flac", "s24.flac"]);
}

#[test]
fn mp3_from_a_pipe() {
    is_the_same_from_everywhere(&["tagless.mp3", "cbr.mp3", "vbr.mp3"]);
}

#[test]
fn adts_from_a_pipe() {
    is_the_same_from_everywhere(&["aac.aac"]);
}

#[test]
fn ogg_from_a_pipe() {
    is_the_same_from_everywhere(&[
        "vorbis1.ogg",
        "vorbis2.ogg",
        "flac.ogg",
        "speech.opus",
        "stereo.opus",
        "surround.opus",
    ]);
}

#[test]
fn matroska_from_a_pipe() {
    is_the_same_from_everywhere(&["flac.mkv", "aac.mkv", "vorbis.webm"]);
}

/// How much of the last packet is padding stands behind it, where a stream cannot look before it is given out.
#[test]
fn opus_in_matroska_from_a_pipe_has_the_padding_of_its_last_packet() {
    for name in ["opus.mkv", "opus.webm"] {
        let frames = |wav: &[u8]| Audio::of_wav(wav).frames();
        let (file, pipe) = (frames(&from_file(bytes_of(name))), frames(&from_pipe(bytes_of(name))));
        assert!((file..file + 960).contains(&pipe), "{name}: {file} frames from a file, {pipe} from a pipe");
    }
}

#[test]
fn faststart_mp4_from_a_pipe() {
    is_the_same_from_everywhere(&["aac-faststart.m4a"]);
}

#[test]
fn opus_in_mp4_from_a_pipe() {
    is_the_same_from_everywhere(&["opus.mp4"]);
}

#[test]
fn faststart_mov_from_a_pipe() {
    is_the_same_from_everywhere(&["s24le.mov", "s24be-faststart.mov"]);
}

#[test]
fn an_index_at_the_end_is_read_from_a_redirected_file() {
    for name in ["aac.m4a", "alac.m4a", "s24be.mov", "pcm.caf"] {
        assert!(from_redirection(name) == from_file(bytes_of(name)), "{name}");
    }
}

#[test]
fn an_index_at_the_end_is_read_from_a_pipe() {
    is_the_same_from_everywhere(&["aac.m4a", "aac.mp4", "alac.m4a", "s24be.mov", "pcm.caf", "alac.caf"]);
}

#[test]
fn the_length_is_found_where_no_header_says_it() {
    let bench = Bench::new();
    for (name, seconds) in [
        ("speech.opus", 0.5),
        ("surround.opus", 0.15),
        ("dtx.opus", 1.2),
        ("vorbis1.ogg", 0.3),
        ("vorbis2.ogg", 0.3),
        ("flac.ogg", 0.3),
        ("tagless.mp3", 0.3),
    ] {
        let file = fixture(name);
        let planned = bench
            .voxsift([file.as_os_str(), "-o".as_ref(), "x.wav".as_ref(), "-n".as_ref(), "--json".as_ref()])
            .succeeds()
            .json();
        let found = planned["duration_seconds"].as_f64().unwrap_or_else(|| panic!("{name}: {planned}"));
        // Encoders pad MP3 to whole frames.
        assert!((found - seconds).abs() < 0.06, "{name}: {found} s for {seconds} s");
    }
}
