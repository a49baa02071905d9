//! A service that misbehaves: a raw TCP server, also under TLS. Every connection is played by a closure, step
//! by step, so that it can answer too early, stop in the middle, or leave without a word.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::child::PATIENCE;

/// An API key that nothing else looks like.
pub const KEY: &str = "sk_0123456789-never-show-this-to-anybody";

/// How a connection is played. An error is a client that has left, or that did nothing for too long, and ends
/// the play; what it was is shown when the test fails.
type Play = dyn Fn(&mut Connection) -> io::Result<()> + Send + Sync;

/// A server on this machine.
pub struct Server {
    address: SocketAddr,
    encryption: Option<Encryption>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A certificate for this server, and the one of the authority that signed it, as a file.
struct Encryption {
    config: Arc<ServerConfig>,
    folder: TempDir,
}

/// What the server, its connections and the test know together.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    log: Vec<String>,
    /// Connections that were made.
    connections: usize,
    /// Connections of our own, by their address, that have not come up yet.
    markers: BTreeSet<SocketAddr>,
    /// The sockets of the open ones, with their numbers.
    sockets: Vec<(usize, Arc<TcpStream>)>,
    /// The test has told to go on.
    told: bool,
    /// The test has ended.
    over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until `seen`, the end of the test, or for so long at most.
    fn wait(&self, most: Duration, seen: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), most, |state| !state.over && !seen(state));
        drop(waited);
    }
}

/// A request as it came: as much of it as was read.
#[derive(Debug, Clone)]
pub struct Request {
    /// On which connection; the first one is 1.
    pub connection: usize,
    /// When its head was complete.
    pub at: Instant,
    /// The request line and the headers.
    pub head: String,
    /// The body, without the frames of its chunks.
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut headers = lines.filter_map(|line| line.split_once(':'));
        headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl Server {
    /// A server that speaks in clear.
    pub fn plain(play: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::start(None, Box::new(play))
    }

    /// A server under TLS, as `localhost`.
    pub fn tls(play: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::certified("localhost", play)
    }

    /// A server under TLS with a certificate for this name.
    pub fn certified(
        name: &str,
        play: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(Encryption::of(name)), Box::new(play))
    }

    /// One in clear or one under TLS.
    pub fn either(
        tls: bool,
        play: impl Fn(&mut Connection) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        if tls { Self::tls(play) } else { Self::plain(play) }
    }

    fn start(encryption: Option<Encryption>, play: Box<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::<Shared>::default();
        let thread = thread::spawn({
            let (shared, config) =
                (Arc::clone(&shared), encryption.as_ref().map(|it| Arc::clone(&it.config)));
            move || accept(&listener, config.as_ref(), &shared, &*play)
        });
        Self { address, encryption, shared, thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        match &self.encryption {
            Some(_) => format!("https://localhost:{}", self.port()),
            None => format!("http://127.0.0.1:{}", self.port()),
        }
    }

    /// What the program has to find in its environment to come here and to trust it.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = vec![("ELEVENLABS_API_KEY", KEY.to_owned()), ("ELEVENLABS_BASE_URL", self.url())];
        if let Some(encryption) = &self.encryption {
            let path = encryption.folder.path().join(CA).to_string_lossy().into_owned();
            env.push(("SSL_CERT_FILE", path));
        }
        env
    }

    /// Lets connections that wait in [`Connection::until_told`] go on.
    pub fn tell(&self) {
        self.shared.state().told = true;
        self.shared.changed.notify_all();
    }

    /// All requests up to now, the first one first.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// How many bytes of bodies have been read up to now.
    pub fn received(&self) -> usize {
        self.shared.state().requests.iter().map(|request| request.body.len()).sum()
    }

    /// Expects so many connections and so many requests on them, up to now.
    #[track_caller]
    pub fn saw(&self, connections: usize, requests: usize) {
        // Connections come up in the order in which they were made: those before our own have done so.
        let marker = {
            let mut state = self.shared.state();
            let marker = TcpStream::connect(self.address).expect("a connection");
            state.markers.insert(marker.local_addr().expect("its address"));
            marker
        };
        self.shared.wait(PATIENCE, |state| state.markers.is_empty());
        drop(marker);
        let state = self.shared.state();
        assert_eq!(
            (state.connections, state.requests.len()),
            (connections, requests),
            "connections and requests; {:#?}",
            state.log
        );
    }

    /// What ended the plays that did not come to their end.
    fn log(&self) -> Vec<String> {
        self.shared.state().log.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.over = true;
            for (_, socket) in &state.sockets {
                let _ = socket.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().map(JoinHandle::join);
        if thread::panicking() {
            eprintln!("the server at {}: {:#?}", self.address, self.log());
        } else if let Some(Err(reason)) = ended {
            std::panic::resume_unwind(reason);
        }
    }
}

/// The file with the authority's certificate.
const CA: &str = "ca.pem";

impl Encryption {
    fn of(name: &str) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key"))
            .expect("the certificate of an authority");
        let key = KeyPair::generate().expect("a key");
        let certificate = CertificateParams::new([name.to_owned()])
            .and_then(|params| params.signed_by(&key, &authority))
            .expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .expect("a certificate that fits its key");
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join(CA), authority.pem()).expect("a file");
        Self { config: Arc::new(config), folder }
    }
}

fn accept(listener: &TcpListener, config: Option<&Arc<ServerConfig>>, shared: &Shared, play: &Play) {
    thread::scope(|scope| {
        for stream in listener.incoming() {
            let stream = Arc::new(stream.expect("a connection"));
            let number = {
                let mut state = shared.state();
                if state.over {
                    break;
                }
                if stream.peer_addr().is_ok_and(|address| state.markers.remove(&address)) {
                    shared.changed.notify_all();
                    continue;
                }
                state.connections += 1;
                let number = state.connections;
                state.sockets.push((number, Arc::clone(&stream)));
                number
            };
            scope.spawn(move || serve(stream, number, config, shared, play));
        }
    });
}

fn serve(
    stream: Arc<TcpStream>,
    number: usize,
    config: Option<&Arc<ServerConfig>>,
    shared: &Shared,
    play: &Play,
) {
    let wire = Wire { stream, deadline: Instant::now() + PATIENCE };
    wire.stream.set_nodelay(true).expect("no delay");
    let stream = match config {
        Some(config) => {
            let tls = ServerConnection::new(Arc::clone(config)).expect("TLS");
            Stream::Tls(Box::new(StreamOwned::new(tls, wire)))
        }
        None => Stream::Plain(wire),
    };
    let mut connection = Connection { number, stream, request: None, shared, rude: false };
    let played = play(&mut connection);
    if played.is_ok() && !connection.rude {
        connection.goodbye();
    }
    let mut state = shared.state();
    if let Err(error) = played {
        state.log.push(format!("connection {number}: {error}"));
    }
    // The last handle but one: the socket is closed when the connection is dropped.
    state.sockets.retain(|(of, _)| *of != number);
}

/// A socket on which nothing lasts for ever.
struct Wire {
    stream: Arc<TcpStream>,
    deadline: Instant,
}

impl Wire {
    fn left(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Wire {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        (&*self.stream).read(buf)
    }
}

impl Write for Wire {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        (&*self.stream).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Stream {
    Plain(Wire),
    Tls(Box<StreamOwned<ServerConnection, Wire>>),
}

impl Stream {
    fn wire(&self) -> &Wire {
        match self {
            Self::Plain(wire) => wire,
            Self::Tls(tls) => tls.get_ref(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.read(buf),
            Self::Tls(tls) => tls.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.write(buf),
            Self::Tls(tls) => tls.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(wire) => wire.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// One connection. When its play ends it is closed, under TLS with the goodbye that is due; and where the
/// client has sent what was not read, the system makes that a reset.
pub struct Connection<'a> {
    /// The first one is 1.
    pub number: usize,
    stream: Stream,
    /// Which request it is on, in the list of all.
    request: Option<usize>,
    shared: &'a Shared,
    rude: bool,
}

impl Connection<'_> {
    /// Reads the head of a request, and not a byte more.
    pub fn head(&mut self) -> io::Result<Request> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.byte()?);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let request = Request { connection: self.number, at: Instant::now(), head, body: Vec::new() };
        let mut state = self.shared.state();
        self.request = Some(state.requests.len());
        state.requests.push(request.clone());
        Ok(request)
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.stream.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// Reads so many bytes of the body.
    pub fn some(&mut self, mut bytes: usize) -> io::Result<()> {
        let mut block = vec![0; 64 * 1024];
        while bytes > 0 {
            let wanted = bytes.min(block.len());
            let read = self.stream.read(&mut block[..wanted])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.keep(&block[..read]);
            bytes -= read;
        }
        Ok(())
    }

    fn keep(&self, bytes: &[u8]) {
        let mut state = self.shared.state();
        let request = self.request.expect("the head was read before the body");
        state.requests[request].body.extend_from_slice(bytes);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// What the header announces of the body and has not been read; `None` where it comes in chunks.
    fn missing(&self) -> Option<usize> {
        let state = self.shared.state();
        let request = &state.requests[self.request.expect("the head was read before the body")];
        let announced: usize = request.header("content-length")?.parse().expect("a length");
        Some(announced - request.body.len())
    }

    /// Reads the rest of the body, whatever frames it has.
    pub fn body(&mut self) -> io::Result<()> {
        if let Some(missing) = self.missing() {
            return self.some(missing);
        }
        loop {
            let mut line = Vec::new();
            while !line.ends_with(b"\r\n") {
                line.push(self.byte()?);
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            let len = usize::from_str_radix(line.trim_end(), 16).expect("the length of a chunk");
            self.some(len)?;
            assert_eq!((self.byte()?, self.byte()?), (b'\r', b'\n'), "the end of a chunk");
            if len == 0 {
                return Ok(());
            }
        }
    }

    /// Reads head and body of a request.
    pub fn request(&mut self) -> io::Result<Request> {
        let head = self.head()?;
        self.body()?;
        Ok(head)
    }

    /// Reads the body without its last byte, and waits for that: the client has sent everything, but to close
    /// now is a reset. In clear only, as TLS reads ahead.
    pub fn body_but_one_byte(&mut self) -> io::Result<()> {
        let missing = self.missing().expect("an announced length");
        self.some(missing - 1)?;
        self.pending()
    }

    /// Reads so many bytes that are no HTTP.
    pub fn take(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut taken = vec![0; bytes];
        self.stream.read_exact(&mut taken)?;
        Ok(taken)
    }

    /// Waits until there is something to read, without reading it.
    pub fn pending(&mut self) -> io::Result<()> {
        let wire = self.stream.wire();
        wire.stream.set_read_timeout(wire.left()?)?;
        match wire.stream.peek(&mut [0])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads, and forgets, all that comes until the client leaves. Returns the number of bytes.
    pub fn drain(&mut self) -> usize {
        let mut block = vec![0; 64 * 1024];
        let mut drained = 0;
        while let Ok(read @ 1..) = self.stream.read(&mut block) {
            drained += read;
        }
        drained
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Does nothing, and reads nothing, until the test has ended.
    pub fn hold(&mut self) -> io::Result<()> {
        let left = self.stream.wire().deadline.saturating_duration_since(Instant::now());
        self.shared.wait(left, |_| false);
        Ok(())
    }

    /// Does nothing until [`Server::tell`].
    pub fn until_told(&mut self) {
        let left = self.stream.wire().deadline.saturating_duration_since(Instant::now());
        self.shared.wait(left, |state| state.told);
    }

    /// Does nothing for so long: for a service that is slow.
    pub fn pace(&mut self, time: Duration) {
        self.shared.wait(time, |_| false);
    }

    /// Ends with a reset instead of a goodbye, in the middle of what the client sends.
    pub fn reset(&mut self) -> io::Result<()> {
        self.rude = true;
        self.pending()
    }

    /// Ends without the goodbye of TLS.
    pub fn cut(&mut self) -> io::Result<()> {
        self.rude = true;
        Ok(())
    }

    /// Says goodbye, and can still read.
    pub fn half_close(&mut self) {
        self.goodbye();
        let _ = self.stream.wire().stream.shutdown(Shutdown::Write);
    }

    fn goodbye(&mut self) {
        if let Stream::Tls(tls) = &mut self.stream {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    }

    /// As a proxy: passes everything on, both ways, until one of the two leaves.
    pub fn relay(&mut self, to: SocketAddr) -> io::Result<()> {
        let here = self.stream.wire();
        let there = Arc::new(TcpStream::connect(to)?);
        there.set_nodelay(true)?;
        for stream in [&here.stream, &there] {
            stream.set_read_timeout(here.left()?)?;
            stream.set_write_timeout(here.left()?)?;
        }
        self.shared.state().sockets.push((self.number, Arc::clone(&there)));
        let here = &*here.stream;
        thread::scope(|scope| {
            scope.spawn(|| {
                let _ = io::copy(&mut &*here, &mut &*there);
                let _ = there.shutdown(Shutdown::Both);
            });
            let orderly = io::copy(&mut &*there, &mut &*here).is_ok();
            let _ = here.shutdown(if orderly { Shutdown::Write } else { Shutdown::Both });
        });
        Ok(())
    }
}

/// An answer with its length.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len().to_string();
    let headers: Vec<_> = headers.iter().copied().chain([("Content-Length", length.as_str())]).collect();
    let mut answer = head(status, &headers);
    answer.extend_from_slice(body);
    answer
}

/// The head of an answer.
pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} So\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// A piece of a body that is sent in chunks; an empty one ends it.
pub fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}
