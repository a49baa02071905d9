//! `--spectrogram`: what is drawn, where, and what is found before any work.

#[cfg(unix)]
#[path = "support/child.rs"]
mod child;
#[cfg(unix)]
#[path = "support/service.rs"]
mod service;
mod support;
#[path = "support/takes.rs"]
mod takes;

use std::f32::consts::TAU;
use std::path::Path;

use serde_json::Value;
use support::{Audio, Bench};
use takes::{field, plant, records, tiny};

/// A sheet, read back.
struct Sheet {
    width: usize,
    height: usize,
    /// Colour of each pixel: a number of the palette.
    pixels: Vec<u8>,
}

/// The colours of the map are below this one.
const COLORS: u8 = 112;

/// Where the two spectrograms are on the sheet.
const LEFT: usize = 68;
const COLUMNS: usize = 1080;
const ROWS: usize = 288;
const TOPS: [usize; 2] = [56, 400];

impl Sheet {
    #[track_caller]
    fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("its pixels");
        assert_eq!(info.color_type, png::ColorType::Indexed);
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    /// One of the two spectrograms, row by row, from high frequencies to low ones.
    fn panel(&self, number: usize) -> Vec<&[u8]> {
        let row = |y: usize| &self.pixels[y * self.width + LEFT..][..COLUMNS];
        (TOPS[number]..TOPS[number] + ROWS).map(row).collect()
    }
}

/// A tone of 3 kHz for the first half of two seconds.
fn tone() -> Audio {
    let sample =
        |at: u16| if at < 16_000 { 0.5 * (TAU * 3_000.0 * f32::from(at) / 16_000.0).sin() } else { 0.0 };
    Audio { rate: 16_000, channels: 1, samples: (0..32_000).map(sample).collect() }
}

#[test]
fn both_are_drawn_on_the_same_scales() {
    let bench = Bench::new();
    bench.file("take.wav", tone().wav16());
    // Nothing is taken away, so that both have to look the same.
    let run = bench.voxsift([
        "take.wav",
        "-o",
        "out.wav",
        "--attenuation-limit",
        "0",
        "--spectrogram",
        "look.png",
        "--json",
    ]);
    let record = run.succeeds().json();
    assert_eq!(record["spectrogram"], "look.png");
    assert_eq!(record["noise_removed_db"], 0.0);
    assert_eq!(bench.names(), ["look.png", "out.wav", "take.wav"]);

    let sheet = Sheet::read(&bench.path("look.png"));
    assert!(sheet.height > TOPS[1] + ROWS);
    let (before, after) = (sheet.panel(0), sheet.panel(1));
    assert!(before == after, "the same sound gives the same picture");
    assert!(before.iter().all(|row| row.iter().all(|color| *color < COLORS)), "colours of the map only");
    // The tone is where it should be, and nowhere else: at 3 of 8 kHz, in the first half.
    let brightest = |x: usize| (0..ROWS).max_by_key(|y| before[*y][x]).expect("rows");
    let expected = ROWS - ROWS * 3 / 8;
    assert!(brightest(270).abs_diff(expected) <= 2, "{} instead of {expected}", brightest(270));
    assert!(before[brightest(270)][270] > 90, "a tone of −6 dBFS is bright");
    assert!(before.iter().all(|row| row[810] == 0), "silence is dark");
    assert_eq!(before[0][270], 0, "8 kHz is dark");
}

#[test]
fn what_is_removed_is_measured_and_seen() {
    let bench = Bench::new();
    let noisy = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/noisy.wav");
    bench.file("noisy.wav", std::fs::read(noisy).expect("the example"));
    let run = bench.voxsift([
        "noisy.wav",
        "-o",
        "out.flac",
        "--attenuation-limit",
        "12",
        "--spectrogram",
        "a.png",
        "--json",
    ]);
    let done = run.succeeds();
    let noise = done.json()["noise_removed_db"].as_f64().expect("a number");
    assert!((9.0..=12.5).contains(&noise), "at most 12 dB are taken away: {noise}");
    done.says(&format!("noise -{noise:.1} dB"));
    let sheet = Sheet::read(&bench.path("a.png"));
    let sum = |panel: usize| {
        sheet.panel(panel).iter().flat_map(|row| row.iter()).map(|c| f64::from(*c)).sum::<f64>()
    };
    assert!(sum(1) < 0.9 * sum(0), "it is darker");
}

#[test]
fn without_the_option_nothing_is_known_of_the_noise() {
    let bench = Bench::new();
    bench.file("take.wav", tiny());
    let record = bench.voxsift(["take.wav", "--json"]).succeeds().json();
    assert_eq!((&record["spectrogram"], &record["noise_removed_db"]), (&Value::Null, &Value::Null));
}

#[test]
fn any_format_that_is_read_and_written_is_drawn() {
    let bench = Bench::new();
    bench.file("take.s16", Audio::speechlike(48_000, 6, 24_000).pcm());
    bench.file("take.wav", tiny());
    let raw = [
        "take.s16",
        "--raw",
        "--rate",
        "48000",
        "--channels",
        "6",
        "-o",
        "out.pcm",
        "--spectrogram",
        "a.png",
    ];
    bench.voxsift(raw).succeeds();
    bench.voxsift(["take.wav", "-o", "out.opus", "--spectrogram", "b.PNG"]).succeeds();
    for name in ["a.png", "b.PNG"] {
        Sheet::read(&bench.path(name));
    }
}

#[test]
fn a_folder_takes_the_pictures_of_many_by_the_names_of_their_outputs() {
    let bench = Bench::new();
    plant(&bench, &["in/a.wav", "in/sub/a.wav", "in/sub/b.wav"], &tiny());
    let args = ["-r", "in", "-d", "out", "--spectrogram", "pictures", "--json", "-j", "1"];
    let run = bench.voxsift(args).succeeds();
    let pictures = field("spectrogram", &records(run.stdout()));
    assert_eq!(pictures, ["pictures/a.png", "pictures/sub/a.png", "pictures/sub/b.png"]);
    assert_eq!(takes::files(&bench.path("pictures")), ["a.png", "sub/a.png", "sub/b.png"]);
    // Of one recording as well, where the name says that it is a folder.
    bench.voxsift(["in/a.wav", "--spectrogram", "more/"]).succeeds();
    assert_eq!(takes::files(&bench.path("more")), ["a.isolated.png"]);
}

#[test]
fn what_cannot_be_drawn_is_found_before_any_work() {
    let bench = Bench::new();
    plant(&bench, &["a.wav", "x/a.wav", "take.png"], &tiny());
    bench.file("there.png", "a picture");
    let before = bench.names();
    let long = format!("{}.png", "x".repeat(300));
    let cases: [(&[&str], i32, &str); 11] = [
        (&["a.wav", "--spectrogram", "look.jpg"], 2, "a spectrogram is written as PNG"),
        (&["a.wav", "--spectrogram", "there.png"], 2, "there.png exists already"),
        (&["a.wav", "--spectrogram", "take.png", "take.png", "-f"], 2, "several recordings"),
        (&["take.png", "--spectrogram", "take.png", "-f"], 2, "take.png is an input"),
        (&["a.wav", "-t", "wav", "-o", "look.png", "--spectrogram", "look.png"], 2, "would be written twice"),
        (&["a.wav", "x/a.wav", "--spectrogram", "pictures"], 2, "would be written twice"),
        (&["a.wav", "x/a.wav", "--spectrogram", "one.png"], 2, "several recordings"),
        (&["a.wav", "-o", "-", "--spectrogram", "look.png"], 2, "cannot be read again"),
        (&["-", "-o", "out.wav", "--spectrogram", "look.png"], 2, "cannot be read again"),
        (&["a.wav", "--spectrogram", "none/look.png"], 1, "there is no directory none"),
        (&["a.wav", "--spectrogram", &long], 1, "name too long"),
    ];
    for (args, code, reason) in cases {
        for extra in [&[][..], &["-n"]] {
            bench.voxsift(args.iter().chain(extra)).stdin(tiny()).fails(code, reason);
        }
    }
    assert_eq!(bench.names(), before, "nothing is left");
    // What may be replaced is.
    bench.voxsift(["a.wav", "--spectrogram", "there.png", "-f"]).succeeds();
    Sheet::read(&bench.path("there.png"));
}

#[test]
fn a_dry_run_says_where_pictures_would_be() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    let run = bench.voxsift(["a.wav", "--spectrogram", "pictures/", "-n", "--json"]).succeeds();
    run.says("spectrogram: pictures/a.isolated.png");
    assert_eq!(run.json()["spectrogram"], "pictures/a.isolated.png");
    assert_eq!(bench.names(), ["a.wav"]);
}

#[test]
fn what_is_there_is_drawn_without_being_isolated_again() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    // Not what isolation would give.
    bench.file("a.isolated.wav", tone().wav16());
    let args = ["a.wav", "--skip-existing", "--spectrogram", "a.png", "--json"];
    let record = bench.voxsift(args).succeeds().json();
    assert_eq!((&record["status"], &record["spectrogram"]), (&"skipped".into(), &"a.png".into()));
    assert_eq!(bench.read("a.isolated.wav"), tone().wav16());
    Sheet::read(&bench.path("a.png"));
    // A picture that is there stays.
    bench.file("a.png", "mine");
    bench.voxsift(args).succeeds();
    assert_eq!(bench.read("a.png"), b"mine");
}

/// Somewhere no file can be made, although it is a folder.
#[cfg(target_os = "linux")]
const NOWHERE: &str = "/proc/voxsift.png";

#[cfg(target_os = "linux")]
#[test]
fn a_picture_that_cannot_be_written_takes_nothing_with_it() {
    let bench = Bench::new();
    bench.file("a.wav", tiny());
    let run = bench.voxsift(["a.wav", "--spectrogram", NOWHERE, "--json"]).exits(1);
    run.says("a.isolated.wav: the spectrogram /proc/voxsift.png is missing: ");
    run.says("hint: the voice is in a.isolated.wav; ");
    let record = run.json();
    assert_eq!((&record["status"], &record["error"]["kind"]), (&"failed".into(), &"output".into()));
    assert_eq!(bench.names(), ["a.isolated.wav", "a.wav"]);
    assert_eq!(Audio::of_wav(&bench.read("a.isolated.wav")).frames(), 1_600);
    // As the hint says.
    bench.voxsift(["a.wav", "--spectrogram", "a.png", "--skip-existing"]).succeeds();
    Sheet::read(&bench.path("a.png"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_was_paid_for_is_told_also_where_the_picture_is_missing() {
    use service::{Reply, Service};
    let service = Service::answering([Reply::voice().with("character-cost", "85")]);
    let bench = Bench::new();
    bench.file("a.wav", Audio::speechlike(16_000, 1, 81_600).wav16());
    let record = service.voxsift(&bench, &["a.wav", "--spectrogram", NOWHERE, "--json"]).exits(1).json();
    assert_eq!((&record["status"], &record["credits"]), (&"failed".into(), &85.into()));
    assert_eq!(bench.read("a.isolated.mp3"), service::voice());
    service.voxsift(&bench, &["a.wav", "--spectrogram", "a.png", "--skip-existing"]).succeeds();
    service.request();
    Sheet::read(&bench.path("a.png"));
}

#[cfg(unix)]
#[test]
fn what_cannot_be_decoded_here_is_not_paid_for() {
    let service = service::Service::new();
    let bench = Bench::new();
    // The service might know what this is.
    bench.file("a.avi", [b"RIFF\x24\0\x10\0AVI LIST", &[0; 100_000][..]].concat());
    let run = service.voxsift(&bench, &["a.avi", "--ignore-limits", "--spectrogram", "a.png"]);
    run.fails(4, "cannot be decoded here").says("; or leave out --spectrogram");
    service.is_untouched();
    service.voxsift(&bench, &["a.avi", "--ignore-limits"]).succeeds();
    let pcm = ["a.avi", "-t", "pcm", "-o", "out.pcm", "--spectrogram", "a.png"];
    service.voxsift(&bench, &pcm).fails(2, "the service's sample rate");
}
