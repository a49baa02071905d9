//! Cuts the silence that encoders add before and behind the audio.

/// Where the audio ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Where the stream ends.
    Stream,
    /// After `keep` frames, if no more than `slack` follow: a stream that goes on much longer than its
    /// header says has had something appended to it, which is kept.
    After { keep: u64, slack: u64 },
    /// So many frames before the stream ends.
    Before(u64),
}

/// Cuts frames at both ends of a stream of blocks.
#[derive(Debug)]
pub(super) struct Trim {
    channels: usize,
    skip: u64,
    end: End,
    kept: u64,
    /// Interleaved frames that may turn out to be padding.
    held: Vec<f32>,
}

impl Trim {
    pub(super) fn new(skip: u64, end: End, channels: u16) -> Self {
        Self { channels: channels.into(), skip, end, kept: 0, held: Vec::new() }
    }

    /// Cuts what is surely padding, and holds back what may be.
    pub(super) fn block(&mut self, block: &mut Vec<f32>) {
        let skipped = self.skip.min((block.len() / self.channels) as u64);
        self.skip -= skipped;
        block.drain(..skipped as usize * self.channels);
        match self.end {
            End::Stream => {}
            End::After { keep, slack } => {
                let room =
                    (keep - self.kept).min((block.len() / self.channels) as u64) as usize * self.channels;
                self.held.extend(block.drain(room..));
                if self.held.len() as u64 > slack * self.channels as u64 {
                    self.end = End::Stream;
                    block.append(&mut self.held);
                }
            }
            End::Before(frames) => {
                self.held.append(block);
                let ready = self.held.len().saturating_sub(frames as usize * self.channels);
                block.extend(self.held.drain(..ready));
            }
        }
        self.kept += (block.len() / self.channels) as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(trim: &mut Trim, frames: usize) -> Vec<f32> {
        let all: Vec<f32> = (0..frames).map(|i| i as f32).collect();
        let mut kept = Vec::new();
        for part in all.chunks(7) {
            let mut block = part.to_vec();
            trim.block(&mut block);
            kept.extend(block);
        }
        kept
    }

    #[test]
    fn cuts_delay_and_padding() {
        let kept = trimmed(&mut Trim::new(10, End::After { keep: 50, slack: 20 }, 1), 80);
        assert_eq!((kept[0], kept.len()), (10.0, 50));
    }

    #[test]
    fn keeps_what_follows_the_announced_end() {
        let kept = trimmed(&mut Trim::new(10, End::After { keep: 50, slack: 20 }, 1), 180);
        assert_eq!(kept.len(), 170);
    }

    #[test]
    fn cuts_before_the_end() {
        let kept = trimmed(&mut Trim::new(0, End::Before(30), 1), 80);
        assert_eq!((kept.len(), kept[49]), (50, 49.0));
    }
}
