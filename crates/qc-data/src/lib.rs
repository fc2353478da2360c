//! Reads LEAN data folders and the user's own tables as QuantBook would.
