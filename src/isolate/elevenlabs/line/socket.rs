//! The bottom of the chain: TCP that stays readable when the peer takes no more, and knows a stall from a slow transfer.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
};
use ureq::{Error, Timeout};

use super::{Line, RECEIVE_BYTES, SEND_BYTES, is_gone, is_refusal};

/// How long a write waits before it looks at the clock.
const TICK: Duration = Duration::from_millis(250);

/// Bytes that the system may hold before they are on their way, where it can be told so: what has been taken
/// from us then has nearly been sent.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT_BYTES: u32 = 128 * 1024;

/// How long an answer may take to be read that has come while nothing could be sent.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Connects sockets at the bottom of the chain.
#[derive(Debug)]
pub(in super::super) struct Sockets(pub Arc<Line>);

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
pub(in super::super) struct Socket {
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
