//! What passed between us and a service, and what it has cost: for reports on successes and on failures alike.

/// What passed between us and a service, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// How the audio was sent.
    pub file_format: Option<&'static str>,
    /// Bytes of request bodies handed to the network, over all attempts.
    pub bytes_uploaded: u64,
    /// How often the request was begun.
    pub attempts: u32,
    /// The service's name for the last request.
    pub request_id: Option<String>,
    /// What all attempts have cost, by the service's word.
    pub credits: Option<u64>,
    /// HTTP status of the last answer.
    pub http_status: Option<u16>,
    /// The service's code for its refusal.
    pub code: Option<String>,
    /// The pieces that the recording was sent in; none where it was sent whole.
    pub pieces: Vec<Piece>,
}

impl Exchange {
    /// Adds what something has cost. Where the service did not say it, the sum is not known any more.
    pub fn spend(&mut self, credits: Option<u64>) {
        self.credits = self.credits.zip(credits).map(|(sum, more)| sum + more);
    }

    /// Adds what passed for another part of the same recording.
    pub fn add(&mut self, other: Self) {
        self.bytes_uploaded += other.bytes_uploaded;
        self.attempts += other.attempts;
        self.spend(other.credits);
        self.request_id = other.request_id.or(self.request_id.take());
        self.http_status = other.http_status.or(self.http_status);
        self.code = other.code.or(self.code.take());
    }
}

/// A piece of a recording that is isolated by a request of its own.
#[derive(Debug, Clone)]
pub struct Piece {
    /// Where it starts in the recording, in seconds.
    pub start: f64,
    /// Its length in seconds, with what it has in common with its neighbours.
    pub seconds: f64,
    /// What has become of it.
    pub state: PieceState,
    /// How often its request was begun.
    pub attempts: u32,
    /// The service's name for its last request.
    pub request_id: Option<String>,
    /// What it cost, by the service's word; of a planned one what it will cost.
    pub credits: Option<u64>,
}

/// What has become of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceState {
    /// It would be sent, or it was not begun.
    Planned,
    /// It is isolated.
    Done,
    /// It was isolated, and paid for, by an earlier run.
    Kept,
    /// Its request failed.
    Failed,
}

impl PieceState {
    /// The word for it in `--json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Done => "ok",
            Self::Kept => "kept",
            Self::Failed => "failed",
        }
    }
}
