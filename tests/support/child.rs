//! The program while it runs: fed and read through pipes, sent signals, and always with a deadline.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{SCRUBBED, binary};

/// How long anything may take before a test gives up. Only a broken program needs it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something to see.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The program in `folder`, without the surrounding environment that it reads.
pub fn command(folder: &Path, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    scrubbed(Command::new(binary()), folder, args)
}

/// The program behind a line of shell that ends in `exec "$@"`, to set limits, masks and traps.
pub fn behind_shell(folder: &Path, line: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line, "sh"]).arg(binary());
    scrubbed(shell, folder, args)
}

fn scrubbed(
    mut command: Command,
    folder: &Path,
    args: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> Command {
    command.current_dir(folder).args(args);
    for name in SCRUBBED {
        command.env_remove(name);
    }
    command
}

/// Makes a FIFO.
pub fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
    assert!(made.success(), "mkfifo {}", path.display());
}

/// A running program. What it prints is collected as it comes; dropping this ends it.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Collected,
    stderr: Collected,
    readers: Vec<JoinHandle<()>>,
}

type Collected = Arc<Mutex<Vec<u8>>>;

/// A program that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ended {
    /// Expects this exit code.
    #[track_caller]
    pub fn with(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{}\nstderr: {}", self.status, self.stderr);
        self
    }

    /// Expects a failure as every failure is to be: this exit code, a line with `reason`, and a hint.
    #[track_caller]
    pub fn failed(self, code: i32, reason: &str) -> Self {
        let ended = self.with(code);
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let well_formed =
            lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: ");
        assert!(
            well_formed && lines[0].contains(reason),
            "an error with {reason:?} and a hint:\n{}",
            ended.stderr
        );
        ended
    }
}

impl Running {
    /// Starts it with pipes in place of whatever streams `command` does not set itself.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// Starts it with its streams as `command` sets them.
    pub fn start_with(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the program starts");
        let (stdout, stderr) = (Collected::default(), Collected::default());
        let mut readers = Vec::new();
        if let Some(from) = child.stdout.take() {
            readers.push(collect(from, &stdout));
        }
        if let Some(from) = child.stderr.take() {
            readers.push(collect(from, &stderr));
        }
        Self { stdin: child.stdin.take(), child, stdout, stderr, readers }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input.
    pub fn give(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().expect("an open standard input").write_all(bytes).expect("the program takes it");
    }

    /// Writes to its standard input, and says whether the program was still there to take it all.
    pub fn try_give(&mut self, bytes: &[u8]) -> bool {
        match self.stdin.as_mut().expect("an open standard input").write_all(bytes) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::BrokenPipe => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Ends its standard input.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// What it has printed on standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().expect("no reader died")).into_owned()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).expect("a process id");
        kill_process(pid, signal).expect("the signal is sent");
    }

    /// Waits for its end, leaving its standard input as it is.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let status = until("the end of the program", || self.child.try_wait().expect("its status"));
        for reader in self.readers.drain(..) {
            reader.join().expect("no reader died");
        }
        let stdout = std::mem::take(&mut *self.stdout.lock().expect("no reader died"));
        Ended { status, stdout, stderr: self.stderr() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A failed test must not leave it waiting for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(mut from: impl Read + Send + 'static, to: &Collected) -> JoinHandle<()> {
    let to = Arc::clone(to);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A pseudo-terminal ends with an error when its other side is closed.
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            to.lock().expect("no other reader died").extend_from_slice(&buffer[..n]);
        }
    })
}
