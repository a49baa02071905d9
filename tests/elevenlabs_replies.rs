//! What the ElevenLabs engine makes of the service's replies: audio, what only looks like it, and refusals.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
#[path = "support/service.rs"]
mod service;
mod support;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use child::{Running, command, until};
use serde_json::{Value, json};
use service::{ENDPOINT, Gate, Reply, Service, VOICE_FRAMES, voice};
use support::{Audio, Bench};

/// Five seconds at 16 kHz: the shortest recording is 4.6 s long.
static WAV: LazyLock<Vec<u8>> = LazyLock::new(|| Audio::speechlike(16_000, 1, 80_000).wav16());

/// A folder with five seconds in `in.wav`.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.file("in.wav", &*WAV);
    bench
}

// Replies

#[test]
fn a_reply_is_written_as_it_came() {
    for (args, name) in [
        (&[][..], "in.isolated.mp3"),
        (&["-t", "mp3"], "in.isolated.mp3"),
        (&["-o", "out.mp3"], "out.mp3"),
        (&["-o", "out.MP3"], "out.MP3"),
        (&["-o", "bare"], "bare"),
        (&["-o", "bare", "-t", "mp3"], "bare"),
        (&["--name", "{stem}.voice.{ext}"], "in.voice.mp3"),
        (&["--name", "{stem}.mp3"], "in.mp3"),
        (&["--stream"], "in.isolated.mp3"),
        (&["--resample"], "in.isolated.mp3"),
    ] {
        let (bench, service) = (bench(), Service::new());
        service.voxsift(&bench, &[args, &["in.wav"]].concat()).succeeds().says(&format!("in.wav → {name}  "));
        assert!(bench.read(name) == voice(), "{args:?}");
        assert_eq!(bench.names().len(), 2, "{args:?}");
    }
}

#[test]
fn mp3_may_have_the_name_that_it_is_given() {
    // As every other format may: tests/writing.rs.
    let (bench, service) = (bench(), Service::new());
    service.voxsift(&bench, &["in.wav", "-o", "/dev/null", "-t", "mp3"]).succeeds();
    service.voxsift(&bench, &["in.wav", "-o", "out.xyz", "-t", "mp3"]).succeeds();
    assert!(bench.read("out.xyz") == voice());
}

#[test]
fn standard_input_gives_standard_output() {
    let (bench, service) = (bench(), Service::new());
    for args in [&[][..], &["-"], &["-o", "-"], &["-t", "auto"], &["-t", "mp3"], &["--retries", "0"]] {
        let done = service.voxsift(&bench, args).stdin(&**WAV).succeeds();
        assert!(done.stdout() == voice(), "{args:?}");
        done.says("standard input → standard output  ");
    }
    for args in [&["in.wav", "-o", "-"][..], &["in.wav", "-o", "/dev/stdout"]] {
        assert!(service.voxsift(&bench, args).succeeds().stdout() == voice(), "{args:?}");
    }
    assert_eq!(bench.names(), ["in.wav"]);
}

#[test]
fn a_reply_is_decoded_where_another_format_is_wanted() {
    // With nothing taken away, the local engine decodes.
    let here = Bench::new();
    here.file("voice.mp3", voice());
    here.voxsift(["voice.mp3", "--attenuation-limit", "0", "-o", "out.wav"]).succeeds();
    let expected = Audio::of_wav(&here.read("out.wav"));
    assert_eq!((expected.rate, expected.channels, expected.frames()), (44_100, 2, VOICE_FRAMES));

    let (bench, service) = (bench(), Service::new());
    let run = |args: &[&str]| service.voxsift(&bench, &[&["in.wav", "-f"], args].concat()).succeeds();
    run(&["-o", "out.wav"]);
    assert!(Audio::of_wav(&bench.read("out.wav")).snr(&expected) > 80.0);
    run(&["-t", "wav"]);
    assert!(bench.read("in.isolated.wav") == bench.read("out.wav"));
    run(&["-o", "out.mp3", "-t", "wav"]);
    assert!(bench.read("out.mp3") == bench.read("out.wav"));
    for done in
        [run(&["-t", "pcm", "-o", "-"]), service.voxsift(&bench, &["-t", "pcm"]).stdin(&**WAV).succeeds()]
    {
        let pcm = Audio::of_pcm(done.stdout(), 44_100, 2);
        assert!(pcm.snr(&expected) > 80.0);
    }
    run(&["-o", "out.pcm"]);
    assert_eq!(bench.read("out.pcm").len(), VOICE_FRAMES * 4);
    for name in ["out.flac", "out.opus"] {
        run(&["-o", name]);
        bench.voxsift([name, "--attenuation-limit", "0", "-f", "-o", "back.wav"]).succeeds();
        let back = Audio::of_wav(&bench.read("back.wav"));
        if name == "out.flac" {
            assert!(back.snr(&expected) > 80.0);
        } else {
            assert_eq!(
                (back.rate, back.channels, back.frames()),
                (48_000, 2, (VOICE_FRAMES * 480).div_ceil(441))
            );
        }
    }
}

#[test]
fn an_old_output_stays_until_the_reply_is_there() {
    let bench = bench();
    bench.file("out.mp3", b"old");
    let failing = Service::answering([Reply::of(500, "text/plain", "no")]);
    failing.voxsift(&bench, &["in.wav", "-f", "-o", "out.mp3", "--retries", "0"]).fails(5, "no");
    assert_eq!(bench.read("out.mp3"), b"old");
    Service::new().voxsift(&bench, &["in.wav", "-f", "-o", "out.mp3"]).succeeds();
    assert!(bench.read("out.mp3") == voice());
    assert_eq!(bench.names(), ["in.wav", "out.mp3"]);
}

#[test]
fn the_bytes_of_a_reply_count_and_not_their_type() {
    for kind in ["application/json", "text/html; charset=utf-8", "application/octet-stream", "audio/wav", "x"]
    {
        for status in [200, 201] {
            let (bench, service) = (bench(), Service::answering([Reply::of(status, kind, voice())]));
            service.voxsift(&bench, &["in.wav"]).succeeds();
            assert!(bench.read("in.isolated.mp3") == voice(), "{kind}");
        }
    }
}

#[test]
fn a_reply_without_audio_is_a_failure() {
    let mut zip = b"PK\x03\x04".to_vec();
    zip.resize(5000, 7);
    for body in [
        &b""[..],
        b"{}",
        br#"{"detail": {"status": "ok"}}"#,
        br#"{"waveform_base_64": "UklGRg=="}"#,
        b"<!DOCTYPE html><html><body>Please log in</body></html>",
        b"OK",
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\xff",
        &zip,
    ] {
        for (args, name) in [(&[][..], "in.isolated.mp3"), (&["-o", "out.wav", "-f"], "out.wav")] {
            let bench = bench();
            bench.file("out.wav", b"old");
            let service = Service::answering([Reply::of(200, "audio/mpeg", body)]);
            let args = [args, &["in.wav", "--json"]].concat();
            let done = service.voxsift(&bench, &args).exits(5);
            let json = done.json();
            let error = &json["error"];
            assert_eq!((&error["kind"], &error["http_status"]), (&json!("service"), &json!(200)));
            assert_eq!(json["output"], name);
            assert_eq!(bench.names(), ["in.wav", "out.wav"]);
            assert_eq!(bench.read("out.wav"), b"old");
            // It was paid for, perhaps; so it is not asked for again.
            service.request();
        }
        let service = Service::answering([Reply::of(200, "audio/mpeg", body)]);
        service.voxsift(&bench(), &["in.wav", "-o", "-"]).fails(5, "in.wav: ");
    }
}

#[test]
fn no_content_is_no_audio() {
    let service = Service::answering([Reply::of(204, "audio/mpeg", "")]);
    service.voxsift(&bench(), &["in.wav"]).fails(5, "in.wav: ");
    service.request();
}

#[test]
fn a_reply_that_cannot_be_decoded_is_a_failure_that_loses_nothing() {
    // It starts like MP3, and there is nothing behind.
    let body = [&b"ID3\x04\0\0\0\0\0\x0a0123456789"[..], &[0; 3000]].concat();
    let service = Service::answering([Reply::of(200, "audio/mpeg", &body)]);
    let bench = bench();
    let done = service.voxsift(&bench, &["in.wav", "-o", "out.wav"]).fails(5, "in.wav: ");
    // It may have been billed, so it may be kept, whole and under a name that is told.
    for name in bench.names().iter().filter(|name| *name != "in.wav") {
        assert!(name != "out.wav" && bench.read(name) == body, "{name}");
        done.says(name);
    }
    service.request();
}

#[test]
fn a_reply_that_is_broken_or_far_too_short_is_no_success_and_is_kept() {
    let short = voice()[..20_000].to_vec();
    let broken = [&voice()[..], &br#"{"detail":{"status":"internal_error"}}"#.repeat(200)].concat();
    for (body, reason) in [(short, "only"), (broken, "are no MP3")] {
        for output in ["out.mp3", "out.wav"] {
            let service = Service::answering([Reply::of(200, "audio/mpeg", &body)]);
            let bench = bench();
            let kept = format!("{output}.reply.mp3");
            let done = service.voxsift(&bench, &["in.wav", "-o", output]).fails(5, reason);
            done.says(&kept);
            assert_eq!(bench.names(), ["in.wav", &kept]);
            assert!(bench.read(&kept) == body, "{output}");
            service.request();
        }
    }
}

#[test]
fn a_reply_that_is_a_little_short_is_told_about() {
    let (bench, service) = (bench(), Service::answering([Reply::of(200, "audio/mpeg", &voice()[..45_000])]));
    service.voxsift(&bench, &["in.wav"]).succeeds().says("warning: in.wav: the service's reply is 3.");
}

#[test]
fn a_result_whose_name_is_taken_meanwhile_is_kept_under_another() {
    for (output, spare) in [("out.mp3", "out-1.mp3"), ("out.wav", "out-1.wav")] {
        let (bench, gate) = (bench(), Arc::new(Gate::default()));
        let service = Service::answering([Reply::voice().behind(&gate)]);
        let args = ["in.wav", "-o", output, "--progress=always"];
        let running = Running::start(command(&bench.path(""), args).envs(service.env()));
        until("the wait", || running.stderr().contains("waiting for the service").then_some(()));
        bench.file(output, b"somebody else's");
        gate.open();
        let ended = running.end().with(2);
        assert!(ended.stderr.contains(&format!("hint: the result is in {spare}")), "{}", ended.stderr);
        assert_eq!(bench.names(), ["in.wav", spare, output]);
        assert_eq!(bench.read(output), b"somebody else's");
        assert!(output != "out.mp3" || bench.read(spare) == voice());
        service.request();
    }
}

#[test]
fn the_cost_and_the_name_of_a_request_are_told() {
    let bench = bench();
    let full = || Reply::voice().with("character-cost", "205").with("request-id", "Req-7f3a");
    let service = Service::answering([full()]);
    let run = |service: &Service, args: &[&str]| {
        service.voxsift(&bench, &[&["in.wav", "-f"], args].concat()).succeeds()
    };
    let done = run(&service, &[]);
    done.says("  205 credits").says_not("Req-7f3a");
    assert_eq!(done.stderr().lines().count(), 1, "{}", done.show());
    run(&service, &["-v"]).says("205 credits").says("Req-7f3a").says("pcm_s16le_16");
    let json = run(&service, &["--json"]).json();
    assert_eq!((&json["credits"], &json["request_id"]), (&json!(205), &json!("Req-7f3a")));

    for reply in [
        Reply::voice(),
        Reply::voice().with("character-cost", "many"),
        Reply::voice().with("character-cost", "-3"),
        Reply::voice().with("character-cost", ""),
        Reply::voice().with("character-cost", "99999999999999999999999999"),
    ] {
        let service = Service::answering([reply]);
        run(&service, &["-v"]).says_not("credits");
        let json = run(&service, &["--json"]).json();
        assert!(json["credits"].is_null() && json["request_id"].is_null(), "{json}");
    }
}

#[test]
fn the_service_does_not_name_the_output() {
    for name in ["../evil.mp3", "/tmp/voxsift-evil.mp3", "evil.mp3", "in.wav"] {
        let bench = bench();
        let disposition = format!("attachment; filename=\"{name}\"");
        let service = Service::answering([Reply::voice().with("content-disposition", &disposition)]);
        service.voxsift(&bench, &["in.wav"]).succeeds();
        assert_eq!(bench.names(), ["in.isolated.mp3", "in.wav"]);
        assert!(bench.read("in.wav") == *WAV);
        assert!(!PathBuf::from("/tmp/voxsift-evil.mp3").exists() && !bench.path("../evil.mp3").exists());
    }
}

#[test]
fn json_tells_everything_about_a_success() {
    let (bench, service) = (bench(), Service::answering([Reply::voice().with("request-id", "r1")]));
    let done = service.voxsift(&bench, &["in.wav", "--json"]).succeeds();
    let mut json = done.json();
    let elapsed = json["elapsed_seconds"].take();
    assert!(elapsed.as_f64().is_some_and(|seconds| seconds > 0.0), "{}", done.show());
    let expected = json!({
        "input": "in.wav",
        "output": "in.isolated.mp3",
        "engine": "elevenlabs",
        "status": "ok",
        "duration_seconds": 5.0,
        "file_format": "pcm_s16le_16",
        "bytes_uploaded": service.request().body.len(),
        "bytes_written": voice().len(),
        "elapsed_seconds": null,
        "attempts": 1,
        "request_id": "r1",
        "credits": null,
        "warnings": [],
        "pieces": [],
        "spectrogram": null,
        "noise_removed_db": null,
        "error": null,
    });
    assert_eq!(json, expected);

    let service = Service::new();
    let done = service.voxsift(&bench, &["in.wav", "--json", "-f", "-o", "out.wav"]).succeeds();
    assert_eq!(done.json()["bytes_written"], bench.read("out.wav").len());
    let done = service.voxsift(&bench, &["-", "--json", "-f", "-o", "out.mp3"]).stdin(&**WAV).succeeds();
    assert_eq!(
        (&done.json()["input"], &done.json()["duration_seconds"]),
        (&json!("standard input"), &json!(5.0))
    );
}

#[test]
fn the_length_of_a_live_pipe_is_known_when_it_has_ended() {
    let (bench, service) = (bench(), Service::new());
    for (stdin, args) in [(&WAV[44..], &["--raw"][..]), (&WAV, &["-"])] {
        let args = [args, &["--retries=0", "--json", "-f", "-o", "out.mp3"]].concat();
        let done = service.voxsift(&bench, &args).stdin(stdin).succeeds();
        assert_eq!(done.json()["duration_seconds"], 5.0, "{}", done.show());
    }
}

#[test]
fn quiet_says_nothing_but_errors() {
    let bench = bench();
    let busy = Reply::of(503, "text/plain", "busy").with("Retry-After-ms", "1");
    let service = Service::answering([busy.clone(), Reply::voice()]);
    let done = service.voxsift(&bench, &["in.wav", "-q"]).succeeds();
    assert!(done.stderr().is_empty() && done.stdout().is_empty(), "{}", done.show());
    Service::answering([busy]).voxsift(&bench, &["in.wav", "-q", "-f", "--retries=1"]).fails(5, "busy");
}

// Refusals

/// What the service says, the HTTP statuses it says it with, and what that means here.
const CODES: [(&[&str], &[usize], &str, i32); 7] = [
    (
        &[
            "invalid_api_key",
            "missing_api_key",
            "invalid_authorization_header",
            "unauthorized",
            "sign_in_required",
        ],
        &[401],
        "key",
        3,
    ),
    (
        &[
            "missing_permissions",
            "insufficient_permissions",
            "forbidden",
            "workspace_access_denied",
            "feature_not_available",
            "subscription_required",
            "only_for_creator+",
            "detected_unusual_activity",
        ],
        &[401, 403],
        "permission",
        3,
    ),
    (
        &["insufficient_credits", "quota_exceeded", "payment_required", "paid_plan_required"],
        &[401, 402, 429],
        "credits",
        3,
    ),
    (
        &[
            "invalid_audio",
            "invalid_audio_format",
            "invalid_audio_duration",
            "audio_too_short",
            "audio_too_long",
            "invalid_file_type",
            "request_too_large",
        ],
        &[400, 413, 415, 422],
        "input",
        4,
    ),
    (
        &[
            "validation_error",
            "invalid_parameters",
            "missing_required_field",
            "bad_request",
            "invalid_content_type",
        ],
        &[400, 422],
        "request",
        4,
    ),
    (
        &[
            "too_many_concurrent_requests",
            "concurrent_limit_exceeded",
            "rate_limit_exceeded",
            "rate_limit_error",
            "system_busy",
        ],
        &[429],
        "rate-limit",
        5,
    ),
    (&["internal_error", "service_unavailable", "maintenance"], &[500, 502, 503, 504], "service", 5),
];

/// The JSON object for a refusal of this kind, with the usual lines on standard error, and nothing left.
#[track_caller]
fn refusal(reply: &Reply, kind: &str, exit: i32) -> Value {
    let (bench, service) = (bench(), Service::answering([reply.clone()]));
    let done = service.voxsift(&bench, &["in.wav", "--json", "--retries=0"]).exits(exit);
    let (json, stderr) = (done.json(), done.stderr());
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines.len() == 2 && lines[0].starts_with("error: in.wav: "), "{}", done.show());
    assert!(lines[1].starts_with("hint: ") && lines[1].len() > 10, "{}", done.show());
    let error = &json["error"];
    assert_eq!((&json["status"], &error["kind"]), (&json!("failed"), &json!(kind)), "{}", done.show());
    assert_eq!(lines[0], format!("error: in.wav: {}", error["message"].as_str().expect("a message")));
    assert_eq!(lines[1], format!("hint: {}", error["hint"].as_str().expect("a hint")));
    assert_eq!((&json["attempts"], &json["bytes_written"]), (&json!(1), &json!(0)));
    assert_eq!(json["bytes_uploaded"], service.request().body.len());
    assert_eq!(json["file_format"], "pcm_s16le_16");
    assert_eq!(bench.names(), ["in.wav"]);
    json
}

#[track_caller]
fn message(json: &Value) -> &str {
    json["error"]["message"].as_str().expect("a message")
}

#[test]
fn codes_decide_what_a_refusal_means() {
    for (codes, statuses, kind, exit) in CODES {
        for (i, code) in codes.iter().enumerate() {
            let status = statuses[i % statuses.len()];
            let detail = json!({
                "type": "some_type", "code": code, "message": "Words of the service.", "status": "some_status",
                "request_id": "req-1", "param": "audio",
            });
            let json = refusal(&Reply::json(status, &json!({ "detail": detail })), kind, exit);
            assert!(message(&json).contains("Words of the service"), "{json}");
            assert!(message(&json).contains("request id req-1"), "{json}");
            let error = &json["error"];
            assert_eq!((&error["http_status"], &error["code"]), (&json!(status), &json!(code)));
            assert_eq!(json["request_id"], "req-1");

            let detail = json!({ "status": code, "message": "Words of the service" });
            let reply = Reply::json(status, &json!({ "detail": detail })).with("request-id", "head-2");
            let json = refusal(&reply, kind, exit);
            assert!(message(&json).contains("Words of the service"), "{json}");
            assert!(message(&json).contains("request id head-2"), "{json}");
            let error = &json["error"];
            assert_eq!((&error["http_status"], &error["code"]), (&json!(status), &json!(code)));
        }
        // With any status that was seen, also where the status alone would mean something else.
        for status in statuses {
            let detail = json!({ "detail": { "code": codes[0], "status": "unknown", "message": "no" } });
            refusal(&Reply::json(*status, &detail), kind, exit);
        }
    }
}

#[test]
fn a_code_counts_more_than_a_status_and_a_status_more_than_http() {
    for (code, status, http, kind, exit) in [
        ("quota_exceeded", "invalid_api_key", 401, "credits", 3),
        ("invalid_api_key", "quota_exceeded", 500, "key", 3),
        ("something_new", "quota_exceeded", 401, "credits", 3),
        ("something_new", "something_else", 401, "key", 3),
        ("", "audio_too_short", 500, "input", 4),
    ] {
        let detail = json!({ "code": code, "status": status, "message": "no" });
        refusal(&Reply::json(http, &json!({ "detail": detail })), kind, exit);
    }
}

/// What HTTP statuses mean where the body says nothing.
const STATUSES: [(usize, &str, i32); 18] = [
    (400, "request", 4),
    (401, "key", 3),
    (402, "credits", 3),
    (403, "permission", 3),
    (404, "request", 4),
    (405, "request", 4),
    (410, "request", 4),
    (413, "input", 4),
    (415, "input", 4),
    (418, "request", 4),
    (422, "request", 4),
    (429, "rate-limit", 5),
    (431, "request", 4),
    (500, "service", 5),
    (501, "service", 5),
    (502, "service", 5),
    (503, "service", 5),
    (504, "service", 5),
];

#[test]
fn http_statuses_decide_where_nothing_else_does() {
    for (status, kind, exit) in STATUSES {
        for body in ["", "<html><body><h1>Sorry</h1></body></html>", "{\"detail\": null}"] {
            let json = refusal(&Reply::of(status, "text/html", body), kind, exit);
            assert_eq!(json["error"]["http_status"], status);
            assert!(json["error"]["code"].is_null() && json["request_id"].is_null(), "{json}");
            assert!(!message(&json).contains(['<', '{']), "{json}");
            assert!(message(&json).contains(&status.to_string()), "{json}");
        }
        let json = refusal(&Reply::json(status, &json!({ "detail": "Words of the service" })), kind, exit);
        assert!(message(&json).contains("Words of the service"), "{json}");
    }
}

#[test]
fn a_list_of_validation_errors_is_told() {
    let list = json!([
        { "loc": ["body", "audio"], "msg": "Expected UploadFile, received str", "type": "value_error" },
        { "loc": ["body", "file_format"], "msg": "Input should be 'other'", "type": "enum" },
    ]);
    let json = refusal(&Reply::json(422, &json!({ "detail": list })), "request", 4);
    for part in ["audio", "Expected UploadFile, received str", "file_format", "Input should be 'other'"] {
        assert!(message(&json).contains(part), "{part}: {json}");
    }
    let many: Vec<_> = (0..10_000).map(|i| json!({ "loc": ["body", i], "msg": "wrong" })).collect();
    let json = refusal(&Reply::json(422, &json!({ "detail": many })), "request", 4);
    assert!(message(&json).chars().count() < 600, "{json}");
}

#[test]
fn bodies_that_nobody_expects_do_no_harm() {
    let deep = "[".repeat(100_000);
    let long = format!("{{\"detail\": \"{}\"}}", "word ".repeat(200_000));
    for body in [
        b"null".as_slice(),
        b"7",
        b"[]",
        b"[[]]",
        b"\"text\"",
        b"{}",
        b"{\"detail\": 7}",
        b"{\"detail\": []}",
        b"{\"detail\": [1, null, \"text\"]}",
        b"{\"detail\": {}}",
        b"{\"detail\": {\"code\": 7, \"status\": [], \"message\": {}, \"request_id\": false}}",
        b"{\"detail\": {\"message\": \"cut",
        b"{\"detail\": \"\\ud800\"}",
        b"\xff\xfe{\0}\0",
        &[0; 1000],
        deep.as_bytes(),
        long.as_bytes(),
        &long.as_bytes()[..20_000],
    ] {
        let json = refusal(&Reply::of(422, "application/json", body), "request", 4);
        assert!(message(&json).chars().count() < 600, "{json}");
    }
}

#[test]
fn a_list_of_nothing_known_is_no_code() {
    for body in ["[]", "{\"detail\": []}", "{\"detail\": [{\"msg\": \"Words of the service\"}]}"] {
        for (status, kind, exit) in STATUSES {
            let json = refusal(&Reply::of(status, "application/json", body), kind, exit);
            // Only these two statuses come with lists of validation errors.
            assert!(json["error"]["code"].is_null() || [400, 422].contains(&status), "{json}");
        }
    }
}

#[test]
fn words_of_the_service_cannot_steer_a_terminal() {
    let words = "one\r\ntwo\u{1b}[31m three\u{7}\u{202e}four\u{9b}2J \t five\u{2028}six\u{0} error: seven";
    let long = format!("{words} {}", "long ".repeat(1000));
    for text in [words, &long] {
        for reply in [
            Reply::json(400, &json!({ "detail": text })),
            Reply::json(400, &json!({ "detail": { "status": text, "message": text, "request_id": text } })),
            Reply::json(400, &json!({ "detail": { "code": text, "message": text } })),
            Reply::json(422, &json!({ "detail": [{ "loc": ["body", text], "msg": text, "type": text }] })),
            // What is neither JSON nor text is not worth showing.
            Reply::of(400, "text/plain", text),
        ] {
            let json = refusal(&reply, "request", 4);
            let text = message(&json);
            assert!(text.contains("one two") || reply.is_plain(), "{text:?}");
            assert!(!text.contains(|c: char| c.is_control() || "\u{202e}\u{2028}".contains(c)), "{text:?}");
            assert!(text.chars().count() < 900, "{} characters", text.chars().count());
        }
    }
    // About 300 characters of it are shown.
    let json = refusal(&Reply::json(400, &json!({ "detail": "word ".repeat(1000) })), "request", 4);
    let shown = message(&json).matches("word").count();
    assert!((40..=70).contains(&shown), "{shown} words");
}

#[test]
fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (bench, elsewhere) = (bench(), Service::new());
        for target in [elsewhere.url() + ENDPOINT, "https://api.us.example.com/v1?x=1".into()] {
            let service = Service::answering([Reply::of(status, "text/html", "").with("location", &target)]);
            let done = service.voxsift(&bench, &["in.wav", "--json", "--retries=2"]).exits(5);
            let json = done.json();
            assert_eq!(
                (&json["error"]["kind"], &json["error"]["http_status"]),
                (&json!("service"), &json!(status))
            );
            let host = if target.contains("example") { "api.us.example.com" } else { "127.0.0.1" };
            assert!(message(&json).contains(host), "{json}");
            service.request();
        }
        elsewhere.is_untouched();
        let service = Service::answering([Reply::of(status, "text/html", "")]);
        service.voxsift(&bench, &["in.wav"]).fails(5, "redirect");
    }
}

#[test]
fn what_is_permanent_is_not_tried_again() {
    let told = |status, code| Reply::json(status, &json!({ "detail": { "status": code, "message": "no" } }));
    for (reply, exit) in [
        (told(429, "quota_exceeded"), 3),
        (told(500, "invalid_audio"), 4),
        (told(401, "invalid_api_key"), 3),
        (Reply::of(400, "text/plain", "no"), 4),
        (Reply::of(404, "text/plain", "no"), 4),
        (Reply::of(422, "text/plain", "no"), 4),
    ] {
        let (bench, service) = (bench(), Service::answering([reply.with("Retry-After-ms", "1")]));
        service.voxsift(&bench, &["in.wav", "--retries=3"]).fails(exit, "in.wav: ");
        service.request();
    }
}
