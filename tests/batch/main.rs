//! Many recordings at once: which are taken, where their outputs go, how they are worked on and shared out, and what is
//! said about them.

#![cfg(unix)]

mod inputs;
mod outputs;
mod shares;
mod told;
mod work;

#[path = "../support/child.rs"]
mod child;
#[path = "../support/picture.rs"]
mod picture;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/takes.rs"]
mod takes;
#[path = "../support/terminal.rs"]
mod terminal;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use child::until;
use rustix::fs::OFlags;
use takes::tiny;

/// Characters that would steer a terminal, and do no harm to a file system.
const NASTY: &str = "a\nerror: b\r\x1b[31m\x1b]0;c\x07\u{202e}d\u{9b}2J.wav";

/// The header of a WAV file that tells no length, as from a pipe.
fn endless() -> Vec<u8> {
    let mut header = tiny()[..44].to_vec();
    header[4..8].fill(0xff);
    header[40..44].fill(0xff);
    header
}

/// The writing end of a pipe that the program reads, or will read.
#[track_caller]
fn writer(path: &Path) -> File {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    // Fails as long as nobody reads.
    until("a reader", || OpenOptions::new().write(true).custom_flags(flags).open(path).ok())
}
