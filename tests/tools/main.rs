//! Does each tool do its work end to end, through a real MCP client in process?
