//! A service for many at once: it sees who comes together, holds them back for as long as a test wants, and
//! gives each the voice of what it sent.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::child::{PATIENCE, command};
use crate::server::{Connection, Request, Server, answer};
use crate::support::{Audio, Bench, Run, fixture};

/// Bytes of a WAV header as these tests write it.
const HEADER: usize = 44;

/// What the service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The voice.
    Voice,
    /// This status, with this code.
    Refusal(u16, &'static str),
}

/// A request that has come.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The first one is 1.
    pub number: usize,
    /// The name of the recording.
    pub name: String,
    /// How often this recording has come, with this time.
    pub visit: usize,
    /// How many requests were under way when it came, with this one.
    pub together: usize,
    /// What was answered; nothing while it is under way.
    pub verdict: Option<Verdict>,
}

/// All that is known of the requests up to now.
#[derive(Debug, Default)]
pub struct View {
    /// Requests under way.
    pub now: usize,
    /// The most that were under way at once.
    pub most: usize,
    /// In the order in which they came.
    pub arrivals: Vec<Arrival>,
    /// How often the test has told to go on.
    pub told: usize,
    over: bool,
    /// What should not have happened.
    trouble: Vec<String>,
}

impl View {
    /// How many were answered in this way.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.arrivals.iter().filter(|arrival| arrival.verdict == Some(verdict)).count()
    }

    /// How many were refused.
    pub fn refused(&self) -> usize {
        self.arrivals.iter().filter(|arrival| matches!(arrival.verdict, Some(Verdict::Refusal(..)))).count()
    }

    /// The names of all recordings that came, sorted; those that came twice are there twice.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.arrivals.iter().map(|arrival| arrival.name.clone()).collect();
        names.sort();
        names
    }
}

/// Decides about a request, again and again until it says something else than `None`.
type Rule = dyn Fn(&View, &Arrival) -> Option<Verdict> + Send + Sync;

/// Makes the voice of what was sent.
type Player = dyn Fn(&Sent) -> Vec<u8> + Send + Sync;

#[derive(Default)]
struct Shared {
    view: Mutex<View>,
    changed: Condvar,
}

impl Shared {
    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request.
    fn enter(&self) -> usize {
        let mut view = self.view();
        view.now += 1;
        view.most = view.most.max(view.now);
        let (number, together) = (view.arrivals.len() + 1, view.now);
        view.arrivals.push(Arrival { number, name: String::new(), visit: 0, together, verdict: None });
        number
    }

    /// Whoever looks at names has to know this one, and those of all others.
    fn name(&self, number: usize, name: &str) {
        let mut view = self.view();
        let visits = view.arrivals.iter().filter(|arrival| arrival.name == name).count();
        let arrival = &mut view.arrivals[number - 1];
        (arrival.name, arrival.visit) = (name.to_owned(), visits + 1);
        drop(view);
        self.changed.notify_all();
    }

    /// Waits until the rule decides; there is no decision when the test has ended.
    fn decide(&self, number: usize, rule: &Rule) -> Option<Verdict> {
        let waited = self.changed.wait_timeout_while(self.view(), PATIENCE, |view| {
            let verdict = rule(view, &view.arrivals[number - 1].clone());
            view.arrivals[number - 1].verdict = verdict;
            !view.over && verdict.is_none()
        });
        let (mut view, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            let arrivals = format!("request {number} waited in vain: {:?}", view.arrivals);
            view.trouble.push(arrivals);
        }
        view.arrivals[number - 1].verdict
    }
}

/// A service on this machine.
pub struct Crowd {
    shared: Arc<Shared>,
    server: Server,
}

impl Crowd {
    /// Gives the voice to everybody at once.
    pub fn open() -> Self {
        Self::new(|_, _| Some(Verdict::Voice))
    }

    /// Holds requests back until there are `together` of them, or until all of `total` have come.
    pub fn gathering(together: usize, total: usize) -> Self {
        Self::new(move |view, _| gathered(view, together, total).then_some(Verdict::Voice))
    }

    /// Decides by a rule.
    pub fn new(rule: impl Fn(&View, &Arrival) -> Option<Verdict> + Send + Sync + 'static) -> Self {
        Self::saying(&[], rule)
    }

    /// Decides by a rule, and has these headers in every answer.
    pub fn saying(
        headers: &[(&'static str, &'static str)],
        rule: impl Fn(&View, &Arrival) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        Self::start(headers, |sent| voice(&sent.name, sent.mark()), rule)
    }

    /// Decides by a rule, and makes the voice of what it is sent.
    pub fn playing(
        play: impl Fn(&Sent) -> Vec<u8> + Send + Sync + 'static,
        rule: impl Fn(&View, &Arrival) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        Self::start(&[], play, rule)
    }

    fn start(
        headers: &[(&'static str, &'static str)],
        play: impl Fn(&Sent) -> Vec<u8> + Send + Sync + 'static,
        rule: impl Fn(&View, &Arrival) -> Option<Verdict> + Send + Sync + 'static,
    ) -> Self {
        let (shared, headers) = (Arc::<Shared>::default(), headers.to_vec());
        let seen = Arc::clone(&shared);
        let server = Server::plain(move |connection| serve(connection, &seen, &headers, &play, &rule));
        Self { shared, server }
    }

    /// Looks at what has come up to now.
    pub fn view(&self) -> MutexGuard<'_, View> {
        let view = self.shared.view();
        assert!(view.trouble.is_empty(), "{:?}", view.trouble);
        view
    }

    /// Lets rules that ask for it go on.
    pub fn tell(&self) {
        self.shared.view().told += 1;
        self.shared.changed.notify_all();
    }

    /// Expects that nobody came.
    #[track_caller]
    pub fn is_untouched(&self) {
        self.server.saw(0, 0);
    }

    /// The program in the environment that leads here.
    pub fn voxsift(&self, bench: &Bench, args: &[&str]) -> Run {
        self.server.env().iter().fold(bench.voxsift(args), |run, (name, value)| run.env(name, value))
    }

    /// The same, to be started by hand.
    pub fn command(&self, bench: &Bench, args: &[&str]) -> Command {
        let mut command = command(&bench.path(""), args);
        command.envs(self.server.env());
        command
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.shared.view().over = true;
        self.shared.changed.notify_all();
    }
}

/// Whether so many are under way at once, or all that will come have come.
pub fn gathered(view: &View, together: usize, total: usize) -> bool {
    view.now >= together || view.arrivals.len() >= total
}

fn serve(
    connection: &mut Connection,
    shared: &Shared,
    headers: &[(&str, &str)],
    play: &Player,
    rule: &Rule,
) -> io::Result<()> {
    let head = connection.head()?;
    let number = shared.enter();
    let came = receive(connection, &head);
    let verdict = match &came {
        Ok(sent) => {
            shared.name(number, &sent.name);
            shared.decide(number, rule)
        }
        Err(_) => None,
    };
    let voice = match (&came, verdict) {
        (Ok(sent), Some(Verdict::Voice)) => play(sent),
        _ => Vec::new(),
    };
    // From here on it is over: who hears of it may send the next one before this thread goes on.
    shared.view().now -= 1;
    shared.changed.notify_all();
    let (_, verdict) = (came?, verdict.ok_or(io::ErrorKind::TimedOut)?);
    connection.send(match verdict {
        Verdict::Voice => {
            let headers: Vec<_> = [("Content-Type", "audio/mpeg"), ("character-cost", "80")]
                .into_iter()
                .chain(headers.iter().copied())
                .collect();
            answer(200, &headers, voice)
        }
        Verdict::Refusal(status, code) => {
            let headers: Vec<_> =
                [("Content-Type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
            let body = serde_json::json!({"detail": {"status": code, "message": "No."}});
            answer(status, &headers, body.to_string())
        }
    })
}

fn receive(connection: &mut Connection, head: &Request) -> io::Result<Sent> {
    let length = head.header("content-length").and_then(|length| length.parse().ok());
    Sent::of(&connection.take(length.ok_or(io::ErrorKind::InvalidData)?)?)
}

/// What a request holds.
pub struct Sent {
    /// The name of the recording, and what it is declared to be.
    pub name: String,
    pub file_format: String,
    pub audio: Vec<u8>,
}

impl Sent {
    fn of(body: &[u8]) -> io::Result<Self> {
        let find = |what: &[u8], from: usize| {
            let at = body[from..].windows(what.len()).position(|window| window == what);
            at.map(|at| from + at).ok_or(io::ErrorKind::InvalidData)
        };
        let between = |before: &[u8], behind: &[u8], from: usize| {
            let start = find(before, from)? + before.len();
            Ok::<_, io::Error>(start..find(behind, start)?)
        };
        let file_format = between(b"name=\"file_format\"\r\n\r\n", b"\r\n", 0)?;
        let name = between(b"filename=\"", b"\"", file_format.end)?;
        let audio = find(b"\r\n\r\n", name.end)? + 4;
        // The boundary is what the body begins with, and stands behind the audio between line ends and dashes.
        let boundary = find(b"\r\n", 0)?;
        let end = body.len().checked_sub(boundary + 6).filter(|end| *end >= audio);
        let text = |range| String::from_utf8_lossy(&body[range]).into_owned();
        Ok(Self {
            name: text(name),
            file_format: text(file_format),
            audio: body[audio..end.ok_or(io::ErrorKind::InvalidData)?].to_vec(),
        })
    }

    /// The first sample, which is another one in each recording.
    fn mark(&self) -> u16 {
        u16::from_le_bytes([self.audio[0], self.audio[1]])
    }
}

/// The voice in a recording: an MP3 with the recording's name and mark in a tag before it.
pub fn voice(name: &str, mark: u16) -> Vec<u8> {
    let text = format!("\u{3}{name} {mark}");
    let size = |len: usize| [0, 0, (len >> 7) as u8, len as u8 & 0x7f];
    let mut mp3 = b"ID3\x04\0\0".to_vec();
    mp3.extend(size(10 + text.len()));
    mp3.extend(b"TIT2");
    mp3.extend(size(text.len()));
    mp3.extend([0, 0]);
    mp3.extend(text.as_bytes());
    mp3.extend(fs::read(fixture("tagless.mp3")).expect("the fixture").repeat(15));
    mp3
}

/// A recording that is just long enough for the service, 4.8 s, with a mark as its first sample.
pub fn take(mark: u16) -> Vec<u8> {
    static TAKE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let mut wav = TAKE.get_or_init(|| Audio::speechlike(16_000, 1, 76_800).wav16()).clone();
    wav[HEADER..HEADER + 2].copy_from_slice(&mark.to_le_bytes());
    wav
}

/// So many recordings in `takes`, and the voices that are to become of them, by their names in the output
/// directory.
pub fn takes(bench: &Bench, count: u16) -> BTreeMap<String, Vec<u8>> {
    fs::create_dir_all(bench.path("takes")).expect("a folder");
    (0..count)
        .map(|mark| {
            let name = format!("t{mark:03}.wav");
            bench.file(&format!("takes/{name}"), take(mark));
            (format!("t{mark:03}.mp3"), voice(&name, mark))
        })
        .collect()
}

/// The finished files in a folder, by their names.
pub fn outputs(bench: &Bench, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(bench.path(folder)) else { return BTreeMap::new() };
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let finished = names.filter(|name| !name.starts_with('.'));
    finished.map(|name| (name.clone(), bench.read(&format!("{folder}/{name}")))).collect()
}

/// Expects exactly these files, byte for byte.
#[track_caller]
pub fn same(found: &BTreeMap<String, Vec<u8>>, meant: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(found.keys().collect::<Vec<_>>(), meant.keys().collect::<Vec<_>>());
    for (name, bytes) in meant {
        assert!(found[name] == *bytes, "{name} differs: {} and {} bytes", found[name].len(), bytes.len());
    }
}
