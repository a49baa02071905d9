//! Where the marks of an axis are, and what is written beside them.

/// A mark and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// In the unit of the axis.
    pub at: f64,
    pub label: String,
}

/// Steps between marks of time, in seconds, that people count in.
const TIMES: [f64; 24] = [
    0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 21_600.0, 43_200.0,
];

/// Steps between marks of frequency, in Hz.
const FREQUENCIES: [f64; 6] = [200.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 5_000.0];

/// The most steps on an axis of time and on one of frequency.
const MOST_TIMES: f64 = 10.0;
const MOST_FREQUENCIES: f64 = 6.0;

/// The marks of a recording's length in seconds, and their unit.
pub(super) fn times(seconds: f64) -> (Vec<Mark>, &'static str) {
    let step = step(&TIMES, seconds, MOST_TIMES);
    let unit = match seconds {
        ..60.0 => "s",
        ..3_600.0 => "min:s",
        _ => "h:min",
    };
    let label = |at: f64| {
        let whole = at.round() as u64;
        match unit {
            "s" => number(at, step),
            "min:s" => format!("{}:{:02}", whole / 60, whole % 60),
            _ => format!("{}:{:02}", whole / 3_600, whole / 60 % 60),
        }
    };
    (marks(step, seconds).map(|at| Mark { at, label: label(at) }).collect(), unit)
}

/// The marks up to a frequency in Hz, labelled in kHz.
pub(super) fn frequencies(highest: f64) -> Vec<Mark> {
    let step = step(&FREQUENCIES, highest, MOST_FREQUENCIES);
    marks(step, highest).map(|at| Mark { at, label: number(at / 1_000.0, step / 1_000.0) }).collect()
}

/// The marks of levels from one to another, in dB.
pub(super) fn levels(lowest: f64, highest: f64) -> Vec<Mark> {
    let first = (lowest / 10.0).ceil() as i32;
    let last = (highest / 10.0).floor() as i32;
    (first..=last).map(|tens| Mark { at: f64::from(10 * tens), label: (10 * tens).to_string() }).collect()
}

/// The shortest step that there are not more than so many of.
fn step(steps: &[f64], length: f64, most: f64) -> f64 {
    let longest = steps[steps.len() - 1];
    let fits = steps.iter().copied().find(|step| length / step <= most);
    // Behind the last one, its multiples.
    fits.unwrap_or_else(|| longest * (length / longest / most).ceil())
}

fn marks(step: f64, length: f64) -> impl Iterator<Item = f64> {
    // What is a rounding error away is still a mark.
    let last = (length / step + 1e-9).floor() as u32;
    (0..=last).map(move |number| f64::from(number) * step)
}

/// A number with as many digits as its step has.
fn number(value: f64, step: f64) -> String {
    let digits = (0..3).find(|digits| (step * 10_f64.powi(*digits)).fract().abs() < 1e-9).unwrap_or(3);
    format!("{value:.*}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(marks: &[Mark]) -> Vec<&str> {
        marks.iter().map(|mark| mark.label.as_str()).collect()
    }

    #[test]
    fn times_are_labelled_in_what_their_length_is_counted_in() {
        let written = |seconds| {
            let (marks, unit) = times(seconds);
            format!("{} {unit}", labels(&marks).join(" "))
        };
        assert_eq!(written(0.4), "0.00 0.05 0.10 0.15 0.20 0.25 0.30 0.35 0.40 s");
        assert_eq!(written(4.2), "0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 s");
        assert_eq!(written(59.0), "0 10 20 30 40 50 s");
        assert_eq!(written(65.0), "0:00 0:10 0:20 0:30 0:40 0:50 1:00 min:s");
        assert_eq!(written(3.0 * 3_600.0), "0:00 0:30 1:00 1:30 2:00 2:30 3:00 h:min");
    }

    #[test]
    fn no_axis_is_without_marks_or_full_of_them() {
        for seconds in [1e-4, 0.01, 0.1, 1.0, 10.0, 59.9, 60.0, 3_599.0, 3_600.0, 86_400.0, 1e7] {
            let (marks, _) = times(seconds);
            assert!((1..=11).contains(&marks.len()), "{seconds}: {marks:?}");
        }
        for rate in [4_000, 8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000] {
            let marks = frequencies(f64::from(rate) / 2.0);
            assert!((3..=7).contains(&marks.len()), "{rate}: {marks:?}");
        }
        assert_eq!(labels(&frequencies(8_000.0)), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(&levels(-90.0, -60.0)), ["-90", "-80", "-70", "-60"]);
    }
}
