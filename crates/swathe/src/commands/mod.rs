//! One command a file: its arguments, and what it does with them.

pub mod array;
pub mod average;
mod catalogue;
pub mod compare;
pub mod demo;
pub mod download;
pub mod graph;
pub mod grid;
pub mod gridding;
pub mod info;
mod live;
pub mod login;
pub mod map;
pub mod merge;
mod on_cluster;
mod plain_file;
pub mod plot;
mod progress;
pub mod reduce;
pub mod reduced;
mod report;
pub mod search;
pub mod serve;
pub mod simulate;
pub mod write;
