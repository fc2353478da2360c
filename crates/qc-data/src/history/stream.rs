//! Rows of one kind of bar on their way from files to the answer.

use super::result::TickerRun;
use crate::bars::BarFile;
use crate::pool::{Column, Store};
use crate::time::LocalTime;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// From so many rows on columns are copied at the same time.
pub(super) const MANY_ROWS: usize = 8_192;

/// Rows of one kind of bar, on the exchange's clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    /// Beginning of each bar, where bars differ in length.
    pub(super) starts: Vec<LocalTime>,
    /// How long every bar is, where all are alike: then their beginnings take no room.
    pub(super) step: Option<i64>,
    /// End of each bar.
    pub(super) ends: Vec<LocalTime>,
    /// The numbers, in the order of [`BarFile`]; a column that is not wanted stays empty.
    pub(super) columns: Vec<Column>,
    /// Which columns are made.
    pub(super) wanted: Vec<bool>,
    /// Rows repeated from an earlier bar; empty while nothing was filled.
    pub(super) filled: Vec<bool>,
    /// From which row on which ticker was used.
    pub(super) tickers: Vec<TickerRun>,
    /// Rows whose numbers were copied.
    pub(super) n_copied: usize,
    /// Every row is known to lie in the window and in open hours and to begin where it shall.
    pub(super) is_final: bool,
    /// Beginning and end of the first bar of the window behind the delisting: of a company that took over the ticker.
    pub(super) followed_by: Option<(LocalTime, LocalTime)>,
}

impl Stream {
    /// An empty stream with room for `n_rows` rows of the columns that are wanted.
    pub(super) fn with_capacity(store: &Arc<Store>, wanted: &[bool], n_rows: usize, step: Option<i64>) -> Stream {
        let column = |wanted: &bool| Column::from_store(store, if *wanted { n_rows } else { 0 });
        Stream {
            starts: Vec::with_capacity(if step.is_some() { 0 } else { n_rows }),
            step,
            ends: Vec::with_capacity(n_rows),
            columns: wanted.iter().map(column).collect(),
            wanted: wanted.to_vec(),
            ..Stream::default()
        }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.ends.len()
    }

    /// Adds the times of a row.
    #[inline]
    pub(super) fn push_times(&mut self, start: LocalTime, end: LocalTime) {
        if self.step.is_none() {
            self.starts.push(start);
        }
        self.ends.push(end);
    }

    /// Beginning of a bar.
    #[inline]
    pub(super) fn start(&self, row: usize) -> LocalTime {
        match self.step {
            Some(step) => LocalTime(self.ends.get(row).copied().unwrap_or_default().0 - step),
            None => self.starts.get(row).copied().unwrap_or_default(),
        }
    }

    /// Copies the numbers of a stretch of a file; their times were pushed before.
    pub(super) fn copy(&mut self, file: &Arc<BarFile>, rows: Range<usize>, ticker: &str) {
        if rows.is_empty() {
            return;
        }
        let first = self.n_copied;
        self.n_copied += rows.len();
        if self.tickers.last().is_none_or(|run| run.ticker != ticker) {
            self.tickers.push(TickerRun { row: first, ticker: ticker.to_owned() });
        }
        let copy = |((column, source), wanted): ((&mut Column, &Vec<f64>), &bool)| {
            if *wanted {
                column.extend_from_slice(source.get(rows.clone()).unwrap_or_default());
            }
        };
        if rows.len() < MANY_ROWS {
            self.columns.iter_mut().zip(&file.columns).zip(&self.wanted).for_each(copy);
        } else {
            self.columns.par_iter_mut().zip(&file.columns).zip(&self.wanted).for_each(copy);
        }
    }

    /// Builds the stream that has these rows of this one, with new ends; beginnings are of no more use then.
    pub(super) fn select(&self, rows: &[Picked]) -> Stream {
        let mut tickers: Vec<TickerRun> = Vec::new();
        for (row, picked) in rows.iter().enumerate() {
            let runs = self.tickers.iter().take_while(|run| run.row <= picked.source);
            if let Some(run) = runs.last()
                && tickers.last().is_none_or(|last| last.ticker != run.ticker)
            {
                tickers.push(TickerRun { row, ticker: run.ticker.clone() });
            }
        }
        let pick = |(column, wanted): (&Column, &bool)| -> Column {
            let rows = if *wanted { rows } else { &[] };
            column.made_beside(rows.iter().map(|row| column.get(row.source).copied().unwrap_or(f64::NAN)))
        };
        Stream {
            starts: Vec::new(),
            step: None,
            ends: rows.iter().map(|row| row.end).collect(),
            columns: self.columns.iter().zip(&self.wanted).map(pick).collect(),
            wanted: self.wanted.clone(),
            n_copied: rows.len(),
            filled: rows.iter().map(|row| row.filled).collect(),
            tickers,
            is_final: false,
            followed_by: None,
        }
    }
}

/// A row to be taken over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Picked {
    /// Row in the source stream.
    pub(super) source: usize,
    /// Beginning of the bar.
    pub(super) start: LocalTime,
    /// End of the bar.
    pub(super) end: LocalTime,
    /// Repeated from an earlier bar.
    pub(super) filled: bool,
}
