//! What the instrument sees: sea with chlorophyll, land, clouds.

pub(super) mod chlorophyll;
pub(super) mod clouds;
pub(super) mod land;
pub(super) mod texture;
