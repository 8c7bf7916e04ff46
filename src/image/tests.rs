//! What the tests of images share.

/// Bytes that do not compress, the same ones each time: the upper bits of a linear congruential generator with the
/// constants of Knuth's MMIX.
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
