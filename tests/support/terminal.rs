//! A pseudo-terminal to run the program on.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::child::{command, until};
use crate::support::Bench;

/// A pseudo-terminal. What is written to it is collected.
pub struct Terminal {
    /// Where programs are. Held open, so that the terminal stays when a program ends.
    held: File,
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    pub fn new() -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("its other side");
        let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).expect("its size");
        let name = ptsname(&controller, Vec::new()).expect("its name");
        let side = PathBuf::from(OsStr::from_bytes(name.to_bytes()));
        let held = Self::open(&side);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (File::from(controller), Arc::clone(&shown));
        let keys = from.try_clone().expect("one more handle");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = from.read(&mut buffer) {
                to.lock().expect("no other reader died").extend_from_slice(&buffer[..n]);
            }
        });
        Self { held, keys, shown }
    }

    fn open(side: &Path) -> File {
        // It must not become the terminal that controls the tests.
        let flags = OpenptFlags::NOCTTY.bits().cast_signed();
        OpenOptions::new().read(true).write(true).custom_flags(flags).open(side).expect("the terminal")
    }

    pub fn stdio(&self) -> Stdio {
        Stdio::from(self.held.try_clone().expect("one more handle"))
    }

    /// Presses keys.
    pub fn press(&self, keys: &str) {
        (&self.keys).write_all(keys.as_bytes()).expect("the keys");
    }

    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("the reader lives")).into_owned()
    }

    /// Everything that programs have written up to now.
    #[track_caller]
    pub fn all(&self) -> String {
        // What comes behind it has been read when the mark has been.
        const MARK: &str = "<end of test>";
        (&self.held).write_all(MARK.as_bytes()).expect("the mark");
        until("the mark", || self.shown().split_once(MARK).map(|(before, _)| before.to_owned()))
    }
}

/// The program with standard error on a terminal that can draw.
pub fn on_terminal(bench: &Bench, terminal: &Terminal, args: &[&str]) -> Command {
    let mut run = command(&bench.path(""), args);
    run.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(terminal.stdio());
    run
}
