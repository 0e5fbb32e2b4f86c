//! One command a file: its arguments, and what it does with them.

pub mod info;
pub mod simulate;
