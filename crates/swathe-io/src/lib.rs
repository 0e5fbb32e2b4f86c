//! Files around `swathe-core`: bytes, HDF5/netCDF reading, granules, products, pictures, the simulator.

pub mod bins;
pub mod bytes;
mod contiguous;
pub mod dataset;
pub mod error;
pub mod granule;
mod hdf5;
pub mod journal;
mod netcdf3;
pub mod netcdf4;
mod numbers;
pub mod partial;
pub mod picture;
mod place;
pub mod product;
pub mod simulate;
mod sniff;
pub mod zarr;
