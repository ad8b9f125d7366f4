//! How long the queue may be: the faster a flow is, the shorter the queue it allows itself.
//!
//! That is what makes flows converge that share a queue: at the same delay the faster ones see too much
//! of it, the slower ones too little.

use crate::rate::PACKET;

/// The target at [`RATE`] (sending.md: a compromise between delay and fairness).
const TARGET_US: u64 = 5_500;
/// Bytes per second at which the target is [`TARGET_US`].
const RATE: u64 = 1_250_000;
/// A shorter queue cannot be told from noise.
const LEAST_US: u64 = 100;
/// A longer queue is too long, however slow the path.
const GREATEST_US: u64 = 200_000;

/// The queueing delay to aim at with a delivery rate of so many bytes per second, in microseconds: it
/// falls with the power of 2/3 of the rate up to [`RATE`], with the square root beyond.
pub(super) fn target_us(rate: u64) -> u64 {
    let rate = rate.max(1000);
    let target = if rate < RATE {
        // The ratio with 15 bits behind the point, its square with 30, the cube root of that with 10.
        let ratio = (RATE << 15) / rate;
        (TARGET_US * cube_root(ratio * ratio)) >> 10
    } else {
        let ratio = ((u128::from(RATE) << 40) / u128::from(rate)) as u64;
        (TARGET_US * ratio.isqrt()) >> 20
    };
    let packet_us = PACKET * 1_000_000 / rate;
    target.max(packet_us).clamp(LEAST_US, GREATEST_US)
}

/// The integer part of the cube root.
pub(super) fn cube_root(value: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let more = root | 1 << bit;
        if more.checked_pow(3).is_some_and(|cube| cube <= value) {
            root = more;
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_roots_are_exact() {
        for root in [0u64, 1, 2, 3, 10, 1000, 2_097_151] {
            assert_eq!(cube_root(root.pow(3)), root);
            assert_eq!(cube_root(root.pow(3) + 1), root.max(1));
        }
        assert_eq!(cube_root(u64::MAX), 2_642_245);
    }

    #[test]
    fn falls_with_the_rate_within_bounds() {
        assert!(target_us(RATE).abs_diff(TARGET_US) <= 10);
        assert!(target_us(RATE * 4).abs_diff(TARGET_US / 2) <= 10);
        assert!(target_us(RATE / 8).abs_diff(TARGET_US * 4) <= 30);
        // A packet takes longer than the queue might.
        assert_eq!(target_us(6_500), PACKET * 1_000_000 / 6_500);
        assert_eq!(target_us(1), GREATEST_US);
        assert_eq!(target_us(u64::MAX), LEAST_US);
        let mut last = u64::MAX;
        for rate in (10..40).map(|shift| 1u64 << shift) {
            let target = target_us(rate);
            assert!(target <= last, "at {rate}");
            last = target;
        }
    }
}
