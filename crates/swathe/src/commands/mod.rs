//! One command a file: its arguments, and what it does with them.

pub mod array;
pub mod average;
pub mod demo;
pub mod graph;
pub mod grid;
pub mod gridding;
pub mod info;
pub mod merge;
mod plain_file;
pub mod plot;
mod progress;
pub mod reduce;
mod report;
pub mod simulate;
pub mod write;
