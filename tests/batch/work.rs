//! Several at once, failures, signals, and memory.

use std::fs::{self, File};
use std::io::Write;
use std::process::Stdio;
use std::sync::Mutex;

use rustix::process::Signal;

use crate::child::{Running, behind_shell, command, fifo, until};
use crate::support::{Audio, Bench};
use crate::takes::{failures, field, files, plant, records, summary, tiny};
use crate::writer;

#[test]
fn as_many_are_worked_on_as_asked_for_and_never_more() {
    for jobs in [1, 3, 5] {
        let bench = Bench::new();
        let names: Vec<String> = (0..8).map(|i| format!("{i}.wav")).collect();
        for name in &names {
            fifo(&bench.path(name));
        }
        let jobs_text = jobs.to_string();
        let args = ["-d", "clean", "-j", &jobs_text].into_iter().chain(names.iter().map(String::as_str));
        let running = Running::start(&mut command(&bench.path(""), args));
        // How many are read now, were read at most, and have been begun.
        let state = Mutex::new((0, 0, 0));
        let wav = tiny();
        let (bench, names, state, wav) = (&bench, &names, &state, &wav);
        std::thread::scope(|scope| {
            for name in names {
                scope.spawn(move || {
                    let mut pipe = writer(&bench.path(name));
                    {
                        let mut state = state.lock().expect("nobody died");
                        state.0 += 1;
                        state.1 = state.1.max(state.0);
                        state.2 += 1;
                    }
                    until("as many as asked for", || {
                        let state = state.lock().expect("nobody died");
                        (state.0 >= jobs || state.2 == names.len()).then_some(())
                    });
                    pipe.write_all(wav).expect("it is read");
                    // Before the end of the pipe, behind which the next one is begun.
                    state.lock().expect("nobody died").0 -= 1;
                });
            }
        });
        running.end().with(0);
        assert_eq!(*state.lock().expect("nobody died"), (0, jobs, names.len()));
        assert_eq!(files(&bench.path("clean")), *names);
    }
}

#[test]
fn the_exit_code_is_that_of_all_or_one() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "b.wav", "there.wav"], &tiny());
    plant(&bench, &["clean/there.wav"], b"there");
    plant(&bench, &["bad.wav", "worse.wav", "folder/bad.wav"], b"no audio");
    for (inputs, code, counted, failed) in [
        (&["a.wav", "b.wav"][..], 0, "2 done, 0 skipped, 0 failed", &[][..]),
        (&["a.wav", "there.wav"], 0, "1 done, 1 skipped, 0 failed", &[]),
        (&["there.wav", "./there.wav", "a.wav"], 0, "1 done, 1 skipped, 0 failed", &[]),
        (&["bad.wav", "a.wav", "b.wav"], 1, "2 done, 0 skipped, 1 failed", &["bad.wav"]),
        (&["a.wav", "b.wav", "bad.wav"], 1, "2 done, 0 skipped, 1 failed", &["bad.wav"]),
        (&["bad.wav", "there.wav"], 1, "0 done, 1 skipped, 1 failed", &["bad.wav"]),
        (&["bad.wav", "worse.wav"], 4, "0 done, 0 skipped, 2 failed", &["bad.wav", "worse.wav"]),
        (&["bad.wav", "gone.wav"], 4, "0 done, 0 skipped, 2 failed", &["bad.wav", "gone.wav"]),
        (&["folder"], 4, "0 done, 0 skipped, 1 failed", &["folder/bad.wav"]),
    ] {
        for output in ["a.wav", "b.wav"] {
            let _ = fs::remove_file(bench.path("clean").join(output));
        }
        let args = inputs.iter().chain(&["-d", "clean", "--skip-existing", "-j", "1"]);
        let done = bench.voxsift(args).exits(code);
        assert!(summary(&done).starts_with(&format!("{counted}: ")), "{inputs:?}\n{}", done.show());
        assert_eq!(failures(&done.stderr()), failed, "{inputs:?}");
        assert_eq!(done.stderr().matches("error: ").count(), failed.len(), "{}", done.show());
        assert_eq!(done.stderr().matches("hint: ").count(), failed.len(), "{}", done.show());
    }
}

#[test]
fn outputs_that_cannot_be_written_fail_on_their_own() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "b.wav"], &tiny());
    plant(&bench, &["long.wav"], &Audio::speechlike(16_000, 1, 64_000).wav16());
    // No file may be larger than 64 blocks of 512 or 1024 bytes, as the shell counts.
    let limited = |inputs: &[&str]| {
        let mut run =
            behind_shell(&bench.path(""), "ulimit -f 64; exec \"$@\"", inputs.iter().chain(&["-f"]));
        Running::start(run.stdin(Stdio::null())).end()
    };
    let ended = limited(&["a.wav", "long.wav", "b.wav", "-d", "clean"]).with(1);
    assert_eq!(failures(&ended.stderr), ["long.wav"], "{}", ended.stderr);
    assert!(ended.stderr.contains("error: clean/long.wav: "), "the output is named: {}", ended.stderr);
    assert_eq!(files(&bench.path("clean")), ["a.wav", "b.wav"], "nothing unfinished");
    fs::remove_dir_all(bench.path("clean")).expect("it is there");
    limited(&["long.wav", "-d", "clean"]).with(1);
}

#[test]
fn after_the_first_failure_nothing_is_begun_where_that_is_asked_for() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "c.wav", "d.wav"], &tiny());
    bench.file("bad.wav", b"no audio");
    let args = ["a.wav", "bad.wav", "c.wav", "d.wav", "-d", "clean", "-j", "1"];
    let done = bench.voxsift(args.iter().chain(&["--fail-fast", "--json"])).exits(1);
    assert!(summary(&done).starts_with("1 done, 0 skipped, 1 failed, 2 not begun: "), "{}", done.show());
    assert_eq!(failures(&done.stderr()), ["bad.wav"]);
    assert_eq!(field("input", &records(done.stdout())), ["a.wav", "bad.wav"]);
    assert_eq!(files(&bench.path("clean")), ["a.wav"]);
    // The rest is done when it is asked for again.
    let done = bench.voxsift(args.iter().chain(&["--skip-existing"])).exits(1);
    assert!(summary(&done).starts_with("2 done, 1 skipped, 1 failed: "), "{}", done.show());
    // Without a failure nothing is different.
    let done = bench.voxsift(["a.wav", "c.wav", "-d", "clean", "-f", "--fail-fast"]).succeeds();
    assert!(summary(&done).starts_with("2 done, 0 skipped, 0 failed: "), "{}", done.show());
}

#[test]
fn a_first_failure_that_leaves_some_out_is_a_partial_end() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "b.wav"], &tiny());
    bench.file("bad.wav", b"no audio");
    let done = bench.voxsift(["bad.wav", "a.wav", "b.wav", "-d", "clean", "-j", "1", "--fail-fast"]).exits(1);
    assert!(summary(&done).starts_with("0 done, 0 skipped, 1 failed, 2 not begun: "), "{}", done.show());
}

#[test]
fn what_appears_meanwhile_is_skipped_as_well() {
    // As when several machines work on one list.
    let bench = Bench::new();
    bench.file("b.wav", tiny());
    fifo(&bench.path("a.wav"));
    let args = ["a.wav", "b.wav", "-d", "clean", "-j", "1", "--skip-existing", "--json"];
    let running = Running::start(&mut command(&bench.path(""), args));
    let mut pipe = writer(&bench.path("a.wav"));
    plant(&bench, &["clean/b.wav"], b"there");
    pipe.write_all(&tiny()).expect("it is read");
    drop(pipe);
    let ended = running.end().with(0);
    assert_eq!(field("status", &records(&ended.stdout)), ["ok", "skipped"]);
    assert!(ended.stderr.contains("1 done, 1 skipped, 0 failed: "), "{}", ended.stderr);
    assert_eq!(bench.read("clean/b.wav"), b"there");
}

#[test]
fn no_more_are_worked_on_at_once_than_files_may_be_open() {
    let bench = Bench::new();
    let names: Vec<String> = (0..40).map(|i| format!("takes/{i:02}.wav")).collect();
    plant(&bench, &names, &tiny());
    let line = r#"ulimit -n 40; exec "$@""#;
    let args = ["takes", "-d", "clean", "-j", "64"];
    let ended = Running::start(&mut behind_shell(&bench.path(""), line, args)).end().with(0);
    assert!(ended.stderr.contains("note: only 4 at once: more would pass the limit"), "{}", ended.stderr);
    assert_eq!(files(&bench.path("clean")).len(), 40);
}

#[test]
fn a_signal_ends_all_that_is_under_way() {
    let bench = Bench::new();
    let names = ["a.wav", "b.wav", "c.wav", "d.wav"];
    for name in names {
        fifo(&bench.path(name));
    }
    let running =
        Running::start(&mut command(&bench.path(""), names.iter().chain(&["-d", "clean", "-j", "3"])));
    let mut pipes: Vec<File> = names[..3].iter().map(|name| writer(&bench.path(name))).collect();
    for pipe in &mut pipes {
        pipe.write_all(&tiny()[..tiny().len() / 2]).expect("it is read");
    }
    until("three unfinished outputs", || (files(&bench.path("clean")).len() == 3).then_some(()));
    running.signal(Signal::TERM);
    let ended = running.end().with(130);
    assert!(files(&bench.path("clean")).is_empty(), "{}", ended.stderr);
    assert!(ended.stderr.is_empty(), "{}", ended.stderr);
}

/// The most memory that a run over so many tiny files has needed by the time they are done, in kB.
#[cfg(target_os = "linux")]
fn most_memory(count: usize) -> u64 {
    let bench = Bench::new();
    let names: Vec<String> = (0..count).map(|i| format!("takes/{i:03}.wav")).collect();
    plant(&bench, &names, &tiny());
    // Keeps the program there when it has done the others.
    fifo(&bench.path("last.wav"));
    let running =
        Running::start(&mut command(&bench.path(""), ["takes", "last.wav", "-d", "clean", "-j", "2"]));
    let pipe = writer(&bench.path("last.wav"));
    until("all but the last", || (running.stderr().matches(" → ").count() == count).then_some(()));
    let status = fs::read_to_string(format!("/proc/{}/status", running.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a figure");
    let most = line.trim().trim_end_matches(" kB").parse().expect("a number");
    drop(pipe);
    let ended = running.end().with(1);
    assert!(ended.stderr.contains(&format!("\n{count} done, 0 skipped, 1 failed: ")), "{}", ended.stderr);
    most
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_number_of_files() {
    let (few, many) = (most_memory(20), most_memory(400));
    // A name and a path for each, and what allocators do; a leak of one block of audio in each would be more.
    assert!(many < few + 2_000, "{few} kB for 20 files, {many} kB for 400");
}
