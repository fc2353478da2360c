//! Tests whether prices are tied together: a combination of them comes back although none of them does.

pub mod all_pairs;
pub mod engle_granger;
pub mod johansen;
