//! Connections that break, and replies that end too early.

use std::io;
use std::time::Duration;

use crate::server::{Connection, Server, answer, chunk, head};
use crate::{bench, big_bench, call, fails, is_lost, keeps_the_secret, succeeds, success, voice};

#[test]
fn a_reset_during_the_upload_is_trouble_of_the_network() {
    for tls in [false, true] {
        for after in [None, Some(1_000_000)] {
            let bench = big_bench();
            let server = Server::either(tls, move |connection| {
                if let Some(bytes) = after {
                    connection.head()?;
                    connection.some(bytes)?;
                }
                connection.reset()
            });
            fails(&bench, &server, &["--retries", "0"], 5, "network");
            server.saw(1, usize::from(after.is_some()));
        }
    }
}

#[test]
fn a_reset_during_the_upload_is_tried_again_with_the_same_bytes() {
    for tls in [false, true] {
        let bench = big_bench();
        let server = Server::either(tls, |connection| {
            connection.head()?;
            if connection.number == 1 {
                connection.some(1_000_000)?;
                return connection.reset();
            }
            connection.body()?;
            connection.send(success())
        });
        let done = succeeds(&bench, call(&bench, &server, &[]));
        done.says("note: in.wav: ").says("(attempt 2 of 4)");
        server.saw(2, 2);
        let requests = server.requests();
        assert_eq!(requests[0].head, requests[1].head);
        assert_eq!(requests[0].body, requests[1].body[..1_000_000]);
        let wait = requests[1].at - requests[0].at;
        assert!(wait > Duration::from_millis(800), "{wait:?}");
    }
}

#[test]
fn a_server_that_leaves_during_the_upload_is_trouble_of_the_network() {
    for tls in [false, true] {
        let bench = big_bench();
        let server = Server::either(tls, |connection| {
            connection.head()?;
            connection.some(1_000_000)?;
            connection.half_close();
            connection.drain();
            Ok(())
        });
        fails(&bench, &server, &["--retries", "0"], 5, "network").within(10);
        server.saw(1, 1);
    }
}

#[test]
fn a_break_behind_the_upload_is_a_lost_reply() {
    type Break = fn(&mut Connection) -> io::Result<()>;
    let breaks: [(&str, bool, Break); 12] = [
        ("a goodbye without a reply", false, |connection| connection.body()),
        ("a goodbye without a reply", true, |connection| connection.body()),
        ("a cut without a reply", true, |connection| {
            connection.body()?;
            connection.cut()
        }),
        ("a reset without a reply", false, |connection| {
            connection.body_but_one_byte()?;
            connection.reset()
        }),
        ("a cut in the head", false, |connection| {
            connection.body()?;
            connection.send("HTTP/1.1 200 OK\r\nContent-Ty")
        }),
        ("a reset in the head", false, |connection| {
            connection.body_but_one_byte()?;
            connection.send("HTTP/1.1 200 OK\r\nContent-Ty")?;
            connection.reset()
        }),
        ("a reset between head and body", false, |connection| {
            connection.body_but_one_byte()?;
            connection.send(head(200, &[("Content-Length", "60000")]))?;
            connection.reset()
        }),
        ("a reset in the body", false, |connection| {
            connection.body_but_one_byte()?;
            connection.send(&success()[..2_000])?;
            connection.reset()
        }),
        ("a reset in a body of unknown length", false, |connection| {
            connection.body_but_one_byte()?;
            connection.send(head(200, &[("Connection", "close")]))?;
            connection.send(&voice()[..2_000])?;
            connection.reset()
        }),
        ("a cut in a body of unknown length", true, |connection| {
            connection.body()?;
            connection.send(head(200, &[("Connection", "close")]))?;
            connection.send(&voice()[..2_000])?;
            connection.cut()
        }),
        ("a cut in the body", true, |connection| {
            connection.body()?;
            connection.send(&success()[..2_000])?;
            connection.cut()
        }),
        ("a reset in a chunk", false, |connection| {
            connection.body_but_one_byte()?;
            connection.send(head(200, &[("Transfer-Encoding", "chunked")]))?;
            connection.send(&chunk(&voice())[..2_000])?;
            connection.reset()
        }),
    ];
    for (what, tls, play) in breaks {
        eprintln!("{what}, TLS {tls}");
        let server = Server::either(tls, move |connection| {
            connection.head()?;
            play(connection)
        });
        is_lost(&bench(), &server, &[]);
    }
}

#[test]
fn a_reply_that_ends_too_early_is_a_lost_one() {
    let length = voice().len().to_string();
    let half = &voice()[..2_000];
    let announced = head(200, &[("Content-Length", &length)]);
    let chunked = head(200, &[("Transfer-Encoding", "chunked")]);
    for (what, reply) in [
        ("nothing of the announced", announced.clone()),
        ("half of the announced", [&announced, half].concat()),
        ("all but a byte", [&announced, &voice()[..voice().len() - 1]].concat()),
        ("no chunk", chunked.clone()),
        ("no last chunk", [&chunked, &chunk(&voice())[..]].concat()),
        ("half a chunk", [&chunked, &chunk(&voice())[..2_000]].concat()),
        ("half of the voice", [&head(200, &[("Connection", "close")]), &voice()[..30_000]].concat()),
    ] {
        for tls in [false, true] {
            eprintln!("{what}, TLS {tls}");
            let reply = reply.clone();
            let server = Server::either(tls, move |connection| {
                connection.request()?;
                connection.send(&reply)
            });
            is_lost(&bench(), &server, &[]);
            if tls {
                continue;
            }
            // What is decoded here would still be half a voice.
            call(&bench(), &server, &["--stream", "-o", "out.wav"]).fails(5, "billed");
            let old = bench();
            old.file("out.flac", b"old");
            call(&old, &server, &["-f", "-o", "out.flac"]).fails(5, "billed");
            assert_eq!(old.read("out.flac"), b"old");
            assert_eq!(old.names(), ["in.wav", "out.flac"]);
            server.saw(3, 3);
        }
    }
}

#[test]
fn bodies_of_all_frames_are_understood() {
    for (what, tls, reply) in [
        ("until the end", false, [head(200, &[("Connection", "close")]), voice()].concat()),
        ("until the end", true, [head(200, &[("Connection", "close")]), voice()].concat()),
        ("HTTP/1.0", false, [b"HTTP/1.0 200 OK\r\n\r\n".to_vec(), voice()].concat()),
        (
            "chunks",
            true,
            [
                head(200, &[("Transfer-Encoding", "chunked")]),
                chunk(&voice()[..1]),
                chunk(&voice()[1..3000]),
                chunk(&voice()[3000..]),
                chunk(b""),
            ]
            .concat(),
        ),
        ("another success", false, answer(201, &[], voice())),
        ("more than was announced", false, [success(), b"HTTP/1.1 400 Bad\r\n\r\n".to_vec()].concat()),
    ] {
        eprintln!("{what}, TLS {tls}");
        let bench = bench();
        let server = Server::either(tls, move |connection| {
            connection.request()?;
            connection.send(&reply)
        });
        succeeds(&bench, call(&bench, &server, &[]));
        server.saw(1, 1);
    }
}

#[test]
fn an_answer_that_is_no_http_is_a_failure() {
    let endless = |line: &'static str| {
        move |connection: &mut Connection| {
            connection.send("HTTP/1.1 200 OK\r\n")?;
            loop {
                connection.send(line)?;
            }
        }
    };
    type Answer = Box<dyn Fn(&mut Connection) -> io::Result<()> + Send + Sync>;
    let answers: [Answer; 6] = [
        Box::new(|connection| connection.send("SSH-2.0-OpenSSH_9.7\r\n")),
        Box::new(|connection| connection.send("HTTP/1.1 twohundred OK\r\n\r\n")),
        Box::new(|connection| connection.send("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n")),
        Box::new(|connection| {
            connection.send(head(200, &[("Transfer-Encoding", "chunked")]))?;
            connection.send("xyz\r\nID3")
        }),
        Box::new(endless("X-More: and more and more and more and more and more and more and more\r\n")),
        Box::new(endless("and more and more and more and more and more and more and more and more")),
    ];
    for (number, play) in answers.into_iter().enumerate() {
        eprintln!("answer {number}");
        let bench = bench();
        let server = Server::plain(move |connection| {
            connection.request()?;
            play(connection)
        });
        let done = call(&bench, &server, &["--json", "--timeout", "20"]).exits(5);
        keeps_the_secret(&done);
        let kind = done.json()["error"]["kind"].clone();
        assert!(kind == "lost" || kind == "service", "{}", done.show());
        assert_eq!(bench.names(), ["in.wav"]);
        server.saw(1, 1);
    }
}
