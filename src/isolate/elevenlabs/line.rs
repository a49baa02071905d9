//! The line to the service: TCP that listens while it sends, and tells a stall from a slow transfer.
//!
//! ureq sends a whole request before it reads. A server that refuses early (401, 413) and closes would so be
//! reported as a broken pipe. Here both ends of ureq's chain of transports are ours: [`Socket`] at the
//! bottom keeps the connection readable when the peer takes no more, also for TLS above it, which else
//! would insist on writing before it reads; [`Listening`] at the top looks for an answer between writes.
//! Both share a [`Line`] with the reader of the request's body, so that the rest of it is not sent.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

/// How long a write waits before it looks at the clock.
const TICK: Duration = Duration::from_millis(250);

/// Bytes that are sent or received at once.
pub(super) const SEND_BYTES: usize = 256 * 1024;
pub(super) const RECEIVE_BYTES: usize = 64 * 1024;

/// Bytes that the system may hold before they are on their way, where it can be told so: what has been taken
/// from us then has nearly been sent.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 128 * 1024;

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

/// How long an answer may take to be read that has come while nothing could be sent.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

/// Connects sockets at the bottom of the chain.
#[derive(Debug)]
pub(super) struct Sockets(pub Arc<Line>);

impl<In: Transport> Connector<In> for Sockets {
    type Out = Either<In, Socket>;

    fn connect(&self, to: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        // A proxy's connection is there already.
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        let stream = connect(&to.addrs, *to.timeout.after)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(TICK))?;
        // Where it is refused, more is buffered, and that is all.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        self.0.ours.store(true, Relaxed);
        let buffers = LazyBuffers::new(RECEIVE_BYTES, SEND_BYTES);
        Ok(Some(Either::B(Socket { stream, buffers, line: Arc::clone(&self.0) })))
    }
}

/// Tries one address after the other; each gets its share of the time that is left.
fn connect(addresses: &[SocketAddr], time: Duration) -> Result<TcpStream, Error> {
    let start = Instant::now();
    let mut last = Error::HostNotFound;
    for (tried, address) in addresses.iter().enumerate() {
        let left = time.saturating_sub(start.elapsed());
        let share = left / (addresses.len() - tried) as u32;
        if share.is_zero() {
            return Err(Error::Timeout(Timeout::Connect));
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => last = Error::Timeout(Timeout::Connect),
            Err(error) => last = Error::Io(error),
        }
    }
    Err(last)
}

/// A TCP connection.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    buffers: LazyBuffers,
    line: Arc<Line>,
}

impl Socket {
    /// Whether the peer, which takes nothing at the moment, has said why. What is encrypted may be something
    /// else, and is believed only when all `else_lost`.
    fn says_why(&self, else_lost: bool) -> bool {
        let mut start = [0; 512];
        // The timeout of reads is not touched: this does not wait.
        let peeked = self.stream.set_nonblocking(true).and_then(|()| self.stream.peek(&mut start));
        let restored = self.stream.set_nonblocking(false);
        let Ok(there) = peeked else { return false };
        let refused =
            if self.line.tls.load(Relaxed) { else_lost && there > 0 } else { is_refusal(&start[..there]) };
        restored.is_ok() && refused
    }
}

/// Whether the peer is gone, or takes no more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset | ConnectionAborted)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl Transport for Socket {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // TLS has kept the error of the last write to itself.
        if self.line.stalled.load(Relaxed) {
            return Err(Error::Timeout(Timeout::PerWrite));
        }
        let start = Instant::now();
        let mut moved = start;
        let mut sent = 0;
        while sent < amount && !self.line.deaf.load(Relaxed) {
            match self.stream.write(&self.buffers.output()[sent..amount]) {
                Ok(n) => {
                    sent += n;
                    moved = Instant::now();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => {
                    if start.elapsed() >= *timeout.after {
                        return Err(Error::Timeout(timeout.reason));
                    }
                    let stalled = moved.elapsed() >= self.line.stall;
                    if self.says_why(stalled) {
                        self.line.deaf.store(true, Relaxed);
                        if stalled {
                            // What is there may be no answer, and more of it has had its time.
                            self.line.wait_in_all(LAST_WORDS);
                        }
                    } else if stalled {
                        self.line.stalled.store(true, Relaxed);
                        return Err(Error::Timeout(Timeout::PerWrite));
                    }
                }
                // What the peer said before it left can still be read.
                Err(error) if is_gone(&error) => self.line.deaf.store(true, Relaxed),
                Err(error) => return Err(Error::Io(error)),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let glance = self.line.glance.load(Relaxed);
        let own = self.line.wait();
        let (wait, reason) =
            if *timeout.after < own { (*timeout.after, timeout.reason) } else { (own, Timeout::PerRead) };
        if wait.is_zero() && !glance {
            return Err(Error::Timeout(reason));
        }
        self.stream.set_nonblocking(glance)?;
        if !glance {
            self.stream.set_read_timeout(Some(wait))?;
        }
        let input = self.buffers.input_append_buf();
        let result = loop {
            match self.stream.read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        if glance {
            self.stream.set_nonblocking(false)?;
        }
        match result {
            Ok(amount) => {
                self.buffers.input_appended(amount);
                Ok(amount > 0)
            }
            Err(error) if is_timeout(&error) && !glance => Err(Error::Timeout(reason)),
            Err(error) => Err(Error::Io(error)),
        }
    }

    fn is_open(&mut self) -> bool {
        // Every attempt has a connection of its own.
        false
    }
}

/// Puts [`Listening`] on top of the chain.
#[derive(Debug)]
pub(super) struct Listen {
    pub line: Arc<Line>,
    /// There is a proxy on the way. The connection to it goes through the chain as well, and what comes on that
    /// is for the layer above.
    pub behind_proxy: bool,
}

impl<In: Transport> Connector<In> for Listen {
    type Out = Either<In, Listening<In>>;

    fn connect(&self, to: &ConnectionDetails, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let to_the_proxy = self.behind_proxy && to.config.proxy().is_none();
        Ok(chained.map(|inner| {
            if to_the_proxy {
                return Either::A(inner);
            }
            self.line.tls.store(inner.is_tls(), Relaxed);
            Either::B(Listening { inner, line: Arc::clone(&self.line) })
        }))
    }
}

/// A transport that looks for an answer before it sends more.
#[derive(Debug)]
pub(super) struct Listening<T> {
    inner: T,
    line: Arc<Line>,
}

impl<T: Transport> Listening<T> {
    /// Looks, without waiting, whether the service has refused the request already.
    fn listen(&mut self) {
        // A socket of ureq's own, behind a SOCKS proxy, cannot be glanced at. Where much has come, it is no
        // refusal, and a full buffer would look like a goodbye.
        if !self.line.ours.load(Relaxed) || self.inner.buffers().input().len() >= RECEIVE_BYTES / 2 {
            return;
        }
        self.line.glance.store(true, Relaxed);
        let result = self.inner.await_input(NextTimeout::default());
        self.line.glance.store(false, Relaxed);
        let over = match result {
            Ok(true) => {
                self.line.heard.store(true, Relaxed);
                is_refusal(self.inner.buffers().input())
            }
            // It said goodbye, and cannot answer any more.
            Ok(false) => true,
            // Nothing yet; and where the connection is broken, the next write finds it out.
            Err(_) => false,
        };
        if over {
            self.line.answered.store(true, Relaxed);
        }
    }
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

impl<T: Transport> Transport for Listening<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if !self.line.is_over() {
            self.listen();
        }
        if self.line.is_over() {
            return Ok(());
        }
        self.inner.transmit_output(amount, timeout)?;
        if self.line.stalled.load(Relaxed) {
            return Err(Error::Timeout(Timeout::PerWrite));
        }
        if self.line.given.load(Relaxed) && !self.line.is_over() {
            self.line.sent.store(true, Relaxed);
            self.line.wait_in_all(self.line.reply);
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        // ureq has not seen what is in its buffer already, and would wait for more.
        if self.line.heard.swap(false, Relaxed) && !self.inner.buffers().input().is_empty() {
            return Ok(true);
        }
        // An answer that came early comes to its end soon, or never.
        if self.line.is_over() && self.line.deadline.load(Relaxed) == FOREVER {
            self.line.wait_in_all(self.line.reply);
        }
        let result = self.inner.await_input(timeout);
        if let Err(Error::Io(error)) = &result
            && (is_gone(error) || error.kind() == io::ErrorKind::UnexpectedEof)
        {
            self.line.cut.store(true, Relaxed);
        }
        result
    }

    fn is_open(&mut self) -> bool {
        false
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
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
