//! Statistics and portfolio mathematics for research on market data.
