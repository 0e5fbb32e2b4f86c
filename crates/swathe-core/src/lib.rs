//! Geometry, resampling and reduction of satellite swaths.
//!
//! ```text
//! GeolocationArray --locate(Target, Method)--> Geometry      (which pixel gives to which cell)
//! Geometry + values + mask --apply--> granule state          (one granule on the target's cells)
//! granule states --combine--> Composite --finish--> layers   (the map)
//! ```
//!
//! Nothing here opens a file or a socket: granules arrive through [`source::SwathSource`].
#![forbid(unsafe_code)]

pub mod array;
pub mod binned;
pub mod build_geobox;
pub mod comparison;
pub mod crs;
pub mod derived;
pub mod expression;
pub mod geobox;
pub mod isin;
pub mod mask;
pub mod reduce;
pub mod region;
pub mod resample;
pub mod run;
pub mod sides;
pub mod source;
pub mod sphere;
pub mod stop;
pub mod suggest;
pub mod swath;
pub mod target;
pub mod watch;
