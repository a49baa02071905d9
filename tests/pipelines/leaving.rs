//! Readers that leave.

use std::fs;
use std::io::Read;
use std::thread;

use crate::child::{Ended, Running, behind_shell, until};
use crate::support::{self, Bench};
use crate::{into_pipe, long_take, other, take};

/// How the program is started with SIGPIPE as programs usually find it, and ignored, as some parents leave it.
const WITH_AND_WITHOUT_SIGPIPE: [&str; 2] = [r#"exec "$@""#, r#"trap '' PIPE && exec "$@""#];

#[test]
fn a_reader_that_leaves_a_live_stream_ends_it_quietly() {
    let second = take().pcm();
    for line in WITH_AND_WITHOUT_SIGPIPE {
        for format in ["wav", "flac", "opus", "pcm"] {
            let bench = Bench::new();
            let (mut running, mut from) =
                into_pipe(behind_shell(&bench.path(""), line, ["--raw", "-v", "-t", format]));
            let second = second.clone();
            let writer = thread::spawn(move || {
                // The program takes no more when it has ended, and takes no hour before that.
                let all = (0..3600).all(|_| running.try_give(&second));
                (running, all)
            });
            let mut start = [0; 1000];
            from.read_exact(&mut start).expect("1000 bytes");
            drop(from);
            let (running, all) = writer.join().expect("the writer");
            let ended = running.end().with(0);
            assert!(!all, "{format}, {line}: it went on for an hour");
            assert_eq!(ended.stderr, "", "{format}, {line}");
        }
    }
}

#[test]
fn a_reader_that_was_never_there_is_a_quiet_end_as_well() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for line in WITH_AND_WITHOUT_SIGPIPE {
        for args in [["in.wav", "-o", "-"], ["in.wav", "-o", "/dev/stdout"]] {
            let (mut running, from) =
                into_pipe(behind_shell(&bench.path(""), &format!("read start; {line}"), args));
            drop(from);
            running.give(b"\n");
            assert_eq!(running.end().with(0).stderr, "", "{args:?}, {line}");
        }
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn a_shell_pipeline_into_head() {
    let bench = Bench::new();
    bench.file("in.wav", long_take().wav16());
    for run in [
        r#""$0" in.wav -o -"#,
        r#"cat in.wav | "$0""#,
        r#"yes | "$0" --raw -t pcm"#,
        r#"yes | "$0" --raw --channels 2 -t flac -"#,
    ] {
        let line = format!("{{ {run}; echo $? > code; }} | head -c 1000 > start; wait");
        let mut shell = other(&bench, "sh", "-c");
        let ended = Running::start(shell.arg(line).arg(support::binary())).end().with(0);
        // The last part of a pipeline is waited for, the part before it perhaps not.
        let code = until("the exit code", || {
            fs::read_to_string(bench.path("code")).ok().filter(|code| code.ends_with('\n'))
        });
        assert_eq!((code.as_str(), ended.stderr.as_str()), ("0\n", ""), "{run}");
        assert_eq!(bench.read("start").len(), 1000, "{run}");
        fs::remove_file(bench.path("code")).expect("it was there");
    }
}

/// The exit code and the messages of the program behind a line of shell, when nobody reads its output.
fn unread(bench: &Bench, args: &[&str]) -> Ended {
    let (mut running, from) =
        into_pipe(behind_shell(&bench.path(""), r#"read start; exec "$@" < /dev/null"#, args));
    drop(from);
    running.give(b"\n");
    running.end()
}

#[test]
fn a_reader_that_leaves_excuses_nothing_else() {
    let bench = Bench::new();
    bench.file("bad.wav", b"");
    bench.file("in.wav", take().wav16());
    unread(&bench, &["bad.wav", "-o", "-"]).failed(4, "bad.wav: it is empty");
    unread(&bench, &["missing.wav", "-o", "-"]).failed(4, "no such file");
    unread(&bench, &["in.wav", "-o", "-", "--no-such-option"]).with(2);
    assert_eq!(bench.names(), ["bad.wav", "in.wav"]);
}

#[test]
fn json_whose_reader_leaves_is_a_quiet_end() {
    let bench = Bench::new();
    for name in ["a.wav", "b.wav", "c.wav"] {
        bench.file(name, take().wav16());
    }
    let ended = unread(&bench, &["--json", "-j", "1", "a.wav", "b.wav", "c.wav"]).with(0);
    assert!(!ended.stderr.contains("error:"), "{}", ended.stderr);
    assert!(bench.names().iter().all(|name| !name.ends_with(".part")), "{:?}", bench.names());
    unread(&bench, &["--json", "-n", "a.wav", "-f"]).with(0);
    unread(&bench, &["--json", "-q", "a.wav", "--skip-existing"]).with(0);
}

#[test]
fn json_whose_reader_leaves_excuses_no_failure() {
    let bench = Bench::new();
    bench.file("bad.wav", b"");
    bench.file("in.wav", take().wav16());
    let ended = unread(&bench, &["--json", "bad.wav"]).with(4);
    assert!(ended.stderr.contains("error: bad.wav: it is empty"), "{}", ended.stderr);
    unread(&bench, &["--json", "bad.wav", "bad.wav", "missing.wav"]).with(4);
    let ended = unread(&bench, &["--json", "-j", "1", "bad.wav", "in.wav"]);
    assert_ne!(ended.status.code(), Some(0), "{}", ended.stderr);
    unread(&bench, &["--json", "in.wav", "-o", "out.xyz"]).with(2);
}
