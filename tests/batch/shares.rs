//! Shares of the inputs for many machines.

use std::collections::BTreeSet;
use std::fs;

use crate::child::{Running, command};
use crate::support::Bench;
use crate::takes::{files, plant, summary, taken, tiny};

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
