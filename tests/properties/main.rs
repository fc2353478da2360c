//! What must hold for all inputs?

mod quant;
