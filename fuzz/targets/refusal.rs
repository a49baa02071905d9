//! Error bodies: whatever a server says becomes a failure that is fit to be printed.

#![no_main]

mod common;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use voxsift::isolate::elevenlabs::harness::refused;

fuzz_target!(|input: (u16, Option<u32>, &[u8])| {
    let (status, wait, body) = input;
    let wait = wait.map(|seconds| Duration::from_secs(seconds.into()));
    let (failure, exchange) = refused(100 + status % 900, body, wait, &common::key());
    common::fit_to_print(&failure, &exchange);
});
