//! PCM, in WAV or without a header.

use std::io::{Cursor, Read};

use symphonia::core::io::ReadOnlySource;

use super::packets;
use super::{Decode, Length, Opened, Raw};
use crate::audio::wav::header::{Header, read_header};
use crate::audio::wav::reader::{End, Layout, Reader};
use crate::error::Failure;
use crate::source::Input;

struct Pcm {
    reader: Reader<Input>,
    /// Without a header a last frame that lacks bytes means that the layout is wrong.
    raw: bool,
}

impl Decode for Pcm {
    fn read(&mut self, block: &mut Vec<f32>) -> Result<usize, Failure> {
        let frames = self.reader.read(block)?;
        match self.reader.end() {
            Some(End::Ragged(bytes)) if self.raw && frames == 0 => Err(ragged(bytes)),
            _ => Ok(frames),
        }
    }

    fn warning(&self) -> Option<String> {
        self.reader.end()?.warning()
    }
}

fn ragged(bytes: usize) -> Failure {
    let left = if bytes == 1 {
        "an odd last byte is left over".into()
    } else {
        format!("{bytes} bytes of a last frame are left over")
    };
    Failure::input(
        format!("the raw samples do not come out even: {left}"),
        "check --channels, and that the input is s16le without a header; a WAV file needs no --raw",
    )
}

/// Opens headerless samples.
pub(super) fn open_raw(input: Input, raw: Raw) -> Result<Opened, Failure> {
    let layout = Layout::s16le(raw.rate, raw.channels);
    let frame = layout.frame_bytes() as u64;
    let left_over = input.byte_len().map_or(0, |len| len % frame);
    if left_over > 0 {
        return Err(ragged(left_over as usize));
    }
    let length = input.byte_len().map_or(Length::Unknown, |len| Length::Exactly(len / frame));
    let live = input.byte_len().is_none();
    let reader = Reader::new(input, layout, None);
    Ok(Opened { decode: Box::new(Pcm { reader, raw: true }), spec: layout.spec, length, live })
}

/// Opens WAV: what hound converts is read here, companded and compressed samples by symphonia.
pub(super) fn open_wav(mut input: Input) -> Result<Opened, Failure> {
    let header = read_header(&mut input)?;
    let there = input.byte_len().map(|len| len.saturating_sub(header.data_offset));
    let Some(layout) = Layout::of(&header.fmt)? else {
        return open_coded(input, &header);
    };
    let bytes = match (header.data_len, there) {
        (Some(announced), Some(there)) => Some(announced.min(there)),
        (announced, there) => announced.or(there),
    };
    let length = bytes.map_or(Length::Unknown, |bytes| Length::Exactly(bytes / layout.frame_bytes() as u64));
    let live = input.byte_len().is_none();
    let reader = Reader::new(input, layout, header.data_len);
    Ok(Opened { decode: Box::new(Pcm { reader, raw: false }), spec: layout.spec, length, live })
}

/// Hands the data to symphonia behind a plain RIFF header, which is all that it understands.
fn open_coded(input: Input, header: &Header) -> Result<Opened, Failure> {
    let data_len = header.data_len.and_then(|len| u32::try_from(len).ok()).unwrap_or(u32::MAX);
    let live = input.byte_len().is_none();
    let plain = Cursor::new(header.plain_riff(data_len));
    let source = ReadOnlySource::new(plain.chain(input.take(header.data_len.unwrap_or(u64::MAX))));
    packets::open_wav(Box::new(source), live)
}
