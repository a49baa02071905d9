//! The request: another's parser of forms gets back the fields, the name and the bytes, and nothing else.

#![no_main]

mod common;

use std::cell::LazyCell;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;
use voxsift::audio::decode::Raw;
use voxsift::audio::encode::Format;
use voxsift::isolate::Task;
use voxsift::isolate::elevenlabs::FileFormat;
use voxsift::isolate::elevenlabs::harness::{Request, request};
use voxsift::isolate::elevenlabs::settings::Preview;
use voxsift::sink::Sink;
use voxsift::source::Source;

thread_local! {
    static FOLDER: LazyCell<TempDir> = const { LazyCell::new(common::folder) };
}

#[derive(Debug, Arbitrary)]
struct Input {
    /// The name of the recording, in any bytes that the system takes.
    name: Vec<u8>,
    audio: Vec<u8>,
    picture: Option<Vec<u8>>,
    declared: Option<bool>,
    raw: bool,
}

fuzz_target!(|input: Input| FOLDER.with(|folder| {
    common::clear(folder);
    run(folder, input);
}));

fn run(folder: &TempDir, input: Input) {
    let name: Vec<u8> = input.name.into_iter().filter(|byte| !b"\0/".contains(byte)).take(200).collect();
    let path = folder.path().join(OsString::from_vec(name.clone()));
    if path.file_name().is_none_or(|last| last.as_encoded_bytes() != name) {
        return;
    }
    fs::write(&path, &input.audio).expect("a file can be written");
    let preview = input.picture.map(|picture| {
        let path = folder.path().join(" picture ");
        fs::write(&path, [b"GIF8", &picture[..]].concat()).expect("a file can be written");
        Preview::of_file(&path).expect("a picture")
    });
    let has_preview = preview.is_some();
    let file_format = input.declared.map(|pcm| if pcm { FileFormat::Pcm } else { FileFormat::Other });
    let settings =
        voxsift::isolate::elevenlabs::settings::Settings { preview, file_format, ..common::settings() };
    let task = Task {
        source: Source::File(path),
        raw: input.raw.then_some(Raw { rate: 16_000, channels: 1 }),
        sink: Sink::Stdout,
        format: Format::Mp3,
        any_format: false,
    };
    match request(&task, &settings) {
        Ok(request) => pollster::block_on(check(request, &name, &input.audio, has_preview)),
        Err(failure) => common::well_formed(&failure),
    }
}

async fn check(request: Request, name: &[u8], audio: &[u8], has_preview: bool) {
    assert_eq!(request.length, Some(request.body.len() as u64), "the announced length");
    let boundary = multer::parse_boundary(&request.content_type).expect("a boundary");
    let body = request.body;
    let stream = Once(Some(Ok::<Vec<u8>, std::io::Error>(body)));
    let mut form = multer::Multipart::new(stream, boundary);

    let field = form.next_field().await.expect("a form").expect("a field");
    assert_eq!((field.name(), field.file_name(), field.headers().len()), (Some("file_format"), None, 1));
    assert_eq!(field.text().await.expect("a text"), request.file_format);
    if has_preview {
        let field = form.next_field().await.expect("a form").expect("a field");
        assert_eq!((field.name(), field.file_name(), field.headers().len()), (Some("preview_b64"), None, 1));
        assert!(field.text().await.expect("a text").starts_with("R0lG"), "a GIF in base64");
    }
    let field = form.next_field().await.expect("a form").expect("a field");
    assert_eq!((field.name(), field.headers().len()), (Some("audio"), 2));
    let sent = field.file_name().expect("a file name").to_owned();
    assert!(!sent.contains(['"', '\r', '\n']), "{sent:?}");
    let known = str::from_utf8(name).ok().filter(|name| !name.contains(['%', '\\']));
    if let Some(name) = known.filter(|name| !name.contains(|c: char| c.is_control() && !"\r\n".contains(c))) {
        let back = sent.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n");
        assert_eq!(back, name, "the name comes back");
    }
    let bytes = field.bytes().await.expect("bytes");
    // Of a WAV that is sent as samples, what lies between its header and what follows the data.
    let is_part = audio.windows(bytes.len().max(1)).any(|part| part == bytes) || bytes.is_empty();
    let whole = request.file_format == "other";
    assert!(if whole { bytes == audio } else { is_part }, "the bytes come back");
    assert!(form.next_field().await.expect("a form").is_none(), "nothing follows");
}

/// A stream of one item.
struct Once<T>(Option<T>);

impl<T: Unpin> futures_core::Stream for Once<T> {
    type Item = T;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        std::task::Poll::Ready(self.0.take())
    }
}
