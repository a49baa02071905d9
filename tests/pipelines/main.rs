//! Between other programs: live streams, slow neighbours and neighbours that leave, terminals, streams that are closed,
//! and standard input among files.
//!
//! Nothing is timed here. Latency is counted in samples: how many have gone in, and not come out, while the
//! pipe is held open. `benches/latency.py` measures it in milliseconds.

#![cfg(unix)]

mod among_files;
mod closed;
mod leaving;
mod live;
mod neighbours;
mod slow;
mod terminals;

#[path = "../support/child.rs"]
mod child;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/terminal.rs"]
mod terminal;

use std::io::{self, PipeReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use child::{Ended, PATIENCE, Running, command};
use support::{Audio, Bench};

/// The longest that a sample may take, in milliseconds, at 16 kHz and at the other rates of recorders.
const AT_16_KHZ: usize = 60;
const AT_OTHER_RATES: usize = 90;

fn take() -> Audio {
    Audio::speechlike(16_000, 1, 16_000)
}

/// More than two pipes and the program hold together.
fn long_take() -> Audio {
    Audio::speechlike(16_000, 1, 15 * 16_000)
}

/// What the program makes of raw samples at 16 kHz that are all there from the start.
fn at_once(pcm: &[u8]) -> Vec<u8> {
    Bench::new().voxsift(RAW).stdin(pcm).succeeds().stdout().to_vec()
}

const RAW: [&str; 3] = ["--raw", "-t", "pcm"];

/// The program with its standard output in a pipe that is read elsewhere.
fn into_pipe(mut command: Command) -> (Running, PipeReader) {
    let (from, to) = io::pipe().expect("a pipe");
    (Running::start_with(command.stdin(Stdio::piped()).stdout(to).stderr(Stdio::piped())), from)
}

/// The program between a microphone and a loudspeaker.
struct Live {
    running: Running,
    heard: Receiver<Vec<u8>>,
    out: Vec<u8>,
    given: usize,
}

impl Live {
    fn start(bench: &Bench, args: &[&str]) -> Self {
        Self::of(command(&bench.path(""), args).stderr(Stdio::piped()))
    }

    /// With standard error as the command has it.
    fn of(command: &mut Command) -> Self {
        let (from, to) = io::pipe().expect("a pipe");
        let running = Running::start_with(command.stdin(Stdio::piped()).stdout(to));
        // The command has a handle of its own, which would keep the pipe from ending.
        command.stdout(Stdio::null());
        Self { running, heard: listen(from), out: Vec::new(), given: 0 }
    }

    fn give(&mut self, bytes: &[u8]) {
        self.running.give(bytes);
        self.given += bytes.len();
    }

    /// Waits until so many bytes have come out.
    #[track_caller]
    fn hear(&mut self, bytes: usize) {
        while self.out.len() < bytes {
            let Ok(block) = self.heard.recv_timeout(PATIENCE) else {
                panic!("{} bytes in, {} out, waited for {bytes}", self.given, self.out.len());
            };
            self.out.extend(block);
        }
    }

    /// Waits until not more than so many bytes are missing.
    #[track_caller]
    fn keep_up(&mut self, within: usize) {
        self.hear(self.given.saturating_sub(within));
    }

    /// Ends the input, and waits for the end of the program and of its output.
    #[track_caller]
    fn end(mut self) -> Ended {
        self.running.close();
        let ended = self.running.end();
        self.out.extend(self.heard.iter().flatten());
        Ended { stdout: self.out, ..ended }
    }
}

/// Reads until the end, or until nobody is interested any more.
fn listen(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (to, heard) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        // A pseudo-terminal ends with an error when its other side is closed.
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    heard
}

/// Bytes of so many milliseconds.
fn bytes(milliseconds: usize, rate: usize, channels: usize) -> usize {
    rate * milliseconds / 1000 * channels * 2
}

/// Another program, in the folder of a test.
fn other(bench: &Bench, program: &str, args: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(bench.path("")).args(args.split(' '));
    command
}

/// What a program leaves behind it when it has gone: a pipe without a reader.
fn broken_pipe() -> Stdio {
    io::pipe().expect("a pipe").1.into()
}
