//! Readers that are slow, or stop for a while.

use std::io::{self, Read, Write};
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;

use crate::child::{Running, command, until};
use crate::support::{Audio, Bench};
use crate::{AT_16_KHZ, Live, RAW, at_once, bytes, into_pipe, listen, long_take};

#[test]
fn a_slow_reader_gets_everything() {
    let pcm = long_take().pcm();
    let bench = Bench::new();
    let (mut running, mut from) = into_pipe(command(&bench.path(""), RAW));
    let (sent, expected) = (pcm.clone(), at_once(&pcm));
    let writer = thread::spawn(move || {
        running.give(&sent);
        running.close();
        running
    });
    let mut out = Vec::new();
    // Byte by byte, then a little more at once.
    let mut buffer = [0; 100];
    for size in std::iter::repeat_n(1, 20_000).chain(std::iter::repeat(100)) {
        match from.read(&mut buffer[..size]).expect("the pipe") {
            0 => break,
            n => out.extend_from_slice(&buffer[..n]),
        }
    }
    writer.join().expect("the writer").end().with(0);
    assert!(out == expected);
}

/// Waits until the pipes on both sides of the program are full.
#[cfg(target_os = "linux")]
#[track_caller]
fn until_full(pipes: [&dyn std::os::fd::AsFd; 2]) {
    // A pipe has 16 pages of 4096 bytes, which blocks of other sizes do not fill.
    let full = |pipe| rustix::io::ioctl_fionread(pipe).expect("what is in a pipe") > 32_768;
    until("full pipes", || pipes.into_iter().all(full).then_some(()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_stops_for_a_while_loses_nothing() {
    let pcm = long_take().pcm();
    let bench = Bench::new();
    let (before, mut to) = io::pipe().expect("a pipe");
    let (from, behind) = io::pipe().expect("a pipe");
    let mut run = command(&bench.path(""), RAW);
    let running = Running::start_with(run.stdin(before).stdout(behind).stderr(Stdio::piped()));
    drop(run);
    let (sent, watched) = (pcm.clone(), to.try_clone().expect("one more handle"));
    let writer = thread::spawn(move || to.write_all(&sent).expect("the program takes it"));
    let (mut from, mut out) = (from, Vec::new());
    for _ in 0..3 {
        until_full([&watched, &from]);
        assert!(!writer.is_finished(), "the writer is held up as well");
        let mut some = vec![0; 100_000];
        from.read_exact(&mut some).expect("the rest of it");
        out.extend(some);
    }
    let heard = listen(from);
    writer.join().expect("the writer");
    drop(watched);
    running.end().with(0);
    out.extend(heard.iter().flatten());
    assert!(out == at_once(&pcm));
}

#[test]
fn a_pipeline_can_be_stopped_and_continued() {
    let bench = Bench::new();
    let pcm = Audio::speechlike(16_000, 1, 8_000).pcm();
    let mut live = Live::start(&bench, &RAW);
    for _ in 0..3 {
        live.give(&pcm);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
        live.running.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", live.running.id());
        until("a program that stands still", || {
            let state = std::fs::read_to_string(&stat).ok()?;
            state.rsplit(')').next()?.trim_start().starts_with('T').then_some(())
        });
        live.give(&pcm);
        live.running.signal(Signal::CONT);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert!(live.end().with(0).stdout == at_once(&pcm.repeat(6)));
}
