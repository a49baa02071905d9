//! What is written, where, and what is left alone.
//!
//! `--attenuation-limit 0` changes nothing, so that output can be compared with input sample for sample.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use child::{Running, behind_shell, command, fifo, until};
use support::{Audio, Bench, Done, dbfs};

/// Runs the program so that it changes nothing.
fn copy<'a>(bench: &Bench, args: impl IntoIterator<Item = &'a str>) -> Done {
    bench.voxsift(["--attenuation-limit", "0"].into_iter().chain(args)).succeeds()
}

fn take() -> Audio {
    Audio::speechlike(16_000, 1, 16_000)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().expect("2 bytes"))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

/// The chunks of a WAV file that is well-formed to the last byte.
#[track_caller]
fn chunks(wav: &[u8]) -> Vec<(String, &[u8])> {
    assert_eq!((&wav[..4], &wav[8..12]), (&b"RIFF"[..], &b"WAVE"[..]));
    assert_eq!(u32_at(wav, 4) as usize, wav.len() - 8, "the length of the file");
    let mut found = Vec::new();
    let mut at = 12;
    while at < wav.len() {
        let end = at + 8 + u32_at(wav, at + 4) as usize;
        found.push((String::from_utf8_lossy(&wav[at..at + 4]).into_owned(), &wav[at + 8..end]));
        at = end.next_multiple_of(2);
    }
    assert_eq!(at, wav.len(), "nothing behind the last chunk");
    found
}

#[track_caller]
fn chunk<'a>(wav: &'a [u8], name: &str) -> &'a [u8] {
    chunks(wav).into_iter().find(|(id, _)| id == name).unwrap_or_else(|| panic!("no {name}")).1
}

#[test]
fn wav_headers_say_what_the_source_said() {
    for (bits, float, channels, rate) in [
        (16, false, 1, 16_000),
        (16, false, 2, 44_100),
        (24, false, 1, 48_000),
        (24, false, 3, 16_000),
        (32, true, 2, 22_050),
    ] {
        let bench = Bench::new();
        let audio = Audio::speechlike(rate, channels, 5_001);
        bench.file("in.wav", audio.wav(bits, float));
        copy(&bench, ["in.wav", "-o", "out.wav"]);
        let wav = bench.read("out.wav");

        let fmt = chunk(&wav, "fmt ");
        let align = channels * bits / 8;
        let tag = if channels > 2 || bits == 24 {
            0xfffe
        } else if float {
            3
        } else {
            1
        };
        assert_eq!((u16_at(fmt, 0), u16_at(fmt, 2), u32_at(fmt, 4)), (tag, channels, rate), "{bits} bits");
        assert_eq!(
            (u32_at(fmt, 8), u16_at(fmt, 12), u16_at(fmt, 14)),
            (rate * u32::from(align), align, bits)
        );
        assert_eq!(chunk(&wav, "data").len(), 5_001 * usize::from(align), "{bits} bits");
        if float {
            assert_eq!(u32_at(chunk(&wav, "fact"), 0), 5_001);
        }

        let spec = hound::WavReader::new(&wav[..]).expect("hound reads it").spec();
        let format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
        let expected =
            hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format: format };
        assert_eq!(spec, expected);
        assert_eq!(Audio::of_wav(&wav), Audio::of_wav(&audio.wav(bits, float)), "{bits} bits");
    }
}

#[test]
fn thirty_two_bits_become_twenty_four_and_eight_become_sixteen() {
    for (bits, written) in [(32, 24), (8, 16)] {
        let bench = Bench::new();
        bench.file("in.wav", take().wav(bits, false));
        copy(&bench, ["in.wav", "-o", "out.wav"]);
        assert_eq!(u16_at(chunk(&bench.read("out.wav"), "fmt "), 14), written, "{bits} bits");
    }
}

#[test]
fn the_header_to_a_pipe_has_the_length_where_it_is_known() {
    let bench = Bench::new();
    let wav = Audio::speechlike(16_000, 2, 12_345).wav16();
    bench.file("in.wav", &wav);
    assert!(
        copy(&bench, ["in.wav", "-o", "-"]).stdout() == wav,
        "byte for byte the plain header of 44 bytes"
    );

    let piped = bench.voxsift(["--attenuation-limit", "0"]).stdin(wav.clone()).succeeds();
    assert!(piped.stdout() == wav, "also when the length stands in the header of a pipe");
}

#[test]
fn the_header_to_a_pipe_says_so_where_the_length_is_unknown() {
    let bench = Bench::new();
    let audio = take();
    let raw = ["--raw", "--attenuation-limit", "0"];
    let mut expected = audio.wav16();
    expected[4..8].fill(0xff);
    expected[40..44].fill(0xff);
    assert!(bench.voxsift(raw).stdin(audio.pcm()).succeeds().stdout() == expected);
}

#[test]
fn raw_samples_have_no_header() {
    let bench = Bench::new();
    let audio = Audio::speechlike(8_000, 2, 8_001);
    bench.file("in.wav", audio.wav16());
    assert_eq!(copy(&bench, ["in.wav", "-t", "pcm", "-o", "-"]).stdout(), audio.pcm());
    copy(&bench, ["in.wav", "-o", "out.pcm"]);
    assert_eq!(bench.read("out.pcm"), audio.pcm());
}

#[test]
fn flac_is_lossless_and_its_header_is_complete() {
    for (bits, rate, channels) in [(16, 16_000, 1), (24, 48_000, 2), (16, 44_100, 8)] {
        let bench = Bench::new();
        let audio = Audio::speechlike(rate, channels, 10_001);
        let wav = audio.wav(bits, false);
        bench.file("in.wav", &wav);
        copy(&bench, ["in.wav", "-o", "out.flac"]);
        let flac = bench.read("out.flac");
        assert_eq!(&flac[..8], b"fLaC\x80\0\0\x22");
        let packed = u64::from_be_bytes(flac[18..26].try_into().expect("8 bytes"));
        let expected =
            u64::from(rate) << 44 | u64::from(channels - 1) << 41 | u64::from(bits - 1) << 36 | 10_001;
        assert_eq!(packed, expected, "rate, channels, bits and frames");
        let samples = &wav[wav.len() - 10_001 * usize::from(channels * bits / 8)..];
        assert_eq!(flac[26..42], md5::compute(samples).0, "the MD5 of the samples");
        assert!(flac.len() < wav.len(), "it is smaller");

        copy(&bench, ["out.flac", "-o", "back.wav"]);
        assert_eq!(Audio::of_wav(&bench.read("back.wav")), Audio::of_wav(&wav), "{bits} bits");
    }
}

#[test]
fn flac_to_a_pipe_has_the_length_where_it_is_known() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let flac = copy(&bench, ["in.wav", "-t", "flac", "-o", "-"]).stdout().to_vec();
    assert_eq!(u64::from_be_bytes(flac[18..26].try_into().expect("8 bytes")) & ((1 << 36) - 1), 16_000);
    bench.file("piped.flac", flac);
    copy(&bench, ["piped.flac", "-o", "back.wav"]);
    assert_eq!(Audio::of_wav(&bench.read("back.wav")), Audio::of_wav(&take().wav16()));
}

#[test]
fn opus_has_its_exact_length() {
    for (rate, channels, frames) in
        [(48_000, 1, 48_000), (48_000, 2, 30_001), (16_000, 1, 16_001), (48_000, 6, 20_000)]
    {
        let bench = Bench::new();
        let audio = Audio::speechlike(rate, channels, frames);
        bench.file("in.wav", audio.wav16());
        copy(&bench, ["in.wav", "-o", "out.opus"]);
        let opus = bench.read("out.opus");
        assert_eq!((&opus[..4], &opus[28..36]), (&b"OggS"[..], &b"OpusHead"[..]));
        assert_eq!(
            (u16::from(opus[37]), u32_at(&opus, 40)),
            (channels, rate),
            "channels and the source's rate"
        );

        copy(&bench, ["out.opus", "-o", "back.wav"]);
        let back = Audio::of_wav(&bench.read("back.wav"));
        assert_eq!(
            (back.rate, back.channels, back.frames()),
            (48_000, channels, frames * 48_000 / rate as usize)
        );
        for channel in 0..usize::from(channels) {
            let lost = dbfs(&audio.channel(channel)) - dbfs(&back.channel(channel));
            assert!(lost.abs() < 1.0, "{lost} dB lost in channel {channel} of {channels}");
        }
    }
}

#[test]
fn the_format_is_chosen_by_option_or_by_extension_in_any_case() {
    let (wav, flac, opus): (&[u8], &[u8], &[u8]) = (b"RIFF", b"fLaC", b"OggS");
    let silence = Audio { samples: vec![0.0; 8_000], ..take() };
    for (output, option, magic) in [
        ("a.wav", "auto", wav),
        ("a.WAV", "auto", wav),
        ("a.Wave", "auto", wav),
        ("a.FLAC", "auto", flac),
        ("a.Opus", "auto", opus),
        ("a.PCM", "auto", &[0; 4]),
        ("a.raw", "auto", &[0; 4]),
        ("a.b.flac", "auto", flac),
        ("bare", "auto", wav),
        (".flac", "auto", wav),
        ("bare", "flac", flac),
        ("a.xyz", "flac", flac),
        ("a.mp3", "opus", opus),
        ("a.flac", "wav", wav),
        ("a.wav", "pcm", &[0; 4]),
    ] {
        let bench = Bench::new();
        bench.file("in.wav", silence.wav16());
        copy(&bench, ["in.wav", "-o", output, "-t", option]);
        assert_eq!(&bench.read(output)[..4], magic, "{output} {option}");
    }
    let bench = Bench::new();
    bench.file("in.wav", silence.wav16());
    copy(&bench, ["in.wav", "-t", "flac"]);
    assert_eq!(&bench.read("in.isolated.flac")[..4], flac);
}

#[test]
fn what_cannot_be_written_is_refused_before_any_work() {
    let bench = Bench::new();
    // There is no input, and nothing has looked for it.
    for name in ["out.mp3", "out.M4A", "out.ogg", "out.aac"] {
        bench.voxsift(["in.wav", "-o", name]).fails(2, name).says("| ffmpeg").says(name);
    }
    bench.voxsift(["in.wav", "-o", "out.xyz"]).fails(2, "out.xyz").says("--to");
    bench.voxsift(["in.wav", "--name", "{stem}.mp3"]).fails(2, "in.mp3").says("| ffmpeg");
    bench.voxsift(["in.wav", "-o", "out.wav", "-t", "mp3"]).exits(2).says("mp3");
    assert!(bench.names().is_empty());
}

#[test]
fn an_output_appears_when_it_is_complete() {
    let bench = Bench::new();
    fs::create_dir(bench.path("sub")).expect("a folder");
    let inside = || {
        fs::read_dir(bench.path("sub")).expect("it").map(|e| e.expect("it").file_name()).collect::<Vec<_>>()
    };
    let mut running = Running::start(&mut command(&bench.path(""), ["--raw", "-o", "sub/out.wav"]));
    running.give(&take().pcm());
    let temporary = until("the temporary file", || inside().pop());
    assert_ne!(temporary, "out.wav");
    assert_eq!(bench.names(), ["sub"], "it is in the target's folder");
    running.close();
    running.end().with(0);
    assert_eq!(inside(), ["out.wav"]);
}

#[test]
fn modes_are_kept_or_follow_the_umask() {
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let old = bench.file("old.wav", b"old");
    for kept in [0o640, 0o600, 0o664] {
        fs::set_permissions(&old, PermissionsExt::from_mode(kept)).expect("a mode");
        copy(&bench, ["in.wav", "-f", "-o", "old.wav"]);
        assert_eq!(mode(&old), kept);
    }
    for (umask, expected) in [("022", 0o644), ("027", 0o640), ("077", 0o600), ("002", 0o664)] {
        let line = format!("umask {umask} && exec \"$@\"");
        Running::start(&mut behind_shell(&bench.path(""), &line, ["in.wav", "-o", "new.wav"])).end().with(0);
        assert_eq!(mode(&bench.path("new.wav")), expected, "umask {umask}");
        fs::remove_file(bench.path("new.wav")).expect("it was there");
    }
}

#[test]
fn a_failure_leaves_the_old_file_untouched() {
    let mut audio = Audio::speechlike(16_000, 1, 64_000);
    audio.samples[60_000] = f32::NAN;
    let bench = Bench::new();
    bench.file("in.wav", audio.wav(32, true));
    for name in ["old.wav", "old.flac", "old.opus", "old.pcm"] {
        let old = bench.file(name, b"old");
        let before = fs::metadata(&old).expect("it").ino();
        bench.voxsift(["in.wav", "-f", "-o", name]).fails(4, "not a number");
        assert_eq!(bench.read(name), b"old");
        assert_eq!(fs::metadata(&old).expect("it").ino(), before);
        fs::remove_file(old).expect("it was there");
        assert_eq!(bench.names(), ["in.wav"], "no stray file");
    }
}

#[test]
fn an_existing_output_is_replaced_only_on_demand() {
    let bench = Bench::new();
    // Found before any work: this input cannot be read.
    bench.file("bad.wav", b"");
    bench.file("in.wav", take().wav16());
    bench.file("out.wav", b"old");
    bench.voxsift(["bad.wav", "-o", "out.wav"]).fails(2, "out.wav exists already").says("--force");
    bench.voxsift(["bad.wav", "-o", "out.wav", "--skip-existing"]).succeeds().says("skipped");
    assert_eq!(bench.read("out.wav"), b"old");
    bench.voxsift(["in.wav", "-o", "out.wav", "--force", "--skip-existing"]).exits(2);
    assert_eq!(bench.read("out.wav"), b"old");
    copy(&bench, ["in.wav", "-o", "out.wav", "--force"]);
    assert_eq!(Audio::of_wav(&bench.read("out.wav")), Audio::of_wav(&take().wav16()));
    copy(&bench, ["in.wav", "-o", "new.wav", "--skip-existing"]);
    assert_eq!(bench.names(), ["bad.wav", "in.wav", "new.wav", "out.wav"]);

    bench.file("in.isolated.wav", b"old");
    bench.voxsift(["in.wav"]).fails(2, "in.isolated.wav exists already");
    assert_eq!(bench.read("in.isolated.wav"), b"old");
}

#[test]
fn the_input_is_never_the_output() {
    let bench = Bench::new();
    let wav = take().wav16();
    bench.file("in.wav", &wav);
    symlink("in.wav", bench.path("link.wav")).expect("a link");
    fs::hard_link(bench.path("in.wav"), bench.path("hard.wav")).expect("a link");
    let absolute = bench.path("in.wav").display().to_string();
    for (input, output) in [
        ("in.wav", "in.wav"),
        ("in.wav", "./in.wav"),
        ("./in.wav", absolute.as_str()),
        ("in.wav", "link.wav"),
        ("link.wav", "in.wav"),
        ("in.wav", "hard.wav"),
    ] {
        for force in ["--force", "--skip-existing", "--verbose"] {
            bench.voxsift([input, "-o", output, force]).fails(2, "is the input");
        }
        assert_eq!(bench.read("in.wav"), wav, "{input} {output}");
    }
    bench.voxsift(["in.wav", "--name", "{stem}.{source_ext}", "-f"]).fails(2, "is the input");
    assert_eq!(bench.names(), ["hard.wav", "in.wav", "link.wav"]);
}

#[test]
fn the_input_is_never_the_output_either_when_the_shell_opens_it() {
    let bench = Bench::new();
    let wav = take().wav16();
    let input = bench.file("in.wav", &wav);
    let mut run = command(&bench.path(""), ["-", "-f", "-o", "in.wav"]);
    run.stdin(File::open(input).expect("it")).stdout(Stdio::piped()).stderr(Stdio::piped());
    Running::start_with(&mut run).end().failed(2, "is the input");
    assert_eq!(bench.read("in.wav"), wav);
}

#[test]
fn a_link_stays_and_the_file_that_it_names_is_replaced() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    fs::create_dir(bench.path("real")).expect("a folder");
    fs::write(bench.path("real/old.wav"), b"old").expect("a file");
    symlink("real/old.wav", bench.path("link.wav")).expect("a link");
    symlink("link.wav", bench.path("again.wav")).expect("a link");
    symlink("real/new.wav", bench.path("dangling.wav")).expect("a link");
    bench.voxsift(["in.wav", "-o", "again.wav"]).fails(2, "exists already");
    for (link, target) in
        [("link.wav", "real/old.wav"), ("again.wav", "real/old.wav"), ("dangling.wav", "real/new.wav")]
    {
        copy(&bench, ["in.wav", "-f", "-o", link]);
        assert_eq!(Audio::of_wav(&bench.read(target)).frames(), 16_000, "{link}");
        assert!(fs::symlink_metadata(bench.path(link)).expect("it").is_symlink(), "{link}");
        fs::write(bench.path(target), b"old").expect("a file");
    }
    assert_eq!(bench.names(), ["again.wav", "dangling.wav", "in.wav", "link.wav", "real"]);
}

#[test]
fn devices_and_fifos_are_written_directly() {
    let bench = Bench::new();
    let wav = take().wav16();
    bench.file("in.wav", &wav);
    assert!(copy(&bench, ["in.wav", "-o", "/dev/stdout"]).stdout() == wav);
    copy(&bench, ["in.wav", "-o", "/dev/null"]);
    assert!(fs::metadata("/dev/null").expect("it").file_type().is_char_device());

    let out = bench.path("out.wav");
    fifo(&out);
    let reader = std::thread::spawn({
        let out = out.clone();
        move || fs::read(out).expect("the FIFO")
    });
    copy(&bench, ["in.wav", "-o", "out.wav"]);
    assert!(reader.join().expect("the reader") == wav);
    assert!(fs::metadata(&out).expect("it").file_type().is_fifo());
    assert_eq!(bench.names(), ["in.wav", "out.wav"]);
}

#[test]
fn places_where_nothing_can_be_written_are_found_before_any_work() {
    let bench = Bench::new();
    bench.file("bad.wav", b"");
    fs::create_dir(bench.path("folder.wav")).expect("a folder");
    bench
        .voxsift(["bad.wav", "-o", "missing/out.wav"])
        .fails(1, "missing/out.wav: there is no directory missing");
    bench.voxsift(["bad.wav", "-o", "folder.wav", "-f"]).fails(1, "folder.wav is a directory");
    bench.voxsift(["bad.wav", "-o", "bad.wav/out.wav"]).fails(1, "bad.wav/out.wav");
    assert_eq!(bench.names(), ["bad.wav", "folder.wav"]);
}

#[test]
fn a_full_disk_is_a_failure_of_the_output() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for format in ["wav", "flac", "opus", "pcm"] {
        bench.voxsift(["in.wav", "-o", "/dev/full", "-t", format]).fails(1, "no space left on device");
        let mut run = command(&bench.path(""), ["in.wav", "-o", "-", "-t", format]);
        run.stdin(Stdio::null()).stdout(File::create("/dev/full").expect("it")).stderr(Stdio::piped());
        Running::start_with(&mut run).end().failed(1, "no space left on device");
    }
    let mut run = command(&bench.path(""), ["in.wav", "--json"]);
    run.stdin(Stdio::null()).stdout(File::create("/dev/full").expect("it")).stderr(Stdio::piped());
    Running::start_with(&mut run).end().with(1);
}

#[test]
fn a_full_disk_under_a_file_leaves_the_old_one() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.file("out.wav", b"old");
    // A limit on the size of files, 4 blocks of 512 bytes, stands in for the disk: it fails in the same place.
    let line = "trap '' XFSZ && ulimit -f 4 && exec \"$@\"";
    Running::start(&mut behind_shell(&bench.path(""), line, ["in.wav", "-f", "-o", "out.wav"]))
        .end()
        .failed(1, "out.wav: file too large");
    assert_eq!(bench.read("out.wav"), b"old");
    assert_eq!(bench.names(), ["in.wav", "out.wav"]);
}

#[test]
fn a_reader_that_leaves_is_a_quiet_end() {
    let bench = Bench::new();
    // More than a pipe holds, so that the program is still writing when its reader leaves.
    bench.file("in.wav", Audio::speechlike(16_000, 1, 10 * 16_000).wav16());
    for format in ["wav", "flac", "opus", "pcm"] {
        let mut run = command(&bench.path(""), ["in.wav", "-q", "-o", "-", "-t", format]);
        run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = run.spawn().expect("the program starts");
        let mut start = [0; 1000];
        child.stdout.take().expect("a pipe").read_exact(&mut start).expect("1000 bytes");
        let output = child.wait_with_output().expect("its end");
        assert_eq!(output.status.code(), Some(0), "{format}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stderr.is_empty(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

/// Full-scale squares of many lengths, the hardest that 16 bits can hold.
fn squares() -> Audio {
    let samples = (0..32_000)
        .map(|i: i32| if i / (1 + i / 400) % 2 == 0 { 32_767.0 / 32_768.0 } else { -1.0 })
        .collect();
    Audio { rate: 16_000, channels: 1, samples }
}

#[test]
fn full_scale_passes_unchanged() {
    let bench = Bench::new();
    bench.file("in.wav", squares().wav16());
    for output in ["out.wav", "out.flac", "out.pcm"] {
        copy(&bench, ["in.wav", "-o", output]);
    }
    assert_eq!(Audio::of_wav(&bench.read("out.wav")), squares());
    assert_eq!(bench.read("out.pcm"), squares().pcm());
}

#[test]
fn what_is_above_full_scale_becomes_quieter_and_keeps_its_sign() {
    let peak = |audio: &Audio| audio.samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let voice = Audio::speechlike(16_000, 2, 48_000);
    let voice = voice.scaled(2.0 / peak(&voice));
    for (name, loud) in [("voice", voice), ("squares", squares().scaled(2.0))] {
        let bench = Bench::new();
        bench.file("in.wav", loud.wav(32, true));
        copy(&bench, ["in.wav", "-o", "out.wav"]);
        assert_eq!(Audio::of_wav(&bench.read("out.wav")), loud, "floats have room above full scale");

        copy(&bench, ["in.wav", "-o", "out.pcm"]);
        copy(&bench, ["in.wav", "-o", "out.flac"]);
        copy(&bench, ["out.flac", "-o", "back.wav"]);
        let written = [
            Audio::of_pcm(&bench.read("out.pcm"), loud.rate, loud.channels),
            Audio::of_wav(&bench.read("back.wav")),
        ];
        for out in written {
            assert_eq!(out.frames(), loud.frames());
            assert!(peak(&out) > 0.9, "{name}: the peak is {}", peak(&out));
            for (i, (x, y)) in loud.samples.iter().zip(&out.samples).enumerate() {
                assert!(x.abs() < 0.01 || x.signum() == y.signum(), "{name}: sample {i} was {x} and is {y}");
                assert!(y.abs() <= 1.0 && y.abs() <= x.abs() + 1e-3, "{name}: sample {i} was {x} and is {y}");
            }
        }
    }
}

#[test]
fn isolated_speech_at_full_scale_does_not_wrap() {
    let peak = |audio: &Audio| audio.samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    let step =
        |audio: &Audio| audio.samples.windows(2).fold(0.0_f32, |step, x| step.max((x[1] - x[0]).abs()));
    let voice = Audio::speechlike(48_000, 1, 3 * 48_000);
    let voice = voice.scaled(0.9999 / peak(&voice));
    assert!(step(&voice) < 0.5, "a wrap would stand out by a step of almost 2");
    let bench = Bench::new();
    bench.file("in.wav", voice.wav16());
    for output in ["out.wav", "out.pcm"] {
        bench.voxsift(["in.wav", "-o", output]).succeeds();
    }
    for out in [Audio::of_wav(&bench.read("out.wav")), Audio::of_pcm(&bench.read("out.pcm"), 48_000, 1)] {
        assert_eq!(out.frames(), voice.frames());
        assert!(step(&out) < 1.0, "a step of {}", step(&out));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let bench = Bench::new();
    bench.file("in.wav", Audio::speechlike(44_100, 2, 44_100).wav16());
    for format in ["wav", "flac", "opus", "pcm"] {
        let [first, second] = ["first", "second"].map(|name| {
            bench.voxsift(["in.wav", "-t", format, "-o", name]).succeeds();
            bench.read(name)
        });
        assert!(first == second, "{format}");
        fs::remove_file(bench.path("first"))
            .and_then(|()| fs::remove_file(bench.path("second")))
            .expect("they were there");
    }
}

#[test]
fn digital_silence_stays_digital_silence() {
    let silence = Audio { rate: 44_100, channels: 2, samples: vec![0.0; 2 * 44_100] };
    for (bits, float) in [(16, false), (24, false), (32, true)] {
        let bench = Bench::new();
        bench.file("in.wav", silence.wav(bits, float));
        for output in ["out.wav", "out.flac", "out.pcm", "out.opus"] {
            bench.voxsift(["in.wav", "-o", output]).succeeds();
        }
        assert_eq!(Audio::of_wav(&bench.read("out.wav")).samples, silence.samples, "{bits} bits");
        assert!(bench.read("out.pcm").iter().all(|byte| *byte == 0), "{bits} bits");
        // Opus is lossy: half a step more or less is still silence, and is dithered to one.
        for (coded, most) in [("out.flac", 0.0), ("out.opus", 1.0 / 32_768.0)] {
            copy(&bench, [coded, "-f", "-o", "back.wav"]);
            let loudest = Audio::of_wav(&bench.read("back.wav"))
                .samples
                .iter()
                .fold(0.0_f32, |peak, x| peak.max(x.abs()));
            assert!(loudest <= most, "{coded} of {bits} bits: {loudest}");
        }
    }
}

#[test]
fn opus_is_limited_to_full_scale_as_well() {
    let bench = Bench::new();
    let samples = (0..48_000).map(|i| 3.0 * (i as f32 * 0.05).sin()).collect();
    bench.file("in.wav", Audio { rate: 48_000, channels: 1, samples }.wav(32, true));
    bench.voxsift(["in.wav", "--attenuation-limit", "0", "-o", "out.opus"]).succeeds();
    bench.voxsift(["out.opus", "--attenuation-limit", "0", "-o", "out.wav"]).succeeds();
    let output = Audio::of_wav(&bench.read("out.wav"));
    let clipped = output.samples.iter().filter(|sample| sample.abs() > 0.9999).count();
    assert!(clipped < output.samples.len() / 50, "{clipped} of {} samples clip", output.samples.len());
}
