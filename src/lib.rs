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

pub mod audio;
pub mod batch;
pub mod cli;
pub mod error;
pub mod interrupt;
pub mod isolate;
pub mod plan;
pub mod progress;
pub mod report;
pub mod sink;
pub mod source;
