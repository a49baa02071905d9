//! Reading WAV: RIFF, RF64/BW64 and Sony Wave64, from files and from pipes.
//!
//! The chunks are walked here ([`header`]), because writers to a pipe leave any length they like in the
//! header, and hound refuses those. The samples are hound's ([`reader`]): each block goes to it behind a
//! header that states the block's true length.

pub mod header;
pub mod reader;

use crate::error::Failure;

/// `wFormatTag` values (Microsoft `mmreg.h`).
pub(crate) const PCM: u16 = 1;
pub(crate) const IEEE_FLOAT: u16 = 3;
pub(crate) const EXTENSIBLE: u16 = 0xfffe;

fn damaged(what: &str) -> Failure {
    Failure::input(
        format!("the WAV header is damaged: {what}"),
        "record or export it again; if the samples are intact, read them with --raw --rate HZ --channels N",
    )
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
