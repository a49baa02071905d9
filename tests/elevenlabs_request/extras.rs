//! Pictures beside the recording.

use std::fs;

use crate::service::Service;
use crate::support::Bench;
use crate::{OTHER_WAV, SAMPLES, WAV, sent};

#[test]
fn a_preview_goes_along_in_base64() {
    let all: Vec<u8> = (0..=255).collect();
    let bench = Bench::new();
    bench.file("in.wav", &*OTHER_WAV);
    for (name, start) in [
        ("a.png", &b"\x89PNG\r\n\x1a\n"[..]),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
        ("old.gif", b"GIF87a"),
        ("new.gif", b"GIF89a"),
        ("a.webp", b"RIFF\x08\x01\0\0WEBPVP8 "),
        ("png.txt", b"\x89PNG\r\n\x1a\n"),
    ] {
        // Every remainder of the division by three.
        for more in 0..3 {
            let image = [start, &all, &all[..more]].concat();
            bench.file(name, &image);
            let form = sent(&bench, &["in.wav", "--preview", name]);
            assert!(form.preview.as_ref() == Some(&image), "{name}");
            form.is("other", "audio/wav", &OTHER_WAV);
        }
    }
    bench.file("in.wav", &*WAV);
    let form = sent(&bench, &["in.wav", "--preview", "a.png"]);
    assert!(form.preview.is_some());
    form.is_samples(&SAMPLES);
    assert_eq!(sent(&bench, &["in.wav"]).preview, None);
}

#[test]
fn a_preview_is_an_image_of_up_to_two_megabytes() {
    let bench = Bench::new();
    let png = |len| {
        let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
        image.resize(len, 7);
        image
    };
    bench.file("in.wav", &*WAV);
    bench.file("image", png(2_000_000));
    assert_eq!(
        sent(&bench, &["in.wav", "--preview", "image"]).preview.map(|image| image.len()),
        Some(2_000_000)
    );
    bench.file("large", png(2 * 1024 * 1024 + 1));
    bench.file("text", b"this is no image");
    bench.file("empty", b"");
    bench.file("bitmap", b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0");
    fs::create_dir(bench.path("folder")).expect("a folder");
    let before = bench.names();
    for name in ["large", "text", "empty", "bitmap", "in.wav", "folder", "missing"] {
        let service = Service::new();
        let done = service.voxsift(&bench, &["in.wav", "--preview", name]).exits(2);
        let stderr = done.stderr();
        let (error, hint) = stderr.split_once('\n').expect("two lines");
        assert!(
            error.starts_with("error: ") && error.contains(name) && hint.starts_with("hint: "),
            "{stderr}"
        );
        service.is_untouched();
        assert_eq!(bench.names(), before);
    }
}
