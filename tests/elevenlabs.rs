//! The ElevenLabs engine before and while it works: when it is chosen, which keys it takes, what it refuses
//! before anything is sent, and what it shows.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/service.rs"]
mod service;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, LazyLock};

use child::{Running, command, until};
use serde_json::json;
use service::{Gate, KEY, Reply, Service, voice};
use support::{Audio, Bench, Done, fixture};
use terminal::{Terminal, on_terminal};

/// Five seconds at 16 kHz: the shortest recording is 4.6 s long.
static WAV: LazyLock<Vec<u8>> = LazyLock::new(|| Audio::speechlike(16_000, 1, 80_000).wav16());

/// A folder with five seconds in `in.wav`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    bench
}

/// Writes a file that only its owner can read.
fn private(bench: &Bench, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = bench.file(name, bytes);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("a mode");
    path
}

/// A WAV file of silence that takes no room on the disk.
fn silence(bench: &Bench, name: &str, rate: u32, channels: u16, bits: u16, frames: u64) {
    let len = frames * u64::from(channels) * u64::from(bits / 8);
    let mut header = Audio { rate, channels, samples: Vec::new() }.wav(bits, false);
    assert_eq!(header.len(), 44);
    header[4..8].copy_from_slice(&(36 + len as u32).to_le_bytes());
    header[40..44].copy_from_slice(&(len as u32).to_le_bytes());
    let mut file = File::create(bench.path(name)).expect("a file");
    file.write_all(&header).and_then(|()| file.set_len(44 + len)).expect("a sparse file");
}

/// Expects a failure without any request, and that no file is made.
#[track_caller]
fn refused(bench: &Bench, args: &[&str], code: i32, reason: &str) -> Done {
    let (service, before) = (Service::new(), bench.names());
    let done = service.voxsift(bench, args).fails(code, reason);
    service.is_untouched();
    assert_eq!(bench.names(), before, "{}", done.show());
    done
}

// The choice of the engine

#[test]
fn a_key_chooses_the_service() {
    let (bench, service) = (bench(), Service::new());
    service.voxsift(&bench, &["in.wav"]).succeeds().says("in.wav → in.isolated.mp3  5.0 s  elevenlabs  ");
    assert_eq!(bench.names(), ["in.isolated.mp3", "in.wav"]);
    assert_eq!(bench.read("in.isolated.mp3"), voice());
    service.request().form();
}

#[test]
fn without_a_key_the_work_is_done_here() {
    let service = Service::new();
    for key in [None, Some("")] {
        let bench = bench();
        let run = bench.voxsift(["in.wav"]).env("ELEVENLABS_BASE_URL", &service.url());
        let run = key.into_iter().fold(run, |run, key| run.env("ELEVENLABS_API_KEY", key));
        run.succeeds().says("in.wav → in.isolated.wav  5.0 s  local  ");
        assert_eq!(bench.names(), ["in.isolated.wav", "in.wav"]);
    }
    service.is_untouched();
}

#[test]
fn the_engine_is_whoever_is_asked_for() {
    for (args, variable, engine) in [
        (&["-e", "local"][..], None, "local"),
        (&["--engine", "elevenlabs"], None, "elevenlabs"),
        (&["-e", "auto"], None, "elevenlabs"),
        (&[], Some("local"), "local"),
        (&[], Some("elevenlabs"), "elevenlabs"),
        (&[], Some("auto"), "elevenlabs"),
        (&[], Some(""), "elevenlabs"),
        (&["-e", "auto"], Some("local"), "elevenlabs"),
        (&["-e", "local"], Some("elevenlabs"), "local"),
        (&["-e", "elevenlabs"], Some("nonsense"), "elevenlabs"),
    ] {
        let (bench, service) = (bench(), Service::new());
        let run = service.voxsift(&bench, &[args, &["in.wav", "--json"]].concat());
        let run = variable.into_iter().fold(run, |run, name| run.env("VOXSIFT_ENGINE", name));
        let done = run.succeeds();
        assert_eq!(done.json()["engine"], engine, "{}", done.show());
        done.says(&format!("  {engine}  "));
        assert_eq!(service.requests().len(), usize::from(engine == "elevenlabs"), "{args:?} {variable:?}");
    }
    let bench = bench();
    let done = bench.voxsift(["in.wav"]).env("VOXSIFT_ENGINE", "nonsense").exits(2);
    done.says("nonsense").says("elevenlabs");
}

#[test]
fn a_bad_key_is_no_matter_where_none_is_needed() {
    let bench = bench();
    let done = bench.voxsift(["in.wav", "-e", "local"]).env("ELEVENLABS_API_KEY", "white space inside");
    done.succeeds().says("  local  ");
}

#[test]
fn options_that_do_not_fit_the_engine_are_refused() {
    let bench = bench();
    bench.file("image.png", b"\x89PNG\r\n\x1a\n1234");
    for args in [
        &["--resample"][..],
        &["--file-format", "other"],
        &["--file-format", "pcm_s16le_16"],
        &["--preview", "image.png"],
        &["--stream"],
        &["-t", "mp3"],
        &["-o", "out.mp3"],
    ] {
        let what = if args[0].starts_with("--") { args[0] } else { "mp3" };
        refused(&bench, &[args, &["in.wav", "-e", "local"]].concat(), 2, what);
        bench.voxsift([args, &["in.wav"]].concat()).fails(2, what);
    }
    for args in [&["--model", "hush"][..], &["--attenuation-limit", "12"]] {
        refused(&bench, &[args, &["in.wav", "-e", "elevenlabs"]].concat(), 2, args[0]);
        refused(&bench, &[args, &["in.wav"]].concat(), 2, args[0]);
    }
    assert_eq!(bench.names(), ["image.png", "in.wav"]);
}

#[test]
fn formats_that_nobody_makes_are_refused_before_anything_is_sent() {
    let bench = Bench::new();
    // There is no input, and nothing has looked for it.
    for name in ["out.m4a", "out.ogg", "out.aac"] {
        refused(&bench, &["in.wav", "-o", name], 2, name).says("| ffmpeg");
    }
    refused(&bench, &["in.wav", "-o", "out.xyz"], 2, "out.xyz").says("--to");
    for name in ["out.wav", "out.flac", "out.opus", "out.PCM"] {
        refused(&bench, &["in.wav", "-o", name, "-t", "mp3"], 2, name);
    }
}

#[test]
fn numbers_have_to_make_sense() {
    let (bench, service) = (bench(), Service::new());
    for option in ["--timeout", "--connect-timeout", "--stall-timeout"] {
        for value in ["0", "-1", "NaN", "inf", "soon", ""] {
            service
                .voxsift(&bench, &["in.wav", &format!("{option}={value}")])
                .exits(2)
                .says("error: ")
                .says(option);
        }
    }
    for value in ["-1", "1.5", "many", ""] {
        service.voxsift(&bench, &["in.wav", &format!("--retries={value}")]).exits(2).says("--retries");
    }
    service.is_untouched();
    let fine =
        ["--timeout=7.5", "--connect-timeout=0.5", "--stall-timeout=1e2", "--retries=0", "--retry-lost"];
    service.voxsift(&bench, &[&fine[..], &["in.wav"]].concat()).succeeds();
}

#[test]
fn the_smallest_and_the_largest_numbers_do_no_harm() {
    let (bench, service) = (bench(), Service::new());
    for option in ["--timeout=0.001", "--connect-timeout=0.001", "--stall-timeout=0.001"] {
        let args = ["in.wav", "-f", "--retries=1", option, "-o", "out.mp3"];
        let mut run = command(&bench.path(""), args);
        let ended = Running::start(run.envs(service.env())).end();
        assert!(matches!(ended.status.code(), Some(0 | 5)), "{option}: {}", ended.stderr);
    }
    let busy = Reply::of(503, "text/plain", "busy").with("Retry-After-ms", "1");
    let service = Service::answering([busy, Reply::voice()]);
    let most =
        ["--timeout=604800", "--connect-timeout=604800", "--stall-timeout=604800", "--retries=4294967295"];
    service
        .voxsift(&bench, &[&most[..], &["in.wav", "-f", "-o", "out.mp3"]].concat())
        .succeeds()
        .says("note: ");
}

// The key

#[test]
fn without_a_key_there_is_no_service() {
    let service = Service::new();
    let bench = Bench::new();
    for args in [&["in.wav"][..], &["-"], &["in.wav", "-n"], &["in.wav", "--stream", "-o", "out.wav"]] {
        for key in [None, Some("")] {
            let run = bench.voxsift([args, &["-e", "elevenlabs"]].concat());
            let run = run.env("ELEVENLABS_BASE_URL", &service.url());
            let run = key.into_iter().fold(run, |run, key| run.env("ELEVENLABS_API_KEY", key));
            run.fails(3, "API key").says("ELEVENLABS_API_KEY").says("--api-key-file");
        }
    }
    let run = bench.voxsift(["in.wav"]).env("VOXSIFT_ENGINE", "elevenlabs");
    run.fails(3, "API key");
    let json = bench.voxsift(["in.wav", "-e", "elevenlabs", "--json"]).exits(3).json();
    assert_eq!((&json["error"]["kind"], &json["status"]), (&json!("key"), &json!("failed")));
    assert_eq!((&json["attempts"], &json["bytes_uploaded"]), (&json!(0), &json!(0)));
    service.is_untouched();
    assert!(bench.names().is_empty());
}

#[test]
fn a_key_can_be_in_a_file() {
    for text in ["KEY", "KEY\n", "KEY\r\n", " \t KEY \r\n\n", "\nKEY"] {
        let (bench, service) = (bench(), Service::new());
        private(&bench, "key", text.replace("KEY", KEY));
        // It counts before the environment, and chooses the engine.
        let run = bench.voxsift(["in.wav", "--api-key-file", "key"]).env("ELEVENLABS_API_KEY", "another");
        run.env("ELEVENLABS_BASE_URL", &service.url()).succeeds().says("  elevenlabs  ").says_not(KEY);
        assert_eq!(service.request().header("xi-api-key"), KEY, "{text:?}");

        let run = bench.voxsift(["in.wav", "-f", "--api-key-file", "key"]);
        run.env("ELEVENLABS_BASE_URL", &service.url()).succeeds().says("  elevenlabs  ");
        assert_eq!(service.requests().len(), 2);
    }
}

#[test]
fn white_space_around_a_key_in_the_environment_is_no_part_of_it() {
    let (bench, service) = (bench(), Service::new());
    service.voxsift(&bench, &["in.wav"]).env("ELEVENLABS_API_KEY", &format!(" {KEY}\r\n")).succeeds();
    assert_eq!(service.request().header("xi-api-key"), KEY);
}

#[test]
fn a_key_can_come_through_standard_input() {
    let (bench, service) = (bench(), Service::new());
    let run = |args: &[&str]| {
        let run = bench.voxsift([args, &["--api-key-file", "-"]].concat());
        run.env("ELEVENLABS_BASE_URL", &service.url()).stdin(format!("{KEY}\r\n"))
    };
    run(&["in.wav"]).succeeds().says("  elevenlabs  ");
    assert_eq!(service.request().header("xi-api-key"), KEY);
    // It cannot be key and recording.
    for args in [&[][..], &["-"], &["--raw"], &["-", "-o", "out.mp3"], &["/dev/stdin", "-o", "out.mp3"]] {
        run(args).fails(2, "standard input");
    }
    assert_eq!(service.requests().len(), 1);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let (bench, service) = (bench(), Service::new());
    let path = bench.file("key", format!("{KEY}\n"));
    for mode in [0o644, 0o640, 0o604, 0o660, 0o666] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        let done = refused(&bench, &["in.wav", "--api-key-file", "key"], 3, "key");
        done.says("chmod 600").says_not(KEY);
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("a mode");
        service.voxsift(&bench, &["in.wav", "-f", "--api-key-file", "key"]).succeeds();
    }
}

#[test]
fn what_cannot_be_a_key_is_refused_and_not_shown() {
    let bench = bench();
    let service = Service::new();
    for (bytes, shown) in [
        (&b"hunter2 hunter3"[..], "hunter"),
        (b"hunter2\nhunter3", "hunter"),
        (b"hunter2\r\nxi-evil: hunter3", "hunter"),
        (b"hunter2\thunter3", "hunter"),
        (b"hunter2\x1b[31m", "hunter"),
        (b"hunter2\x7f", "hunter"),
        ("hunter2schlüssel".as_bytes(), "hunter"),
        ("hunter2\u{202e}".as_bytes(), "hunter"),
        (b"hunter2\xff\xfe", "hunter"),
        (b"\xff\xfeh\0u\0n\0t\0e\0r\0", "hunter"),
        (b" \r\n", "\r"),
    ] {
        private(&bench, "key", bytes);
        refused(&bench, &["in.wav", "--api-key-file", "key"], 3, "key").says_not(shown);
        if !bytes.contains(&0) {
            let mut run = command(&bench.path(""), ["in.wav", "-v"]);
            run.envs(service.env()).env("ELEVENLABS_API_KEY", OsStr::from_bytes(bytes));
            let ended = Running::start(&mut run).end().failed(3, "key");
            assert!(!ended.stderr.contains(shown), "{}", ended.stderr);
        }
    }
    private(&bench, "key", "");
    refused(&bench, &["in.wav", "--api-key-file", "key"], 3, "empty");
    private(&bench, "key", "hunter2".repeat(100_000));
    refused(&bench, &["in.wav", "--api-key-file", "key"], 3, "key").says_not("hunter2");
    fs::create_dir(bench.path("folder")).expect("a folder");
    refused(&bench, &["in.wav", "--api-key-file", "folder"], 3, "folder");
    refused(&bench, &["in.wav", "--api-key-file", "missing"], 3, "missing: no such file");
    service.is_untouched();
}

#[test]
fn the_key_is_never_shown() {
    let detail = json!({
        "code": format!("bad_{KEY}"), "status": KEY, "request_id": KEY, "param": KEY,
        "message": format!("the key {KEY} is not known, {KEY}\n"),
    });
    let echo = |status| Reply::json(status, &json!({ "detail": detail })).with("request-id", KEY);
    let page = format!("<p>{KEY}</p>");
    for reply in [
        Reply::voice().with("request-id", KEY).with("character-cost", KEY),
        echo(401),
        echo(400),
        echo(503),
        echo(200),
        Reply::of(401, "text/plain", format!("who is {KEY}?")),
        Reply::of(
            422,
            "application/json",
            format!(r#"{{"detail": [{{"loc": ["{KEY}"], "msg": "{KEY}"}}]}}"#),
        ),
        Reply::of(200, &format!("text/{}", KEY.replace(['/', '='], "")), &page),
        Reply::of(200, "text/html", page).with("location", KEY),
        Reply::of(302, "text/html", "").with("location", &format!("https://{KEY}.example.com/{KEY}")),
    ] {
        let reply = reply.with("Retry-After-ms", "1");
        for args in [&["-v", "--retries", "1"][..], &["--json", "--retries", "1", "-v"]] {
            let (bench, service) = (bench(), Service::answering([reply.clone()]));
            let mut run = command(&bench.path(""), [args, &["in.wav"]].concat());
            let ended = Running::start(run.envs(service.env())).end();
            let shown = ended.stderr + &String::from_utf8_lossy(&ended.stdout);
            assert!(!shown.contains(KEY) && !shown.is_empty(), "{shown}");
            assert!(!service.requests().is_empty());
        }
    }
    let (bench, service) = (bench(), Service::new());
    for args in [&["in.wav", "-n", "-v"][..], &["in.wav", "-n", "--json"], &["--help"], &["--nonsense"]] {
        let mut run = command(&bench.path(""), args);
        let ended = Running::start(run.envs(service.env())).end();
        let shown = ended.stderr + &String::from_utf8_lossy(&ended.stdout);
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[test]
fn a_key_in_pieces_is_not_put_together() {
    // What is left out as harmful must not have hidden it.
    for between in ["\u{200e}", "\u{0}", "\u{1b}"] {
        let text = KEY.replace("Test", &format!("Te{between}st"));
        let (bench, service) = (bench(), Service::answering([Reply::json(401, &json!({ "detail": text }))]));
        service.voxsift(&bench, &["in.wav"]).fails(3, "API key").says_not(KEY);
    }
}

// Outputs

#[test]
fn outputs_that_cannot_be_are_found_before_anything_is_sent() {
    let bench = Bench::new();
    // Before any work: this input cannot be read.
    bench.file("in.wav", b"");
    bench.file("in.isolated.mp3", b"old");
    fs::create_dir(bench.path("folder.mp3")).expect("a folder");
    refused(&bench, &["in.wav"], 2, "in.isolated.mp3 exists already");
    refused(&bench, &["in.wav", "-o", "in.isolated.mp3"], 2, "in.isolated.mp3 exists already");
    refused(&bench, &["in.wav", "-o", "missing/out.mp3"], 1, "there is no directory missing");
    refused(&bench, &["in.wav", "-o", "folder.mp3", "-f"], 1, "folder.mp3 is a directory");
    refused(&bench, &["in.wav", "-o", "in.wav", "-f"], 2, "is the input");
    refused(&bench, &["in.wav", "-o", "-", "--json"], 2, "--json");
    refused(&bench, &["--json"], 2, "--json");
    let service = Service::new();
    service.voxsift(&bench, &["in.wav", "--skip-existing"]).succeeds().says("skipped");
    let json = service.voxsift(&bench, &["in.wav", "--skip-existing", "--json"]).succeeds().json();
    assert_eq!((&json["status"], &json["engine"]), (&json!("skipped"), &json!("elevenlabs")));
    service.is_untouched();
    assert_eq!(bench.read("in.isolated.mp3"), b"old");
}

#[test]
fn a_reply_goes_to_a_terminal_only_when_that_is_said() {
    let (bench, service, terminal) = (bench(), Service::new(), Terminal::new());
    for args in [&["-"][..], &["-", "-t", "wav"], &["--raw", "--retries", "0"]] {
        let mut run = command(&bench.path(""), args);
        run.stdin(Stdio::piped()).stdout(terminal.stdio()).stderr(Stdio::piped());
        // Before any work: this one waits for no input.
        Running::start_with(run.envs(service.env())).end().failed(2, "terminal");
    }
    service.is_untouched();
    assert_eq!(terminal.all(), "");

    let terminal = Terminal::new();
    let mut run = command(&bench.path(""), ["in.wav", "-o", "-"]);
    run.stdin(Stdio::null()).stdout(terminal.stdio()).stderr(Stdio::piped());
    Running::start_with(run.envs(service.env())).end().with(0);
    assert!(terminal.all().starts_with("ID3"));
}

// What the service would refuse

#[test]
fn what_is_too_short_is_not_sent() {
    let bench = Bench::new();
    silence(&bench, "short.wav", 16_000, 1, 16, 73_599);
    silence(&bench, "stereo.wav", 44_100, 2, 16, 202_859);
    bench.file("short.pcm", vec![0; 147_198]);
    fs::copy(fixture("s16.flac"), bench.path("short.flac")).expect("a copy");
    fs::copy(fixture("aac.m4a"), bench.path("short.m4a")).expect("a copy");
    for args in [
        &["short.wav"][..],
        &["short.wav", "--file-format", "other"],
        &["stereo.wav"],
        &["stereo.wav", "--resample"],
        &["short.pcm", "--raw"],
        &["short.flac"],
        &["short.m4a"],
        &["short.wav", "-n"],
    ] {
        refused(&bench, &[args, &["--pad", "never"]].concat(), 4, "4.6 s").says("--ignore-limits");
        let service = Service::new();
        service.voxsift(&bench, &[args, &["--ignore-limits", "-f", "-o", "out.mp3"]].concat()).succeeds();
        assert_eq!(service.requests().len(), usize::from(!args.contains(&"-n")));
        let _ = fs::remove_file(bench.path("out.mp3"));
    }
    let service = Service::new();
    let piped =
        service.voxsift(&bench, &["--raw", "-o", "out.mp3", "--pad", "never"]).stdin(vec![0; 147_198]);
    piped.fails(4, "4.6 s").says("standard input");
    service.is_untouched();

    silence(&bench, "enough.wav", 16_000, 1, 16, 73_600);
    service.voxsift(&bench, &["enough.wav", "-o", "out.mp3"]).succeeds();
}

#[test]
fn what_is_too_long_is_not_sent() {
    let bench = Bench::new();
    silence(&bench, "hour.wav", 8_000, 1, 8, 3600 * 8_000);
    silence(&bench, "long.wav", 8_000, 1, 8, 3601 * 8_000);
    silence(&bench, "samples.wav", 16_000, 1, 16, 3601 * 16_000);
    let service = Service::new();
    service.voxsift(&bench, &["hour.wav", "-n"]).succeeds().says("60000 credits");
    for args in [
        &["long.wav"][..],
        &["samples.wav"],
        &["long.wav", "--resample"],
        &["samples.wav", "--raw"],
        &["long.wav", "-n"],
    ] {
        refused(&bench, &[args, &["--split", "never"]].concat(), 4, "hour").says("--ignore-limits");
    }
    service.voxsift(&bench, &["long.wav", "-n", "--ignore-limits"]).succeeds();
    service.is_untouched();
}

#[test]
fn what_is_too_large_is_not_sent() {
    let bench = Bench::new();
    // 48 minutes of stereo, which no compression is sure to bring below the limit.
    silence(&bench, "large.wav", 96_000, 2, 16, 48 * 60 * 96_000);
    let mut film = File::create(bench.path("film.avi")).expect("a file");
    film.write_all(b"RIFF\0\0\0\0AVI LIST").expect("a header");
    film.set_len(500_000_001).expect("a sparse file");
    refused(&bench, &["large.wav", "--split", "never"], 4, "500 MB")
        .says("--resample")
        .says("--ignore-limits");
    refused(&bench, &["film.avi"], 4, "500 MB").says("--ignore-limits");
    refused(&bench, &["film.avi", "-n"], 4, "500 MB");
    let service = Service::new();
    service.voxsift(&bench, &["film.avi", "-n", "--ignore-limits"]).succeeds();
    service.voxsift(&bench, &["large.wav", "-n", "--resample"]).succeeds().says("48000 credits");
    film.set_len(500_000_000).expect("a sparse file");
    service.voxsift(&bench, &["film.avi", "-n"]).succeeds();
    service.is_untouched();
}

#[test]
fn a_recording_of_no_frames_is_not_paid_for() {
    let bench = Bench::new();
    bench.file("in.wav", Audio { rate: 44_100, channels: 2, samples: Vec::new() }.wav16());
    for args in [&["in.wav"][..], &["in.wav", "--pad", "auto"], &["in.wav", "--resample", "--ignore-limits"]]
    {
        refused(&bench, args, 4, "in.wav: there is no audio in it");
    }
}

#[test]
fn what_is_no_audio_is_not_sent() {
    let bench = Bench::new();
    let text = "Dear service,\nthis is a letter.\n".repeat(500);
    let caf = fs::read(fixture("pcm.caf")).expect("the fixture");
    let padded = |start: &[u8]| [start, &[0x2a; 5000]].concat();
    for (name, bytes) in [
        ("empty.wav", Vec::new()),
        ("text.mp3", text.into_bytes()),
        ("page.mp3", b"<!DOCTYPE html><html><body>404</body></html>".to_vec()),
        ("record.json", b"{\"audio\": null}".to_vec()),
        ("image.wav", padded(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")),
        ("photo.mp3", padded(b"\xff\xd8\xff\xe0\0\x10JFIF\0")),
        ("archive.mp3", padded(b"PK\x03\x04\x14\0\0\0\x08\0")),
        ("archive.wav", padded(b"\x1f\x8b\x08\0")),
        ("report.pdf", padded(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")),
        ("note.amr", padded(b"#!AMR\n")),
        ("score.mid", padded(b"MThd\0\0\0\x06")),
        ("zeros.wav", vec![0; 100_000]),
        ("sound.caf", caf.clone()),
    ] {
        bench.file(name, &bytes);
        for args in [&[name][..], &[name, "--ignore-limits"], &[name, "-n"]] {
            refused(&bench, args, 4, name);
        }
        let service = Service::new();
        for retries in ["0", "3"] {
            let args = ["-o", "out.mp3", "--retries", retries];
            service.voxsift(&bench, &args).stdin(&*bytes).fails(4, "standard input");
        }
        service.is_untouched();
    }
    // What helps is said where something helps.
    refused(&bench, &["sound.caf"], 4, "CAF").says("--resample");
    for name in ["missing.wav", "missing/in.wav"] {
        refused(&bench, &[name, "-o", "out.mp3"], 4, "no such file");
    }
    fs::create_dir(bench.path("folder.wav")).expect("a folder");
    refused(&bench, &["folder.wav", "-o", "out.mp3"], 4, "there are no recordings in it");
}

#[test]
fn what_is_not_sent_is_told_to_scripts() {
    let (bench, service) = (Bench::new(), Service::new());
    silence(&bench, "short.wav", 16_000, 1, 16, 16_000);
    let done = service.voxsift(&bench, &["short.wav", "--json", "--pad", "never"]).exits(4);
    let json = done.json();
    assert_eq!((&json["status"], &json["engine"]), (&json!("failed"), &json!("elevenlabs")));
    assert_eq!(json["error"]["kind"], "input");
    assert!(json["error"]["message"].as_str().is_some_and(|message| message.contains("4.6")), "{json}");
    assert!(json["error"]["http_status"].is_null() && json["error"]["code"].is_null(), "{json}");
    assert_eq!((&json["bytes_written"], &json["bytes_uploaded"]), (&json!(0), &json!(0)));
}

#[test]
fn an_attempt_is_a_request() {
    let (bench, service) = (Bench::new(), Service::new());
    silence(&bench, "short.wav", 16_000, 1, 16, 16_000);
    let json = service.voxsift(&bench, &["short.wav", "--json", "--pad", "never"]).exits(4).json();
    service.is_untouched();
    assert_eq!(json["attempts"], 0, "{json}");
}

// The dry run

#[test]
fn a_dry_run_makes_nothing_up() {
    let (bench, service) = (Bench::new(), Service::new());
    // What cannot be decoded here has no length.
    bench.file("film.avi", b"RIFF\x18\0\0\0AVI LIST\x0c\0\0\0hdrlavih");
    let done = service.voxsift(&bench, &["film.avi", "-n", "-o", "out.mp3"]).succeeds();
    done.says("minutes and credits unknown: about 1000 credits a minute");
    service.is_untouched();
}

#[test]
fn a_length_that_no_header_tells_is_counted() {
    let (bench, service) = (Bench::new(), Service::new());
    for (name, seconds) in [("aac.aac", 0.34), ("opus.webm", 0.3), ("aac.mkv", 0.3)] {
        let path = fixture(name).display().to_string();
        let json = service.voxsift(&bench, &[&path, "-n", "--json", "-o", "out.wav"]).succeeds().json();
        let length = json["duration_seconds"].as_f64().unwrap_or_else(|| panic!("{name}: {json}"));
        assert!((length - seconds).abs() < 0.06, "{name}: {length}");
    }
    service.is_untouched();
}

#[test]
fn a_dry_run_tells_the_price_and_sends_nothing() {
    let (bench, service) = (Bench::new(), Service::new());
    silence(&bench, "narrow.wav", 16_000, 1, 16, 90 * 16_000);
    silence(&bench, "wide.wav", 44_100, 2, 16, 90 * 44_100);
    for (args, format) in [
        (&["narrow.wav"][..], "pcm_s16le_16"),
        (&["wide.wav"], "other"),
        (&["wide.wav", "--resample"], "pcm_s16le_16"),
        (&["narrow.wav", "--file-format", "other"], "other"),
    ] {
        let args = [args, &["-n"]].concat();
        let done = service.voxsift(&bench, &args).succeeds();
        let arrow = format!("{} → {}", args[0], args[0].replace(".wav", ".isolated.mp3"));
        done.says(&arrow).says("elevenlabs").says("1.50 minutes").says("1500 credits").says(format);
        assert!(done.stdout().is_empty(), "{}", done.show());

        let done = service.voxsift(&bench, &[&args[..], &["--json"]].concat()).succeeds();
        let json = done.json();
        assert_eq!((&json["status"], &json["engine"]), (&json!("planned"), &json!("elevenlabs")));
        assert_eq!((&json["duration_seconds"], &json["file_format"]), (&json!(90.0), &json!(format)));
        assert_eq!(json["credits"], 1500, "{}", done.show());
        assert_eq!((&json["attempts"], &json["bytes_uploaded"]), (&json!(0), &json!(0)));
        assert!(json["error"].is_null(), "{}", done.show());
    }
    // A pipe is not looked into, so that nothing is known of it.
    let done = service.voxsift(&bench, &["-n", "--json", "-o", "out.mp3"]).stdin(&**WAV).succeeds();
    let json = done.json();
    assert!(json["duration_seconds"].is_null() && json["credits"].is_null(), "{}", done.show());
    service.is_untouched();
    assert_eq!(bench.names(), ["narrow.wav", "wide.wav"]);
}

// What is shown meanwhile

#[test]
fn the_upload_and_the_wait_are_shown_on_a_terminal() {
    let (bench, terminal, gate) = (bench(), Terminal::new(), Arc::new(Gate::default()));
    let service = Service::answering([Reply::voice().with("character-cost", "84").behind(&gate)]);
    let args = ["--raw", "--retries=0", "-o", "out.mp3"];
    let mut running = Running::start_with(on_terminal(&bench, &terminal, &args).envs(service.env()));
    let second = vec![0; 32_000];
    let mut given = 0;
    until("the upload on the terminal", || {
        if given < 600 {
            running.give(&second);
            given += 1;
        }
        terminal.shown().contains("upload").then_some(())
    });
    running.give(&[0; 160_000]);
    running.close();
    until("the wait on the terminal", || terminal.shown().contains("waiting for the service").then_some(()));
    gate.open();
    running.end().with(0);
    let shown = terminal.all();
    let last = shown.trim_end().rsplit(['\r', '\n']).next().unwrap_or_default();
    assert!(
        last.contains("standard input → out.mp3") && last.trim_end().ends_with("84 credits"),
        "the result line stands alone: {shown:?}"
    );
    assert!(!last.contains("waiting"), "{shown:?}");
}

#[test]
fn the_wait_is_cleared_before_a_failure_is_told() {
    let (bench, terminal, gate) = (bench(), Terminal::new(), Arc::new(Gate::default()));
    let service = Service::answering([Reply::of(400, "text/plain", "no").behind(&gate)]);
    let running = Running::start_with(on_terminal(&bench, &terminal, &["in.wav"]).envs(service.env()));
    until("the wait on the terminal", || terminal.shown().contains("waiting for the service").then_some(()));
    gate.open();
    running.end().with(4);
    let shown = terminal.all();
    let lines: Vec<&str> = shown.trim_end().split('\n').collect();
    let [.., error, hint] = lines.as_slice() else { panic!("{shown:?}") };
    assert!(error.rsplit("\x1b[2K").next().is_some_and(|line| line.contains("error:")), "{shown:?}");
    assert!(hint.contains("hint:") && !hint.contains("waiting"), "{shown:?}");
}

#[test]
fn nothing_is_drawn_where_there_is_no_terminal() {
    let (bench, service) = (bench(), Service::new());
    let done = service.voxsift(&bench, &["in.wav"]).succeeds();
    assert!(done.stderr().lines().count() == 1 && !done.stderr().contains(['\r', '\x1b']), "{}", done.show());
    for option in ["-q", "--progress=never"] {
        let terminal = Terminal::new();
        let args = ["in.wav", "-f", option];
        Running::start_with(on_terminal(&bench, &terminal, &args).envs(service.env())).end().with(0);
        let shown = terminal.all();
        assert!(shown.lines().count() == usize::from(option != "-q") && !shown.contains('\x1b'), "{shown:?}");
    }
}

#[test]
fn help_tells_about_the_service() {
    let done = Bench::new().voxsift(["--help"]).succeeds();
    let help = String::from_utf8_lossy(done.stdout()).into_owned();
    for part in [
        "ELEVENLABS_API_KEY",
        "ELEVENLABS_BASE_URL",
        "--api-key-file",
        "--base-url",
        "--resample",
        "--file-format",
        "pcm_s16le_16",
        "--preview",
        "--stream",
        "--retries",
        "--retry-lost",
        "--timeout",
        "--connect-timeout",
        "--stall-timeout",
        "--ignore-limits",
        "mp3",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
    let codes = help.split_once("Exit codes:").expect("exit codes").1;
    for code in ["  0 ", "  1 ", "  2 ", "  3 ", "  4 ", "  5 ", "  130 "] {
        assert!(codes.contains(code), "{code:?} in {codes}");
    }
    assert!(!help.contains("--api-key "), "arguments are visible to everybody");
}
