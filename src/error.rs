//! What can go wrong, in one table: the kind of a failure decides the exit code.
//!
//! Every failure carries a hint, because a message that does not say what to do next is half a message.

use std::io;
use std::path::Path;

/// The kinds of failure that a caller, a script or an exit code tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command as given cannot be carried out: found before any work.
    Usage,
    /// The input cannot be read or is not acceptable audio.
    Input,
    /// The output cannot be written.
    Output,
    /// Whoever read our standard output has seen enough (`voxsift … | head`); not a failure to report.
    ReaderLeft,
    /// The program itself is at fault.
    Internal,
}

impl Kind {
    /// The exit code for this kind, as documented in `--help`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ReaderLeft => 0,
            Self::Output | Self::Internal => 1,
            Self::Usage => 2,
            Self::Input => 4,
        }
    }

    /// The word for this kind in `--json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Input => "input",
            Self::Output => "output",
            Self::ReaderLeft => "reader-left",
            Self::Internal => "internal",
        }
    }
}

/// The exit code after SIGINT, SIGTERM or SIGHUP.
pub const EXIT_INTERRUPTED: i32 = 130;

/// A failure with the reason and what to do about it. The file it is about is named by the reporter.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Decides the exit code.
    pub kind: Kind,
    /// The reason, without the name of the file and without a final full stop.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: hint.into() }
    }

    /// The command line asks for something that cannot be done.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message, hint)
    }

    /// The input is not acceptable.
    pub fn input(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Input, message, hint)
    }

    /// The output cannot be written.
    pub fn output(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(Kind::Output, message, hint)
    }

    /// Our own mistake: a state that the code believes impossible.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(
            Kind::Internal,
            message,
            "this is a bug in voxsift; please report it with the command you ran",
        )
    }

    /// The input could not be opened or read.
    #[must_use]
    pub fn reading(error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "check the path; relative paths start at the current directory",
            io::ErrorKind::PermissionDenied => "make the file readable, for example with chmod u+r",
            io::ErrorKind::IsADirectory => "name the files in it, for example with a shell loop",
            _ => "check the disk or the program that writes to the pipe, then run the command again",
        };
        Self::input(plain(error), hint)
    }

    /// The output could not be opened, written or renamed.
    #[must_use]
    pub fn writing(error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "make the directory first, for example with mkdir -p",
            io::ErrorKind::PermissionDenied => "choose another place with -o, or make the directory writable",
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "free some space, or choose another place with -o"
            }
            io::ErrorKind::ReadOnlyFilesystem => "choose another place with -o",
            io::ErrorKind::BrokenPipe => "the program that reads the output has ended",
            _ => "check the disk that the output is on, then run the command again",
        };
        Self::output(plain(error), hint)
    }
}

/// A path as a shell takes it, for commands in hints.
#[must_use]
pub fn shell_quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_alphanumeric() || "._-/+,:@%=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    let start = if text.starts_with('-') { "./" } else { "" };
    format!("'{start}{}'", text.replace('\'', r"'\''"))
}

/// The operating system's reason in lower case and without the code in brackets that `io::Error` adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
