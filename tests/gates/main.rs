//! Was nothing sent on refusal? Do reading tools only read? Do secrets stay secret, and callers apart?

mod client_traces;
mod modes;
mod reads;
mod secrets;
mod untrusted;
