//! The `sourcekeep` binary.
fn main() {}
