//! Numbers at the front of a text, eight digits at a time.
//!
//! Eight bytes are one machine word; which of them are digits and what they stand for is found without a branch for each.

use super::cells::POWERS;

/// Whole powers of ten, for putting halves of a number together.
const WHOLE: [u64; 16] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
    100_000_000_000,
    1_000_000_000_000,
    10_000_000_000_000,
    100_000_000_000_000,
    1_000_000_000_000_000,
];

/// More digits than this may not be exact in binary.
const MAX_DIGITS: u32 = 15;

/// The digits at the front of eight bytes: what they stand for, and how many there are.
#[inline(always)]
fn eight(bytes: [u8; 8]) -> (u64, u32) {
    let chunk = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    // The high bit of each byte that is no digit; a carry comes only from behind the first of them.
    let others = (chunk.wrapping_add(0x7676_7676_7676_7676) | chunk) & 0x8080_8080_8080_8080;
    let length = others.trailing_zeros() / 8;
    if length == 0 {
        return (0, 0);
    }
    let ones = chunk << (64 - 8 * length);
    let tens = ones.wrapping_mul(10).wrapping_add(ones >> 8) & 0x00ff_00ff_00ff_00ff;
    let hundreds = tens.wrapping_mul(100).wrapping_add(tens >> 16) & 0x0000_ffff_0000_ffff;
    (hundreds.wrapping_mul(10_000).wrapping_add(hundreds >> 32) & 0xffff_ffff, length)
}

/// The digits at the front of a text: what they stand for, and how many there are. `None` for sixteen and more, and
/// where fewer than eight bytes follow the last full eight.
#[inline(always)]
pub(crate) fn leading(text: &[u8]) -> Option<(u64, u32)> {
    let (first, length) = eight(*text.first_chunk::<8>()?);
    if length < 8 {
        return Some((first, length));
    }
    let (second, more) = eight(*text.get(8..)?.first_chunk::<8>()?);
    if more == 8 {
        return None;
    }
    Some((first * WHOLE.get(more as usize)? + second, 8 + more))
}

/// The plain number at the front of a text, divided by ten to the power of `scale`, and how many bytes it takes.
///
/// `None` where a slower look is needed: no digit, a sign, many digits, or too near to the end of the text.
#[inline]
pub(crate) fn number(text: &[u8], scale: u32) -> Option<(f64, usize)> {
    let (whole, digits) = leading(text)?;
    if digits == 0 {
        return None;
    }
    let length = digits as usize;
    if *text.get(length)? != b'.' {
        return Some((divided(whole, POWERS.get(scale as usize)?), length));
    }
    let (fraction, decimals) = leading(text.get(length + 1..)?)?;
    if MAX_DIGITS < digits + decimals {
        return None;
    }
    let mantissa = whole * WHOLE.get(decimals as usize)? + fraction;
    Some((divided(mantissa, POWERS.get((decimals + scale) as usize)?), length + 1 + decimals as usize))
}

/// Both are exact, so the quotient is the nearest binary number.
#[inline]
fn divided(mantissa: u64, divisor: &f64) -> f64 {
    if *divisor == 1.0 { mantissa as f64 } else { mantissa as f64 / divisor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_digits_is_read() {
        for length in 0..16 {
            let digits: String = "123456789012345".chars().take(length).collect();
            for end in [",", "\n", ".", " ", "/", ":", "\u{ff}"] {
                let text = format!("{digits}{end}????????????????");
                assert_eq!(leading(text.as_bytes()), Some((digits.parse().unwrap_or(0), length as u32)), "{text}");
            }
        }
        assert_eq!(leading(b"1234567890123456,???????"), None, "sixteen digits");
        assert_eq!(leading(b"1234567"), None, "seven bytes are not eight");
    }

    #[test]
    fn numbers_are_the_nearest_binary_ones() {
        let tail = ",??????????????????";
        for text in ["0", "7", "6286500", "1.5", "0.000012345", "12345678.9012345", "99999999", "183.63", "5."] {
            for scale in [0, 4] {
                let expected: f64 = format!("{}e-{scale}", text.trim_end_matches('.')).parse().unwrap();
                assert_eq!(number(format!("{text}{tail}").as_bytes(), scale), Some((expected, text.len())), "{text}");
            }
        }
        for text in ["-1", ".5", "", "x", "123456789.0123456"] {
            assert_eq!(number(format!("{text}{tail}").as_bytes(), 0), None, "{text}");
        }
    }
}
