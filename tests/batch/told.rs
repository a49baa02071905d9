//! What is said about many recordings.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use crate::child::{Running, fifo, until};
use crate::picture::Picture;
use crate::support::{Audio, Bench};
use crate::takes;
use crate::takes::{failures, field, files, plant, records, summary, tiny};
use crate::terminal::{Terminal, on_terminal};
use crate::{NASTY, endless, writer};

#[test]
fn every_recording_has_a_line_and_all_together_one() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav"], &Audio::speechlike(16_000, 1, 48_000).wav16());
    let done = bench.voxsift(["takes", "-d", "clean"]).succeeds();
    let stderr = done.stderr();
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{}", done.show());
    for name in ["a", "b"] {
        let start = format!("takes/{name}.wav → clean/{name}.wav  3.0 s  local  ");
        assert!(lines[..2].iter().any(|line| line.starts_with(&start)), "{}", done.show());
    }
    // 2 done, 0 skipped, 0 failed: 0.1 minutes, 0.2 s (30× real time)
    let rest = lines[2].strip_prefix("2 done, 0 skipped, 0 failed: 0.1 minutes, ").expect("the counts");
    assert!(rest.contains(" s (") && rest.ends_with("× real time)"), "{rest}");
    assert!(done.stdout().is_empty(), "{}", done.show());
    // A single recording needs no sum.
    let done = bench.voxsift(["takes/a.wav", "-d", "clean", "-f"]).succeeds();
    assert_eq!(done.stderr().lines().count(), 1, "{}", done.show());

    let quiet = bench.voxsift(["takes", "-d", "clean", "-f", "-q"]).succeeds();
    assert!(quiet.stderr().is_empty(), "{}", quiet.show());
    bench.file("takes/bad.wav", b"no audio");
    let quiet = bench.voxsift(["takes", "-d", "clean", "-f", "-q"]).exits(1);
    assert!(quiet.stderr().starts_with("error: takes/bad.wav: ") && !quiet.stderr().contains(" done"));
}

#[test]
fn a_plan_is_summed_up() {
    let bench = Bench::new();
    plant(
        &bench,
        &["takes/a.wav", "takes/b.wav", "takes/c.wav"],
        &Audio::speechlike(16_000, 1, 48_000).wav16(),
    );
    plant(&bench, &["clean/c.wav"], b"there");
    let args = ["takes", "-d", "clean", "--skip-existing", "-n"];
    let done = bench.voxsift(args).succeeds();
    assert_eq!(summary(&done), "2 to do, 1 skipped, 0 failed: 0.1 minutes");
    done.says("takes/a.wav → clean/a.wav  local  wav  16000 Hz, mono, 16 bits  3.0 s\n");
    bench.file("takes/bad.wav", b"no audio");
    let done = bench.voxsift(args).exits(1);
    assert_eq!(summary(&done), "2 to do, 1 skipped, 1 failed: 0.1 minutes");
    assert_eq!(failures(&done.stderr()), ["takes/bad.wav"]);
    assert_eq!(files(&bench.path("clean")), ["c.wav"]);
    bench.voxsift(["takes", "-d", "new/clean", "-n"]).exits(1);
    assert!(!bench.path("new").exists(), "no directory is made");
}

#[test]
fn json_has_a_line_for_every_input() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav", "takes/x/c.wav"], &tiny());
    plant(&bench, &["takes/bad.wav"], b"no audio");
    plant(&bench, &["clean/b.wav"], b"there");
    let args = ["-r", "takes", "gone.wav", "-d", "clean", "--skip-existing", "--json"];
    let done = bench.voxsift(args.iter().chain(&["-j", "1"])).exits(1);
    let records = records(done.stdout());
    let inputs = ["takes/a.wav", "takes/b.wav", "takes/bad.wav", "takes/x/c.wav", "gone.wav"];
    assert_eq!(field("input", &records), inputs, "in their order");
    let outputs = ["clean/a.wav", "clean/b.wav", "clean/bad.wav", "clean/x/c.wav", "clean/gone.wav"];
    assert_eq!(field("output", &records), outputs);
    assert_eq!(field("status", &records), ["ok", "skipped", "failed", "ok", "failed"]);
    assert_eq!(field("engine", &records), ["local"; 5]);
    assert_eq!(records[2]["error"]["kind"], "input");
    let quiet = bench.voxsift(args.iter().chain(&["-q"])).exits(1);
    assert_eq!(takes::records(quiet.stdout()).len(), 5, "{}", quiet.show());
}

#[test]
fn names_that_would_steer_a_terminal_do_no_harm() {
    let bench = Bench::new();
    let odd = OsStr::from_bytes(b"takes/t\xff\x9b31m.wav");
    let nasty = format!("takes/{NASTY}");
    plant(&bench, &[OsStr::new(&nasty), odd], &tiny());
    plant(&bench, &[format!("takes/bad{NASTY}")], b"no audio");
    plant(&bench, &[format!("takes/{}", NASTY.replace(".wav", ".isolated.wav"))], &tiny());
    plant(&bench, &[format!("clean/{NASTY}")], b"there");
    let harmless = |text: &str| {
        let steers = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.lines().any(|line| line.contains(steers)), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("error: b")), "no line is forged: {text:?}");
    };
    // Result lines, passed over, skipped, failed, summed up.
    let done = bench.voxsift(["takes", "-d", "clean", "--skip-existing", "-v"]).exits(1);
    harmless(&done.stderr());
    done.says("passed over").says("skipped").says("error: ").says("failed: takes/bada\\n");
    assert!(summary(&done).starts_with("1 done, 1 skipped, 1 failed: "), "{}", done.show());
    // Conflicts, plans, directories.
    harmless(&bench.voxsift(["takes", "-d", "clean"]).exits(2).stderr());
    harmless(&bench.voxsift(["takes", "-d", "clean", "-f", "-n"]).exits(1).stderr());
    let folder = format!("empty{NASTY}");
    fs::create_dir(bench.path(&folder)).expect("a folder");
    harmless(&bench.voxsift([folder.as_str()]).exits(4).stderr());
    harmless(&bench.voxsift(["--files-from", &nasty.replace(".wav", ".list")]).exits(4).stderr());
    harmless(&bench.voxsift(["takes", "-d", "clean", "-f", "--progress", "always"]).exits(1).stderr());
    // JSON has the names as they are, as far as they are text.
    let done = bench.voxsift(["takes", "-d", "clean", "-f", "--json", "-q"]).exits(1);
    let records = records(done.stdout());
    assert_eq!(records.len(), 3);
    assert!(field("input", &records).contains(&nasty), "{records:?}");
    assert!(field("input", &records).contains(&String::from_utf8_lossy(odd.as_bytes()).into_owned()));

    let terminal = Terminal::new();
    Running::start_with(&mut on_terminal(&bench, &terminal, &["takes", "-d", "clean", "-f"])).end().with(1);
    let shown = terminal.all();
    let steering = ["\x1b[31m\x1b", "\x1b]0", "\u{202e}", "\u{9b}", "\x07"];
    assert!(!steering.iter().any(|sequence| shown.contains(sequence)), "{shown:?}");
}

#[test]
fn bars_and_messages_do_not_run_into_each_other() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav", "takes/d.wav"], &tiny());
    plant(&bench, &["takes/bad.wav"], b"no audio");
    fifo(&bench.path("live.wav"));
    fifo(&bench.path("late.wav"));
    let terminal = Terminal::new();
    let args = ["live.wav", "late.wav", "takes", "-d", "clean", "-j", "3"];
    let running = Running::start_with(&mut on_terminal(&bench, &terminal, &args));
    let mut pipes = [writer(&bench.path("live.wav")), writer(&bench.path("late.wav"))];
    for pipe in &mut pipes {
        pipe.write_all(&endless()).expect("it is read");
    }
    let seen = until("two bars below the results of the others", || {
        for pipe in &mut pipes {
            // A pipe that is full will be read.
            let _ = pipe.write(&[0; 3_200]);
        }
        let picture = Picture::of(&terminal.shown());
        let live = picture.shows(&["live.wav", "0:"]) && picture.shows(&["late.wav", "0:"]);
        (live && picture.shows(&["4 of 6"])).then_some(picture)
    });
    let total = seen.rows().pop().expect("a row");
    assert!(total.contains("4 of 6") && total.contains('×') && total.ends_with("left"), "{:#?}", seen.rows());
    drop(pipes);
    running.end().with(1);
    let picture = Picture::of(&terminal.all());
    assert!(picture.is_at_an_empty_line(), "{:#?}", picture.rows());
    let mut lines = picture.lines();
    let last = lines.pop().expect("a summary");
    assert!(last.starts_with("5 done, 0 skipped, 1 failed: "), "{lines:#?} {last}");
    assert_eq!(lines.pop().as_deref(), Some("failed: takes/bad.wav"));
    let mut starts: Vec<&str> = lines.iter().map(|line| line.split("  ").next().expect("a start")).collect();
    starts.retain(|line| !line.starts_with("hint: "));
    starts.sort_unstable();
    assert_eq!(
        starts,
        [
            "error: takes/bad.wav: this is text, not audio",
            "late.wav → clean/late.wav",
            "live.wav → clean/live.wav",
            "takes/a.wav → clean/a.wav",
            "takes/b.wav → clean/b.wav",
            "takes/d.wav → clean/d.wav",
        ],
        "each on a line of its own, and nothing else: {lines:#?}"
    );
}

#[test]
fn more_bars_than_rows_leave_nothing_behind() {
    let bench = Bench::new();
    let names: Vec<String> = (0..40).map(|i| format!("{i:02}.wav")).collect();
    for name in &names {
        fifo(&bench.path(name));
    }
    let terminal = Terminal::new();
    let args: Vec<&str> =
        ["-d", "clean", "-j", "40"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let running = Running::start_with(&mut on_terminal(&bench, &terminal, &args));
    let mut pipes: Vec<File> = names.iter().map(|name| writer(&bench.path(name))).collect();
    for pipe in &mut pipes {
        pipe.write_all(&endless()).expect("it is read");
    }
    until("a screen full of bars", || {
        for pipe in &mut pipes {
            // A pipe that is full will be read.
            let _ = pipe.write(&[0; 3_200]);
        }
        let rows = Picture::of(&terminal.shown()).rows();
        (rows.iter().filter(|row| row.contains(".wav  0:")).count() > 20).then_some(())
    });
    // Some end while the others go on.
    pipes.truncate(20);
    until("half of the results", || (terminal.shown().matches(" → ").count() == 20).then_some(()));
    drop(pipes);
    running.end().with(0);
    let lines = Picture::of(&terminal.all()).lines();
    assert_eq!(lines.len(), 41, "{lines:#?}");
    let mut inputs: Vec<&str> =
        lines[..40].iter().map(|line| line.split(" → ").next().expect("a name")).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, names);
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav"], &tiny());
    for options in [&[][..], &["--progress", "always"], &["--progress", "never"]] {
        let args = [&["takes", "-d", "clean", "-f"][..], options].concat();
        let done = bench.voxsift(&args).succeeds();
        assert!(!done.stderr().contains(['\r', '\x1b']), "{}", done.show());
        assert_eq!(done.stderr().lines().count(), 3, "{}", done.show());
    }
    let terminal = Terminal::new();
    let args = ["takes", "-d", "clean", "-f", "--progress", "never"];
    Running::start_with(&mut on_terminal(&bench, &terminal, &args)).end().with(0);
    assert!(!terminal.all().contains('\x1b') && terminal.all().lines().count() == 3, "{:?}", terminal.all());
}
