//! The exponential distribution in integers, so that it is the same on every platform.

use crate::rng::Rng;
use crate::time::Span;

/// A span from the exponential distribution of that mean, at most 22 times as long.
pub(super) fn draw(rng: &mut Rng, mean: Span) -> Span {
    let units = minus_ln(rng.u32());
    Span::from_micros(mean.as_micros().saturating_mul(units) >> FRACTION_BITS)
}

/// The negative natural logarithm of `x` / 2^32, in units of 2^-16. `x` = 0 counts as 1.
fn minus_ln(x: u32) -> u64 {
    let x = x.max(1);
    let shift = x.leading_zeros();
    let whole = u64::from(31 - shift);
    // The mantissa as 1.31 fixed point; each squaring yields the next bit of the binary logarithm.
    let mut mantissa = u64::from(x) << shift;
    let mut fraction = 0;
    for bit in (0..FRACTION_BITS).rev() {
        mantissa = (mantissa * mantissa) >> 31;
        if mantissa >> 32 != 0 {
            mantissa >>= 1;
            fraction |= 1 << bit;
        }
    }
    let log2 = (whole << FRACTION_BITS) | fraction;
    (((32 << FRACTION_BITS) - log2) * LN_2) >> FRACTION_BITS
}

const FRACTION_BITS: u32 = 16;
/// The natural logarithm of 2, in units of 2^-16.
const LN_2: u64 = 45_426;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_agrees_with_floating_point() {
        for x in [1, 2, 3, 1000, 1 << 16, 0x7FFF_FFFF, 1 << 31, u32::MAX] {
            let exact = -(f64::from(x) / 4_294_967_296.0).ln();
            let ours = minus_ln(x) as f64 / 65_536.0;
            assert!((exact - ours).abs() < 0.001, "{x}: {exact} {ours}");
        }
        assert_eq!(minus_ln(0), minus_ln(1));
    }

    #[test]
    fn mean_and_tail_are_exponential() {
        let mut rng = Rng::from_seed([3; 32]);
        let mean = Span::from_millis(10);
        let draws: std::vec::Vec<u64> = (0..100_000)
            .map(|_| draw(&mut rng, mean).as_micros())
            .collect();
        let average = draws.iter().sum::<u64>() / 100_000;
        assert!((9_900..10_100).contains(&average), "{average}");
        // e^-2 of all are beyond twice the mean.
        let beyond = draws.iter().filter(|us| **us > 20_000).count();
        assert!((13_200..13_900).contains(&beyond), "{beyond}");
    }
}
