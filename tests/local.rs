//! The local engine, through the real binary.

mod support;

use support::{Audio, Bench};

#[test]
fn isolates_a_file_beside_itself() {
    let bench = Bench::new();
    bench.file("take.wav", Audio::speechlike(16_000, 1, 16_000).wav16());
    bench.voxsift(["take.wav"]).succeeds().says("take.wav → take.isolated.wav  1.0 s  local");
    assert_eq!(bench.names(), ["take.isolated.wav", "take.wav"]);
}
