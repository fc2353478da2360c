//! Room for numbers that is used again: what an answer gives back, the next one takes.
//!
//! The system hands out fresh memory page by page, which takes as long as filling it does. So large columns go back to a
//! store of their folder when they are dropped, at most [`KEPT_BYTES`] of them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// At most so much room lies idle, in bytes.
const KEPT_BYTES: usize = 32 << 20;
/// Smaller columns come from the allocator's own store.
const MIN_CELLS: usize = 8 << 10;
/// Room this many times larger than needed stays for those who need it.
const MAX_WASTE: usize = 4;

/// Rooms of a folder that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Store {
    idle: Mutex<Idle>,
}

impl Store {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Idle {
    rooms: Vec<Vec<f64>>,
    bytes: usize,
}

impl Idle {
    /// The smallest room that is large enough.
    fn take(&mut self, n_cells: usize) -> Option<Vec<f64>> {
        let fits = |room: &Vec<f64>| n_cells <= room.capacity() && room.capacity() <= n_cells.saturating_mul(MAX_WASTE);
        let fitting = self.rooms.iter().enumerate().filter(|(_, room)| fits(room));
        let (at, _) = fitting.min_by_key(|(_, room)| room.capacity())?;
        let room = self.rooms.swap_remove(at);
        self.bytes -= room.capacity() * size_of::<f64>();
        Some(room)
    }

    fn put(&mut self, mut room: Vec<f64>) {
        let bytes = room.capacity() * size_of::<f64>();
        if self.bytes + bytes <= KEPT_BYTES {
            room.clear();
            self.rooms.push(room);
            self.bytes += bytes;
        }
    }
}

/// A column of numbers whose room is used again, if it has a store to go back to.
#[derive(Debug, Default, Clone)]
pub(crate) struct Column {
    cells: Vec<f64>,
    home: Option<Arc<Store>>,
}

impl Column {
    /// An empty column with room for so many cells that goes with the column.
    pub(crate) fn with_capacity(n_cells: usize) -> Column {
        Column { cells: Vec::with_capacity(n_cells), home: None }
    }

    /// As [`Column::with_capacity`], with room from a store.
    pub(crate) fn from_store(store: &Arc<Store>, n_cells: usize) -> Column {
        let used = if n_cells < MIN_CELLS { None } else { store.idle().take(n_cells) };
        let cells = used.unwrap_or_else(|| Vec::with_capacity(n_cells));
        Column { cells, home: Some(store.clone()) }
    }

    /// An empty column with room from the store that this one has.
    pub(crate) fn beside(&self, n_cells: usize) -> Column {
        match &self.home {
            Some(store) => Column::from_store(store, n_cells),
            None => Column::with_capacity(n_cells),
        }
    }

    /// A column of these cells with room from the store that this one has.
    pub(crate) fn made_beside(&self, cells: impl Iterator<Item = f64>) -> Column {
        let mut column = self.beside(cells.size_hint().0);
        column.extend(cells);
        column
    }
}

impl Drop for Column {
    fn drop(&mut self) {
        if let Some(home) = self.home.as_ref().filter(|_| MIN_CELLS <= self.cells.capacity()) {
            home.idle().put(std::mem::take(&mut self.cells));
        }
    }
}

impl PartialEq for Column {
    fn eq(&self, other: &Column) -> bool {
        self.cells == other.cells
    }
}

impl Deref for Column {
    type Target = Vec<f64>;

    fn deref(&self) -> &Vec<f64> {
        &self.cells
    }
}

impl DerefMut for Column {
    fn deref_mut(&mut self) -> &mut Vec<f64> {
        &mut self.cells
    }
}

impl From<Vec<f64>> for Column {
    fn from(cells: Vec<f64>) -> Column {
        Column { cells, home: None }
    }
}

impl FromIterator<f64> for Column {
    fn from_iter<I: IntoIterator<Item = f64>>(cells: I) -> Column {
        Column::from(cells.into_iter().collect::<Vec<f64>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_used_again_where_it_is_about_as_large_and_never_more_than_the_limit_is_kept() {
        let mut idle = Idle::default();
        for n_cells in [100_000, 20_000, 1_000_000] {
            idle.put(vec![1.0; n_cells]);
        }
        assert_eq!(idle.bytes, 8 * 1_120_000);
        let room = idle.take(15_000).unwrap();
        assert_eq!((room.len(), room.capacity()), (0, 20_000), "the smallest that fits, and empty");
        assert!(idle.take(15_000).is_none(), "the next one is more than four times as large");
        assert_eq!(idle.bytes, 8 * 1_100_000);
        for _ in 0..10 {
            idle.put(Vec::with_capacity(KEPT_BYTES / 16));
        }
        assert!(idle.bytes <= KEPT_BYTES);
        assert_eq!(idle.bytes, idle.rooms.iter().map(|room| room.capacity() * 8).sum::<usize>());
    }

    #[test]
    fn a_column_holds_what_was_put_into_it() {
        let store = Arc::new(Store::default());
        let first = Column::from_store(&store, 50_000);
        for round in 0..3 {
            let column = first.made_beside((0..50_000).map(|cell| f64::from(cell + round)));
            assert_eq!(store.idle().rooms.len(), 0, "the one that went back is used");
            assert_eq!(
                (column.len(), column[0], column[49_999]),
                (50_000, f64::from(round), f64::from(49_999 + round))
            );
        }
    }
}
