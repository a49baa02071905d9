//! Reading WAV in all its shapes, and headerless samples. With nothing taken away, the output is the
//! decoded input.

mod support;

use std::fs::File;
use std::process::{Command, Stdio};

use hound::SampleFormat;
use support::{Audio, Bench, Done, Run, SCRUBBED, binary};

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const ALAW: u16 = 6;
const MULAW: u16 = 7;

/// The lengths that programs leave in the header of a pipe.
const STREAMED: [u32; 4] = [0, 0xffff_ffff, 0x7fff_f000, 0x8000_0000];

/// What comes behind the tag in the GUIDs of sub-formats.
const GUID_TAIL: &[u8] = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";

/// Lets the program copy `input` to `out.wav`.
fn copying(bench: &Bench, input: &str) -> Run {
    bench.voxsift([input, "--attenuation-limit", "0", "--force", "-o", "out.wav"])
}

/// Copies `bytes` from a file and from a pipe, and expects the same and no warning.
#[track_caller]
fn copied(bytes: &[u8]) -> Vec<u8> {
    let (from_file, done) = copied_with(bytes);
    for done in done {
        done.says_not("warning");
    }
    from_file
}

/// Copies `bytes` from a file and from a pipe, and expects the same.
#[track_caller]
fn copied_with(bytes: &[u8]) -> (Vec<u8>, [Done; 2]) {
    let bench = Bench::new();
    bench.file("in.wav", bytes);
    let from_file = copying(&bench, "in.wav").succeeds();
    let output = bench.read("out.wav");
    let from_pipe = copying(&bench, "-").stdin(bytes).succeeds();
    assert!(output == bench.read("out.wav"), "a pipe gives what a file gives\n{}", from_pipe.show());
    (output, [from_file, from_pipe])
}

/// Expects exactly these samples in a WAV file, stored with so many bits.
#[track_caller]
fn holds(wav: &[u8], expected: &Audio, bits: u16, format: SampleFormat) {
    let spec = hound::WavReader::new(wav).expect("hound reads the WAV").spec();
    assert_eq!((spec.bits_per_sample, spec.sample_format), (bits, format));
    let audio = Audio::of_wav(wav);
    assert_eq!((audio.rate, audio.channels), (expected.rate, expected.channels), "rate and channels");
    assert_eq!(audio.frames(), expected.frames(), "frames");
    let differs = audio.samples.iter().zip(&expected.samples).position(|(x, y)| x != y);
    if let Some(at) = differs {
        panic!("sample {at} is {}, not {}", audio.samples[at], expected.samples[at]);
    }
}

#[track_caller]
fn holds16(wav: &[u8], expected: &Audio) {
    holds(wav, expected, 16, SampleFormat::Int);
}

/// A recording that so many bits hold exactly. Its number of frames is odd.
fn take(channels: u16, bits: u16) -> Audio {
    let steps = f32::from(bits - 1).exp2();
    let mut audio = Audio::speechlike(16_000, channels, 1201).scaled(1.5);
    for sample in &mut audio.samples {
        *sample = (*sample * steps).round().clamp(-steps, steps - 1.0) / steps;
    }
    audio
}

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = id.to_vec();
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// The header of a `data` chunk that claims some length.
fn data_header(len: u32) -> Vec<u8> {
    [&b"data"[..], &len.to_le_bytes()].concat()
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    form(b"RIFF", chunks)
}

fn form(id: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    let len = if id == b"RIFF" { body.len() as u32 + 4 } else { u32::MAX };
    [&id[..], &len.to_le_bytes(), b"WAVE", &body].concat()
}

/// The plain `fmt ` chunk's body.
fn plain(tag: u16, channels: u16, bits: u16) -> Vec<u8> {
    let align = channels * bits.div_ceil(8);
    let mut fmt = Vec::new();
    for number in [tag, channels] {
        fmt.extend(number.to_le_bytes());
    }
    for number in [16_000, 16_000 * u32::from(align)] {
        fmt.extend(number.to_le_bytes());
    }
    for number in [align, bits] {
        fmt.extend(number.to_le_bytes());
    }
    fmt
}

/// The body of a `fmt ` chunk of `WAVE_FORMAT_EXTENSIBLE`.
fn extensible(tag: u16, channels: u16, bits: u16, valid_bits: u16, speakers: u32) -> Vec<u8> {
    let mut fmt = plain(0xfffe, channels, bits);
    fmt.extend(22_u16.to_le_bytes());
    fmt.extend(valid_bits.to_le_bytes());
    fmt.extend(speakers.to_le_bytes());
    fmt.extend(tag.to_le_bytes());
    fmt.extend(GUID_TAIL);
    fmt
}

/// The samples as little-endian integers of so many bytes, left-justified in them.
fn integers(audio: &Audio, bytes: usize) -> Vec<u8> {
    let whole = audio.samples.iter().map(|sample| (f64::from(*sample) * 31_f64.exp2()) as i32);
    whole.flat_map(|sample| sample.to_le_bytes()[4 - bytes..].to_vec()).collect()
}

#[test]
fn one_to_eight_channels() {
    for channels in 1..=8 {
        let audio = take(channels, 16);
        holds16(&copied(&audio.wav16()), &audio);
        let fmt = chunk(b"fmt ", &plain(PCM, channels, 16));
        holds16(&copied(&riff(&[fmt, chunk(b"data", &audio.pcm())])), &audio);
    }
}

#[test]
fn nine_channels_are_refused() {
    let bench = Bench::new();
    bench.file("in.wav", take(9, 16).wav16());
    copying(&bench, "in.wav").fails(4, "9 channels");
}

#[test]
fn eight_bits_become_sixteen() {
    for channels in [1, 2] {
        let audio = take(channels, 8);
        holds16(&copied(&audio.wav(8, false)), &audio);
    }
}

#[test]
fn twenty_four_bits_stay() {
    for channels in [1, 2, 6] {
        let audio = take(channels, 24);
        holds(&copied(&audio.wav(24, false)), &audio, 24, SampleFormat::Int);
    }
}

#[test]
fn thirty_two_bits_become_twenty_four() {
    let audio = take(2, 24);
    holds(&copied(&audio.wav(32, false)), &audio, 24, SampleFormat::Int);
}

#[test]
fn the_lowest_of_thirty_two_bits_are_rounded() {
    let audio = Audio::speechlike(16_000, 1, 1201);
    let output = Audio::of_wav(&copied(&audio.wav(32, false)));
    let step = (-23_f32).exp2();
    assert!(output.samples.iter().zip(&audio.samples).all(|(x, y)| (x - y).abs() < 2.0 * step));
}

#[test]
fn floats_stay_floats_even_above_full_scale() {
    for channels in [1, 2, 3] {
        let audio = Audio::speechlike(16_000, channels, 1201).scaled(8.0);
        assert!(audio.samples.iter().any(|sample| sample.abs() > 1.0));
        holds(&copied(&audio.wav(32, true)), &audio, 32, SampleFormat::Float);
    }
}

#[test]
fn double_precision() {
    for fmt in [plain(IEEE_FLOAT, 2, 64), extensible(IEEE_FLOAT, 2, 64, 64, 3)] {
        let audio = Audio::speechlike(16_000, 2, 1201);
        let data: Vec<u8> = audio.samples.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
        let header = chunk(b"fmt ", &fmt);
        let whole = riff(&[header.clone(), chunk(b"data", &data)]);
        let streamed = riff(&[header, data_header(u32::MAX), data]);
        for wav in [whole, streamed] {
            holds(&copied(&wav), &audio, 32, SampleFormat::Float);
        }
    }
}

#[test]
fn extensible_headers() {
    let cases = [
        // Bits of the container, those that are valid, and the loudspeakers.
        (1, 16, 16, 4),
        (2, 16, 16, 3),
        (3, 16, 16, 0),
        (2, 16, 12, 3),
        (2, 24, 24, 3),
        (2, 24, 20, 3),
        (2, 32, 24, 3),
        (4, 32, 32, 0),
    ];
    for (channels, bits, valid, speakers) in cases {
        let audio = take(channels, valid.min(24));
        let fmt = chunk(b"fmt ", &extensible(PCM, channels, bits, valid, speakers));
        let data = chunk(b"data", &integers(&audio, usize::from(bits / 8)));
        holds(&copied(&riff(&[fmt, data])), &audio, bits.min(24), SampleFormat::Int);
    }
}

#[test]
fn extensible_floats() {
    let audio = Audio::speechlike(16_000, 2, 1201);
    let data: Vec<u8> = audio.samples.iter().flat_map(|x| x.to_le_bytes()).collect();
    let fmt = chunk(b"fmt ", &extensible(IEEE_FLOAT, 2, 32, 32, 3));
    holds(&copied(&riff(&[fmt, chunk(b"data", &data)])), &audio, 32, SampleFormat::Float);
}

#[test]
fn valid_bits_are_the_upper_ones() {
    // The plain header of 12-bit samples: left-justified in two bytes, by the format's definition.
    let audio = take(1, 12);
    let fmt = chunk(b"fmt ", &plain(PCM, 1, 12));
    holds16(&copied(&riff(&[fmt, chunk(b"data", &integers(&audio, 2))])), &audio);
}

#[test]
fn unknown_chunks_are_skipped() {
    let audio = take(2, 16);
    let fmt = chunk(b"fmt ", &plain(PCM, 2, 16));
    let data = chunk(b"data", &audio.pcm());
    // `data` within other chunks is not the data.
    let tags = chunk(b"LIST", b"INFOdata\x04\x00\x00\x00abc");
    let odd = [
        chunk(b"JUNK", &[0; 3]),
        tags.clone(),
        chunk(b"bext", &[1; 603]),
        chunk(b"id3 ", b"ID3\x04\x00\x00\x00\x00\x00\x01x"),
    ];
    for extra in &odd {
        holds16(&copied(&riff(&[extra.clone(), fmt.clone(), data.clone()])), &audio);
        holds16(&copied(&riff(&[fmt.clone(), extra.clone(), data.clone()])), &audio);
    }
    let all = [&[fmt], &odd[..], &[data, tags]].concat();
    holds16(&copied(&riff(&all)), &audio);
}

#[test]
fn what_follows_the_data_is_no_sound() {
    let tags = chunk(b"LIST", b"INFOISFT\x04\x00\x00\x00abc\x00");
    let audio = take(2, 16);
    let fmt = chunk(b"fmt ", &plain(PCM, 2, 16));
    holds16(&copied(&riff(&[fmt, chunk(b"data", &audio.pcm()), tags.clone()])), &audio);
    // Data of odd length is padded.
    let audio = take(1, 8);
    let fmt = chunk(b"fmt ", &plain(PCM, 1, 8));
    let data: Vec<u8> = audio.samples.iter().map(|x| (x * 128.0 + 128.0) as u8).collect();
    assert_eq!(data.len() % 2, 1);
    holds16(&copied(&riff(&[fmt, chunk(b"data", &data), tags])), &audio);
}

#[test]
fn lengths_that_a_pipe_leaves_mean_all_there_is() {
    let audio = take(2, 16);
    for len in STREAMED {
        for riff_len in [0, len, len.wrapping_add(36), u32::MAX] {
            let mut wav = riff(&[chunk(b"fmt ", &plain(PCM, 2, 16)), data_header(len), audio.pcm()]);
            wav[4..8].copy_from_slice(&riff_len.to_le_bytes());
            holds16(&copied(&wav), &audio);
        }
    }
}

#[test]
fn the_length_of_the_whole_does_not_matter() {
    let audio = take(1, 16);
    for len in [0, 1, 36, 1000, 0x7fff_ffff, u32::MAX] {
        let mut wav = audio.wav16();
        wav[4..8].copy_from_slice(&u32::to_le_bytes(len));
        holds16(&copied(&wav), &audio);
    }
}

#[test]
fn data_that_was_cut_short_is_used_with_a_warning() {
    let audio = take(2, 16);
    let mut wav = audio.wav16();
    wav.truncate(wav.len() - 4 * 301);
    let (output, done) = copied_with(&wav);
    let expected = Audio { samples: audio.samples[..2 * 900].to_vec(), ..audio };
    holds16(&output, &expected);
    for done in done {
        done.says("warning: ").says("1204 bytes before its announced end");
    }
}

#[test]
fn a_cut_within_a_frame_loses_that_frame_only() {
    let audio = take(2, 16);
    let mut wav = audio.wav16();
    wav.truncate(wav.len() - 4 * 301 + 3);
    let (output, done) = copied_with(&wav);
    let expected = Audio { samples: audio.samples[..2 * 900].to_vec(), ..audio };
    holds16(&output, &expected);
    for done in done {
        done.says("warning: ").says("before its announced end");
    }
}

#[test]
fn an_incomplete_last_frame_is_left_out_with_a_warning() {
    let audio = take(2, 16);
    for left_over in 1..4_u8 {
        let data = [audio.pcm(), vec![1; left_over.into()]].concat();
        let fmt = chunk(b"fmt ", &plain(PCM, 2, 16));
        let announced = riff(&[fmt.clone(), chunk(b"data", &data)]);
        let streamed = riff(&[fmt, data_header(u32::MAX), data]);
        for wav in [announced, streamed] {
            let (output, done) = copied_with(&wav);
            holds16(&output, &audio);
            for done in done {
                done.says("warning: ").says(&format!("incomplete; its {left_over} byte"));
            }
        }
    }
}

#[test]
fn a_header_alone_is_no_recording() {
    for wav in
        [riff(&[chunk(b"fmt ", &plain(PCM, 1, 16)), data_header(0)]), take(1, 16).wav16()[..44].to_vec()]
    {
        let bench = Bench::new();
        bench.file("in.wav", &wav);
        copying(&bench, "in.wav").fails(4, "no audio");
        copying(&bench, "-").stdin(wav).fails(4, "no audio");
        assert_eq!(bench.names(), ["in.wav"]);
    }
}

#[test]
fn rf64_and_bw64() {
    let audio = take(2, 16);
    let data = audio.pcm();
    let tags = chunk(b"LIST", b"INFOISFT\x04\x00\x00\x00abc\x00");
    for id in [b"RF64", b"BW64"] {
        let sizes = |len: usize| {
            let numbers = [len as u64 + 100, len as u64, audio.frames() as u64];
            let body: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).chain([0; 4]).collect();
            chunk(b"ds64", &body)
        };
        let fmt = chunk(b"fmt ", &plain(PCM, 2, 16));
        let long = [sizes(data.len()), fmt.clone(), data_header(u32::MAX), data.clone(), tags.clone()];
        let short = [sizes(data.len()), fmt.clone(), chunk(b"data", &data), tags.clone()];
        // Written to a pipe: nobody came back to fill in the lengths.
        let unknown = [sizes(0), fmt, data_header(u32::MAX), data.clone()];
        for wav in [form(id, &long), form(id, &short), form(id, &unknown)] {
            holds16(&copied(&wav), &audio);
        }
    }
}

#[test]
fn wave64() {
    const TAIL: &[u8] = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a";
    // Lengths include the header of 24 bytes, and chunks start at multiples of 8.
    let long = |id: &[u8], body: &[u8]| {
        let mut bytes = [id, TAIL, &(body.len() as u64 + 24).to_le_bytes(), body].concat();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    };
    for channels in [1, 3] {
        let audio = take(channels, 16);
        let chunks = [
            long(b"junk", &[0; 5]),
            long(b"fmt ", &plain(PCM, channels, 16)),
            long(b"data", &audio.pcm()),
            long(b"list", &[7; 11]),
        ]
        .concat();
        let riff = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";
        let len = 40 + chunks.len() as u64;
        let wav = [&riff[..], &len.to_le_bytes(), b"wave", TAIL, &chunks].concat();
        holds16(&copied(&wav), &audio);
    }
}

/// G.711's μ-law, in the 16-bit scale that all decoders use.
fn mulaw(byte: u8) -> f32 {
    let bits = !byte;
    let magnitude = ((i32::from(bits & 15) * 8 + 0x84) << ((bits >> 4) & 7)) - 0x84;
    (if bits & 0x80 == 0 { magnitude } else { -magnitude }) as f32 / 32768.0
}

/// G.711's A-law.
fn alaw(byte: u8) -> f32 {
    let bits = byte ^ 0x55;
    let (mantissa, segment) = (i32::from(bits & 15) * 16 + 8, bits >> 4 & 7);
    let magnitude = if segment == 0 { mantissa } else { (mantissa + 0x100) << (segment - 1) };
    (if bits & 0x80 == 0 { -magnitude } else { magnitude }) as f32 / 32768.0
}

/// Expects both telephone codings to be read behind the `fmt ` chunks that `headers` makes of a tag and a
/// number of channels.
#[track_caller]
fn telephone_codings_behind(headers: impl Fn(u16, u16) -> Vec<u8>) {
    let data: Vec<u8> = (0..1024).map(|i| (i * 7 % 256) as u8).collect();
    for (tag, expand) in [(MULAW, mulaw as fn(u8) -> f32), (ALAW, alaw)] {
        for channels in [1, 2] {
            let samples = data.iter().map(|byte| expand(*byte)).collect();
            let audio = Audio { rate: 16_000, channels, samples };
            let fmt = chunk(b"fmt ", &headers(tag, channels));
            let fact = chunk(b"fact", &(audio.frames() as u32).to_le_bytes());
            let tags = chunk(b"LIST", b"INFOISFT\x04\x00\x00\x00abc\x00");
            holds16(&copied(&riff(&[fmt.clone(), fact, chunk(b"data", &data), tags])), &audio);
            holds16(&copied(&riff(&[fmt.clone(), data_header(u32::MAX), data.clone()])), &audio);
            holds16(&copied(&riff(&[fmt, data_header(0), data.clone()])), &audio);
        }
    }
}

#[test]
fn telephone_codings() {
    telephone_codings_behind(|tag, channels| [plain(tag, channels, 8), vec![0, 0]].concat());
}

#[test]
fn telephone_codings_with_the_short_header() {
    // Only PCM may leave out the length of the extension, yet exchanges and old programs do.
    telephone_codings_behind(|tag, channels| plain(tag, channels, 8));
}

#[test]
fn telephone_codings_with_the_extensible_header() {
    telephone_codings_behind(|tag, channels| extensible(tag, channels, 8, 8, 0));
}

#[test]
fn telephone_codings_that_were_cut_short_are_used_with_a_warning() {
    let data = vec![0x55; 1000];
    let fmt = [plain(ALAW, 1, 8), vec![0, 0]].concat();
    let wav = riff(&[chunk(b"fmt ", &fmt), data_header(20_000), data]);
    let (output, done) = copied_with(&wav);
    assert_eq!(Audio::of_wav(&output).frames(), 1000);
    for done in done {
        done.says("warning: ").says("announced end");
    }
}

#[test]
fn the_name_does_not_matter() {
    let audio = take(1, 16);
    for name in ["in.mp3", "in.txt", "in", "in.pcm"] {
        let bench = Bench::new();
        bench.file(name, audio.wav16());
        copying(&bench, name).succeeds();
        holds16(&bench.read("out.wav"), &audio);
    }
}

#[test]
fn a_redirected_file_is_as_good_as_a_file() {
    let audio = take(2, 16);
    let bench = Bench::new();
    let path = bench.file("in.wav", audio.wav16());
    let mut command = Command::new(binary());
    command.current_dir(bench.path("")).args(["--attenuation-limit", "0", "-o", "redirected.wav"]);
    for name in SCRUBBED {
        command.env_remove(name);
    }
    command.stdin(Stdio::from(File::open(path).expect("the input")));
    assert!(command.output().expect("the program starts").status.success());
    copying(&bench, "in.wav").succeeds();
    assert!(bench.read("redirected.wav") == bench.read("out.wav"));
    holds16(&bench.read("out.wav"), &audio);
}

#[test]
fn headerless_samples() {
    for (rate, channels) in [(16_000, 1), (8_000, 1), (48_000, 2), (44_100, 6)] {
        let audio = Audio { rate, ..take(channels, 16) };
        let bench = Bench::new();
        bench.file("in.pcm", audio.pcm());
        let (rate, channels) = (rate.to_string(), channels.to_string());
        let raw = |input: &str| {
            let layout = ["--raw", "--rate", &rate, "--channels", &channels];
            let rest = [input, "--attenuation-limit", "0", "--force", "-o", "out.wav"];
            bench.voxsift(layout.into_iter().chain(rest))
        };
        raw("in.pcm").succeeds().says_not("warning");
        holds16(&bench.read("out.wav"), &audio);
        raw("-").stdin(audio.pcm()).succeeds().says_not("warning");
        holds16(&bench.read("out.wav"), &audio);
    }
}

#[test]
fn headerless_samples_are_mono_of_16_khz_by_default() {
    let audio = take(1, 16);
    let bench = Bench::new();
    let args = ["--raw", "--attenuation-limit", "0", "-o", "out.wav"];
    bench.voxsift(args).stdin(audio.pcm()).succeeds();
    holds16(&bench.read("out.wav"), &audio);
}

#[test]
fn headerless_samples_must_come_out_even() {
    let mono = [take(1, 16).pcm(), vec![0]].concat();
    let stereo = [take(2, 16).pcm(), vec![0, 0]].concat();
    for (bytes, channels, reason) in
        [(mono, "1", "an odd last byte"), (stereo, "2", "2 bytes of a last frame")]
    {
        let bench = Bench::new();
        bench.file("in.pcm", &bytes);
        let raw = |input| bench.voxsift([input, "--raw", "--channels", channels, "-o", "out.wav"]);
        raw("in.pcm").fails(4, reason);
        raw("-").stdin(bytes).fails(4, reason);
        assert_eq!(bench.names(), ["in.pcm"], "no output is left");
    }
}

#[test]
fn a_wav_file_as_headerless_samples_is_taken_at_its_word() {
    // Whoever says --raw gets the header as sound: 44 bytes are 22 frames.
    let audio = take(1, 16);
    let bench = Bench::new();
    bench.file("in.wav", audio.wav16());
    bench.voxsift(["in.wav", "--raw", "--attenuation-limit", "0", "-o", "out.wav"]).succeeds();
    let header = audio.wav16().len() - audio.pcm().len();
    assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), audio.frames() + header / 2);
}
