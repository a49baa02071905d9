//! Where it is sent.

use crate::service::{ENDPOINT, KEY, Service};
use crate::support::Bench;
use crate::{OTHER_WAV, WAV, request};

#[test]
fn the_stream_is_another_endpoint() {
    let bench = Bench::new();
    for (bytes, args) in
        [(&WAV, &["in.wav"][..]), (&OTHER_WAV, &["in.wav"]), (&OTHER_WAV, &["in.wav", "--resample"])]
    {
        bench.file("in.wav", &**bytes);
        let usual = request(&bench, args, b"");
        let streamed = request(&bench, &[args, &["--stream"]].concat(), b"");
        assert_eq!((&*usual.path, &*streamed.path), (ENDPOINT, &*format!("{ENDPOINT}/stream")));
        assert!(usual.form() == streamed.form());
    }
    let service = Service::new();
    bench.file("image.png", b"\x89PNG\r\n\x1a\n1234");
    service.voxsift(&bench, &["in.wav", "--stream", "--preview", "image.png"]).exits(2).says("--preview");
    service.is_untouched();
}

#[test]
fn a_base_url_keeps_its_path() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let path = |args: &[&str], base: &dyn Fn(&str) -> String| {
        let service = Service::new();
        let args = [&["in.wav", "-f", "-o", "out.mp3"], args].concat();
        bench
            .voxsift(args)
            .env("ELEVENLABS_API_KEY", KEY)
            .env("ELEVENLABS_BASE_URL", &base(&service.url()))
            .succeeds();
        service.request().path
    };
    for (behind, prefix) in [
        ("", ""),
        ("/", ""),
        ("/proxy/eleven", "/proxy/eleven"),
        ("/proxy/eleven/", "/proxy/eleven"),
        ("/v1", "/v1"),
        ("/a%20b", "/a%20b"),
    ] {
        assert_eq!(path(&[], &|url| format!("{url}{behind}")), format!("{prefix}{ENDPOINT}"));
        assert_eq!(
            path(&["--stream"], &|url| format!("{url}{behind}")),
            format!("{prefix}{ENDPOINT}/stream")
        );
    }
    assert_eq!(path(&[], &|url| url.replace("127.0.0.1", "localhost")), ENDPOINT);
    assert_eq!(path(&[], &|url| url.replace("127.0.0.1", "LocalHost")), ENDPOINT);
    assert_eq!(path(&[], &|url| url.replace("http:", "HTTP:")), ENDPOINT);
}

#[test]
fn the_whole_loopback_is_this_machine() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    if let Some(service) = Service::at("::1") {
        service.voxsift(&bench, &["in.wav", "-o", "six.mp3"]).succeeds();
        assert_eq!(service.request().path, ENDPOINT);
    } else {
        eprintln!("not tried, because there is no IPv6 here");
    }
    if let Some(service) = Service::at("127.9.8.7") {
        service.voxsift(&bench, &["in.wav", "-o", "four.mp3"]).succeeds();
        assert_eq!(service.request().path, ENDPOINT);
    }
}

#[test]
fn the_base_url_of_the_command_line_counts() {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    let (service, other) = (Service::new(), Service::new());
    let url = other.url() + "/there";
    service.voxsift(&bench, &["in.wav", "--base-url", &url]).succeeds();
    service.is_untouched();
    assert_eq!(other.request().path, format!("/there{ENDPOINT}"));
}

#[test]
fn keys_go_to_no_strangers() {
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    let port = service.url().rsplit(':').next().expect("a port").to_owned();
    for base in [
        "http://example.com",
        "http://api.elevenlabs.io",
        "http://192.0.2.1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0",
        "http://[::2]",
        "http://[::ffff:192.0.2.1]",
    ] {
        let base = format!("{base}:{port}");
        service.voxsift(&bench, &["in.wav", "--base-url", &base]).fails(2, "--base-url").says("https");
        service
            .voxsift(&bench, &["in.wav"])
            .env("ELEVENLABS_BASE_URL", &base)
            .fails(2, "ELEVENLABS_BASE_URL");
    }
    service.is_untouched();
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn what_is_no_base_url_is_refused() {
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    let host = service.url().replace("http://", "");
    let own = |text: &str| text.replace("HOST", &host);
    for base in [
        "api.elevenlabs.io",
        "not a url",
        "//HOST",
        "ftp://HOST",
        "file:///etc/passwd",
        "https://",
        "http://",
        "http:///path",
        "https://host:99999",
        "https://host:port",
        "http://HOST/?key=1",
        "http://HOST/#part",
        "http://HOST/a b",
        "http://HOST\r\nX-Evil: 1",
        "",
    ] {
        let done = service.voxsift(&bench, &["in.wav", "--base-url", &own(base)]).exits(2);
        let stderr = done.stderr();
        assert!(stderr.starts_with("error: ") && stderr.contains("--base-url"), "{base:?}: {stderr}");
    }
    for user in ["user:hunter2@", "hunter2@", ":hunter2@", "user:hunter2%40x@", "127.0.0.1:hunter2@"] {
        for base in [
            format!("http://{user}{host}"),
            format!("https://{user}{host}/path"),
            format!("http://{user}example.com"),
        ] {
            // A password is not repeated to whoever looks at the terminal.
            let run = service.voxsift(&bench, &["in.wav", "--base-url", &base]);
            run.fails(2, "--base-url").says_not("hunter2");
            let run = service.voxsift(&bench, &["in.wav"]).env("ELEVENLABS_BASE_URL", &base);
            run.fails(2, "ELEVENLABS_BASE_URL").says_not("hunter2");
        }
    }
    service.is_untouched();
    assert_eq!(bench.names(), ["in.wav"]);
}
