//! QuantConnect MCP server over http.

fn main() {}
