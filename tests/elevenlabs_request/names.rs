//! File names, types, headers and boundaries.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use crate::child::{Running, command};
use crate::service::{ENDPOINT, KEY, Service};
use crate::support::Bench;
use crate::{OTHER_WAV, SAMPLES, WAV, bytes_of, request, sent, sent_of, sent_of_pipe};

#[test]
fn file_names_are_escaped_and_bare() {
    let bench = Bench::new();
    for (name, expected) in [
        ("take.wav", "take.wav"),
        ("a \"b\".wav", "a %22b%22.wav"),
        ("a\r\nb\rc\nd.wav", "a%0D%0Ab%0Dc%0Ad.wav"),
        ("x\"; name=\"y.wav", "x%22; name=%22y.wav"),
        ("x\r\n\r\n--evil--\r\n.wav", "x%0D%0A%0D%0A--evil--%0D%0A.wav"),
        ("%22 + %0D.wav", "%22 + %0D.wav"),
        ("a\\b;c=1,'2'.wav", "a\\b;c=1,'2'.wav"),
        ("Grüße 日本 🎙.wav", "Grüße 日本 🎙.wav"),
        ("-x.wav", "-x.wav"),
        (".wav", ".wav"),
    ] {
        bench.file(name, &*WAV);
        let form = sent(&bench, &["--", name]);
        assert_eq!(form.file_name, expected);
        form.is_samples(&SAMPLES);
    }
    let long = format!("{}.wav", "n".repeat(240));
    bench.file(&long, &*WAV);
    assert_eq!(sent(&bench, &[&long]).file_name, long);
}

#[test]
fn names_that_are_no_text_make_no_broken_headers() {
    let bench = Bench::new();
    for name in [&b"t\xff\xfe.wav"[..], b"t\x1b[31m\x01\x7f.wav", b"t\xc2\x85\xe2\x80\xa8.wav"] {
        let service = Service::new();
        fs::write(bench.path(OsStr::from_bytes(name)), &*WAV).expect("a file");
        let mut run = command(&bench.path(""), [OsStr::from_bytes(name), "-f".as_ref()]);
        Running::start(run.args(["-o", "out.mp3"]).envs(service.env())).end().with(0);
        // That the header is UTF-8 without control characters is seen to where it is taken apart.
        let form = service.request().form();
        assert!(form.file_name.starts_with('t') && form.file_name.ends_with(".wav"), "{}", form.file_name);
        form.is_samples(&SAMPLES);
    }
}

#[test]
fn folders_are_nobodys_business() {
    let bench = Bench::new();
    fs::create_dir_all(bench.path("secret-folder/sub")).expect("folders");
    bench.file("secret-folder/sub/take.wav", &*OTHER_WAV);
    symlink("secret-folder/sub/take.wav", bench.path("link.wav")).expect("a link");
    let absolute = bench.path("secret-folder/sub/take.wav").display().to_string();
    for (path, name) in [
        ("secret-folder/sub/take.wav", "take.wav"),
        ("./secret-folder/../secret-folder/sub/take.wav", "take.wav"),
        (absolute.as_str(), "take.wav"),
        ("link.wav", "link.wav"),
    ] {
        let request = request(&bench, &[path], b"");
        assert_eq!(request.form().file_name, name);
        let everything = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        for part in ["secret-folder", "sub/", "/tmp"] {
            assert!(!everything.contains(part), "{part} in {everything:.500}");
        }
    }
}

#[test]
fn every_format_has_its_type() {
    for (kind, names) in [
        ("audio/wav", &["ima.wav", "ms.wav"][..]),
        ("audio/mpeg", &["cbr.mp3", "vbr.mp3", "tagless.mp3"]),
        ("audio/flac", &["s16.flac", "s24.flac", "stereo.opus.flac"]),
        ("audio/ogg", &["flac.ogg", "vorbis1.ogg", "vorbis2.ogg", "vorbis6.ogg"]),
        ("audio/ogg", &["speech.opus", "dtx.opus", "stereo.opus", "surround.opus", "voice.opus"]),
        ("audio/aac", &["aac.aac"]),
        ("audio/aiff", &["s16.aiff", "s24.aiff", "sowt.aifc", "f32.aifc"]),
        ("audio/mp4", &["aac.m4a", "aac-faststart.m4a", "alac.m4a", "alac24.m4a"]),
        ("video/mp4", &["aac.mp4", "opus.mp4"]),
        ("video/quicktime", &["s24be.mov", "s24be-faststart.mov", "s24le.mov"]),
        ("video/x-matroska", &["aac.mkv", "opus.mkv", "flac.mkv"]),
        ("video/webm", &["opus.webm", "vorbis.webm"]),
    ] {
        for name in names {
            let bytes = bytes_of(name);
            sent_of(&bytes, &["--ignore-limits"]).is("other", kind, &bytes);
            sent_of_pipe(&bytes, &["--ignore-limits"]).is("other", kind, &bytes);
        }
    }
}

#[test]
fn formats_that_are_not_decoded_here_have_their_types_as_well() {
    let mut mobile = bytes_of("aac.mp4");
    mobile[8..12].copy_from_slice(b"3gp4");
    sent_of(&mobile, &["--ignore-limits"]).is("other", "video/3gpp", &mobile);
    let rest = [0x2a; 5000];
    let asf = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
    for (start, kind) in [
        (&b"RIFF\x80\x13\0\0AVI LIST"[..], "video/x-msvideo"),
        (b"FLV\x01\x05\0\0\0\x09\0\0\0\0", "video/x-flv"),
        (b"\0\0\x01\xba\x44\0\x04\0\x04\x01", "video/mpeg"),
        (b"\0\0\x01\xb3\x14\0\xf0\x13", "video/mpeg"),
        (asf, "video/x-ms-wmv"),
    ] {
        let bytes = [start, &rest].concat();
        for form in
            [sent_of(&bytes, &[]), sent_of_pipe(&bytes, &[]), sent_of_pipe(&bytes, &["--retries", "0"])]
        {
            let asf = form.content_type == "video/x-ms-asf" && kind == "video/x-ms-wmv";
            form.is("other", if asf { "video/x-ms-asf" } else { kind }, &bytes);
        }
    }
}

#[test]
fn headers_are_few_and_exact() {
    let bench = Bench::new();
    bench.file("in.wav", &*OTHER_WAV);
    let request = request(&bench, &["in.wav"], b"");
    assert_eq!(request.path, ENDPOINT);
    assert_eq!(request.header("xi-api-key"), KEY);
    assert_eq!(request.header("user-agent"), format!("voxsift/{}", env!("CARGO_PKG_VERSION")));
    assert_eq!(request.header("content-length"), request.body.len().to_string());
    // The reply is audio, which nothing makes smaller.
    assert!(request.find("accept-encoding").is_none_or(|encoding| encoding == "identity"));
    let known =
        ["host", "user-agent", "accept", "accept-encoding", "content-type", "content-length", "xi-api-key"];
    for (name, value) in &request.headers {
        assert!(known.contains(&name.as_str()), "{name}: {value}");
    }
    // The whole body, once by hand.
    let boundary = request.boundary();
    let expected = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"file_format\"\r\n\r\nother\r\n"),
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"audio\"; filename=\"in.wav\"\r\n"),
        "Content-Type: audio/wav\r\n\r\n".to_owned(),
    ];
    let end = format!("\r\n--{boundary}--\r\n");
    assert!(request.body == [expected.concat().as_bytes(), &OTHER_WAV, end.as_bytes()].concat());
}

#[test]
fn a_boundary_is_used_once() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let [first, second] = [(); 2].map(|()| request(&bench, &["in.wav"], b"").boundary().to_owned());
    assert_ne!(first, second);
}
