//! Terminals in place of pipes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use crate::child::{PATIENCE, Running, command};
use crate::support::Bench;
use crate::{AT_16_KHZ, at_once, bytes, listen, take};

/// A terminal that passes bytes on as they are: the side of whoever sits at it, and the side of programs.
fn bare_terminal() -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    // It hangs up only when nobody holds this side any more, not even the program itself.
    fcntl_setfd(&controller, FdFlags::CLOEXEC).expect("its flags");
    grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("its other side");
    let name = ptsname(&controller, Vec::new()).expect("its name");
    let side = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OpenptFlags::NOCTTY.bits().cast_signed())
        .open(std::ffi::OsStr::from_bytes(name.to_bytes()))
        .expect("the terminal");
    let mut mode = tcgetattr(&side).expect("its mode");
    mode.make_raw();
    tcsetattr(&side, OptionalActions::Now, &mode).expect("its mode");
    (File::from(controller), side)
}

#[test]
fn a_terminal_can_be_the_reader() {
    let bench = Bench::new();
    let (controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-o", "-"]);
    let mut running = Running::start_with(run.stdin(Stdio::piped()).stdout(side).stderr(Stdio::piped()));
    let (heard, mut out) = (listen(controller), Vec::new());
    let pcm = take().pcm();
    let within = bytes(AT_16_KHZ, 16_000, 1);
    for (i, block) in pcm.chunks(bytes(100, 16_000, 1)).enumerate() {
        running.give(block);
        while out.len() + within < (i + 1) * block.len() {
            out.extend(heard.recv_timeout(PATIENCE).expect("more sound"));
        }
    }
    running.close();
    running.end().with(0);
    drop(run);
    out.extend(heard.iter().flatten());
    assert!(out == at_once(&pcm));
}

#[test]
fn a_terminal_that_hangs_up_is_no_reader_that_leaves() {
    let bench = Bench::new();
    let (controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-o", "-"]);
    let mut running = Running::start_with(run.stdin(Stdio::piped()).stdout(side).stderr(Stdio::piped()));
    drop(run);
    drop(controller);
    running.give(&take().pcm());
    running.close();
    running.end().failed(1, "standard output: ");
}

#[test]
fn a_terminal_can_be_the_writer() {
    let bench = Bench::new();
    let (mut controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-"]);
    let (from, to) = io::pipe().expect("a pipe");
    let running = Running::start_with(run.stdin(side).stdout(to).stderr(Stdio::piped()));
    drop(run);
    let (heard, mut out) = (listen(from), Vec::new());
    let pcm = take().pcm();
    let mut given = 0;
    for block in pcm.chunks(bytes(10, 16_000, 1)) {
        controller.write_all(block).expect("the terminal takes it");
        given += block.len();
        while out.len() + bytes(AT_16_KHZ, 16_000, 1) < given {
            out.extend(heard.recv_timeout(PATIENCE).expect("more sound"));
        }
    }
    // Its end cannot be told without losing what is on the way: a terminal that hangs up drops that.
    out.truncate(given - bytes(AT_16_KHZ, 16_000, 1));
    assert!(at_once(&pcm).starts_with(&out));
    drop(running);
}
