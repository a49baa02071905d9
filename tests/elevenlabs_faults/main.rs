//! The ElevenLabs engine where the network or the service misbehaves: answers that come too early, too late,
//! in pieces or never, connections that break, lies, proxies, and signals in the middle of it all.

#![cfg(unix)]

mod breaks;
mod early;
mod retries;
mod signals;
mod time;
mod way;
mod words;

#[path = "../support/child.rs"]
mod child;
#[path = "../support/server.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;

use std::fs::{self, File};
use std::io::Write;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use child::{Running, command};
use serde_json::{Value, json};
use server::{KEY, Server, answer};
use support::{Audio, Bench, Done, Run, fixture};

/// Five seconds, the shortest recording being 4.6 s long. They fit into the buffers of the system, so that all
/// of the upload is on its way before the service has read anything.
static TAKE: LazyLock<Vec<u8>> = LazyLock::new(|| Audio::speechlike(8_000, 1, 40_000).wav16());

/// A folder with a small recording in `in.wav`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("in.wav", &*TAKE);
    bench
}

/// A folder with 60 MB in `in.wav`: five seconds of silence as no recorder makes it, and far more than the
/// system buffers.
fn big_bench() -> Bench {
    const LEN: u32 = 60_000_000;
    let bench = Bench::new();
    let mut header = Audio { rate: 384_000, channels: 8, samples: Vec::new() }.wav(32, false);
    let at = header.len() - 4;
    header[at..].copy_from_slice(&LEN.to_le_bytes());
    header[4..8].copy_from_slice(&(LEN + at as u32 - 4).to_le_bytes());
    let mut file = File::create(bench.path("in.wav")).expect("a file");
    file.write_all(&header).expect("its header");
    file.set_len(u64::from(LEN) + header.len() as u64).expect("a sparse file");
    bench
}

/// The voice that the service gives back: as long as what it is sent, 195 frames of MP3.
fn voice() -> Vec<u8> {
    fs::read(fixture("tagless.mp3")).expect("the fixture").repeat(15)
}

/// The answer that everybody wants.
fn success() -> Vec<u8> {
    answer(200, &[("Content-Type", "audio/mpeg")], voice())
}

/// A refusal as the service words it.
fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = json!({"detail": {"code": code, "message": "no, because", "request_id": "r-17"}}).to_string();
    answer(status, &[("Content-Type", "application/json")], body)
}

/// The program on its way to this server.
fn call(bench: &Bench, server: &Server, args: &[&str]) -> Run {
    let run = bench.voxsift(["-e", "elevenlabs", "in.wav"].iter().chain(args));
    server.env().iter().fold(run, |run, (name, value)| run.env(name, value))
}

/// The program on its way to this server, while it runs.
fn begin(bench: &Bench, server: &Server, args: &[&str]) -> Running {
    let args = ["-e", "elevenlabs", "in.wav"].iter().chain(args);
    Running::start(command(&bench.path(""), args).envs(server.env()))
}

/// A failure, seen from all sides.
struct Failed {
    json: Value,
    error: String,
    hint: String,
    /// The lines before these two.
    notes: Vec<String>,
    took: Duration,
}

impl Failed {
    #[track_caller]
    fn says(&self, part: &str) -> &Self {
        assert!(self.error.contains(part), "{part:?} in {:?}", self.error);
        self
    }

    #[track_caller]
    fn hints(&self, part: &str) -> &Self {
        assert!(self.hint.contains(part), "{part:?} in {:?}", self.hint);
        self
    }

    #[track_caller]
    fn within(&self, seconds: u64) -> &Self {
        assert!(self.took < Duration::from_secs(seconds), "it took {:?}", self.took);
        self
    }
}

/// Runs it with `--json` and expects a failure of this kind as every failure is to be: an error and a hint, the
/// same in both reports, harmless to a terminal, without the key, and with nothing left in the folder.
#[track_caller]
fn fails(bench: &Bench, server: &Server, args: &[&str], code: i32, kind: &str) -> Failed {
    let args: Vec<&str> = ["--json"].iter().chain(args).copied().collect();
    fails_as(bench, call(bench, server, &args), code, kind)
}

#[track_caller]
fn fails_as(bench: &Bench, run: Run, code: i32, kind: &str) -> Failed {
    let before = bench.names();
    let start = Instant::now();
    let done = run.exits(code);
    let took = start.elapsed();
    keeps_the_secret(&done);
    let json = done.json();
    let error = &json["error"];
    assert_eq!(
        (json["status"].as_str(), error["kind"].as_str()),
        (Some("failed"), Some(kind)),
        "{}",
        done.show()
    );
    let stderr = done.stderr();
    let mut lines: Vec<String> = stderr.lines().map(str::to_owned).collect();
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!lines.concat().contains(steers), "{}", done.show());
    let hint = lines.pop().and_then(|line| Some(line.strip_prefix("hint: ")?.to_owned()));
    let message = lines.pop().and_then(|line| Some(line.strip_prefix("error: ")?.to_owned()));
    let (Some(message), Some(hint)) = (message, hint) else { panic!("{}", done.show()) };
    assert!(message.ends_with(error["message"].as_str().unwrap_or("?")), "{}", done.show());
    assert_eq!(error["hint"].as_str(), Some(&*hint), "{}", done.show());
    assert!(message.len() < 1000 && hint.len() < 500, "{}", done.show());
    assert!(lines.iter().all(|line| line.starts_with("note: ")), "{}", done.show());
    assert_eq!(bench.names(), before, "what is in the folder");
    Failed { json, error: message, hint, notes: lines, took }
}

#[track_caller]
fn keeps_the_secret(done: &Done) {
    for stream in [&done.output.stdout, &done.output.stderr] {
        assert!(!String::from_utf8_lossy(stream).contains(KEY), "the key is shown: {}", done.show());
    }
}

/// Runs it and expects the voice in `in.isolated.mp3`, which it removes again.
#[track_caller]
fn succeeds(bench: &Bench, run: Run) -> Done {
    let done = run.succeeds();
    keeps_the_secret(&done);
    assert_eq!(bench.names(), ["in.isolated.mp3", "in.wav"], "{}", done.show());
    assert!(bench.read("in.isolated.mp3") == voice(), "{}", done.show());
    fs::remove_file(bench.path("in.isolated.mp3")).expect("it can be removed");
    done
}

/// Expects that the upload was complete, and that the reply was lost.
#[track_caller]
fn is_lost(bench: &Bench, server: &Server, args: &[&str]) -> Failed {
    let failed = fails(bench, server, args, 5, "lost");
    failed.says("billed").hints("--retry-lost");
    assert!(failed.notes.is_empty(), "{:?}", failed.notes);
    assert_eq!(failed.json["attempts"], 1);
    server.saw(1, 1);
    failed
}

/// A server that gives this answer first, and the voice to all later requests.
fn once(first: Vec<u8>) -> Server {
    Server::plain(move |connection| {
        connection.request()?;
        if connection.number == 1 { connection.send(&first) } else { connection.send(success()) }
    })
}

/// A server that gives this answer always.
fn always(answer: Vec<u8>) -> Server {
    Server::plain(move |connection| {
        connection.request()?;
        connection.send(&answer)
    })
}
