//! Whether an MP3 that goes by is one: its frames are followed, not decoded.

use crate::audio::probe::mpeg_frame;

/// Bytes that decide what comes next: the header of an ID3v2 tag.
const HEADER: usize = 10;

/// Bytes between frames that a sound file may have for no reason, besides a hundredth of all.
const TOLERATED: u64 = 2048;

/// Follows frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes that belong to a frame or a tag that has begun.
    skip: u64,
    /// The beginning of what comes next.
    header: Vec<u8>,
    seconds: f64,
    /// Bytes that belong to nothing, and all.
    junk: u64,
    total: u64,
}

impl Frames {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        while !bytes.is_empty() {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            bytes = &bytes[skipped..];
            let wanted = (HEADER - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..wanted]);
            bytes = &bytes[wanted..];
            if self.header.len() == HEADER {
                self.next();
            }
        }
    }

    /// Finds out what begins with the header.
    fn next(&mut self) {
        let header = &self.header;
        let whole = if let Some(frame) = mpeg_frame(header) {
            self.seconds += frame.bytes as f64 * 8.0 / frame.bits_per_second as f64;
            Some(frame.bytes as u64)
        } else if header.starts_with(b"ID3") && header[6..].iter().all(|byte| *byte < 0x80) {
            Some(10 + header[6..].iter().fold(0, |size, byte| size << 7 | u64::from(*byte)))
        } else if header.starts_with(b"TAG") {
            Some(128)
        } else if header.starts_with(b"APETAGEX") {
            // Tags of this kind stand at the end.
            Some(u64::MAX)
        } else {
            None
        };
        if let Some(whole) = whole {
            self.skip = whole - HEADER as u64;
            self.header.clear();
        } else {
            self.junk += 1;
            self.header.remove(0);
        }
    }

    /// The length of all frames.
    pub(super) fn seconds(&self) -> f64 {
        self.seconds
    }

    /// How many bytes belong to no frame and no tag, if that are more than a sound file has.
    pub(super) fn damage(&self) -> Option<u64> {
        (self.junk > TOLERATED + self.total / 100).then_some(self.junk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(bytes: &[u8]) -> Frames {
        let mut frames = Frames::default();
        for part in bytes.chunks(7) {
            frames.push(part);
        }
        frames
    }

    /// Frames of 128 kbit/s at 44.1 kHz: 417 bytes each.
    fn mp3(frames: usize) -> Vec<u8> {
        let mut frame = vec![0xff, 0xfb, 0x90, 0xc0];
        frame.resize(417, 0x55);
        frame.repeat(frames)
    }

    #[test]
    fn frames_and_tags_are_followed() {
        let tag = b"ID3\x04\0\0\0\0\0\x05hello".to_vec();
        let mut end = b"TAG".to_vec();
        end.resize(128, b' ');
        let frames = followed(&[tag, mp3(100), end].concat());
        assert_eq!(frames.junk, 0);
        assert!((frames.seconds() - 2.61).abs() < 0.01, "{}", frames.seconds());
    }

    #[test]
    fn what_is_no_frame_is_damage() {
        let text = br#"{"detail":{"status":"internal_error"}}"#.repeat(100);
        assert!(followed(&[mp3(10), text].concat()).damage().is_some());
        assert!(followed(&mp3(10)).damage().is_none());
    }
}
