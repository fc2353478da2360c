//! QuantConnect MCP server over stdio.

fn main() {}
