//! Standard input as one of several inputs.

use std::fs;

use crate::child::{Running, behind_shell, until};
use crate::support::{Audio, Bench};
use crate::{AT_16_KHZ, Live, bytes, long_take, take};

#[test]
fn standard_input_among_files() {
    let bench = Bench::new();
    for name in ["a.wav", "b.wav"] {
        bench.file(name, Audio::speechlike(16_000, 1, 8_000).wav16());
    }
    let piped = take().wav16();
    let done =
        bench.voxsift(["--attenuation-limit", "0", "a.wav", "-", "b.wav"]).stdin(piped.clone()).succeeds();
    assert!(done.stdout() == piped, "{}", done.show());
    done.says("standard input → standard output").says("3 done, 0 skipped, 0 failed");
    assert_eq!(bench.names(), ["a.isolated.wav", "a.wav", "b.isolated.wav", "b.wav"]);

    let done = bench
        .voxsift(["--attenuation-limit", "0", "-j", "1", "-d", "out", "-t", "flac", "-", "a.wav"])
        .stdin(piped.clone())
        .succeeds();
    assert!(done.stdout().is_empty());
    let mut names: Vec<_> = fs::read_dir(bench.path("out"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.flac", "stdin.flac"]);
}

#[test]
fn standard_input_among_files_is_as_live_as_alone() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    // Enough at once for both, so that neither waits for the other.
    let mut live = Live::start(&bench, &["--raw", "-t", "pcm", "-j", "2", "a.wav", "-"]);
    for block in take().pcm().chunks(bytes(10, 16_000, 1)) {
        live.give(block);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert_eq!(live.end().with(0).stdout.len(), 32_000);
    assert_eq!(bench.names(), ["a.isolated.pcm", "a.wav"]);
}

#[test]
fn one_of_standard_input_and_files_that_fails() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    let done = bench.voxsift(["a.wav", "-"]).stdin(b"no audio".to_vec()).exits(1);
    done.says("error: standard input: ").says("failed: standard input").says("1 done, 0 skipped, 1 failed");
    assert!(done.stdout().is_empty(), "{}", done.show());
    let done = bench.voxsift(["missing.wav", "-"]).stdin(take().wav16()).exits(1);
    done.says("failed: missing.wav");
    assert!(done.stdout().len() >= take().wav16().len(), "{}", done.show());
}

#[test]
fn a_reader_that_leaves_does_not_spoil_the_files_beside_it() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    bench.file("long.wav", long_take().wav16());
    let line = r#"{ "$@" < long.wav; echo $? > code; } | head -c 1000 > /dev/null"#;
    let ended = Running::start(&mut behind_shell(&bench.path(""), line, ["-j", "1", "-", "a.wav"])).end();
    let code = until("the exit code", || {
        fs::read_to_string(bench.path("code")).ok().filter(|code| code.ends_with('\n'))
    });
    assert_eq!(code, "0\n", "{}", ended.stderr);
    assert!(!ended.stderr.contains("error:"), "{}", ended.stderr);
    assert!(bench.names().iter().all(|name| !name.ends_with(".part")), "{:?}", bench.names());
    if bench.names().contains(&"a.isolated.wav".into()) {
        assert_eq!(Audio::of_wav(&bench.read("a.isolated.wav")).frames(), 16_000);
    }
}

#[test]
fn standard_input_is_read_only_once() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for args in [
        &["-", "-"][..],
        &["-", "in.wav", "-"],
        &["-", "/dev/stdin"],
        &["/dev/fd/0", "/dev/stdin", "-d", "out"],
        &["-", "--files-from", "-"],
        &["-", "--files-from", "/dev/stdin"],
        &["-", "-", "--json", "-d", "out"],
    ] {
        let done = bench.voxsift(args).stdin(take().wav16()).exits(2);
        done.says("error: standard input can be read only once").says("hint: ");
        assert_eq!(bench.names(), ["in.wav"], "{args:?}");
    }
    // A list that names it while it is read.
    let done = bench.voxsift(["--files-from", "-"]).stdin(b"-\nin.wav\n".to_vec()).exits(1);
    done.says("error: -: no such file").says("1 done, 0 skipped, 1 failed");
}

#[test]
fn json_about_standard_input_among_files() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.voxsift(["--json", "-", "in.wav"]).stdin(take().wav16()).exits(2).says("--json");
    assert_eq!(bench.names(), ["in.wav"], "refused before any work");
    let done =
        bench.voxsift(["--json", "-j", "1", "-d", "out", "-", "in.wav"]).stdin(take().wav16()).succeeds();
    let inputs: Vec<serde_json::Value> = String::from_utf8_lossy(done.stdout())
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["input"].clone())
        .collect();
    assert_eq!(inputs, ["standard input", "in.wav"]);
}
