//! Answers before the upload is complete.

use std::time::Duration;

use crate::server::{Server, answer, head};
use crate::support::Bench;
use crate::{begin, big_bench, call, fails, fails_as, refusal, succeeds, success};

/// What a server does behind an answer that came too early.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Then {
    /// It leaves, so that the rest of the upload meets a reset.
    Leaves,
    /// It sends no more, but reads on until the client leaves.
    Lingers,
    /// It goes on as if nothing were.
    Reads,
    /// It neither reads nor leaves.
    Stands,
}

/// A server that answers after so many bytes of the upload: 401 and 413 in turns.
pub fn hasty(tls: bool, after: usize, then: Then) -> Server {
    sluggish(tls, after, Duration::ZERO, then)
}

/// The same, but reading has stopped so long before the answer.
fn sluggish(tls: bool, after: usize, pause: Duration, then: Then) -> Server {
    Server::either(tls, move |connection| {
        connection.head()?;
        connection.some(after)?;
        connection.pace(pause);
        let odd = connection.number % 2 == 1;
        connection.send(if odd {
            refusal(401, "invalid_api_key")
        } else {
            refusal(413, "request_too_large")
        })?;
        match then {
            Then::Leaves => {}
            Then::Lingers => {
                connection.half_close();
                connection.drain();
            }
            Then::Reads => drop(connection.drain()),
            Then::Stands => connection.hold()?,
        }
        Ok(())
    })
}

/// Of 20 refusals that are followed by a reset, how many are not heard.
fn unheard(tls: bool, after: usize) -> Vec<String> {
    let (bench, server) = (big_bench(), hasty(tls, after, Then::Leaves));
    let mut unheard = Vec::new();
    for run in 0..20 {
        let ended = begin(&bench, &server, &["--retries", "0"]).end();
        let (code, says) = if run % 2 == 0 { (3, "HTTP 401") } else { (4, "HTTP 413") };
        if ended.status.code() != Some(code) || !ended.stderr.contains(says) {
            unheard.push(format!("{}: {}", ended.status, ended.stderr));
        }
        assert_eq!(bench.names(), ["in.wav"]);
    }
    server.saw(20, 20);
    unheard
}

#[test]
fn a_refusal_during_the_upload_is_heard_although_the_connection_breaks() {
    for after in [0, 300_000] {
        let unheard = unheard(false, after);
        assert!(unheard.len() <= 1, "after {after} bytes: {unheard:#?}");
    }
}

#[test]
fn a_refusal_during_the_upload_is_heard_under_tls() {
    for after in [0, 300_000] {
        let unheard = unheard(true, after);
        assert!(unheard.len() <= 1, "after {after} bytes: {unheard:#?}");
    }
}

/// Runs it twice, with refusals that are not followed by a reset at once.
#[track_caller]
fn ends_the_upload(server: &Server) {
    let bench = big_bench();
    for (code, kind, status) in [(3, "key", 401), (4, "input", 413)] {
        let failed = fails(&bench, server, &["--retries", "0", "--stall-timeout", "2"], code, kind);
        failed.says("no, because").says("r-17").within(10);
        assert_eq!(failed.json["error"]["http_status"], status);
        let sent = failed.json["bytes_uploaded"].as_u64().expect("a number");
        assert!(sent < 60_000_000, "all of it was sent");
    }
    server.saw(2, 2);
}

#[test]
fn a_refusal_during_the_upload_ends_it() {
    for tls in [false, true] {
        for then in [Then::Lingers, Then::Reads, Then::Stands] {
            eprintln!("{then:?}, TLS {tls}");
            ends_the_upload(&hasty(tls, 100_000, then));
        }
    }
}

#[test]
fn a_refusal_is_heard_when_the_upload_is_stuck() {
    for tls in [false, true] {
        for then in [Then::Leaves, Then::Lingers, Then::Stands] {
            eprintln!("{then:?}, TLS {tls}");
            // By then the system takes nothing more from the program.
            ends_the_upload(&sluggish(tls, 100_000, Duration::from_millis(500), then));
        }
    }
}

#[test]
fn what_is_not_final_does_not_end_the_upload() {
    for tls in [false, true] {
        let bench = big_bench();
        let server = Server::either(tls, |connection| {
            connection.head()?;
            connection.send(head(100, &[]))?;
            connection.some(1_000_000)?;
            connection.send(head(100, &[]))?;
            connection.some(1_000_000)?;
            connection.send(head(103, &[("Link", "</style.css>; rel=preload")]))?;
            connection.body()?;
            connection.send(head(102, &[]))?;
            connection.send(head(102, &[]))?;
            connection.send(success())
        });
        let done = succeeds(&bench, call(&bench, &server, &["--json", "--retries", "0"]));
        server.saw(1, 1);
        let request = &server.requests()[0];
        assert_eq!(request.header("content-length"), Some(request.body.len().to_string().as_str()));
        assert_eq!(done.json()["bytes_uploaded"], request.body.len());
    }
}

#[test]
fn a_refusal_of_a_live_pipe_is_heard() {
    let (bench, server) = (Bench::new(), hasty(false, 100_000, Then::Leaves));
    let run = bench.voxsift(["-e", "elevenlabs", "--json", "--raw", "--retries", "0", "-o", "out.mp3"]);
    let run = server.env().iter().fold(run, |run, (name, value)| run.env(name, value));
    let failed = fails_as(&bench, run.stdin(vec![0; 40_000_000]), 3, "key");
    failed.says("no, because");
    server.saw(1, 1);
    assert_eq!(server.requests()[0].header("transfer-encoding"), Some("chunked"));
}

#[test]
fn trouble_during_the_upload_is_tried_again_with_all_of_it() {
    let bench = big_bench();
    let server = Server::plain(|connection| {
        connection.head()?;
        if connection.number == 1 {
            connection.some(100_000)?;
            return connection.send(answer(503, &[("Retry-After-ms", "1")], ""));
        }
        connection.body()?;
        connection.send(success())
    });
    succeeds(&bench, call(&bench, &server, &[]));
    server.saw(2, 2);
    let requests = server.requests();
    assert_eq!(requests[0].head, requests[1].head);
    assert_eq!(requests[0].body[..100_000], requests[1].body[..100_000]);
    assert_eq!(requests[1].header("content-length"), Some(requests[1].body.len().to_string().as_str()));
}
