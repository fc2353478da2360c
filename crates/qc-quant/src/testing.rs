//! Small seeded series for examples and tests: the same numbers on every machine.

/// `n` independent, roughly normal numbers (sum of twelve uniforms less six) from a seed.
pub fn noise(seed: u64, n: usize) -> Vec<f64> {
    let mut state = seed;
    (0..n).map(|_| (0..12).map(|_| uniform(&mut state)).sum::<f64>() - 6.0).collect()
}

/// A driftless random walk of `n` rows with unit steps' variance.
pub fn random_walk(seed: u64, n: usize) -> Vec<f64> {
    let mut level = 0.0;
    let step = |e: f64| {
        level += e;
        level
    };
    noise(seed, n).into_iter().map(step).collect()
}

/// Two cointegrated series of `n` rows: `x` walks, `y = 0.5 + 1.3 x + u` with u an AR(1) of .8.
pub fn pair(seed: u64, n: usize) -> (Vec<f64>, Vec<f64>) {
    let x = random_walk(seed, n);
    let mut u = 0.0;
    let y = x.iter().zip(noise(seed.wrapping_add(1_000_003), n)).map(|(x, e)| {
        u = 0.8 * u + e;
        0.5 + 1.3 * x + u
    });
    (y.collect(), x)
}

/// SplitMix64 (Steele, Lea, Flood 2014), as a number in [0, 1).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}
