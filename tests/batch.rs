//! Many recordings at once: which are taken, where their outputs go, and what is said about them.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/picture.rs"]
mod picture;
mod support;
#[path = "support/takes.rs"]
mod takes;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;

use child::{Running, behind_shell, command, fifo, until};
use picture::Picture;
use rustix::fs::OFlags;
use rustix::process::Signal;
use support::{Audio, Bench};
use takes::{failures, field, files, plant, records, summary, taken, tiny};
use terminal::{Terminal, on_terminal};

/// Characters that would steer a terminal, and do no harm to a file system.
const NASTY: &str = "a\nerror: b\r\x1b[31m\x1b]0;c\x07\u{202e}d\u{9b}2J.wav";

// Inputs.

#[test]
fn a_directory_gives_its_own_files_and_with_r_its_tree() {
    let bench = Bench::new();
    plant(
        &bench,
        &["takes/b.wav", "takes/a.wav", "takes/sub/c.wav", "takes/sub/deep/d.wav", "e.wav"],
        &tiny(),
    );
    assert_eq!(taken(&bench, &["takes"]), ["takes/a.wav", "takes/b.wav"]);
    assert_eq!(taken(&bench, &["takes/"]), ["takes/a.wav", "takes/b.wav"]);
    let tree = ["takes/a.wav", "takes/b.wav", "takes/sub/c.wav", "takes/sub/deep/d.wav"];
    assert_eq!(taken(&bench, &["takes", "-r"]), tree);
    assert_eq!(taken(&bench, &["--recursive", "takes"]), tree);
    assert_eq!(
        taken(&bench, &["takes/sub", "e.wav", "takes"]),
        ["takes/sub/c.wav", "e.wav", tree[0], tree[1]]
    );
    let done = bench.voxsift(["takes", "-d", "clean"]).succeeds();
    assert!(summary(&done).starts_with("2 done, 0 skipped, 0 failed: 0.0 minutes, "), "{}", done.show());
    assert_eq!(files(&bench.path("clean")), ["a.wav", "b.wav"]);
}

#[test]
fn known_extensions_are_taken_in_any_case() {
    let bench = Bench::new();
    let known = [
        "3gp", "AAC", "aif", "AIFC", "aiff", "Avi", "caf", "FLAC", "flv", "m4a", "M4B", "m4v", "mka", "mkv",
        "mov", "MP3", "mp4", "mpeg", "mpg", "oga", "ogg", "opus", "rf64", "w64", "WaV", "webm", "wma", "WMV",
    ];
    let names: Vec<String> = known.iter().map(|extension| format!("takes/{extension}.{extension}")).collect();
    plant(&bench, &names, &tiny());
    let others = ["wav", "a", "b.txt", "c.wav.bak", "d.wav~", "e.part", "f.jpg", "g.json", "h.wav.", "i.cue"];
    plant(&bench, &others.map(|name| format!("takes/{name}")), &tiny());
    let mut meant = names;
    meant.sort();
    assert_eq!(taken(&bench, &["takes"]), meant);
}

#[test]
fn hidden_files_and_directories_are_left_alone_unless_they_are_named() {
    let bench = Bench::new();
    let names = ["takes/a.wav", "takes/.b.wav", "takes/.git/c.wav", "takes/sub/.d.wav", ".own/e.wav"];
    plant(&bench, &names, &tiny());
    // What a killed run leaves behind.
    plant(&bench, &["takes/.a.isolated.wavAbCdEf.part", "takes/sub/f.wav"], &tiny());
    assert_eq!(taken(&bench, &["takes", "-r"]), ["takes/a.wav", "takes/sub/f.wav"]);
    assert_eq!(taken(&bench, &[".own", "takes/.b.wav"]), [".own/e.wav", "takes/.b.wav"]);
    assert_eq!(taken(&bench, &["takes/.git"]), ["takes/.git/c.wav"]);
}

#[test]
fn links_are_followed_to_files_and_never_in_circles() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "elsewhere/b.wav", "elsewhere/more/c.wav", "bytes"], &tiny());
    let link = |to: &str, name: &str| symlink(to, bench.path(name)).expect("a link");
    link("../bytes", "takes/b.wav");
    link("../elsewhere", "takes/folder");
    link("../elsewhere", "takes/folder.wav");
    link("..", "takes/up");
    link(".", "takes/self");
    link("loop.wav", "takes/loop.wav");
    link("nothing", "takes/gone.wav");
    link("takes", "door");
    assert_eq!(taken(&bench, &["-r", "takes"]), ["takes/a.wav", "takes/b.wav"]);
    // A directory that is named is searched, whatever leads to it.
    assert_eq!(taken(&bench, &["-r", "door"]), ["door/a.wav", "door/b.wav"]);
    assert_eq!(taken(&bench, &["takes/folder"]), ["takes/folder/b.wav"]);
    bench.voxsift(["-r", "takes", "-d", "clean"]).succeeds();
    assert_eq!(files(&bench.path("clean")), ["a.wav", "b.wav"]);
}

#[test]
fn only_regular_files_are_taken_from_directories() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/folder.wav/b.wav"], &tiny());
    fifo(&bench.path("takes/pipe.wav"));
    let _socket = UnixListener::bind(bench.path("takes/socket.wav")).expect("a socket");
    symlink("/dev/zero", bench.path("takes/zero.wav")).expect("a link");
    symlink("pipe.wav", bench.path("takes/link.wav")).expect("a link");
    // A pipe would be waited for in vain.
    let running = Running::start(&mut command(&bench.path(""), ["-r", "takes", "-d", "clean"]));
    running.end().with(0);
    assert_eq!(files(&bench.path("clean")), ["a.wav", "folder.wav/b.wav"]);
}

#[test]
fn what_is_named_is_always_taken() {
    let bench = Bench::new();
    let names = ["bare", ".hidden", "notes.txt", "old.isolated.wav", "-x.wav", "sub/b.isolated.wav"];
    plant(&bench, &names, &tiny());
    fifo(&bench.path("pipe"));
    let running = Running::start(&mut command(
        &bench.path(""),
        [
            "-d",
            "clean",
            "bare",
            ".hidden",
            "notes.txt",
            "old.isolated.wav",
            "sub/b.isolated.wav",
            "pipe",
            "--",
            "-x.wav",
        ],
    ));
    let mut pipe = writer(&bench.path("pipe"));
    pipe.write_all(&tiny()).expect("it is read");
    drop(pipe);
    let ended = running.end().with(0);
    assert!(ended.stderr.contains("\n7 done, 0 skipped, 0 failed: "), "{}", ended.stderr);
    let outputs =
        ["-x.wav", ".hidden.wav", "b.isolated.wav", "bare.wav", "notes.wav", "old.isolated.wav", "pipe.wav"];
    assert_eq!(files(&bench.path("clean")), outputs);
}

#[test]
fn what_is_named_is_taken_even_when_a_directory_would_pass_it_over() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/a.isolated.wav"], &tiny());
    for args in [["takes/a.isolated.wav", "takes"], ["takes", "takes/a.isolated.wav"]] {
        let mut inputs = taken(&bench, &[&args[..], &["-d", "clean"]].concat());
        inputs.sort();
        assert_eq!(inputs, ["takes/a.isolated.wav", "takes/a.wav"], "{args:?}");
    }
}

/// The header of a WAV file that tells no length, as from a pipe.
fn endless() -> Vec<u8> {
    let mut header = tiny()[..44].to_vec();
    header[4..8].fill(0xff);
    header[40..44].fill(0xff);
    header
}

/// The writing end of a pipe that the program reads, or will read.
#[track_caller]
fn writer(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    // Fails as long as nobody reads.
    until("a reader", || OpenOptions::new().write(true).custom_flags(flags).open(path).ok())
}

#[test]
fn the_order_is_that_of_the_command_line_and_sorted_in_directories() {
    let bench = Bench::new();
    let names = [
        "takes/10.wav",
        "takes/9.wav",
        "takes/b.wav",
        "takes/B.wav",
        "takes/a/z.wav",
        "takes/ä.wav",
        "z.wav",
    ];
    plant(&bench, &names, &tiny());
    let sorted =
        ["takes/10.wav", "takes/9.wav", "takes/B.wav", "takes/a/z.wav", "takes/b.wav", "takes/ä.wav"];
    assert_eq!(taken(&bench, &["-r", "takes"]), sorted);
    assert_eq!(
        taken(&bench, &["z.wav", "takes/a", "takes/9.wav"]),
        ["z.wav", "takes/a/z.wav", "takes/9.wav"]
    );
}

#[test]
fn a_plan_is_in_order_however_many_work_on_it() {
    let bench = Bench::new();
    let names: Vec<String> = (0..60).map(|i| format!("takes/{i:02}.wav")).collect();
    plant(&bench, &names, &tiny());
    // The first one takes longest to look at.
    bench.file("takes/00.wav", Audio::speechlike(48_000, 2, 10 * 48_000).wav16());
    let done = bench.voxsift(["takes", "-n", "--json", "-j", "4"]).succeeds();
    assert_eq!(field("input", &records(done.stdout())), names);
    let lines: Vec<String> = done
        .stderr()
        .lines()
        .take(60)
        .map(|line| line.split(" → ").next().expect("a name").to_owned())
        .collect();
    assert_eq!(lines, names);
}

#[test]
fn twice_is_once() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav"], &tiny());
    symlink("takes", bench.path("door")).expect("a link");
    for args in [
        &["takes/a.wav", "takes/b.wav", "takes/a.wav"][..],
        &["takes/a.wav", "./takes/a.wav", "takes/../takes/b.wav"],
        &["takes/a.wav", "takes"],
        &["takes", "takes/b.wav"],
        &["takes", "takes/", "-r"],
        &["takes", "door"],
    ] {
        let done = bench.voxsift(["-d", "clean", "-f"].iter().chain(args)).succeeds();
        assert!(summary(&done).starts_with("2 done, "), "{}", done.show());
        assert_eq!(files(&bench.path("clean")), ["a.wav", "b.wav"]);
    }
}

#[test]
fn a_directory_without_recordings_is_no_input() {
    let bench = Bench::new();
    plant(&bench, &["takes/sub/a.wav", "takes/notes.txt", "texts/b.txt"], &tiny());
    fs::create_dir(bench.path("empty")).expect("a folder");
    bench.voxsift(["takes", "-d", "clean"]).fails(4, "takes: there are no recordings in it").says("-r ");
    bench
        .voxsift(["texts", "-r", "-d", "clean"])
        .fails(4, "texts: there are no recordings in it")
        .says("named");
    bench.voxsift(["empty"]).fails(4, "empty: there are no recordings in it");
    assert!(!bench.path("clean").exists());
    // Some, but all of them outputs: nothing to do is no failure.
    plant(&bench, &["old/a.isolated.wav"], &tiny());
    let done = bench.voxsift(["old"]).succeeds();
    assert!(summary(&done).starts_with("0 done, 0 skipped, 0 failed: "), "{}", done.show());
    assert_eq!(files(&bench.path("old")), ["a.isolated.wav"]);
}

#[test]
fn a_list_names_inputs_a_line_each() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "b c.wav", " d.wav", "takes/e.wav", "f\r.wav", "#g.wav"], &tiny());
    for (list, meant) in [
        ("a.wav\nb c.wav\n", &["a.wav", "b c.wav"][..]),
        ("a.wav\nb c.wav", &["a.wav", "b c.wav"]),
        ("a.wav\r\nb c.wav\r\n", &["a.wav", "b c.wav"]),
        ("\n\na.wav\n\n\r\n", &["a.wav"]),
        ("b c.wav\na.wav\n d.wav\n", &["b c.wav", "a.wav", " d.wav"]),
        ("takes\na.wav\n", &["takes/e.wav", "a.wav"]),
        ("f\r.wav\n#g.wav\n", &["f\r.wav", "#g.wav"]),
        ("a.wav\na.wav\n", &["a.wav"]),
    ] {
        bench.file("list", list);
        assert_eq!(taken(&bench, &["--files-from", "list"]), meant, "{list:?}");
        let done =
            bench.voxsift(["--files-from", "-", "-n", "--json", "-q", "-j", "1"]).stdin(list).succeeds();
        assert_eq!(field("input", &records(done.stdout())), meant, "{list:?}");
    }
    bench.file("list", "a.wav\n");
    assert_eq!(taken(&bench, &["b c.wav", "--files-from", "list"]), ["b c.wav", "a.wav"]);
    let done = bench.voxsift(["--files-from", "list"]).succeeds();
    assert!(summary(&done).starts_with("1 done, "), "{}", done.show());
    assert!(bench.path("a.isolated.wav").exists());
}

#[test]
fn a_list_of_no_names_is_nothing_to_do() {
    let bench = Bench::new();
    for list in ["", "\n", "\r\n\n"] {
        let done = bench.voxsift(["--files-from", "-", "-d", "clean"]).stdin(list).succeeds();
        assert!(summary(&done).starts_with("0 done, 0 skipped, 0 failed: "), "{}", done.show());
    }
    assert!(bench.names().is_empty());
}

#[test]
fn names_that_end_in_zero_can_hold_anything() {
    let bench = Bench::new();
    let odd = OsStr::from_bytes(b"t\xff\xfe.wav");
    plant(&bench, &[OsStr::new(NASTY), odd, OsStr::new("c.wav"), OsStr::new("e.wav\r")], &tiny());
    let list = [NASTY.as_bytes(), odd.as_bytes(), b"c.wav", b"e.wav\r"].join(&0);
    for list in [list.clone(), [list, vec![0]].concat()] {
        let done = bench.voxsift(["--files-from", "-", "-0", "-d", "clean", "-f"]).stdin(list).succeeds();
        assert!(summary(&done).starts_with("4 done, "), "{}", done.show());
        assert_eq!(done.stderr().lines().count(), 5, "{}", done.show());
    }
    let names: BTreeSet<OsString> = fs::read_dir(bench.path("clean"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    let odd = OsString::from(OsStr::from_bytes(b"t\xff\xfe.wav"));
    assert_eq!(names, BTreeSet::from([NASTY.into(), odd, "c.wav".into(), "e.wav".into()]));
    // By lines as well, as long as they have no line ends.
    let done =
        bench.voxsift(["--files-from", "-", "-d", "more"]).stdin(*b"t\xff\xfe.wav\nc.wav\n").succeeds();
    assert!(summary(&done).starts_with("2 done, "), "{}", done.show());
    assert_eq!(files(&bench.path("more")).len(), 2);
}

#[test]
fn what_find_prints_is_a_list() {
    let bench = Bench::new();
    plant(&bench, &["takes/a b.wav", "takes/sub/c\nd.wav", "takes/.e.wav"], &tiny());
    let line = "find takes -name '*.wav' -print0 | \"$@\"";
    let mut run = behind_shell(&bench.path(""), line, ["--files-from", "-", "-0", "-d", "clean"]);
    Running::start(&mut run).end().with(0);
    assert_eq!(files(&bench.path("clean")), [".e.wav", "a b.wav", "c\nd.wav"]);
}

#[test]
fn lists_that_cannot_be_read_are_told() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    bench.voxsift(["--files-from", "missing"]).fails(4, "--files-from missing: no such file");
    bench.voxsift(["--files-from", "."]).exits(4).says("--files-from");
    bench.voxsift(["-0", "a.wav"]).exits(2).says("--files-from");
    // A name that leads nowhere is one failure among others.
    let done = bench.voxsift(["--files-from", "-", "-d", "clean"]).stdin("gone.wav\na.wav\n").exits(1);
    assert_eq!(failures(&done.stderr()), ["gone.wav"]);
    assert_eq!(files(&bench.path("clean")), ["a.wav"]);
}

#[test]
fn standard_input_is_read_once() {
    let bench = Bench::new();
    bench.file("list", "a.wav\n");
    for args in [
        &["-", "-"][..],
        &["-", "/dev/stdin"],
        &["/dev/stdin", "/dev/fd/0"],
        &["--files-from", "-", "-"],
        &["--files-from", "/dev/stdin", "-"],
        &["a.wav", "-", "--files-from", "-"],
    ] {
        let run = bench.voxsift(args.iter().chain(&["-d", "clean"])).stdin("a.wav\n");
        run.fails(2, "standard input can be read only once");
    }
    assert_eq!(bench.names(), ["list"]);
}

#[test]
fn standard_input_and_files_are_mixed() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "takes/b.wav"], &tiny());
    let run = bench.voxsift(["a.wav", "-", "takes", "-d", "clean"]);
    let done = run.stdin(Audio::speechlike(16_000, 1, 3_200).wav16()).succeeds();
    done.says("standard input → clean/stdin.wav  0.2 s");
    assert_eq!(files(&bench.path("clean")), ["a.wav", "b.wav", "stdin.wav"]);
    assert_eq!(Audio::of_wav(&bench.read("clean/stdin.wav")).frames(), 3_200);
    // Without a directory, what comes in goes out.
    let done = bench.voxsift(["-", "a.wav"]).stdin(Audio::speechlike(16_000, 1, 3_200).wav16()).succeeds();
    assert_eq!(Audio::of_wav(done.stdout()).frames(), 3_200);
    assert!(bench.path("a.isolated.wav").exists());
    bench.voxsift(["-", "a.wav", "--json", "-f"]).stdin(tiny()).exits(2).says("--json");
    let run = bench.voxsift(["-", "--files-from", "list", "-d", "third"]);
    bench.file("list", "a.wav\n");
    run.stdin(tiny()).succeeds();
    assert_eq!(files(&bench.path("third")), ["a.wav", "stdin.wav"]);
}

#[test]
fn a_list_can_name_a_file_that_is_called_like_standard_input() {
    let bench = Bench::new();
    plant(&bench, &["-", "a.wav"], &tiny());
    bench.file("list", "-\n");
    let run = bench.voxsift(["-", "--files-from", "list", "-d", "clean", "--name", "{stem}.{ext}"]);
    let done = run.stdin(Audio::speechlike(16_000, 1, 3_200).wav16()).succeeds();
    assert!(summary(&done).starts_with("2 done, "), "{}", done.show());
    assert_eq!(files(&bench.path("clean")), ["-.wav", "stdin.wav"]);
}

// Outputs.

#[test]
fn an_output_directory_keeps_the_tree() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/x/b.wav", "takes/x/y/c.wav", "more/x/d.wav", "sub/e.wav"], &tiny());
    let clean = ["a.wav", "e.wav", "x/b.wav", "x/d.wav", "x/y/c.wav"];
    let args = ["-r", "takes", "more/", "sub/e.wav", "-d"];
    bench.voxsift(args.iter().chain(&["clean"])).succeeds();
    assert_eq!(files(&bench.path("clean")), clean);
    bench.voxsift(args.iter().chain(&["deep/er/clean/"])).succeeds();
    assert_eq!(files(&bench.path("deep/er/clean")), clean);
    let there = bench.path("there");
    fs::create_dir(&there).expect("a folder");
    bench.voxsift(args.iter().map(OsStr::new).chain([there.as_os_str()])).succeeds();
    assert_eq!(files(&there), clean);
    // Also from within, where the tree has no name.
    let mut run = command(&bench.path("takes"), ["-r", ".", "-d", "../dot"]);
    Running::start(&mut run).end().with(0);
    assert_eq!(files(&bench.path("dot")), ["a.wav", "x/b.wav", "x/y/c.wav"]);
}

#[test]
fn outputs_beside_inputs_stay_in_the_tree() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/x/b.flac"], &tiny());
    bench.voxsift(["-r", "takes"]).succeeds();
    let tree = ["a.isolated.wav", "a.wav", "x/b.flac", "x/b.isolated.wav"];
    assert_eq!(files(&bench.path("takes")), tree);
}

#[test]
fn a_template_names_every_output() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/a.FLAC", "takes/x/b.c.wav"], &tiny());
    bench.voxsift(["-r", "takes", "-d", "one", "--name", "{stem}.{source_ext}.{ext}"]).succeeds();
    assert_eq!(files(&bench.path("one")), ["a.FLAC.wav", "a.wav.wav", "x/b.c.wav.wav"]);
    bench.voxsift(["-r", "takes", "-d", "two", "--name", "{source_ext}-{stem}.flac"]).succeeds();
    assert_eq!(files(&bench.path("two")), ["FLAC-a.flac", "wav-a.flac", "x/wav-b.c.flac"]);
    bench
        .voxsift(["-r", "takes", "-d", "three", "-t", "flac", "--name", "{stem}-{source_ext}.{ext}"])
        .succeeds();
    assert_eq!(files(&bench.path("three")), ["a-FLAC.flac", "a-wav.flac", "x/b.c-wav.flac"]);
    bench.voxsift(["takes", "-d", "four", "--name", "x/{stem}"]).fails(2, "name of a file");
}

#[test]
fn one_output_cannot_take_several_recordings() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.wav", "one/c.wav"], &tiny());
    bench.file("list", "takes/a.wav\n");
    for args in
        [&["takes/a.wav", "takes/b.wav"][..], &["takes"], &["one"], &["-r", "one"], &["--files-from", "list"]]
    {
        bench.voxsift(args.iter().chain(&["-o", "out.wav"])).fails(2, "out.wav cannot take the output");
        bench.voxsift(args.iter().chain(&["-o", "-"])).exits(2).says("error: ").says("hint: ");
    }
    bench.voxsift(["takes", "-o", "out.wav", "-d", "clean"]).exits(2);
    assert_eq!(bench.names(), ["list", "one", "takes"]);
}

/// Expects one error with all of this, and that nothing was touched.
#[track_caller]
fn conflict(bench: &Bench, args: &[&str], parts: &[&str]) -> String {
    let before = files(&bench.path(""));
    let done = bench.voxsift(args).fails(2, parts[0]);
    for part in parts {
        done.says(part);
    }
    assert_eq!(files(&bench.path("")), before, "{args:?}");
    done.stderr()
}

#[test]
fn all_collisions_are_told_together_before_any_work() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/a.mp3", "takes/b.wav", "c.wav", "d.wav", "other/b.wav"], &tiny());
    plant(&bench, &["clean/c.wav", "clean/d.wav"], b"there");
    let said = conflict(
        &bench,
        &["takes", "c.wav", "d.wav", "other/b.wav", "-d", "clean"],
        &[
            "takes/a.mp3 and takes/a.wav would both be written to clean/a.wav",
            "takes/b.wav and other/b.wav would both be written to clean/b.wav",
            "clean/c.wav exists already",
            "clean/d.wav exists already",
            "{source_ext}",
            "--force",
            "--skip-existing",
        ],
    );
    assert_eq!(said.matches("--force").count(), 1, "each hint once: {said}");
    // What was there stays there, and the hints cure it.
    let cured = ["takes", "c.wav", "d.wav", "-d", "clean", "--name", "{stem}.{source_ext}.{ext}"];
    bench.voxsift(cured).succeeds();
    bench.voxsift(["c.wav", "d.wav", "-d", "clean", "--skip-existing"]).succeeds();
    assert_eq!(bench.read("clean/c.wav"), b"there");
    bench.voxsift(["c.wav", "d.wav", "-d", "clean", "--force"]).succeeds();
    assert_ne!(bench.read("clean/c.wav"), b"there");
}

#[test]
fn an_output_that_is_another_input_is_told_with_the_rest() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "a.isolated.wav", "b.wav", "b.isolated.wav", "c.wav"], &tiny());
    plant(&bench, &["c.isolated.wav"], b"there");
    bench.file("c.flac", tiny());
    for force in [&[][..], &["--force"], &["--skip-existing"]] {
        let inputs = ["a.wav", "a.isolated.wav", "b.wav", "b.isolated.wav", "c.wav", "c.flac"];
        let said = conflict(
            &bench,
            &[&inputs[..], force].concat(),
            &[
                "a.isolated.wav is another input",
                "b.isolated.wav is another input",
                "c.wav and c.flac would both be written to c.isolated.wav",
            ],
        );
        assert_eq!(said.contains("c.isolated.wav exists already"), force.is_empty(), "{said}");
    }
    // Under whatever name: the same file is the same file.
    symlink("b.wav", bench.path("link.wav")).expect("a link");
    conflict(&bench, &["a.wav", "b.wav", "--name", "link.wav", "-f"], &["would both be written to"]);
    fs::create_dir(bench.path("clean")).expect("a folder");
    fs::hard_link(bench.path("b.wav"), bench.path("clean/a.wav")).expect("a link");
    conflict(&bench, &["a.wav", "b.wav", "-d", "clean", "-f"], &["clean/a.wav is another input"]);
    conflict(&bench, &["a.wav", "c.wav", "-d", ".", "-f"], &["a.wav is the input", "c.wav is the input"]);
}

#[test]
fn the_hint_cures_a_collision() {
    for (inputs, args) in [
        (["a.wav", "a.flac"], &["a.wav", "a.flac"][..]),
        (["x/a.wav", "x/a.flac"], &["x", "-d", "clean"]),
        (["x/a.wav", "y/a.wav"], &["x/a.wav", "y/a.wav", "-d", "clean"]),
        (["x/a.wav", "y/a.wav"], &["x", "y", "-d", "clean"]),
    ] {
        let bench = Bench::new();
        plant(&bench, &inputs, &tiny());
        let said = conflict(&bench, args, &["would both be written to"]);
        let hint = said.lines().nth(1).expect("a hint");
        // It may propose a template, and then that has to do.
        match hint.split_once("--name '").and_then(|(_, rest)| rest.split_once('\'')) {
            Some((template, _)) => {
                bench.voxsift(args.iter().chain(&["--name", template])).succeeds();
            }
            None => assert!(["-d", "-r", "directory"].iter().any(|way| hint.contains(way)), "{hint}"),
        }
    }
}

#[test]
fn outputs_meet_however_their_directory_is_spelled() {
    let bench = Bench::new();
    plant(&bench, &["x/a.wav"], &tiny());
    symlink("x", bench.path("door")).expect("a link");
    plant(&bench, &["door/a.flac"], &tiny());
    conflict(&bench, &["x/a.wav", "door/a.flac"], &["would both be written to", "a.isolated.wav"]);
}

#[test]
fn many_collisions_are_counted() {
    let bench = Bench::new();
    let names: Vec<String> = (0..15).map(|i| format!("takes/{i:02}.wav")).collect();
    plant(&bench, &names, &tiny());
    plant(&bench, &names.iter().map(|name| name.replace("takes", "clean")).collect::<Vec<_>>(), b"there");
    let said = conflict(&bench, &["takes", "-d", "clean"], &["clean/00.wav exists already"]);
    assert_eq!(said.matches("exists already").count(), 10, "{said}");
    assert!(said.contains("and 5 more like these"), "{said}");
    let said = conflict(&bench, &["takes", "--name", "all.wav"], &["would both be written to takes/all.wav"]);
    assert!(said.contains("and 4 more like these"), "{said}");
    let json = bench.voxsift(["takes", "-d", "clean", "--json"]).exits(2);
    let records = records(json.stdout());
    assert_eq!(field("status", &records), ["failed"]);
    assert_eq!(records[0]["error"]["kind"], "usage");
}

#[test]
fn a_place_where_nothing_can_be_written_is_found_before_any_work() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/x/b.wav"], &tiny());
    bench.file("file", b"");
    bench.voxsift(["-r", "takes", "-d", "file"]).fails(1, "file is no directory");
    bench.voxsift(["-r", "takes", "-d", "file/sub"]).fails(1, "file is no directory");
    plant(&bench, &["clean/x"], b"a file where a directory has to be");
    bench.voxsift(["-r", "takes", "-d", "clean"]).fails(1, "clean/x is no directory");
    assert_eq!(files(&bench.path("")), ["clean/x", "file", "takes/a.wav", "takes/x/b.wav"]);
}

#[test]
fn what_is_there_is_skipped_and_left_alone() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/x/b.wav", "takes/c.wav"], &tiny());
    for args in [&["-r", "takes"][..], &["-r", "takes", "-d", "clean"]] {
        let args = [args, &["--skip-existing"]].concat();
        let first = bench.voxsift(&args).succeeds();
        assert!(summary(&first).starts_with("3 done, 0 skipped, 0 failed: "), "{}", first.show());
        let stamp =
            |name: &str| fs::metadata(bench.path(name)).and_then(|meta| meta.modified()).expect("a time");
        let (before, all) = (stamp("takes/a.isolated.wav"), files(&bench.path("")));

        let again = bench.voxsift(&args).succeeds();
        assert_eq!(again.stderr().lines().count(), 1, "the summary only\n{}", again.show());
        assert!(summary(&again).starts_with("0 done, 3 skipped, 0 failed: "), "{}", again.show());
        assert_eq!((stamp("takes/a.isolated.wav"), files(&bench.path(""))), (before, all));
        let json = bench.voxsift(["--json", "-j1"].iter().chain(&args)).succeeds();
        assert_eq!(field("status", &records(json.stdout())), ["skipped"; 3]);
        bench.voxsift(["-v"].iter().chain(&args)).succeeds().says("  skipped: it exists");
    }
    fs::remove_file(bench.path("clean/x/b.wav")).expect("it is there");
    let done = bench.voxsift(["-r", "takes", "-d", "clean", "--skip-existing"]).succeeds();
    assert!(summary(&done).starts_with("1 done, 2 skipped, 0 failed: "), "{}", done.show());
    assert!(bench.path("clean/x/b.wav").exists());
}

#[test]
fn outputs_of_an_earlier_run_are_no_inputs() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/b.FLAC", "takes/x/c.wav"], &tiny());
    let args = ["-r", "takes", "--skip-existing", "-v"];
    bench.voxsift(args).succeeds().says_not("passed over");
    let tree = files(&bench.path("takes"));
    let again = bench.voxsift(args).succeeds();
    for name in ["a", "b", "x/c"] {
        again.says(&format!("takes/{name}.isolated.wav: passed over: an output of an earlier run\n"));
    }
    assert!(summary(&again).starts_with("0 done, 3 skipped, 0 failed: "), "{}", again.show());
    assert_eq!(files(&bench.path("takes")), tree);
    bench.voxsift(["-r", "takes", "--skip-existing"]).succeeds().says_not("passed over");
    // Those of another format, or whose recording is gone, are outputs all the same.
    plant(&bench, &["takes/old.isolated.mp3", "takes/b.isolated.flac"], &tiny());
    let all = ["takes/a.wav", "takes/b.FLAC", "takes/x/c.wav"];
    assert_eq!(taken(&bench, &["-r", "takes", "-d", "clean"]), all);
}

#[test]
fn outputs_by_other_names_are_no_inputs_again_either() {
    let bench = Bench::new();
    let here = bench.path("takes").into_os_string();
    let absolute = here.to_str().expect("a name");
    plant(&bench, &["takes/a.wav", "takes/b.flac"], &tiny());
    let tree = ["a.clean.wav", "a.wav", "b.clean.wav", "b.flac"];
    for place in [&[][..], &["-d", "takes"], &["-d", "takes/"], &["-d", "./takes"], &["-d", absolute]] {
        let args = [&["takes", "--name", "{stem}.clean.{ext}", "--skip-existing"][..], place].concat();
        for _ in 0..2 {
            bench.voxsift(&args).succeeds();
            assert_eq!(files(&bench.path("takes")), tree, "{place:?}");
        }
    }
}

#[test]
fn a_recording_is_not_taken_for_the_output_of_another_one() {
    // Each of these would write over a recording that was found beside it.
    for (names, args) in [
        (["A/a.mp3", "A/a.wav"], &["A", "-d", "A"][..]),
        (["A/a.mp3", "A/a.wav"], &["A", "--name", "{stem}.{ext}"]),
        (["A/take.wav", "A/take_x.wav"], &["A", "--name", "{stem}_x.{ext}"]),
    ] {
        let bench = Bench::new();
        plant(&bench, &names, &tiny());
        let before = [bench.read(names[0]), bench.read(names[1])];
        for force in [&[][..], &["-f"]] {
            bench.voxsift(args.iter().chain(force)).fails(2, "input");
        }
        // Where an earlier run is said to have been, it is told that something was passed over.
        let done = bench.voxsift(args.iter().chain(&["--skip-existing"]));
        if args.contains(&"{stem}_x.{ext}") {
            done.succeeds().says("1 files are passed over as outputs of an earlier run");
        } else {
            done.fails(2, "is the input");
        }
        assert!([bench.read(names[0]), bench.read(names[1])] == before, "{args:?}");
    }
}

#[test]
fn an_output_directory_within_the_tree_is_not_searched() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/x/b.wav"], &tiny());
    let absolute = bench.path("takes/clean").into_os_string();
    let args = [OsStr::new("-r"), OsStr::new("takes"), OsStr::new("--skip-existing"), OsStr::new("-d")];
    for place in [OsStr::new("takes/clean"), OsStr::new("./takes/x/../clean"), absolute.as_os_str()] {
        bench.voxsift(args.iter().copied().chain([place])).succeeds();
        assert_eq!(files(&bench.path("takes")), ["a.wav", "clean/a.wav", "clean/x/b.wav", "x/b.wav"]);
    }
}

// Work.

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

// What one sees.

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

// Shares.

#[test]
fn the_shares_of_any_number_are_disjoint_and_complete() {
    let bench = Bench::new();
    let names: Vec<String> = (0..40)
        .map(|i| match i % 4 {
            0 => format!("takes/{i}.wav"),
            1 => format!("takes/day {}/{i}.wav", i / 8),
            2 => format!("takes/day {}/deep/{i}.MP3", i / 8),
            _ => format!("takes/ümläut/\n{i}.flac"),
        })
        .collect();
    plant(&bench, &names, &tiny());
    let all: BTreeSet<String> = names.into_iter().collect();
    for count in 1..=7 {
        let mut seen = BTreeSet::new();
        for share in 1..=count {
            let shard = format!("{share}/{count}");
            let taken = taken(&bench, &["-r", "takes", "-d", "clean", "--shard", &shard]);
            let size = taken.len();
            for name in taken {
                assert!(seen.insert(name.clone()), "{name} is in two shares of {count}");
            }
            let done = bench.voxsift(["-r", "takes", "-d", "clean", "-n", "--shard", &shard]).succeeds();
            done.says(&format!("note: share {shard} has {size} of 40 recordings\n"));
            assert!(summary(&done).starts_with(&format!("{size} to do, ")), "{}", done.show());
        }
        assert_eq!(seen, all, "{count} shares");
    }
}

#[test]
fn a_share_depends_on_the_path_below_the_directory_only() {
    let bench = Bench::new();
    let names: Vec<String> = (0..20).map(|i| format!("takes/{}/{i}.wav", i % 3)).collect();
    plant(&bench, &names, &tiny());
    let share = |args: &[&str]| -> Vec<String> {
        let inputs = taken(&bench, &[args, &["-r", "-d", "clean", "--shard", "2/3"]].concat());
        // Without the way to the directory.
        inputs.iter().map(|name| name.rsplit('/').take(2).collect::<Vec<_>>().join(" ")).collect()
    };
    let usual = share(&["takes"]);
    assert!(!usual.is_empty() && usual.len() < 20, "{usual:?}");
    let absolute = bench.path("takes").into_os_string().into_string().expect("a name");
    assert_eq!(share(&["./takes/"]), usual);
    assert_eq!(share(&[&absolute]), usual);
    fs::rename(bench.path("takes"), bench.path("moved")).expect("it moves");
    assert_eq!(share(&["moved"]), usual);
    // Others come and go; outputs appear; it stays the same.
    plant(&bench, &["moved/0/new.wav", "moved/0/0.isolated.wav", "moved/a.wav"], &tiny());
    let mut now = share(&["moved"]);
    now.retain(|name| !name.starts_with("new.wav") && !name.starts_with("a.wav"));
    assert_eq!(now, usual);
}

#[test]
fn shares_of_names_are_even() {
    // Also where names have no extension and differ at their ends only.
    let bench = Bench::new();
    let names: Vec<String> = (0..100).map(|i| format!("take{i:02}")).collect();
    plant(&bench, &names, &tiny());
    bench.file("list", names.join("\n"));
    for count in [2, 4, 5, 8] {
        for share in 1..=count {
            let taken = taken(&bench, &["--files-from", "list", "--shard", &format!("{share}/{count}")]);
            let even = 100 / count;
            assert!(
                taken.len() * 2 >= even / 2 && taken.len() <= even * 2,
                "share {share} of {count} has {} of 100",
                taken.len()
            );
        }
    }
}

#[test]
fn shares_together_make_what_one_run_makes() {
    let bench = Bench::new();
    let names: Vec<String> = (0..12).map(|i| format!("takes/{}/{i}.wav", i % 2)).collect();
    plant(&bench, &names, &tiny());
    bench.voxsift(["-r", "takes", "-d", "whole"]).succeeds();
    // All at once, as machines would.
    let runs: Vec<Running> = (1..=3)
        .map(|share| {
            let shard = format!("{share}/3");
            let args = ["-r", "takes", "-d", "shared", "--skip-existing", "-j", "1", "--shard", &shard];
            Running::start(&mut command(&bench.path(""), args))
        })
        .collect();
    for run in runs {
        run.end().with(0);
    }
    let whole = files(&bench.path("whole"));
    assert_eq!(files(&bench.path("shared")), whole);
    for name in whole {
        assert!(bench.read(&format!("whole/{name}")) == bench.read(&format!("shared/{name}")), "{name}");
    }
}

#[test]
fn an_empty_share_is_done() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav"], &tiny());
    let mut sizes = Vec::new();
    for share in 1..=4 {
        let shard = format!("{share}/4");
        let done = bench.voxsift(["takes", "-d", "clean", "--skip-existing", "--shard", &shard]).succeeds();
        let text = summary(&done);
        sizes.push(text.split(' ').next().and_then(|count| count.parse::<usize>().ok()).expect("a count"));
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 0, 0, 1]);
    assert_eq!(files(&bench.path("clean")), ["a.wav"]);
    // A single file belongs to one share as well.
    let mut made = 0;
    for share in ["1/2", "2/2"] {
        bench.voxsift(["takes/a.wav", "-d", "single", "--shard", share]).succeeds();
        made = files(&bench.path("single")).len();
    }
    assert_eq!(made, 1);
}

#[test]
fn collisions_between_shares_are_found_by_each() {
    let bench = Bench::new();
    plant(&bench, &["takes/a.wav", "takes/a.flac"], &tiny());
    for share in ["1/2", "2/2"] {
        bench.voxsift(["takes", "-d", "clean", "--shard", share]).fails(2, "would both be written to");
    }
    assert!(!bench.path("clean").exists());
}

#[test]
fn a_share_that_cannot_be_is_a_wrong_command_line() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    for shard in
        ["0/3", "4/3", "1/0", "0/0", "1", "/", "1/", "/2", "a/b", "-1/2", "1/2/3", "1.5/2", " 1/2", ""]
    {
        bench.voxsift(["a.wav", "--shard", shard]).exits(2).says("error: ");
    }
    assert_eq!(bench.names(), ["a.wav"]);
}
