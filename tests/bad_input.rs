//! Input that is no audio, or is damaged, or claims the impossible: a line with the name and the reason,
//! a hint, exit code 4, and no output.

#![cfg(unix)]

#[path = "support/child.rs"]
mod child;
mod support;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use child::{Running, behind_shell, command, fifo, until};
use support::{Audio, Bench, Noise, fixture};
use voxsift::audio::decode;
use voxsift::source::Source;

/// Expects that this file is refused for this reason, and that nothing is written.
#[track_caller]
fn refused(name: &str, bytes: &[u8], reason: &str) {
    let bench = Bench::new();
    bench.file(name, bytes);
    bench.voxsift([name, "-o", "out.wav"]).fails(4, reason).says(&format!("error: {name}: "));
    assert_eq!(bench.names(), [name]);
}

/// A WAV file with this header, whatever it says, before the data.
fn wav(tag: u16, channels: u16, rate: u32, align: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut fmt = [tag, channels].map(u16::to_le_bytes).concat();
    fmt.extend_from_slice(&rate.to_le_bytes());
    fmt.extend_from_slice(&rate.wrapping_mul(align.into()).to_le_bytes());
    fmt.extend_from_slice(&[align, bits].map(u16::to_le_bytes).concat());
    if tag != 1 {
        // Codings other than PCM state the length of an extension, here none.
        fmt.extend_from_slice(&[0; 2]);
    }
    let mut file = b"RIFF".to_vec();
    file.extend_from_slice(&(20 + fmt.len() as u32 + data.len() as u32).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&(fmt.len() as u32).to_le_bytes());
    file.extend_from_slice(&fmt);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(data);
    file
}

/// One second of 16-bit mono at 16 kHz.
fn second() -> Vec<u8> {
    Audio::speechlike(16_000, 1, 16_000).wav16()
}

#[test]
fn what_is_no_audio_is_refused() {
    refused("empty.wav", b"", "it is empty");
    refused("one.wav", b"\0", "no audio format");
    refused("letter.wav", b"x", "text, not audio");
    refused("text.wav", "Grüße,\nthis is a letter.\n".repeat(100).as_bytes(), "text, not audio");
    refused("zeros.wav", &[0; 100_000], "no audio format");
    refused("page.mp3", b"<!DOCTYPE html><html><body>404</body></html>", "text, not audio");
    refused("photo.wav", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0", "JPEG image");
    refused("report.wav", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", "PDF document");
    refused("old.wav", &wav(1, 1, 16_000, 2, 16, b"")[..8], "no audio format");
}

#[test]
fn a_header_without_audio_is_refused() {
    refused("header.wav", &wav(1, 1, 16_000, 2, 16, b""), "no audio in it");
    refused("half.wav", &wav(1, 2, 16_000, 4, 16, b"\x01\x02"), "no audio in it");
    // A tag for pictures and titles, and nothing behind it.
    refused("tag.mp3", b"ID3\x04\0\0\0\0\0\x0a0123456789", "no audio in it");
    refused("stream.flac", b"fLaC", "FLAC header is cut off");
}

#[test]
fn what_is_cut_within_its_last_packet_is_told() {
    let bench = Bench::new();
    bench.file("whole.wav", Audio::speechlike(16_000, 1, 40_000).wav16());
    bench.voxsift(["whole.wav", "-o", "whole.flac", "--attenuation-limit", "0"]).succeeds();
    let whole = bench.read("whole.flac");
    bench.file("cut.flac", &whole[..whole.len() - 20]);
    bench.voxsift(["cut.flac"]).succeeds().says("warning: cut.flac: it is cut off at the end");
    let quiet = bench.voxsift(["whole.flac"]).succeeds();
    assert!(!quiet.stderr().contains("warning"), "{}", quiet.show());
}

#[test]
fn a_header_that_is_cut_anywhere_is_refused() {
    let whole = second();
    assert_eq!(&whole[36..40], b"data", "this header has 44 bytes");
    let bench = Bench::new();
    for cut in 0..=44 {
        let name = format!("cut{cut}.wav");
        bench.file(&name, &whole[..cut]);
        bench.voxsift([&name, "-o", "out.wav"]).fails(4, &format!("{name}: "));
        fs::remove_file(bench.path(&name)).expect("it is still there");
        assert!(bench.names().is_empty(), "{:?}", bench.names());
    }
}

#[test]
fn a_video_without_sound_is_refused() {
    let video = fs::read(fixture("video_only.mp4")).expect("the fixture");
    refused("video.mp4", &video, "there is no audio in it");
    let bench = Bench::new();
    let piped = bench.voxsift(["-", "-o", "out.wav"]).stdin(video).fails(4, "there is no audio in it");
    piped.says("standard input");
    assert!(bench.names().is_empty());
}

#[test]
fn a_path_that_is_no_file_is_refused() {
    let bench = Bench::new();
    fs::create_dir(bench.path("folder.wav")).expect("a folder");
    bench.voxsift(["folder.wav", "-o", "out.wav"]).fails(4, "folder.wav: there are no recordings in it");
    bench.voxsift(["missing.wav", "-o", "out.wav"]).fails(4, "missing.wav: no such file");
    bench.voxsift(["missing/in.wav", "-o", "out.wav"]).fails(4, "missing/in.wav: no such file");
    std::os::unix::fs::symlink("nowhere.wav", bench.path("link.wav")).expect("a link");
    bench.voxsift(["link.wav", "-o", "out.wav"]).fails(4, "link.wav: no such file");
    assert_eq!(bench.names(), ["folder.wav", "link.wav"]);
}

#[test]
fn a_file_without_permission_is_refused() {
    let bench = Bench::new();
    let path = bench.file("secret.wav", second());
    fs::set_permissions(&path, PermissionsExt::from_mode(0o000)).expect("a mode");
    let mut run = command(&bench.path(""), ["secret.wav", "-o", "out.wav"]);
    let elsewhere = Bench::new();
    if File::open(&path).is_ok() {
        // Root reads everything, so the program runs as nobody, from where nobody can reach it.
        for folder in [bench.path(""), elsewhere.path("")] {
            fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).expect("a mode");
        }
        fs::copy(support::binary(), elsewhere.path("voxsift")).expect("a copy");
        run = std::process::Command::new(elsewhere.path("voxsift"));
        run.current_dir(bench.path("")).args(["secret.wav", "-o", "out.wav"]).uid(65_534).gid(65_534);
    }
    Running::start(&mut run).end().failed(4, "secret.wav: permission denied");
    assert_eq!(bench.names(), ["secret.wav"]);
}

#[test]
fn rates_and_channels_that_no_recording_has_are_refused() {
    let data = [1; 4096];
    refused("rate0.wav", &wav(1, 1, 0, 2, 16, &data), "sample rate of 0 Hz");
    refused("rate1.wav", &wav(1, 1, 1, 2, 16, &data), "sample rate of 1 Hz");
    refused("rate4g.wav", &wav(1, 1, 4_000_000_000, 2, 16, &data), "sample rate of 4000000000 Hz");
    refused("channels0.wav", &wav(1, 0, 16_000, 2, 16, &data), "channel");
    refused("channels9.wav", &wav(1, 9, 16_000, 18, 16, &data), "9 channels");
    refused("channels65535.wav", &wav(1, 65_535, 16_000, 65_535, 8, &data), "65535 channels");
    // 65535 times two bytes do not fit the header's field.
    refused("wrapped.wav", &wav(1, 65_535, 16_000, 65_534, 16, &data), "channel");
    // Companded samples go another way.
    refused("mulaw0.wav", &wav(7, 0, 8_000, 0, 8, &data), "channel");
    refused("mulaw9.wav", &wav(7, 9, 8_000, 9, 8, &data), "9 channels");
    refused("mulaw_rate.wav", &wav(7, 1, 0, 1, 8, &data), "sample rate of 0 Hz");
}

#[test]
fn an_absurd_channel_count_of_aiff_is_refused() {
    // Times two bytes it does not fit 16 bits.
    let comm = b"FORM\0\0\x10\x2eAIFFCOMM\0\0\0\x12\x80\x01\0\0\x08\0\0\x10\x40\x0c\xfa\0\0\0\0\0\0\0";
    let file = [&comm[..], b"SSND\0\0\x10\x08\0\0\0\0\0\0\0\0", &[1; 4096]].concat();
    refused("channels.aiff", &file, "channel");
}

#[test]
fn adpcm_that_only_grows_louder_is_no_reason_to_panic() {
    // Microsoft's ADPCM (multimedia registration kit, 1994): the step size triples with every sample.
    let mut file =
        b"RIFF\xff\xff\xff\xffWAVEfmt \x32\0\0\0\x02\0\x01\0\x80\x3e\0\0\0\x20\0\0\0\x01\x04\0".to_vec();
    for number in [32, 500, 7, 256, 0, 512, -256, 0, 0, 192, 64, 240, 0, 460, -208, 392, -232] {
        file.extend_from_slice(&i16::to_le_bytes(number));
    }
    file.extend_from_slice(b"data\0\x10\0\0");
    for _ in 0..16 {
        file.extend_from_slice(b"\0\xff\x7f\0\0\0\0");
        file.extend_from_slice(&[0x77; 249]);
    }
    let bench = Bench::new();
    bench.file("in.wav", file);
    let ended = Running::start(&mut command(&bench.path(""), ["in.wav", "-o", "out.wav"])).end();
    assert!(matches!(ended.status.code(), Some(0 | 4)), "{}\n{}", ended.status, ended.stderr);
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let data = [1; 4096];
    refused("bits0.wav", &wav(1, 1, 16_000, 2, 0, &data), "header is damaged");
    refused("bits40.wav", &wav(1, 1, 16_000, 2, 40, &data), "header is damaged");
    refused("align9.wav", &wav(1, 2, 16_000, 9, 16, &data), "header is damaged");
    refused("coding.wav", &wav(0x1234, 1, 16_000, 2, 16, &data), "");
    let mut no_fmt = wav(1, 1, 16_000, 2, 16, &data);
    no_fmt[12..16].copy_from_slice(b"JUNK");
    refused("no_fmt.wav", &no_fmt, "before the fmt chunk");
}

#[test]
fn raw_layouts_that_cannot_be_are_a_wrong_command_line() {
    let bench = Bench::new();
    bench.file("in.pcm", [1; 4096]);
    for layout in [
        ["--rate", "0"],
        ["--rate", "1"],
        ["--rate", "4000000000"],
        ["--channels", "0"],
        ["--channels", "65535"],
    ] {
        let done = bench.voxsift(["--raw", "in.pcm", "-o", "out.wav"].iter().chain(&layout)).exits(2);
        done.says("error: ").says(layout[1]).says_not("panicked");
        assert_eq!(bench.names(), ["in.pcm"], "{layout:?}");
    }
}

#[test]
fn an_odd_last_byte_of_raw_input_is_refused() {
    let bench = Bench::new();
    bench.file("in.pcm", [1; 4097]);
    bench.voxsift(["--raw", "in.pcm", "-o", "out.wav"]).fails(4, "in.pcm: ").says("odd last byte");
    bench.voxsift(["--raw", "-", "-o", "out.wav"]).stdin([1; 4097]).fails(4, "odd last byte");
    assert_eq!(bench.names(), ["in.pcm"]);
}

#[test]
fn samples_that_are_no_numbers_are_refused_with_time_and_channel() {
    let clean = Audio::speechlike(16_000, 2, 64_000);
    let cases = [
        ("nan", f32::NAN, 8_000, 1, "the sample at 0.500 s in channel 2 is not a number"),
        ("infinite", f32::INFINITY, 0, 0, "the sample at 0.000 s in channel 1 is infinite"),
        ("minus", f32::NEG_INFINITY, 63_999, 1, "the sample at 4.000 s in channel 2 is infinite"),
        ("huge", 1e30, 48_000, 0, "the sample at 3.000 s in channel 1 is 1e30"),
        ("minus_huge", -1e30, 16_001, 0, "the sample at 1.000 s in channel 1 is -1e30"),
    ];
    for (name, sample, frame, channel, reason) in cases {
        let mut audio = clean.clone();
        audio.samples[frame * 2 + channel] = sample;
        refused(&format!("{name}.wav"), &audio.wav(32, true), reason);
    }
}

/// Starts the program on a recording of a minute, whose output it cannot deliver yet, changes the
/// recording, and lets the program go on.
#[track_caller]
fn changed_meanwhile(change: fn(&Path), reason: &str) {
    let bench = Bench::new();
    let input = bench.file("take.wav", Audio::speechlike(16_000, 1, 60 * 16_000).wav16());
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(&input).and_then(|file| file.set_modified(long_ago)).expect("a time");
    fifo(&bench.path("out.wav"));
    let running = Running::start(&mut command(&bench.path(""), ["take.wav", "-o", "out.wav"]));
    // Both ends of a FIFO open together, so the program has opened its input now. It cannot get to the
    // end of it before somebody reads: the FIFO holds 2 s of audio, and the engine 40.
    let mut output = File::open(bench.path("out.wav")).expect("the FIFO");
    change(&input);
    let _ = output.read_to_end(&mut Vec::new()).expect("what the program wrote");
    running.end().failed(4, reason);
    assert_eq!(bench.names(), ["out.wav", "take.wav"]);
}

#[test]
fn a_file_that_grows_meanwhile_is_refused() {
    let grow = |path: &Path| {
        let mut file = File::options().append(true).open(path).expect("the recording");
        file.write_all(&[0; 2]).expect("two more bytes");
    };
    changed_meanwhile(grow, "take.wav: the file grew from 1920044 to 1920046 bytes while it was read");
}

#[test]
fn a_file_that_shrinks_meanwhile_is_refused() {
    let shrink = |path: &Path| {
        File::options().write(true).open(path).and_then(|file| file.set_len(1_900_000)).expect("it shrinks");
    };
    changed_meanwhile(shrink, "take.wav: the file shrank from 1920044 to 1900000 bytes while it was read");
}

#[test]
fn a_file_that_is_written_to_meanwhile_is_refused() {
    let touch = |path: &Path| {
        use std::os::unix::fs::FileExt;
        let file = File::options().write(true).open(path).expect("the recording");
        file.write_all_at(&[1, 2], 1_000).expect("two bytes are replaced");
    };
    changed_meanwhile(touch, "take.wav: the file was written to while it was read");
}

#[test]
fn a_file_that_shrinks_meanwhile_leaves_no_output() {
    let bench = Bench::new();
    // An hour of silence takes no room on the disk, and far longer to isolate than to find.
    let mut header = wav(1, 1, 16_000, 2, 16, b"");
    header[40..44].copy_from_slice(&(3600 * 32_000_u32).to_le_bytes());
    let path = bench.file("take.wav", &header);
    let file = File::options().write(true).open(&path).expect("the recording");
    file.set_len(44 + 3600 * 32_000).expect("a sparse file");
    let running = Running::start(&mut command(&bench.path(""), ["take.wav", "-o", "out.wav"]));
    until("the unfinished output", || (bench.names().len() == 2).then_some(()));
    file.set_len(100_000).expect("it shrinks");
    running.end().failed(4, "take.wav: the file shrank from 115200044 to 100000 bytes");
    assert_eq!(bench.names(), ["take.wav"]);
}

/// Runs the program where it has no more than 400 MB of address space, of which it uses most for its
/// own code and the stacks of threads.
fn in_little_memory(bench: &Bench, name: &str) -> child::Ended {
    let line = "ulimit -v 400000 && exec \"$@\"";
    Running::start(&mut behind_shell(&bench.path(""), line, [name, "-o", "out.wav"])).end()
}

#[test]
fn little_memory_is_enough_for_honest_files() {
    let bench = Bench::new();
    bench.file("in.wav", second());
    in_little_memory(&bench, "in.wav").with(0);
    assert_eq!(bench.names(), ["in.wav", "out.wav"]);
}

/// Big-endian chunks or boxes: the length (plus `own` bytes), the name first in chunks.
fn chunk(name: &[u8; 4], len: u64, body: &[u8]) -> Vec<u8> {
    [name, &len.to_be_bytes()[..], body].concat()
}

fn mp4_box(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat()
}

/// A CAF file up to its description, which says packets of so many bytes.
fn caf(format: &[u8; 4], packet: u32) -> Vec<u8> {
    let mut desc = 16_000_f64.to_be_bytes().to_vec();
    desc.extend_from_slice(format);
    for number in [0, packet, 1, 1, 16] {
        desc.extend_from_slice(&u32::to_be_bytes(number));
    }
    [b"caff\0\x01\0\0".to_vec(), chunk(b"desc", 32, &desc)].concat()
}

fn riff(chunks: &[&[u8]]) -> Vec<u8> {
    [&b"RIFF\xff\xff\xff\xffWAVE"[..], &chunks.concat()].concat()
}

#[test]
fn claims_of_gigabytes_take_no_memory() {
    const FMT: &[u8] = b"fmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0";
    let pcm = [1; 4096];
    let aiff_comm = b"COMM\0\0\0\x12\0\x01\xff\xff\xff\xff\0\x10\x40\x0c\xfa\0\0\0\0\0\0\0";
    let stream_info = |frames: &[u8]| {
        [&b"fLaC\0\0\0\x22\xff\xff\xff\xff\0\0\0\xff\xff\xff\x03\xe8\0\xff"[..], &[0xff; 4], &[0; 16], frames]
            .concat()
    };
    let moov = |stsz: &[u8]| {
        let table = [mp4_box(b"stsz", stsz), mp4_box(b"stts", b"\0\0\0\0\xff\xff\xff\xff")].concat();
        let media = mp4_box(b"mdia", &mp4_box(b"minf", &mp4_box(b"stbl", &table)));
        [
            mp4_box(b"ftyp", b"M4A \0\0\0\0"),
            mp4_box(b"moov", &mp4_box(b"trak", &media)),
            mp4_box(b"mdat", &pcm),
        ]
        .concat()
    };
    let ebml: &[u8] = b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska";
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("fmt.wav", riff(&[b"fmt \xff\xff\xff\xff", &pcm])),
        ("junk.wav", riff(&[b"JUNK\xf0\xff\xff\xff", FMT, b"data\0\x10\0\0", &pcm])),
        ("list.wav", riff(&[FMT, b"LIST\xf0\xff\xff\xff", &pcm])),
        ("ds64.wav", riff(&[b"ds64\xff\xff\xff\xff", &pcm])),
        ("chunk.w64", [&b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"[..], &[0xff; 8], &[0; 16], b"fmt ", &[0; 12], &[0xff; 8], &pcm].concat()),
        ("below.w64", [&b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"[..], &[0xff; 8], &[0; 16], b"fmt ", &[0; 12], &[0; 8], &pcm].concat()),
        ("adpcm.wav", riff(&[b"fmt \x32\0\0\0\x02\0\x02\0\x80\x3e\0\0\0\x7d\0\0\xff\xff\x04\0\x20\0\xff\xff\xff\xff", &[0xff; 28], b"data\xff\xff\xff\xff", &pcm])),
        ("packet.caf", [caf(b"lpcm", 0x8000_0000), chunk(b"data", u64::MAX, &pcm)].concat()),
        ("packet_alac.caf", [caf(b"alac", 0x8000_0000), chunk(b"data", u64::MAX, &pcm)].concat()),
        ("cookie.caf", [caf(b"alac", 0), chunk(b"kuki", 1 << 30, &pcm)].concat()),
        ("table.caf", [caf(b"alac", 0), chunk(b"pakt", 1 << 30, &[0x7f; 24]), pcm.to_vec()].concat()),
        ("info.caf", [caf(b"lpcm", 2), chunk(b"info", 1 << 40, &[0x7f; 24]), pcm.to_vec()].concat()),
        ("comm.aiff", [&b"FORM\x7f\xff\xff\xffAIFFCOMM\x7f\xff\xff\xff"[..], &pcm].concat()),
        ("name.aiff", [&b"FORM\x7f\xff\xff\xffAIFF"[..], aiff_comm, b"NAME\x7f\xff\xff\xff", &pcm].concat()),
        ("tag.mp3", [&b"ID3\x04\0\0\x7f\x7f\x7f\x7f"[..], &pcm].concat()),
        ("frame.flac", stream_info(b"\x84\xff\xff\xff\xff\xff\xff\x7f")),
        ("picture.flac", stream_info(b"\x86\xff\xff\xff\0\0\0\x03\xff\xff\xff\xf0")),
        ("seek.flac", stream_info(b"\x83\xff\xff\xfe\0\0\0\0")),
        ("padding.flac", stream_info(b"\x81\xff\xff\xff\0\0\0\0")),
        ("samples.m4a", moov(b"\0\0\0\0\0\0\0\0\x7f\xff\xff\xff")),
        ("same.m4a", moov(b"\0\0\0\0\x7f\xff\xff\xff\x7f\xff\xff\xff")),
        ("ftyp.m4a", [&b"\xff\xff\xff\xf0ftypM4A "[..], &pcm].concat()),
        ("long.m4a", [&b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\x01moov\x7f\xff\xff\xff\xff\xff\xff\xff"[..], &pcm].concat()),
        ("private.mkv", [ebml, b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff\x16\x54\xae\x6b\x08\x7f\xff\xff\xf0\xae\x08\x7f\xff\xff\x00\x63\xa2\x08\x7f\xff\xf0\0", &pcm].concat()),
        ("head.mkv", [&b"\x1a\x45\xdf\xa3\x08\x7f\xff\xff\xff\x42\x82\x08\x7f\xff\xff\xf0"[..], &pcm].concat()),
    ];
    let bench = Bench::new();
    for (name, bytes) in &files {
        bench.file(name, bytes);
        eprintln!("{name}");
        in_little_memory(&bench, name).failed(4, &format!("{name}: "));
        fs::remove_file(bench.path(name)).expect("it is still there");
        assert!(bench.names().is_empty(), "{:?}", bench.names());
    }
}

#[test]
fn an_absurd_length_of_the_data_is_no_reason_to_refuse_it() {
    let audio = Audio::speechlike(16_000, 1, 16_000);
    let mut long = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
    long.extend_from_slice(&[0xff; 24]);
    long.extend_from_slice(&[0; 4]);
    long.extend_from_slice(
        b"fmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\xff\xff\xff\xff",
    );
    long.extend_from_slice(&audio.pcm());
    let bench = Bench::new();
    bench.file("in.wav", long);
    in_little_memory(&bench, "in.wav").with(0);
    assert_eq!(Audio::of_wav(&bench.read("out.wav")).frames(), audio.frames());
}

/// Small valid files of many kinds: made here, and all fixtures there are.
fn specimens(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let audio = Audio::speechlike(16_000, 2, 3_000);
    let mut all = vec![
        ("pcm16.wav".to_owned(), audio.wav16()),
        ("pcm24.wav".to_owned(), audio.wav(24, false)),
        ("float.wav".to_owned(), audio.wav(32, true)),
        ("mulaw.wav".to_owned(), wav(7, 2, 16_000, 2, 8, &audio.pcm())),
        ("big.caf".to_owned(), [caf(b"lpcm", 2), chunk(b"data", u64::MAX, &[0; 4]), audio.pcm()].concat()),
    ];
    let comm = b"FORM\0\0\x10\x2eAIFFCOMM\0\0\0\x12\0\x01\0\0\x08\0\0\x10\x40\x0c\xfa\0\0\0\0\0\0\0";
    all.push((
        "small.aiff".into(),
        [&comm[..], b"SSND\0\0\x10\x08\0\0\0\0\0\0\0\0", &audio.pcm()[..4096]].concat(),
    ));
    bench.file("in.wav", audio.wav16());
    for name in ["out.flac", "out.opus"] {
        bench.voxsift(["in.wav", "-o", name]).succeeds();
        all.push((name.into(), bench.read(name)));
    }
    let mut fixtures: Vec<_> = fs::read_dir(fixture(""))
        .expect("the fixtures")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    fixtures.sort();
    for path in fixtures.into_iter().filter(|path| path.is_file()) {
        all.push((
            path.file_name().expect("a name").to_string_lossy().into_owned(),
            fs::read(path).expect("it"),
        ));
    }
    all
}

/// Opens a file and reads it to its end or its failure; `None` if there is neither in sight.
fn read_all(path: &Path) -> Option<()> {
    let Ok(mut decoder) = decode::open(&Source::File(path.to_owned()), None) else {
        return Some(());
    };
    let mut block = Vec::new();
    let mut frames = 0;
    // The specimens are far shorter; only a loop goes on and on.
    while frames < 50_000_000 {
        match decoder.read(&mut block) {
            Ok(0) | Err(_) => return Some(()),
            Ok(more) => frames += more,
        }
    }
    None
}

/// Makes one of many damages.
fn damage(bytes: &mut Vec<u8>, random: &mut impl FnMut(usize) -> usize) {
    match random(4) {
        0 => bytes.truncate(random(bytes.len())),
        1 => {
            let (from, to) = (random(bytes.len()), random(bytes.len()));
            let part = bytes[from..bytes.len().min(from + 40)].to_vec();
            bytes.splice(to..to, part);
        }
        // Headers are in front: most of the flips go there.
        many => {
            for _ in 0..=random(8) {
                let reach = if many == 2 { bytes.len().min(200) } else { bytes.len() };
                let value = [0, 0xff, 0x7f, 0x80, random(256), 1 << random(8)][random(6)] as u8;
                bytes[random(reach)] ^= value;
            }
        }
    }
}

#[test]
fn damaged_files_cause_neither_panics_nor_endless_loops() {
    let bench = Bench::new();
    let specimens = specimens(&bench);
    let (to, results) = mpsc::channel();
    std::thread::spawn(move || {
        let mut noise = Noise(7);
        let mut random = |below: usize| {
            let random = ((f64::from(noise.next()) + 1.0) / 2.0 * below as f64) as usize;
            random.min(below.saturating_sub(1))
        };
        let try_one = |name: String, bytes: Vec<u8>| {
            let path = bench.file("damaged", bytes);
            to.send((name, None)).expect("somebody listens");
            let outcome = std::panic::catch_unwind(|| read_all(&path));
            to.send((String::new(), Some(outcome))).expect("somebody listens");
        };
        for (name, whole) in &specimens {
            for round in 0..40 {
                let mut bytes = whole.clone();
                // The first round is the file as it is.
                if round > 0 {
                    damage(&mut bytes, &mut random);
                }
                try_one(format!("{name}, round {round}"), bytes);
            }
        }
        for round in 0..100 {
            let bytes = (0..random(20_000)).map(|_| random(256) as u8).collect();
            try_one(format!("noise, round {round}"), bytes);
        }
    });
    let (mut name, mut failures) = (String::new(), Vec::new());
    loop {
        // Each file takes milliseconds.
        match results.recv_timeout(child::PATIENCE) {
            Ok((now, None)) => name = now,
            Ok((_, Some(Err(_)))) => failures.push(format!("{name}: it panics")),
            Ok((_, Some(Ok(None)))) => failures.push(format!("{name}: it does not end")),
            Ok((_, Some(Ok(Some(()))))) => {}
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name}: it hangs; before that: {failures:#?}"),
        }
    }
    assert!(name.starts_with("noise, round 99"), "the last one was {name}");
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_chain_of_tags_is_no_reason_to_recurse() {
    let mut tags = b"ID3\x04\0\0\0\0\0\0".repeat(100_000);
    refused("tags.mp3", &tags, "no audio in it");
    tags.truncate(3);
    refused("tag.mp3", &tags, "no audio in it");
}

#[test]
fn metadata_behind_an_empty_data_chunk_is_no_audio() {
    let mut wav = Audio { rate: 16_000, channels: 1, samples: Vec::new() }.wav16();
    wav.extend_from_slice(b"LIST\x0c\0\0\0INFOISFT\0\0\0\0");
    refused("in.wav", &wav, "no audio in it");
}
