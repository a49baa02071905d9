//! What the targets have in common: a folder of their own, and reading to the end.

// Every target uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use voxsift::audio::decode::{self, Decoder, Raw};
use voxsift::audio::{MAX_CHANNELS, RATES};
use voxsift::error::{Failure, Kind};
use voxsift::exchange::Exchange;
use voxsift::isolate::elevenlabs::key::Key;
use voxsift::isolate::elevenlabs::place::BaseUrl;
use voxsift::isolate::elevenlabs::settings::{Settings, Split};
use voxsift::source::Source;

pub const KEY: &str = "sk_0123456789abcdef0123456789abcdef";

pub fn key() -> Key {
    Key::of_variable(Some(KEY.as_ref())).expect("a key").expect("a good one")
}

/// Settings with which nothing is waited for.
pub fn settings() -> Settings {
    Settings {
        key: key(),
        base_url: BaseUrl::parse("http://127.0.0.1:1", "the target").expect("a URL"),
        proxy: None,
        resample: false,
        file_format: None,
        preview: None,
        stream: false,
        split: Split::Never,
        pad: false,
        ignore_limits: true,
        retries: 0,
        retry_lost: false,
        timeout: Duration::from_secs(5),
        connect_timeout: Duration::from_secs(5),
        stall_timeout: Duration::from_secs(5),
    }
}

/// A temporary folder, in memory where the system has room for files there.
pub fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// Removes what a run has left in a folder.
pub fn clear(folder: &TempDir) {
    for entry in fs::read_dir(folder.path()).expect("the folder") {
        fs::remove_file(entry.expect("an entry").path()).expect("a file can be removed");
    }
}

/// Reads bytes as a file and, when a pipe takes them at once, as a pipe.
pub fn read_both_ways(folder: &TempDir, bytes: &[u8], raw: Option<Raw>) {
    let path = folder.path().join("in");
    fs::write(&path, bytes).expect("a file can be written");
    // What is counted without decoding is an estimate where something is damaged.
    if let Ok(decoder) = decode::open(&Source::File(path.clone()), raw) {
        let _ = decoder.counted();
    }
    let of_file = read(path, raw);
    if bytes.len() <= 60 * 1024 {
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        writer.write_all(bytes).expect("there is room");
        drop(writer);
        let of_pipe = read(format!("/proc/self/fd/{}", reader.as_raw_fd()).into(), raw);
        if let (Some((of_file, true)), Some((of_pipe, true))) = (of_file, of_pipe) {
            assert_eq!(of_file, of_pipe, "frames of the file and of the pipe");
        }
    }
}

/// Reads to the end. Returns the number of frames, and whether the header had announced so many.
fn read(path: PathBuf, raw: Option<Raw>) -> Option<(u64, bool)> {
    let opened = decode::open(&Source::File(path), raw);
    let mut decoder = opened.map_err(|failure| well_formed(&failure)).ok()?;
    let frames = read_on(&mut decoder).map_err(|failure| well_formed(&failure)).ok()?;
    let exact = decoder.length().exact();
    let warnings = decoder.warnings();
    // What is cut off is said to be.
    if let Some(exact) = exact.filter(|exact| warnings.is_empty() || frames > *exact) {
        assert_eq!(frames, exact, "frames are as many as the exact length");
    }
    for warning in warnings {
        assert!(!warning.is_empty() && !warning.contains(char::is_control), "{warning:?}");
    }
    Some((frames, exact.is_some()))
}

fn read_on(decoder: &mut Decoder) -> Result<u64, Failure> {
    let spec = decoder.spec();
    assert!(RATES.contains(&spec.rate) && (1..=MAX_CHANNELS).contains(&spec.channels), "{spec:?}");
    let (mut block, mut all) = (Vec::new(), 0);
    loop {
        let frames = decoder.read(&mut block)?;
        assert_eq!(block.len(), frames * usize::from(spec.channels), "whole frames");
        assert!(block.iter().all(|sample| sample.is_finite()), "numbers");
        all += frames as u64;
        // What a few kilobytes hold; some codecs code silence in next to nothing.
        if frames == 0 || all > 100_000_000 {
            return Ok(all);
        }
    }
}

/// A failure is to have a reason and a hint, and is not to be our own fault.
pub fn well_formed(failure: &Failure) {
    assert!(failure.kind != Kind::Internal, "{failure:?}");
    assert!(!failure.message.is_empty() && !failure.hint.is_empty(), "{failure:?}");
}

/// What a stranger has a part in is short, steers no terminal, and does not give the key away.
pub fn fit_to_print(failure: &Failure, exchange: &Exchange) {
    well_formed(failure);
    let texts =
        [Some(&failure.message), Some(&failure.hint), exchange.code.as_ref(), exchange.request_id.as_ref()];
    for text in texts.into_iter().flatten() {
        assert!(!text.contains(char::is_control), "{text:?}");
        assert!(!text.contains(KEY), "{text:?}");
        assert!(text.chars().count() < 1000, "{text:?}");
    }
}
