//! Tags around the audio that would be taken for it, or held in memory with all their pictures.

use std::io::{self, Read};

use crate::error::Failure;
use crate::source::Input;

/// The length of an ID3v1 tag.
const ID3V1: usize = 128;

/// Leaves out the ID3v2 tag at the start of `input`.
///
/// # Errors
/// `Input` when it ends within the tag's header, or cannot be read.
pub(super) fn skip_id3v2(input: &mut Input) -> Result<(), Failure> {
    skip(input).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            Failure::input("there is no audio in it: it ends within a tag", "record or export it again")
        }
        _ => Failure::reading(&error),
    })
}

fn skip(input: &mut Input) -> io::Result<()> {
    let mut header = [0; 10];
    input.read_exact(&mut header)?;
    // Sizes have 7 bits per byte, so that no byte looks like a sync word; a footer repeats the header.
    let size = header[6..].iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    io::copy(&mut input.by_ref().take(size + footer), &mut io::sink())?;
    input.start_here()
}

/// Reads everything but the ID3v1 tag at the end: symphonia drops the last FLAC frame before one.
pub(super) struct WithoutId3v1<R> {
    source: R,
    /// The last bytes of what has been read, which may be a tag.
    held: Vec<u8>,
    ended: bool,
}

impl<R: Read> WithoutId3v1<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, held: Vec::new(), ended: false }
    }
}

impl<R: Read> Read for WithoutId3v1<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut fresh = vec![0; buf.len()];
        while !self.ended && self.held.len() <= ID3V1 {
            match self.source.read(&mut fresh)? {
                0 => {
                    self.ended = true;
                    if self.held.len() == ID3V1 && self.held.starts_with(b"TAG") {
                        self.held.clear();
                    }
                }
                n => self.held.extend_from_slice(&fresh[..n]),
            }
        }
        let keep = if self.ended { 0 } else { ID3V1 };
        let ready = self.held.len().saturating_sub(keep).min(buf.len());
        buf[..ready].copy_from_slice(&self.held[..ready]);
        self.held.drain(..ready);
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut all = Vec::new();
        WithoutId3v1::new(bytes).read_to_end(&mut all).unwrap();
        all
    }

    #[test]
    fn a_tag_is_left_out_and_anything_else_is_not() {
        let audio: Vec<u8> = (0..1000).map(|i| (i % 251) as u8).collect();
        let mut tag = b"TAG".to_vec();
        tag.resize(ID3V1, 7);
        assert_eq!(read(&audio), audio);
        assert_eq!(read(&[audio.clone(), tag.clone()].concat()), audio);
        assert_eq!(read(&audio[..50]), audio[..50]);
        assert!(read(&tag).is_empty());
    }
}
