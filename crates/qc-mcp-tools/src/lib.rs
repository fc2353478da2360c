//! The MCP floor: every tool, its guards and its answers.
