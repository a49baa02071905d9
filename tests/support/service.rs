//! The service, played by mockito: it answers as it is told, and keeps what it is sent.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Condvar, Mutex};

use base64::prelude::{BASE64_STANDARD, Engine};
use mockito::{Matcher, Server, ServerOpts};
use serde_json::Value;

use crate::child::PATIENCE;
use crate::support::{Bench, Run, fixture};

/// An API key that nothing else looks like.
pub const KEY: &str = "sk_5a1e9c7d3b-Test.KEY+/=~!";

/// Where recordings are sent.
pub const ENDPOINT: &str = "/v1/audio-isolation";

/// The voice that the service gives back: 5.1 s of MP3, stereo at 44.1 kHz.
pub fn voice() -> Vec<u8> {
    let frames = fs::read(fixture("tagless.mp3")).expect("the fixture").repeat(15);
    [&b"ID3\x04\0\0\0\0\0\0"[..], &frames].concat()
}

/// Frames of the voice: each file of the 15 has 13 frames of MP3.
pub const VOICE_FRAMES: usize = 15 * 13 * 1152;

/// What the service answers.
#[derive(Clone)]
pub struct Reply {
    status: usize,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    gate: Option<Arc<Gate>>,
}

impl Reply {
    /// The voice.
    pub fn voice() -> Self {
        Self::of(200, "audio/mpeg", voice())
    }

    pub fn of(status: usize, content_type: &str, body: impl AsRef<[u8]>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: body.as_ref().to_vec(), gate: None }
    }

    pub fn json(status: usize, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string())
    }

    /// One more header.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Whether it says to be plain text.
    pub fn is_plain(&self) -> bool {
        self.headers.iter().any(|(name, value)| *name == "content-type" && value == "text/plain")
    }

    /// Comes only when the gate is open.
    pub fn behind(mut self, gate: &Arc<Gate>) -> Self {
        self.gate = Some(Arc::clone(gate));
        self
    }
}

/// Holds a reply back.
#[derive(Default)]
pub struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub fn open(&self) {
        *self.open.lock().expect("nobody died") = true;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let open = self.open.lock().expect("nobody died");
        drop(self.changed.wait_timeout_while(open, PATIENCE, |open| !*open).expect("nobody died"));
    }
}

/// A service on this machine.
pub struct Service {
    server: Server,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Service {
    /// Gives the voice to everybody.
    pub fn new() -> Self {
        Self::answering([Reply::voice()])
    }

    /// Gives these answers, one after the other, and the last one for ever.
    pub fn answering(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::start(ServerOpts::default(), replies)
    }

    /// Gives the voice to everybody who comes to this address, where it is one of this machine.
    pub fn at(host: &'static str) -> Option<Self> {
        TcpListener::bind((host, 0)).ok()?;
        Some(Self::start(ServerOpts { host, ..ServerOpts::default() }, [Reply::voice()]))
    }

    fn start(place: ServerOpts, replies: impl IntoIterator<Item = Reply>) -> Self {
        // Not from the pool: a request that was left unfinished must not get to another test.
        let mut server = Server::new_with_opts(place);
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        for Reply { status, headers, body, gate } in replies {
            let requests = Arc::clone(&requests);
            let mut mock = server.mock("POST", Matcher::Any).with_body(body);
            for (name, value) in headers {
                mock = mock.with_header(name, &value);
            }
            mock.with_status_code_from_request(move |request| {
                requests.lock().expect("nobody died").push(Request::of(request));
                if let Some(gate) = &gate {
                    gate.pass();
                }
                status
            })
            .create();
        }
        Self { server, requests }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What the program has to find in its environment to come here.
    pub fn env(&self) -> [(&'static str, String); 2] {
        [("ELEVENLABS_API_KEY", KEY.to_owned()), ("ELEVENLABS_BASE_URL", self.url())]
    }

    /// The program in this environment.
    pub fn voxsift(&self, bench: &Bench, args: &[&str]) -> Run {
        self.env().iter().fold(bench.voxsift(args), |run, (name, value)| run.env(name, value))
    }

    /// All requests up to now, the first one first.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("nobody died").clone()
    }

    /// The only request.
    #[track_caller]
    pub fn request(&self) -> Request {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "one request");
        requests.remove(0)
    }

    /// Expects that nothing was asked.
    #[track_caller]
    pub fn is_untouched(&self) {
        let requests = self.requests();
        assert!(requests.is_empty(), "{} requests, the first to {}", requests.len(), requests[0].path);
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    fn of(request: &mockito::Request) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            path: request.path_and_query().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: request.body().expect("a whole body").clone(),
        }
    }

    /// The value of a header that may be there once.
    #[track_caller]
    pub fn find(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "{name} is there twice: {:?}", self.headers);
        value
    }

    /// The value of a header that is there once.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.find(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    /// The boundary between the parts of the body.
    #[track_caller]
    pub fn boundary(&self) -> &str {
        let boundary =
            self.header("content-type").strip_prefix("multipart/form-data; boundary=").expect("a form");
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!((8..=70).contains(&boundary.len()) && boundary.bytes().all(plain), "{boundary:?}");
        boundary
    }

    /// The form in the body, which has to be exactly as the service is known to want it.
    #[track_caller]
    pub fn form(&self) -> Form {
        match (self.find("content-length"), self.find("transfer-encoding")) {
            (Some(length), None) => assert_eq!(length, self.body.len().to_string(), "the announced length"),
            (None, Some(encoding)) => assert_eq!(encoding, "chunked"),
            other => panic!("either a length or chunks: {other:?}"),
        }
        let mut parts = split(&self.body, self.boundary());
        let audio = parts.pop().expect("a part");
        let mut texts = parts.into_iter().map(|part| {
            assert!(part.file.is_none(), "{} is text", part.name);
            (part.name, String::from_utf8(part.content).expect("text"))
        });
        let (name, file_format) = texts.next().expect("two parts at least");
        assert_eq!((name.as_str(), audio.name.as_str()), ("file_format", "audio"), "the order of the parts");
        let preview = texts.next().map(|(name, text)| {
            assert_eq!(name, "preview_b64");
            BASE64_STANDARD.decode(text).expect("base64")
        });
        assert!(texts.next().is_none(), "three parts at most");
        let (file_name, content_type) = audio.file.expect("audio is a file");
        Form { file_format, preview, file_name, content_type, audio: audio.content }
    }
}

/// What the service understands of a request.
#[derive(Clone, PartialEq)]
pub struct Form {
    pub file_format: String,
    pub preview: Option<Vec<u8>>,
    /// As it is in the header, with its escapes.
    pub file_name: String,
    pub content_type: String,
    pub audio: Vec<u8>,
}

impl Form {
    /// Expects exactly this upload.
    #[track_caller]
    pub fn is(&self, file_format: &str, content_type: &str, audio: &[u8]) {
        assert_eq!(
            (self.file_format.as_str(), self.content_type.as_str(), self.audio.len()),
            (file_format, content_type, audio.len()),
            "format, type and length of {}",
            self.file_name
        );
        let differs = self.audio.iter().zip(audio).position(|(sent, meant)| sent != meant);
        assert_eq!(differs, None, "where the bytes of {} differ", self.file_name);
    }

    /// Expects the upload of these samples.
    #[track_caller]
    pub fn is_samples(&self, samples: &[u8]) {
        self.is("pcm_s16le_16", "application/octet-stream", samples);
    }
}

struct Part {
    name: String,
    /// Name and Content-Type, for a file.
    file: Option<(String, String)>,
    content: Vec<u8>,
}

/// Takes a multipart body apart. Everything that is not exactly as expected is a panic.
#[track_caller]
fn split(body: &[u8], boundary: &str) -> Vec<Part> {
    let end = format!("\r\n--{boundary}");
    let shown = || String::from_utf8_lossy(&body[..body.len().min(1000)]).into_owned();
    let mut rest = body.strip_prefix(&end.as_bytes()[2..]).unwrap_or_else(|| panic!("{:?}", shown()));
    let mut parts = Vec::new();
    while rest != b"--\r\n" {
        let begun =
            rest.strip_prefix(b"\r\n").unwrap_or_else(|| panic!("part {}: {:?}", parts.len(), shown()));
        let len = find(begun, end.as_bytes()).unwrap_or_else(|| panic!("no end: {:?}", shown()));
        parts.push(Part::parse(&begun[..len]));
        rest = &begun[len + end.len()..];
    }
    parts
}

impl Part {
    #[track_caller]
    fn parse(bytes: &[u8]) -> Self {
        let blank = find(bytes, b"\r\n\r\n").expect("an empty line behind the headers");
        let head = std::str::from_utf8(&bytes[..blank]).expect("the headers of a part are UTF-8");
        let mut lines = head.split("\r\n");
        let quoted = lines
            .next()
            .and_then(|line| line.strip_prefix("Content-Disposition: form-data; name=\""))
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_else(|| panic!("{head:?}"));
        let content_type = lines.next();
        assert!(lines.next().is_none() && !quoted.contains(char::is_control), "{head:?}");
        let file = content_type.map(|line| {
            let value = line.strip_prefix("Content-Type: ").unwrap_or_else(|| panic!("{head:?}"));
            let (_, name) = quoted.split_once("\"; filename=\"").unwrap_or_else(|| panic!("{head:?}"));
            assert!(!name.contains('"'), "{head:?}");
            (name.to_owned(), value.to_owned())
        });
        let name = quoted.split('"').next().unwrap_or_default().to_owned();
        assert!(file.is_some() || name == quoted, "{head:?}");
        Self { name, file, content: bytes[blank + 4..].to_vec() }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    // Almost every byte is passed by the first comparison.
    (0..=bytes.len().checked_sub(what.len())?)
        .find(|at| bytes[*at] == what[0] && bytes[*at..].starts_with(what))
}
