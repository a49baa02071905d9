//! Pipes, files that change, and second attempts.

use std::fs::{self, File, OpenOptions};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::child::{Running, command, fifo, until};
use crate::server::Server;
use crate::service::{self, Reply, Service};
use crate::support::{Audio, Bench};
use crate::{OTHER_WAV, SAMPLES, WAV, request};

#[test]
fn a_pipe_is_stored_first_unless_it_is_sent_once_only() {
    let bench = Bench::new();
    for (bytes, args) in [(&SAMPLES, &["--raw"][..]), (&WAV, &[]), (&OTHER_WAV, &[])] {
        let stored = request(&bench, args, bytes);
        assert_eq!(stored.find("transfer-encoding"), None);
        let live = request(&bench, &[args, &["--retries", "0"]].concat(), bytes);
        assert_eq!((live.find("content-length"), live.header("transfer-encoding")), (None, "chunked"));
        assert!(stored.form() == live.form());
    }
    // A file has a length in any case, also when the shell opens it.
    bench.file("in.wav", &*WAV);
    for input in ["in.wav", "-"] {
        let service = Service::new();
        let mut run = command(&bench.path(""), [input, "-f", "-o", "out.mp3", "--retries", "0"]);
        run.stdin(File::open(bench.path("in.wav")).expect("it"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::start_with(run.envs(service.env())).end().with(0);
        service.request().header("content-length");
        service.request().form().is_samples(&SAMPLES);
    }
}

#[test]
fn a_live_pipe_is_sent_while_it_arrives() {
    let bench = Bench::new();
    let server = Server::plain(|connection| {
        connection.request()?;
        let voice = service::voice();
        connection.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", voice.len()))?;
        connection.send(voice)
    });
    let args = ["--raw", "--retries", "0", "-o", "out.mp3"];
    let mut running = Running::start(command(&bench.path(""), args).envs(server.env()));
    for second in 1..=5 {
        running.give(&SAMPLES[..32_000]);
        until("another second", || (server.received() > second * 32_000).then_some(()));
    }
    running.close();
    running.end().with(0);
    assert!(bench.read("out.mp3") == service::voice());
}

/// What happens to a file meanwhile.
type Change = fn(&File) -> std::io::Result<()>;

#[test]
fn a_file_that_changes_while_it_is_sent_is_not_sent_to_its_end() {
    // Far more than the system takes while the server reads nothing.
    const LEN: u64 = 30_000_000;
    let changes: [Change; 3] = [
        |file| file.set_len(LEN + 1044),
        |file| file.set_len(1_000_000),
        |file| file.set_modified(SystemTime::now() + Duration::from_secs(10)),
    ];
    for (what, change) in changes.iter().enumerate() {
        let (bench, server) = (
            Bench::new(),
            Server::plain(|connection| {
                connection.head()?;
                connection.some(100_000)?;
                connection.until_told();
                connection.body()
            }),
        );
        let mut header = Audio { rate: 44_100, channels: 2, samples: Vec::new() }.wav16();
        header[4..8].copy_from_slice(&(LEN as u32 + 36).to_le_bytes());
        header[40..44].copy_from_slice(&(LEN as u32).to_le_bytes());
        let path = bench.file("in.wav", header);
        let file = OpenOptions::new().write(true).open(path).expect("the file");
        file.set_len(LEN + 44).expect("a sparse file");
        let mut run = command(&bench.path(""), ["in.wav"]);
        let running = Running::start(run.envs(server.env()));
        until("the start of the upload", || (server.received() >= 100_000).then_some(()));
        change(&file).expect("it is changed");
        server.tell();
        let ended = running.end().failed(4, "in.wav: ");
        assert!(ended.stderr.contains("while it was read"), "{}", ended.stderr);
        assert_eq!(bench.names(), ["in.wav"], "change {what}");
        server.saw(1, 1);
        // The end of the form is missing, so that nothing is billed.
        let body = &server.requests()[0].body;
        assert!(!body.ends_with(b"--\r\n") && (body.len() as u64) < LEN + 500, "change {what}");
    }
}

#[test]
fn a_fifo_is_a_pipe() {
    let bench = Bench::new();
    for (args, name) in [(&[][..], "one.wav"), (&["--retries", "0"], "two.wav")] {
        let service = Service::new();
        fifo(&bench.path(name));
        let writer = std::thread::spawn({
            let path = bench.path(name);
            move || fs::write(path, &*OTHER_WAV).expect("the program reads")
        });
        service.voxsift(&bench, &[&[name, "-o", "out.mp3", "-f"], args].concat()).succeeds();
        writer.join().expect("the writer ends");
        service.request().form().is("other", "audio/wav", &OTHER_WAV);
    }
}

#[test]
fn a_second_attempt_sends_the_same_bytes() {
    let busy = || Reply::of(503, "text/plain", "busy").with("Retry-After-ms", "1");
    let image = [b"\x89PNG\r\n\x1a\n", &[7; 1000][..]].concat();
    for (args, stdin) in [
        (&["in.wav"][..], &b""[..]),
        (&["in.wav", "--resample"], b""),
        (&["in.wav", "--preview", "image.png"], b""),
        (&["--raw"], &SAMPLES),
        (&["-"], &OTHER_WAV),
    ] {
        let bench = Bench::new();
        bench.file("in.wav", &*OTHER_WAV);
        bench.file("image.png", &image);
        let service = Service::answering([busy(), busy(), Reply::voice()]);
        let args = [args, &["--json", "-o", "out.mp3"]].concat();
        let json = service.voxsift(&bench, &args).stdin(stdin).succeeds().json();
        let requests = service.requests();
        assert_eq!((requests.len(), &json["attempts"]), (3, &3.into()));
        requests[0].form();
        for other in &requests[1..] {
            assert!(other.body == requests[0].body && other.headers == requests[0].headers, "{args:?}");
        }
        assert_eq!(json["bytes_uploaded"], 3 * requests[0].body.len());
        assert_eq!(json["file_format"], requests[0].form().file_format);
    }
}
