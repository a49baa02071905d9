//! ffmpeg, sox and voxsift itself before and behind.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use crate::child::{Running, behind_shell, command};
use crate::support::{self, Audio, Bench};
use crate::{other, take};

/// Whether another program is there to be tried.
fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        eprintln!("not tried: {program} is not installed");
    }
    found.is_ok()
}

fn ffmpeg(bench: &Bench, args: &str) -> Command {
    other(bench, "ffmpeg", &format!("-v error -nostdin {args}"))
}

fn voxsift(bench: &Bench, args: &str) -> Command {
    command(&bench.path(""), args.split(' '))
}

/// Runs programs one behind the other, as a shell does: all of them succeed. Returns what each has said.
#[track_caller]
fn pipeline<const N: usize>(commands: [Command; N]) -> [String; N] {
    let mut from = Stdio::null();
    let running = commands.map(|mut command| {
        let (next, to) = io::pipe().expect("a pipe");
        let before = std::mem::replace(&mut from, next.into());
        Running::start_with(command.stdin(before).stdout(to).stderr(Stdio::piped()))
    });
    drop(from);
    running.map(|running| running.end().with(0).stderr)
}

#[track_caller]
fn same(before: &Audio, after: &Audio, what: &str) {
    let layout = |audio: &Audio| (audio.rate, audio.channels, audio.frames());
    assert_eq!(layout(before), layout(after), "{what}");
    // Without a print of all of them.
    assert!(before == after, "{what}: the samples differ");
}

/// Recordings as WAV, of every depth that WAV output has.
fn recordings() -> [(Audio, u16, bool); 5] {
    [
        (Audio::speechlike(16_000, 1, 16_001), 16, false),
        (Audio::speechlike(44_100, 2, 30_000), 16, false),
        (Audio::speechlike(48_000, 6, 20_000), 24, false),
        // An odd number of bytes, behind which files have one more.
        (Audio::speechlike(48_000, 1, 20_001), 24, false),
        (Audio::speechlike(22_050, 2, 20_000), 32, true),
    ]
}

#[test]
fn ffmpeg_before_and_behind() {
    if !is_installed("ffmpeg") {
        return;
    }
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let coding = format!("pcm_{}{bits}le", if float { 'f' } else { 's' });
        let said = pipeline([
            ffmpeg(&bench, &format!("-i in.wav -c:a {coding} -f wav -")),
            voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
            ffmpeg(&bench, &format!("-i - -c:a {coding} out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{coding}");
        same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), &coding);
    }
}

#[test]
fn ffmpeg_writes_other_headers_of_unknown_length() {
    if !is_installed("ffmpeg") {
        return;
    }
    let wav = Audio::speechlike(44_100, 2, 20_000).wav16();
    for format in ["-f wav -rf64 always", "-f wav -rf64 auto", "-f w64"] {
        let bench = Bench::new();
        bench.file("in.wav", &wav);
        let said = pipeline([
            ffmpeg(&bench, &format!("-i in.wav {format} -")),
            voxsift(&bench, "--attenuation-limit 0 - -o out.wav"),
        ]);
        same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), format);
        assert!(said[1].starts_with("standard input → out.wav") && said[1].lines().count() == 1, "{said:?}");
    }
}

#[test]
fn ffmpeg_takes_every_format_of_unknown_length() {
    if !is_installed("ffmpeg") {
        return;
    }
    let audio = Audio::speechlike(48_000, 2, 48_000);
    for format in ["wav", "flac", "opus", "pcm"] {
        let bench = Bench::new();
        bench.file("in.wav", audio.wav16());
        let layout = if format == "pcm" { "-f s16le -ar 48000 -ac 2 " } else { "" };
        let said = pipeline([
            ffmpeg(&bench, "-i in.wav -f s16le -"),
            voxsift(&bench, &format!("-q --raw --rate 48000 --channels 2 --attenuation-limit 0 -t {format}")),
            ffmpeg(&bench, &format!("{layout}-i - -c:a pcm_s16le out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{format}");
        let out = Audio::of_wav(&bench.read("out.wav"));
        if format == "opus" {
            assert_eq!((out.rate, out.channels, out.frames()), (48_000, 2, 48_000));
        } else {
            same(&Audio::of_wav(&audio.wav16()), &out, format);
        }
    }
}

#[test]
fn ffmpeg_from_mp3_to_mp3() {
    if !is_installed("ffmpeg") {
        return;
    }
    let bench = Bench::new();
    fs::copy(support::fixture("cbr.mp3"), bench.path("in.mp3")).expect("a copy");
    let said = pipeline([
        ffmpeg(&bench, "-i in.mp3 -f wav -"),
        voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
        ffmpeg(&bench, "-i - out.mp3"),
    ]);
    assert_eq!(said, ["", "", ""]);
    for name in ["in", "out"] {
        pipeline([ffmpeg(&bench, &format!("-i {name}.mp3 {name}.wav"))]);
    }
    let [before, after] = ["in.wav", "out.wav"].map(|name| Audio::of_wav(&bench.read(name)));
    // What is lost is lost by the second coding; a shift would leave nothing alike.
    let snr = after.snr(&before);
    assert!(snr > 10.0, "{snr} dB");
}

#[test]
fn one_voxsift_behind_another() {
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let said = pipeline([
            voxsift(&bench, "-q --attenuation-limit 0 in.wav -t flac -o -"),
            voxsift(&bench, "--attenuation-limit 0 -t wav -o /dev/stdout"),
            voxsift(&bench, "--attenuation-limit 0 -o out.wav"),
        ]);
        if !float {
            same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), "the last one");
        }
        assert!(said.iter().all(|said| !said.contains("warning:")), "{said:?}");
    }
}

#[test]
fn sox_before_and_behind() {
    if !is_installed("sox") {
        return;
    }
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let coding = format!("-e {} -b {bits}", if float { "floating-point" } else { "signed-integer" });
        let said = pipeline([
            other(&bench, "sox", "-D -V1 in.wav -t wav -"),
            voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
            other(&bench, "sox", &format!("-D -V1 -t wav - {coding} out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{coding}");
        let (before, after) = (Audio::of_wav(&wav), Audio::of_wav(&bench.read("out.wav")));
        if float {
            // sox works in integers of 32 bits.
            let snr = after.snr(&before);
            assert!(snr > 120.0, "{snr} dB");
        } else {
            same(&before, &after, &coding);
        }
    }
}

#[test]
fn sox_takes_headers_of_unknown_length() {
    if !is_installed("sox") {
        return;
    }
    let audio = Audio::speechlike(16_000, 2, 16_000);
    for format in ["wav", "flac"] {
        let bench = Bench::new();
        bench.file("in.wav", audio.wav16());
        pipeline([
            other(&bench, "sox", "-D -V1 in.wav -t raw -"),
            voxsift(&bench, &format!("-q --raw --channels 2 --attenuation-limit 0 -t {format}")),
            other(&bench, "sox", &format!("-D -V1 -t {format} - out.wav")),
        ]);
        same(&Audio::of_wav(&audio.wav16()), &Audio::of_wav(&bench.read("out.wav")), format);
    }
}

#[test]
fn the_header_in_a_redirected_file_is_completed() {
    let pcm = take().pcm();
    let raw = ["--raw", "--attenuation-limit", "0", "-t", "wav"];
    let run = |line: &str| {
        let bench = Bench::new();
        let mut running = Running::start(&mut behind_shell(&bench.path(""), line, raw));
        running.give(&pcm);
        running.close();
        running.end().with(0);
        bench.read("out")
    };

    let alone = run(r#"exec "$@" > out"#);
    same(&Audio::of_pcm(&pcm, 16_000, 1), &Audio::of_wav(&alone), "a file of its own");
    // Behind something else, which stays.
    let behind = run(r#"exec > out; printf 'before'; exec "$@""#);
    assert_eq!(behind[..6], *b"before");
    assert!(behind[6..] == alone);
    // What is appended to cannot be completed.
    let appended = run(r#"printf 'before' > out; exec "$@" >> out"#);
    assert_eq!(appended[..6], *b"before");
    let wav = &appended[6..];
    assert_eq!([wav[4..8].to_vec(), wav[40..44].to_vec()], [vec![0xff; 4], vec![0xff; 4]]);
    assert!(wav[44..] == pcm);
}

#[test]
fn a_length_that_was_announced_wrongly_is_corrected_where_it_can_be() {
    let bench = Bench::new();
    let wav = take().wav16();
    let line = r#"exec "$@" > out.wav"#;
    let mut running =
        Running::start(&mut behind_shell(&bench.path(""), line, ["--attenuation-limit", "0", "-"]));
    running.give(&wav[..20_044]);
    running.close();
    let ended = running.end().with(0);
    assert!(ended.stderr.contains("before its announced end"), "{}", ended.stderr);
    assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), 10_000);
}
