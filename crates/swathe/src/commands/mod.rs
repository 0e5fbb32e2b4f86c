//! One command a file: its arguments, and what it does with them.

pub mod average;
pub mod compare;
pub mod demo;
pub mod graph;
pub mod grid;
pub mod gridding;
pub mod info;
pub mod map;
pub mod merge;
pub mod plot;
mod progress;
mod report;
pub mod simulate;
pub mod write;
