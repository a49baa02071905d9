//! Between other programs: live streams, slow neighbours and neighbours that leave, streams that are closed.
//!
//! Nothing is timed here. Latency is counted in samples: how many have gone in, and not come out, while the
//! pipe is held open. `benches/latency.py` measures it in milliseconds.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, File, OpenOptions};
use std::io::{self, PipeReader, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use child::{Ended, PATIENCE, Running, behind_shell, command, until};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use support::{Audio, Bench, Noise};
use terminal::{Terminal, on_terminal};

/// The longest that a sample may take, in milliseconds, at 16 kHz and at the other rates of recorders.
const AT_16_KHZ: usize = 60;
const AT_OTHER_RATES: usize = 90;

fn take() -> Audio {
    Audio::speechlike(16_000, 1, 16_000)
}

/// More than two pipes and the program hold together.
fn long_take() -> Audio {
    Audio::speechlike(16_000, 1, 15 * 16_000)
}

/// What the program makes of raw samples at 16 kHz that are all there from the start.
fn at_once(pcm: &[u8]) -> Vec<u8> {
    Bench::new().voxsift(RAW).stdin(pcm).succeeds().stdout().to_vec()
}

const RAW: [&str; 3] = ["--raw", "-t", "pcm"];

/// The program with its standard output in a pipe that is read elsewhere.
fn into_pipe(mut command: Command) -> (Running, PipeReader) {
    let (from, to) = io::pipe().expect("a pipe");
    (Running::start_with(command.stdin(Stdio::piped()).stdout(to).stderr(Stdio::piped())), from)
}

/// The program between a microphone and a loudspeaker.
struct Live {
    running: Running,
    heard: Receiver<Vec<u8>>,
    out: Vec<u8>,
    given: usize,
}

impl Live {
    fn start(bench: &Bench, args: &[&str]) -> Self {
        Self::of(command(&bench.path(""), args).stderr(Stdio::piped()))
    }

    /// With standard error as the command has it.
    fn of(command: &mut Command) -> Self {
        let (from, to) = io::pipe().expect("a pipe");
        let running = Running::start_with(command.stdin(Stdio::piped()).stdout(to));
        // The command has a handle of its own, which would keep the pipe from ending.
        command.stdout(Stdio::null());
        Self { running, heard: listen(from), out: Vec::new(), given: 0 }
    }

    fn give(&mut self, bytes: &[u8]) {
        self.running.give(bytes);
        self.given += bytes.len();
    }

    /// Waits until so many bytes have come out.
    #[track_caller]
    fn hear(&mut self, bytes: usize) {
        while self.out.len() < bytes {
            let Ok(block) = self.heard.recv_timeout(PATIENCE) else {
                panic!("{} bytes in, {} out, waited for {bytes}", self.given, self.out.len());
            };
            self.out.extend(block);
        }
    }

    /// Waits until not more than so many bytes are missing.
    #[track_caller]
    fn keep_up(&mut self, within: usize) {
        self.hear(self.given.saturating_sub(within));
    }

    /// Ends the input, and waits for the end of the program and of its output.
    #[track_caller]
    fn end(mut self) -> Ended {
        self.running.close();
        let ended = self.running.end();
        self.out.extend(self.heard.iter().flatten());
        Ended { stdout: self.out, ..ended }
    }
}

/// Reads until the end, or until nobody is interested any more.
fn listen(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (to, heard) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 65_536];
        // A pseudo-terminal ends with an error when its other side is closed.
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if to.send(buffer[..n].to_vec()).is_err() {
                return;
            }
        }
    });
    heard
}

/// Bytes of so many milliseconds.
fn bytes(milliseconds: usize, rate: usize, channels: usize) -> usize {
    rate * milliseconds / 1000 * channels * 2
}

#[test]
fn a_block_leaves_as_soon_as_it_can_be_made() {
    for (rate, channels, within) in [
        (16_000, 1, AT_16_KHZ),
        (16_000, 2, AT_16_KHZ),
        (48_000, 1, AT_OTHER_RATES),
        (48_000, 2, AT_OTHER_RATES),
        (44_100, 2, AT_OTHER_RATES),
        (32_000, 1, AT_OTHER_RATES),
        (8_000, 1, AT_OTHER_RATES),
    ] {
        let bench = Bench::new();
        let pcm = Audio::speechlike(rate as u32, channels as u16, rate).pcm();
        let (rate_option, channels_option) = (rate.to_string(), channels.to_string());
        let mut live = Live::start(
            &bench,
            &["--raw", "--rate", &rate_option, "--channels", &channels_option, "-t", "pcm"],
        );
        // As a sound card delivers it, 10 ms at once; the first of them may not be enough for anything.
        for block in pcm.chunks(bytes(10, rate, channels)) {
            live.give(block);
            live.keep_up(bytes(within, rate, channels));
        }
        assert_eq!(live.end().with(0).stdout.len(), pcm.len(), "{rate} Hz, {channels} channels");
    }
}

#[test]
fn no_sample_waits_longer_than_another() {
    // Sample by sample, so that none can hide in a lump.
    for (rate, within) in [(16_000, AT_16_KHZ), (48_000, AT_OTHER_RATES)] {
        let bench = Bench::new();
        let pcm = Audio::speechlike(rate as u32, 1, rate / 4).pcm();
        let option = rate.to_string();
        let mut live = Live::start(&bench, &["--raw", "--rate", &option, "-t", "pcm"]);
        for sample in pcm.chunks(2) {
            live.give(sample);
            live.keep_up(bytes(within, rate, 1));
        }
        assert_eq!(live.end().with(0).stdout.len(), pcm.len(), "{rate} Hz");
    }
}

#[test]
fn the_lag_does_not_grow() {
    for (rate, within, seconds) in [(16_000, AT_16_KHZ, 120), (44_100, AT_OTHER_RATES, 45)] {
        let bench = Bench::new();
        let second = Audio::speechlike(rate as u32, 1, rate).pcm();
        let option = rate.to_string();
        let mut live = Live::start(&bench, &["--raw", "--rate", &option, "-t", "pcm"]);
        for _ in 0..seconds {
            live.give(&second);
            live.keep_up(bytes(within, rate, 1));
        }
        assert_eq!(live.end().with(0).stdout.len(), seconds * second.len(), "{rate} Hz");
    }
}

#[test]
fn wav_is_as_live_as_raw_samples() {
    let bench = Bench::new();
    let mut wav = take().wav16();
    // As arecord begins.
    wav[4..8].copy_from_slice(&0x8000_0024_u32.to_le_bytes());
    wav[40..44].copy_from_slice(&0x8000_0000_u32.to_le_bytes());
    let mut live = Live::start(&bench, &["-t", "wav", "-"]);
    // The header as well comes in pieces.
    for piece in wav.chunks(11) {
        live.give(piece);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert_eq!(live.end().with(0).stdout.len(), wav.len());
}

#[test]
fn a_channel_that_goes_its_own_way_does_not_hold_up_the_others() {
    let bench = Bench::new();
    let mut audio = Audio::speechlike(48_000, 2, 2 * 48_000);
    for frame in audio.samples[..96_000].chunks_exact_mut(2) {
        frame[1] = frame[0];
    }
    let pcm = audio.pcm();
    let mut live = Live::start(&bench, &["--raw", "--rate", "48000", "--channels", "2", "-t", "pcm"]);
    for block in pcm.chunks(bytes(10, 48_000, 2)) {
        live.give(block);
        live.keep_up(bytes(AT_OTHER_RATES, 48_000, 2));
    }
    assert_eq!(live.end().with(0).stdout.len(), pcm.len());
}

#[test]
fn a_bar_does_not_hold_up_the_sound() {
    let (bench, terminal) = (Bench::new(), Terminal::new());
    let mut run = on_terminal(&bench, &terminal, &RAW);
    let mut live = Live::of(&mut run);
    let pcm = take().pcm();
    for _ in 0..10 {
        for block in pcm.chunks(bytes(10, 16_000, 1)) {
            live.give(block);
            live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
        }
    }
    let ended = live.end().with(0);
    assert_eq!(ended.stdout, at_once(&pcm.repeat(10)), "the bar is on the terminal only");
    assert!(terminal.all().contains("standard input → standard output  10.0 s"), "{:?}", terminal.all());
}

#[test]
fn lumps_do_not_matter() {
    let pcm = take().pcm();
    let expected = at_once(&pcm);
    for lump in [1, 3, 319, 320, 4_096, 30_000] {
        let bench = Bench::new();
        let mut live = Live::start(&bench, &RAW);
        for piece in pcm.chunks(lump) {
            live.give(piece);
        }
        assert!(live.end().with(0).stdout == expected, "in lumps of {lump} bytes");
    }
    let bench = Bench::new();
    let (mut noise, mut rest) = (Noise(7), &pcm[..]);
    let mut live = Live::start(&bench, &RAW);
    while !rest.is_empty() {
        let lump = 1 + (noise.next().abs() * 2_000.0) as usize;
        let (piece, later) = rest.split_at(lump.min(rest.len()));
        live.give(piece);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1) + 1);
        rest = later;
    }
    assert!(live.end().with(0).stdout == expected, "in lumps of any size");
}

#[test]
fn a_slow_reader_gets_everything() {
    let pcm = long_take().pcm();
    let bench = Bench::new();
    let (mut running, mut from) = into_pipe(command(&bench.path(""), RAW));
    let (sent, expected) = (pcm.clone(), at_once(&pcm));
    let writer = thread::spawn(move || {
        running.give(&sent);
        running.close();
        running
    });
    let mut out = Vec::new();
    // Byte by byte, then a little more at once.
    let mut buffer = [0; 100];
    for size in std::iter::repeat_n(1, 20_000).chain(std::iter::repeat(100)) {
        match from.read(&mut buffer[..size]).expect("the pipe") {
            0 => break,
            n => out.extend_from_slice(&buffer[..n]),
        }
    }
    writer.join().expect("the writer").end().with(0);
    assert!(out == expected);
}

/// Waits until the pipes on both sides of the program are full.
#[cfg(target_os = "linux")]
#[track_caller]
fn until_full(pipes: [&dyn std::os::fd::AsFd; 2]) {
    // A pipe has 16 pages of 4096 bytes, which blocks of other sizes do not fill.
    let full = |pipe| rustix::io::ioctl_fionread(pipe).expect("what is in a pipe") > 32_768;
    until("full pipes", || pipes.into_iter().all(full).then_some(()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_stops_for_a_while_loses_nothing() {
    let pcm = long_take().pcm();
    let bench = Bench::new();
    let (before, mut to) = io::pipe().expect("a pipe");
    let (from, behind) = io::pipe().expect("a pipe");
    let mut run = command(&bench.path(""), RAW);
    let running = Running::start_with(run.stdin(before).stdout(behind).stderr(Stdio::piped()));
    drop(run);
    let (sent, watched) = (pcm.clone(), to.try_clone().expect("one more handle"));
    let writer = thread::spawn(move || to.write_all(&sent).expect("the program takes it"));
    let (mut from, mut out) = (from, Vec::new());
    for _ in 0..3 {
        until_full([&watched, &from]);
        assert!(!writer.is_finished(), "the writer is held up as well");
        let mut some = vec![0; 100_000];
        from.read_exact(&mut some).expect("the rest of it");
        out.extend(some);
    }
    let heard = listen(from);
    writer.join().expect("the writer");
    drop(watched);
    running.end().with(0);
    out.extend(heard.iter().flatten());
    assert!(out == at_once(&pcm));
}

#[test]
fn a_pipeline_can_be_stopped_and_continued() {
    let bench = Bench::new();
    let pcm = Audio::speechlike(16_000, 1, 8_000).pcm();
    let mut live = Live::start(&bench, &RAW);
    for _ in 0..3 {
        live.give(&pcm);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
        live.running.signal(Signal::STOP);
        live.give(&pcm);
        live.running.signal(Signal::CONT);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert!(live.end().with(0).stdout == at_once(&pcm.repeat(6)));
}

/// A terminal that passes bytes on as they are: the side of whoever sits at it, and the side of programs.
fn bare_terminal() -> (File, File) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    // It hangs up only when nobody holds this side any more, not even the program itself.
    fcntl_setfd(&controller, FdFlags::CLOEXEC).expect("its flags");
    grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("its other side");
    let name = ptsname(&controller, Vec::new()).expect("its name");
    let side = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OpenptFlags::NOCTTY.bits().cast_signed())
        .open(std::ffi::OsStr::from_bytes(name.to_bytes()))
        .expect("the terminal");
    let mut mode = tcgetattr(&side).expect("its mode");
    mode.make_raw();
    tcsetattr(&side, OptionalActions::Now, &mode).expect("its mode");
    (File::from(controller), side)
}

#[test]
fn a_terminal_can_be_the_reader() {
    let bench = Bench::new();
    let (controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-o", "-"]);
    let mut running = Running::start_with(run.stdin(Stdio::piped()).stdout(side).stderr(Stdio::piped()));
    let (heard, mut out) = (listen(controller), Vec::new());
    let pcm = take().pcm();
    let within = bytes(AT_16_KHZ, 16_000, 1);
    for (i, block) in pcm.chunks(bytes(100, 16_000, 1)).enumerate() {
        running.give(block);
        while out.len() + within < (i + 1) * block.len() {
            out.extend(heard.recv_timeout(PATIENCE).expect("more sound"));
        }
    }
    running.close();
    running.end().with(0);
    drop(run);
    out.extend(heard.iter().flatten());
    assert!(out == at_once(&pcm));
}

#[test]
fn a_terminal_that_hangs_up_is_no_reader_that_leaves() {
    let bench = Bench::new();
    let (controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-o", "-"]);
    let mut running = Running::start_with(run.stdin(Stdio::piped()).stdout(side).stderr(Stdio::piped()));
    drop(run);
    drop(controller);
    running.give(&take().pcm());
    running.close();
    running.end().failed(1, "standard output: ");
}

#[test]
fn a_terminal_can_be_the_writer() {
    let bench = Bench::new();
    let (mut controller, side) = bare_terminal();
    let mut run = command(&bench.path(""), ["--raw", "-t", "pcm", "-"]);
    let (from, to) = io::pipe().expect("a pipe");
    let running = Running::start_with(run.stdin(side).stdout(to).stderr(Stdio::piped()));
    drop(run);
    let (heard, mut out) = (listen(from), Vec::new());
    let pcm = take().pcm();
    let mut given = 0;
    for block in pcm.chunks(bytes(10, 16_000, 1)) {
        controller.write_all(block).expect("the terminal takes it");
        given += block.len();
        while out.len() + bytes(AT_16_KHZ, 16_000, 1) < given {
            out.extend(heard.recv_timeout(PATIENCE).expect("more sound"));
        }
    }
    // Its end cannot be told without losing what is on the way: a terminal that hangs up drops that.
    out.truncate(given - bytes(AT_16_KHZ, 16_000, 1));
    assert!(at_once(&pcm).starts_with(&out));
    drop(running);
}

/// Whether another program is there to be tried.
fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        eprintln!("not tried: {program} is not installed");
    }
    found.is_ok()
}

/// Another program, in the folder of a test.
fn other(bench: &Bench, program: &str, args: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(bench.path("")).args(args.split(' '));
    command
}

fn ffmpeg(bench: &Bench, args: &str) -> Command {
    other(bench, "ffmpeg", &format!("-v error -nostdin {args}"))
}

fn voxsift(bench: &Bench, args: &str) -> Command {
    command(&bench.path(""), args.split(' '))
}

/// Runs programs one behind the other, as a shell does: all of them succeed. Returns what each has said.
#[track_caller]
fn pipeline<const N: usize>(commands: [Command; N]) -> [String; N] {
    let mut from = Stdio::null();
    let running = commands.map(|mut command| {
        let (next, to) = io::pipe().expect("a pipe");
        let before = std::mem::replace(&mut from, next.into());
        Running::start_with(command.stdin(before).stdout(to).stderr(Stdio::piped()))
    });
    drop(from);
    running.map(|running| running.end().with(0).stderr)
}

#[track_caller]
fn same(before: &Audio, after: &Audio, what: &str) {
    let layout = |audio: &Audio| (audio.rate, audio.channels, audio.frames());
    assert_eq!(layout(before), layout(after), "{what}");
    // Without a print of all of them.
    assert!(before == after, "{what}: the samples differ");
}

/// Recordings as WAV, of every depth that WAV output has.
fn recordings() -> [(Audio, u16, bool); 5] {
    [
        (Audio::speechlike(16_000, 1, 16_001), 16, false),
        (Audio::speechlike(44_100, 2, 30_000), 16, false),
        (Audio::speechlike(48_000, 6, 20_000), 24, false),
        // An odd number of bytes, behind which files have one more.
        (Audio::speechlike(48_000, 1, 20_001), 24, false),
        (Audio::speechlike(22_050, 2, 20_000), 32, true),
    ]
}

#[test]
fn ffmpeg_before_and_behind() {
    if !is_installed("ffmpeg") {
        return;
    }
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let coding = format!("pcm_{}{bits}le", if float { 'f' } else { 's' });
        let said = pipeline([
            ffmpeg(&bench, &format!("-i in.wav -c:a {coding} -f wav -")),
            voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
            ffmpeg(&bench, &format!("-i - -c:a {coding} out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{coding}");
        same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), &coding);
    }
}

#[test]
fn ffmpeg_writes_other_headers_of_unknown_length() {
    if !is_installed("ffmpeg") {
        return;
    }
    let wav = Audio::speechlike(44_100, 2, 20_000).wav16();
    for format in ["-f wav -rf64 always", "-f wav -rf64 auto", "-f w64"] {
        let bench = Bench::new();
        bench.file("in.wav", &wav);
        let said = pipeline([
            ffmpeg(&bench, &format!("-i in.wav {format} -")),
            voxsift(&bench, "--attenuation-limit 0 - -o out.wav"),
        ]);
        same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), format);
        assert!(said[1].starts_with("standard input → out.wav") && said[1].lines().count() == 1, "{said:?}");
    }
}

#[test]
fn ffmpeg_takes_every_format_of_unknown_length() {
    if !is_installed("ffmpeg") {
        return;
    }
    let audio = Audio::speechlike(48_000, 2, 48_000);
    for format in ["wav", "flac", "opus", "pcm"] {
        let bench = Bench::new();
        bench.file("in.wav", audio.wav16());
        let layout = if format == "pcm" { "-f s16le -ar 48000 -ac 2 " } else { "" };
        let said = pipeline([
            ffmpeg(&bench, "-i in.wav -f s16le -"),
            voxsift(&bench, &format!("-q --raw --rate 48000 --channels 2 --attenuation-limit 0 -t {format}")),
            ffmpeg(&bench, &format!("{layout}-i - -c:a pcm_s16le out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{format}");
        let out = Audio::of_wav(&bench.read("out.wav"));
        if format == "opus" {
            assert_eq!((out.rate, out.channels, out.frames()), (48_000, 2, 48_000));
        } else {
            same(&Audio::of_wav(&audio.wav16()), &out, format);
        }
    }
}

#[test]
fn ffmpeg_from_mp3_to_mp3() {
    if !is_installed("ffmpeg") {
        return;
    }
    let bench = Bench::new();
    fs::copy(support::fixture("cbr.mp3"), bench.path("in.mp3")).expect("a copy");
    let said = pipeline([
        ffmpeg(&bench, "-i in.mp3 -f wav -"),
        voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
        ffmpeg(&bench, "-i - out.mp3"),
    ]);
    assert_eq!(said, ["", "", ""]);
    for name in ["in", "out"] {
        pipeline([ffmpeg(&bench, &format!("-i {name}.mp3 {name}.wav"))]);
    }
    let [before, after] = ["in.wav", "out.wav"].map(|name| Audio::of_wav(&bench.read(name)));
    // What is lost is lost by the second coding; a shift would leave nothing alike.
    let snr = after.snr(&before);
    assert!(snr > 10.0, "{snr} dB");
}

#[test]
fn one_voxsift_behind_another() {
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let said = pipeline([
            voxsift(&bench, "-q --attenuation-limit 0 in.wav -t flac -o -"),
            voxsift(&bench, "--attenuation-limit 0 -t wav -o /dev/stdout"),
            voxsift(&bench, "--attenuation-limit 0 -o out.wav"),
        ]);
        if !float {
            same(&Audio::of_wav(&wav), &Audio::of_wav(&bench.read("out.wav")), "the last one");
        }
        assert!(said.iter().all(|said| !said.contains("warning:")), "{said:?}");
    }
}

#[test]
fn sox_before_and_behind() {
    if !is_installed("sox") {
        return;
    }
    for (audio, bits, float) in recordings() {
        let bench = Bench::new();
        let wav = audio.wav(bits, float);
        bench.file("in.wav", &wav);
        let coding = format!("-e {} -b {bits}", if float { "floating-point" } else { "signed-integer" });
        let said = pipeline([
            other(&bench, "sox", "-D -V1 in.wav -t wav -"),
            voxsift(&bench, "-q --attenuation-limit 0 -t wav -"),
            other(&bench, "sox", &format!("-D -V1 -t wav - {coding} out.wav")),
        ]);
        assert_eq!(said, ["", "", ""], "{coding}");
        let (before, after) = (Audio::of_wav(&wav), Audio::of_wav(&bench.read("out.wav")));
        if float {
            // sox works in integers of 32 bits.
            let snr = after.snr(&before);
            assert!(snr > 120.0, "{snr} dB");
        } else {
            same(&before, &after, &coding);
        }
    }
}

#[test]
fn sox_takes_headers_of_unknown_length() {
    if !is_installed("sox") {
        return;
    }
    let audio = Audio::speechlike(16_000, 2, 16_000);
    for format in ["wav", "flac"] {
        let bench = Bench::new();
        bench.file("in.wav", audio.wav16());
        pipeline([
            other(&bench, "sox", "-D -V1 in.wav -t raw -"),
            voxsift(&bench, &format!("-q --raw --channels 2 --attenuation-limit 0 -t {format}")),
            other(&bench, "sox", &format!("-D -V1 -t {format} - out.wav")),
        ]);
        same(&Audio::of_wav(&audio.wav16()), &Audio::of_wav(&bench.read("out.wav")), format);
    }
}

#[test]
fn the_header_in_a_redirected_file_is_completed() {
    let pcm = take().pcm();
    let raw = ["--raw", "--attenuation-limit", "0", "-t", "wav"];
    let run = |line: &str| {
        let bench = Bench::new();
        let mut running = Running::start(&mut behind_shell(&bench.path(""), line, raw));
        running.give(&pcm);
        running.close();
        running.end().with(0);
        bench.read("out")
    };

    let alone = run(r#"exec "$@" > out"#);
    same(&Audio::of_pcm(&pcm, 16_000, 1), &Audio::of_wav(&alone), "a file of its own");
    // Behind something else, which stays.
    let behind = run(r#"exec > out; printf 'before'; exec "$@""#);
    assert_eq!(behind[..6], *b"before");
    assert!(behind[6..] == alone);
    // What is appended to cannot be completed.
    let appended = run(r#"printf 'before' > out; exec "$@" >> out"#);
    assert_eq!(appended[..6], *b"before");
    let wav = &appended[6..];
    assert_eq!([wav[4..8].to_vec(), wav[40..44].to_vec()], [vec![0xff; 4], vec![0xff; 4]]);
    assert!(wav[44..] == pcm);
}

#[test]
fn a_length_that_was_announced_wrongly_is_corrected_where_it_can_be() {
    let bench = Bench::new();
    let wav = take().wav16();
    let line = r#"exec "$@" > out.wav"#;
    let mut running =
        Running::start(&mut behind_shell(&bench.path(""), line, ["--attenuation-limit", "0", "-"]));
    running.give(&wav[..20_044]);
    running.close();
    let ended = running.end().with(0);
    assert!(ended.stderr.contains("before its announced end"), "{}", ended.stderr);
    assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), 10_000);
}

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

/// What a program leaves behind it when it has gone: a pipe without a reader.
fn broken_pipe() -> Stdio {
    io::pipe().expect("a pipe").1.into()
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

#[test]
fn a_live_stream_to_a_full_device_is_an_error() {
    for format in ["wav", "flac", "opus", "pcm"] {
        let bench = Bench::new();
        for line in [r#"exec "$@" > /dev/full"#, r#"exec "$@" -o /dev/full"#] {
            let mut running =
                Running::start(&mut behind_shell(&bench.path(""), line, ["--raw", "-t", format]));
            // It may have ended before all is given.
            running.try_give(&take().pcm());
            running.close();
            running.end().failed(1, "no space left on device");
        }
        assert!(bench.names().is_empty());
    }
}

#[test]
fn an_output_that_was_opened_for_reading_is_an_error() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let line = r#"exec "$@" 1< /dev/zero"#;
    let run = &mut behind_shell(&bench.path(""), line, ["in.wav", "-o", "-"]);
    Running::start(run).end().failed(1, "standard output: ");
}

#[test]
fn a_closed_output_is_an_error_where_something_goes_there() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for line in [r#"exec "$@" >&-"#, r#"trap '' PIPE; exec "$@" >&-"#] {
        let start = |args: &[&str]| {
            let mut running = Running::start(&mut behind_shell(&bench.path(""), line, args));
            running.try_give(&take().wav16());
            running.close();
            running.end()
        };
        start(&["in.wav", "-o", "-"]).failed(1, "standard output: it is closed");
        start(&["in.wav", "-o", "/dev/stdout"]).failed(1, "standard output: it is closed");
        start(&["-"]).failed(1, "standard output: it is closed");
        start(&[]).failed(1, "standard output: it is closed");
        start(&["in.wav", "-o", "out.wav", "-f"]).with(0);
        assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), 16_000);
    }
}

#[test]
fn a_closed_input_is_an_empty_one() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    let start =
        |args: &[&str]| Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" <&-"#, args)).end();
    for args in [&[][..], &["-"], &["-t", "wav", "-o", "out.wav"], &["--raw"]] {
        let ended = start(args).with(4);
        assert!(ended.stdout.is_empty(), "{args:?}");
        assert!(ended.stderr.starts_with("error: standard input: "), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(bench.names(), ["in.wav"]);
    start(&["in.wav"]).with(0);
    let streamed = bench.voxsift(["in.wav", "-o", "-"]).succeeds();
    assert!(start(&["in.wav", "-o", "-"]).with(0).stdout == streamed.stdout());
}

#[test]
fn closed_messages_change_nothing() {
    let bench = Bench::new();
    let wav = take().wav16();
    bench.file("in.wav", &wav);
    bench.file("bad.wav", b"");
    bench.voxsift(["in.wav", "-o", "expected.wav"]).succeeds();
    let start = |args: &[&str]| {
        let mut running = Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" 2>&-"#, args));
        running.try_give(&wav);
        running.close();
        running.end()
    };
    // Messages must not get into the first file that is opened.
    for args in [&["in.wav", "-v"][..], &["in.wav", "-f"], &["in.wav", "-f", "--progress", "always"]] {
        start(args).with(0);
        assert!(bench.read("in.isolated.wav") == bench.read("expected.wav"), "{args:?}");
    }
    let streamed = start(&["-v", "--progress", "always", "-"]).with(0);
    assert!(streamed.stdout == bench.voxsift(["-"]).stdin(wav.clone()).succeeds().stdout());
    start(&["bad.wav"]).with(4);
    start(&["in.wav"]).with(2);
    start(&["in.wav", "-f", "-o", "/dev/full"]).with(1);
    assert_eq!(bench.names(), ["bad.wav", "expected.wav", "in.isolated.wav", "in.wav"]);
}

#[test]
fn messages_that_nobody_takes_change_nothing() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.file("bad.wav", b"");
    let expected = bench.voxsift(["in.wav", "-o", "-"]).succeeds();
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").expect("it"));
    for messages in [broken_pipe, full] {
        for (args, code) in [
            (&["in.wav", "-o", "-", "-v", "--progress", "always"][..], 0),
            (&["bad.wav"], 4),
            (&["--no-such-option"], 2),
            (&["in.wav", "-o", "in.wav"], 2),
        ] {
            let mut run = command(&bench.path(""), args);
            run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(messages());
            let ended = Running::start_with(&mut run).end().with(code);
            assert!(ended.stdout == if code == 0 { expected.stdout() } else { b"" }, "{args:?}");
        }
    }
}

#[test]
fn all_streams_closed() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.file("bad.wav", b"");
    bench.voxsift(["in.wav", "-o", "expected.wav"]).succeeds();
    let start = |args: &[&str]| {
        Running::start(&mut behind_shell(&bench.path(""), r#"exec "$@" <&- >&- 2>&-"#, args)).end()
    };
    start(&["in.wav", "-v"]).with(0);
    assert!(bench.read("in.isolated.wav") == bench.read("expected.wav"));
    start(&["in.wav"]).with(2);
    start(&["bad.wav"]).with(4);
    start(&["in.wav", "-o", "-"]).with(1);
    start(&["-", "-o", "out.wav"]).with(4);
    start(&[]).with(4);
    assert_eq!(bench.names(), ["bad.wav", "expected.wav", "in.isolated.wav", "in.wav"]);
}

#[test]
fn standard_input_among_files() {
    let bench = Bench::new();
    for name in ["a.wav", "b.wav"] {
        bench.file(name, Audio::speechlike(16_000, 1, 8_000).wav16());
    }
    let piped = take().wav16();
    let done =
        bench.voxsift(["--attenuation-limit", "0", "a.wav", "-", "b.wav"]).stdin(piped.clone()).succeeds();
    assert!(done.stdout() == piped, "{}", done.show());
    done.says("standard input → standard output").says("3 done, 0 skipped, 0 failed");
    assert_eq!(bench.names(), ["a.isolated.wav", "a.wav", "b.isolated.wav", "b.wav"]);

    let done = bench
        .voxsift(["--attenuation-limit", "0", "-j", "1", "-d", "out", "-t", "flac", "-", "a.wav"])
        .stdin(piped.clone())
        .succeeds();
    assert!(done.stdout().is_empty());
    let mut names: Vec<_> = fs::read_dir(bench.path("out"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["a.flac", "stdin.flac"]);
}

#[test]
fn standard_input_among_files_is_as_live_as_alone() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    // Enough at once for both, so that neither waits for the other.
    let mut live = Live::start(&bench, &["--raw", "-t", "pcm", "-j", "2", "a.wav", "-"]);
    for block in take().pcm().chunks(bytes(10, 16_000, 1)) {
        live.give(block);
        live.keep_up(bytes(AT_16_KHZ, 16_000, 1));
    }
    assert_eq!(live.end().with(0).stdout.len(), 32_000);
    assert_eq!(bench.names(), ["a.isolated.pcm", "a.wav"]);
}

#[test]
fn one_of_standard_input_and_files_that_fails() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    let done = bench.voxsift(["a.wav", "-"]).stdin(b"no audio".to_vec()).exits(1);
    done.says("error: standard input: ").says("failed: standard input").says("1 done, 0 skipped, 1 failed");
    assert!(done.stdout().is_empty(), "{}", done.show());
    let done = bench.voxsift(["missing.wav", "-"]).stdin(take().wav16()).exits(1);
    done.says("failed: missing.wav");
    assert!(done.stdout().len() >= take().wav16().len(), "{}", done.show());
}

#[test]
fn a_reader_that_leaves_does_not_spoil_the_files_beside_it() {
    let bench = Bench::new();
    bench.file("a.wav", take().wav16());
    bench.file("long.wav", long_take().wav16());
    let line = r#"{ "$@" < long.wav; echo $? > code; } | head -c 1000 > /dev/null"#;
    let ended = Running::start(&mut behind_shell(&bench.path(""), line, ["-j", "1", "-", "a.wav"])).end();
    let code = until("the exit code", || {
        fs::read_to_string(bench.path("code")).ok().filter(|code| code.ends_with('\n'))
    });
    assert_eq!(code, "0\n", "{}", ended.stderr);
    assert!(!ended.stderr.contains("error:"), "{}", ended.stderr);
    assert!(bench.names().iter().all(|name| !name.ends_with(".part")), "{:?}", bench.names());
    if bench.names().contains(&"a.isolated.wav".into()) {
        assert_eq!(Audio::of_wav(&bench.read("a.isolated.wav")).frames(), 16_000);
    }
}

#[test]
fn standard_input_is_read_only_once() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    for args in [
        &["-", "-"][..],
        &["-", "in.wav", "-"],
        &["-", "/dev/stdin"],
        &["/dev/fd/0", "/dev/stdin", "-d", "out"],
        &["-", "--files-from", "-"],
        &["-", "--files-from", "/dev/stdin"],
        &["-", "-", "--json", "-d", "out"],
    ] {
        let done = bench.voxsift(args).stdin(take().wav16()).exits(2);
        done.says("error: standard input can be read only once").says("hint: ");
        assert_eq!(bench.names(), ["in.wav"], "{args:?}");
    }
    // A list that names it while it is read.
    let done = bench.voxsift(["--files-from", "-"]).stdin(b"-\nin.wav\n".to_vec()).exits(1);
    done.says("error: -: no such file").says("1 done, 0 skipped, 1 failed");
}

#[test]
fn json_about_standard_input_among_files() {
    let bench = Bench::new();
    bench.file("in.wav", take().wav16());
    bench.voxsift(["--json", "-", "in.wav"]).stdin(take().wav16()).exits(2).says("--json");
    assert_eq!(bench.names(), ["in.wav"], "refused before any work");
    let done =
        bench.voxsift(["--json", "-j", "1", "-d", "out", "-", "in.wav"]).stdin(take().wav16()).succeeds();
    let inputs: Vec<serde_json::Value> = String::from_utf8_lossy(done.stdout())
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["input"].clone())
        .collect();
    assert_eq!(inputs, ["standard input", "in.wav"]);
}
