//! What counts as a miss: the four losses of the paper, their slopes and where they are curved.

/// What counts as missing the index; e = benchmark less portfolio, above zero where the portfolio fell behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// Empirical tracking error, e².
    Ete,
    /// Downside risk, e² for e > 0: doing better than the index is no miss.
    Dr,
    /// Huber's loss of e: M (2|e| - M) beyond M, so that single days do not decide.
    Hete {
        /// M, per period.
        huber: f64,
    },
    /// Huber's loss of e > 0.
    Hdr {
        /// M, per period.
        huber: f64,
    },
}

impl Measure {
    /// The loss of one period.
    pub fn value(self, e: f64) -> f64 {
        let beyond = |e: f64, m: f64| if e <= m { e * e } else { m * (2.0 * e - m) };
        match self {
            Self::Ete => e * e,
            Self::Dr => e.max(0.0) * e.max(0.0),
            Self::Hete { huber } => beyond(e.abs(), huber),
            Self::Hdr { huber } => beyond(e.max(0.0), huber),
        }
    }

    /// Its derivative.
    pub fn slope(self, e: f64) -> f64 {
        match self {
            Self::Ete => 2.0 * e,
            Self::Dr => 2.0 * e.max(0.0),
            Self::Hete { huber } => 2.0 * e.clamp(-huber, huber),
            Self::Hdr { huber } => 2.0 * e.clamp(0.0, huber),
        }
    }

    /// Whether the loss is curved (second derivative 2) rather than straight at e.
    pub(crate) fn is_curved(self, e: f64) -> bool {
        match self {
            Self::Ete => true,
            Self::Dr => 0.0 < e,
            Self::Hete { huber } => e.abs() <= huber,
            Self::Hdr { huber } => 0.0 < e && e <= huber,
        }
    }
}
