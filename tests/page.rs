//! `--report`: what the page says, and how it behaves in a real browser.

#![cfg(unix)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/child.rs"]
mod child;
#[path = "support/service.rs"]
mod service;
mod support;
#[path = "support/takes.rs"]
mod takes;

use browser::{Browser, DOWN, RIGHT, TAB, UP};
use child::{Running, command, until};
use rustix::process::Signal;
use serde_json::{Value, json};
use service::{Reply, Service};
use support::{Audio, Bench};
use takes::{plant, tiny};

/// A name that would be markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)> & \"quoted\" 'name'.wav";

/// The page as text, without what is embedded.
fn page(bench: &Bench, name: &str) -> String {
    let text = String::from_utf8(bench.read(name)).expect("UTF-8");
    let mut parts = text.split(";base64,");
    let first = parts.next().expect("a part").to_owned();
    parts.fold(first, |text, part| {
        text + ";base64," + &part[part.find('"').expect("the end of an attribute")..]
    })
}

/// The rows, each from its name on.
fn rows(page: &str) -> Vec<&str> {
    page.split("<th scope=\"row\">").skip(1).collect()
}

#[test]
fn every_recording_has_its_row() {
    let bench = Bench::new();
    plant(&bench, &["in/a.wav", "in/c.wav", &format!("in/{HOSTILE}")], &tiny());
    bench.file("in/b.wav", "no audio <b>");
    plant(&bench, &["out/c.wav"], &tiny());
    let run = bench.voxsift(["-r", "in", "-d", "out", "--skip-existing", "--report", "page.html"]).exits(1);
    run.says("report: page.html");
    let page = page(&bench, "page.html");
    let rows = rows(&page);
    assert_eq!(rows.len(), 4, "{page}");
    assert!(rows[0].starts_with(
        "in/&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quoted&quot; &#39;name&#39;.wav</th>"
    ));
    assert!(rows[1].starts_with("in/a.wav</th><td class=\"number\">0:00</td>"), "{}", rows[1]);
    assert!(
        rows[1].contains(" dB</td><td class=\"number\">0</td>") && rows[1].contains(">done<"),
        "{}",
        rows[1]
    );
    assert!(rows[2].starts_with("in/b.wav</th>") && rows[2].contains(">failed<"), "{}", rows[2]);
    assert!(rows[2].contains(">this is text, not audio<") && rows[2].contains("--raw"), "{}", rows[2]);
    // What was there already is compared all the same.
    assert!(rows[3].contains(">skipped<") && rows[3].contains(">it exists<"), "{}", rows[3]);
    for (row, parts) in [(0, 2), (1, 2), (2, 0), (3, 2)] {
        assert_eq!(rows[row].matches("data:audio/ogg;base64,").count(), parts, "{}", rows[row]);
        assert_eq!(rows[row].matches("data:image/png;base64,").count(), parts / 2, "{}", rows[row]);
    }
    assert!(!page.contains("<img src=x"), "{page}");
    // Nothing is outside: no address, and no file.
    assert!(!page.contains("http:") && !page.contains("https:") && !page.contains("url("), "{page}");
    assert!(page.contains("2 done, 1 skipped, 1 failed"), "{page}");
}

#[test]
fn the_page_is_written_also_when_the_run_ends_early() {
    let bench = Bench::new();
    plant(&bench, &["b.wav"], &tiny());
    bench.file("a.wav", "no audio");
    bench.voxsift(["a.wav", "b.wav", "--fail-fast", "-j", "1", "--report", "page.html"]).exits(1);
    let page = page(&bench, "page.html");
    let rows = rows(&page);
    assert!(rows[0].starts_with("a.wav") && rows[0].contains(">failed<"), "{page}");
    assert!(rows[1].starts_with("b.wav") && rows[1].contains(">not begun<"), "{page}");
    assert_eq!(bench.names(), ["a.wav", "b.wav", "page.html"]);
}

#[test]
fn a_page_is_not_put_over_anything_but_a_page() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    bench.file("page.html", "mine");
    let args = ["a.wav", "--report", "page.html"];
    let resumed = ["a.wav", "--skip-existing", "--report", "page.html"];
    bench.voxsift(args).fails(2, "page.html exists already");
    bench.voxsift(resumed).fails(2, "page.html exists already");
    bench.voxsift(["a.wav", "--report", "a.wav", "-f"]).fails(2, "a.wav is an input");
    bench.voxsift(["a.wav", "--report", "-"]).fails(2, "the report is a file");
    bench.voxsift(["--report", "b.html"]).stdin(tiny()).fails(2, "cannot be read again");
    let dry = bench.voxsift(["a.wav", "--report", "b.html", "-n"]).succeeds();
    dry.says("report: b.html");
    assert_eq!(bench.names(), ["a.wav", "page.html"]);
    bench.voxsift(["a.wav", "-f", "--report", "page.html"]).succeeds();
    // Who goes on gets a new one in its place.
    bench.voxsift(resumed).succeeds();
    assert!(page(&bench, "page.html").contains(">skipped<"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_page_that_cannot_be_written_takes_nothing_with_it() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    let run = bench.voxsift(["a.wav", "--report", "/proc/voxsift.html", "--json"]).exits(1);
    run.says("error: /proc/voxsift.html: ");
    assert_eq!(run.json()["status"], "ok");
    assert_eq!(bench.names(), ["a.isolated.wav", "a.wav"]);
}

#[test]
fn what_the_service_took_is_on_the_page() {
    let service = Service::answering([Reply::voice().with("character-cost", "85")]);
    let bench = Bench::new();
    bench.file("a.wav", Audio::speechlike(16_000, 1, 81_600).wav16());
    // Nothing here can decode this.
    bench.file("b.avi", [b"RIFF\x24\0\x10\0AVI LIST", &[0; 100_000][..]].concat());
    let args = ["a.wav", "b.avi", "--ignore-limits", "--report", "page.html"];
    service.voxsift(&bench, &args).succeeds();
    let page = page(&bench, "page.html");
    let rows = rows(&page);
    assert!(rows[0].contains("<td class=\"number\">85</td>") && rows[0].contains("data:audio/ogg"), "{page}");
    assert!(rows[1].contains(">done<") && rows[1].contains("it cannot be shown: "), "{page}");
}

#[test]
fn an_interrupted_run_leaves_no_page() {
    let bench = Bench::new();
    bench.file("a.wav", Audio::speechlike(48_000, 2, 48_000 * 120).wav16());
    let run = Running::start(&mut command(
        &bench.path(""),
        ["a.wav", "--report", "page.html", "--progress", "always"],
    ));
    until("the work to begin", || bench.names().iter().any(|name| name.ends_with(".part")).then_some(()));
    run.signal(Signal::INT);
    run.end().with(130);
    assert_eq!(bench.names(), ["a.wav"]);
}

/// Three recordings on a page in a browser: one that is longer than an excerpt, a short one, and one that failed. `None` where there is no browser.
fn opened(bench: &Bench, scheme: &str) -> Option<Browser> {
    let browser = Browser::start()?;
    let of = |seconds: usize| Audio::speechlike(16_000, 1, 16_000 * seconds).wav16();
    plant(bench, &[format!("in/{HOSTILE}")], &of(45));
    plant(bench, &["in/a.wav"], &of(3));
    bench.file("in/b.wav", "no audio");
    bench.voxsift(["in", "-d", "out", "--report", "page.html", "--attenuation-limit", "6"]).exits(1);
    // Somewhere else, where nothing but the page is.
    let away = bench.path("away");
    std::fs::create_dir(&away).expect("a folder");
    std::fs::rename(bench.path("page.html"), away.join("page.html")).expect("it can be moved");
    browser.offline();
    browser.prefer(scheme, "no-preference");
    browser.open(&away.join("page.html"));
    Some(browser)
}

/// What the players show: state, side and position in seconds.
fn players(browser: &Browser) -> Vec<(Value, Value, f64)> {
    let script = "return [...document.querySelectorAll('.player')].map((player) =>
        [player.dataset.state ?? null, player.dataset.side, Number(player.querySelector('input').value)])";
    let seen = browser.run(script);
    let seen = seen.as_array().expect("players").iter();
    seen.map(|it| (it[0].clone(), it[1].clone(), it[2].as_f64().expect("a position"))).collect()
}

/// Waits until the first player is behind this position.
fn plays_past(browser: &Browser, position: f64) -> f64 {
    until("the sound to go on", || Some(players(browser)[0].2).filter(|at| *at > position))
}

#[test]
fn players_switch_in_place_by_mouse_and_by_keyboard() {
    let bench = Bench::new();
    let Some(browser) = opened(&bench, "light") else { return };
    let pressed = |browser: &Browser| {
        browser.run("return [...document.querySelectorAll('.player')[0].querySelectorAll('.switch button')].map((it) => it.ariaPressed)")
    };
    assert_eq!(players(&browser), vec![(Value::Null, json!("before"), 0.0); 2]);
    browser.click(".play");
    let at = plays_past(&browser, 0.2);
    // Both sides run at once: the position goes on where it is.
    browser.press("x");
    let (state, side, there) = players(&browser)[0].clone();
    assert_eq!((state, side), (json!("playing"), json!("after")));
    assert!(there >= at, "{there} after {at}");
    assert_eq!(pressed(&browser), json!(["false", "true"]));
    browser.click(".switch button");
    assert_eq!(
        (players(&browser)[0].1.clone(), pressed(&browser)),
        (json!("before"), json!(["true", "false"]))
    );
    let at = plays_past(&browser, there);
    // Space pauses, also with the focus on what is chosen already.
    browser.press(" ");
    let (state, _, paused) = players(&browser)[0].clone();
    assert_eq!(state, "paused");
    assert!(paused >= at, "{paused} after {at}");
    browser.press(RIGHT);
    assert!((players(&browser)[0].2 - paused - 2.0).abs() < 0.05, "two seconds further");
    browser.press("x");
    assert!((players(&browser)[0].2 - paused - 2.0).abs() < 0.05, "switched in place");
    // The playhead is where the sound is: the excerpt of 30 s is the middle of 45 s.
    let left = browser
        .run("return parseFloat(document.querySelector('.playhead').style.left)")
        .as_f64()
        .expect("a part");
    let expected = 100.0 * (68.0 + 1080.0 * (7.5 + paused + 2.0) / 45.0) / 1276.0;
    assert!((left - expected).abs() < 0.2, "{left} instead of {expected}");
    // The other recording: it begins, and the first one does not go on.
    browser.press(DOWN);
    let focused =
        "return [...document.querySelectorAll('.player')].indexOf(document.activeElement.closest('.player'))";
    assert_eq!(browser.run(focused), 1);
    browser.press(" ");
    until("the second to play", || Some(players(&browser)[1].2).filter(|at| *at > 0.1));
    assert_eq!(players(&browser)[0].0, "paused");
    assert_eq!(players(&browser)[1].0, "playing");
    browser.press(UP);
    assert_eq!(browser.run(focused), 0);
    // In the order in which one reads: play, before, after, position.
    let names = ["Before", "After", "Position"].map(|name| {
        browser.press(TAB);
        let seen = browser
            .run("const on = document.activeElement; return (on.ariaLabel ?? on.textContent).split(',')[0]");
        assert_eq!(seen, name);
        assert_eq!(
            browser.run("return getComputedStyle(document.activeElement).outlineStyle"),
            "solid",
            "{name}"
        );
    });
    assert_eq!(names.len(), 3);
    assert_eq!(browser.complaints(), json!([]));
}

#[test]
fn the_sides_sound_as_they_are() {
    let bench = Bench::new();
    let Some(browser) = opened(&bench, "light") else { return };
    // What the page decodes of both, as the program wrote it.
    let script = "const [root] = document.querySelectorAll('.player');
        const context = new OfflineAudioContext(1, 48000, 48000);
        return Promise.all([...root.querySelectorAll('audio')].map(async (audio) => {
            const bytes = Uint8Array.from(atob(audio.src.split(',')[1]), (c) => c.charCodeAt(0));
            const buffer = await context.decodeAudioData(bytes.buffer);
            const sum = buffer.getChannelData(0).reduce((sum, sample) => sum + sample * sample, 0);
            return [buffer.duration, 10 * Math.log10(sum / buffer.length)];
        }))";
    let sides = browser.run(script);
    let side = |at: usize| [0, 1].map(|part| sides[at][part].as_f64().expect("a number"));
    let ([long, loud], [long_after, quiet]) = (side(0), side(1));
    assert!((long - 30.0).abs() < 0.05 && (long_after - 30.0).abs() < 0.05, "{sides}");
    assert!((-7.0..0.0).contains(&(quiet - loud)), "at most 6 dB are taken away: {sides}");
}

#[test]
fn light_and_dark_are_readable_and_hostile_names_are_text() {
    let bench = Bench::new();
    let Some(browser) = opened(&bench, "light") else { return };
    let contrast = "const light = (color) => {
            const [r, g, b] = color.match(/[\\d.]+/g).map(Number)
                .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const behind = (element) => {
            const color = getComputedStyle(element).backgroundColor;
            return color === 'rgba(0, 0, 0, 0)' ? behind(element.parentElement) : color;
        };
        const texts = 'h1, header p, th, td, .status, .remark, output, .player button, caption';
        return [...document.querySelectorAll(texts)].map((element) => {
            const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.outerHTML.slice(0, 80)];
        })";
    let paper = "return getComputedStyle(document.body).backgroundColor";
    let mut papers = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme, "reduce");
        // WCAG 2.2, 1.4.3.
        for pair in browser.run(contrast).as_array().expect("texts") {
            assert!(pair[0].as_f64().is_some_and(|contrast| contrast >= 4.5), "{scheme}: {pair}");
        }
        papers.push(browser.run(paper));
    }
    assert_ne!(papers[0], papers[1]);
    // Names are text, and pictures are there.
    assert_eq!(
        browser.run("return document.querySelectorAll('tbody th')[0].textContent"),
        format!("in/{HOSTILE}")
    );
    let images = "return [...document.images].map((image) => [image.naturalWidth, image.alt])";
    let images = browser.run(images);
    assert_eq!(images.as_array().map(Vec::len), Some(2), "{images}");
    assert_eq!(images[1], json!([1276, "Spectrograms of in/a.wav before and after"]));
    // Without motion, the sound goes on all the same.
    browser.click(".play");
    plays_past(&browser, 0.5);
    assert_eq!(browser.complaints(), json!([]));
}
