//! What the program says, where it says it, and what it does on signals.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use child::{Running, behind_shell, command, until};
use rustix::process::Signal;
use support::{Audio, Bench};
use terminal::{Terminal, on_terminal};

fn take() -> Vec<u8> {
    Audio::speechlike(16_000, 1, 16_000).wav16()
}

#[test]
fn help_has_sections_examples_environment_and_exit_codes() {
    let bench = Bench::new();
    let done = bench.voxsift(["--help"]).succeeds();
    let help = String::from_utf8_lossy(done.stdout()).into_owned();
    let parts = [
        "Usage: voxsift",
        "Input:",
        "Output:",
        "Engine:",
        "Messages:",
        "Examples:",
        "Environment:",
        "Exit codes:",
        "--attenuation-limit",
        "VOXSIFT_ENGINE",
        "NO_COLOR",
        "130",
    ];
    for part in parts {
        assert!(help.contains(part), "{part}\n{help}");
    }
    assert!(done.stderr().is_empty(), "{}", done.show());
    let short = bench.voxsift(["-h"]).succeeds();
    assert!(short.stdout().len() < done.stdout().len() / 2 && !short.stdout().is_empty(), "{}", short.show());
}

#[test]
fn version_is_one_line() {
    let done = Bench::new().voxsift(["--version"]).succeeds();
    assert_eq!(done.stdout(), format!("voxsift {}\n", env!("CARGO_PKG_VERSION")).as_bytes());
}

#[test]
fn a_terminal_as_input_gets_a_short_help() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    let mut run = command(&bench.path(""), ["--verbose"]);
    run.stdin(terminal.stdio()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = Running::start_with(&mut run).end().with(2);
    assert!(ended.stderr.contains("Usage: voxsift") && ended.stderr.contains("--help"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("Exit codes:"), "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
}

#[test]
fn audio_goes_to_a_terminal_only_when_that_is_said() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    bench.file("in.wav", take());
    let run = |args: &[&str]| {
        let mut run = command(&bench.path(""), args);
        Running::start_with(run.stdin(Stdio::piped()).stdout(terminal.stdio()).stderr(Stdio::piped()))
    };
    // Before any work: this one waits for no input.
    run(&[]).end().failed(2, "terminal");
    run(&["-t", "flac", "-"]).end().failed(2, "terminal");
    assert_eq!(terminal.all(), "");

    let terminal = Terminal::new();
    let mut run = command(&bench.path(""), ["in.wav", "-o", "-"]);
    run.stdin(Stdio::null()).stdout(terminal.stdio()).stderr(Stdio::piped());
    Running::start_with(&mut run).end().with(0);
    assert!(terminal.all().starts_with("RIFF"));
}

#[test]
fn json_has_every_field_whatever_happens() {
    const FIELDS: [&str; 13] = [
        "input",
        "output",
        "engine",
        "status",
        "duration_seconds",
        "file_format",
        "bytes_uploaded",
        "bytes_written",
        "elapsed_seconds",
        "attempts",
        "request_id",
        "credits",
        "error",
    ];
    let bench = Bench::new();
    bench.file("in.wav", take());
    bench.file("bad.wav", b"");
    for (args, code, status) in [
        (vec!["in.wav", "-n"], 0, "planned"),
        (vec!["in.wav"], 0, "ok"),
        (vec!["in.wav", "--skip-existing"], 0, "skipped"),
        (vec!["bad.wav"], 4, "failed"),
        (vec!["bad.wav", "-n"], 4, "failed"),
    ] {
        let done = bench.voxsift(["--json"].iter().chain(&args)).exits(code);
        assert_eq!(
            done.stdout().iter().filter(|byte| **byte == b'\n').count(),
            1,
            "one line: {}",
            done.show()
        );
        let json = done.json();
        for field in FIELDS {
            assert!(json.get(field).is_some(), "{field}\n{}", done.show());
        }
        assert_eq!(json["status"], status, "{}", done.show());
        assert_eq!(json["input"], args[0]);
        assert_eq!(json["output"], args[0].replace(".wav", ".isolated.wav"));
        assert_eq!(json["engine"], "local");
        for absent in ["file_format", "request_id"] {
            assert!(json[absent].is_null(), "{}", done.show());
        }
        match status {
            "ok" => {
                assert_eq!(json["duration_seconds"], 1.0);
                assert_eq!(json["bytes_written"], bench.read("in.isolated.wav").len());
                assert!(
                    json["elapsed_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0),
                    "{}",
                    done.show()
                );
                assert!(json["error"].is_null(), "{}", done.show());
            }
            "planned" => {
                assert_eq!(json["duration_seconds"], 1.0);
                assert_eq!(json["bytes_written"], 0);
                assert_eq!(bench.names(), ["bad.wav", "in.wav"]);
            }
            "failed" => {
                let error = &json["error"];
                assert_eq!(error["kind"], "input");
                assert_eq!(error["message"], "it is empty: there is no audio in it");
                assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{}", done.show());
                assert!(error["http_status"].is_null() && error["code"].is_null(), "{}", done.show());
                done.says("error: bad.wav: it is empty").says("hint: ");
            }
            _ => assert!(json["error"].is_null(), "{}", done.show()),
        }
    }
}

#[test]
fn json_and_audio_do_not_share_standard_output() {
    let bench = Bench::new();
    bench.file("in.wav", take());
    bench.voxsift(["--json", "in.wav", "-o", "-"]).fails(2, "--json");
    bench.voxsift(["--json", "in.wav", "-o", "/dev/stdout"]).fails(2, "--json");
    bench.voxsift(["--json"]).stdin(take()).fails(2, "--json");
    let done = bench.voxsift(["--json", "-", "-o", "out.wav"]).stdin(take()).succeeds();
    assert_eq!(done.json()["status"], "ok");
}

#[test]
fn a_dry_run_writes_nothing() {
    let bench = Bench::new();
    bench.file("in.wav", Audio::speechlike(44_100, 2, 88_200).wav16());
    let done = bench.voxsift(["-n", "in.wav", "-t", "flac"]).succeeds();
    done.says("in.wav → in.isolated.flac").says("local").says("44100 Hz").says("2 channels").says("2.0 s");
    bench.voxsift(["-n"]).stdin(take()).succeeds();
    bench.voxsift(["-n", "missing.wav"]).fails(4, "missing.wav: no such file");
    bench.voxsift(["-n", "in.wav", "-o", "out.mp3"]).fails(2, "out.mp3");
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let bench = Bench::new();
    let wav = take();
    bench.file("in.wav", &wav);
    bench.file("cut.wav", &wav[..20_000]);
    bench.voxsift(["cut.wav"]).succeeds().says("warning: cut.wav: ");
    for args in [vec!["-q", "in.wav"], vec!["-q", "cut.wav", "-f"], vec!["-q", "-n", "in.wav", "-f"]] {
        let done = bench.voxsift(&args).succeeds();
        assert!(done.output.stderr.is_empty() && done.stdout().is_empty(), "{}", done.show());
    }
    let done = bench.voxsift(["-q", "in.wav", "--skip-existing"]).succeeds();
    assert!(done.output.stderr.is_empty(), "{}", done.show());
    bench.voxsift(["-q", "missing.wav"]).fails(4, "no such file");
    bench.voxsift(["-q", "-v", "in.wav"]).exits(2);
}

#[test]
fn verbose_says_more() {
    let bench = Bench::new();
    bench.file("in.wav", take());
    let usual = bench.voxsift(["in.wav"]).succeeds().stderr();
    let verbose = bench.voxsift(["in.wav", "-f", "-v"]).succeeds().stderr();
    assert_eq!(usual.lines().count(), 1, "{usual}");
    assert!(verbose.lines().count() > 1 && verbose.contains("in.wav → in.isolated.wav"), "{verbose}");
}

#[test]
fn names_follow_the_template() {
    for (input, template, output) in [
        ("take.wav", "{stem}-clean.{ext}", "take-clean.wav"),
        ("take.WAV", "{stem}.clean.{source_ext}", "take.clean.WAV"),
        ("take.wav", "{stem}.flac", "take.flac"),
        ("take.wav", "{stem}{stem}_{source_ext}.{ext}", "taketake_wav.wav"),
        ("take.wav", "fixed.wav", "fixed.wav"),
        ("my.take.2.wav", "{stem}.isolated.{ext}", "my.take.2.isolated.wav"),
        ("a b.wav", "{stem}.isolated.{ext}", "a b.isolated.wav"),
        (".hidden.wav", "{stem}.isolated.{ext}", ".hidden.isolated.wav"),
        ("bare", "{stem}.isolated.{ext}", "bare.isolated.wav"),
        ("{ext}.wav", "{stem}.isolated.{ext}", "{ext}.isolated.wav"),
        ("-x.wav", "{stem}.isolated.{ext}", "-x.isolated.wav"),
    ] {
        let bench = Bench::new();
        bench.file(input, take());
        bench.voxsift(["--name", template, "--", input]).succeeds().says(&format!("{input} → {output}"));
        let mut expected = [input, output];
        expected.sort_unstable();
        assert_eq!(bench.names(), expected, "{template}");
    }
}

#[test]
fn the_output_is_beside_its_input() {
    let bench = Bench::new();
    fs::create_dir(bench.path("sub")).expect("a folder");
    bench.file("sub/take.wav", take());
    bench.voxsift(["sub/take.wav", "--name", "{stem}.clean.{ext}"]).succeeds();
    assert_eq!(bench.names(), ["sub"]);
    assert!(bench.path("sub/take.clean.wav").exists());
}

#[test]
fn templates_that_name_no_file_are_refused() {
    let bench = Bench::new();
    bench.file("in.wav", take());
    for template in ["{foo}.wav", "{}.wav", "{STEM}.wav"] {
        bench.voxsift(["in.wav", "--name", template]).fails(2, "is not known");
    }
    bench.voxsift(["in.wav", "--name", "{stem"]).fails(2, "not closed");
    for template in ["sub/{stem}.wav", "../{stem}.wav", "/tmp/{stem}.wav", "..", ".", "", "{stem}.wav/"] {
        bench.voxsift(["in.wav", "--name", template]).fails(2, "name of a file");
    }
    bench.voxsift(["in.wav", "--name", "x.wav", "-o", "y.wav"]).exits(2);
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn names_that_are_no_text_work() {
    let bench = Bench::new();
    let input = OsStr::from_bytes(b"t\xff\xfe.wav");
    fs::write(bench.path(input), take()).expect("a file");
    bench.voxsift([input]).succeeds();
    assert!(bench.path(OsStr::from_bytes(b"t\xff\xfe.isolated.wav")).exists(), "{:?}", bench.names());
    let missing = OsStr::from_bytes(b"m\xff.wav");
    bench.voxsift([missing]).fails(4, "no such file");
    let json = bench.voxsift([OsStr::new("--json"), OsStr::new("-f"), input]).succeeds().json();
    assert!(json["input"].as_str().is_some_and(|name| name.starts_with('t')), "{json}");
}

#[test]
fn names_cannot_steer_a_terminal() {
    let name = "a\nerror: b\r\x1b[31m\u{202e}c\u{9b}2J.wav";
    let bench = Bench::new();
    bench.file(name, take());
    let harmless = |text: &str| !text.contains(['\x1b', '\r', '\u{202e}', '\u{9b}']);
    let usual = bench.voxsift([name]).succeeds().stderr();
    assert!(usual.lines().count() == 1 && harmless(&usual), "{usual:?}");
    bench.voxsift([name]).fails(2, "exists already");
    bench.file(name, b"no audio");
    let done = bench.voxsift([name, "-f"]).fails(4, "text, not audio");
    assert!(harmless(&done.stderr()), "{:?}", done.stderr());
    let done = bench.voxsift(["--json", name, "-f"]).exits(4);
    assert_eq!(done.json()["input"], name, "JSON has the name as it is");

    let terminal = Terminal::new();
    bench.file(name, Audio::speechlike(16_000, 1, 60 * 16_000).wav16());
    Running::start_with(&mut on_terminal(&bench, &terminal, &[name, "-f"])).end().with(0);
    assert!(
        !terminal.all().contains("\x1b[31m") && !terminal.all().contains('\u{202e}'),
        "{:?}",
        terminal.all()
    );
}

#[test]
fn the_engine_can_come_from_the_environment() {
    let bench = Bench::new();
    bench.file("in.wav", take());
    bench.voxsift(["in.wav"]).env("VOXSIFT_ENGINE", "local").succeeds().says("  local  ");
    bench.voxsift(["in.wav", "-f"]).env("VOXSIFT_ENGINE", "nonsense").exits(2).says("nonsense").says("local");
    bench.voxsift(["in.wav", "-f", "-e", "local"]).env("VOXSIFT_ENGINE", "nonsense").succeeds();
}

#[test]
fn wrong_options_are_a_wrong_command_line() {
    let bench = Bench::new();
    bench.file("in.wav", take());
    for args in [
        &["in.wav", "--attenuation-limit", "-1"][..],
        &["in.wav", "--attenuation-limit", "NaN"],
        &["in.wav", "--attenuation-limit", "loud"],
        &["in.wav", "--rate", "16000"],
        &["in.wav", "--channels", "1"],
        &["in.wav", "--no-such-option"],
        &["in.wav", "--model", "nonsense"],
        &["in.wav", "--progress", "sometimes"],
    ] {
        bench.voxsift(args).exits(2).says("error: ");
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn a_bar_is_drawn_on_a_terminal_only() {
    let bench = Bench::new();
    bench.file("in.wav", Audio::speechlike(16_000, 1, 60 * 16_000).wav16());
    let terminal = Terminal::new();
    Running::start_with(&mut on_terminal(&bench, &terminal, &["in.wav"])).end().with(0);
    let shown = terminal.all();
    assert!(shown.contains(" / 1:00") && shown.contains('×') && shown.contains(" left"), "{shown:?}");
    let last = shown.trim_end().rsplit(['\r', '\n']).next().unwrap_or_default();
    assert!(
        last.contains("in.wav → in.isolated.wav  60.0 s  local"),
        "the result line stands alone: {shown:?}"
    );

    let piped = bench.voxsift(["in.wav", "-f"]).succeeds().stderr();
    assert!(piped.lines().count() == 1 && !piped.contains(['\r', '\x1b']), "{piped:?}");

    for option in ["--progress=never", "-q"] {
        let terminal = Terminal::new();
        Running::start_with(&mut on_terminal(&bench, &terminal, &["in.wav", "-f", option])).end().with(0);
        let shown = terminal.all();
        let expected = if option == "-q" { 0 } else { 1 };
        assert!(shown.lines().count() == expected && !shown.contains('\x1b'), "{option}: {shown:?}");
    }
}

#[test]
fn the_bar_of_a_live_stream_moves_with_it() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    let mut running = Running::start_with(&mut on_terminal(&bench, &terminal, &["--raw", "-o", "out.wav"]));
    let second = vec![0; 32_000];
    let mut given = 0;
    until("five seconds on the bar", || {
        if given < 600 {
            running.give(&second);
            given += 1;
        }
        let shown = terminal.shown();
        (shown.contains("0:05") || shown.contains("0:1")).then_some(())
    });
    assert!(terminal.shown().contains('×'), "{:?}", terminal.shown());
    running.close();
    running.end().with(0);
}

#[test]
fn progress_is_printed_as_lines_where_that_is_asked_for() {
    let bench = Bench::new();
    let mut running =
        Running::start(&mut command(&bench.path(""), ["--progress", "always", "--raw", "-o", "out.wav"]));
    let tenth = vec![0; 3_200];
    until("a line", || {
        running.give(&tenth);
        running.stderr().contains('\n').then_some(())
    });
    let line = running.stderr();
    assert!(
        line.starts_with("standard input  0:") && line.contains('×') && !line.contains(['\r', '\x1b']),
        "{line:?}"
    );
    running.close();
    running.end().with(0);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let bench = Bench::new();
    for (args, name, value, coloured) in [
        (&["missing.wav"][..], "TERM", "xterm", true),
        (&["missing.wav"], "TERM", "dumb", false),
        (&["missing.wav"], "NO_COLOR", "1", false),
        (&["missing.wav", "--color", "always"], "NO_COLOR", "1", true),
        (&["missing.wav", "--color", "never"], "TERM", "xterm", false),
    ] {
        let terminal = Terminal::new();
        Running::start_with(on_terminal(&bench, &terminal, args).env(name, value)).end().with(4);
        let shown = terminal.all();
        assert_eq!(shown.contains("\x1b["), coloured, "{args:?} {name}={value}: {shown:?}");
        assert!(shown.contains("error:"), "{shown:?}");
    }
    bench.voxsift(["missing.wav"]).exits(4).says_not("\x1b");
    bench.voxsift(["missing.wav", "--color", "always"]).exits(4).says("\x1b[1;31merror:\x1b[0m");
}

/// A mask of signals from the status of a process.
fn signals(process: &str, mask: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(mask))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// The signals that end the program. Those that these tests were started to ignore, as under `nohup`, stay
/// ignored and cannot be tried.
fn ending() -> Vec<Signal> {
    let ignored = signals("self", "SigIgn:").unwrap_or(0);
    let (tried, untried): (Vec<_>, Vec<_>) =
        [Signal::INT, Signal::TERM, Signal::HUP].into_iter().partition(|signal| ignored & bit(*signal) == 0);
    if !untried.is_empty() {
        eprintln!("not tried, because they are ignored here: {untried:?}");
    }
    tried
}

#[test]
fn a_signal_ends_it_while_a_pipe_is_silent() {
    for signal in ending() {
        let bench = Bench::new();
        bench.file("out.wav", b"old");
        let mut running = Running::start(&mut command(&bench.path(""), ["--raw", "-f", "-o", "out.wav"]));
        running.give(&[0; 32_000]);
        until("the unfinished output", || (bench.names().len() == 2).then_some(()));
        running.signal(signal);
        running.end().with(130);
        assert_eq!(bench.names(), ["out.wav"], "{signal:?}");
        assert_eq!(bench.read("out.wav"), b"old", "{signal:?}");
    }
}

#[test]
fn a_signal_ends_it_while_it_works() {
    for signal in ending() {
        let bench = Bench::new();
        // An hour of silence: far more than can be isolated before the signal.
        let file = File::create(bench.path("in.pcm")).expect("a file");
        file.set_len(3600 * 32_000).expect("a sparse file");
        let running = Running::start(&mut command(&bench.path(""), ["--raw", "in.pcm", "-o", "out.flac"]));
        until("the unfinished output", || (bench.names().len() == 2).then_some(()));
        running.signal(signal);
        running.end().with(130);
        assert_eq!(bench.names(), ["in.pcm"], "{signal:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_ends_it_before_the_first_byte() {
    for signal in ending() {
        let bench = Bench::new();
        let running = Running::start(&mut command(&bench.path(""), ["-", "-o", "out.wav"]));
        let id = running.id().to_string();
        until("the handler", || signals(&id, "SigCgt:").filter(|caught| caught & bit(signal) != 0));
        running.signal(signal);
        running.end().with(130);
        assert!(bench.names().is_empty(), "{signal:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    for (name, signal) in [("HUP", Signal::HUP), ("INT", Signal::INT)] {
        let bench = Bench::new();
        let line = format!("trap '' {name} && exec \"$@\"");
        let mut running =
            Running::start(&mut behind_shell(&bench.path(""), &line, ["--raw", "-o", "out.wav"]));
        running.give(&[0; 32_000]);
        until("the unfinished output", || bench.names().first().cloned());
        let id = running.id().to_string();
        assert_eq!(signals(&id, "SigIgn:").map(|ignored| ignored & bit(signal)), Some(bit(signal)), "{name}");
        running.signal(signal);
        running.give(&[0; 32_000]);
        running.close();
        running.end().with(0);
        assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), 32_000, "{name}");
        assert_eq!(bench.names(), ["out.wav"], "{name}");
    }
}

#[test]
fn a_pipe_by_name_needs_the_name_of_an_output() {
    let bench = Bench::new();
    let wav = take();
    let done = bench.voxsift(["/dev/stdin", "-o", "out.wav"]).stdin(wav).succeeds();
    done.says("standard input → out.wav");
    let fifo = bench.path("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    bench.voxsift(["fifo"]).fails(2, "fifo is no regular file").says("-o");
    bench.voxsift(["-n", "fifo", "-o", "x.wav"]).succeeds().says("fifo → x.wav");
}
