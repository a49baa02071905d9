//! Many recordings through the service: how many at once, what it costs, and how a run is taken up again.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/picture.rs"]
mod picture;
#[path = "support/server.rs"]
mod server;
mod support;
#[path = "support/takes.rs"]
mod takes;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::sync::mpsc;

use child::{PATIENCE, Running, until};
use crowd::Verdict::{Refusal, Voice};
use crowd::{Arrival, Crowd, Verdict, View, gathered, outputs, same, take, takes, voice};
use picture::Picture;
use rustix::process::Signal;
use support::{Audio, Bench};
use takes::{failures, field, files, records, summary};
use terminal::Terminal;

const TOO_MANY: Verdict = Refusal(429, "too_many_concurrent_requests");

/// A file that the service takes, and whose length is not found out here.
const AVI: &[u8] = b"RIFF\x18\0\0\0AVI LIST\x0c\0\0\0hdrlavih";

#[test]
fn as_many_are_under_way_as_asked_for_and_never_more() {
    for (args, together) in
        [(&[][..], 2), (&["-j", "1"], 1), (&["-j", "5"], 5), (&["--jobs", "12"], 12), (&["-j", "100"], 12)]
    {
        let bench = Bench::new();
        let meant = takes(&bench, 12);
        let crowd = Crowd::gathering(together, 12);
        crowd.voxsift(&bench, &[&["takes", "-d", "clean"], args].concat()).succeeds();
        assert_eq!(crowd.view().most, together, "{args:?}");
        assert_eq!(crowd.view().arrivals.len(), 12, "each is sent once");
        same(&outputs(&bench, "clean"), &meant);
    }
}

#[test]
fn a_number_at_once_that_cannot_be_is_a_wrong_command_line() {
    let bench = Bench::new();
    bench.file("in.wav", take(1));
    for jobs in ["0", "-1", "many", "1.5", "99999999999"] {
        bench.voxsift(["in.wav", "-j", jobs]).exits(2).says("error: ");
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

/// Two hundred recordings, one of which the service does not want.
const ALL: u16 = 200;
const UNWANTED: &str = "t042.wav";
const AT_ONCE: usize = 4;

fn all_but_one(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let mut meant = takes(bench, ALL);
    meant.remove("t042.mp3");
    meant
}

/// Judges in the order of arrival, when there are as many as may be.
fn judged(view: &View, arrival: &Arrival, total: usize) -> Option<Verdict> {
    let verdict = if arrival.name == UNWANTED { Refusal(400, "invalid_audio") } else { Voice };
    gathered(view, AT_ONCE, total).then_some(verdict)
}

#[test]
fn one_failure_among_two_hundred_leaves_the_others_alone() {
    let bench = Bench::new();
    let meant = all_but_one(&bench);
    let crowd = Crowd::new(|view, arrival| judged(view, arrival, ALL.into()));
    let done = crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "4"]).exits(1);
    assert_eq!(failures(&done.stderr()), ["takes/t042.wav"], "{}", done.show());
    done.says("error: takes/t042.wav: the service does not accept the audio: No (HTTP 400, invalid_audio)");
    let summary = summary(&done);
    assert!(summary.starts_with("199 done, 0 skipped, 1 failed: 15.9 minutes, 15920 credits, "), "{summary}");
    same(&outputs(&bench, "clean"), &meant);
    assert_eq!(files(&bench.path("clean")).len(), 199, "nothing unfinished");
    let view = crowd.view();
    assert_eq!(view.most, AT_ONCE);
    let sent: Vec<String> = (0..ALL).map(|mark| format!("t{mark:03}.wav")).collect();
    assert_eq!(view.names(), sent, "each is sent once");
}

/// Ends a run in its middle and takes it up again.
fn resumed_after(signal: Signal) {
    let bench = Bench::new();
    let meant = all_but_one(&bench);
    let args = ["takes", "-d", "clean", "-j", "4", "--skip-existing"];
    let crowd = Crowd::new(|view, arrival| {
        let answered = view.count(Voice) + view.refused();
        if answered < 100 { judged(view, arrival, ALL.into()) } else { None }
    });
    let running = Running::start(&mut crowd.command(&bench, &args));
    until("a hundred answers", || {
        let view = crowd.view();
        (view.count(Voice) + view.refused() == 100).then_some(())
    });
    running.signal(signal);
    let ended = running.end();
    if signal == Signal::KILL {
        assert_eq!(ended.status.code(), None, "killed");
    } else {
        let ended = ended.with(130);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
    drop(crowd);

    // What is there is whole. At most as many as were under way had an answer and no output yet.
    let there = outputs(&bench, "clean");
    assert!((95..=100).contains(&there.len()), "{} outputs", there.len());
    for (name, bytes) in &there {
        assert!(meant[name] == *bytes, "{name} is not what it should be");
    }
    let hidden = files(&bench.path("clean")).len() - there.len();
    assert!(hidden <= if signal == Signal::KILL { AT_ONCE } else { 0 }, "{hidden} unfinished files");

    let missing: Vec<String> = (0..ALL)
        .filter(|mark| !there.contains_key(&format!("t{mark:03}.mp3")))
        .map(|mark| format!("t{mark:03}.wav"))
        .collect();
    let total = missing.len();
    let crowd = Crowd::new(move |view, arrival| judged(view, arrival, total));
    let done = crowd.voxsift(&bench, &args).exits(1);
    assert_eq!(crowd.view().names(), missing, "only what was not there is sent");
    assert_eq!(crowd.view().most, AT_ONCE);
    let (left, skipped) = (total - 1, there.len());
    assert!(
        summary(&done).starts_with(&format!("{left} done, {skipped} skipped, 1 failed: ")),
        "{}",
        done.show()
    );
    assert_eq!(failures(&done.stderr()), ["takes/t042.wav"], "{}", done.show());
    same(&outputs(&bench, "clean"), &meant);

    // Once more: only what failed is tried again.
    let crowd = Crowd::new(|view, arrival| judged(view, arrival, 1));
    let done = crowd.voxsift(&bench, &args).exits(1);
    assert_eq!(crowd.view().names(), [UNWANTED]);
    assert!(summary(&done).starts_with("0 done, 199 skipped, 1 failed: "), "{}", done.show());
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn a_killed_run_is_taken_up_where_it_was() {
    resumed_after(Signal::KILL);
}

/// Whether these tests were started to ignore Ctrl-C, as under `nohup` or behind `&`.
fn ctrl_c_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap_or(0) & (1 << (Signal::INT.as_raw() - 1)) != 0
}

#[test]
fn an_interrupted_run_is_taken_up_where_it_was() {
    if ctrl_c_is_ignored() {
        eprintln!("Ctrl-C is ignored here: SIGTERM in its place");
        return resumed_after(Signal::TERM);
    }
    resumed_after(Signal::INT);
}

#[test]
fn a_second_run_asks_nothing() {
    let bench = Bench::new();
    let meant = takes(&bench, 5);
    let args = ["takes", "-d", "clean", "--skip-existing"];
    Crowd::open().voxsift(&bench, &args).succeeds();
    same(&outputs(&bench, "clean"), &meant);

    let crowd = Crowd::open();
    let done = crowd.voxsift(&bench, &args).succeeds();
    assert_eq!(done.stderr().lines().count(), 1, "the summary only\n{}", done.show());
    assert!(summary(&done).starts_with("0 done, 5 skipped, 0 failed: 0.0 minutes"), "{}", done.show());
    let done = crowd.voxsift(&bench, &[&args[..], &["-v"]].concat()).succeeds();
    for mark in 0..5 {
        done.says(&format!("takes/t{mark:03}.wav → clean/t{mark:03}.mp3  skipped: it exists"));
    }
    let done = crowd.voxsift(&bench, &[&args[..], &["--json", "-q", "-j", "1"]].concat()).succeeds();
    let records = records(done.stdout());
    assert_eq!(field("status", &records), ["skipped"; 5]);
    for record in &records {
        assert_eq!((&record["attempts"], &record["bytes_uploaded"]), (&0.into(), &0.into()), "{record}");
    }
    assert!(done.stderr().is_empty(), "{}", done.show());
    crowd.is_untouched();

    // What is missing is asked for, and nothing else.
    fs::remove_file(bench.path("clean/t003.mp3")).expect("it is there");
    crowd.voxsift(&bench, &args).succeeds();
    assert_eq!(crowd.view().names(), ["t003.wav"]);
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn what_appears_meanwhile_is_not_paid_for() {
    // As when several machines work on one list.
    let bench = Bench::new();
    let meant = takes(&bench, 3);
    let crowd = Crowd::new(|view, _| (view.told > 0).then_some(Voice));
    let args = ["takes", "-d", "clean", "-j", "1", "--skip-existing"];
    let running = Running::start(&mut crowd.command(&bench, &args));
    until("the first request", || (crowd.view().names() == ["t000.wav"]).then_some(()));
    bench.file("clean/t001.mp3", &meant["t001.mp3"]);
    crowd.tell();
    let ended = running.end().with(0);
    assert!(ended.stderr.contains("\n2 done, 1 skipped, 0 failed: "), "{}", ended.stderr);
    assert_eq!(crowd.view().names(), ["t000.wav", "t002.wav"]);
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn too_many_at_once_fails_no_recording() {
    for retries in ["0", "1"] {
        let bench = Bench::new();
        let meant = takes(&bench, 12);
        // Twelve recordings, two of which come twice.
        let crowd = Crowd::new(|view, arrival| match arrival {
            _ if view.most < 4 => None,
            Arrival { together: 3.., .. } => Some(TOO_MANY),
            _ if view.told == 0 => None,
            _ => gathered(view, 2, 14).then_some(Voice),
        });
        let args = ["takes", "-d", "clean", "-j", "4", "--retries", retries, "--json"];
        let running = Running::start(&mut crowd.command(&bench, &args));
        // The two that are served take longer than the other two need to be refused.
        until("two refusals", || (running.stderr().matches("going on with").count() >= 2).then_some(()));
        crowd.tell();
        let ended = running.end().with(0);
        same(&outputs(&bench, "clean"), &meant);
        let view = crowd.view();
        assert_eq!((view.most, view.refused(), view.arrivals.len()), (4, 2, 14), "{:?}", view.arrivals);
        let later: Vec<usize> = view.arrivals[4..].iter().map(|arrival| arrival.together).collect();
        assert!(later.iter().all(|together| *together <= 2), "never too many again: {later:?}");
        assert!(later.contains(&2), "but as many as go: {later:?}");
        assert!(ended.stderr.contains("; going on with 2 at once\n"), "{}", ended.stderr);
        let records = records(&ended.stdout);
        assert_eq!(field("status", &records), ["ok"; 12]);
        let attempts: u64 = records.iter().filter_map(|record| record["attempts"].as_u64()).sum();
        assert_eq!(attempts, 14, "each request is counted");
    }
}

#[test]
fn a_refusal_that_comes_late_fails_no_recording() {
    // Three at once are too many. When the last of them hears of it, the others have ended.
    let bench = Bench::new();
    let meant = takes(&bench, 3);
    let crowd = Crowd::new(|view, arrival| match arrival.number {
        _ if view.most < 3 => None,
        1 => Some(Voice),
        2 if view.told >= 1 => Some(TOO_MANY),
        3 if view.told >= 2 => Some(TOO_MANY),
        4.. => Some(Voice),
        _ => None,
    });
    let args = ["takes", "-d", "clean", "-j", "3", "--retries", "0"];
    let running = Running::start(&mut crowd.command(&bench, &args));
    until("the first result", || running.stderr().contains(" → ").then_some(()));
    crowd.tell();
    until("the second request's note", || running.stderr().contains("going on with 1 at once").then_some(()));
    crowd.tell();
    running.end().with(0);
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn a_service_that_never_has_room_is_given_up() {
    let bench = Bench::new();
    takes(&bench, 5);
    let crowd = Crowd::new(|_, _| Some(TOO_MANY));
    let done = crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "4", "--retries", "0"]).exits(5);
    assert_eq!(failures(&done.stderr()).len(), 5, "{}", done.show());
    // Each once, and as often again as the number in flight can go down.
    assert!(crowd.view().arrivals.len() <= 10, "{:?}", crowd.view().arrivals);
    assert!(outputs(&bench, "clean").is_empty());
}

#[test]
fn the_service_says_how_many_it_takes() {
    for (header, jobs, first, later) in
        [("2", "4", 4, 2), ("1", "3", 3, 1), ("15", "2", 2, 2), ("0", "2", 2, 1)]
    {
        let bench = Bench::new();
        let meant = takes(&bench, 10);
        let crowd = Crowd::saying(&[("Maximum-Concurrent-Requests", header)], move |view, arrival| {
            // Nobody has been told before the first answers.
            let ready = if arrival.number <= first { view.most >= first } else { gathered(view, later, 10) };
            ready.then_some(Voice)
        });
        crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", jobs]).succeeds();
        same(&outputs(&bench, "clean"), &meant);
        let view = crowd.view();
        assert_eq!(view.most, first, "{header}");
        let together: Vec<usize> = view.arrivals[first..].iter().map(|arrival| arrival.together).collect();
        assert_eq!(together.iter().max(), Some(&later), "{header}: {together:?}");
    }
}

#[test]
fn a_number_that_is_none_is_no_news() {
    for header in ["lots", "-1", "", "2.5"] {
        let bench = Bench::new();
        let meant = takes(&bench, 6);
        let crowd = Crowd::saying(&[("Maximum-Concurrent-Requests", header)], |view, _| {
            gathered(view, 3, 6).then_some(Voice)
        });
        crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "3"]).succeeds();
        assert_eq!(crowd.view().most, 3, "{header:?}");
        same(&outputs(&bench, "clean"), &meant);
    }
}

#[test]
fn the_exit_code_is_that_of_all_or_one() {
    let ok = Voice;
    let (audio, busy, broken) =
        (Refusal(400, "invalid_audio"), Refusal(429, "rate_limit_exceeded"), Refusal(500, "internal_error"));
    for (verdicts, code) in [
        ([ok, ok, ok], 0),
        ([audio, audio, audio], 4),
        ([busy, busy, busy], 5),
        ([broken, broken, broken], 5),
        ([ok, ok, audio], 1),
        ([broken, ok, ok], 1),
        ([audio, broken, audio], 1),
    ] {
        let bench = Bench::new();
        let mut meant = takes(&bench, 3);
        let crowd = Crowd::new(move |_, arrival| {
            let which = ["t000.wav", "t001.wav", "t002.wav"].iter().position(|name| *name == arrival.name);
            which.map(|which| verdicts[which])
        });
        let args = ["takes", "-d", "clean", "--retries", "0", "-j", "1"];
        let done = crowd.voxsift(&bench, &args).exits(code);
        let failed: Vec<String> =
            (0..3).filter(|at| verdicts[*at] != ok).map(|at| format!("takes/t{at:03}.wav")).collect();
        assert_eq!(failures(&done.stderr()), failed, "{}", done.show());
        let counted = format!("{} done, 0 skipped, {} failed: ", 3 - failed.len(), failed.len());
        assert!(summary(&done).starts_with(&counted), "{}", done.show());
        for (at, verdict) in verdicts.iter().enumerate() {
            if *verdict != ok {
                meant.remove(&format!("t{at:03}.mp3"));
            }
        }
        same(&outputs(&bench, "clean"), &meant);
    }
}

#[test]
fn a_name_that_is_too_long_is_found_before_anything_is_paid() {
    let bench = Bench::new();
    let name = format!("{}.wav", "a".repeat(250));
    bench.file(&name, take(1));
    let crowd = Crowd::open();
    for args in [&[&*name][..], &[&name, "-d", "clean", "--name", &format!("{name}.{{ext}}")]] {
        crowd.voxsift(&bench, args).fails(1, "file name too long");
    }
    assert!(crowd.view().names().is_empty());
    assert_eq!(bench.names(), [name]);
}

#[test]
fn what_the_next_one_would_meet_as_well_ends_the_run() {
    let (key, credits) = (Refusal(401, "invalid_api_key"), Refusal(401, "quota_exceeded"));
    for (first, second, code, counted) in [
        (key, key, 3, "0 done, 0 skipped, 1 failed, 2 not begun: "),
        (credits, credits, 3, "0 done, 0 skipped, 1 failed, 2 not begun: "),
        (Voice, credits, 1, "1 done, 0 skipped, 1 failed, 1 not begun: "),
    ] {
        let bench = Bench::new();
        takes(&bench, 3);
        let crowd =
            Crowd::new(move |_, arrival| Some(if arrival.name == "t000.wav" { first } else { second }));
        let done = crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "1"]).exits(code);
        assert!(summary(&done).starts_with(counted), "{}", done.show());
        assert_eq!(crowd.view().names().len(), if code == 1 { 2 } else { 1 });
    }
}

#[test]
fn what_is_refused_here_costs_no_request() {
    let bench = Bench::new();
    takes(&bench, 2);
    bench.file("takes/short.wav", takes::tiny());
    bench.file("takes/none.wav", b"no audio at all");
    let crowd = Crowd::open();
    let done = crowd.voxsift(&bench, &["takes", "missing.wav", "-d", "clean", "--pad", "never"]).exits(1);
    let stderr = done.stderr();
    let mut failed = failures(&stderr);
    failed.sort_unstable();
    assert_eq!(failed, ["missing.wav", "takes/none.wav", "takes/short.wav"]);
    assert_eq!(crowd.view().names(), ["t000.wav", "t001.wav"]);
}

#[test]
fn the_first_failure_can_be_the_end() {
    let refused = |arrival: &Arrival, name: &str| {
        Some(if arrival.name == name { Refusal(400, "invalid_audio") } else { Voice })
    };
    let bench = Bench::new();
    takes(&bench, 5);
    let crowd = Crowd::new(move |_, arrival| refused(arrival, "t001.wav"));
    let done = crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "1", "--fail-fast"]).exits(1);
    assert_eq!(crowd.view().names(), ["t000.wav", "t001.wav"]);
    assert!(summary(&done).starts_with("1 done, 0 skipped, 1 failed, 3 not begun: "), "{}", done.show());
    assert_eq!(failures(&done.stderr()), ["takes/t001.wav"]);
    assert_eq!(files(&bench.path("clean")), ["t000.mp3"]);

    // What has been begun is paid for, and goes to its end.
    let bench = Bench::new();
    takes(&bench, 5);
    let crowd = Crowd::new(move |view, arrival| match arrival.name.as_str() {
        "t000.wav" if view.now >= 2 => Some(Refusal(400, "invalid_audio")),
        "t001.wav" if view.told > 0 => Some(Voice),
        _ => None,
    });
    let args = ["takes", "-d", "clean", "-j", "2", "--fail-fast"];
    let running = Running::start(&mut crowd.command(&bench, &args));
    until("the failure", || running.stderr().contains("error: takes/t000.wav").then_some(()));
    crowd.tell();
    let ended = running.end().with(1);
    assert!(ended.stderr.contains("\n1 done, 0 skipped, 1 failed, 3 not begun: "), "{}", ended.stderr);
    assert_eq!(crowd.view().names(), ["t000.wav", "t001.wav"]);
    assert_eq!(files(&bench.path("clean")), ["t001.mp3"]);
}

#[test]
fn the_first_failure_is_a_partial_end() {
    // One of five failed; the others were not begun: not all ended in one way.
    let bench = Bench::new();
    takes(&bench, 5);
    let crowd = Crowd::new(|_, _| Some(Refusal(401, "invalid_api_key")));
    let done = crowd.voxsift(&bench, &["takes", "-d", "clean", "-j", "1", "--fail-fast"]).exits(1);
    assert!(summary(&done).starts_with("0 done, 0 skipped, 1 failed, 4 not begun: "), "{}", done.show());
    assert_eq!(crowd.view().arrivals.len(), 1);
}

#[test]
fn a_plan_has_totals_and_asks_nothing() {
    let bench = Bench::new();
    let pcm = 2 * 76_800;
    takes(&bench, 4);
    let stereo = Audio::speechlike(44_100, 2, 6 * 44_100).wav16();
    fs::create_dir(bench.path("takes/sub")).expect("a folder");
    bench.file("takes/sub/stereo.wav", &stereo);
    fs::create_dir(bench.path("clean")).expect("a folder");
    bench.file("clean/t002.mp3", b"there");
    let crowd = Crowd::open();
    let args = ["-r", "takes", "-d", "clean", "--skip-existing", "-n"];
    let done = crowd.voxsift(&bench, &args).succeeds();
    // Three times 4.8 s and once 6 s, at 1000 credits a minute.
    let megabytes = (3 * pcm + stereo.len()) as f64 / 1e6;
    assert_eq!(
        summary(&done),
        format!("4 to do, 1 skipped, 0 failed: 0.3 minutes, {megabytes:.1} MB to upload, about 340 credits")
    );
    for name in ["t000", "t001", "t003"] {
        done.says(&format!("takes/{name}.wav → clean/{name}.mp3  elevenlabs  mp3"));
    }
    done.says("takes/sub/stereo.wav → clean/sub/stereo.mp3  elevenlabs  mp3").says("about 100 credits");
    assert_eq!(done.stderr().lines().count(), 5, "{}", done.show());

    let json = crowd.voxsift(&bench, &[&args[..], &["--json", "-q", "-j", "1"]].concat()).succeeds();
    let records = records(json.stdout());
    assert_eq!(
        field("input", &records),
        ["takes/sub/stereo.wav", "takes/t000.wav", "takes/t001.wav", "takes/t002.wav", "takes/t003.wav"]
    );
    assert_eq!(field("status", &records), ["planned", "planned", "planned", "skipped", "planned"]);
    let credits: u64 = records.iter().filter_map(|record| record["credits"].as_u64()).sum();
    assert_eq!(credits, 340, "{records:?}");

    // What cannot be known is not made up; what will fail is said.
    bench.file("takes/clip.avi", AVI);
    bench.file("takes/x.wav", takes::tiny());
    let done = crowd.voxsift(&bench, &[&args[..], &["--pad", "never"]].concat()).exits(1);
    let summary = summary(&done);
    assert!(
        summary.starts_with("5 to do, 1 skipped, 1 failed: 0.3 minutes and 1 of unknown length, ")
            && summary.ends_with(", about 340 credits"),
        "{summary}"
    );
    assert_eq!(failures(&done.stderr()), ["takes/x.wav"]);
    crowd.is_untouched();
    assert_eq!(files(&bench.path("clean")), ["t002.mp3"]);
}

#[test]
fn more_minutes_than_allowed_are_not_begun() {
    let bench = Bench::new();
    let meant = takes(&bench, 5);
    let crowd = Crowd::open();
    // Five times 4.8 s are 0.4 minutes.
    for most in ["0", "0.2", "0.39"] {
        let run = crowd.voxsift(&bench, &["takes", "-d", "clean", "--max-minutes", most]);
        run.fails(2, "0.4 minutes would be billed");
    }
    bench.file("takes/clip.avi", AVI);
    let run = crowd.voxsift(&bench, &["takes", "-d", "clean", "--max-minutes", "100"]);
    run.fails(2, "unknown");
    fs::remove_file(bench.path("takes/clip.avi")).expect("it is there");
    for most in ["-1", "NaN", "inf", "much"] {
        crowd.voxsift(&bench, &["takes", "-d", "clean", "--max-minutes", most]).exits(2);
    }
    crowd.is_untouched();
    assert!(!bench.path("clean").exists());
    bench.voxsift(["takes", "-d", "clean", "--max-minutes", "1"]).fails(2, "--max-minutes");

    // What is there already and what another machine does costs nothing.
    fs::create_dir(bench.path("clean")).expect("a folder");
    for name in ["t000.mp3", "t004.mp3"] {
        bench.file(&format!("clean/{name}"), &meant[name]);
    }
    let args = ["takes", "-d", "clean", "--skip-existing", "--max-minutes"];
    crowd.voxsift(&bench, &[&args[..], &["0.23"]].concat()).fails(2, "0.2 minutes would be billed");
    crowd.voxsift(&bench, &[&args[..], &["0.25"]].concat()).succeeds();
    assert_eq!(crowd.view().names(), ["t001.wav", "t002.wav", "t003.wav"]);
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn exactly_as_many_minutes_as_allowed_are_begun() {
    let bench = Bench::new();
    let meant = takes(&bench, 5);
    let crowd = Crowd::open();
    crowd.voxsift(&bench, &["takes", "-d", "clean", "--max-minutes", "0.4"]).succeeds();
    same(&outputs(&bench, "clean"), &meant);
}

#[test]
fn conflicts_cost_no_request() {
    let bench = Bench::new();
    takes(&bench, 3);
    bench.file("takes/t001.mp3", b"there");
    let crowd = Crowd::open();
    for args in [
        &["takes", "--name", "all.mp3"][..],
        &["takes/t000.wav", "takes/t001.wav", "--name", "{stem}.mp3"],
        &["takes", "-o", "all.mp3"],
        &["-", "-", "-d", "clean"],
        &["--files-from", "-", "--api-key-file", "-", "-d", "clean"],
        &["-", "--api-key-file", "-", "-d", "clean"],
    ] {
        crowd.voxsift(&bench, args).exits(2).says("error: ").says("hint: ");
    }
    crowd.is_untouched();
    assert_eq!(files(&bench.path("")).len(), 4, "{:?}", files(&bench.path("")));
}

#[test]
fn standard_input_and_files_go_together() {
    let bench = Bench::new();
    bench.file("a.wav", take(7));
    let crowd = Crowd::open();
    let run = crowd.voxsift(&bench, &["-", "a.wav", "-d", "clean"]);
    let done = run.stdin(take(9)).succeeds();
    assert!(summary(&done).starts_with("2 done, 0 skipped, 0 failed: "), "{}", done.show());
    assert_eq!(bench.read("clean/a.mp3"), voice("a.wav", 7));
    assert_eq!(bench.read("clean/stdin.mp3"), voice("audio", 9));
    assert_eq!(files(&bench.path("clean")), ["a.mp3", "stdin.mp3"]);
}

#[test]
fn a_line_of_json_comes_when_its_recording_ends() {
    let bench = Bench::new();
    takes(&bench, 3);
    let crowd = Crowd::new(|view, arrival| (arrival.number <= view.told + 1).then_some(Voice));
    let (from, to) = std::io::pipe().expect("a pipe");
    let mut command = crowd.command(&bench, &["takes", "-d", "clean", "-j", "1", "--json"]);
    command.stdin(std::process::Stdio::null()).stdout(to).stderr(std::process::Stdio::piped());
    let running = Running::start_with(&mut command);
    // The writing end that is kept there would keep the pipe open.
    drop(command);
    let (lines, read) = mpsc::channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|read| read > 0) && lines.send(line.clone()).is_ok() {
            line.clear();
        }
    });
    for mark in 0..3 {
        // The next one is held back.
        let line = read.recv_timeout(PATIENCE).expect("a line");
        let records = records(line.as_bytes());
        assert_eq!(field("input", &records), [format!("takes/t{mark:03}.wav")]);
        assert_eq!(field("status", &records), ["ok"]);
        assert!(bench.path(format!("clean/t{mark:03}.mp3")).exists(), "it is there before it is told");
        assert!(read.try_recv().is_err(), "no line before its time");
        crowd.tell();
    }
    running.end().with(0);
    assert!(read.recv_timeout(PATIENCE).is_err(), "a line for each");
}

#[test]
fn a_terminal_shows_each_that_is_under_way_and_all_together() {
    let bench = Bench::new();
    takes(&bench, 5);
    let terminal = Terminal::new();
    let crowd = Crowd::new(|view, arrival| match (arrival.name.as_str(), arrival.visit) {
        _ if view.most < 3 => None,
        ("t000.wav", _) => Some(Voice),
        ("t003.wav", 1) => Some(Refusal(400, "invalid_audio")),
        _ => (view.told > 0).then_some(Voice),
    });
    let mut command = crowd.command(&bench, &["takes", "-d", "clean", "-j", "3"]);
    command.env("TERM", "xterm-256color").stdin(std::process::Stdio::null()).stderr(terminal.stdio());
    let running = Running::start_with(command.stdout(std::process::Stdio::piped()));
    let picture = until("all bars", || {
        let picture = Picture::of(&terminal.shown());
        let waiting = |name| picture.shows(&[name, "waiting for the service"]);
        // Two are done with, three are under way.
        let bars = ["takes/t001.wav", "takes/t002.wav", "takes/t004.wav"].into_iter().all(waiting);
        (bars && picture.shows(&["2 of 5"])).then_some(picture)
    });
    let lines = picture.rows();
    let total = lines.last().expect("a line");
    assert!(
        total.contains("2 of 5") && total.contains("0:04") && total.contains('×') && total.contains("left"),
        "files, audio, speed and time left, below the others: {lines:#?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("takes/t000.wav → ")), "{lines:#?}");
    assert!(
        lines.iter().any(|line| line.contains("error:") && line.contains("takes/t003.wav")),
        "{lines:#?}"
    );
    crowd.tell();
    running.end().with(1);
    let picture = Picture::of(&terminal.all());
    assert!(picture.is_at_an_empty_line(), "{:#?}", picture.lines());
    let mut lines = picture.lines();
    let last = lines.pop().expect("a summary");
    assert!(last.starts_with("4 done, 0 skipped, 1 failed: 0.3 minutes, 320 credits, "), "{last}");
    assert_eq!(lines.pop().as_deref(), Some("failed: takes/t003.wav"));
    let mut starts: Vec<String> =
        lines.iter().map(|line| line.split_inclusive([' ']).take(2).collect::<String>()).collect();
    starts.sort();
    assert_eq!(
        starts,
        [
            "error: takes/t003.wav: ",
            "hint: check ",
            "takes/t000.wav → ",
            "takes/t001.wav → ",
            "takes/t002.wav → ",
            "takes/t004.wav → ",
        ],
        "the messages, each on a line of its own, and nothing else: {lines:#?}"
    );
}

#[test]
fn a_note_runs_into_no_bar() {
    let bench = Bench::new();
    takes(&bench, 3);
    let terminal = Terminal::new();
    let crowd = Crowd::new(|view, arrival| match arrival.number {
        _ if view.most < 3 => None,
        3 => Some(TOO_MANY),
        _ => (view.told > 0).then_some(Voice),
    });
    let mut command = crowd.command(&bench, &["takes", "-d", "clean", "-j", "3"]);
    command.env("TERM", "xterm-256color").stdin(std::process::Stdio::null()).stderr(terminal.stdio());
    let running = Running::start_with(command.stdout(std::process::Stdio::piped()));
    let note = "the service has too many requests at once: No (HTTP 429, too_many_concurrent_requests); \
                going on with 2 at once";
    until("the note and two bars", || {
        let picture = Picture::of(&terminal.shown());
        let bars = picture.rows().iter().filter(|row| row.contains("waiting for the service")).count();
        (bars == 2 && picture.shows(&["note:", "takes/t00"])).then_some(())
    });
    crowd.tell();
    running.end().with(0);
    let lines = Picture::of(&terminal.all()).lines();
    let notes: Vec<_> = lines.iter().filter(|line| line.contains("note:")).collect();
    assert!(notes.len() == 1 && notes[0].contains("takes/t00") && notes[0].ends_with(note), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.starts_with("takes/t00")).count(), 3, "{lines:#?}");
    assert_eq!(lines.len(), 5, "{lines:#?}");
}
