//! Where outputs go, and what stands in their way.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;

use crate::child::{Running, command};
use crate::support::Bench;
use crate::takes::{field, files, plant, records, summary, taken, tiny};

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
    // Beside the inputs it would be standard output.
    bench.voxsift(["takes", "--name", "-"]).fails(2, "name of a file");
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
