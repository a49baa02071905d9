//! What help tells beside the options: examples, environment and exit codes. They stand here once, for `--help`, for
//! the man page, and for the tests that compare README with them.

use std::fmt::Write;

/// Commands to learn from, and what they do.
pub const EXAMPLES: [(&str, &str); 9] = [
    ("voxsift interview.wav", "writes interview.isolated.wav"),
    ("voxsift talk.mp3 -o talk.flac", "reads and writes other formats"),
    ("voxsift take.wav --attenuation-limit 12", "leaves some of the room in"),
    ("ffmpeg -i clip.mp4 -f wav - | voxsift > voice.wav", "the sound of a video"),
    (
        "arecord -f S16_LE -r 16000 -t raw | voxsift --raw -t pcm |\n  aplay -f S16_LE -r 16000",
        "you, live, without the noise",
    ),
    ("voxsift -r takes -d clean --skip-existing", "a whole tree; goes on where it was"),
    ("find . -name '*.wav' -print0 | voxsift --files-from - -0 -d clean", "what another program chooses"),
    ("voxsift -e elevenlabs interview.wav -n", "what it would cost"),
    ("voxsift -e elevenlabs interview.wav -o voice.wav", "asks the paid service"),
];

/// Variables of the environment, and what they do. Proxies can also be given in lower case.
pub const ENVIRONMENT: [(&str, &str); 8] = [
    ("VOXSIFT_ENGINE", "the default of --engine"),
    ("ELEVENLABS_API_KEY", "the API key; elevenlabs is then the default"),
    ("ELEVENLABS_BASE_URL", "the default of --base-url"),
    ("HTTPS_PROXY, ALL_PROXY, NO_PROXY", "proxies to the service; also in lower case"),
    ("SSL_CERT_FILE, SSL_CERT_DIR", "certificates in place of the system's"),
    ("NO_COLOR", "no colours, when it is set"),
    ("TERM", "no colours and no bar, when it is dumb"),
    ("TMPDIR", "where temporary copies of pipes are kept"),
];

/// Exit codes, and what they mean.
pub const EXIT_CODES: [(u8, &str); 7] = [
    (0, "done"),
    (1, "an output could not be written, or some of several inputs failed"),
    (2, "the command line is wrong, or it would overwrite a file"),
    (3, "no API key, a key that is refused or lacks a right, or no credits"),
    (4, "the input cannot be read, or is not acceptable, here or by the service"),
    (5, "network, timeout, too many requests, or the service is in trouble"),
    (130, "interrupted"),
];

/// Files that may be found afterwards. The man page has them.
pub const FILES: [(&str, &str); 2] = [
    (
        ".NAME*.part",
        "an output that is not finished; after kill -9 or a power cut it stays, and may be deleted",
    ),
    (
        ".NAME.pieces",
        "a folder with the finished pieces of a recording that is sent in pieces; the same command goes on with them",
    ),
];

/// The end of `--help`.
pub(super) fn after_options() -> String {
    let mut text = String::from("Examples:\n");
    for (command, what) in EXAMPLES {
        entry(&mut text, &command.replace('\n', "\n  "), what, 41);
    }
    text.push_str("\nEnvironment:\n");
    for (variable, what) in ENVIRONMENT {
        entry(&mut text, variable, what, 34);
    }
    text.push_str("\nExit codes:\n");
    for (code, what) in EXIT_CODES {
        entry(&mut text, &code.to_string(), what, 5);
    }
    text
}

/// Two columns. What is too wide for the first one gets a line of its own.
fn entry(text: &mut String, left: &str, right: &str, width: usize) {
    // Writing to a string cannot fail.
    let _ = if left.contains('\n') || left.len() + 2 > width {
        writeln!(text, "  {left}\n  {:width$}{right}", "")
    } else {
        writeln!(text, "  {left:width$}{right}")
    };
}
