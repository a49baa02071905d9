//! WAV: arbitrary bytes behind a signature of it, from a file and from a pipe; and samples without a header.

#![no_main]

mod common;

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use voxsift::audio::decode::Raw;

thread_local! {
    static FOLDER: LazyCell<TempDir> = const { LazyCell::new(common::folder) };
}

fuzz_target!(|bytes: &[u8]| {
    FOLDER.with(|folder| {
        common::read_both_ways(folder, bytes, None);
        // One and the same decoder reads what follows a header and what has none.
        if let Some((layout, samples)) = bytes.split_first() {
            let raw = Raw { rate: 16_000, channels: u16::from(layout % 8) + 1 };
            common::read_both_ways(folder, samples, Some(raw));
        }
    });
});
