//! The neighbour linfa: a [`Panel`] becomes a data set, and our principal components fit and transform one.
//!
//! Only this file knows linfa and ndarray. linfa's own reduction is not used: it divides the explained
//! variance by the number of components less one and shares it among the kept ones only.

use linfa::DatasetBase;
use linfa::dataset::Dataset;
use linfa::traits::{Fit, Transformer};
use ndarray::{Array1, Array2, ArrayBase, Data, Ix1, Ix2};

use crate::error::Error;
use crate::panel::{Index, Panel, Series};
use crate::pca::{self, Pca, PcaOptions};

/// What can go wrong between the two libraries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InteropError {
    /// From this crate.
    #[error(transparent)]
    Quant(#[from] Error),
    /// From linfa.
    #[error(transparent)]
    Linfa(#[from] linfa::Error),
}

/// A panel as records without targets; the symbols are the names of the features.
///
/// ```
/// use qc_quant::{Index, Panel, interop::to_dataset, testing::noise};
/// let panel = Panel::new(vec!["A".into(), "B".into()], Index::Rows(20), vec![noise(1, 20), noise(2, 20)])?;
/// let data = to_dataset(&panel);
/// assert_eq!((data.records().dim(), data.feature_names()), ((20, 2), panel.symbols()));
/// assert_eq!(data.records()[(3, 1)], panel.column(1)[3]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn to_dataset(panel: &Panel) -> DatasetBase<Array2<f64>, Array1<()>> {
    let records = Array2::from_shape_fn((panel.n_rows(), panel.n_symbols()), |(row, col)| panel.column(col)[row]);
    DatasetBase::from(records).with_feature_names(panel.symbols().to_vec())
}

/// A panel as records with a series on the same rows as targets.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::IndexMismatch`].
pub fn to_dataset_with_target(panel: &Panel, target: &Series) -> Result<Dataset<f64, f64, Ix1>, Error> {
    let first = Series::new("records", panel.index().clone(), panel.column(0).to_vec())?;
    first.require_same_rows(target)?;
    let named = to_dataset(panel).with_targets(Array1::from(target.values().to_vec()));
    Ok(named.with_target_names(vec![target.name().to_owned()]))
}

/// Records as a panel with row numbers; features without names are called "feature-0", "feature-1", ...
///
/// # Errors
/// As [`Panel::new`]: two rows or more, finite values, names that differ.
pub fn to_panel<D: Data<Elem = f64>, T>(data: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Panel, Error> {
    let records = data.records();
    let names = match data.feature_names() {
        names if names.len() == records.ncols() => names.to_vec(),
        _ => (0..records.ncols()).map(|position| format!("feature-{position}")).collect(),
    };
    let columns = records.columns().into_iter().map(|column| column.to_vec()).collect();
    Panel::new(names, Index::Rows(records.nrows()), columns)
}

/// Principal components as a step of a linfa pipeline: [`PcaOptions`] are the parameters, [`Pca`] the model.
///
/// ```
/// use linfa::traits::{Fit, Transformer};
/// use qc_quant::{Index, Panel, interop::to_dataset, pca::PcaOptions, testing::noise};
/// let panel = Panel::new((0..4).map(|i| format!("S{i}")).collect(), Index::Rows(90), (0..4).map(|i| noise(i, 90)).collect())?;
/// let data = to_dataset(&panel);
/// let model = PcaOptions { n_components: Some(2), ..Default::default() }.fit(&data)?;
/// let scores = model.transform(data);
/// assert_eq!(scores.records().dim(), (90, 2));
/// assert_eq!(scores.feature_names(), ["PC1", "PC2"]);
/// # Ok::<(), qc_quant::interop::InteropError>(())
/// ```
impl<D: Data<Elem = f64>, T> Fit<ArrayBase<D, Ix2>, T, InteropError> for PcaOptions {
    type Object = Pca;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Pca, InteropError> {
        Ok(pca::fit(&to_panel(dataset)?, self)?)
    }
}

/// Scores of rows whose columns stand in the order of the fit.
///
/// # Panics
/// As linfa's own transformers: when the number of columns is not that of the fit.
impl<D: Data<Elem = f64>> Transformer<ArrayBase<D, Ix2>, Array2<f64>> for Pca {
    fn transform(&self, records: ArrayBase<D, Ix2>) -> Array2<f64> {
        assert_eq!(records.ncols(), self.symbols.len(), "columns to transform against columns of the fit");
        Array2::from_shape_fn((records.nrows(), self.n_components()), |(row, component)| {
            let loadings = self.loadings.column(component);
            (0..self.symbols.len())
                .map(|col| (records[(row, col)] - self.means[col]) / self.scales[col] * loadings[col])
                .sum()
        })
    }
}

/// Scores in place of the records; targets, their names and weights stay.
impl<D: Data<Elem = f64>, T> Transformer<DatasetBase<ArrayBase<D, Ix2>, T>, DatasetBase<Array2<f64>, T>> for Pca {
    fn transform(&self, dataset: DatasetBase<ArrayBase<D, Ix2>, T>) -> DatasetBase<Array2<f64>, T> {
        let DatasetBase { records, targets, weights, .. } = dataset;
        let names = (1..=self.n_components()).map(|number| format!("PC{number}")).collect::<Vec<_>>();
        DatasetBase::new(self.transform(records), targets).with_weights(weights).with_feature_names(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn panel(rows: usize) -> Panel {
        let columns = (0..3).map(|i| noise(i, rows)).collect();
        Panel::new(vec!["A".into(), "B".into(), "C".into()], Index::Rows(rows), columns).unwrap()
    }

    #[test]
    fn there_and_back_changes_nothing() {
        let panel = panel(30);
        assert_eq!(to_panel(&to_dataset(&panel)).unwrap(), panel);
    }

    #[test]
    fn transformed_records_are_the_factor_returns() {
        let panel = panel(40);
        let model = PcaOptions::default().fit(&to_dataset(&panel)).unwrap();
        let scores = model.transform(to_dataset(&panel));
        let own = model.factor_returns(&panel).unwrap();
        for (component, column) in own.columns().enumerate() {
            assert!(column.iter().enumerate().all(|(row, v)| (v - scores.records()[(row, component)]).abs() < 1e-12));
        }
    }

    #[test]
    fn targets_travel_with_their_rows_and_other_rows_are_refused() {
        let panel = panel(30);
        let target = Series::new("y", Index::Rows(30), noise(9, 30)).unwrap();
        let data = to_dataset_with_target(&panel, &target).unwrap();
        assert_eq!((data.targets()[7], data.target_names()), (target.values()[7], ["y".to_owned()].as_slice()));
        let other = Series::new("y", Index::Rows(29), noise(9, 29)).unwrap();
        assert!(to_dataset_with_target(&panel, &other).is_err());
    }

    #[test]
    fn records_without_names_get_some_and_missing_values_are_refused() {
        let mut records = Array2::from_shape_fn((10, 2), |(row, col)| (row * row + col) as f64);
        assert_eq!(to_panel(&DatasetBase::from(records.clone())).unwrap().symbols(), ["feature-0", "feature-1"]);
        records[(4, 1)] = f64::NAN;
        let fitted = PcaOptions::default().fit(&DatasetBase::from(records));
        assert!(matches!(fitted, Err(InteropError::Quant(Error::NotFinite { row: 4, .. }))));
    }
}
