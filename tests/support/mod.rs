//! The one way in which tests run the real binary, and small recordings made by code.

// Every test file uses its own part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

/// A temporary folder to run the program in.
pub struct Bench {
    folder: TempDir,
}

impl Bench {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a test file can be written");
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name))
            .unwrap_or_else(|error| panic!("{name}: {error}; there are {:?}", self.names()))
    }

    /// The names of all files, also hidden ones, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).expect("the temporary folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The program, in this folder and with nothing of the surrounding environment that it reads.
    pub fn voxsift(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Run {
        let mut command = Command::new(binary());
        command.current_dir(self.folder.path()).args(args);
        for name in SCRUBBED {
            command.env_remove(name);
        }
        Run { command }
    }
}

/// Variables that change what the program does.
pub const SCRUBBED: [&str; 19] = [
    "VOXSIFT_ENGINE",
    "ELEVENLABS_API_KEY",
    "ELEVENLABS_BASE_URL",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "TERM",
    "COLUMNS",
    "LINES",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Where the program is.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_voxsift"))
}

/// A command about to be run.
pub struct Run {
    command: Command,
}

impl Run {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.write_stdin(bytes);
        self
    }

    /// Runs it and expects this exit code; on another one, shows everything.
    #[track_caller]
    pub fn exits(mut self, code: i32) -> Done {
        let output = self.command.output().expect("the program starts");
        let args: Vec<_> = self.command.get_args().map(OsStr::to_string_lossy).collect();
        let done = Done { command: format!("voxsift {}", args.join(" ")), output };
        assert_eq!(done.output.status.code(), Some(code), "{}", done.show());
        done
    }

    #[track_caller]
    pub fn succeeds(self) -> Done {
        self.exits(0)
    }

    /// Expects a failure as every failure is to be: this exit code, one line that holds `reason`, one
    /// line with a hint, and nothing on standard output.
    #[track_caller]
    pub fn fails(self, code: i32, reason: &str) -> Done {
        let done = self.exits(code);
        let stderr = done.stderr();
        let lines: Vec<&str> = stderr.lines().collect();
        let well_formed =
            lines.len() == 2 && lines[0].starts_with("error: ") && lines[1].starts_with("hint: ");
        assert!(well_formed, "one error line and one hint line\n{}", done.show());
        assert!(lines[0].contains(reason), "the reason {reason:?}\n{}", done.show());
        assert!(done.output.stdout.is_empty(), "nothing on standard output\n{}", done.show());
        done
    }
}

/// A command that has run.
pub struct Done {
    command: String,
    pub output: Output,
}

impl Done {
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    pub fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    #[track_caller]
    pub fn says(&self, text: &str) -> &Self {
        assert!(self.stderr().contains(text), "standard error should hold {text:?}\n{}", self.show());
        self
    }

    #[track_caller]
    pub fn says_not(&self, text: &str) -> &Self {
        assert!(!self.stderr().contains(text), "standard error should not hold {text:?}\n{}", self.show());
        self
    }

    /// The only JSON object on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.stdout()).unwrap_or_else(|error| panic!("{error}\n{}", self.show()))
    }

    pub fn show(&self) -> String {
        let stdout =
            String::from_utf8_lossy(&self.output.stdout[..self.output.stdout.len().min(2000)]).into_owned();
        format!(
            "command: {}\n{}\nstdout ({} bytes): {stdout}\nstderr: {}",
            self.command,
            self.output.status,
            self.output.stdout.len(),
            self.stderr()
        )
    }
}

/// Audio as tests make and compare it: interleaved, in −1…1.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    pub rate: u32,
    pub channels: u16,
    pub samples: Vec<f32>,
}

impl Audio {
    /// `frames` frames of something with the rhythm of speech: a wobbling tone with harmonics, in
    /// syllables, with a little noise. The channels differ.
    pub fn speechlike(rate: u32, channels: u16, frames: usize) -> Self {
        let mut noise = Noise(1);
        let mut samples = Vec::with_capacity(frames * usize::from(channels));
        for i in 0..frames {
            let t = i as f32 / rate as f32;
            for channel in 0..channels {
                let pitch = 120.0 + 20.0 * f32::from(channel) + 15.0 * (9.0 * t).sin() / 9.0;
                let syllable = (std::f32::consts::PI * 3.0 * t).sin().max(0.0);
                let voice: f32 =
                    (1..12).map(|k| (std::f32::consts::TAU * pitch * k as f32 * t).sin() / k as f32).sum();
                samples.push(0.15 * syllable * voice + 0.01 * noise.next());
            }
        }
        Self { rate, channels, samples }
    }

    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels)
    }

    pub fn channel(&self, channel: usize) -> Vec<f32> {
        self.samples.iter().copied().skip(channel).step_by(self.channels.into()).collect()
    }

    pub fn scaled(&self, gain: f32) -> Self {
        Self { samples: self.samples.iter().map(|sample| sample * gain).collect(), ..self.clone() }
    }

    /// As a WAV file of 8, 16, 24 or 32 bits, or of floats (`float` and 32).
    pub fn wav(&self, bits: u16, float: bool) -> Vec<u8> {
        let sample_format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
        let spec = hound::WavSpec {
            channels: self.channels,
            sample_rate: self.rate,
            bits_per_sample: bits,
            sample_format,
        };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a WAV header");
        let scale = (f64::from(bits - 1)).exp2();
        for sample in &self.samples {
            if float {
                writer.write_sample(*sample).expect("a sample");
            } else {
                let value = (f64::from(*sample) * scale).round().clamp(-scale, scale - 1.0);
                writer.write_sample(value as i32).expect("a sample");
            }
        }
        writer.finalize().expect("a WAV file");
        bytes.into_inner()
    }

    /// As a 16-bit WAV file.
    pub fn wav16(&self) -> Vec<u8> {
        self.wav(16, false)
    }

    /// As headerless 16-bit samples.
    pub fn pcm(&self) -> Vec<u8> {
        self.samples
            .iter()
            .flat_map(|x| ((x * 32768.0).round().clamp(-32768.0, 32767.0) as i16).to_le_bytes())
            .collect()
    }

    /// Headerless 16-bit samples, read back.
    pub fn of_pcm(bytes: &[u8], rate: u32, channels: u16) -> Self {
        let samples =
            bytes.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect();
        Self { rate, channels, samples }
    }

    /// What a WAV file holds, read by hound.
    #[track_caller]
    pub fn of_wav(bytes: &[u8]) -> Self {
        let mut reader = hound::WavReader::new(bytes).expect("hound reads the WAV");
        let spec = reader.spec();
        let samples = if spec.sample_format == hound::SampleFormat::Float {
            reader.samples::<f32>().map(|sample| sample.expect("a sample")).collect()
        } else {
            let scale = (-f32::from(spec.bits_per_sample - 1)).exp2();
            reader.samples::<i32>().map(|sample| sample.expect("a sample") as f32 * scale).collect()
        };
        Self { rate: spec.sample_rate, channels: spec.channels, samples }
    }

    /// Signal-to-noise ratio of `self` against a reference, in dB.
    #[track_caller]
    pub fn snr(&self, reference: &Self) -> f64 {
        assert_eq!((self.rate, self.channels), (reference.rate, reference.channels), "rate and channels");
        assert_eq!(self.frames(), reference.frames(), "frames");
        let energy = |x: &mut dyn Iterator<Item = f64>| x.map(|x| x * x).sum::<f64>();
        let signal = energy(&mut reference.samples.iter().map(|x| f64::from(*x)));
        let noise = energy(&mut self.samples.iter().zip(&reference.samples).map(|(x, y)| f64::from(x - y)));
        10.0 * (signal / noise.max(1e-20)).log10()
    }
}

/// Level in dBFS (mean square).
pub fn dbfs(samples: &[f32]) -> f64 {
    let mean = samples.iter().map(|x| f64::from(x * x)).sum::<f64>() / samples.len() as f64;
    10.0 * mean.max(1e-20).log10()
}

/// White noise in −1…1, the same every time.
pub struct Noise(pub u32);

impl Noise {
    pub fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// The folder of the checked-in fixtures.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}
