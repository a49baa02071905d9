//! The line to the service: TCP that listens while it sends, and tells a stall from a slow transfer.
//!
//! ureq sends a whole request before it reads. A server that refuses early (401, 413) and closes would so be
//! reported as a broken pipe. Here both ends of ureq's chain of transports are ours: [`socket`] at the
//! bottom keeps the connection readable when the peer takes no more, also for TLS above it, which else
//! would insist on writing before it reads; [`listening`] at the top looks for an answer between writes.
//! Both share a [`Line`] with the reader of the request's body, so that the rest of it is not sent.

mod listening;
mod socket;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

pub(super) use listening::Listen;
pub(super) use socket::Sockets;

/// Bytes that are sent or received at once.
pub(super) const SEND_BYTES: usize = 256 * 1024;
pub(super) const RECEIVE_BYTES: usize = 64 * 1024;

/// What the parts of one attempt know of each other.
#[derive(Debug)]
pub(super) struct Line {
    begun: Instant,
    /// How long no byte may move.
    stall: Duration,
    /// How long to wait for the reply.
    reply: Duration,
    /// How long a read waits at most, in milliseconds.
    patience: AtomicU64,
    /// When reading ends, in milliseconds since `begun`.
    deadline: AtomicU64,
    /// The socket is ours: it can be glanced at.
    ours: AtomicBool,
    /// What goes through the socket is encrypted.
    tls: AtomicBool,
    /// The body has been handed out to its end.
    given: AtomicBool,
    /// All of the request has been handed to the system.
    sent: AtomicBool,
    /// The service has refused the request before that, or closed the connection: nothing more is sent.
    answered: AtomicBool,
    /// What came before that has not been looked at by ureq.
    heard: AtomicBool,
    /// The peer takes no more: what is written is thrown away.
    deaf: AtomicBool,
    /// A write gave up. TLS keeps such an error for its next write, so that it is remembered here.
    stalled: AtomicBool,
    /// The connection ended without ceremony while something was received.
    cut: AtomicBool,
    /// The next read only looks whether there is something.
    glance: AtomicBool,
}

/// No limit, in milliseconds.
const FOREVER: u64 = u64::MAX;

/// The longest wait that systems take, or more than anybody asks for.
const LONGEST: Duration = Duration::from_hours(7 * 24);

impl Line {
    /// A line that is given up when no byte moves for `stall`, but waits for the reply for `reply`.
    pub(super) fn new(stall: Duration, reply: Duration) -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            stall,
            reply,
            patience: AtomicU64::new(FOREVER),
            deadline: AtomicU64::new(FOREVER),
            ours: AtomicBool::new(false),
            tls: AtomicBool::new(false),
            given: AtomicBool::new(false),
            sent: AtomicBool::new(false),
            answered: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            deaf: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            glance: AtomicBool::new(false),
        })
    }

    /// From now on all reads together wait so long, however much comes meanwhile.
    pub(super) fn wait_in_all(&self, time: Duration) {
        self.deadline.store(milliseconds(self.begun.elapsed() + time), Relaxed);
    }

    /// From now on a read waits no longer than anything may stand still, but as often as something comes.
    pub(super) fn wait_for_stalls(&self) {
        self.patience.store(milliseconds(self.stall), Relaxed);
        self.deadline.store(FOREVER, Relaxed);
    }

    /// How long the next read may wait.
    fn wait(&self) -> Duration {
        let left = self.deadline.load(Relaxed).saturating_sub(milliseconds(self.begun.elapsed()));
        Duration::from_millis(left.min(self.patience.load(Relaxed))).min(LONGEST)
    }

    /// The body has been handed out to its end.
    pub(super) fn given(&self) {
        self.given.store(true, Relaxed);
    }

    /// Whether it is no use to send more.
    pub(super) fn is_over(&self) -> bool {
        self.answered.load(Relaxed) || self.deaf.load(Relaxed)
    }

    /// Whether the service may have all of the request.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.load(Relaxed)
    }

    /// Whether the connection ended without ceremony while something was received.
    pub(super) fn is_cut(&self) -> bool {
        self.cut.load(Relaxed)
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(FOREVER)
}

/// Whether an answer has begun that ends the exchange. Interim answers (1xx) do not, and a success may
/// well begin before the end of the upload.
fn is_refusal(mut input: &[u8]) -> bool {
    const END: &[u8] = b"\r\n\r\n";
    let class = |input: &[u8]| input.get(9).copied().filter(|_| input.starts_with(b"HTTP/1."));
    while class(input) == Some(b'1')
        && let Some(end) = input.windows(END.len()).position(|window| window == END)
    {
        input = &input[end + END.len()..];
    }
    class(input).is_some_and(|class| (b'3'..=b'5').contains(&class))
}

/// Whether the peer is gone, or takes no more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted)
}

#[cfg(test)]
mod tests {
    use super::is_refusal;

    #[test]
    fn only_a_final_refusal_ends_an_upload() {
        assert!(is_refusal(b"HTTP/1.1 401 Unauthorized\r\n"));
        assert!(is_refusal(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too large\r\n"));
        assert!(!is_refusal(b"HTTP/1.1 100 Continue\r\n\r\n"));
        assert!(!is_refusal(b"HTTP/1.1 103 Early Hints\r\nLink: </401>\r\n"));
        assert!(!is_refusal(b"HTTP/1.1 200 OK\r\n"));
        assert!(!is_refusal(b"HTTP/1.1 "));
        assert!(!is_refusal(b""));
    }
}
