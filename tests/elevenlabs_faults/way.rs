//! Certificates, proxies, and who sees the key.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::child::{Running, command, until};
use crate::early::{Then, hasty};
use crate::server::{Connection, KEY, Server, answer};
use crate::time::slow;
use crate::{TAKE, bench, big_bench, call, fails, fails_as, succeeds, success};

#[test]
fn a_stranger_is_not_trusted() {
    let play = |connection: &mut Connection| {
        connection.request()?;
        connection.send(success())
    };
    let (bench, server) = (bench(), Server::tls(play));
    succeeds(&bench, call(&bench, &server, &[]));
    server.saw(1, 1);

    let run = bench
        .voxsift(["-e", "elevenlabs", "--json", "in.wav", "--base-url", &server.url()])
        .env("ELEVENLABS_API_KEY", KEY);
    let failed = fails_as(&bench, run, 5, "network");
    failed.hints("SSL_CERT_FILE").says("localhost");
    assert!(failed.notes.is_empty(), "{:?}", failed.notes);
    server.saw(2, 1);

    // Signed by a friend, but for another name.
    let server = Server::certified("api.elevenlabs.io", play);
    fails(&bench, &server, &[], 5, "network");
    server.saw(1, 0);
}

#[test]
fn a_server_that_speaks_no_tls_gets_no_key() {
    let (bench, heard) = (bench(), Arc::new(AtomicUsize::new(0)));
    let server = Server::plain({
        let heard = Arc::clone(&heard);
        move |connection| {
            connection.send("HTTP/1.1 400 Bad Request\r\n\r\n")?;
            connection.half_close();
            heard.fetch_add(connection.drain(), SeqCst);
            Ok(())
        }
    });
    let base = format!("https://localhost:{}", server.port());
    fails(&bench, &server, &["--base-url", &base, "--retries", "0"], 5, "network");
    server.saw(1, 0);
    assert!(heard.load(SeqCst) < 2_000, "a greeting and no more");
}

/// A proxy that connects everybody to this server, whatever they ask for.
fn proxy(to: SocketAddr) -> Server {
    Server::plain(move |connection| {
        connection.head()?;
        connection.send("HTTP/1.1 200 Connection established\r\n\r\n")?;
        connection.relay(to)
    })
}

#[test]
fn a_proxy_is_told_where_to_and_nothing_else() {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        let bench = bench();
        let server = Server::tls(|connection| {
            connection.request()?;
            connection.send(success())
        });
        let proxy = proxy(server.address());
        let url = format!("http://user:secret@127.0.0.1:{}", proxy.port());
        succeeds(&bench, call(&bench, &server, &[]).env(variable, &url));
        server.saw(1, 1);
        proxy.saw(1, 1);
        let asked = &proxy.requests()[0];
        assert!(
            asked.head.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", server.port())),
            "{asked:?}"
        );
        assert_eq!(asked.header("proxy-authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
        assert!(asked.header("xi-api-key").is_none() && !asked.head.contains(KEY), "{asked:?}");
        let request = &server.requests()[0];
        assert!(request.header("proxy-authorization").is_none(), "{}", request.head);
        assert_eq!(request.header("xi-api-key"), Some(KEY));
    }
}

#[test]
fn a_socks_proxy_works() {
    let bench = bench();
    let server = Server::tls(|connection| {
        connection.request()?;
        connection.send(success())
    });
    let to = server.address();
    let proxy = Server::plain(move |connection| {
        // RFC 1928: without a password, to this name and port.
        let greeting = connection.take(2)?;
        connection.take(usize::from(greeting[1]))?;
        connection.send([5, 0])?;
        let asked = connection.take(5)?;
        assert_eq!(asked[..4], [5, 1, 0, 3], "a name, which the proxy looks up");
        let name = connection.take(usize::from(asked[4]))?;
        assert_eq!(name, b"localhost");
        assert_eq!(connection.take(2)?, to.port().to_be_bytes());
        connection.send([5, 0, 0, 1, 127, 0, 0, 1, 0, 0])?;
        connection.relay(to)
    });
    let url = format!("socks5h://127.0.0.1:{}", proxy.port());
    succeeds(&bench, call(&bench, &server, &["--retries", "0"]).env("ALL_PROXY", &url));
    server.saw(1, 1);
    proxy.saw(1, 0);
}

#[test]
fn a_proxy_is_left_out_where_that_is_said() {
    let bench = bench();
    for tls in [true, false] {
        let server = Server::either(tls, |connection| {
            connection.request()?;
            connection.send(success())
        });
        let unwanted = Server::plain(|connection| connection.head().map(drop));
        let url = format!("http://127.0.0.1:{}", unwanted.port());
        let exceptions: &[(&str, &str)] = if tls {
            &[("NO_PROXY", "localhost"), ("no_proxy", "example.org, localhost"), ("NO_PROXY", "*")]
        } else {
            // In clear it would hear the key.
            &[("NO_PROXY", "")]
        };
        for (name, value) in exceptions {
            let mut run = call(&bench, &server, &["--retries", "0"]).env(name, value);
            for variable in
                ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
            {
                run = run.env(variable, &url);
            }
            succeeds(&bench, run);
        }
        server.saw(exceptions.len(), exceptions.len());
        unwanted.saw(0, 0);
    }
}

#[test]
fn a_proxy_that_refuses_is_trouble_of_the_network() {
    type Refusal = fn(&mut Connection) -> io::Result<()>;
    let refusals: [(&str, Refusal); 5] = [
        ("407", |connection| {
            connection.head()?;
            connection.send(answer(407, &[("Proxy-Authenticate", "Basic realm=\"x\"")], KEY))
        }),
        ("503", |connection| {
            connection.head()?;
            connection.send(answer(503, &[], "<html>"))
        }),
        ("", |connection| connection.head().map(drop)),
        ("", |connection| {
            connection.head()?;
            connection.hold()
        }),
        ("", |connection| {
            connection.head()?;
            connection.send("HTTP/1.1 200 OK\r\n\r\n")?;
            connection.hold()
        }),
    ];
    for (number, (says, play)) in refusals.into_iter().enumerate() {
        eprintln!("refusal {number}");
        let (bench, server, proxy) = (bench(), Server::tls(|_| Ok(())), Server::plain(play));
        let url = format!("http://user:secret@127.0.0.1:{}", proxy.port());
        let run = call(&bench, &server, &["--json", "--retries", "0", "--connect-timeout", "1"]);
        let failed = fails_as(&bench, run.env("HTTPS_PROXY", &url), 5, "network");
        failed.says(says).within(10);
        assert!(!format!("{} {}", failed.error, failed.hint).contains("secret"), "{}", failed.error);
        server.saw(0, 0);
        proxy.saw(1, 1);
    }
    // A wrong password stays wrong.
    let (bench, server) = (bench(), Server::tls(|_| Ok(())));
    let proxy = Server::plain(|connection| {
        connection.head()?;
        connection.send(answer(407, &[], ""))
    });
    let url = format!("http://user:secret@127.0.0.1:{}", proxy.port());
    let failed = fails_as(&bench, call(&bench, &server, &["--json"]).env("HTTPS_PROXY", &url), 5, "network");
    assert!(failed.notes.is_empty(), "{:?}", failed.notes);
    server.saw(0, 0);
}

#[test]
fn what_is_no_proxy_is_refused_and_not_shown() {
    let bench = bench();
    for value in ["http://user:secret@", "secret://127.0.0.1:1", "http://user:secret@127.0.0.1:port"] {
        for name in ["HTTPS_PROXY", "ALL_PROXY"] {
            let run = bench.voxsift(["-e", "elevenlabs", "in.wav", "--base-url", "https://localhost:1"]);
            let done = run.env("ELEVENLABS_API_KEY", KEY).env(name, value).fails(2, name);
            done.says_not("secret");
        }
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn faults_are_the_same_behind_a_proxy() {
    let through = |server: &Server, args: &[&str], code, kind| {
        let (bench, proxy) = (big_bench(), proxy(server.address()));
        let url = format!("http://127.0.0.1:{}", proxy.port());
        let args: Vec<&str> = ["--json", "--retries", "0"].iter().chain(args).copied().collect();
        let failed = fails_as(&bench, call(&bench, server, &args).env("HTTPS_PROXY", &url), code, kind);
        proxy.saw(1, 1);
        server.saw(1, 1);
        failed
    };
    for then in [Then::Leaves, Then::Lingers] {
        through(&hasty(true, 100_000, then), &[], 3, "key").says("no, because").within(10);
    }
    let reset = Server::tls(|connection| {
        connection.head()?;
        connection.some(1_000_000)?;
        connection.reset()
    });
    through(&reset, &[], 5, "network");
    let stall = Server::tls(|connection| {
        connection.head()?;
        connection.hold()
    });
    through(&stall, &["--stall-timeout", "0.5"], 5, "network").within(10);
    let silence = Server::tls(|connection| {
        connection.request()?;
        connection.hold()
    });
    through(&silence, &["--timeout", "1"], 5, "lost").within(20);
    let half = Server::tls(|connection| {
        connection.request()?;
        connection.send(&success()[..2_000])?;
        connection.hold()
    });
    through(&half, &["--stall-timeout", "1"], 5, "lost").within(20);
}

#[test]
fn a_slow_upload_through_a_proxy_is_not_a_stall() {
    let (bench, server) = (big_bench(), slow(true));
    let proxy = proxy(server.address());
    let run = call(&bench, &server, &["--stall-timeout", "1", "--timeout", "3", "--retries", "0"]);
    succeeds(&bench, run.env("HTTPS_PROXY", &format!("http://127.0.0.1:{}", proxy.port())));
    server.saw(1, 1);
    proxy.saw(1, 1);
}

#[cfg(target_os = "linux")]
#[test]
fn other_users_cannot_see_the_key() {
    let bench = bench();
    let server = Server::plain(|connection| {
        connection.request()?;
        connection.until_told();
        connection.send(success())
    });
    let file = bench.file("key", KEY);
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("a mode");
    let args = ["-v", "in.wav", "--api-key-file", "key", "--base-url", &server.url()];
    let running = Running::start(&mut command(&bench.path(""), args));
    until("the upload", || (server.received() > TAKE.len()).then_some(()));
    for name in ["cmdline", "environ", "comm"] {
        let mut seen = Vec::new();
        let path = format!("/proc/{}/{name}", running.id());
        File::open(&path).and_then(|mut file| file.read_to_end(&mut seen)).expect("it can be read");
        assert!(!seen.is_empty() && !String::from_utf8_lossy(&seen).contains(KEY), "{name}");
    }
    server.tell();
    let ended = running.end().with(0);
    assert!(!ended.stderr.contains(KEY) && !String::from_utf8_lossy(&ended.stdout).contains(KEY));
    assert_eq!(server.requests()[0].header("xi-api-key"), Some(KEY));
    assert_eq!(bench.names(), ["in.isolated.mp3", "in.wav", "key"]);
}
