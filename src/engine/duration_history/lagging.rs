//! Values that follow from many restores and are expensive to compute.

use std::cell::OnceCell;

/// One more restore changes little of what follows from twenty or more of them. So at most a
/// twentieth of the cost of a value falls to each restore that is learned.
const LAG: usize = 20;

/// A value that is computed when it is first asked for, and kept until a twentieth of the restores
/// from which it follows are others.
#[derive(Debug, Clone)]
pub(super) struct Lagging<T> {
    value: OnceCell<T>,
    /// How many restores changed since it was computed.
    changes: usize,
}

impl<T> Default for Lagging<T> {
    fn default() -> Self {
        Self { value: OnceCell::new(), changes: 0 }
    }
}

impl<T> Lagging<T> {
    pub(super) fn get_or_init(&self, compute: impl FnOnce() -> T) -> &T {
        self.value.get_or_init(compute)
    }

    /// One of the restores is another; there are `restores` now. Returns whether the value is
    /// dropped for that.
    pub(super) fn on_change(&mut self, restores: usize) -> bool {
        self.changes += usize::from(self.value.get().is_some());
        let is_outdated = self.changes * LAG >= restores;
        if is_outdated {
            self.clear();
        }
        is_outdated
    }

    pub(super) fn clear(&mut self) {
        self.value.take();
        self.changes = 0;
    }

    #[cfg(test)]
    pub(super) fn is_computed(&self) -> bool {
        self.value.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_until_a_twentieth_changed() {
        for (restores, kept) in [(1, 0), (20, 0), (21, 1), (40, 1), (200, 9)] {
            let mut value = Lagging::default();
            value.get_or_init(|| 7);

            let changes = (0..restores).take_while(|_| !value.on_change(restores)).count();

            assert_eq!(changes, kept, "of {restores}");
            assert_eq!(value.get_or_init(|| 8), &8);
        }
    }

    #[test]
    fn changes_before_a_value_is_computed_do_not_count() {
        let mut value = Lagging::default();
        for _ in 0..100 {
            value.on_change(200);
        }
        value.get_or_init(|| 7);

        assert!(!value.on_change(200));
    }
}
