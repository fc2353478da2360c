//! The MCP floor: every tool, its guards and its answers.

pub mod compute;
pub mod roots;
pub mod store;
