//! Shares of many inputs, so that many machines need not talk to each other.

/// Which share of the inputs is taken, of how many: `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(index, count)| {
            let (index, count) = (index.parse().ok()?, count.parse().ok()?);
            (1..=count).contains(&index).then_some(Self { index, count })
        });
        parsed.ok_or_else(|| "it must be K/N with K from 1 to N".into())
    }
}

impl Shard {
    /// Whether a name belongs to this share. Every machine comes to the same answer.
    #[must_use]
    pub fn has(self, name: &[u8]) -> bool {
        // A hash that mixes well also where names differ by one digit.
        let start = md5::compute(name).0;
        let number = start.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
        number % self.count == self.index - 1
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn the_shares_of_any_number_are_disjoint_and_complete() {
        for count in 1..=17_u64 {
            let shares: Vec<Shard> = (1..=count).map(|index| Shard { index, count }).collect();
            let mut sizes = vec![0; shares.len()];
            for i in 0..2000 {
                let name = format!("takes/{i}/{:x}.wav", i * 7919);
                let having: Vec<usize> =
                    (0..shares.len()).filter(|k| shares[*k].has(name.as_bytes())).collect();
                assert_eq!(having.len(), 1, "{name} of {count}");
                sizes[having[0]] += 1;
            }
            let (least, most) = (sizes.iter().min(), sizes.iter().max());
            let even = 2000 / count;
            assert!(least >= Some(&(even * 7 / 10)) && most <= Some(&(even * 13 / 10)), "{count}: {sizes:?}");
        }
    }

    #[test]
    fn a_share_stays_what_it_is() {
        // A change here would make machines of different versions leave out files, or do them twice.
        let share = |name: &str| (1..=5).find(|index| Shard { index: *index, count: 5 }.has(name.as_bytes()));
        assert_eq!(
            ["a.wav", "b.wav", "sub/c.mp3", "ä.flac"].map(share),
            [Some(5), Some(1), Some(3), Some(5)],
        );
    }
}
