//! Many short lists of numbers in two allocations.

/// Lists of numbers, by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// Where each list ends in `items`.
    ends: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Adds a list and returns its number.
    pub(crate) fn push(&mut self, list: impl IntoIterator<Item = u32>) -> u32 {
        self.items.extend(list);
        self.ends.push(self.items.len() as u32);
        self.ends.len() as u32 - 1
    }

    /// The list with this number; empty where there is none.
    pub(crate) fn get(&self, number: u32) -> &[u32] {
        let number = number as usize;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(number).copied().unwrap_or(start);
        self.items.get(start as usize..end as usize).unwrap_or_default()
    }

    /// `count` lists, the list `n` of which has, ascending, the positions at which `n` is in `keys`.
    pub(crate) fn positions(count: usize, keys: impl Iterator<Item = u32> + Clone) -> Self {
        Self::grouped(count, keys.zip(0..))
    }

    /// `count` lists, the list `n` of which has, in their order, the values that are paired with `n`.
    pub(crate) fn grouped(count: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut ends = vec![0_u32; count];
        for (key, _) in pairs.clone() {
            if let Some(size) = ends.get_mut(key as usize) {
                *size += 1;
            }
        }
        let mut total = 0;
        // Each entry becomes the start of its list, and moves to its end as the list is filled.
        for end in &mut ends {
            let size = *end;
            *end = total;
            total += size;
        }
        let mut items = vec![0; total as usize];
        for (key, value) in pairs {
            if let Some(end) = ends.get_mut(key as usize) {
                if let Some(item) = items.get_mut(*end as usize) {
                    *item = value;
                }
                *end += 1;
            }
        }
        Self { ends, items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grouped_lists_keep_the_order_of_their_values() {
        let lists = Lists::positions(4, [2, 0, 2, 7, 3].into_iter());
        let all: Vec<&[u32]> = (0..5).map(|number| lists.get(number)).collect();
        assert_eq!(all, [&[1][..], &[], &[0, 2], &[4], &[]]);
        let mut pushed = Lists::default();
        assert_eq!(pushed.push([5, 6]), 0);
        assert_eq!(pushed.push([]), 1);
        assert_eq!(pushed.push([7]), 2);
        assert_eq!((pushed.get(0), pushed.get(1), pushed.get(2)), (&[5, 6][..], &[][..], &[7][..]));
    }
}
