//! Does each tool do its work end to end, through a real MCP client in process?

mod analysis;
mod data;
mod quantbook;
mod research;
