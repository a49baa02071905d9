//! Replies: MP3 that is followed frame by frame as it comes in any parts, passed on or converted.

#![no_main]

mod common;

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use voxsift::audio::encode::Format;
use voxsift::exchange::Exchange;
use voxsift::isolate::Task;
use voxsift::isolate::elevenlabs::harness::{followed, replied};
use voxsift::sink::Sink;
use voxsift::source::Source;

thread_local! {
    static FOLDER: LazyCell<TempDir> = const { LazyCell::new(common::folder) };
}

fuzz_target!(|input: (u8, u8, &[u8])| FOLDER.with(|folder| {
    common::clear(folder);
    let (seconds, part, body) = input;
    let (whole, damage) = followed(std::iter::once(body));
    assert!(whole.is_finite() && whole >= 0.0 && damage.unwrap_or(0) <= body.len() as u64);
    let parts = body.chunks(usize::from(part) + 1);
    assert_eq!(followed(parts), (whole, damage), "however it comes");

    let path = folder.path().join("out");
    let format = [Format::Mp3, Format::Wav, Format::Pcm][usize::from(part % 3)];
    let task =
        Task { source: Source::Stdin, raw: None, sink: Sink::at(&path, true), format, any_format: false };
    let seconds = (seconds > 0).then(|| f64::from(seconds - 1) / 4.0);
    match replied(body, seconds, &task, &common::settings()) {
        Ok((bytes, _)) => assert_eq!(std::fs::metadata(&path).expect("an output").len(), bytes),
        Err(failure) => {
            common::fit_to_print(&failure, &Exchange::default());
            assert!(!path.exists(), "no output after {failure:?}");
        }
    }
}));
