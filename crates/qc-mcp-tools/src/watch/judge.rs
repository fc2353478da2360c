//! What one look at a deployment means.

use jiff::Timestamp;

use super::{Status, Watch};
use crate::flows::guard::Basis;

/// How long after a request to sell another one is sent, if the deployment still runs.
const AGAIN_SECONDS: i64 = 120;

/// What a look found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sight {
    /// There is nothing to watch any more, and why.
    Gone(&'static str),
    /// It could not be seen, and why.
    Blind(String),
    /// What it is worth.
    Worth(Worth),
}

/// What a deployment is worth, and was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Worth {
    pub(super) now: f64,
    /// At the last point before today.
    pub(super) before_today: Option<f64>,
    /// At the first point of the deployment.
    pub(super) first: Option<f64>,
    /// At its highest point.
    pub(super) highest: Option<f64>,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Nothing,
    /// Tell that nothing can be seen: it could be until now.
    Alarm,
    /// Sell everything.
    Sell,
    /// It is over.
    End,
}

impl Watch {
    /// Notes a look and says what follows from it.
    pub(super) fn judge(&mut self, sight: Sight, now: Timestamp) -> Verdict {
        self.looked = Some(now);
        let worth = match sight {
            Sight::Gone(why) => {
                self.status = Status::Ended;
                self.ended = Some((now, why.to_owned()));
                return Verdict::End;
            }
            Sight::Blind(why) => {
                let is_new = self.blind.is_none();
                let since = self.blind.as_ref().map_or(now, |(since, _)| *since);
                self.blind = Some((since, why));
                // What was to be sold is to be sold still.
                return match self.status {
                    Status::Tripped if self.may_ask_again(now) => Verdict::Sell,
                    _ if is_new => Verdict::Alarm,
                    _ => Verdict::Nothing,
                };
            }
            Sight::Worth(worth) => worth,
        };
        let highest = [self.peak, worth.highest, Some(worth.now)].into_iter().flatten().fold(f64::MIN, f64::max);
        self.peak = Some(highest);
        let basis = match self.basis {
            Basis::PreviousClose => worth.before_today,
            Basis::Deployment => worth.first,
            Basis::Peak => self.peak,
        };
        let Some(basis) = basis.filter(|basis| 0.0 < *basis) else {
            return self.judge(Sight::Blind("the equity the loss is counted from is not known".to_owned()), now);
        };
        self.blind = None;
        self.equity = Some(worth.now);
        let loss = 100.0 * (1.0 - worth.now / basis);
        self.loss = Some(loss);
        if self.status == Status::Active && self.max_loss <= loss {
            self.status = Status::Tripped;
        }
        match self.status {
            Status::Tripped if self.may_ask_again(now) => Verdict::Sell,
            _ => Verdict::Nothing,
        }
    }

    fn may_ask_again(&self, now: Timestamp) -> bool {
        // After a failure at once; what was taken has some time to be done.
        self.failure.is_some() || self.sent.is_none_or(|sent| AGAIN_SECONDS <= now.duration_since(sent).as_secs())
    }

    /// Notes what became of a request to sell.
    pub(super) fn asked_to_sell(&mut self, outcome: Result<(), String>, now: Timestamp) {
        self.attempts += 1;
        self.sent = Some(now);
        self.failure = outcome.err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(basis: Basis) -> Watch {
        let text = serde_json::json!({"caller": "owner", "project_id": 1, "deploy_id": "L-1", "is_real": false,
            "max_loss": 5.0, "basis": basis, "armed": "2026-01-05T15:00:00Z"});
        serde_json::from_value(text).unwrap()
    }

    fn worth(now: f64) -> Sight {
        Sight::Worth(Worth { now, before_today: Some(100.0), first: Some(80.0), highest: Some(110.0) })
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_loss_counts_from_its_basis_and_the_limit_itself_trips() {
        for (basis, fine, over) in
            [(Basis::PreviousClose, 95.01, 95.0), (Basis::Deployment, 76.01, 76.0), (Basis::Peak, 104.6, 104.5)]
        {
            let mut watch = watch(basis);
            assert_eq!(watch.judge(worth(fine), at(0)), Verdict::Nothing, "{basis:?}");
            assert_eq!(watch.judge(worth(over), at(60)), Verdict::Sell, "{basis:?}");
            assert!((watch.loss.unwrap() - 5.0).abs() < 1e-9, "{watch:?}");
        }
        // A peak that only this watch has seen counts too.
        let mut watch = watch(Basis::Peak);
        assert_eq!(watch.judge(worth(200.0), at(0)), Verdict::Nothing);
        assert_eq!(watch.judge(worth(190.0), at(60)), Verdict::Sell);
    }

    #[test]
    fn what_cannot_be_seen_alarms_once_and_is_never_no_loss() {
        let mut watch = watch(Basis::PreviousClose);
        assert_eq!(watch.judge(worth(99.0), at(0)), Verdict::Nothing);
        assert_eq!(watch.judge(Sight::Blind("gone".into()), at(60)), Verdict::Alarm);
        assert_eq!(watch.judge(Sight::Blind("still".into()), at(120)), Verdict::Nothing);
        assert_eq!(watch.blind.as_ref().unwrap(), &(at(60), "still".to_owned()));
        let unknown = Sight::Worth(Worth { now: 99.0, before_today: None, first: None, highest: None });
        assert_eq!(watch.judge(unknown, at(180)), Verdict::Nothing, "blind as before");
        assert_eq!(watch.judge(worth(99.0), at(240)), Verdict::Nothing);
        assert!(watch.blind.is_none());
    }

    #[test]
    fn what_cannot_be_sold_is_asked_again_until_it_has_ended() {
        let mut watch = watch(Basis::PreviousClose);
        assert_eq!(watch.judge(worth(90.0), at(0)), Verdict::Sell);
        watch.asked_to_sell(Err("refused".into()), at(0));
        assert_eq!(watch.judge(worth(90.0), at(15)), Verdict::Sell, "a failure is tried again at once");
        watch.asked_to_sell(Ok(()), at(15));
        assert_eq!(watch.judge(worth(99.0), at(30)), Verdict::Nothing, "it was taken; it does not untrip");
        assert_eq!(
            watch.judge(Sight::Blind("no answer".into()), at(140)),
            Verdict::Sell,
            "it still runs for all we know"
        );
        watch.asked_to_sell(Ok(()), at(140));
        assert_eq!(watch.judge(Sight::Gone("the deployment has ended"), at(150)), Verdict::End);
        assert!(watch.is_over() && watch.attempts == 3);
    }
}
