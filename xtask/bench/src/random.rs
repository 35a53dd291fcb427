//! Numbers that look random and are the same every time.

/// A generator with 64 bits of state (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: u32) -> u32 {
        // The bias of the remainder is below 2^-32.
        (self.number() % u64::from(end.max(1))) as u32
    }

    /// Whether something happens that does so in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// One of some values; the default where there are none.
    pub fn pick<T: Clone + Default>(&mut self, values: &[T]) -> T {
        let at = self.below(values.len() as u32);
        values.get(at as usize).cloned().unwrap_or_default()
    }
}
