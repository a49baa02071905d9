//! Every format: arbitrary bytes, from a file and from a pipe.

#![no_main]

mod common;

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

thread_local! {
    static FOLDER: LazyCell<TempDir> = const { LazyCell::new(common::folder) };
}

fuzz_target!(|bytes: &[u8]| FOLDER.with(|folder| common::read_both_ways(folder, bytes, None)));
