//! The few decimal numbers that must be exact: factors, and the rounding of scaled volumes.
//!
//! LEAN computes with .NET's `decimal` (96 bits, at most 28 decimals). Binary floating point differs in the last
//! digits only, except where a scaled volume lies so near to a half that the rounding may flip; such volumes are
//! computed again the way .NET does.

/// A non-negative or negative decimal number: `mantissa` divided by ten to the power of `scale`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// The first number that does not fit in 96 bits.
const LIMIT: u128 = 1 << 96;
/// .NET's largest number of decimals.
const MAX_SCALE: u32 = 28;

impl Decimal {
    /// Reads plain decimals such as `0.8613657` or `-2`; `None` for anything else or more than 28 digits.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim();
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let (mut mantissa, mut scale, mut point, mut any) = (0_i128, 0_u32, false, false);
        for byte in digits.bytes() {
            match byte {
                b'0'..=b'9' => {
                    mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                    scale += u32::from(point);
                    any = true;
                }
                b'.' if !point => point = true,
                _ => return None,
            }
        }
        if !any || MAX_SCALE < scale || LIMIT <= mantissa.unsigned_abs() {
            return None;
        }
        while 0 < scale && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Some(Decimal { mantissa: sign * mantissa, scale })
    }

    /// The nearest binary number (one division of exact integers for all practical factors).
    pub(crate) fn to_f64(self) -> f64 {
        self.mantissa as f64 / 10f64.powi(self.scale as i32)
    }

    /// The exact product, if it fits.
    pub(crate) fn times(self, other: Decimal) -> Option<Decimal> {
        let mantissa = self.mantissa.checked_mul(other.mantissa)?;
        let scale = self.scale + other.scale;
        (mantissa.unsigned_abs() < LIMIT && scale <= MAX_SCALE).then_some(Decimal { mantissa, scale })
    }
}

/// `Math.Round(volume * (1 / factor))` of each: to the nearest integer, halves to the even one.
pub(crate) fn scale_volumes(volumes: &mut [f64], factor: f64, exact: Option<Decimal>) {
    if factor == 1.0 && volumes.iter().all(|volume| to_even(*volume) == *volume) {
        return;
    }
    let inverse = 1.0 / factor;
    for volume in volumes {
        let scaled = *volume * inverse;
        let rounded = to_even(scaled);
        let distance = ((scaled - rounded).abs() - 0.5).abs();
        let doubtful = distance <= 1e-9 + scaled.abs() * 1e-15;
        *volume = match exact {
            Some(factor) if doubtful => scaled_volume_exactly(*volume, factor).unwrap_or(rounded),
            _ => rounded,
        };
    }
}

/// The nearest integer, halves to the even one: what is added has no room for a fraction, so the sum is rounded.
#[inline]
fn to_even(value: f64) -> f64 {
    const ROOM: f64 = (1_u64 << 52) as f64;
    if value.abs() < ROOM { ((value.abs() + ROOM) - ROOM).copysign(value) } else { value }
}

/// The same in .NET's decimal arithmetic; `None` where the operands are not whole or do not fit.
#[cold]
fn scaled_volume_exactly(volume: f64, factor: Decimal) -> Option<f64> {
    if volume.fract() != 0.0 || !(0.0..9.0e15).contains(&volume) || factor.mantissa <= 0 {
        return None;
    }
    let (mut inverse, mut scale) = inverse(factor)?;
    while 0 < scale && inverse % 10 == 0 {
        inverse /= 10;
        scale -= 1;
    }
    // volume * inverse, as high and low part of a number in base 2^64.
    let volume = volume as u128;
    let low = (inverse & u128::from(u64::MAX)) * volume;
    let high = (inverse >> 64) * volume + (low >> 64);
    let (mut high, mut low) = (high, low & u128::from(u64::MAX));
    // A product beyond 96 bits loses decimals, rounding halves to even.
    let (mut dropped, mut sticky) = (0, false);
    while 0 < scale && LIMIT >> 64 <= high {
        sticky |= dropped != 0;
        let digits = ((high % 10) << 64) | low;
        (high, low, dropped) = (high / 10, digits / 10, digits % 10);
        scale -= 1;
    }
    let mut product = (high << 64) | low;
    product += u128::from(dropped > 5 || (dropped == 5 && (sticky || product % 2 == 1)));
    let unit = 10_u128.checked_pow(scale)?;
    let (whole, rest) = (product / unit, product % unit);
    let up = match (rest * 2).cmp(&unit) {
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => whole % 2 == 1,
        std::cmp::Ordering::Less => false,
    };
    Some((whole + u128::from(up)) as f64)
}

/// `1 / factor` with as many decimals as fit in 96 bits, rounded to nearest, as (mantissa, scale).
fn inverse(factor: Decimal) -> Option<(u128, u32)> {
    let divisor = factor.mantissa.unsigned_abs();
    let mut rest = 10_u128.checked_pow(factor.scale)?;
    let mut quotient = rest / divisor;
    rest %= divisor;
    if LIMIT <= quotient {
        return None;
    }
    let mut scale = 0;
    while rest != 0 && scale < MAX_SCALE {
        let next = quotient * 10 + rest * 10 / divisor;
        if LIMIT <= next {
            break;
        }
        (quotient, rest, scale) = (next, rest * 10 % divisor, scale + 1);
    }
    let twice = rest * 2;
    let up = divisor < twice || (divisor == twice && quotient % 2 == 1);
    Some((quotient + u128::from(up), scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(volume: f64, factor: &str) -> f64 {
        let exact = Decimal::parse(factor).unwrap();
        let mut volumes = [volume];
        scale_volumes(&mut volumes, exact.to_f64(), Some(exact));
        volumes[0]
    }

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!(rounded(4.0, "8"), 0.0); // 0.5
        assert_eq!(rounded(12.0, "8"), 2.0); // 1.5
        assert_eq!(rounded(20.0, "8"), 2.0); // 2.5
        assert_eq!(rounded(7.0, "0.5"), 14.0);
    }

    #[test]
    fn rounding_by_adding_is_rounding_to_even() {
        for value in [0.0, 0.5, 1.5, 2.5, 2.4999999, -0.5, -1.5, 1e15 + 0.5, 4.5e15, 4.6e15, 1e300, f64::INFINITY] {
            assert_eq!(to_even(value), value.round_ties_even(), "{value}");
        }
        assert!(to_even(f64::NAN).is_nan());
    }

    #[test]
    fn an_inverse_that_never_ends_falls_short_of_a_half() {
        // 1 / 1.2 = 0.8333..., times 9 is a little less than 7.5 in decimals, exactly 7.5 in binary.
        assert_eq!(rounded(9.0, "1.2"), 7.0);
        // 1 / 0.6 ends in a rounded-up 7 digit; 1.6666...667 * 1.5 would be odd, whole volumes only.
        assert_eq!(rounded(3.0, "0.6"), 5.0);
    }

    #[test]
    fn large_volumes_keep_their_digits() {
        assert_eq!(rounded(9.0e14, "0.0357143"), (9.0e14_f64 / 0.0357143).round());
        assert_eq!(rounded(1_000_000_000.0, "1"), 1_000_000_000.0);
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        for text in ["", "-", ".", "1e5", "inf", "1,5", "1.2.3", "0x1"] {
            assert!(Decimal::parse(text).is_none(), "{text:?}");
        }
        assert_eq!(Decimal::parse("0.00892857").unwrap().to_f64(), 0.00892857);
    }
}
