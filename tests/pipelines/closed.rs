//! Streams that are full, closed, or never looked at.

use std::fs::OpenOptions;
use std::process::Stdio;

use crate::child::{Running, behind_shell, command};
use crate::support::{Audio, Bench};
use crate::{broken_pipe, take};

#[test]
fn a_live_stream_to_a_full_device_is_an_error() {
    for format in ["wav", "flac", "opus", "pcm"] {
        let bench = Bench::new();
        for line in [r#"exec "$@" > /dev/full"#, r#"exec "$@" -o /dev/full"#] {
            let mut running =
                Running::start(&mut behind_shell(&bench.path(""), line, ["--raw", "-t", format]));
            // It may have ended before all is given.
            running.try_give(&take().pcm());
            running.close();
            running.end().failed(1, "no space left on device");
        }
        assert!(bench.names().is_empty());
    }
}

#[test]
fn an_output_that_was_opened_for_reading_is_an_error() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let line = r#"exec "$@" 1< /dev/zero"#;
    let run = &mut behind_shell(&bench.path(""), line, ["in.wav", "-o", "-"]);
    Running::start(run).end().failed(1, "standard output: ");
}

#[test]
fn a_closed_output_is_an_error_where_something_goes_there() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for line in [r#"exec "$@" >&-"#, r#"trap '' PIPE; exec "$@" >&-"#] {
        let start = |args: &[&str]| {
            let mut running = Running::start(&mut behind_shell(&bench.path(""), line, args));
            running.try_give(&take().wav16());
            running.close();
            running.end()
        };
        start(&["in.wav", "-o", "-"]).failed(1, "standard output: it is closed");
        start(&["in.wav", "-o", "/dev/stdout"]).failed(1, "standard output: it is closed");
        start(&["-"]).failed(1, "standard output: it is closed");
        start(&[]).failed(1, "standard output: it is closed");
        start(&["in.wav", "-o", "out.wav", "-f"]).with(0);
        assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), 16_000);
    }
}

#[test]
fn a_closed_input_is_an_empty_one() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let start =
        |args: &[&str]| Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" <&-"#, args)).end();
    for args in [&[][..], &["-"], &["-t", "wav", "-o", "out.wav"], &["--raw"]] {
        let ended = start(args).with(4);
        assert!(ended.stdout.is_empty(), "{args:?}");
        assert!(ended.stderr.starts_with("error: standard input: "), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(bench.names(), ["in.wav"]);
    start(&["in.wav"]).with(0);
    let streamed = bench.voxsift(["in.wav", "-o", "-"]).succeeds();
    assert!(start(&["in.wav", "-o", "-"]).with(0).stdout == streamed.stdout());
}

#[test]
fn closed_messages_change_nothing() {
    let bench = Bench::new();
    let wav = take().wav16();
    bench.file("in.wav", &wav);
    bench.file("bad.wav", b"");
    bench.voxsift(["in.wav", "-o", "expected.wav"]).succeeds();
    let start = |args: &[&str]| {
        let mut running = Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" 2>&-"#, args));
        running.try_give(&wav);
        running.close();
        running.end()
    };
    // Messages must not get into the first file that is opened.
    for args in [&["in.wav", "-v"][..], &["in.wav", "-f"], &["in.wav", "-f", "--progress", "always"]] {
        start(args).with(0);
        assert!(bench.read("in.isolated.wav") == bench.read("expected.wav"), "{args:?}");
    }
    let streamed = start(&["-v", "--progress", "always", "-"]).with(0);
    assert!(streamed.stdout == bench.voxsift(["-"]).stdin(wav.clone()).succeeds().stdout());
    start(&["bad.wav"]).with(4);
    start(&["in.wav"]).with(2);
    start(&["in.wav", "-f", "-o", "/dev/full"]).with(1);
    assert_eq!(bench.names(), ["bad.wav", "expected.wav", "in.isolated.wav", "in.wav"]);
}

#[test]
fn messages_that_nobody_takes_change_nothing() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.file("bad.wav", b"");
    let expected = bench.voxsift(["in.wav", "-o", "-"]).succeeds();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").expect("it"));
    for messages in [broken_pipe, full] {
        for (args, code) in [
            (&["in.wav", "-o", "-", "-v", "--progress", "always"][..], 0),
            (&["bad.wav"], 4),
            (&["--no-such-option"], 2),
            (&["in.wav", "-o", "in.wav"], 2),
        ] {
            let mut run = command(&bench.path(""), args);
            run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(messages());
            let ended = Running::start_with(&mut run).end().with(code);
            assert!(ended.stdout == if code == 0 { expected.stdout() } else { b"" }, "{args:?}");
        }
    }
}

#[test]
fn all_streams_closed() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.file("bad.wav", b"");
    bench.voxsift(["in.wav", "-o", "expected.wav"]).succeeds();
    let start = |args: &[&str]| {
        Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" <&- >&- 2>&-"#, args)).end()
    };
    start(&["in.wav", "-v"]).with(0);
    assert!(bench.read("in.isolated.wav") == bench.read("expected.wav"));
    start(&["in.wav"]).with(2);
    start(&["bad.wav"]).with(4);
    start(&["in.wav", "-o", "-"]).with(1);
    start(&["-", "-o", "out.wav"]).with(4);
    start(&[]).with(4);
    assert_eq!(bench.names(), ["bad.wav", "expected.wav", "in.isolated.wav", "in.wav"]);
}
