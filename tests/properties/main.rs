//! What must hold for all inputs?

mod portfolio;
mod quant;
mod series;
