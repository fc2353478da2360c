//! Signs in to QuantConnect (here: the simulator) and prints the account.

fn main() {}
