//! Where a recording is cut: in pauses where there are any near, so that nobody hears it.

use std::ops::Range;

use super::super::coding::Coding;
use super::super::limits::{MOST_BYTES, MOST_SECONDS};
use super::super::settings::Split;
use super::survey::HOPS_PER_SECOND;
use crate::audio::Spec;

/// The longest piece where nobody asks for another length, in seconds. The service would take an hour; but what breaks
/// off is lost up to here only, and the shorter a piece, the more of them are isolated at once.
const PIECE: f64 = 600.0;

/// What neighbours have in common, in seconds: enough speech on both sides of a pause to compare their levels.
const OVERLAP: f64 = 4.0;

/// How far from where it would be a cut may go to find a pause, in seconds and as a share of a piece.
const PLAY: f64 = 15.0;
const PLAY_SHARE: f64 = 0.05;

/// What counts as a pause is measured over so many hops: 0.3 s, longer than the closure of a consonant.
const PAUSE: usize = 3 * HOPS_PER_SECOND as usize / 10;

/// A pause that is hardly louder than the best one, as a power ratio (1 dB), is as good, and may be nearer.
const AS_GOOD: f32 = 1.26;

/// The share of a request's bytes that a piece may need, as there is a form around it.
const ROOM: f64 = 0.98;

/// The lengths that pieces may have, in frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Lengths {
    /// Of a piece.
    longest: u64,
    /// That neighbours have in common.
    pub overlap: u64,
    /// That a cut may be off.
    play: u64,
}

impl Lengths {
    /// The lengths of the pieces of such a recording.
    pub(in super::super) fn of(coding: Coding, spec: Spec, split: Split) -> Self {
        let wanted = match split {
            Split::Longer(seconds) => seconds,
            Split::Auto | Split::Never => PIECE,
        };
        let room = MOST_BYTES as f64 * ROOM / coding.bytes_per_second(spec);
        let seconds = wanted.min(MOST_SECONDS).min(room);
        let frames = |seconds: f64| (seconds * f64::from(spec.rate)) as u64;
        Self {
            longest: frames(seconds),
            // Even, so that it has a middle.
            overlap: frames(OVERLAP) / 2 * 2,
            play: frames(PLAY.min(seconds * PLAY_SHARE)),
        }
    }

    /// How many pieces `total` frames make.
    fn count(self, total: u64) -> u64 {
        if total <= self.longest {
            return 1;
        }
        total.div_ceil(self.longest - self.overlap - self.play)
    }

    /// Cuts that make pieces of equal length.
    pub(in super::super) fn even(self, total: u64) -> Vec<u64> {
        let count = self.count(total);
        (1..count).map(|cut| (u128::from(total) * u128::from(cut) / u128::from(count)) as u64).collect()
    }

    /// Cuts in pauses near to those. `envelope` has the power of every hop.
    pub(super) fn in_pauses(self, total: u64, envelope: &[f32], hop: u64) -> Vec<u64> {
        let mut last = 0;
        let mut cuts = self.even(total);
        for cut in &mut cuts {
            // Not so far that the piece becomes too long.
            let latest = (*cut + self.play).min(last + self.longest - self.overlap);
            *cut = pause(envelope, hop, *cut - self.play..latest, *cut);
            last = *cut;
        }
        cuts
    }
}

/// The pieces between cuts, each with its part of the overlap.
pub(in super::super) fn pieces(total: u64, overlap: u64, cuts: &[u64]) -> Vec<Range<u64>> {
    let starts = std::iter::once(0).chain(cuts.iter().map(|cut| cut - overlap / 2));
    let ends = cuts.iter().map(|cut| cut + overlap / 2).chain([total]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

/// The middle of the quietest stretch in `range`, and of several the one that is nearest to `wanted`.
fn pause(envelope: &[f32], hop: u64, range: Range<u64>, wanted: u64) -> u64 {
    let power = |at: usize| {
        let around = &envelope[at.saturating_sub(PAUSE / 2)..(at + PAUSE.div_ceil(2)).min(envelope.len())];
        around.iter().sum::<f32>() / around.len().max(1) as f32
    };
    let end = envelope.len().saturating_sub(1);
    let hops = (range.start.div_ceil(hop) as usize).min(end)..=((range.end / hop) as usize).min(end);
    let powers: Vec<(u64, f32)> = hops.map(|at| (at as u64 * hop, power(at))).collect();
    let quietest = powers.iter().map(|(_, power)| *power).fold(f32::INFINITY, f32::min);
    let good = powers.iter().filter(|(_, power)| *power <= quietest * AS_GOOD);
    good.map(|(frame, _)| *frame).min_by_key(|frame| frame.abs_diff(wanted)).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Depth;

    const RATE: u64 = 16_000;
    const HOP: u64 = RATE / HOPS_PER_SECOND as u64;

    fn lengths(longest: u64) -> Lengths {
        Lengths { longest: longest * RATE, overlap: 4 * RATE, play: longest * RATE / 20 }
    }

    #[test]
    fn pieces_cover_everything_and_are_not_too_long() {
        for minutes in [2, 3, 7, 61, 180] {
            for longest in [15, 60, 120, 600] {
                let (total, lengths) = (minutes * 60 * RATE + 12_345, lengths(longest));
                // The best pause is as far away as it can be.
                for (early, late) in [(1.0, 0.0), (0.0, 1.0)] {
                    let hops = (total / HOP) as usize;
                    let slope = |at: usize| early * at as f32 + late * (hops - at) as f32;
                    let envelope: Vec<f32> = (0..hops).map(slope).collect();
                    let cuts = lengths.in_pauses(total, &envelope, HOP);
                    let pieces = pieces(total, lengths.overlap, &cuts);
                    assert_eq!((pieces[0].start, pieces[pieces.len() - 1].end), (0, total));
                    for pair in pieces.windows(2) {
                        assert_eq!(pair[0].end - pair[1].start, lengths.overlap);
                    }
                    for piece in &pieces {
                        let len = piece.end - piece.start;
                        assert!(len <= lengths.longest && len >= 5 * RATE, "{minutes} {longest}: {piece:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_cut_is_made_in_the_nearest_pause() {
        let lengths = lengths(120);
        let total = 200 * RATE;
        // Noise everywhere, and two pauses near the middle.
        let mut envelope = vec![1.0; (total / HOP) as usize];
        for start in [97.0, 102.0] {
            let from = (start * f64::from(HOPS_PER_SECOND)) as usize;
            envelope[from..from + 25].fill(0.01);
        }
        let cuts = lengths.in_pauses(total, &envelope, HOP);
        assert_eq!(cuts.len(), 1);
        let at = cuts[0] as f64 / RATE as f64;
        assert!((102.0..102.5).contains(&at), "{at}");
    }

    #[test]
    fn large_recordings_make_short_pieces() {
        let spec = Spec { rate: 192_000, channels: 8, depth: Depth::Int24 };
        let lengths = Lengths::of(Coding::Flac, spec, Split::Auto);
        assert!(lengths.longest as f64 * 24.0 <= MOST_BYTES as f64, "{lengths:?}");
    }
}
