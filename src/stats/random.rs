//! Random numbers that are the same on every machine: xoshiro256++ (Blackman & Vigna 2021) seeded through
//! SplitMix64 (Steele, Lea & Flood 2014), and binomial draws from it.

use super::normal::ln_gamma;

/// xoshiro256++.
pub struct Random {
    state: [u64; 4],
}

impl Random {
    pub fn seeded(seed: u64) -> Random {
        let mut mixed = seed;
        let state = std::array::from_fn(|_| {
            mixed = mixed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = mixed;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        });
        Random { state }
    }

    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let shifted = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= shifted;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1), of 53 bits.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in 0..bound, by the high half of a product (Lemire 2019), whose bias of bound/2⁶⁴ is left in.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// How many of `n` draws succeed, each with probability `p`.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if n == 0 || p.is_nan() || p <= 0.0 {
            return 0;
        }
        if p >= 1.0 {
            return n;
        }
        if p > 0.5 {
            return n - self.binomial(n, 1.0 - p);
        }
        if n as f64 * p < 10.0 { self.binomial_by_inversion(n, p) } else { self.binomial_by_rejection(n, p) }
    }

    /// Walks the distribution function upwards (algorithm BINV of Kachitvichyanukul & Schmeiser 1988). For n·p < 10.
    fn binomial_by_inversion(&mut self, n: u64, p: f64) -> u64 {
        let odds = p / (1.0 - p);
        let mut share = (n as f64 * (-p).ln_1p()).exp();
        let mut left = self.uniform();
        let mut k = 0;
        while left > share && k < n {
            left -= share;
            k += 1;
            share *= odds * (n - k + 1) as f64 / k as f64;
        }
        k
    }

    /// Transformed rejection (algorithm BTRS of Hörmann 1993). For n·p ≥ 10 and p ≤ 1/2.
    fn binomial_by_rejection(&mut self, n: u64, p: f64) -> u64 {
        let count = n as f64;
        let spread = (count * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let c = count * p + 0.5;
        let v_r = 0.92 - 4.2 / b;
        let alpha = (2.83 + 5.1 / b) * spread;
        let mode = ((count + 1.0) * p).floor();
        let log_odds = (p / (1.0 - p)).ln();
        let h = ln_gamma(mode + 1.0) + ln_gamma(count - mode + 1.0);
        loop {
            let u = self.uniform() - 0.5;
            let v = self.uniform();
            let us = 0.5 - u.abs();
            let k = ((2.0 * a / us + b) * u + c).floor();
            if us >= 0.07 && v <= v_r {
                return k as u64;
            }
            if k < 0.0 || k > count {
                continue;
            }
            let v = (v * alpha / (a / (us * us) + b)).ln();
            if v <= h - ln_gamma(k + 1.0) - ln_gamma(count - k + 1.0) + (k - mode) * log_odds {
                return k as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_the_published_one() {
        // From the state 1, 2, 3, 4, as worked by hand from the reference code.
        let mut random = Random { state: [1, 2, 3, 4] };
        assert_eq!(random.bits(), 41_943_041);
        assert_eq!(random.bits(), 58_720_359);
    }

    #[test]
    fn binomial_draws_have_the_binomials_mean_and_variance() {
        let mut random = Random::seeded(7);
        for (n, p) in [(20, 0.1), (50, 0.9), (1000, 0.3), (1_000_000, 0.5), (1_000_000, 1e-6)] {
            let draws: Vec<f64> = (0..20_000).map(|_| random.binomial(n, p) as f64).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 19_999.0;
            let expected = (n as f64 * p, n as f64 * p * (1.0 - p));
            // Five standard errors of the mean; the variance's own relative error is about 1 %.
            assert!((mean - expected.0).abs() < 5.0 * (expected.1 / 20_000.0).sqrt(), "{n} {p}: mean {mean}");
            assert!((variance / expected.1 - 1.0).abs() < 0.06, "{n} {p}: variance {variance}");
        }
        assert_eq!(random.binomial(9, 1.0), 9);
        assert_eq!(random.binomial(9, 0.0), 0);
    }
}
