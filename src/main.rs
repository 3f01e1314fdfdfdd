//! Arguments → front → exit code.

fn main() {}
