//! What takes long, and what takes too long.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{KEY, Server, head};
use crate::{bench, big_bench, call, fails, fails_as, is_lost, succeeds, success, voice};

#[test]
fn an_upload_that_stands_still_is_given_up() {
    for tls in [false, true] {
        eprintln!("TLS {tls}");
        let bench = big_bench();
        let server = Server::either(tls, |connection| {
            connection.head()?;
            connection.some(100_000)?;
            connection.hold()
        });
        let args = ["--retries", "0", "--stall-timeout", "0.5"];
        fails(&bench, &server, &args, 5, "network").within(10).hints("--stall-timeout");
        server.saw(1, 1);
    }
}

#[test]
fn an_upload_that_stood_still_is_tried_again() {
    let bench = big_bench();
    let server = Server::plain(|connection| {
        connection.head()?;
        if connection.number == 1 {
            return connection.hold();
        }
        connection.body()?;
        connection.send(success())
    });
    // Long enough for a busy machine to be no stall.
    let done = succeeds(&bench, call(&bench, &server, &["--stall-timeout", "2"]));
    done.says("note: in.wav: ").says("(attempt 2 of 4)");
    server.saw(2, 2);
    assert_eq!(server.requests()[0].head, server.requests()[1].head);
}

#[test]
fn a_reply_that_stands_still_is_lost() {
    for tls in [false, true] {
        let server = Server::either(tls, |connection| {
            connection.request()?;
            connection.send(&success()[..2_000])?;
            connection.hold()
        });
        is_lost(&bench(), &server, &["--stall-timeout", "0.5"]).within(10);
    }
}

/// So often does something happen in what is slow, but not still.
const PACE: Duration = Duration::from_millis(100);
const PACES: usize = 45;

/// A server that reads slowly for more than four seconds.
pub fn slow(tls: bool) -> Server {
    Server::either(tls, |connection| {
        connection.head()?;
        for _ in 0..PACES {
            connection.some(256 * 1024)?;
            connection.pace(PACE);
        }
        connection.body()?;
        connection.send(success())
    })
}

#[test]
fn a_slow_upload_is_not_a_stall() {
    for tls in [false, true] {
        let (bench, server) = (big_bench(), slow(tls));
        let start = Instant::now();
        // The upload may take longer than the reply.
        succeeds(
            &bench,
            call(&bench, &server, &["--stall-timeout", "1", "--timeout", "3", "--retries", "0"]),
        );
        assert!(start.elapsed() > 4 * Duration::from_secs(1));
        server.saw(1, 1);
    }
}

#[test]
fn a_slow_reply_is_not_a_stall() {
    let bench = bench();
    let server = Server::tls(|connection| {
        connection.request()?;
        for piece in success().chunks(1_500) {
            connection.send(piece)?;
            connection.pace(PACE);
        }
        Ok(())
    });
    let start = Instant::now();
    succeeds(&bench, call(&bench, &server, &["--stall-timeout", "1", "--timeout", "3"]));
    assert!(start.elapsed() > 4 * Duration::from_secs(1));
    server.saw(1, 1);
}

#[test]
fn the_service_may_think_for_longer_than_a_stall() {
    for thinks_behind_head in [false, true] {
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            let success = success();
            let (before, after) =
                success.split_at(if thinks_behind_head { success.len() - voice().len() } else { 0 });
            connection.send(before)?;
            connection.pace(Duration::from_secs(2));
            connection.send(after)
        });
        succeeds(&bench, call(&bench, &server, &["--stall-timeout", "0.5", "--timeout", "30"]));
        server.saw(1, 1);
    }
}

#[test]
fn a_reply_that_never_comes_is_lost() {
    for (tls, begins) in [(false, false), (true, false), (false, true)] {
        let server = Server::either(tls, move |connection| {
            connection.request()?;
            if begins {
                // With a head only: its first byte never comes.
                connection.send(head(200, &[("Content-Length", "60000")]))?;
            }
            connection.hold()
        });
        is_lost(&bench(), &server, &["--timeout", "0.7"]).within(10);
    }
}

#[test]
fn a_reply_that_never_gets_to_the_point_is_lost() {
    for (before, drop) in [
        ("", "HTTP/1.1 102 Processing\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\nX-Endless: ", "x"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", "x"),
    ] {
        eprintln!("{before:?}, and then {drop:?} for ever");
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(before)?;
            loop {
                connection.send(drop)?;
                connection.pace(Duration::from_millis(50));
            }
        });
        is_lost(&bench(), &server, &["--timeout", "1"]).within(10);
    }
}

#[test]
fn a_server_that_says_nothing_at_all_is_trouble_of_the_network() {
    // It takes the connection, but never answers the greeting of TLS.
    let (bench, dumb) = (bench(), Server::plain(|connection| connection.hold()));
    let base = format!("https://localhost:{}", dumb.port());
    let args = ["--connect-timeout", "0.5", "--retries", "0", "--base-url", &base];
    fails(&bench, &dumb, &args, 5, "network").within(10).says("localhost");
    dumb.saw(1, 0);
}

#[test]
fn nobody_there_is_trouble_of_the_network_and_tried_again() {
    let bench = bench();
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("its address").port()
    };
    let base = format!("http://127.0.0.1:{port}");
    let run = bench
        .voxsift(["--json", "in.wav", "--base-url", &base, "--retries", "1"])
        .env("ELEVENLABS_API_KEY", KEY);
    let failed = fails_as(&bench, run, 5, "network");
    failed.says("127.0.0.1");
    assert!(failed.notes.len() == 1 && failed.notes[0].contains("(attempt 2 of 2)"), "{:?}", failed.notes);
    assert_eq!((&failed.json["attempts"], &failed.json["bytes_uploaded"]), (&json!(2), &json!(0)));
}
