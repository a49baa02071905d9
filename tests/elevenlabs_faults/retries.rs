//! What is sent again, when, and how often.

use std::time::{Duration, Instant, SystemTime};

use serde_json::json;

use crate::server::{Server, answer, head};
use crate::support::Bench;
use crate::{TAKE, always, bench, call, fails, is_lost, once, succeeds, success, voice};

#[test]
fn what_may_pass_is_tried_again_with_the_same_bytes() {
    let bench = bench();
    for status in [408, 409, 429, 500, 502, 503, 504] {
        let server = once(answer(status, &[("Retry-After-ms", "1")], ""));
        let done = succeeds(&bench, call(&bench, &server, &["--json"]));
        done.says("note: in.wav: ").says(&status.to_string()).says("trying again").says("(attempt 2 of 4)");
        server.saw(2, 2);
        let requests = server.requests();
        assert_eq!(requests[0].head, requests[1].head, "{status}");
        assert!(requests[0].body == requests[1].body, "{status}");
        assert!(requests[0].body.windows(1000).any(|window| window == &TAKE[..1000]), "{status}");
        let json = done.json();
        assert_eq!(json["attempts"], 2, "{}", done.show());
        assert_eq!(json["bytes_uploaded"], 2 * requests[0].body.len(), "{}", done.show());
    }
}

#[test]
fn what_cannot_pass_is_not_tried_again() {
    let bench = bench();
    for (status, code, kind) in [
        (400, 4, "request"),
        (401, 3, "key"),
        (402, 3, "credits"),
        (403, 3, "permission"),
        (404, 4, "request"),
        (405, 4, "request"),
        (413, 4, "input"),
        (415, 4, "input"),
        (418, 4, "request"),
        (422, 4, "request"),
    ] {
        let server = always(answer(status, &[("Retry-After-ms", "1")], ""));
        let failed = fails(&bench, &server, &[], code, kind);
        assert!(failed.notes.is_empty(), "{status}: {:?}", failed.notes);
        server.saw(1, 1);
    }
    let spent = json!({"detail": {"status": "quota_exceeded", "message": "0 credits left"}}).to_string();
    let server = always(answer(429, &[("Retry-After-ms", "1")], spent));
    fails(&bench, &server, &[], 3, "credits").says("0 credits left");
    server.saw(1, 1);
}

#[test]
fn retries_come_to_an_end() {
    let bench = bench();
    for (retries, requests) in [("0", 1), ("1", 2), ("3", 4), ("", 4)] {
        let server = always(answer(503, &[("Retry-After", "0")], ""));
        let args = if retries.is_empty() { vec![] } else { vec!["--retries", retries] };
        let failed = fails(&bench, &server, &args, 5, "service");
        assert_eq!(failed.notes.len(), requests - 1, "{:?}", failed.notes);
        assert_eq!(failed.json["attempts"], requests);
        server.saw(requests, requests);
    }
    let server = always(answer(429, &[("Retry-After-ms", "1")], ""));
    fails(&bench, &server, &["--retries", "2"], 5, "rate-limit");
    server.saw(3, 3);
}

#[test]
fn the_service_says_how_long_to_wait() {
    let date = |seconds| httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds));
    let bench = bench();
    let start = Instant::now();
    for (name, value, least, most) in [
        ("Retry-After", "0".to_owned(), 0, 850),
        ("Retry-After", "1".to_owned(), 990, 5_000),
        ("retry-after", " 1 ".to_owned(), 990, 5_000),
        ("Retry-After-ms", "400".to_owned(), 390, 5_000),
        ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT".to_owned(), 0, 850),
        // In whole seconds: between one and two.
        ("Retry-After", "date".to_owned(), 900, 5_000),
        // What cannot be understood says nothing.
        ("Retry-After", "soon".to_owned(), 800, 5_000),
        ("Retry-After", "-1".to_owned(), 800, 5_000),
        ("Retry-After-ms", "1e400".to_owned(), 800, 5_000),
    ] {
        let value = if value == "date" { date(2) } else { value };
        let server = once(answer(429, &[(name, &value)], ""));
        succeeds(&bench, call(&bench, &server, &[]));
        server.saw(2, 2);
        let requests = server.requests();
        let waited = (requests[1].at - requests[0].at).as_millis();
        assert!((least..most).contains(&waited), "{name}: {value}: {waited} ms");
    }
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_wait_that_is_too_long_is_not_begun() {
    let bench = bench();
    for (name, value) in [
        ("Retry-After", "7200".to_owned()),
        ("Retry-After-ms", "7200000".to_owned()),
        ("Retry-After", httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(7_210))),
        ("Retry-After", "99999999999999999999".to_owned()),
    ] {
        eprintln!("{name}: {value}");
        let server = always(answer(503, &[(name, &value)], ""));
        let failed = fails(&bench, &server, &[], 5, "service");
        failed.within(10);
        if value.len() < 10 {
            failed.says("7200 s");
        }
        server.saw(1, 1);
    }
    // All waits together.
    let server = always(answer(503, &[("Retry-After-ms", "600")], ""));
    let failed = fails(&bench, &server, &["--timeout", "1", "--retries", "5"], 5, "service");
    assert_eq!(failed.notes.len(), 1, "{:?}", failed.notes);
    server.saw(2, 2);
}

#[test]
fn a_lost_reply_is_tried_again_only_where_that_is_said() {
    let lossy = |number| {
        Server::plain(move |connection| {
            connection.request()?;
            match connection.number {
                1 => connection.send(&success()[..2_000]),
                2 if number == 2 => Ok(()),
                _ => connection.send(success()),
            }
        })
    };
    let (bench, server) = (bench(), lossy(1));
    is_lost(&bench, &server, &["--retries", "3"]);

    let server = lossy(2);
    let done = succeeds(&bench, call(&bench, &server, &["--json", "--retry-lost"]));
    done.says("(attempt 2 of 4)").says("(attempt 3 of 4)");
    assert_eq!(done.json()["attempts"], 3);
    server.saw(3, 3);
    let bodies: Vec<_> = server.requests().into_iter().map(|request| request.body).collect();
    assert!(bodies[0] == bodies[1] && bodies[1] == bodies[2]);

    let server = lossy(2);
    fails(&bench, &server, &["--retry-lost", "--retries", "1"], 5, "lost").says("billed");
    server.saw(2, 2);
    let server = lossy(1);
    fails(&bench, &server, &["--retry-lost", "--retries", "0"], 5, "lost").says("billed");
    server.saw(1, 1);
}

#[test]
fn the_price_is_that_of_all_attempts() {
    let priced =
        |credits: &str| answer(200, &[("Content-Type", "audio/mpeg"), ("character-cost", credits)], voice());
    let spent = |first: Vec<u8>, last: Vec<u8>| {
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            connection.send(if connection.number == 1 { &first } else { &last })
        });
        succeeds(&bench, call(&bench, &server, &["--json", "--retry-lost"])).json()["credits"].clone()
    };
    let busy = answer(503, &[("Retry-After-ms", "1")], "");
    assert_eq!(spent(busy, priced("70")), 70, "a refusal costs nothing");
    let broken = |whole: Vec<u8>| whole[..2_000].to_vec();
    assert_eq!(spent(broken(priced("80")), priced("70")), 150, "what was lost is paid for as well");
    assert!(spent(broken(success()), priced("70")).is_null(), "what was lost may be paid for");
    assert!(spent(Vec::new(), priced("70")).is_null(), "what was lost may be paid for");

    let (bench, server) = (bench(), always(answer(401, &[], "")));
    assert_eq!(fails(&bench, &server, &[], 3, "key").json["credits"], 0);
}

#[test]
fn what_standard_output_has_is_not_sent_again() {
    let bench = bench();
    let server = Server::plain(|connection| {
        connection.request()?;
        connection.send(&success()[..3_000])
    });
    let done = call(&bench, &server, &["--retry-lost", "-o", "-"]).exits(5);
    done.says("billed").says("hint: ");
    assert!(voice().starts_with(done.stdout()) && !done.stdout().is_empty(), "{}", done.show());
    assert_eq!(bench.names(), ["in.wav"]);
    server.saw(1, 1);

    // As long as it has nothing, all can begin anew.
    for first in
        [Vec::new(), answer(500, &[("Retry-After-ms", "1")], ""), head(200, &[("Content-Length", "60000")])]
    {
        let server = once(first);
        let done = call(&bench, &server, &["--retry-lost", "-o", "-"]).succeeds();
        assert!(done.stdout() == voice(), "{}", done.show());
        server.saw(2, 2);
    }
}

#[test]
fn a_pipe_that_was_stored_can_be_sent_again() {
    let (bench, server) = (Bench::new(), once(answer(503, &[("Retry-After-ms", "1")], "")));
    let run = bench.voxsift(["-e", "elevenlabs", "-o", "out.mp3"]);
    let run = server.env().iter().fold(run, |run, (name, value)| run.env(name, value));
    run.stdin(TAKE.clone()).succeeds();
    assert!(bench.read("out.mp3") == voice());
    assert_eq!(bench.names(), ["out.mp3"]);
    server.saw(2, 2);
    assert!(server.requests()[0].body == server.requests()[1].body);
}
