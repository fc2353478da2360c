//! Do odd payloads decode, and do any bytes ever panic?
