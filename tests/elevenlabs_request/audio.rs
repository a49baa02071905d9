//! What is sent of a recording, and as what.

use crate::service::Service;
use crate::support::{Audio, Bench};
use crate::{
    OTHER_WAV, SAMPLES, TAKE, WAV, bytes_of, chunk, extensible, plain, refused, riff, sent, sent_of,
    sent_of_pipe, tones,
};

#[test]
fn sixteen_bit_mono_at_sixteen_kilohertz_is_sent_as_its_samples() {
    let fmt = chunk(b"fmt ", &plain(1, 1, 16_000, 16));
    let data = chunk(b"data", &SAMPLES);
    let list = chunk(b"LIST", b"INFOINAM\x08\0\0\0private\0");
    let odd = chunk(b"junk", b"seven..");
    let bare = chunk(b"fmt ", &extensible(1, 1, 16));
    let size = |len: usize| (len as u64).to_le_bytes();
    let sizes = [size(SAMPLES.len() + 84), size(SAMPLES.len()), size(80_000)].concat();
    let ds64 = chunk(b"ds64", &[&sizes[..], &[0; 4]].concat());
    let mut data64 = data.clone();
    data64[4..8].fill(0xff);
    for (what, wav) in [
        ("plain", WAV.clone()),
        ("LIST before", riff(b"RIFF", &[fmt.clone(), list.clone(), data.clone()])),
        ("LIST first", riff(b"RIFF", &[list.clone(), fmt.clone(), data.clone()])),
        ("LIST behind", riff(b"RIFF", &[fmt.clone(), data.clone(), list.clone()])),
        ("odd chunks", riff(b"RIFF", &[odd.clone(), fmt.clone(), odd.clone(), data.clone(), odd, list])),
        ("extensible", riff(b"RIFF", &[bare, data.clone()])),
        ("RF64", riff(b"RF64", &[ds64.clone(), fmt.clone(), data64.clone()])),
        ("BW64", riff(b"BW64", &[ds64, fmt, data64])),
        ("something behind", [&WAV[..], b"ID3 or other things that are no chunk"].concat()),
    ] {
        println!("{what}");
        sent_of(&wav, &[]).is_samples(&SAMPLES);
        sent_of_pipe(&wav, &[]).is_samples(&SAMPLES);
        sent_of_pipe(&wav, &["--retries", "0"]).is_samples(&SAMPLES);
    }
}

#[test]
fn any_other_wav_is_sent_as_it_is() {
    let stereo = Audio { channels: 2, samples: [&TAKE.samples[..], &TAKE.samples].concat(), ..TAKE.clone() };
    let at = |rate| Audio { rate, ..TAKE.clone() }.wav16();
    let list = chunk(b"LIST", b"INFOINAM\x08\0\0\0private\0");
    let coded = |fmt: &[u8], len| {
        riff(b"RIFF", &[chunk(b"fmt ", fmt), list.clone(), chunk(b"data", &vec![0x55; len]), list.clone()])
    };
    for (what, wav) in [
        ("8 bits", TAKE.wav(8, false)),
        ("24 bits", TAKE.wav(24, false)),
        ("32 bits", TAKE.wav(32, false)),
        ("float", TAKE.wav(32, true)),
        ("stereo", stereo.wav16()),
        ("8 kHz", at(8_000)),
        ("15,999 Hz", at(15_999)),
        ("A-law", coded(&[plain(6, 1, 16_000, 8), vec![0; 2]].concat(), 80_000)),
        ("µ-law", coded(&[plain(7, 1, 16_000, 8), vec![0; 2]].concat(), 80_000)),
        ("float of the extensible kind", coded(&extensible(3, 1, 32), 320_000)),
        ("stereo of the extensible kind", coded(&extensible(1, 2, 16), 320_000)),
        ("44.1 kHz", Audio::speechlike(44_100, 1, 5 * 44_100).wav16()),
    ] {
        println!("{what}");
        sent_of(&wav, &[]).is("other", "audio/wav", &wav);
        sent_of_pipe(&wav, &[]).is("other", "audio/wav", &wav);
        sent_of_pipe(&wav, &["--retries", "0"]).is("other", "audio/wav", &wav);
    }
}

#[test]
fn the_lengths_that_pipes_leave_in_headers_are_not_believed() {
    for len in [0xffff_ffff_u32, 0x7fff_f000, 0x8000_0000, 0] {
        for (wav, samples) in [(&WAV, Some(&SAMPLES)), (&OTHER_WAV, None)] {
            let mut wav = wav.to_vec();
            wav[4..8].copy_from_slice(&len.saturating_add(36).to_le_bytes());
            wav[40..44].copy_from_slice(&len.to_le_bytes());
            for form in [sent_of(&wav, &[]), sent_of_pipe(&wav, &[]), sent_of_pipe(&wav, &["--retries", "0"])]
            {
                match samples {
                    Some(samples) => form.is_samples(samples),
                    None => form.is("other", "audio/wav", &wav),
                }
            }
        }
    }
}

/// A WAV file that ends so many bytes early, and all whole samples that are left.
fn cut(bytes: usize) -> (&'static [u8], &'static [u8]) {
    (&WAV[..WAV.len() - bytes], &SAMPLES[..SAMPLES.len() - bytes.next_multiple_of(2)])
}

#[test]
fn a_wav_that_was_cut_is_sent_as_far_as_it_goes() {
    for (wav, samples) in [cut(8_000), cut(8_001)] {
        let bench = Bench::new();
        bench.file("in.wav", wav);
        for (input, stdin) in [("in.wav", &b""[..]), ("-", wav)] {
            let service = Service::new();
            let run = service.voxsift(&bench, &[input, "-f", "-o", "out.mp3"]).stdin(stdin);
            run.succeeds().says("warning: ").says("before its announced end");
            service.request().form().is_samples(samples);
        }
    }
    // What is sent as it is, is.
    let other = &OTHER_WAV[..OTHER_WAV.len() - 3_001];
    sent_of(other, &[]).is("other", "audio/wav", other);
    sent_of_pipe(other, &[]).is("other", "audio/wav", other);
    sent_of_pipe(other, &["--retries", "0"]).is("other", "audio/wav", other);
}

#[test]
fn a_live_wav_that_was_cut_is_sent_as_far_as_it_goes() {
    for (wav, samples) in [cut(8_000), cut(8_001)] {
        let (bench, service) = (Bench::new(), Service::new());
        let args = ["-", "--retries", "0", "-o", "out.mp3"];
        let done = service.voxsift(&bench, &args).stdin(wav).succeeds();
        service.request().form().is_samples(samples);
        done.says("warning: ").says("before its announced end");
    }
}

#[test]
fn headers_may_be_long() {
    let picture = chunk(b"id3 ", &[0x2a; 300_001]);
    let data = |samples| chunk(b"data", samples);
    let narrow = riff(b"RIFF", &[picture.clone(), chunk(b"fmt ", &plain(1, 1, 16_000, 16)), data(&SAMPLES)]);
    let other = riff(b"RIFF", &[chunk(b"fmt ", &plain(1, 1, 8_000, 16)), picture, data(&SAMPLES)]);
    sent_of(&narrow, &[]).is_samples(&SAMPLES);
    sent_of_pipe(&narrow, &[]).is_samples(&SAMPLES);
    sent_of_pipe(&narrow, &["--retries", "0"]).is_samples(&SAMPLES);
    sent_of(&other, &[]).is("other", "audio/wav", &other);
    sent_of_pipe(&other, &[]).is("other", "audio/wav", &other);
    // Where a pipe cannot be read twice, it may be refused, but never sent without its start.
    let (bench, service) = (Bench::new(), Service::new());
    let args = ["--retries", "0", "-o", "out.mp3"];
    service.voxsift(&bench, &args).stdin(&*other).fails(4, "header").says("--retries");
    service.is_untouched();
}

#[test]
fn names_do_not_decide() {
    let bench = Bench::new();
    bench.file("take.mp3", &*WAV);
    let form = sent(&bench, &["take.mp3"]);
    form.is_samples(&SAMPLES);
    assert_eq!(form.file_name, "take.mp3");
    bench.file("take.flac", &*OTHER_WAV);
    sent(&bench, &["take.flac"]).is("other", "audio/wav", &OTHER_WAV);
    for name in ["take.wav", "take.pcm", "take.txt", "take"] {
        bench.file(name, bytes_of("voice.opus"));
        sent(&bench, &[name]).is("other", "audio/ogg", &bytes_of("voice.opus"));
    }
}

#[test]
fn raw_samples_are_sent_as_they_are() {
    sent_of(&SAMPLES, &["--raw"]).is_samples(&SAMPLES);
    sent_of(&SAMPLES, &["--raw", "--rate", "16000", "--channels", "1"]).is_samples(&SAMPLES);
    sent_of_pipe(&SAMPLES, &["--raw"]).is_samples(&SAMPLES);
    sent_of_pipe(&SAMPLES, &["--raw", "--retries", "0"]).is_samples(&SAMPLES);
    // What is said to be raw is: also when it looks like a WAV file.
    sent_of(&WAV, &["--raw"]).is_samples(&WAV);
}

#[test]
fn raw_samples_have_to_fit() {
    let odd = &SAMPLES[1..];
    refused(odd, &["--raw"], 4, "odd");
    let (bench, service) = (Bench::new(), Service::new());
    service.voxsift(&bench, &["--raw", "-o", "out.mp3"]).stdin(odd).fails(4, "odd");
    service.is_untouched();
    for args in
        [&["--raw", "--rate", "44100"][..], &["--raw", "--channels", "2"], &["--raw", "--rate", "8000"]]
    {
        refused(&SAMPLES, args, 2, "16000 Hz, mono").says("hint: ").says("--resample");
    }
}

#[test]
fn an_odd_end_of_a_live_pipe_is_never_billed() {
    // It is found when the upload has begun, so that the upload is left unfinished.
    let (bench, service) = (Bench::new(), Service::new());
    let args = ["--raw", "--retries", "0", "-o", "out.mp3"];
    service.voxsift(&bench, &args).stdin(&SAMPLES[1..]).fails(4, "odd");
    assert!(bench.names().is_empty(), "{:?}", bench.names());
}

#[test]
fn resampled_speech_is_sixteen_kilohertz_mono() {
    let expected = tones(16_000, &[310.0]);
    let bench = Bench::new();
    for (rate, channels, bits, float) in [
        (8_000, 1, 16, false),
        (16_000, 1, 24, false),
        (16_000, 2, 16, false),
        (22_050, 1, 16, false),
        (44_100, 2, 16, false),
        (44_100, 1, 32, true),
        (48_000, 3, 24, false),
        (96_000, 1, 24, false),
    ] {
        let source = tones(rate, &vec![310.0; channels]);
        bench.file("in.wav", source.wav(bits, float));
        let form = sent(&bench, &["in.wav", "--resample"]);
        form.is_samples(&form.audio);
        let audio = Audio::of_pcm(&form.audio, 16_000, 1);
        assert_eq!(audio.frames(), 80_000, "{rate} Hz, {channels} channels");
        let snr = audio.snr(&expected);
        assert!(snr > 60.0, "{rate} Hz, {channels} channels, {bits} bits: {snr:.1} dB");
    }
}

#[test]
fn resampling_makes_the_mean_of_the_channels() {
    let bench = Bench::new();
    let (left, right) = (tones(16_000, &[250.0]), tones(16_000, &[330.0]));
    let mean = left.samples.iter().zip(&right.samples).map(|(l, r)| (l + r) / 2.0).collect();
    bench.file("in.wav", tones(48_000, &[250.0, 330.0]).wav16());
    let audio = Audio::of_pcm(&sent(&bench, &["in.wav", "--resample"]).audio, 16_000, 1);
    let snr = audio.snr(&Audio { samples: mean, ..left });
    assert!(snr > 60.0, "{snr:.1} dB");
}

#[test]
fn resampling_leaves_alone_what_fits_already() {
    for args in [&["--resample"][..], &["--resample", "--file-format", "pcm_s16le_16"]] {
        sent_of(&WAV, args).is_samples(&SAMPLES);
        sent_of_pipe(&WAV, args).is_samples(&SAMPLES);
        sent_of(&SAMPLES, &[args, &["--raw"]].concat()).is_samples(&SAMPLES);
    }
}

#[test]
fn everything_that_can_be_decoded_can_be_resampled() {
    let bench = Bench::new();
    let expected = tones(16_000, &[310.0]);
    let wav = tones(44_100, &[310.0, 310.0]);
    bench.file("in.wav", wav.wav16());
    bench.voxsift(["in.wav", "--attenuation-limit", "0", "-o", "in.flac"]).succeeds();
    bench.file("in.pcm", wav.pcm());
    let (flac, pcm) = (bench.read("in.flac"), bench.read("in.pcm"));
    let raw = ["--resample", "--raw", "--rate", "44100", "--channels", "2"];
    for form in [
        sent_of(&flac, &["--resample"]),
        sent_of_pipe(&flac, &["--resample"]),
        sent_of_pipe(&flac, &["--resample", "--retries", "0"]),
        sent_of(&pcm, &raw),
        sent_of_pipe(&pcm, &raw),
    ] {
        form.is_samples(&form.audio);
        let snr = Audio::of_pcm(&form.audio, 16_000, 1).snr(&expected);
        assert!(snr > 60.0, "{} {snr:.1} dB", form.file_name);
    }
    // Formats that the service does not take as they are, and a film. Codecs and resamplers round ends up.
    for (name, samples) in [("pcm.caf", 4_800), ("alac.caf", 4_800), ("aac.mp4", 4_800), ("opus.webm", 4_800)]
    {
        let form = sent_of(&bytes_of(name), &["--resample", "--ignore-limits"]);
        form.is_samples(&form.audio);
        assert_eq!(form.audio.len(), 2 * samples, "{name}");
    }
}

#[test]
fn a_format_can_be_forced_where_it_fits() {
    let opus = bytes_of("voice.opus");
    let forced = |format| ["--file-format", format];
    let (auto, pcm, other) = (forced("auto"), forced("pcm_s16le_16"), forced("other"));

    sent_of(&WAV, &auto).is_samples(&SAMPLES);
    sent_of(&WAV, &pcm).is_samples(&SAMPLES);
    sent_of(&WAV, &other).is("other", "audio/wav", &WAV);
    sent_of_pipe(&WAV, &other).is("other", "audio/wav", &WAV);
    for (bytes, kind) in [(&*OTHER_WAV, "audio/wav"), (&opus, "audio/ogg")] {
        sent_of(bytes, &auto).is("other", kind, bytes);
        sent_of(bytes, &other).is("other", kind, bytes);
        refused(bytes, &pcm, 4, "pcm_s16le_16").says("hint: ").says("--resample");
    }
    let raw = |format: [&'static str; 2]| [&["--raw"], &format[..]].concat();
    sent_of(&SAMPLES, &raw(auto)).is_samples(&SAMPLES);
    sent_of(&SAMPLES, &raw(pcm)).is_samples(&SAMPLES);
    refused(&SAMPLES, &raw(other), 2, "pcm_s16le_16").says("hint: ");
    refused(&SAMPLES, &[&raw(pcm)[..], &["--rate", "8000"]].concat(), 2, "16000 Hz, mono").says("--resample");
    refused(&WAV, &[&other[..], &["--resample"]].concat(), 2, "--resample");
    refused(&SAMPLES, &[&raw(other)[..], &["--resample"]].concat(), 2, "other");
    let (bench, service) = (Bench::new(), Service::new());
    bench.file("in.wav", &*WAV);
    service.voxsift(&bench, &["in.wav", "--file-format", "mp3"]).exits(2).says("pcm_s16le_16, other");
    service.is_untouched();
}
