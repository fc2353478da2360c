//! The jobs people describe in words, as the calls an assistant makes for them: through a real MCP client, against the
//! simulator and the synthetic market. Each counts its calls and what they weigh.

mod arbitrage;
mod desk;
mod experiments;
mod factors;
mod pairs;
mod story;
mod strategy;
