//! `swathe demo`: the main job, start to end, on granules made from nothing.
