//! Earthdata: NASA's catalogue of granules, and its sign-in.
//!
//! ```text
//! Query --search--> pages of the catalogue --> FoundGranule: name, time, outline, links, size
//! Login: token | user and password | netrc --> Authorization for hosts of nasa.gov; S3 credentials
//! ```

pub mod login;
mod netrc;
pub mod outline;
pub mod period;
pub mod query;
pub mod record;
pub mod s3;
pub mod search;
