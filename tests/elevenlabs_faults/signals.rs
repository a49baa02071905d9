//! Signals in the middle of it.

use std::fs;
use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::{Running, command, until};
use crate::server::{Connection, Server, answer};
use crate::support::Bench;
use crate::{TAKE, begin, bench, big_bench, success, voice};

/// Whether this signal ends the program: not where the tests were started to ignore it, as under `nohup`.
fn ends(signal: Signal) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored & (1 << (signal.as_raw() - 1)) == 0
}

/// Sends each signal to the program when `ready`, and expects that it leaves at once and without a trace.
#[track_caller]
fn interrupted(
    bench: fn() -> Bench,
    args: &[&str],
    play: fn(&mut Connection) -> io::Result<()>,
    ready: fn(&Server, &Bench, &Running) -> bool,
) {
    for signal in [Signal::INT, Signal::TERM].into_iter().filter(|signal| ends(*signal)) {
        let (bench, server) = (bench(), Server::plain(play));
        bench.file("out.mp3", b"old");
        let args: Vec<&str> = ["-f", "-o", "out.mp3"].iter().chain(args).copied().collect();
        let running = begin(&bench, &server, &args);
        until("the moment", || ready(&server, &bench, &running).then_some(()));
        let start = Instant::now();
        running.signal(signal);
        let ended = running.end().with(130);
        assert!(start.elapsed() < Duration::from_secs(10), "{signal:?}: {:?}", start.elapsed());
        assert!(!ended.stderr.contains("error: "), "{}", ended.stderr);
        assert_eq!(bench.names(), ["in.wav", "out.mp3"], "{signal:?}");
        assert_eq!(bench.read("out.mp3"), b"old", "{signal:?}");
        server.saw(1, 1);
    }
}

#[test]
fn a_signal_ends_an_upload() {
    let play = |connection: &mut Connection| {
        connection.head()?;
        connection.some(1_000_000)?;
        connection.hold()
    };
    interrupted(big_bench, &[], play, |server, _, _| server.received() == 1_000_000);
}

#[test]
fn a_signal_ends_the_wait_for_a_reply() {
    let play = |connection: &mut Connection| {
        connection.request()?;
        connection.hold()
    };
    interrupted(bench, &[], play, |server, _, _| server.received() > TAKE.len());
}

#[test]
fn a_signal_ends_a_download() {
    let play = |connection: &mut Connection| {
        connection.request()?;
        connection.send(&answer(200, &[], voice().repeat(30))[..1_000_000])?;
        connection.hold()
    };
    interrupted(bench, &[], play, |_, bench, _| {
        let files = fs::read_dir(bench.path("")).expect("the folder").flatten();
        let hidden = files.filter(|file| file.file_name().to_string_lossy().ends_with(".part"));
        hidden.filter_map(|file| Some(file.metadata().ok()?.len())).any(|len| len > 100_000)
    });
}

#[test]
fn a_signal_ends_the_wait_before_a_retry() {
    let play = |connection: &mut Connection| {
        connection.request()?;
        connection.send(answer(503, &[("Retry-After", "100")], ""))
    };
    interrupted(bench, &[], play, |_, _, running| running.stderr().contains("(attempt 2 of 4)"));
}

#[test]
fn a_signal_ends_an_upload_whose_pipe_is_silent() {
    for retries in ["0", "3"] {
        let bench = Bench::new();
        let server = Server::plain(|connection| {
            connection.request()?;
            connection.send(success())
        });
        let args = ["-e", "elevenlabs", "--raw", "--retries", retries, "-o", "out.mp3"];
        let mut running = Running::start(command(&bench.path(""), args).envs(server.env()));
        running.give(&vec![0; 1_000_000]);
        if retries == "0" {
            until("the upload", || (server.received() > 500_000).then_some(()));
        }
        running.signal(Signal::TERM);
        if ends(Signal::TERM) {
            running.end().with(130);
            assert!(bench.names().is_empty());
        }
    }
}
