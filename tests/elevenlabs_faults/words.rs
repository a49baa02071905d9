//! Bodies without end, hostile words, and answers that are none.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::server::{Connection, KEY, Server, answer, chunk, head};
use crate::support::Noise;
use crate::{bench, call, fails};

#[test]
fn no_error_body_is_read_for_ever() {
    type Body = fn(&mut Connection) -> io::Result<()>;
    let bodies: [(&str, Body); 5] = [
        ("endless chunks", |connection| {
            connection.send(head(401, &[("Transfer-Encoding", "chunked")]))?;
            let chunk = chunk(&[b'x'; 8192]);
            loop {
                connection.send(&chunk)?;
            }
        }),
        ("an endless body", |connection| {
            connection.send(head(401, &[("Connection", "close"), ("Content-Type", "application/json")]))?;
            connection.send("{\"detail\": \"")?;
            loop {
                connection.send([b'x'; 8192])?;
            }
        }),
        ("an endless drip", |connection| {
            connection.send(head(401, &[("Connection", "close")]))?;
            loop {
                connection.send("x")?;
                connection.pace(Duration::from_millis(20));
            }
        }),
        ("10 GB that do not come", |connection| {
            connection.send(head(401, &[("Content-Length", "10000000000")]))?;
            connection.send("{\"detail\": {\"message\": \"no, because\"}}")?;
            connection.hold()
        }),
        ("a body that never comes", |connection| {
            connection.send(head(401, &[("Transfer-Encoding", "chunked")]))?;
            connection.hold()
        }),
    ];
    thread::scope(|scope| {
        for (what, body) in bodies {
            scope.spawn(move || {
                let bench = bench();
                let server = Server::plain(move |connection| {
                    connection.request()?;
                    body(connection)
                });
                let failed = fails(&bench, &server, &[], 3, "key");
                failed.within(15);
                assert_eq!(failed.json["error"]["http_status"], 401, "{what}");
                server.saw(1, 1);
            });
        }
    });
}

#[test]
fn a_success_that_is_endless_text_is_no_audio() {
    let bench = bench();
    let server = Server::plain(|connection| {
        connection.request()?;
        connection.send(head(200, &[("Content-Type", "audio/mpeg"), ("Connection", "close")]))?;
        loop {
            connection.send("there is no audio here, but a lot of text\n")?;
        }
    });
    fails(&bench, &server, &[], 5, "service").within(15);
    server.saw(1, 1);
}

#[test]
fn hostile_words_do_no_harm() {
    let escaped: String = KEY.chars().map(|c| format!("\\u{:04x}", c as u32)).collect();
    let (first, rest) = KEY.split_at(10);
    let message = |text: &str| json!({"detail": {"code": "validation_error", "message": text}}).to_string();
    for (what, body) in [
        ("escapes", message("\x1b]0;owned\x07\x1b[2J\x1b[31mred\u{9b}31m\u{7f}\x08\x08\0")),
        ("directions", message("a\u{202e}b\u{2066}c\u{200f}d\u{2028}e\u{2029}f")),
        ("lines", message("no\nerror: another\r\nhint: rm -rf ~\u{85}\u{b}\u{c}")),
        ("the key", message(&format!("{KEY} is not known, {KEY}!"))),
        ("the key in escapes", format!("{{\"detail\": \"the key {escaped} is not known\"}}")),
        ("the key with something in it", message(&format!("{first}\0{rest}"))),
        (
            "the key as a code",
            json!({"detail": {"code": KEY, "message": "no", "request_id": KEY}}).to_string(),
        ),
        ("the key as text", format!("the key {KEY} is not known")),
        ("the key in HTML", format!("<html><body>the key {KEY} is not known</body></html>")),
        (
            "the key in a list",
            json!({"detail": [{"loc": ["header", KEY], "msg": KEY, "type": KEY}]}).to_string(),
        ),
        ("a long message", message(&"x".repeat(60_000))),
        ("a megabyte", message(&"long word ".repeat(100_000))),
        ("a megabyte of text", "word\x1b[2J ".repeat(100_000)),
        ("a megabyte of brackets", "[".repeat(1_000_000)),
        ("a deep object", format!("{}1{}", "{\"detail\":".repeat(10_000), "}".repeat(10_000))),
        ("half a character", message("ä").replace('ä', "\\ud83d")),
        (
            "many messages",
            json!({"detail": vec![json!({"loc": ["a"], "msg": "b".repeat(99)}); 500]}).to_string(),
        ),
    ] {
        eprintln!("{what}");
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(answer(422, &[("request-id", KEY), ("Content-Type", KEY)], &body))
        });
        let failed = fails(&bench, &server, &[], 4, "request");
        assert_eq!(failed.json["error"]["http_status"], 422);
        server.saw(1, 1);
        assert!(!call(&bench, &server, &["-v"]).exits(4).stderr().contains(KEY), "{what}");
    }
}

#[test]
fn half_a_character_and_bytes_that_are_no_text_are_survived() {
    let mut noise = Noise(7);
    let noise: Vec<u8> = (0..10_000).map(|_| (noise.next() * 128.0) as i8 as u8).collect();
    for body in [b"\xff\xfe\xc3".to_vec(), "ä".repeat(40_000).into_bytes()[1..].to_vec(), noise] {
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(answer(400, &[], &body))
        });
        fails(&bench, &server, &[], 4, "request");
        server.saw(1, 1);
    }
}

#[test]
fn a_success_without_audio_is_a_failure_and_not_tried_again() {
    let mut noise = Noise(3);
    let noise: Vec<u8> = (0..5_000).map(|_| (noise.next() * 128.0) as i8 as u8).collect();
    // RFC 1952: what gzip makes of nothing.
    let gzip = b"\x1f\x8b\x08\0\0\0\0\0\x02\xff\x03\0\0\0\0\0\0\0\0\0".to_vec();
    for (status, headers, body) in [
        (200, &[("Content-Encoding", "gzip"), ("Content-Type", "audio/mpeg")][..], gzip),
        (200, &[("Content-Type", "application/json")], b"{\"waveform_base_64\": \"SUQz\"}".to_vec()),
        (200, &[("Content-Type", "text/html")], b"<!doctype html><title>Welcome</title>".to_vec()),
        (200, &[("Content-Type", "audio/mpeg")], b"upstream timed out".to_vec()),
        (200, &[("Content-Type", "audio/mpeg")], noise),
        (200, &[("Content-Type", "audio/mpeg")], Vec::new()),
        (200, &[("Content-Type", "audio/mpeg")], format!("who is {KEY}?").into_bytes()),
        (200, &[("Content-Type", KEY)], b"\x1b[2Jnothing".to_vec()),
        (201, &[], b"{}".to_vec()),
        (202, &[], Vec::new()),
    ] {
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(answer(status, headers, &body))
        });
        let failed = fails(&bench, &server, &[], 5, "service");
        assert_eq!(failed.json["error"]["http_status"], status);
        server.saw(1, 1);
        let encodings = server.requests()[0].header("accept-encoding").map(str::to_owned);
        assert!(encodings.is_none_or(|encodings| encodings == "identity"), "nobody asked for gzip");
    }
    let bench = bench();
    let server = Server::plain(|connection| {
        connection.request()?;
        connection.send("HTTP/1.1 204 No Content\r\n\r\n")
    });
    fails(&bench, &server, &[], 5, "service").says("204");
    server.saw(1, 1);
}

#[test]
fn a_redirect_takes_neither_key_nor_recording_elsewhere() {
    let elsewhere = Server::plain(|connection| connection.request().map(drop));
    let target = format!("http://localhost:{}/v1/audio-isolation?{KEY}", elsewhere.port());
    for status in [301, 302, 303, 307, 308] {
        let (bench, target) = (bench(), target.clone());
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(answer(status, &[("Location", &target)], ""))
        });
        let failed = fails(&bench, &server, &[], 5, "service");
        failed.says("localhost").says(&status.to_string());
        assert_eq!(failed.json["error"]["http_status"], status);
        server.saw(1, 1);
    }
    for location in [None, Some("/elsewhere"), Some("//localhost/x"), Some("http://"), Some("\u{ff}\u{fe}")] {
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            let headers: Vec<_> = location.iter().map(|target| ("Location", *target)).collect();
            connection.send(answer(307, &headers, ""))
        });
        fails(&bench, &server, &[], 5, "service");
        server.saw(1, 1);
    }
    elsewhere.saw(0, 0);
}
