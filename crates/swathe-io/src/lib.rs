//! Files around `swathe-core`: bytes, HDF5/netCDF reading, granules, products, pictures, the simulator.

pub mod bytes;
pub mod dataset;
pub mod error;
pub mod granule;
mod hdf5;
pub mod product;
