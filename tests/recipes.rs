//! What README and `examples/` say about many machines, carried out.

#![cfg(unix)]

#[path = "support/checked_in.rs"]
mod checked_in;
#[path = "support/child.rs"]
mod child;
#[path = "support/shell.rs"]
mod shell;
mod support;
#[path = "support/takes.rs"]
mod takes;

use std::fs;
use std::process::{Command, Stdio};

use checked_in::{repository, text};
use child::{Ended, Running};
use support::Bench;
use takes::{failures, files, plant, tiny};

/// Recordings with names that lists and shells could stumble over. Without their folders, all are different.
const TAKES: [&str; 7] =
    ["a.wav", "b c.wav", "d'e.wav", "f\"$HOME.wav", "sub/g\nh.wav", "sub/deep/i;j.wav", "sub/*.wav"];

fn bench() -> Bench {
    let bench = Bench::new();
    plant(&bench, &TAKES.map(|name| format!("takes/{name}")), &tiny());
    bench
}

/// Their outputs, with or without the tree.
fn outputs(tree: bool) -> Vec<String> {
    let mut names: Vec<String> = TAKES
        .map(|name| if tree { name } else { name.rsplit('/').next().expect("a name") }.to_owned())
        .into();
    names.sort();
    names
}

/// The commands in README's section about many machines.
fn readme() -> Vec<String> {
    let readme = text("README.md");
    let (_, section) = readme.split_once("### Many machines\n").expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let block = section.split("```").nth(1).expect("a block of commands");
    let block = block.replace("\\\n", " ");
    block
        .lines()
        .skip(1)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// A line of shell in the folder of the takes, where `voxsift` is the program.
fn shell(bench: &Bench, line: &str) -> Command {
    let mut command = shell::line("sh", bench, line, &[]);
    // GNU parallel takes options from there.
    command.env_remove("PARALLEL");
    for name in ["SHARES", "JOB_COMPLETION_INDEX"] {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> Ended {
    Running::start_with(command.stdout(Stdio::piped()).stderr(Stdio::piped())).end()
}

#[test]
fn every_recipe_is_tried() {
    for recipe in readme() {
        let tried = ["xargs", "parallel", "sbatch", "kubectl"];
        assert!(tried.iter().any(|word| recipe.split(' ').any(|other| other == *word)), "{recipe}");
    }
}

#[test]
fn xargs_runs_several() {
    let recipes: Vec<String> = readme().into_iter().filter(|line| line.contains("xargs")).collect();
    assert!(!recipes.is_empty(), "a recipe in README");
    for recipe in recipes {
        assert!(recipe.contains(" -0 ") && recipe.contains(" -P "), "{recipe}");
        let bench = bench();
        // Equal names in different folders must not meet.
        plant(&bench, &["takes/sub/a.wav"], &tiny());
        run(&mut shell(&bench, &recipe)).with(0);
        let mut all: Vec<String> =
            TAKES.iter().chain(&["sub/a.wav"]).map(|name| (*name).to_owned()).collect();
        all.extend(all.clone().iter().map(|name| name.replace(".wav", ".isolated.wav")));
        all.sort();
        assert_eq!(files(&bench.path("takes")), all, "{recipe}");
        // Once more: nothing is done again, and a recording that fails is no obstacle to the others.
        plant(&bench, &["takes/a.isolated.wav"], b"there");
        fs::remove_file(bench.path("takes/b c.isolated.wav")).expect("it is there");
        plant(&bench, &["takes/0.wav"], b"no audio");
        let ended = run(&mut shell(&bench, &recipe));
        assert_eq!(ended.status.code(), Some(123), "as xargs says it\n{}", ended.stderr);
        assert!(ended.stderr.contains("error: takes/0.wav: "), "{}", ended.stderr);
        assert_eq!(bench.read("takes/a.isolated.wav"), b"there");
        all.insert(0, "0.wav".into());
        all.sort();
        assert_eq!(files(&bench.path("takes")), all, "{recipe}");
    }
}

/// Whether GNU parallel is here: there is another program of that name.
fn parallel_is_here() -> bool {
    let version = Command::new("parallel").arg("--version").stdin(Stdio::null()).output();
    version.is_ok_and(|output| output.stdout.starts_with(b"GNU parallel"))
}

#[test]
fn gnu_parallel_runs_on_hosts() {
    let mut recipes: Vec<String> =
        readme().into_iter().filter(|line| line.split(' ').any(|word| word == "parallel")).collect();
    assert!(!recipes.is_empty(), "a recipe in README");
    recipes.push("find takes -name '*.wav' -print0 | parallel -0 -j2 voxsift {} -d clean".into());
    for recipe in &mut recipes {
        // The host that is always there.
        let words = recipe.split(' ').map(|word| if word.contains("host1") { ":" } else { word });
        *recipe = words.collect::<Vec<_>>().join(" ");
        assert!(!recipe.contains("host"), "{recipe}");
    }
    if !parallel_is_here() {
        eprintln!("not tried, because there is no GNU parallel here: {recipes:#?}");
        return;
    }
    for recipe in recipes {
        let bench = bench();
        let ended = run(&mut shell(&bench, &recipe)).with(0);
        assert_eq!(
            files(&bench.path("clean")),
            outputs(recipe.contains(" -r ")),
            "{recipe}\n{}",
            ended.stderr
        );
        // It passes on how many failed.
        plant(&bench, &["takes/0.wav"], b"no audio");
        fs::remove_dir_all(bench.path("clean")).expect("it is there");
        let ended = run(&mut shell(&bench, &recipe)).with(1);
        assert!(ended.stderr.contains("error: takes/0.wav: "), "{}", ended.stderr);
        assert_eq!(files(&bench.path("clean")), outputs(recipe.contains(" -r ")), "{recipe}");
    }
}

/// Runs all shares, which together have to do everything, and each recording once; then all of them once more.
#[track_caller]
fn shares(bench: &Bench, count: usize, share: impl Fn(usize) -> Command) {
    for (done, skipped) in [(TAKES.len(), 0), (0, TAKES.len())] {
        let mut sums = (0, 0);
        for index in 0..count {
            let ended = run(&mut share(index)).with(0);
            // N done, N skipped, 0 failed: …
            let last = ended.stderr.lines().last().expect("a summary").to_owned();
            let mut counts =
                last.split(", ").map(|part| part.split(' ').next().expect("a word").parse::<usize>());
            let mut next = || counts.next().expect("three counts").expect("a number");
            sums = (sums.0 + next(), sums.1 + next());
            assert_eq!(next(), 0, "{last}");
            assert!(
                ended.stderr.contains(&format!("note: share {}/{count} has ", index + 1)),
                "{}",
                ended.stderr
            );
        }
        assert_eq!(sums, (done, skipped));
        assert_eq!(files(&bench.path("clean")), outputs(true));
    }
    // One that fails says so, in its share only.
    plant(bench, &["takes/0.wav"], b"no audio");
    let failed: Vec<Ended> =
        (0..count).map(|index| run(&mut share(index))).filter(|ended| !ended.status.success()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failures(&failed[0].stderr).len(), 1, "{}", failed[0].stderr);
}

/// What stands behind a key of the manifest, which is there once.
#[track_caller]
fn value<'a>(manifest: &'a str, key: &str) -> &'a str {
    let mut values = manifest.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(": "));
    let value = values.next().unwrap_or_else(|| panic!("no {key}"));
    assert!(values.next().is_none(), "{key} is there twice");
    value
}

#[test]
fn the_kubernetes_job_runs_all_shares() {
    let manifest = text("examples/kubernetes-job.yaml");
    for (key, meant) in [("kind", "Job"), ("apiVersion", "batch/v1"), ("completionMode", "Indexed")] {
        assert_eq!(value(&manifest, key), meant);
    }
    let count: usize = value(&manifest, "completions").parse().expect("a number");
    assert!(value(&manifest, "parallelism").parse::<usize>().expect("a number") <= count);
    let image = value(&manifest, "image");
    assert!(!image.contains(['/', '.']), "no registry is made up: {image}");

    // The folded text that the shell is given.
    assert_eq!(value(&manifest, "command"), r#"["/bin/sh", "-c"]"#);
    let (_, text) = manifest.split_once("- >-\n").expect("the arguments of the shell");
    let indent = text.len() - text.trim_start().len();
    let lines = text.lines().take_while(|line| line.len() - line.trim_start().len() == indent);
    let line = lines.map(str::trim).collect::<Vec<_>>().join(" ");
    assert!(line.contains("voxsift -r /takes -d /clean --skip-existing --shard "), "{line}");

    let bench = bench();
    let place = |name: &str| bench.path(name).into_os_string().into_string().expect("a path");
    let line = line.replace("/takes", &place("takes")).replace("/clean", &place("clean"));
    shares(&bench, count, |index| {
        let mut command = shell(&bench, &line);
        command.env("JOB_COMPLETION_INDEX", index.to_string());
        command
    });
    assert!(readme().iter().any(|line| line.ends_with("examples/kubernetes-job.yaml")), "README names it");
}

#[test]
fn the_slurm_array_runs_all_shares() {
    let script = repository("examples/slurm-array.sh").into_os_string().into_string().expect("a path");
    let directives = text("examples/slurm-array.sh");
    assert!(directives.starts_with("#!/bin/sh\n#SBATCH "), "before the first command");
    let array =
        directives.lines().find_map(|line| line.strip_prefix("#SBATCH --array=1-")).expect("an array");
    let all: usize = array.parse().expect("a number");
    let recipe = readme().into_iter().find(|line| line.starts_with("sbatch ")).expect("a recipe in README");
    assert!(recipe.ends_with("examples/slurm-array.sh"), "{recipe}");

    for count in [1, 3, all] {
        let bench = bench();
        shares(&bench, count, |index| {
            let mut command = shell(&bench, &format!("'{script}'"));
            command.env("SLURM_ARRAY_TASK_ID", (index + 1).to_string());
            command.env("SLURM_ARRAY_TASK_MAX", count.to_string()).env("SLURM_CPUS_PER_TASK", "2");
            command
        });
    }

    // Single shares of a larger number, between directories that are named.
    let bench = bench();
    let mut done = 0;
    for share in ["2", "5"] {
        let mut command = shell(&bench, &format!("'{script}' takes 'out of it'"));
        command.env("SLURM_ARRAY_TASK_ID", share).env("SLURM_ARRAY_TASK_MAX", "5").env("SHARES", "6");
        let ended = run(&mut command).with(0);
        assert!(ended.stderr.contains(&format!("note: share {share}/6 has ")), "{}", ended.stderr);
        done += ended.stderr.matches(" → ").count();
    }
    assert_eq!(files(&bench.path("")).iter().filter(|name| name.starts_with("out of it/")).count(), done);

    // Outside of Slurm it does nothing.
    let ended = run(&mut shell(&bench, &format!("'{script}'")));
    assert!(!ended.status.success() && ended.stderr.contains("sbatch"), "{}", ended.stderr);
    assert!(!bench.path("clean").exists());
}
