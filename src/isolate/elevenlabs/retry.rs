//! Whether and when a request is sent again.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use ureq::http::HeaderMap;

use super::settings::Settings;
use crate::error::{Failure, Kind};

/// The first wait that we choose ourselves, and the longest one, also where the service asks for a longer one because of
/// our other requests.
const FIRST: Duration = Duration::from_secs(1);
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// An attempt that failed.
pub(super) struct Trouble {
    pub failure: Failure,
    pub again: Again,
}

/// Whether sending it again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It would fail again.
    Never,
    /// It was not billed; after the wait that the service asks for.
    After(Option<Duration>),
    /// It may have been billed.
    Lost,
}

impl Trouble {
    /// A failure that would come again.
    pub(super) fn for_good(failure: Failure) -> Self {
        Self { failure, again: Again::Never }
    }
}

/// The service may have done its work, but the result is not here.
pub(super) fn lost(what: &str) -> Trouble {
    Trouble {
        failure: Failure::new(
            Kind::Lost,
            format!("{what}; it may have been billed"),
            "look into the history of your ElevenLabs account before you send it again; --retry-lost sends it again by itself",
        ),
        again: Again::Lost,
    }
}

/// Counts attempts and waits of one task.
pub(super) struct Retries<'a> {
    settings: &'a Settings,
    /// Attempts begun.
    pub attempts: u32,
    waited: Duration,
}

impl<'a> Retries<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { settings, attempts: 0, waited: Duration::ZERO }
    }

    /// How long to wait before the next attempt, or the failure to report instead.
    pub(super) fn next(&mut self, trouble: Trouble) -> Result<(Failure, Duration), Failure> {
        let Trouble { mut failure, again } = trouble;
        let asked = match again {
            Again::After(asked) => asked,
            Again::Lost if self.settings.retry_lost => None,
            Again::Never | Again::Lost => return Err(failure),
        };
        if self.attempts > self.settings.retries {
            if self.attempts > 1 {
                failure.message = format!("{}; tried {} times", failure.message, self.attempts);
            }
            return Err(failure);
        }
        let wait = asked.unwrap_or_else(|| backoff(self.attempts));
        if self.waited.saturating_add(wait) > self.settings.timeout {
            failure.message =
                format!("{}; the next attempt would have to wait {}", failure.message, in_words(wait));
            failure.hint = format!("{}; --timeout S lets voxsift wait longer", failure.hint);
            return Err(failure);
        }
        self.waited += wait;
        Ok((failure, wait))
    }
}

/// The wait after so many attempts: doubling, and up to a tenth more or less, so that many clients that
/// failed at once do not come back at once.
fn backoff(attempts: u32) -> Duration {
    let doubled = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    let random = (RandomState::new().hash_one(attempts) >> 11) as f64 / (1_u64 << 53) as f64;
    doubled.min(LONGEST).mul_f64(0.9 + 0.2 * random)
}

/// The wait that the service asks for: in milliseconds, in seconds, or until a date (RFC 9110, 10.2.3).
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |name, scale: f64| {
        let number: f64 = header(name)?.parse().ok()?;
        // More than a clock can count is for ever.
        let known = number.is_finite() && number >= 0.0;
        known.then(|| Duration::try_from_secs_f64(number * scale).unwrap_or(Duration::MAX))
    };
    number("retry-after-ms", 1e-3).or_else(|| number("retry-after", 1.0)).or_else(|| {
        let date = httpdate::parse_http_date(header("retry-after")?).ok()?;
        Some(date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
    })
}

/// A wait in words.
pub(super) fn in_words(wait: Duration) -> String {
    let seconds = wait.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        asked(&headers)
    }

    #[test]
    fn waits_double_up_to_half_a_minute() {
        for (attempts, about) in [(1, 1.0), (2, 2.0), (3, 4.0), (6, 30.0), (40, 30.0)] {
            let wait = backoff(attempts).as_secs_f64();
            assert!((0.9 * about..=1.1 * about).contains(&wait), "{attempts}: {wait}");
        }
    }

    #[test]
    fn the_service_may_ask_in_three_ways() {
        assert_eq!(of("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(of("retry-after", " 7"), Some(Duration::from_secs(7)));
        assert_eq!(of("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(100));
        let wait = of("retry-after", &soon).expect("a wait").as_secs();
        assert!((90..=100).contains(&wait), "{wait}");
        assert_eq!(of("retry-after", "99999999999999999999"), Some(Duration::MAX));
        for nonsense in ["-1", "soon", "1e400", "NaN", ""] {
            assert_eq!(of("retry-after", nonsense), None, "{nonsense}");
        }
    }
}
