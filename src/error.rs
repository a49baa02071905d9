//! What can go wrong, in one table: the kind of a failure decides the exit code.
//!
//! Every failure carries a hint, because a message that does not say what to do next is half a message.

use std::io;

use crate::exchange::Exchange;

/// The kinds of failure that a caller, a script or an exit code tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command as given cannot be carried out: found before any work.
    Usage,
    /// The input cannot be read or is not acceptable audio.
    Input,
    /// There is no API key, or the service does not accept it.
    Key,
    /// The API key or its plan lacks a right.
    Permission,
    /// The account has no credits left.
    Credits,
    /// The service refuses the request as such.
    Request,
    /// The service has had too many requests.
    RateLimit,
    /// The service is in trouble, or answers with something that is no answer.
    Service,
    /// The service was not reached, or the connection broke before the upload was complete.
    Network,
    /// The upload was complete, but the reply was lost: it may have been billed.
    Lost,
    /// The output cannot be written.
    Output,
    /// Whoever read our standard output has seen enough (`voxsift … | head`); not a failure to report.
    ReaderLeft,
    /// The program itself is at fault. This one is the last.
    Internal,
}

impl Kind {
    /// All of them. The length is wrong as long as one is missing.
    pub const ALL: [Self; Self::Internal as usize + 1] = [
        Self::Usage,
        Self::Input,
        Self::Key,
        Self::Permission,
        Self::Credits,
        Self::Request,
        Self::RateLimit,
        Self::Service,
        Self::Network,
        Self::Lost,
        Self::Output,
        Self::ReaderLeft,
        Self::Internal,
    ];

    /// The exit code for this kind, as documented in `--help`.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ReaderLeft => 0,
            Self::Output | Self::Internal => 1,
            Self::Usage => 2,
            Self::Key | Self::Permission | Self::Credits => 3,
            Self::Input | Self::Request => 4,
            Self::RateLimit | Self::Service | Self::Network | Self::Lost => 5,
        }
    }

    /// The word for this kind in `--json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Input => "input",
            Self::Key => "key",
            Self::Permission => "permission",
            Self::Credits => "credits",
            Self::Request => "request",
            Self::RateLimit => "rate-limit",
            Self::Service => "service",
            Self::Network => "network",
            Self::Lost => "lost",
            Self::Output => "output",
            Self::ReaderLeft => "reader-left",
            Self::Internal => "internal",
        }
    }
}

/// The exit code when several recordings ended in different ways.
pub const EXIT_MIXED: u8 = 1;

/// The exit code after SIGINT, SIGTERM, SIGHUP or SIGQUIT.
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
    /// The next one would fail in the same way: a full disk, a key that is refused, an empty account.
    pub stops: bool,
    /// The work is done and not lost: the hint says where it is.
    pub saved: bool,
    /// What passed between us and a service before it failed.
    pub exchange: Option<Box<Exchange>>,
}

impl Failure {
    /// A failure of the given kind.
    pub fn new(kind: Kind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        let stops = matches!(kind, Kind::Key | Kind::Credits);
        Self { kind, message: message.into(), hint: hint.into(), stops, saved: false, exchange: None }
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

    /// Standard output could not be written to: where its reader has left, that is no failure to report.
    #[must_use]
    pub fn printing(error: &io::Error) -> Self {
        let failure = Self::writing(error);
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { kind: Kind::ReaderLeft, ..failure },
            _ => failure,
        }
    }

    /// The same, with the name of what it is about before its reason.
    #[must_use]
    pub fn about(self, name: impl std::fmt::Display) -> Self {
        Self { message: format!("{name}: {}", self.message), ..self }
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
        let stops = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
        );
        Self { stops, ..Self::output(plain(error), hint) }
    }
}

/// The operating system's reason in lower case and without the code in brackets that `io::Error` adds.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}
