//! Was nothing sent on refusal? Do reading tools only read? Do secrets stay secret, and callers apart?

mod budgets;
mod callers;
mod client_traces;
mod doors;
mod floor;
mod human;
mod live;
mod live_jobs;
mod modes;
mod reads;
mod secrets;
mod untrusted;
mod watchers;
