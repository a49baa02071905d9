//! The request's body: multipart/form-data around audio that is read as it is sent.

use std::io::{self, Read};
use std::sync::Arc;

use super::content::Content;
use super::line::Line;
use super::payload::Payload;
use crate::error::Failure;
use crate::isolate::{Observer, Stage};
use crate::source::Witness;

/// The parts of the form around the audio (RFC 7578). The small fields come first, so that the audio can
/// be read to its end.
#[derive(Debug)]
pub(super) struct Form {
    boundary: String,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl Form {
    /// A form for `payload`, with a preview image in base64.
    pub(super) fn new(boundary: String, payload: &Payload, preview: Option<&str>) -> Self {
        let part = |disposition: &str, rest: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n{rest}")
        };
        let format = part("name=\"file_format\"", &format!("\r\n{}\r\n", payload.file_format.name()));
        let preview = preview.map(|preview| part("name=\"preview_b64\"", &format!("\r\n{preview}\r\n")));
        let audio = part(
            &format!("name=\"audio\"; filename=\"{}\"", escaped(&payload.file_name)),
            &format!("Content-Type: {}\r\n\r\n", payload.content_type),
        );
        let before = [format, preview.unwrap_or_default(), audio].concat();
        let after = format!("\r\n--{boundary}--\r\n").into_bytes();
        Self { boundary, before: before.into_bytes(), after }
    }

    /// The value of the header `Content-Type`.
    pub(super) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Length in bytes of the whole body around so much audio.
    pub(super) fn len(&self, audio: u64) -> u64 {
        audio + (self.before.len() + self.after.len()) as u64
    }
}

/// The name as the rules for forms want it (WHATWG HTML, "multipart form data": `"`, CR and LF), without
/// other control characters, which servers refuse.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' => escaped.push_str("%22"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            c if c.is_control() => escaped.push('_'),
            c => escaped.push(c),
        }
    }
    // Some readers would take it for the escape of the quote that follows.
    if escaped.ends_with('\\') {
        escaped.truncate(escaped.len() - 1);
        escaped.push_str("%5C");
    }
    escaped
}

/// Where in the body the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Before(usize),
    Audio,
    After(usize),
}

/// One reading of the body.
pub(super) struct Body<'a> {
    form: &'a Form,
    content: &'a mut Content,
    witness: &'a Witness,
    line: Arc<Line>,
    observer: &'a dyn Observer,
    at: At,
    /// Bytes handed out, also those that were made up.
    given: u64,
    /// Bytes handed out to be sent.
    sent: u64,
    /// Bytes of the whole body, if known.
    len: Option<u64>,
    /// Why the audio could not be read to its end.
    failure: Option<Failure>,
}

impl<'a> Body<'a> {
    /// Reads `content`, which stands at its start, inside `form`.
    pub(super) fn new(
        form: &'a Form,
        content: &'a mut Content,
        witness: &'a Witness,
        line: Arc<Line>,
        observer: &'a dyn Observer,
    ) -> Self {
        let len = content.len().map(|len| form.len(len));
        Self {
            form,
            content,
            witness,
            line,
            observer,
            at: At::Before(0),
            given: 0,
            sent: 0,
            len,
            failure: None,
        }
    }

    /// Bytes handed out to be sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Bytes of the whole body, if known.
    pub(super) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Why the audio could not be read to its end.
    pub(super) fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn audio(&mut self, buf: &mut [u8]) -> Result<usize, Failure> {
        let read = self.content.read(buf)?;
        if read == 0 || self.content.is_complete() {
            // Looked at while the end of the form is still here: an upload without it is not billed.
            self.witness.unchanged().map_err(|failure| Failure {
                hint: "wait until the recording is finished, then run the command again; nothing was billed"
                    .into(),
                ..failure
            })?;
        }
        Ok(read)
    }

    /// Nobody listens any more: what is left to read is made up, as ureq reads on to the length that the
    /// header announced, and nothing of it is sent.
    fn idle(&mut self, buf: &mut [u8]) -> usize {
        let left = self.len.map_or(0, |len| len - self.given);
        let n = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        buf[..n].fill(0);
        self.given += n as u64;
        n
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.line.is_over() {
            return Ok(self.idle(buf));
        }
        let read = loop {
            let (bytes, at): (&[u8], &mut usize) = match &mut self.at {
                At::Before(at) => (&self.form.before, at),
                At::After(at) => (&self.form.after, at),
                At::Audio => match self.audio(buf) {
                    Ok(0) => {
                        self.at = At::After(0);
                        continue;
                    }
                    Ok(read) => break read,
                    Err(failure) => {
                        self.failure = Some(failure);
                        return Err(io::Error::other("the audio cannot be read"));
                    }
                },
            };
            let read = (&bytes[*at..]).read(buf)?;
            *at += read;
            if read == 0 && matches!(self.at, At::Before(_)) {
                self.at = At::Audio;
                continue;
            }
            break read;
        };
        self.given += read as u64;
        self.sent = self.given;
        if read == 0 || self.len == Some(self.given) {
            self.line.given();
            self.observer.stage(Stage::Waiting);
        } else {
            self.observer.stage(Stage::Uploading { sent: self.sent, of: self.len });
        }
        Ok(read)
    }
}
