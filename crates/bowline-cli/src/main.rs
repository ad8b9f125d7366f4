//! The bowline command: demo, servers, clients, benchmarks.

fn main() {}
