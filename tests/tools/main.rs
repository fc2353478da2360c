//! Does each tool do its work end to end, through a real MCP client in process?

mod account;
mod analysis;
mod assist;
mod auth;
mod backtests;
mod bad_input;
mod charts;
mod compile;
mod data;
mod discover;
mod files;
mod imports;
mod object_store;
mod optimizations;
mod pictures;
mod portfolio;
mod projects;
mod quantbook;
mod reference_data;
mod relations;
mod research;
mod resources;
mod shared_projects;
mod symbols;
mod system;
mod weights;
