//! `voxsift` isolates speech: noisy recording in, clean voice out.
//!
//! Data flows one way, and no arrow points up:
//!
//! ```text
//! main ─▶ cli (raw arguments) ─▶ plan (decisions) ─▶ batch (runs jobs) ─▶ isolate (the engines)
//!                                                        │                   │
//!                                                 report, progress    audio, source, sink ─▶ error
//! ```
//!
//! The program is what is kept stable, by its command line. This library exists for it, for its tests
//! and for its benches.

#![warn(clippy::pedantic)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]
// Audio converts between counts, indices and samples all day; what a file claims is checked against
// limits before it gets there.
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
// The names of formats and products are words here, not identifiers.
#![allow(clippy::doc_markdown)]

pub mod audio;
pub mod batch;
pub mod cli;
pub mod error;
pub mod exchange;
pub mod generate;
pub mod interrupt;
pub mod isolate;
pub mod page;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod report;
pub mod screen;
pub mod shard;
pub mod sink;
pub mod source;
pub mod text;
