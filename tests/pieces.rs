//! Recordings of any length through the service: in pieces, padded, compressed; and nothing is paid for twice.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/picture.rs"]
mod picture;
#[path = "support/server.rs"]
mod server;
#[path = "support/studio.rs"]
mod studio;
mod support;
#[path = "support/takes.rs"]
mod takes;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::process::{Command, Stdio};

use child::{Running, until};
use crowd::Verdict::{Refusal, Voice};
use crowd::{Arrival, Crowd, Sent, View};
use picture::Picture;
use rustix::process::Signal;
use serde_json::{Value, json};
use studio::{Likeness, heard, mp3, number, ramble, replayed};
use support::{Audio, Bench};
use takes::files;
use terminal::Terminal;

/// Gives back what it was sent as WAV, each piece later and louder than the others.
fn echo(sent: &Sent) -> Vec<u8> {
    let number = number(&sent.name);
    replayed(&heard(sent), 300 + 111 * number, [-3.0, 2.0, 0.0, 3.0, -1.0][number % 5]).wav(32, true)
}

/// Gives back what it was sent.
fn mirror(sent: &Sent) -> Vec<u8> {
    heard(sent).wav(32, true)
}

fn at_once(_: &View, _: &Arrival) -> Option<crowd::Verdict> {
    Some(Voice)
}

/// 75 s at 16 kHz in `talk.wav`: six pieces of up to 20 s.
fn talk(bench: &Bench) -> Audio {
    let audio = ramble(16_000, 1, 75.0);
    bench.file("talk.wav", audio.wav16());
    audio
}

const SPLIT: [&str; 2] = ["--split", "0.3333"];
const PIECES: usize = 6;
const FOLDER: &str = ".talk.isolated.wav.pieces";

fn args<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["talk.wav"][..], &SPLIT, more].concat()
}

/// The names that pieces were sent under, each once, in order.
fn once(crowd: &Crowd) -> Vec<String> {
    let names = crowd.view().names();
    let mut single = names.clone();
    single.dedup();
    assert_eq!(names, single, "each piece is sent once");
    names
}

fn all() -> Vec<String> {
    (1..=PIECES).map(|number| format!("talk-{number:03}.pcm")).collect()
}

#[test]
fn twenty_minutes_come_back_as_one() {
    let bench = Bench::new();
    let audio = ramble(16_000, 1, 1200.3);
    bench.file("long.wav", audio.wav16());
    let encodes = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_ok();
    if !encodes {
        println!("skipped in part: there is no ffmpeg to make MP3");
    }
    let play = move |sent: &Sent| {
        let number = number(&sent.name);
        let audio = heard(sent);
        assert!(audio.frames() <= 120 * 16_000, "{}: {}", sent.name, audio.frames());
        let level = 3.0 * (number as f32 * 2.4).sin();
        let reply = replayed(&audio, 500 + 777 * number % 4000, level);
        if encodes { mp3(&reply) } else { reply.wav(32, true) }
    };
    // Of three that are under way, the last one is answered first.
    let crowd = Crowd::playing(play, |view, arrival| {
        let open =
            view.arrivals.iter().filter(|other| other.verdict.is_none()).map(|other| other.number).max();
        let turn = view.now >= 3 || view.arrivals.len() >= 10;
        (turn && open == Some(arrival.number)).then_some(Voice)
    });
    let run = crowd.voxsift(&bench, &["long.wav", "--split", "2", "-j", "3", "-v", "--json"]);
    let done = run.succeeds();
    done.says("pieces").says("lag ").says("level ");
    let isolated = Audio::of_wav(&bench.read("long.isolated.wav"));
    let likeness = Likeness::of(&isolated, &audio);
    assert!(likeness.si_sdr > 30.0, "{likeness:?}");
    assert!(likeness.lag < 0.001, "{likeness:?}");
    assert!(likeness.level.1 - likeness.level.0 < 0.5, "{likeness:?}");
    // Some per cent are what MP3 does to the largest step of all; a click would be many times that.
    assert!(likeness.step.0 <= likeness.step.1 * 1.05, "{likeness:?}");
    let json = done.json();
    let pieces = json["pieces"].as_array().expect("pieces");
    assert_eq!((pieces.len(), &json["attempts"]), (11, &json!(11)));
    assert!(pieces.iter().all(|piece| piece["status"] == "ok" && piece["credits"] == 80), "{json}");
    assert_eq!(json["credits"], 880);
    assert_eq!(bench.names(), ["long.isolated.wav", "long.wav"]);
}

#[test]
fn a_dry_run_shows_the_pieces() {
    let (bench, crowd) = (Bench::new(), Crowd::open());
    talk(&bench);
    let done = crowd.voxsift(&bench, &args(&["-n"])).succeeds();
    done.says("talk.isolated.wav  elevenlabs  wav").says("in 6 pieces").says("piece 1: about 0:00 to 0:14");
    done.says("piece 6: about 1:00 to 1:15  0.24 minutes  about 242 credits").says("1.58 minutes  about 15");
    let json = crowd.voxsift(&bench, &args(&["-n", "--json"])).succeeds().json();
    let pieces = json["pieces"].as_array().expect("pieces");
    assert_eq!((pieces.len(), &json["status"]), (PIECES, &json!("planned")));
    let sum = |field: &str| pieces.iter().filter_map(|piece| piece[field].as_f64()).sum::<f64>();
    // Each cut is heard twice, for four seconds.
    assert!((sum("duration_seconds") - 95.0).abs() < 0.01, "{json}");
    assert_eq!(json["credits"].as_f64(), Some(sum("credits")));
    assert_eq!(json["duration_seconds"], 75.0);
    for (args, code) in [(["--max-minutes", "1.5"], 2), (["--max-minutes", "1.6"], 0)] {
        crowd.voxsift(&bench, &[&["talk.wav", "-n"][..], &SPLIT, &args].concat()).exits(code);
    }
    crowd.is_untouched();
    assert_eq!(bench.names(), ["talk.wav"]);
}

#[test]
fn a_killed_run_goes_on_where_it_stopped() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let bench = Bench::new();
        let audio = talk(&bench);
        // Three are answered, the others wait for the end of the program.
        let crowd = Crowd::playing(echo, |view, _| (view.count(Voice) < 3 || view.told > 0).then_some(Voice));
        let mut first = Running::start(&mut crowd.command(&bench, &args(&[])));
        first.close();
        until("three pieces and two that wait", || {
            let kept = files(&bench.path(FOLDER)).iter().filter(|name| name.ends_with(".mp3")).count();
            (kept == 3 && crowd.view().arrivals.len() == 5).then_some(())
        });
        first.signal(signal);
        let ended = first.end();
        assert_eq!(ended.status.code(), (signal != Signal::KILL).then_some(130), "{}", ended.stderr);
        let paid: Vec<String> = answered(&crowd);
        crowd.tell();

        let again = Crowd::playing(echo, at_once);
        let done = again.voxsift(&bench, &args(&["--json"])).succeeds();
        done.says("3 of 6 pieces are there already");
        let mut both = [paid, once(&again)].concat();
        both.sort();
        assert_eq!(both, all(), "each piece is paid for once");
        let json = done.json();
        let states: Vec<&Value> =
            json["pieces"].as_array().expect("pieces").iter().map(|p| &p["status"]).collect();
        assert_eq!(states.iter().filter(|state| **state == "kept").count(), 3, "{json}");
        assert_eq!((&json["attempts"], &json["credits"]), (&json!(3), &json!(240)));
        let likeness = Likeness::of(&Audio::of_wav(&bench.read("talk.isolated.wav")), &audio);
        assert!(likeness.si_sdr > 30.0 && likeness.lag < 0.001, "{likeness:?}");
        let left: Vec<String> = bench.names().into_iter().filter(|name| !name.ends_with(".part")).collect();
        assert_eq!(left, ["talk.isolated.wav", "talk.wav"]);
    }
}

/// The names of pieces that were answered with their voice.
fn answered(crowd: &Crowd) -> Vec<String> {
    let view = crowd.view();
    let voices = view.arrivals.iter().filter(|arrival| arrival.verdict == Some(Voice));
    voices.map(|arrival| arrival.name.clone()).collect()
}

#[test]
fn a_piece_that_fails_leaves_the_others_paid_once() {
    let bench = Bench::new();
    let audio = talk(&bench);
    let crowd = Crowd::playing(echo, |view, _| {
        Some(if view.count(Voice) < 3 { Voice } else { Refusal(401, "quota_exceeded") })
    });
    let done = crowd.voxsift(&bench, &[&args(&["--json"])[..], &["-j", "1"]].concat()).exits(3);
    done.says("piece 4 of 6: ").says("3 of 6 pieces are isolated and kept in ").says("goes on from there");
    let json = done.json();
    assert_eq!((&json["error"]["kind"], &json["credits"]), (&json!("credits"), &json!(240)));
    let states: Vec<&str> = json["pieces"]
        .as_array()
        .expect("pieces")
        .iter()
        .filter_map(|piece| piece["status"].as_str())
        .collect();
    assert_eq!(states, ["ok", "ok", "ok", "failed", "planned", "planned"]);
    assert_eq!(bench.names(), [FOLDER, "talk.wav"]);

    // Other cuts would be other pieces, so those of the first run stay.
    let again = Crowd::playing(echo, at_once);
    again.voxsift(&bench, &["talk.wav", "--split", "0.5", "-j", "3"]).succeeds();
    assert_eq!(once(&again), all()[3..]);
    let likeness = Likeness::of(&Audio::of_wav(&bench.read("talk.isolated.wav")), &audio);
    assert!(likeness.si_sdr > 30.0, "{likeness:?}");
    assert_eq!(bench.names(), ["talk.isolated.wav", "talk.wav"]);
}

#[test]
fn a_piece_is_sent_again_by_itself() {
    let bench = Bench::new();
    talk(&bench);
    let crowd = Crowd::playing(mirror, |_, arrival| {
        let first = arrival.name == "talk-004.pcm" && arrival.visit == 1;
        Some(if first { Refusal(503, "service_unavailable") } else { Voice })
    });
    let done = crowd.voxsift(&bench, &args(&["--json"])).succeeds();
    done.says("piece 4 of 6: ").says("trying again");
    let json = done.json();
    let attempts: Vec<&Value> =
        json["pieces"].as_array().expect("pieces").iter().map(|p| &p["attempts"]).collect();
    assert_eq!(attempts, [1, 1, 1, 2, 1, 1]);
    assert_eq!(json["attempts"], 7);
}

#[test]
fn a_reply_that_is_of_no_use_is_put_aside() {
    let bench = Bench::new();
    let audio = talk(&bench);
    // It begins like FLAC, and that is all.
    let broken =
        |sent: &Sent| if number(&sent.name) == 2 { [&b"fLaC"[..], &[0; 500]].concat() } else { mirror(sent) };
    let crowd = Crowd::playing(broken, at_once);
    let done = crowd.voxsift(&bench, &args(&["-j", "1"])).exits(5);
    done.says("piece 2 of 6: the service's reply cannot be decoded").says("0001.useless.mp3");
    let again = Crowd::playing(mirror, at_once);
    again.voxsift(&bench, &args(&[])).succeeds();
    assert_eq!(once(&again), all()[1..]);
    let likeness = Likeness::of(&Audio::of_wav(&bench.read("talk.isolated.wav")), &audio);
    assert!(likeness.si_sdr > 60.0, "{likeness:?}");
}

#[test]
fn a_terminal_shows_how_many_pieces_are_there() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    talk(&bench);
    let crowd = Crowd::playing(mirror, |view, _| (view.count(Voice) < 2 || view.told > 0).then_some(Voice));
    let mut command = crowd.command(&bench, &args(&[]));
    command.env("TERM", "xterm-256color").stdin(Stdio::null()).stderr(terminal.stdio());
    let running = Running::start_with(command.stdout(Stdio::piped()));
    until("two of six", || {
        Picture::of(&terminal.shown()).shows(&["talk.wav", "2 of 6 pieces"]).then_some(())
    });
    crowd.tell();
    running.end().with(0);
    let picture = Picture::of(&terminal.all());
    let lines = picture.lines();
    assert_eq!((lines.len(), picture.is_at_an_empty_line()), (2, true), "{lines:#?}");
    assert!(lines[0].contains("it is sent in 6 pieces") && lines[1].starts_with("talk.wav → "), "{lines:#?}");
}

#[test]
fn where_nothing_is_paid_nothing_is_left() {
    let bench = Bench::new();
    talk(&bench);
    let refusing = Crowd::playing(mirror, |_, _| Some(Refusal(401, "invalid_api_key")));
    refusing.voxsift(&bench, &args(&[])).exits(3).says_not("isolated and kept");
    assert_eq!(bench.names(), ["talk.wav"]);

    let silent = Crowd::playing(mirror, |view, _| (view.told > 0).then_some(Voice));
    let mut run = Running::start(&mut silent.command(&bench, &args(&[])));
    run.close();
    until("a request", || (silent.view().arrivals.len() == 2).then_some(()));
    run.signal(Signal::INT);
    run.end().with(130);
    silent.tell();
    assert_eq!(bench.names(), ["talk.wav"]);
}

#[test]
fn pieces_of_something_else_are_not_touched() {
    let bench = Bench::new();
    talk(&bench);
    let crowd = Crowd::playing(mirror, |view, _| {
        Some(if view.count(Voice) < 2 { Voice } else { Refusal(401, "quota_exceeded") })
    });
    crowd.voxsift(&bench, &[&args(&[])[..], &["-j", "1"]].concat()).exits(3);
    let kept = files(&bench.path(FOLDER));
    bench.file("talk.wav", ramble(16_000, 1, 80.0).wav16());
    let other = Crowd::playing(mirror, at_once);
    let done = other.voxsift(&bench, &args(&[])).exits(2);
    done.says("has pieces of another recording").says("hint: they are paid for");
    other.is_untouched();
    assert_eq!(files(&bench.path(FOLDER)), kept);
}

#[test]
fn two_runs_do_not_pay_for_the_same() {
    let bench = Bench::new();
    talk(&bench);
    let crowd = Crowd::playing(mirror, |view, _| (view.told > 0).then_some(Voice));
    let mut first = Running::start(&mut crowd.command(&bench, &args(&[])));
    first.close();
    until("two requests", || (crowd.view().arrivals.len() == 2).then_some(()));
    let other = Crowd::playing(mirror, at_once);
    other.voxsift(&bench, &args(&[])).fails(2, "another run");
    other.is_untouched();
    crowd.tell();
    first.end().with(0);
    assert_eq!(once(&crowd), all());
}

#[test]
fn whoever_asks_for_an_mp3_of_pieces_is_told_before_anything_is_sent() {
    let (bench, crowd) = (Bench::new(), Crowd::open());
    talk(&bench);
    for more in [&["-o", "talk.mp3"][..], &["-t", "mp3"], &["-o", "talk.mp3", "-n"]] {
        crowd.voxsift(&bench, &args(more)).fails(2, "MP3 cannot be joined").says("--split never");
    }
    crowd.is_untouched();
    assert_eq!(bench.names(), ["talk.wav"]);
}

#[test]
fn standard_output_gets_the_joined_recording_as_wav() {
    let bench = Bench::new();
    let audio = talk(&bench);
    let crowd = Crowd::playing(mirror, at_once);
    let done = crowd.voxsift(&bench, &[&["-j", "2"][..], &SPLIT].concat()).stdin(audio.wav16()).succeeds();
    let likeness = Likeness::of(&Audio::of_wav(done.stdout()), &audio);
    assert!(likeness.si_sdr > 60.0, "{likeness:?}");
    assert_eq!(bench.names(), ["talk.wav"]);
}

#[test]
fn pieces_in_other_formats_keep_rate_length_and_channels() {
    for (rate, channels, to) in
        [(48_000, 2, "flac"), (11_025, 1, "wav"), (96_001, 1, "wav"), (8_000, 2, "pcm")]
    {
        let bench = Bench::new();
        let audio = ramble(rate, channels, 19.7);
        bench.file("talk.wav", audio.wav16());
        let crowd = Crowd::playing(echo, at_once);
        let output = format!("out.{to}");
        crowd.voxsift(&bench, &["talk.wav", "--split", "0.25", "-o", &output, "-j", "3"]).succeeds();
        let isolated = match to {
            "pcm" => Audio::of_pcm(&bench.read(&output), rate, channels),
            "wav" => Audio::of_wav(&bench.read(&output)),
            _ => {
                bench.voxsift([&output, "--attenuation-limit", "0", "-o", "back.wav"]).succeeds();
                Audio::of_wav(&bench.read("back.wav"))
            }
        };
        assert_eq!((isolated.rate, isolated.channels), (rate, channels));
        let likeness = Likeness::of(&isolated, &audio);
        assert!(likeness.si_sdr > 30.0, "{rate} Hz: {likeness:?}");
    }
}

#[test]
fn an_hour_and_more_is_split_without_being_asked() {
    let bench = Bench::new();
    // 70 minutes of telephone silence with a word in the middle.
    let mut audio = Audio { rate: 4_000, channels: 1, samples: vec![0.0; 70 * 60 * 4_000] };
    let word = ramble(4_000, 1, 20.0).samples;
    audio.samples[8_000_000..8_000_000 + word.len()].copy_from_slice(&word);
    bench.file("call.wav", audio.wav(16, false));
    let crowd = Crowd::playing(echo, at_once);
    crowd.voxsift(&bench, &["call.wav", "-n"]).succeeds().says("in 8 pieces");
    crowd.voxsift(&bench, &["call.wav", "-n", "--split", "never"]).fails(4, "hour").says("--split auto");
    crowd.voxsift(&bench, &["call.wav"]).succeeds();
    let isolated = Audio::of_wav(&bench.read("call.isolated.wav"));
    assert_eq!(isolated.frames(), audio.frames());
    // Only one piece can be compared; its neighbours are taken to lag as much.
    let part =
        |audio: &Audio| Audio { samples: audio.samples[7_980_000..8_100_000].to_vec(), ..audio.clone() };
    let likeness = Likeness::of(&part(&isolated), &part(&audio));
    assert!(likeness.si_sdr > 30.0, "{likeness:?}");
}

#[test]
fn what_is_too_short_is_padded_and_cut_back() {
    for (rate, channels, seconds) in [(44_100, 2, 2.0), (16_000, 1, 0.7), (48_000, 1, 4.59)] {
        let bench = Bench::new();
        let audio = ramble(rate, channels, seconds);
        bench.file("line.wav", audio.wav16());
        let crowd = Crowd::playing(
            |sent| {
                let audio = heard(sent);
                let seconds = audio.frames() as f64 / f64::from(audio.rate);
                assert!((4.6..5.0).contains(&seconds), "{seconds} s are sent");
                replayed(&audio, 431, -2.0).wav(32, true)
            },
            at_once,
        );
        let done = crowd.voxsift(&bench, &["line.wav", "-n"]).succeeds();
        done.says("line.isolated.wav").says("with silence behind it").says("about 79 credits");
        let json = crowd.voxsift(&bench, &["line.wav", "--json"]).succeeds().json();
        assert_eq!((&json["pieces"], &json["attempts"]), (&json!([]), &json!(1)));
        let isolated = Audio::of_wav(&bench.read("line.isolated.wav"));
        let likeness = Likeness::of(&isolated, &audio);
        assert!(likeness.si_sdr > 30.0, "{rate} Hz: {likeness:?}");
        assert_eq!(bench.names(), ["line.isolated.wav", "line.wav"]);
        let piped = crowd.voxsift(&bench, &[]).stdin(audio.wav16()).succeeds();
        assert_eq!(Audio::of_wav(piped.stdout()).frames(), audio.frames());

        // Who asks for MP3 gets what the service sends, and is told.
        let done = crowd.voxsift(&bench, &["line.wav", "-o", "line.mp3"]).succeeds();
        done.says("warning: line.wav: it is padded with");
        assert_eq!(Audio::of_wav(&bench.read("line.mp3")).rate, rate);
        // What is wrong with the recording is told as well, whatever becomes of it.
        let whole = audio.wav16();
        bench.file("cut.wav", &whole[..whole.len() - 1000]);
        for output in ["cut.mp3", "cut.flac"] {
            let done = crowd.voxsift(&bench, &["cut.wav", "-o", output]).succeeds();
            done.says("warning: cut.wav: the data ends 1000 bytes before its announced end");
        }
        let refusing = crowd.voxsift(&bench, &["line.wav", "--pad", "never", "-f"]);
        refusing.fails(4, "4.6 s").says("--pad auto");
    }
}

#[test]
fn what_is_longer_than_its_header_says_is_not_padded() {
    let bench = Bench::new();
    bench.file("whole.wav", ramble(16_000, 1, 30.0).wav16());
    bench.voxsift(["whole.wav", "-o", "whole.flac", "--attenuation-limit", "0"]).succeeds();
    // The number of frames: 36 bits, of which all but the upper four stand here.
    let mut flac = bench.read("whole.flac");
    flac[22..26].copy_from_slice(&32_000_u32.to_be_bytes());
    bench.file("take.flac", flac);
    let crowd = Crowd::playing(mirror_whole, at_once);
    for output in ["voice.wav", "voice.mp3"] {
        let planned = crowd.voxsift(&bench, &["take.flac", "-o", output, "-n"]).succeeds();
        planned.says("about 79 credits");
        let refused = crowd.voxsift(&bench, &["take.flac", "-o", output]).exits(4);
        refused.says("longer than its header says");
    }
    crowd.is_untouched();
    assert_eq!(bench.names(), ["take.flac", "whole.flac", "whole.wav"]);
}

#[test]
fn a_recording_that_changes_is_not_sent_to_its_end() {
    let bench = Bench::new();
    talk(&bench);
    let path = bench.path("talk.wav");
    let crowd = Crowd::playing(
        move |sent| {
            // Of the same length, in place, while other pieces are still to be made.
            if sent.name == "talk-001.pcm" {
                let other = ramble(16_000, 1, 75.0).wav16();
                fs::OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .and_then(|file| std::os::unix::fs::FileExt::write_all_at(&file, &other, 0))
                    .expect("it is written to");
            }
            echo(sent)
        },
        at_once,
    );
    let args = [&args(&[])[..], &["-j", "1"]].concat();
    let failed = crowd.voxsift(&bench, &args).exits(4);
    failed.says("was written to while it was read");
    let sent = once(&crowd).len();
    assert!((1..=2).contains(&sent), "{sent} pieces were sent");
}

#[test]
fn pieces_that_nobody_wants_any_more_do_not_stay() {
    let bench = Bench::new();
    let temporary = tempfile::tempdir().expect("a folder");
    bench.file("line.wav", ramble(48_000, 2, 2.0).wav16());
    let crowd = Crowd::playing(mirror_whole, at_once);
    let mut command = crowd.command(&bench, &["line.wav", "-o", "-", "-t", "wav"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.env("TMPDIR", temporary.path()).stdout(writer);
    let status = command.status().expect("it runs");
    assert_eq!(status.code(), Some(0), "its reader has left");
    assert_eq!(files(temporary.path()), Vec::<String>::new());
}

#[test]
fn a_description_of_pieces_that_cannot_be_is_not_followed() {
    let (bench, crowd) = (Bench::new(), Crowd::open());
    talk(&bench);
    let failing = Crowd::playing(echo, |view, _| {
        Some(if view.count(Voice) < 2 { Voice } else { Refusal(401, "quota_exceeded") })
    });
    failing.voxsift(&bench, &[&args(&[])[..], &["-j", "1"]].concat()).exits(3);
    let manifest = format!("{FOLDER}/pieces.json");
    let sound: Value = serde_json::from_slice(&bench.read(&manifest)).expect("JSON");
    for (field, value) in [
        ("cuts", json!([900_000, 300_000])),
        ("cuts", json!([1, 300_000])),
        ("cuts", json!([300_000, u64::MAX])),
        ("overlap", json!(0)),
        ("overlap", json!(u64::MAX)),
    ] {
        let mut damaged = sound.clone();
        damaged[field] = value;
        bench.file(&manifest, damaged.to_string());
        let refused = crowd.voxsift(&bench, &args(&[])).exits(2);
        refused.says("has pieces of another recording");
    }
    crowd.is_untouched();
}

#[test]
fn what_is_too_large_but_not_too_long_is_sent_as_its_sound() {
    let bench = Bench::new();
    let audio = ramble(16_000, 2, 6.0);
    // A film whose pictures come before the sound: half a gigabyte of them, in a sparse file.
    let wav = audio.wav16();
    let path = bench.path("film.wav");
    let file = fs::File::create(&path).expect("a file");
    let pictures = 500_000_000_u32;
    let head = [&wav[..36], b"vids", &pictures.to_le_bytes()].concat();
    std::os::unix::fs::FileExt::write_all_at(&file, &head, 0).expect("a file");
    std::os::unix::fs::FileExt::write_all_at(&file, &wav[36..], 44 + u64::from(pictures)).expect("a file");
    let crowd = Crowd::playing(
        |sent| {
            assert_eq!((sent.name.as_str(), sent.file_format.as_str()), ("film.flac", "other"));
            assert!(sent.audio.starts_with(b"fLaC"));
            mirror_whole(sent)
        },
        at_once,
    );
    crowd
        .voxsift(&bench, &["film.wav", "-n"])
        .succeeds()
        .says("its sound alone, compressed")
        .says("isolated.mp3");
    let done = crowd.voxsift(&bench, &["film.wav", "-o", "voice.wav"]).succeeds();
    done.says("its sound is sent");
    let likeness = Likeness::of(&Audio::of_wav(&bench.read("voice.wav")), &audio);
    assert!(likeness.si_sdr > 60.0, "{likeness:?}");
}

fn mirror_whole(sent: &Sent) -> Vec<u8> {
    heard(sent).wav(16, false)
}

#[test]
fn options_about_pieces_have_to_make_sense() {
    let (bench, crowd) = (Bench::new(), Crowd::open());
    talk(&bench);
    for split in ["0", "0.2", "61", "-1", "nan", "always", ""] {
        crowd.voxsift(&bench, &["talk.wav", &format!("--split={split}")]).exits(2).says("--split");
    }
    crowd.voxsift(&bench, &["talk.wav", "--pad", "always"]).exits(2).says("--pad");
    bench.voxsift(["talk.wav", "--split", "10"]).fails(2, "--split is about uploads");
    crowd.is_untouched();
}
