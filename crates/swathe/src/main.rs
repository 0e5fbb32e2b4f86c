//! The `swathe` command.

fn main() {}
