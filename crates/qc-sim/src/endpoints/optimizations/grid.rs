//! The points of a grid, as the service's one strategy searches it.

use qc_api::model::OptimizationParameter;

use crate::refuse::{self, Answer};

/// Points of a grid the simulator computes at most.
const LARGEST_GRID: usize = 1000;

/// Every combination of the values, the last parameter turning fastest.
pub(super) fn grid(parameters: &[OptimizationParameter]) -> Answer<Vec<Vec<(String, String)>>> {
    let wrong = |reason: &str| refuse::optimization_parameters_not_valid(reason);
    if parameters.is_empty() {
        return Err(wrong("there are none"));
    }
    let mut grid: Vec<Vec<(String, String)>> = vec![Vec::new()];
    for parameter in parameters {
        let values: Vec<String> = match (&parameter.value, parameter.min, parameter.max, parameter.step) {
            (Some(value), None, None, None) => vec![value.clone()],
            (_, Some(min), Some(max), Some(step)) if min <= max && 0.0 < step => {
                if parameter.min_step.is_some_and(|least| step < least) {
                    return Err(wrong("a step is smaller than its minStep"));
                }
                let n = ((max - min) / step).round_ties_even();
                if n < 0.0 || LARGEST_GRID as f64 <= n {
                    return Err(wrong("the grid is too large"));
                }
                (0..=n as usize).map(|at| format!("{}", ((min + at as f64 * step) * 1e9).round() / 1e9)).collect()
            }
            _ => return Err(wrong(&format!("{} needs min <= max and a step above 0", parameter.name))),
        };
        if LARGEST_GRID < grid.len() * values.len() {
            return Err(wrong("the grid is too large"));
        }
        grid = grid
            .iter()
            .flat_map(|point| {
                values.iter().map(|value| {
                    let mut point = point.clone();
                    point.push((parameter.name.clone(), value.clone()));
                    point
                })
            })
            .collect();
    }
    Ok(grid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(name: &str, min: f64, max: f64, step: f64) -> OptimizationParameter {
        OptimizationParameter {
            name: name.into(),
            min: Some(min),
            max: Some(max),
            step: Some(step),
            ..Default::default()
        }
    }

    #[test]
    fn the_last_parameter_turns_fastest_and_fixed_ones_stay() {
        let fixed = OptimizationParameter { name: "c".into(), value: Some("x".into()), ..Default::default() };
        let points = grid(&[range("a", 1.0, 2.0, 1.0), range("b", 0.1, 0.3, 0.1), fixed]).unwrap();
        let values: Vec<String> =
            points.iter().map(|p| p.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(values, ["1 0.1 x", "1 0.2 x", "1 0.3 x", "2 0.1 x", "2 0.2 x", "2 0.3 x"]);
    }

    #[test]
    fn what_has_no_end_or_no_step_is_refused() {
        for bad in [
            range("a", 1.0, 0.0, 1.0),
            range("a", 0.0, 1.0, 0.0),
            range("a", 0.0, 1e300, 1e-300),
            range("a", f64::NEG_INFINITY, f64::INFINITY, 1.0),
            range("a", f64::NAN, 1.0, 1.0),
            OptimizationParameter { min_step: Some(2.0), ..range("a", 0.0, 9.0, 1.0) },
        ] {
            assert!(grid(std::slice::from_ref(&bad)).is_err(), "{bad:?}");
        }
        assert!(grid(&[]).is_err());
        assert!(grid(&[range("a", 0.0, 99.0, 1.0), range("b", 0.0, 99.0, 1.0)]).is_err());
    }
}
