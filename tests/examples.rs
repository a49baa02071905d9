//! Every command in README and in `--help`, run as it stands. Those about many machines are in `recipes.rs`.

#![cfg(unix)]

#[path = "support/checked_in.rs"]
mod checked_in;
#[path = "support/child.rs"]
mod child;
#[path = "support/service.rs"]
mod service;
#[path = "support/shell.rs"]
mod shell;
mod support;
#[path = "support/takes.rs"]
mod takes;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use child::Running;
use service::{KEY, Service};
use support::{Audio, Bench, fixture};
use takes::{files, plant, tiny};
use voxsift::cli::help::EXAMPLES;

/// A command, the files that are new afterwards, and how many recordings the service has got.
type Expected = (&'static str, &'static [&'static str], usize);

/// The commands that need no key.
const LOCAL: [Expected; 29] = [
    ("voxsift interview.wav", &["interview.isolated.wav"], 0),
    ("cargo run --release -- examples/noisy.wav -o clean.wav", &["clean.wav"], 0),
    ("cargo test", &["tested"], 0),
    ("voxsift take.wav", &["take.isolated.wav"], 0),
    ("voxsift talk.mp3 -o talk.flac", &["talk.flac"], 0),
    ("voxsift clip.mp4 -o voice.wav", &["voice.wav"], 0),
    ("voxsift take.wav --attenuation-limit 12", &["take.isolated.wav"], 0),
    ("voxsift take.wav -n", &[], 0),
    ("ffmpeg -i clip.mp4 -f wav - | voxsift > voice.wav", &["voice.wav"], 0),
    ("voxsift take.wav -o - | ffmpeg -i - take.mp3", &["take.mp3"], 0),
    (
        "arecord -f S16_LE -r 16000 -t raw | voxsift --raw -t pcm | aplay -f S16_LE -r 16000",
        &["played.pcm"],
        0,
    ),
    (
        "arecord -f S16_LE -r 16000 -t raw | voxsift --raw -t pcm |\n  aplay -f S16_LE -r 16000",
        &["played.pcm"],
        0,
    ),
    ("voxsift *.wav", &["interview.isolated.wav", "take.isolated.wav"], 0),
    ("voxsift -r takes -d clean", &["clean/a.wav", "clean/sub/b.wav"], 0),
    ("voxsift take.wav --spectrogram take.png", &["take.isolated.wav", "take.png"], 0),
    (
        "voxsift -r takes -d clean --spectrogram pictures",
        &["clean/a.wav", "clean/sub/b.wav", "pictures/a.png", "pictures/sub/b.png"],
        0,
    ),
    ("voxsift -r takes -d clean --report report.html", &["clean/a.wav", "clean/sub/b.wav", "report.html"], 0),
    ("voxsift -r takes -d clean --skip-existing", &["clean/a.wav", "clean/sub/b.wav"], 0),
    (
        "find takes -name '*.wav' -print0 | voxsift --files-from - -0 -d clean",
        &["clean/a.wav", "clean/b.wav"],
        0,
    ),
    (
        "find . -name '*.wav' -print0 | voxsift --files-from - -0 -d clean",
        &["clean/a.wav", "clean/b.wav", "clean/interview.wav", "clean/noisy.wav", "clean/take.wav"],
        0,
    ),
    (
        "mkdir -p ~/.local/share/man/man1 ~/.local/share/bash-completion/completions ~/.config/fish/completions",
        &[],
        0,
    ),
    ("voxsift --generate man > ~/.local/share/man/man1/voxsift.1", &[".local/share/man/man1/voxsift.1"], 0),
    (
        "voxsift --generate complete-bash > ~/.local/share/bash-completion/completions/voxsift",
        &[".local/share/bash-completion/completions/voxsift"],
        0,
    ),
    (
        "voxsift --generate complete-fish > ~/.config/fish/completions/voxsift.fish",
        &[".config/fish/completions/voxsift.fish"],
        0,
    ),
    ("voxsift --generate complete-zsh > _voxsift", &["_voxsift"], 0),
    ("voxsift takes -e elevenlabs -n", &[], 0),
    ("voxsift -e elevenlabs interview.wav -n", &[], 0),
    ("voxsift -e elevenlabs interview.wav -o voice.wav", &["voice.wav"], 1),
    ("export ELEVENLABS_API_KEY=…", &[], 0),
];

/// The commands behind `export ELEVENLABS_API_KEY=…`.
const WITH_KEY: [Expected; 4] = [
    ("voxsift take.wav -n", &[], 0),
    ("voxsift take.wav", &["take.isolated.mp3"], 1),
    ("voxsift take.wav -o voice.wav", &["voice.wav"], 1),
    ("voxsift take.wav -e local", &["take.isolated.wav"], 0),
];

/// Programs that need hardware, or would build all of this once more.
const STUBS: [(&str, &str); 3] = [
    ("arecord", "test \"$*\" = '-f S16_LE -r 16000 -t raw' && exec cat microphone.pcm"),
    ("aplay", "test \"$*\" = '-f S16_LE -r 16000' && exec cat > played.pcm"),
    (
        "cargo",
        "case \"$*\" in 'run --release -- '*) shift 3; exec voxsift \"$@\";; test) : > tested;; *) exit 1;; esac",
    ),
];

/// A folder with recordings of those names.
fn bench() -> Bench {
    let bench = Bench::new();
    // As long as the service wants them.
    let take = Audio::speechlike(16_000, 1, 5 * 16_000);
    plant(&bench, &["interview.wav", "take.wav"], &take.wav16());
    plant(&bench, &["examples/noisy.wav", "takes/a.wav", "takes/sub/b.wav"], &tiny());
    plant(&bench, &["microphone.pcm"], &take.pcm());
    plant(&bench, &["talk.mp3"], &fs::read(fixture("cbr.mp3")).expect("the fixture"));
    plant(&bench, &["clip.mp4"], &fs::read(fixture("aac.mp4")).expect("the fixture"));
    bench
}

/// The lines of a block of shell in README.
struct Block {
    lines: Vec<String>,
}

/// The blocks of shell in README, but for those in `recipes.rs`.
fn blocks() -> Vec<Block> {
    let readme = checked_in::text("README.md");
    let (before, after) = readme.split_once("### Many machines\n").expect("the section");
    let after = after.split_once("\n## ").expect("one more section").1;
    let mut blocks = Vec::new();
    for part in [before, after] {
        for block in part.split("\n```sh\n").skip(1) {
            let block = block.split("\n```").next().expect("a block").replace("\\\n", " ");
            let lines = block.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            blocks.push(Block { lines: lines.map(str::to_owned).collect() });
        }
    }
    blocks
}

/// A line without the comment behind it.
fn bare(line: &str) -> &str {
    line.split("  #").next().unwrap_or_default().trim_end()
}

/// Runs a line behind those that prepare for it, and expects what is known of it.
fn run(line: &str, prepared: &[&str], known: &[Expected], tools: &Bench) {
    let cure = "say in tests/examples.rs what comes of it";
    let (_, new, requests) = known
        .iter()
        .find(|(known, ..)| *known == bare(line))
        .unwrap_or_else(|| panic!("not known: {}\n{cure}", bare(line)));
    if line.contains("ffmpeg")
        && Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_err()
    {
        eprintln!("not tried, because there is no ffmpeg here: {line}");
        return;
    }
    let (bench, service) = (bench(), Service::new());
    let before = files(&bench.path(""));
    let script = [&["set -euo pipefail"], prepared, &[line]].concat().join("\n").replace('…', KEY);
    let mut command = shell::line("bash", &bench, &script, &[&tools.path("")]);
    command.env("ELEVENLABS_BASE_URL", service.url());
    if line.contains("-e elevenlabs") {
        command.env("ELEVENLABS_API_KEY", KEY);
    }
    let ended = Running::start_with(command.stdout(Stdio::piped()).stderr(Stdio::piped())).end();
    assert!(ended.status.success(), "{line}\n{}", ended.stderr);
    let after = files(&bench.path(""));
    let made: Vec<&String> = after.iter().filter(|name| !before.contains(name)).collect();
    assert_eq!(made, *new, "{line}\n{}", ended.stderr);
    for name in made.iter().filter(|name| **name != "tested") {
        assert!(!bench.read(name).is_empty(), "{line}: {name} is empty");
    }
    assert_eq!(service.requests().len(), *requests, "{line}\n{}", ended.stderr);
}

/// The stubs, as programs.
fn tools() -> Bench {
    let tools = Bench::new();
    for (name, body) in STUBS {
        let path = tools.file(name, format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a program");
    }
    tools
}

#[test]
fn every_command_in_readme_runs() {
    let tools = tools();
    let blocks = blocks();
    assert!(blocks.len() > 5, "{} blocks in README", blocks.len());
    for block in blocks {
        let mut prepared = Vec::new();
        for line in &block.lines {
            let known: &[Expected] = if prepared.iter().any(|line: &&str| line.starts_with("export ")) {
                &WITH_KEY
            } else {
                &LOCAL
            };
            run(line, &prepared, known, &tools);
            if line.starts_with("export ") || line.starts_with("mkdir ") {
                prepared.push(line);
            }
        }
    }
}

#[test]
fn every_example_in_help_runs() {
    let tools = tools();
    for (line, _) in EXAMPLES {
        run(line, &[], &LOCAL, &tools);
    }
}

#[test]
fn nothing_is_expected_of_commands_that_are_gone() {
    let blocks = blocks();
    let lines: Vec<&str> = blocks.iter().flat_map(|block| &block.lines).map(|line| bare(line)).collect();
    let examples = EXAMPLES.map(|(line, _)| line);
    for (known, ..) in LOCAL.iter().chain(&WITH_KEY) {
        assert!(
            lines.contains(known) || examples.contains(known),
            "neither in README nor in --help: {known}"
        );
    }
}
