//! What the ElevenLabs engine sends: every byte of it.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/server.rs"]
mod server;
#[path = "support/service.rs"]
mod service;
mod support;

use std::f64::consts::TAU;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use child::{Running, command, fifo, until};
use server::Server;
use service::{ENDPOINT, Form, KEY, Reply, Request, Service};
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

#[test]
fn sixteen_bit_mono_at_sixteen_kilohertz_is_sent_as_its_samples() {
    let fmt = chunk(b"fmt ", &plain(1, 1, 16_000, 16));
    let data = chunk(b"data", &SAMPLES);
    let list = chunk(b"LIST", b"INFOINAM\x08\0\0\0private\0");
    let odd = chunk(b"junk", b"seven..");
    let bare = chunk(b"fmt ", &extensible(1, 1, 16));
    let size = |len: usize| (len as u64).to_le_bytes();
    let sizes = [size(SAMPLES.len() + 84), size(SAMPLES.len()), size(80_000)].concat();
    let ds64 = chunk(b"ds64", &[&sizes[..], &[0; 4]].concat());
    let mut data64 = data.clone();
    data64[4..8].fill(0xff);
    for (what, wav) in [
        ("plain", WAV.clone()),
        ("LIST before", riff(b"RIFF", &[fmt.clone(), list.clone(), data.clone()])),
        ("LIST first", riff(b"RIFF", &[list.clone(), fmt.clone(), data.clone()])),
        ("LIST behind", riff(b"RIFF", &[fmt.clone(), data.clone(), list.clone()])),
        ("odd chunks", riff(b"RIFF", &[odd.clone(), fmt.clone(), odd.clone(), data.clone(), odd, list])),
        ("extensible", riff(b"RIFF", &[bare, data.clone()])),
        ("RF64", riff(b"RF64", &[ds64.clone(), fmt.clone(), data64.clone()])),
        ("BW64", riff(b"BW64", &[ds64, fmt, data64])),
        ("something behind", [&WAV[..], b"ID3 or other things that are no chunk"].concat()),
    ] {
        println!("{what}");
        sent_of(&wav, &[]).is_samples(&SAMPLES);
        sent_of_pipe(&wav, &[]).is_samples(&SAMPLES);
        sent_of_pipe(&wav, &["--retries", "0"]).is_samples(&SAMPLES);
    }
}

#[test]
fn any_other_wav_is_sent_as_it_is() {
    let stereo = Audio { channels: 2, samples: [&TAKE.samples[..], &TAKE.samples].concat(), ..TAKE.clone() };
    let at = |rate| Audio { rate, ..TAKE.clone() }.wav16();
    let list = chunk(b"LIST", b"INFOINAM\x08\0\0\0private\0");
    let coded = |fmt: &[u8], len| {
        riff(b"RIFF", &[chunk(b"fmt ", fmt), list.clone(), chunk(b"data", &vec![0x55; len]), list.clone()])
    };
    for (what, wav) in [
        ("8 bits", TAKE.wav(8, false)),
        ("24 bits", TAKE.wav(24, false)),
        ("32 bits", TAKE.wav(32, false)),
        ("float", TAKE.wav(32, true)),
        ("stereo", stereo.wav16()),
        ("8 kHz", at(8_000)),
        ("15,999 Hz", at(15_999)),
        ("A-law", coded(&[plain(6, 1, 16_000, 8), vec![0; 2]].concat(), 80_000)),
        ("µ-law", coded(&[plain(7, 1, 16_000, 8), vec![0; 2]].concat(), 80_000)),
        ("float of the extensible kind", coded(&extensible(3, 1, 32), 320_000)),
        ("stereo of the extensible kind", coded(&extensible(1, 2, 16), 320_000)),
        ("44.1 kHz", Audio::speechlike(44_100, 1, 5 * 44_100).wav16()),
    ] {
        println!("{what}");
        sent_of(&wav, &[]).is("other", "audio/wav", &wav);
        sent_of_pipe(&wav, &[]).is("other", "audio/wav", &wav);
        sent_of_pipe(&wav, &["--retries", "0"]).is("other", "audio/wav", &wav);
    }
}

#[test]
fn the_lengths_that_pipes_leave_in_headers_are_not_believed() {
    for len in [0xffff_ffff_u32, 0x7fff_f000, 0x8000_0000, 0] {
        for (wav, samples) in [(&WAV, Some(&SAMPLES)), (&OTHER_WAV, None)] {
            let mut wav = wav.to_vec();
            wav[4..8].copy_from_slice(&len.saturating_add(36).to_le_bytes());
            wav[40..44].copy_from_slice(&len.to_le_bytes());
            for form in [sent_of(&wav, &[]), sent_of_pipe(&wav, &[]), sent_of_pipe(&wav, &["--retries", "0"])]
            {
                match samples {
                    Some(samples) => form.is_samples(samples),
                    None => form.is("other", "audio/wav", &wav),
                }
            }
        }
    }
}

/// A WAV file that ends so many bytes early, and all whole samples that are left.
fn cut(bytes: usize) -> (&'static [u8], &'static [u8]) {
    (&WAV[..WAV.len() - bytes], &SAMPLES[..SAMPLES.len() - bytes.next_multiple_of(2)])
}

#[test]
fn a_wav_that_was_cut_is_sent_as_far_as_it_goes() {
    for (wav, samples) in [cut(8_000), cut(8_001)] {
        let bench = Bench::new();
        bench.file("in.wav", wav);
        for (input, stdin) in [("in.wav", &b""[..]), ("-", wav)] {
            let service = Service::new();
            let run = service.voxsift(&bench, &[input, "-f", "-o", "out.mp3"]).stdin(stdin);
            run.succeeds().says("warning: ").says("before its announced end");
            service.request().form().is_samples(samples);
        }
    }
    // What is sent as it is, is.
    let other = &OTHER_WAV[..OTHER_WAV.len() - 3_001];
    sent_of(other, &[]).is("other", "audio/wav", other);
    sent_of_pipe(other, &[]).is("other", "audio/wav", other);
    sent_of_pipe(other, &["--retries", "0"]).is("other", "audio/wav", other);
}

#[test]
fn a_live_wav_that_was_cut_is_sent_as_far_as_it_goes() {
    for (wav, samples) in [cut(8_000), cut(8_001)] {
        let (bench, service) = (Bench::new(), Service::new());
        let args = ["-", "--retries", "0", "-o", "out.mp3"];
        let done = service.voxsift(&bench, &args).stdin(wav).succeeds();
        service.request().form().is_samples(samples);
        done.says("warning: ").says("before its announced end");
    }
}

#[test]
fn headers_may_be_long() {
    let picture = chunk(b"id3 ", &[0x2a; 300_001]);
    let data = |samples| chunk(b"data", samples);
    let narrow = riff(b"RIFF", &[picture.clone(), chunk(b"fmt ", &plain(1, 1, 16_000, 16)), data(&SAMPLES)]);
    let other = riff(b"RIFF", &[chunk(b"fmt ", &plain(1, 1, 8_000, 16)), picture, data(&SAMPLES)]);
    sent_of(&narrow, &[]).is_samples(&SAMPLES);
    sent_of_pipe(&narrow, &[]).is_samples(&SAMPLES);
    sent_of_pipe(&narrow, &["--retries", "0"]).is_samples(&SAMPLES);
    sent_of(&other, &[]).is("other", "audio/wav", &other);
    sent_of_pipe(&other, &[]).is("other", "audio/wav", &other);
    // Where a pipe cannot be read twice, it may be refused, but never sent without its start.
    let (bench, service) = (Bench::new(), Service::new());
    let args = ["--retries", "0", "-o", "out.mp3"];
    service.voxsift(&bench, &args).stdin(&*other).fails(4, "header").says("--retries");
    service.is_untouched();
}

#[test]
fn names_do_not_decide() {
    let bench = Bench::new();
    bench.file("take.mp3", &*WAV);
    let form = sent(&bench, &["take.mp3"]);
    form.is_samples(&SAMPLES);
    assert_eq!(form.file_name, "take.mp3");
    bench.file("take.flac", &*OTHER_WAV);
    sent(&bench, &["take.flac"]).is("other", "audio/wav", &OTHER_WAV);
    for name in ["take.wav", "take.pcm", "take.txt", "take"] {
        bench.file(name, bytes_of("voice.opus"));
        sent(&bench, &[name]).is("other", "audio/ogg", &bytes_of("voice.opus"));
    }
}

#[test]
fn raw_samples_are_sent_as_they_are() {
    sent_of(&SAMPLES, &["--raw"]).is_samples(&SAMPLES);
    sent_of(&SAMPLES, &["--raw", "--rate", "16000", "--channels", "1"]).is_samples(&SAMPLES);
    sent_of_pipe(&SAMPLES, &["--raw"]).is_samples(&SAMPLES);
    sent_of_pipe(&SAMPLES, &["--raw", "--retries", "0"]).is_samples(&SAMPLES);
    // What is said to be raw is: also when it looks like a WAV file.
    sent_of(&WAV, &["--raw"]).is_samples(&WAV);
}

#[test]
fn raw_samples_have_to_fit() {
    let odd = &SAMPLES[1..];
    refused(odd, &["--raw"], 4, "odd");
    let (bench, service) = (Bench::new(), Service::new());
    service.voxsift(&bench, &["--raw", "-o", "out.mp3"]).stdin(odd).fails(4, "odd");
    service.is_untouched();
    for args in
        [&["--raw", "--rate", "44100"][..], &["--raw", "--channels", "2"], &["--raw", "--rate", "8000"]]
    {
        refused(&SAMPLES, args, 2, "16000 Hz, mono").says("hint: ").says("--resample");
    }
}

#[test]
fn an_odd_end_of_a_live_pipe_is_never_billed() {
    // It is found when the upload has begun, so that the upload is left unfinished.
    let (bench, service) = (Bench::new(), Service::new());
    let args = ["--raw", "--retries", "0", "-o", "out.mp3"];
    service.voxsift(&bench, &args).stdin(&SAMPLES[1..]).fails(4, "odd");
    assert!(bench.names().is_empty(), "{:?}", bench.names());
}

#[test]
fn resampled_speech_is_sixteen_kilohertz_mono() {
    let expected = tones(16_000, &[310.0]);
    let bench = Bench::new();
    for (rate, channels, bits, float) in [
        (8_000, 1, 16, false),
        (16_000, 1, 24, false),
        (16_000, 2, 16, false),
        (22_050, 1, 16, false),
        (44_100, 2, 16, false),
        (44_100, 1, 32, true),
        (48_000, 3, 24, false),
        (96_000, 1, 24, false),
    ] {
        let source = tones(rate, &vec![310.0; channels]);
        bench.file("in.wav", source.wav(bits, float));
        let form = sent(&bench, &["in.wav", "--resample"]);
        form.is_samples(&form.audio);
        let audio = Audio::of_pcm(&form.audio, 16_000, 1);
        assert_eq!(audio.frames(), 80_000, "{rate} Hz, {channels} channels");
        let snr = audio.snr(&expected);
        assert!(snr > 60.0, "{rate} Hz, {channels} channels, {bits} bits: {snr:.1} dB");
    }
}

#[test]
fn resampling_makes_the_mean_of_the_channels() {
    let bench = Bench::new();
    let (left, right) = (tones(16_000, &[250.0]), tones(16_000, &[330.0]));
    let mean = left.samples.iter().zip(&right.samples).map(|(l, r)| (l + r) / 2.0).collect();
    bench.file("in.wav", tones(48_000, &[250.0, 330.0]).wav16());
    let audio = Audio::of_pcm(&sent(&bench, &["in.wav", "--resample"]).audio, 16_000, 1);
    let snr = audio.snr(&Audio { samples: mean, ..left });
    assert!(snr > 60.0, "{snr:.1} dB");
}

#[test]
fn resampling_leaves_alone_what_fits_already() {
    for args in [&["--resample"][..], &["--resample", "--file-format", "pcm_s16le_16"]] {
        sent_of(&WAV, args).is_samples(&SAMPLES);
        sent_of_pipe(&WAV, args).is_samples(&SAMPLES);
        sent_of(&SAMPLES, &[args, &["--raw"]].concat()).is_samples(&SAMPLES);
    }
}

#[test]
fn everything_that_can_be_decoded_can_be_resampled() {
    let bench = Bench::new();
    let expected = tones(16_000, &[310.0]);
    let wav = tones(44_100, &[310.0, 310.0]);
    bench.file("in.wav", wav.wav16());
    bench.voxsift(["in.wav", "--attenuation-limit", "0", "-o", "in.flac"]).succeeds();
    bench.file("in.pcm", wav.pcm());
    let (flac, pcm) = (bench.read("in.flac"), bench.read("in.pcm"));
    let raw = ["--resample", "--raw", "--rate", "44100", "--channels", "2"];
    for form in [
        sent_of(&flac, &["--resample"]),
        sent_of_pipe(&flac, &["--resample"]),
        sent_of_pipe(&flac, &["--resample", "--retries", "0"]),
        sent_of(&pcm, &raw),
        sent_of_pipe(&pcm, &raw),
    ] {
        form.is_samples(&form.audio);
        let snr = Audio::of_pcm(&form.audio, 16_000, 1).snr(&expected);
        assert!(snr > 60.0, "{} {snr:.1} dB", form.file_name);
    }
    // Formats that the service does not take as they are, and a film. Codecs and resamplers round ends up.
    for (name, samples) in [("pcm.caf", 4_800), ("alac.caf", 4_800), ("aac.mp4", 4_800), ("opus.webm", 4_800)]
    {
        let form = sent_of(&bytes_of(name), &["--resample", "--ignore-limits"]);
        form.is_samples(&form.audio);
        assert_eq!(form.audio.len(), 2 * samples, "{name}");
    }
}

#[test]
fn a_format_can_be_forced_where_it_fits() {
    let opus = bytes_of("voice.opus");
    let forced = |format| ["--file-format", format];
    let (auto, pcm, other) = (forced("auto"), forced("pcm_s16le_16"), forced("other"));

    sent_of(&WAV, &auto).is_samples(&SAMPLES);
    sent_of(&WAV, &pcm).is_samples(&SAMPLES);
    sent_of(&WAV, &other).is("other", "audio/wav", &WAV);
    sent_of_pipe(&WAV, &other).is("other", "audio/wav", &WAV);
    for (bytes, kind) in [(&*OTHER_WAV, "audio/wav"), (&opus, "audio/ogg")] {
        sent_of(bytes, &auto).is("other", kind, bytes);
        sent_of(bytes, &other).is("other", kind, bytes);
        refused(bytes, &pcm, 4, "pcm_s16le_16").says("hint: ").says("--resample");
    }
    let raw = |format: [&'static str; 2]| [&["--raw"], &format[..]].concat();
    sent_of(&SAMPLES, &raw(auto)).is_samples(&SAMPLES);
    sent_of(&SAMPLES, &raw(pcm)).is_samples(&SAMPLES);
    refused(&SAMPLES, &raw(other), 2, "pcm_s16le_16").says("hint: ");
    refused(&SAMPLES, &[&raw(pcm)[..], &["--rate", "8000"]].concat(), 2, "16000 Hz, mono").says("--resample");
    refused(&WAV, &[&other[..], &["--resample"]].concat(), 2, "--resample");
    refused(&SAMPLES, &[&raw(other)[..], &["--resample"]].concat(), 2, "other");
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    service.voxsift(&bench, &["in.wav", "--file-format", "mp3"]).exits(2).says("pcm_s16le_16, other");
    service.is_untouched();
}

#[test]
fn file_names_are_escaped_and_bare() {
    let bench = Bench::new();
    for (name, expected) in [
        ("take.wav", "take.wav"),
        ("a \"b\".wav", "a %22b%22.wav"),
        ("a\r\nb\rc\nd.wav", "a%0D%0Ab%0Dc%0Ad.wav"),
        ("x\"; name=\"y.wav", "x%22; name=%22y.wav"),
        ("x\r\n\r\n--evil--\r\n.wav", "x%0D%0A%0D%0A--evil--%0D%0A.wav"),
        ("%22 + %0D.wav", "%22 + %0D.wav"),
        ("a\\b;c=1,'2'.wav", "a\\b;c=1,'2'.wav"),
        ("Grüße 日本 🎙.wav", "Grüße 日本 🎙.wav"),
        ("-x.wav", "-x.wav"),
        (".wav", ".wav"),
    ] {
        bench.file(name, &*WAV);
        let form = sent(&bench, &["--", name]);
        assert_eq!(form.file_name, expected);
        form.is_samples(&SAMPLES);
    }
    let long = format!("{}.wav", "n".repeat(240));
    bench.file(&long, &*WAV);
    assert_eq!(sent(&bench, &[&long]).file_name, long);
}

#[test]
fn names_that_are_no_text_make_no_broken_headers() {
    let bench = Bench::new();
    for name in [&b"t\xff\xfe.wav"[..], b"t\x1b[31m\x01\x7f.wav", b"t\xc2\x85\xe2\x80\xa8.wav"] {
        let service = Service::new();
        fs::write(bench.path(OsStr::from_bytes(name)), &*WAV).expect("a file");
        let mut run = command(&bench.path(""), [OsStr::from_bytes(name), "-f".as_ref()]);
        Running::start(run.args(["-o", "out.mp3"]).envs(service.env())).end().with(0);
        // That the header is UTF-8 without control characters is seen to where it is taken apart.
        let form = service.request().form();
        assert!(form.file_name.starts_with('t') && form.file_name.ends_with(".wav"), "{}", form.file_name);
        form.is_samples(&SAMPLES);
    }
}

#[test]
fn folders_are_nobodys_business() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("secret-folder/sub")).expect("folders");
    bench.file("secret-folder/sub/take.wav", &*OTHER_WAV);
    symlink("secret-folder/sub/take.wav", bench.path("link.wav")).expect("a link");
    let absolute = bench.path("secret-folder/sub/take.wav").display().to_string();
    for (path, name) in [
        ("secret-folder/sub/take.wav", "take.wav"),
        ("./secret-folder/../secret-folder/sub/take.wav", "take.wav"),
        (absolute.as_str(), "take.wav"),
        ("link.wav", "link.wav"),
    ] {
        let request = request(&bench, &[path], b"");
        assert_eq!(request.form().file_name, name);
        let everything = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        for part in ["secret-folder", "sub/", "/tmp"] {
            assert!(!everything.contains(part), "{part} in {everything:.500}");
        }
    }
}

#[test]
fn every_format_has_its_type() {
    for (kind, names) in [
        ("audio/wav", &["ima.wav", "ms.wav"][..]),
        ("audio/mpeg", &["cbr.mp3", "vbr.mp3", "tagless.mp3"]),
        ("audio/flac", &["s16.flac", "s24.flac", "stereo.opus.flac"]),
        ("audio/ogg", &["flac.ogg", "vorbis1.ogg", "vorbis2.ogg", "vorbis6.ogg"]),
        ("audio/ogg", &["speech.opus", "dtx.opus", "stereo.opus", "surround.opus", "voice.opus"]),
        ("audio/aac", &["aac.aac"]),
        ("audio/aiff", &["s16.aiff", "s24.aiff", "sowt.aifc", "f32.aifc"]),
        ("audio/mp4", &["aac.m4a", "aac-faststart.m4a", "alac.m4a", "alac24.m4a"]),
        ("video/mp4", &["aac.mp4", "opus.mp4"]),
        ("video/quicktime", &["s24be.mov", "s24be-faststart.mov", "s24le.mov"]),
        ("video/x-matroska", &["aac.mkv", "opus.mkv", "flac.mkv"]),
        ("video/webm", &["opus.webm", "vorbis.webm"]),
    ] {
        for name in names {
            let bytes = bytes_of(name);
            sent_of(&bytes, &["--ignore-limits"]).is("other", kind, &bytes);
            sent_of_pipe(&bytes, &["--ignore-limits"]).is("other", kind, &bytes);
        }
    }
}

#[test]
fn formats_that_are_not_decoded_here_have_their_types_as_well() {
    let mut mobile = bytes_of("aac.mp4");
    mobile[8..12].copy_from_slice(b"3gp4");
    sent_of(&mobile, &["--ignore-limits"]).is("other", "video/3gpp", &mobile);
    let rest = [0x2a; 5000];
    let asf = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
    for (start, kind) in [
        (&b"RIFF\x80\x13\0\0AVI LIST"[..], "video/x-msvideo"),
        (b"FLV\x01\x05\0\0\0\x09\0\0\0\0", "video/x-flv"),
        (b"\0\0\x01\xba\x44\0\x04\0\x04\x01", "video/mpeg"),
        (b"\0\0\x01\xb3\x14\0\xf0\x13", "video/mpeg"),
        (asf, "video/x-ms-wmv"),
    ] {
        let bytes = [start, &rest].concat();
        for form in
            [sent_of(&bytes, &[]), sent_of_pipe(&bytes, &[]), sent_of_pipe(&bytes, &["--retries", "0"])]
        {
            let asf = form.content_type == "video/x-ms-asf" && kind == "video/x-ms-wmv";
            form.is("other", if asf { "video/x-ms-asf" } else { kind }, &bytes);
        }
    }
}

#[test]
fn headers_are_few_and_exact() {
    let bench = Bench::new();
    bench.file("in.wav", &*OTHER_WAV);
    let request = request(&bench, &["in.wav"], b"");
    assert_eq!(request.path, ENDPOINT);
    assert_eq!(request.header("xi-api-key"), KEY);
    assert_eq!(request.header("user-agent"), format!("voxsift/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("content-length"), request.body.len().to_string());
    // The reply is audio, which nothing makes smaller.
    assert!(request.find("accept-encoding").is_none_or(|encoding| encoding == "identity"));
    let known =
        ["host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "xi-api-key"];
    for (name, value) in &request.headers {
        assert!(known.contains(&name.as_str()), "{name}: {value}");
    }
    // The whole body, once by hand.
    let boundary = request.boundary();
    let expected = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file_format\"\r\n\r\nother\r\n"),
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"in.wav\"\r\n"),
        "Content-Type: audio/wav\r\n\r\n".to_owned(),
    ];
    let end = format!("\r\n--{boundary}--\r\n");
    assert!(request.body == [expected.concat().as_bytes(), &OTHER_WAV, end.as_bytes()].concat());
}

#[test]
fn a_boundary_is_used_once() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let [first, second] = [(); 2].map(|()| request(&bench, &["in.wav"], b"").boundary().to_owned());
    assert_ne!(first, second);
}

#[test]
fn a_pipe_is_stored_first_unless_it_is_sent_once_only() {
    let bench = Bench::new();
    for (bytes, args) in [(&SAMPLES, &["--raw"][..]), (&WAV, &[]), (&OTHER_WAV, &[])] {
        let stored = request(&bench, args, bytes);
        assert_eq!(stored.find("transfer-encoding"), None);
        let live = request(&bench, &[args, &["--retries", "0"]].concat(), bytes);
        assert_eq!((live.find("content-length"), live.header("transfer-encoding")), (None, "chunked"));
        assert!(stored.form() == live.form());
    }
    // A file has a length in any case, also when the shell opens it.
    bench.file("in.wav", &*WAV);
    for input in ["in.wav", "-"] {
        let service = Service::new();
        let mut run = command(&bench.path(""), [input, "-f", "-o", "out.mp3", "--retries", "0"]);
        run.stdin(File::open(bench.path("in.wav")).expect("it"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::start_with(run.envs(service.env())).end().with(0);
        service.request().header("content-length");
        service.request().form().is_samples(&SAMPLES);
    }
}

#[test]
fn a_live_pipe_is_sent_while_it_arrives() {
    let bench = Bench::new();
    let server = Server::plain(|connection| {
        connection.request()?;
        let voice = service::voice();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", voice.len()))?;
        connection.send(voice)
    });
    let args = ["--raw", "--retries", "0", "-o", "out.mp3"];
    let mut running = Running::start(command(&bench.path(""), args).envs(server.env()));
    for second in 1..=5 {
        running.give(&SAMPLES[..32_000]);
        until("another second", || (server.received() > second * 32_000).then_some(()));
    }
    running.close();
    running.end().with(0);
    assert!(bench.read("out.mp3") == service::voice());
}

/// What happens to a file meanwhile.
type Change = fn(&File) -> std::io::Result<()>;

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_sent_to_its_end() {
    // Far more than the system takes while the server reads nothing.
    const LEN: u64 = 30_000_000;
    let changes: [Change; 3] = [
        |file| file.set_len(LEN + 1044),
        |file| file.set_len(1_000_000),
        |file| file.set_modified(SystemTime::now() + Duration::from_secs(10)),
    ];
    for (what, change) in changes.iter().enumerate() {
        let (bench, server) = (
            Bench::new(),
            Server::plain(|connection| {
                connection.head()?;
                connection.some(100_000)?;
                connection.until_told();
                connection.body()
            }),
        );
        let mut header = Audio { rate: 44_100, channels: 2, samples: Vec::new() }.wav16();
        header[4..8].copy_from_slice(&(LEN as u32 + 36).to_le_bytes());
        header[40..44].copy_from_slice(&(LEN as u32).to_le_bytes());
        let path = bench.file("in.wav", header);
        let file = OpenOptions::new().write(true).open(path).expect("the file");
        file.set_len(LEN + 44).expect("a sparse file");
        let mut run = command(&bench.path(""), ["in.wav"]);
        let running = Running::start(run.envs(server.env()));
        until("the start of the upload", || (server.received() >= 100_000).then_some(()));
        change(&file).expect("it is changed");
        server.tell();
        let ended = running.end().failed(4, "in.wav: ");
        assert!(ended.stderr.contains("while it was read"), "{}", ended.stderr);
        assert_eq!(bench.names(), ["in.wav"], "change {what}");
        server.saw(1, 1);
        // The end of the form is missing, so that nothing is billed.
        let body = &server.requests()[0].body;
        assert!(!body.ends_with(b"--\r\n") && (body.len() as u64) < LEN + 500, "change {what}");
    }
}

#[test]
fn a_fifo_is_a_pipe() {
    let bench = Bench::new();
    for (args, name) in [(&[][..], "one.wav"), (&["--retries", "0"], "two.wav")] {
        let service = Service::new();
        fifo(&bench.path(name));
        let writer = std::thread::spawn({
            let path = bench.path(name);
            move || fs::write(path, &*OTHER_WAV).expect("the program reads")
        });
        service.voxsift(&bench, &[&[name, "-o", "out.mp3", "-f"], args].concat()).succeeds();
        writer.join().expect("the writer ends");
        service.request().form().is("other", "audio/wav", &OTHER_WAV);
    }
}

#[test]
fn a_second_attempt_sends_the_same_bytes() {
    let busy = || Reply::of(503, "text/plain", "busy").with("Retry-After-ms", "1");
    let image = [b"\x89PNG\r\n\x1a\n", &[7; 1000][..]].concat();
    for (args, stdin) in [
        (&["in.wav"][..], &b""[..]),
        (&["in.wav", "--resample"], b""),
        (&["in.wav", "--preview", "image.png"], b""),
        (&["--raw"], &SAMPLES),
        (&["-"], &OTHER_WAV),
    ] {
        let bench = Bench::new();
        bench.file("in.wav", &*OTHER_WAV);
        bench.file("image.png", &image);
        let service = Service::answering([busy(), busy(), Reply::voice()]);
        let args = [args, &["--json", "-o", "out.mp3"]].concat();
        let json = service.voxsift(&bench, &args).stdin(stdin).succeeds().json();
        let requests = service.requests();
        assert_eq!((requests.len(), &json["attempts"]), (3, &3.into()));
        requests[0].form();
        for other in &requests[1..] {
            assert!(other.body == requests[0].body && other.headers == requests[0].headers, "{args:?}");
        }
        assert_eq!(json["bytes_uploaded"], 3 * requests[0].body.len());
        assert_eq!(json["file_format"], requests[0].form().file_format);
    }
}

#[test]
fn a_preview_goes_along_in_base64() {
    let all: Vec<u8> = (0..=255).collect();
    let bench = Bench::new();
    bench.file("in.wav", &*OTHER_WAV);
    for (name, start) in [
        ("a.png", &b"\x89PNG\r\n\x1a\n"[..]),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
        ("old.gif", b"GIF87a"),
        ("new.gif", b"GIF89a"),
        ("a.webp", b"RIFF\x08\x01\0\0WEBPVP8 "),
        ("png.txt", b"\x89PNG\r\n\x1a\n"),
    ] {
        // Every remainder of the division by three.
        for more in 0..3 {
            let image = [start, &all, &all[..more]].concat();
            bench.file(name, &image);
            let form = sent(&bench, &["in.wav", "--preview", name]);
            assert!(form.preview.as_ref() == Some(&image), "{name}");
            form.is("other", "audio/wav", &OTHER_WAV);
        }
    }
    bench.file("in.wav", &*WAV);
    let form = sent(&bench, &["in.wav", "--preview", "a.png"]);
    assert!(form.preview.is_some());
    form.is_samples(&SAMPLES);
    assert_eq!(sent(&bench, &["in.wav"]).preview, None);
}

#[test]
fn a_preview_is_an_image_of_up_to_two_megabytes() {
    let bench = Bench::new();
    let png = |len| {
        let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
        image.resize(len, 7);
        image
    };
    bench.file("in.wav", &*WAV);
    bench.file("image", png(2_000_000));
    assert_eq!(
        sent(&bench, &["in.wav", "--preview", "image"]).preview.map(|image| image.len()),
        Some(2_000_000)
    );
    bench.file("large", png(2 * 1024 * 1024 + 1));
    bench.file("text", b"this is no image");
    bench.file("empty", b"");
    bench.file("bitmap", b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0");
    fs::create_dir(bench.path("folder")).expect("a folder");
    let before = bench.names();
    for name in ["large", "text", "empty", "bitmap", "in.wav", "folder", "missing"] {
        let service = Service::new();
        let done = service.voxsift(&bench, &["in.wav", "--preview", name]).exits(2);
        let stderr = done.stderr();
        let (error, hint) = stderr.split_once('\n').expect("two lines");
        assert!(
            error.starts_with("error: ") && error.contains(name) && hint.starts_with("hint: "),
            "{stderr}"
        );
        service.is_untouched();
        assert_eq!(bench.names(), before);
    }
}

#[test]
fn the_stream_is_another_endpoint() {
    let bench = Bench::new();
    for (bytes, args) in
        [(&WAV, &["in.wav"][..]), (&OTHER_WAV, &["in.wav"]), (&OTHER_WAV, &["in.wav", "--resample"])]
    {
        bench.file("in.wav", &**bytes);
        let usual = request(&bench, args, b"");
        let streamed = request(&bench, &[args, &["--stream"]].concat(), b"");
        assert_eq!((&*usual.path, &*streamed.path), (ENDPOINT, &*format!("{ENDPOINT}/stream")));
        assert!(usual.form() == streamed.form());
    }
    let service = Service::new();
    bench.file("image.png", b"\x89PNG\r\n\x1a\n1234");
    service.voxsift(&bench, &["in.wav", "--stream", "--preview", "image.png"]).exits(2).says("--preview");
    service.is_untouched();
}

#[test]
fn a_base_url_keeps_its_path() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let path = |args: &[&str], base: &dyn Fn(&str) -> String| {
        let service = Service::new();
        let args = [&["in.wav", "-f", "-o", "out.mp3"], args].concat();
        bench
            .voxsift(args)
            .env("ELEVENLABS_API_KEY", KEY)
            .env("ELEVENLABS_BASE_URL", &base(&service.url()))
            .succeeds();
        service.request().path
    };
    for (behind, prefix) in [
        ("", ""),
        ("/", ""),
        ("/proxy/eleven", "/proxy/eleven"),
        ("/proxy/eleven/", "/proxy/eleven"),
        ("/v1", "/v1"),
        ("/a%20b", "/a%20b"),
    ] {
        assert_eq!(path(&[], &|url| format!("{url}{behind}")), format!("{prefix}{ENDPOINT}"));
        assert_eq!(
            path(&["--stream"], &|url| format!("{url}{behind}")),
            format!("{prefix}{ENDPOINT}/stream")
        );
    }
    assert_eq!(path(&[], &|url| url.replace("127.0.0.1", "localhost")), ENDPOINT);
    assert_eq!(path(&[], &|url| url.replace("127.0.0.1", "LocalHost")), ENDPOINT);
    assert_eq!(path(&[], &|url| url.replace("http:", "HTTP:")), ENDPOINT);
}

#[test]
fn the_whole_loopback_is_this_machine() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    if let Some(service) = Service::at("::1") {
        service.voxsift(&bench, &["in.wav", "-o", "six.mp3"]).succeeds();
        assert_eq!(service.request().path, ENDPOINT);
    } else {
        eprintln!("not tried, because there is no IPv6 here");
    }
    if let Some(service) = Service::at("127.9.8.7") {
        service.voxsift(&bench, &["in.wav", "-o", "four.mp3"]).succeeds();
        assert_eq!(service.request().path, ENDPOINT);
    }
}

#[test]
fn the_base_url_of_the_command_line_counts() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let (service, other) = (Service::new(), Service::new());
    let url = other.url() + "/there";
    service.voxsift(&bench, &["in.wav", "--base-url", &url]).succeeds();
    service.is_untouched();
    assert_eq!(other.request().path, format!("/there{ENDPOINT}"));
}

#[test]
fn keys_go_to_no_strangers() {
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    let port = service.url().rsplit(':').next().expect("a port").to_owned();
    for base in [
        "http://example.com",
        "http://api.elevenlabs.io",
        "http://192.0.2.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://[::2]",
        "http://[::ffff:192.0.2.1]",
    ] {
        let base = format!("{base}:{port}");
        service.voxsift(&bench, &["in.wav", "--base-url", &base]).fails(2, "--base-url").says("https");
        service
            .voxsift(&bench, &["in.wav"])
            .env("ELEVENLABS_BASE_URL", &base)
            .fails(2, "ELEVENLABS_BASE_URL");
    }
    service.is_untouched();
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn what_is_no_base_url_is_refused() {
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    let host = service.url().replace("http://", "");
    let own = |text: &str| text.replace("HOST", &host);
    for base in [
        "api.elevenlabs.io",
        "not a url",
        "//HOST",
        "ftp://HOST",
        "file:///etc/passwd",
        "https://",
        "http://",
        "http:///path",
        "https://host:99999",
        "https://host:port",
        "http://HOST/?key=1",
        "http://HOST/#part",
        "http://HOST/a b",
        "http://HOST\r\nX-Evil: 1",
        "",
    ] {
        let done = service.voxsift(&bench, &["in.wav", "--base-url", &own(base)]).exits(2);
        let stderr = done.stderr();
        assert!(stderr.starts_with("error: ") && stderr.contains("--base-url"), "{base:?}: {stderr}");
    }
    for user in ["user:hunter2@", "hunter2@", ":hunter2@", "user:hunter2%40x@", "127.0.0.1:hunter2@"] {
        for base in [
            format!("http://{user}{host}"),
            format!("https://{user}{host}/path"),
            format!("http://{user}example.com"),
        ] {
            // A password is not repeated to whoever looks at the terminal.
            let run = service.voxsift(&bench, &["in.wav", "--base-url", &base]);
            run.fails(2, "--base-url").says_not("hunter2");
            let run = service.voxsift(&bench, &["in.wav"]).env("ELEVENLABS_BASE_URL", &base);
            run.fails(2, "ELEVENLABS_BASE_URL").says_not("hunter2");
        }
    }
    service.is_untouched();
    assert_eq!(bench.names(), ["in.wav"]);
}
