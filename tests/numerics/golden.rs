//! The golden file: data sets by name, and cases over them.

use std::collections::HashMap;
use std::path::Path;

use jiff::civil::Date;
use qc_quant::{Index, Panel};
use serde::Deserialize;
use serde_json::Value;

/// A golden file.
#[derive(Deserialize)]
pub struct Golden {
    datasets: HashMap<String, Dataset>,
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Deserialize)]
pub struct Case {
    pub id: String,
    pub algo: String,
    pub inputs: Value,
    pub expected: Value,
    pub tol: Value,
}

#[derive(Deserialize)]
struct Dataset {
    index: Vec<Value>,
    columns: Vec<String>,
    values: HashMap<String, Vec<f64>>,
}

impl Golden {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A whole data set, or the columns named, in that order.
    pub fn panel(&self, name: &str, columns: Option<&[&str]>) -> Panel {
        let dataset = self.dataset(name);
        let dates = dataset.index.iter().map(|at| at.as_str()?.parse::<Date>().ok()).collect::<Option<Vec<_>>>();
        let index = dates.map_or(Index::Rows(dataset.index.len()), Index::Dates);
        let names: Vec<String> = match columns {
            Some(names) => names.iter().map(ToString::to_string).collect(),
            None => dataset.columns.clone(),
        };
        let values = names.iter().map(|column| self.column(name, column).to_vec()).collect();
        Panel::new(names, index, values).unwrap()
    }

    /// One column.
    pub fn column(&self, name: &str, column: &str) -> &[f64] {
        let found = self.dataset(name).values.get(column);
        found.unwrap_or_else(|| panic!("data set {name} has no column {column}"))
    }

    /// `log:X` is the logarithm of a stock, `dataset:X` a column as it stands.
    pub fn series(&self, spec: &str) -> Vec<f64> {
        match spec.split_once(':') {
            Some(("log", column)) => self.column("stocks", column).iter().map(|price| price.ln()).collect(),
            Some((dataset, column)) => self.column(dataset, column).to_vec(),
            None => panic!("{spec} is no series"),
        }
    }

    fn dataset(&self, name: &str) -> &Dataset {
        self.datasets.get(name).unwrap_or_else(|| panic!("no data set {name}"))
    }
}

impl Case {
    pub fn text(&self, key: &str) -> &str {
        self.inputs[key].as_str().unwrap_or_else(|| panic!("{}: {key} is no text", self.id))
    }

    pub fn number(&self, key: &str) -> f64 {
        self.inputs[key].as_f64().unwrap_or_else(|| panic!("{}: {key} is no number", self.id))
    }

    pub fn count(&self, key: &str) -> usize {
        self.inputs[key].as_u64().unwrap_or_else(|| panic!("{}: {key} is no count", self.id)) as usize
    }

    pub fn texts(&self, key: &str) -> Vec<&str> {
        let list = self.inputs[key].as_array().unwrap_or_else(|| panic!("{}: {key} is no list", self.id));
        list.iter().map(|entry| entry.as_str().unwrap()).collect()
    }

    pub fn numbers(&self, key: &str) -> Vec<f64> {
        let list = self.inputs[key].as_array().unwrap_or_else(|| panic!("{}: {key} is no list", self.id));
        list.iter().map(|entry| entry.as_f64().unwrap()).collect()
    }

    /// The panel of `dataset`, restricted to `columns` if the case names them, logged if it says so.
    pub fn panel(&self, golden: &Golden) -> Panel {
        let columns = self.inputs.get("columns").map(|_| self.texts("columns"));
        let panel = golden.panel(self.text("dataset"), columns.as_deref());
        if self.inputs["transform"] == "log" { qc_quant::returns::log_prices(&panel).unwrap() } else { panel }
    }
}

/// A matrix as the golden files write one.
pub fn rows(matrix: &nalgebra::DMatrix<f64>) -> Vec<Vec<f64>> {
    matrix.row_iter().map(|row| row.iter().copied().collect()).collect()
}
