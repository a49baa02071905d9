//! Trees of recordings, and what became of them.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use walkdir::WalkDir;

use crate::support::{Audio, Bench, Done};

/// A recording that is isolated at once: 0.1 s.
pub fn tiny() -> Vec<u8> {
    Audio::speechlike(16_000, 1, 1_600).wav16()
}

/// Writes the same bytes to all these places, with the folders above them.
pub fn plant(bench: &Bench, names: &[impl AsRef<Path>], bytes: &[u8]) {
    for name in names {
        let path = bench.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, bytes).expect("a test file can be written");
    }
}

/// All files below a folder, also hidden ones, by their paths from there, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = WalkDir::new(folder).into_iter().filter_map(Result::ok);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    let mut names: Vec<String> = files
        .map(|file| {
            let below = file.path().strip_prefix(folder).expect("a path below the folder");
            below.to_string_lossy().into_owned()
        })
        .collect();
    names.sort();
    names
}

/// The JSON objects on standard output, a line each.
#[track_caller]
pub fn records(stdout: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(stdout).expect("JSON is UTF-8");
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines: {text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// One field of all JSON objects, as text.
#[track_caller]
pub fn field(name: &str, records: &[Value]) -> Vec<String> {
    let text =
        |record: &Value| record[name].as_str().unwrap_or_else(|| panic!("{name}: {record}")).to_owned();
    records.iter().map(text).collect()
}

/// The inputs that a dry run would take, in its order.
#[track_caller]
pub fn taken(bench: &Bench, args: &[&str]) -> Vec<String> {
    // One after the other, so that the order is theirs.
    let run = bench.voxsift(["-n", "--json", "-q", "-j", "1"].iter().chain(args));
    let records = records(run.succeeds().stdout());
    assert!(field("status", &records).iter().all(|status| status == "planned"), "{records:?}");
    field("input", &records)
}

/// The last line of standard error: the summary.
#[track_caller]
pub fn summary(done: &Done) -> String {
    done.stderr().lines().last().unwrap_or_else(|| panic!("no summary\n{}", done.show())).to_owned()
}

/// The lines that name what failed, without their label.
pub fn failures(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("failed: ")).collect()
}
