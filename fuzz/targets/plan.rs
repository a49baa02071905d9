//! From arguments to a plan: any options with any values, in a folder with something of everything. Nothing is
//! touched, and what is planned can be done.

#![no_main]

mod common;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use clap::{ArgAction, CommandFactory, Parser};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use voxsift::cli::Cli;
use voxsift::isolate::elevenlabs::key::Key;
use voxsift::isolate::elevenlabs::place::Proxies;
use voxsift::plan::{self, Plan, Surroundings};

/// What arguments are made of besides arbitrary text.
const WORDS: [&str; 38] = [
    "-",
    "--",
    "a.wav",
    "b.wav",
    "tree",
    "tree/b.mp3",
    "tree/sub",
    "tree/sub/c.flac",
    "list",
    "zeros",
    "key",
    "open-key",
    "picture.gif",
    "link",
    "loop",
    "out",
    "out/a.wav",
    "new/folder",
    "missing.wav",
    "a.isolated.wav",
    "x.mp3",
    "x.flac",
    "x.opus",
    "x.pcm",
    "x.m4a",
    "{stem}.{ext}",
    "{stem}{source_ext}",
    "{",
    "0",
    "1",
    "2/3",
    "1e9",
    "16000",
    "auto",
    "local",
    "elevenlabs",
    "http://127.0.0.1:9",
    "https://h.example/p",
];

/// An option: its names, the values that it takes, and whether it takes any.
struct Choice {
    names: Vec<String>,
    values: Vec<String>,
    takes_one: bool,
}

/// All options that there are.
static CHOICES: LazyLock<Vec<Choice>> = LazyLock::new(|| {
    let mut command = Cli::command();
    command.build();
    let options = command.get_arguments().filter(|arg| !arg.is_positional()).map(|arg| Choice {
        names: (arg.get_short().map(|name| format!("-{name}")).into_iter())
            .chain(arg.get_long().map(|name| format!("--{name}")))
            .collect(),
        values: arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect(),
        takes_one: matches!(arg.get_action(), ArgAction::Set | ArgAction::Append),
    });
    options.collect()
});

static FOLDER: LazyLock<(TempDir, Vec<String>)> = LazyLock::new(|| {
    let folder = common::folder();
    let _inside = Inside::of(&folder);
    fs::create_dir_all("tree/sub").expect("folders");
    fs::create_dir("out").expect("a folder");
    let files: [(&str, &[u8]); 10] = [
        ("a.wav", b"RIFF"),
        ("b.wav", b""),
        ("a.isolated.wav", b""),
        ("tree/b.mp3", b"ID3"),
        ("tree/sub/c.flac", b"fLaC"),
        ("list", b"a.wav\r\ntree\n\nmissing.wav"),
        ("zeros", b"a.wav\0tree/sub/c.flac\0"),
        ("key", common::KEY.as_bytes()),
        ("open-key", common::KEY.as_bytes()),
        ("picture.gif", b"GIF89a"),
    ];
    for (name, bytes) in files {
        fs::write(name, bytes).expect("a file can be written");
    }
    for (name, mode) in [("key", 0o600), ("open-key", 0o644)] {
        fs::set_permissions(name, fs::Permissions::from_mode(mode)).expect("a mode");
    }
    symlink("a.wav", "link").expect("a link");
    symlink("..", "tree/loop").expect("a link");
    let there = all();
    (folder, there)
});

/// While it lives, the working directory is the folder. The fuzzer has its own business in another one.
struct Inside(PathBuf);

impl Inside {
    fn of(folder: &TempDir) -> Self {
        let before = std::env::current_dir().expect("a working directory");
        std::env::set_current_dir(folder.path()).expect("the folder");
        Self(before)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // A panic is the find; where the artifact goes is the fuzzer's affair.
        let _ = std::env::set_current_dir(&self.0);
    }
}

/// Everything in the folder, with its size and when it was written.
fn all() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(".")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let meta = entry.metadata().expect("what it is");
            found.push(format!("{} {} {:?}", entry.path().display(), meta.len(), meta.modified().ok()));
            if meta.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

fuzz_target!(|bytes: &[u8]| {
    let (folder, before) = &*FOLDER;
    let _inside = Inside::of(folder);
    if let Ok((args, around)) = given(&mut Unstructured::new(bytes)) {
        run(&args, &around);
        assert_eq!(&all(), before, "nothing is touched by {args:?}");
    }
});

fn given(bytes: &mut Unstructured) -> Result<(Vec<String>, Surroundings)> {
    let around = Surroundings {
        stdin_is_terminal: bytes.arbitrary()?,
        stdout_is_terminal: bytes.arbitrary()?,
        stderr_is_terminal: bytes.arbitrary()?,
        no_color: bytes.arbitrary()?,
        engine: if bytes.arbitrary()? { Some(word(bytes)?) } else { None },
        api_key: match bytes.int_in_range(0..=2)? {
            0 => None,
            1 => Some(Ok(common::key())),
            _ => Key::of_variable(Some(word(bytes)?.as_ref())),
        },
        base_url: if bytes.arbitrary()? { Some(word(bytes)?) } else { None },
        proxies: Proxies::default(),
    };
    let mut args = vec!["voxsift".to_owned()];
    while !bytes.is_empty() && args.len() < 24 {
        if bytes.ratio(2, 3)? {
            let choice = bytes.choose(&CHOICES)?;
            let name = bytes.choose(&choice.names)?.clone();
            if !choice.takes_one {
                args.push(name);
                continue;
            }
            let value = if choice.values.is_empty() || bytes.ratio(1, 8)? {
                word(bytes)?
            } else {
                bytes.choose(&choice.values)?.clone()
            };
            if bytes.arbitrary()? {
                let equals = if name.starts_with("--") { "=" } else { "" };
                args.push(format!("{name}{equals}{value}"));
            } else {
                args.extend([name, value]);
            }
        } else {
            args.push(word(bytes)?);
        }
    }
    Ok((args, around))
}

/// A word of those above or an arbitrary one, which cannot lead out of the folder.
fn word(bytes: &mut Unstructured) -> Result<String> {
    if bytes.ratio(3, 4)? {
        return Ok((*bytes.choose(&WORDS)?).to_owned());
    }
    let text: &str = bytes.arbitrary()?;
    Ok(text.replace(['/', '\0'], "_").replace("..", "__"))
}

fn run(args: &[String], around: &Surroundings) {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{args:?}");
            return;
        }
    };
    match plan::plan(&cli, around) {
        Ok(Plan::ShortHelp) => {}
        Ok(Plan::Run(run)) => {
            assert!(run.workers > 0, "{args:?}");
            let inputs: HashSet<PathBuf> =
                run.jobs.iter().filter_map(|job| fs::canonicalize(job.task.source.path()?).ok()).collect();
            let mut outputs: HashMap<&Path, usize> = HashMap::new();
            for job in &run.jobs {
                let Some(path) = job.task.sink.path() else { continue };
                let there = fs::canonicalize(path).ok();
                assert!(there.is_none_or(|path| !inputs.contains(&path)), "{args:?} writes over {path:?}");
                *outputs.entry(path).or_default() += 1;
            }
            assert!(outputs.values().all(|times| *times == 1), "{args:?} writes twice: {outputs:?}");
        }
        Err(failure) => common::well_formed(&failure),
    }
}
