//! The top of the chain: looks for an answer between writes.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, Either, NextTimeout, Transport};
use ureq::{Error, Timeout};

use super::{FOREVER, Line, RECEIVE_BYTES, is_gone, is_refusal};

/// Puts [`Listening`] on top of the chain.
#[derive(Debug)]
pub(in super::super) struct Listen {
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
pub(in super::super) struct Listening<T> {
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
