//! Levels of neighbouring pieces: a service may level each of them in its own way.

use super::measure::Measures;

/// What is not heard, in dB.
const UNHEARD_DB: f64 = 0.5;

/// The most that neighbours are brought together, in dB: what differs more differs for a reason.
const MOST_DB: f64 = 6.0;

/// Hops that are this much quieter than the loudest one, as a power ratio (−25 dB), tell more about noise than about
/// the voice.
const LOUD: f32 = 0.003_162;

/// Below this power (−60 dBFS) there is no voice.
const AUDIBLE: f32 = 1e-6;

/// So many hops have to be heard on both sides: 0.2 s.
const ENOUGH: usize = 10;

/// By how many dB each piece is to be raised, so that neighbours are alike in what they have in common. All together
/// they stay as loud as they are.
pub(super) fn gains_db(measures: &[Measures]) -> Vec<f64> {
    let mut gains = vec![0.0];
    let mut gain = 0.0;
    for pair in measures.windows(2) {
        gain += step_db(&pair[0].tail, &pair[1].head);
        gains.push(gain);
    }
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    gains.iter().map(|gain| gain - mean).collect()
}

/// By how many dB the second of two pieces is quieter, if that is heard.
fn step_db(before: &[f32], behind: &[f32]) -> f64 {
    let loudest = |powers: &[f32]| powers.iter().fold(0.0_f32, |loudest, power| loudest.max(*power));
    let gate = |powers: &[f32]| (loudest(powers) * LOUD).max(AUDIBLE);
    let (gate_before, gate_behind) = (gate(before), gate(behind));
    let heard = before.iter().zip(behind).filter(|(a, b)| **a > gate_before && **b > gate_behind);
    let (sums, count) = heard
        .fold(((0.0, 0.0), 0), |((a, b), count), (x, y)| ((a + f64::from(*x), b + f64::from(*y)), count + 1));
    if count < ENOUGH {
        return 0.0;
    }
    let step = 10.0 * (sums.0 / sums.1).log10();
    if step.abs() > UNHEARD_DB { step.clamp(-MOST_DB, MOST_DB) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece whose ends are the same speech, `head` and `tail` dB louder.
    fn piece(head: f32, tail: f32) -> Measures {
        let speech =
            |db: f32| (0..200).map(|i| 10_f32.powf(-3.0 + db / 10.0) * ((i / 7) % 3) as f32).collect();
        Measures { head: speech(head), tail: speech(tail), ..Measures::default() }
    }

    fn rounded(pieces: &[Measures]) -> Vec<f64> {
        gains_db(pieces).iter().map(|gain| (gain * 100.0).round() / 100.0).collect()
    }

    #[test]
    fn neighbours_meet_and_the_whole_stays_as_loud() {
        assert_eq!(rounded(&[piece(0.0, 0.0), piece(-3.0, -3.0), piece(0.0, 0.0)]), [-1.0, 2.0, -1.0]);
    }

    #[test]
    fn what_is_not_heard_is_left_alone_and_what_is_too_much_is_bounded() {
        assert_eq!(rounded(&[piece(0.0, 0.0), piece(-0.4, 0.0)]), [0.0, 0.0]);
        assert_eq!(rounded(&[piece(0.0, 0.0), piece(20.0, 20.0)]), [3.0, -3.0]);
    }

    #[test]
    fn silence_tells_nothing() {
        assert_eq!(rounded(&[piece(0.0, -90.0), piece(0.0, 0.0)]), [0.0, 0.0]);
        assert_eq!(rounded(&[piece(0.0, 0.0), Measures::default()]), [0.0, 0.0]);
    }
}
