//! Methods and parameters of projections under the names of PROJ, CF (1.8, appendix F), WKT 1 (OGC 01-009, as GDAL
//! writes it) and GeoTIFF 1.1 (OGC 19-008).

/// A parameter under its four names.
#[derive(Debug)]
pub(in super::super) struct Parameter {
    /// PROJ key; lengths are metres there, angles degrees everywhere.
    pub proj: &'static str,
    /// CF attribute, where it has one.
    pub cf: Option<&'static str>,
    /// WKT 1 parameter, where it has one.
    pub wkt: Option<&'static str>,
    /// GeoTIFF key, where it has one.
    pub geokey: Option<u16>,
    /// Value where a PROJ string is silent.
    pub default: f64,
}

/// A map projection method.
#[derive(Debug)]
pub(in super::super) struct Method {
    /// PROJ name.
    pub proj: &'static str,
    /// CF grid_mapping_name.
    pub cf: &'static str,
    /// WKT 1 projection name.
    pub wkt: &'static str,
    /// GeoTIFF coordinate transformation code (ProjMethodGeoKey).
    pub geotiff: u16,
    /// All its parameters.
    pub parameters: &'static [Parameter],
}

const fn parameter(
    proj: &'static str,
    cf: &'static str,
    wkt: &'static str,
    geokey: u16,
    default: f64,
) -> Parameter {
    Parameter {
        proj,
        cf: if cf.is_empty() { None } else { Some(cf) },
        wkt: if wkt.is_empty() { None } else { Some(wkt) },
        geokey: if geokey == 0 { None } else { Some(geokey) },
        default,
    }
}

const X_0: Parameter = parameter("x_0", "false_easting", "false_easting", 3082, 0.0);
const Y_0: Parameter = parameter("y_0", "false_northing", "false_northing", 3083, 0.0);

const ORIGIN_LAT: &str = "latitude_of_projection_origin";
const ORIGIN_LON: &str = "longitude_of_projection_origin";
const MERIDIAN: &str = "longitude_of_central_meridian";
pub(super) const ORIGIN_SCALE: &str = "scale_factor_at_projection_origin";
pub(super) const CENTRAL_SCALE: &str = "scale_factor_at_central_meridian";
pub(super) const PARALLEL: &str = "standard_parallel";

pub(super) const TRANSVERSE_MERCATOR: Method = Method {
    proj: "tmerc",
    cf: "transverse_mercator",
    wkt: "Transverse_Mercator",
    geotiff: 1,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "latitude_of_origin", 3081, 0.0),
        parameter("lon_0", MERIDIAN, "central_meridian", 3080, 0.0),
        parameter("k", CENTRAL_SCALE, "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
pub(super) const MERCATOR_1SP: Method = Method {
    proj: "merc",
    cf: "mercator",
    wkt: "Mercator_1SP",
    geotiff: 7,
    parameters: &[
        parameter("lon_0", ORIGIN_LON, "central_meridian", 3080, 0.0),
        parameter("k", ORIGIN_SCALE, "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
pub(super) const MERCATOR_2SP: Method = Method {
    proj: "merc",
    cf: "mercator",
    wkt: "Mercator_2SP",
    geotiff: 7,
    parameters: &[
        parameter("lat_ts", PARALLEL, "standard_parallel_1", 3078, 0.0),
        parameter("lon_0", ORIGIN_LON, "central_meridian", 3080, 0.0),
        X_0,
        Y_0,
    ],
};
pub(super) const LAMBERT_CONFORMAL_2SP: Method = Method {
    proj: "lcc",
    cf: "lambert_conformal_conic",
    wkt: "Lambert_Conformal_Conic_2SP",
    geotiff: 8,
    parameters: &[
        parameter("lat_1", PARALLEL, "standard_parallel_1", 3078, 0.0),
        parameter("lat_2", PARALLEL, "standard_parallel_2", 3079, 0.0),
        parameter("lat_0", ORIGIN_LAT, "latitude_of_origin", 3085, 0.0),
        parameter("lon_0", MERIDIAN, "central_meridian", 3084, 0.0),
        parameter("x_0", "false_easting", "false_easting", 3086, 0.0),
        parameter("y_0", "false_northing", "false_northing", 3087, 0.0),
    ],
};
pub(super) const LAMBERT_CONFORMAL_1SP: Method = Method {
    proj: "lcc",
    cf: "lambert_conformal_conic",
    wkt: "Lambert_Conformal_Conic_1SP",
    geotiff: 9,
    // CF has no scale factor for this method; one other than 1 falls back to the WKT there.
    parameters: &[
        parameter("lat_1", PARALLEL, "", 0, 0.0),
        parameter("lat_0", ORIGIN_LAT, "latitude_of_origin", 3081, 0.0),
        parameter("lon_0", MERIDIAN, "central_meridian", 3080, 0.0),
        parameter("k", "", "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
pub(super) const LAMBERT_AZIMUTHAL: Method = Method {
    proj: "laea",
    cf: "lambert_azimuthal_equal_area",
    wkt: "Lambert_Azimuthal_Equal_Area",
    geotiff: 10,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "latitude_of_center", 3089, 0.0),
        parameter("lon_0", ORIGIN_LON, "longitude_of_center", 3088, 0.0),
        X_0,
        Y_0,
    ],
};
pub(super) const ALBERS: Method = Method {
    proj: "aea",
    cf: "albers_conical_equal_area",
    wkt: "Albers_Conic_Equal_Area",
    geotiff: 11,
    parameters: &[
        parameter("lat_1", PARALLEL, "standard_parallel_1", 3078, 0.0),
        parameter("lat_2", PARALLEL, "standard_parallel_2", 3079, 0.0),
        parameter("lat_0", ORIGIN_LAT, "latitude_of_center", 3081, 0.0),
        parameter("lon_0", MERIDIAN, "longitude_of_center", 3080, 0.0),
        X_0,
        Y_0,
    ],
};
pub(super) const AZIMUTHAL_EQUIDISTANT: Method = Method {
    proj: "aeqd",
    cf: "azimuthal_equidistant",
    wkt: "Azimuthal_Equidistant",
    geotiff: 12,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "latitude_of_center", 3089, 0.0),
        parameter("lon_0", ORIGIN_LON, "longitude_of_center", 3088, 0.0),
        X_0,
        Y_0,
    ],
};
pub(super) const STEREOGRAPHIC: Method = Method {
    proj: "stere",
    cf: "stereographic",
    wkt: "Stereographic",
    geotiff: 14,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "latitude_of_origin", 3089, 0.0),
        parameter("lon_0", ORIGIN_LON, "central_meridian", 3088, 0.0),
        parameter("k", ORIGIN_SCALE, "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
/// With a scale factor at the pole (EPSG 9810, variant A).
pub(super) const POLAR_A: Method = Method {
    proj: "stere",
    cf: "polar_stereographic",
    wkt: "Polar_Stereographic",
    geotiff: 15,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "latitude_of_origin", 3081, 90.0),
        parameter(
            "lon_0",
            "straight_vertical_longitude_from_pole",
            "central_meridian",
            3095,
            0.0,
        ),
        parameter("k", ORIGIN_SCALE, "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
/// With a latitude of true scale (EPSG 9829, variant B).
pub(super) const POLAR_B: Method = Method {
    proj: "stere",
    cf: "polar_stereographic",
    wkt: "Polar_Stereographic",
    geotiff: 15,
    parameters: &[
        parameter("lat_0", ORIGIN_LAT, "", 0, 90.0),
        parameter("lat_ts", PARALLEL, "latitude_of_origin", 3081, 90.0),
        parameter(
            "lon_0",
            "straight_vertical_longitude_from_pole",
            "central_meridian",
            3095,
            0.0,
        ),
        parameter("k", "", "scale_factor", 3092, 1.0),
        X_0,
        Y_0,
    ],
};
pub(super) const SINUSOIDAL: Method = Method {
    proj: "sinu",
    cf: "sinusoidal",
    wkt: "Sinusoidal",
    geotiff: 24,
    parameters: &[
        parameter("lon_0", ORIGIN_LON, "longitude_of_center", 3088, 0.0),
        X_0,
        Y_0,
    ],
};
pub(super) const CYLINDRICAL_EQUAL_AREA: Method = Method {
    proj: "cea",
    cf: "lambert_cylindrical_equal_area",
    wkt: "Cylindrical_Equal_Area",
    geotiff: 28,
    parameters: &[
        parameter("lat_ts", PARALLEL, "standard_parallel_1", 3078, 0.0),
        parameter("lon_0", MERIDIAN, "central_meridian", 3080, 0.0),
        X_0,
        Y_0,
    ],
};
