//! What weights must satisfy: bounds by asset, linear rows, a cap on volatility, a cap on trading.

use super::mean_variance::Bounds;
use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::panel::require_finite;

/// A linear condition: the sum of coefficient times weight against a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the condition is called in errors.
    pub name: String,
    /// One coefficient per asset.
    pub coefficients: Vec<f64>,
    /// The value on the right.
    pub value: f64,
}

/// A cap on what is traded to get from the weights held now.
#[derive(Debug, Clone, PartialEq)]
pub struct Turnover {
    /// Weights held now.
    pub from: Vec<f64>,
    /// Largest ½ Σ |new - held|.
    pub at_most: f64,
}

/// Side of an asset in a long-short portfolio.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Weight at or above zero.
    Long,
    /// Weight at or below zero.
    Short,
}

/// Conditions on the weights of `n` assets.
///
/// ```
/// use qc_quant::portfolio::constraints::{Constraints, Side};
/// // a long book of 1 and a short book of -1, no beta
/// let sides = [Side::Long, Side::Long, Side::Short];
/// let conditions = Constraints::books(&sides, 2.0, 1.0)?.neutral_to("beta", &[1.2, 0.8, 1.0])?;
/// assert_eq!(conditions.equal.len(), 3);
/// assert_eq!(conditions.upper, [1.0, 1.0, 0.0]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Constraints {
    /// Smallest weight of each asset.
    pub lower: Vec<f64>,
    /// Largest weight of each asset.
    pub upper: Vec<f64>,
    /// Conditions that hold exactly.
    pub equal: Vec<Row>,
    /// Conditions whose sum is at most the value.
    pub at_most: Vec<Row>,
    /// Largest standard deviation per period, from the covariance of the method.
    pub max_volatility: Option<f64>,
    /// Covariance under which that is meant, where the method has none of its own; the sample's if absent.
    pub covariance: Option<DMatrix<f64>>,
    /// Cap on trading.
    pub turnover: Option<Turnover>,
}

impl Constraints {
    /// Weights of `n` assets within common bounds that sum to 1.
    ///
    /// # Errors
    /// As [`Bounds::check`].
    pub fn invested(n: usize, bounds: Bounds) -> Result<Self> {
        bounds.check(n)?;
        let all = Row { name: "sum of weights".into(), coefficients: vec![1.0; n], value: 1.0 };
        Ok(Self {
            lower: vec![bounds.lower; n],
            upper: vec![bounds.upper; n],
            equal: vec![all],
            at_most: Vec::new(),
            max_volatility: None,
            covariance: None,
            turnover: None,
        })
    }

    /// A long book that sums to half the gross exposure and a short book that sums to minus half of it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a gross or largest weight that is not positive, [`Error::TooFewSymbols`] for
    /// an empty book, [`Error::Infeasible`] when a book cannot be filled.
    pub fn books(sides: &[Side], gross: f64, largest: f64) -> Result<Self> {
        Self::books_with_net(sides, gross, 0.0, largest)
    }

    /// A long book that sums to (gross + net) / 2 and a short book that sums to -(gross - net) / 2.
    ///
    /// # Errors
    /// As [`Constraints::books`]; [`Error::OutOfRange`] for a net exposure that is not between minus and plus gross.
    pub fn books_with_net(sides: &[Side], gross: f64, net: f64, largest: f64) -> Result<Self> {
        for (what, value) in [("gross exposure", gross), ("largest weight", largest)] {
            if !(0.0 < value && value.is_finite()) {
                return Err(Error::out_of_range(what, f64::MIN_POSITIVE, f64::MAX, value));
            }
        }
        if gross <= net.abs() || net.is_nan() {
            return Err(Error::out_of_range("net exposure", -gross, gross, net));
        }
        let book = |side: Side| {
            let members = sides.iter().filter(|found| **found == side).count();
            if members == 0 {
                return Err(Error::TooFewSymbols { what: format!("the {side:?} book"), needed: 1, found: 0 });
            }
            let value = if side == Side::Long { (gross + net) / 2.0 } else { (net - gross) / 2.0 };
            let coefficients = sides.iter().map(|found| f64::from(u8::from(*found == side))).collect();
            Ok(Row { name: format!("sum of the {side:?} book").to_lowercase(), coefficients, value })
        };
        let pick = |long: f64, short: f64| sides.iter().map(|s| if *s == Side::Long { long } else { short }).collect();
        let found = Self {
            lower: pick(0.0, -largest),
            upper: pick(largest, 0.0),
            equal: vec![book(Side::Long)?, book(Side::Short)?],
            at_most: Vec::new(),
            max_volatility: None,
            covariance: None,
            turnover: None,
        };
        found.check(sides.len())?;
        Ok(found)
    }

    /// Adds: the weights times `exposures` sum to zero (a beta, a duration, a factor).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::Infeasible`] when the bounds alone forbid it.
    pub fn neutral_to(mut self, name: &str, exposures: &[f64]) -> Result<Self> {
        self.equal.push(Row { name: name.to_owned(), coefficients: exposures.to_vec(), value: 0.0 });
        self.check(self.lower.len())?;
        Ok(self)
    }

    /// Adds: the weights times `coefficients` sum to at least `value`, such as a mean return.
    ///
    /// # Errors
    /// As [`Constraints::neutral_to`].
    pub fn at_least(mut self, name: &str, coefficients: &[f64], value: f64) -> Result<Self> {
        let turned = coefficients.iter().map(|c| -c).collect();
        self.at_most.push(Row { name: name.to_owned(), coefficients: turned, value: -value });
        self.check(self.lower.len())?;
        Ok(self)
    }

    /// Adds: the weights of a group (a sector, a country) sum to between `least` and `most`.
    ///
    /// # Errors
    /// As [`Constraints::neutral_to`]; [`Error::OutOfRange`] for a member that is no asset or `most` below `least`.
    pub fn group(mut self, name: &str, members: &[usize], least: f64, most: f64) -> Result<Self> {
        let n = self.lower.len();
        if let Some(stray) = members.iter().find(|member| n <= **member) {
            return Err(Error::out_of_range(format!("members of {name}"), 0.0, (n - 1) as f64, *stray as f64));
        }
        if most < least || least.is_nan() || most.is_nan() {
            return Err(Error::out_of_range(format!("upper limit of {name}"), least, f64::MAX, most));
        }
        let mut coefficients = vec![0.0; n];
        members.iter().for_each(|&member| coefficients[member] = 1.0);
        self.at_most.push(Row { name: name.to_owned(), coefficients: coefficients.clone(), value: most });
        self.at_least(name, &coefficients, least)
    }

    /// Narrows the bounds to at most `deviation` from given weights (those of another method, say).
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::OutOfRange`] for a negative deviation,
    /// [`Error::Infeasible`] when an asset is left without room.
    pub fn around(mut self, weights: &[f64], deviation: f64) -> Result<Self> {
        let n = self.lower.len();
        require_length("weights to stay near", n, weights.len())?;
        require_finite("weights to stay near", weights)?;
        if deviation < 0.0 || deviation.is_nan() {
            return Err(Error::out_of_range("largest deviation", 0.0, f64::MAX, deviation));
        }
        for (i, weight) in weights.iter().enumerate() {
            self.lower[i] = self.lower[i].max(weight - deviation);
            self.upper[i] = self.upper[i].min(weight + deviation);
        }
        self.check(n)?;
        Ok(self)
    }

    /// Checks shapes and numbers, and that no single condition is impossible within the bounds.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::OutOfRange`], [`Error::Infeasible`] naming the
    /// condition and what the bounds allow. Conditions that exclude each other only together are found
    /// by the method that solves under them.
    pub fn check(&self, n: usize) -> Result<()> {
        for (what, values) in [("lower bounds", &self.lower), ("upper bounds", &self.upper)] {
            require_length(what, n, values.len())?;
            require_finite(what, values)?;
        }
        if let Some(i) = (0..n).find(|&i| self.upper[i] < self.lower[i]) {
            let reason = format!("its weight would lie between {} and {}", self.lower[i], self.upper[i]);
            return Err(Error::Infeasible { what: format!("the bounds of asset {i}"), reason });
        }
        for (row, exact) in self.equal.iter().map(|r| (r, true)).chain(self.at_most.iter().map(|r| (r, false))) {
            require_length(&row.name, n, row.coefficients.len())?;
            require_finite(&row.name, &row.coefficients)?;
            require_finite(&row.name, &[row.value])?;
            let (low, high) = self.range(&row.coefficients);
            let slack = 1e-12 * (1.0 + row.value.abs());
            if row.value < low - slack || (exact && high + slack < row.value) {
                let relation = if exact { "=" } else { "<=" };
                let reason = format!("within the bounds it lies between {low} and {high}");
                return Err(Error::Infeasible { what: format!("{} {relation} {}", row.name, row.value), reason });
            }
        }
        if let Some(cap) = self.max_volatility
            && !(0.0 < cap && cap.is_finite())
        {
            return Err(Error::out_of_range("largest volatility", f64::MIN_POSITIVE, f64::MAX, cap));
        }
        if let Some(turnover) = &self.turnover {
            require_length("weights held", n, turnover.from.len())?;
            require_finite("weights held", &turnover.from)?;
            if !(0.0 <= turnover.at_most && turnover.at_most.is_finite()) {
                return Err(Error::out_of_range("largest turnover", 0.0, f64::MAX, turnover.at_most));
            }
        }
        Ok(())
    }

    /// Smallest and largest value of a sum of coefficient times weight within the bounds.
    fn range(&self, coefficients: &[f64]) -> (f64, f64) {
        let ends = coefficients.iter().zip(self.lower.iter().zip(&self.upper)).map(|(c, (low, high))| {
            let (a, b) = (c * low, c * high);
            (a.min(b), a.max(b))
        });
        ends.fold((0.0, 0.0), |(low, high), (a, b)| (low + a, high + b))
    }
}

fn require_length(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::ShapeMismatch { what: format!("{what}, one per asset"), expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_row_is_named_with_what_is_possible() {
        let error = Constraints::invested(3, Bounds::LONG_ONLY).unwrap().at_least("mean", &[1.0, 2.0, 3.0], 7.0);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("mean <= -7") && text.contains("between -6 and 0"), "{text}");
        let books = Constraints::books(&[Side::Long, Side::Short], 2.0, 0.5).unwrap_err().to_string();
        assert!(books.contains("sum of the long book = 1"), "{books}");
    }

    #[test]
    fn shapes_and_ranges_are_checked() {
        let base = || Constraints::invested(2, Bounds::LONG_ONLY).unwrap();
        assert!(matches!(base().neutral_to("beta", &[1.0]), Err(Error::ShapeMismatch { expected: 2, found: 1, .. })));
        assert!(matches!(base().neutral_to("beta", &[1.0, f64::NAN]), Err(Error::NotFinite { .. })));
        assert!(matches!(base().group("sector", &[2], 0.0, 1.0), Err(Error::OutOfRange { .. })));
        assert!(matches!(base().group("sector", &[0], 0.5, 0.2), Err(Error::OutOfRange { .. })));
        assert!(matches!(base().around(&[0.5, 0.5], -0.1), Err(Error::OutOfRange { .. })));
        assert!(matches!(base().around(&[2.0, 0.5], 0.1), Err(Error::Infeasible { .. })));
        assert!(matches!(Constraints::books(&[Side::Long], 2.0, 1.0), Err(Error::TooFewSymbols { .. })));
        let capped = Constraints { max_volatility: Some(0.0), ..base() };
        assert!(matches!(capped.check(2), Err(Error::OutOfRange { .. })));
    }
}
