//! Files around `swathe-core`: bytes near and far, Earthdata, HDF5/netCDF reading, granules, products,
//! pictures, the simulator.

pub mod bins;
pub mod bytes;
mod contiguous;
pub mod dataset;
pub mod earthdata;
pub mod error;
pub mod given;
pub mod granule;
mod hdf5;
pub mod journal;
mod lock;
mod netcdf3;
pub mod netcdf4;
mod numbers;
pub mod partial;
pub mod picture;
mod place;
pub mod product;
pub mod remote;
pub mod simulate;
mod sniff;
pub mod stored;
pub mod unpacking;
pub mod zarr;
