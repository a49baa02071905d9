//! Which recordings are taken.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use crate::child::{Running, behind_shell, command, fifo};
use crate::support::{Audio, Bench};
use crate::takes::{failures, field, files, plant, records, summary, taken, tiny};
use crate::{NASTY, writer};

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
