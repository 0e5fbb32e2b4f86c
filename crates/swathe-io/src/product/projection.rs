//! Map projections by their parameters: from PROJ strings and CF attributes, and back.

mod methods;

use methods::{
    ALBERS, AZIMUTHAL_EQUIDISTANT, CENTRAL_SCALE, CYLINDRICAL_EQUAL_AREA, LAMBERT_AZIMUTHAL,
    LAMBERT_CONFORMAL_1SP, LAMBERT_CONFORMAL_2SP, MERCATOR_1SP, MERCATOR_2SP, Method, ORIGIN_SCALE,
    PARALLEL, POLAR_A, POLAR_B, Parameter, SINUSOIDAL, STEREOGRAPHIC, TRANSVERSE_MERCATOR,
};

/// An ellipsoid; a sphere has no flattening.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ellipsoid {
    /// Semi-major axis in metres.
    pub semi_major: f64,
    /// Inverse flattening, 0 for a sphere.
    pub inverse_flattening: f64,
}

const WGS84: Ellipsoid = Ellipsoid {
    semi_major: 6_378_137.0,
    inverse_flattening: 298.257_223_563,
};
const GRS80: Ellipsoid = Ellipsoid {
    semi_major: 6_378_137.0,
    inverse_flattening: 298.257_222_101,
};

/// What longitude and latitude refer to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Datum {
    /// WGS 84, EPSG:4326.
    Wgs84,
    /// NAD83, EPSG:4269.
    Nad83,
    /// An ellipsoid without a datum.
    Unknown(Ellipsoid),
}

impl Datum {
    pub fn ellipsoid(self) -> Ellipsoid {
        match self {
            Datum::Wgs84 => WGS84,
            Datum::Nad83 => GRS80,
            Datum::Unknown(ellipsoid) => ellipsoid,
        }
    }
}

/// A CRS by its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Parsed {
    /// Longitude and latitude.
    LonLat(Datum),
    /// A projection of it.
    Projected(Projected),
}

/// A projected CRS: a method with the values of its parameters, in the order of the method's list.
#[derive(Debug, Clone)]
pub(super) struct Projected {
    pub datum: Datum,
    pub method: &'static Method,
    /// Angles in degrees; false easting and northing in metres.
    pub values: Vec<f64>,
    /// Metres in one unit of the coordinates.
    pub metres_per_unit: f64,
}

impl PartialEq for Projected {
    fn eq(&self, other: &Self) -> bool {
        self.method.wkt == other.method.wkt
            && self.datum == other.datum
            && self.values == other.values
            && self.metres_per_unit == other.metres_per_unit
    }
}

impl Projected {
    /// Parameters with their values: angles in degrees, lengths in the units of the coordinates.
    pub fn parameters(&self) -> impl Iterator<Item = (&'static Parameter, f64)> + '_ {
        self.method
            .parameters
            .iter()
            .zip(&self.values)
            .map(|(p, &value)| match p.proj {
                "x_0" | "y_0" => (p, value / self.metres_per_unit),
                _ => (p, value),
            })
    }

    /// The PROJ string.
    pub fn proj_string(&self) -> String {
        let mut text = format!("+proj={}", self.method.proj);
        for (parameter, value) in self.method.parameters.iter().zip(&self.values) {
            text.push_str(&format!(" +{}={value}", parameter.proj));
        }
        text.push_str(&datum_text(self.datum));
        text.push_str(&match unit(self.metres_per_unit) {
            Some(unit) => format!(" +units={}", unit.proj),
            None => format!(" +to_meter={}", self.metres_per_unit),
        });
        text + " +no_defs"
    }
}

/// The PROJ terms of a datum, each after a space.
pub(super) fn datum_text(datum: Datum) -> String {
    match datum {
        Datum::Wgs84 => " +datum=WGS84".into(),
        Datum::Nad83 => " +datum=NAD83".into(),
        Datum::Unknown(e) if e.inverse_flattening == 0.0 => format!(" +R={}", e.semi_major),
        Datum::Unknown(e) => format!(" +a={} +rf={}", e.semi_major, e.inverse_flattening),
    }
}

/// A length unit under its names.
#[derive(Debug)]
pub(super) struct Unit {
    pub proj: &'static str,
    pub metres: f64,
    /// Name in WKT.
    pub wkt: &'static str,
    /// Name that UDUNITS knows.
    pub udunits: &'static str,
    /// EPSG code, used by GeoTIFF.
    pub epsg: u16,
}

const UNITS: [Unit; 4] = [
    Unit {
        proj: "m",
        metres: 1.0,
        wkt: "metre",
        udunits: "m",
        epsg: 9001,
    },
    Unit {
        proj: "km",
        metres: 1000.0,
        wkt: "kilometre",
        udunits: "km",
        epsg: 9036,
    },
    Unit {
        proj: "ft",
        metres: 0.3048,
        wkt: "foot",
        udunits: "foot",
        epsg: 9002,
    },
    Unit {
        proj: "us-ft",
        metres: 1200.0 / 3937.0,
        wkt: "US survey foot",
        udunits: "US_survey_foot",
        epsg: 9003,
    },
];

/// The unit of so many metres.
pub(super) fn unit(metres: f64) -> Option<&'static Unit> {
    UNITS
        .iter()
        .find(|u| (u.metres - metres).abs() <= 1e-9 * u.metres)
}

/// The length unit of a name that files use for coordinates.
pub(super) fn unit_named(name: &str) -> Option<&'static Unit> {
    let proj = match name.trim().to_ascii_lowercase().as_str() {
        "m" | "meter" | "meters" | "metre" | "metres" => "m",
        "km" | "kilometer" | "kilometers" | "kilometre" | "kilometres" => "km",
        "foot" | "feet" | "ft" => "ft",
        "us_survey_foot" | "us_survey_feet" => "us-ft",
        _ => return None,
    };
    UNITS.iter().find(|unit| unit.proj == proj)
}

/// Takes a PROJ string apart. `None` where it has a method, datum shift or term that is not in the
/// tables here: then nothing but the string itself describes it.
pub(super) fn parse(proj: &str) -> Option<Parsed> {
    let terms: Vec<(&str, &str)> = proj
        .split_whitespace()
        .map(|term| {
            let term = term.strip_prefix('+').unwrap_or(term);
            term.split_once('=').unwrap_or((term, ""))
        })
        .collect();
    let text = |key: &str| terms.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    let number = |key: &str| match text(key) {
        None => Some(None),
        Some(v) => v.parse::<f64>().ok().filter(|v| v.is_finite()).map(Some),
    };
    const KNOWN: [&str; 30] = [
        "proj", "zone", "south", "lat_0", "lat_1", "lat_2", "lat_ts", "lon_0", "k", "k_0", "x_0",
        "y_0", "datum", "ellps", "a", "b", "rf", "f", "R", "towgs84", "nadgrids", "units",
        "to_meter", "no_defs", "type", "wktext", "over", "lon_wrap", "vunits", "title",
    ];
    if terms.iter().any(|(key, _)| !KNOWN.contains(key)) {
        return None;
    }
    let shifted = text("towgs84")
        .is_some_and(|t| t.split(',').any(|v| v.trim().parse::<f64>() != Ok(0.0)))
        || text("nadgrids").is_some_and(|grids| grids != "@null");
    if shifted {
        return None;
    }
    let datum = datum(&text, &number)?;
    let name = text("proj")?;
    if matches!(name, "longlat" | "latlong" | "lonlat" | "latlon") {
        return Some(Parsed::LonLat(datum));
    }

    let metres_per_unit = match (number("to_meter")?, text("units")) {
        (Some(metres), _) => metres,
        (None, Some(name)) => UNITS.iter().find(|u| u.proj == name)?.metres,
        (None, None) => 1.0,
    };
    if metres_per_unit <= 0.0 {
        return None;
    }
    let scale = number("k_0")?.or(number("k")?);
    let lat_0 = number("lat_0")?.unwrap_or(0.0);
    let given = |key: &str| -> Option<Option<f64>> {
        match key {
            "k" => Some(scale),
            key => number(key),
        }
    };
    let method = match name {
        "utm" => {
            let zone: u8 = text("zone")?
                .parse()
                .ok()
                .filter(|z| (1..=60).contains(z))?;
            let northing = if text("south").is_some() { 1e7 } else { 0.0 };
            return Some(Parsed::Projected(Projected {
                datum,
                method: &TRANSVERSE_MERCATOR,
                values: vec![0.0, f64::from(zone) * 6.0 - 183.0, 0.9996, 5e5, northing],
                metres_per_unit,
            }));
        }
        "tmerc" | "etmerc" => &TRANSVERSE_MERCATOR,
        "merc" if number("lat_ts")?.is_some_and(|lat| lat != 0.0) => &MERCATOR_2SP,
        "merc" => &MERCATOR_1SP,
        "lcc" => {
            let one = number("lat_1")?;
            let two = number("lat_2")?;
            match two {
                None if one.unwrap_or(0.0) == lat_0 => &LAMBERT_CONFORMAL_1SP,
                // One parallel away from the origin is neither variant.
                None => return None,
                Some(_) if scale.is_some_and(|k| k != 1.0) => return None,
                Some(_) => &LAMBERT_CONFORMAL_2SP,
            }
        }
        "laea" => &LAMBERT_AZIMUTHAL,
        "aea" => &ALBERS,
        "aeqd" => &AZIMUTHAL_EQUIDISTANT,
        "stere" if lat_0.abs() == 90.0 => match number("lat_ts")? {
            Some(_) if scale.is_some_and(|k| k != 1.0) => return None,
            Some(_) => &POLAR_B,
            None => &POLAR_A,
        },
        "stere" => &STEREOGRAPHIC,
        "sinu" => &SINUSOIDAL,
        "cea" if scale.is_none_or(|k| k == 1.0) => &CYLINDRICAL_EQUAL_AREA,
        _ => return None,
    };
    let values = method
        .parameters
        .iter()
        .map(|p| Some(given(p.proj)?.unwrap_or(p.default)))
        .collect::<Option<Vec<f64>>>()?;
    Some(Parsed::Projected(Projected {
        datum,
        method,
        values,
        metres_per_unit,
    }))
}

/// A projected CRS from CF's name of the method and its attributes. `None` where the method is not in
/// the tables here, or has a scale factor that the table has no place for.
pub(super) fn from_cf(
    name: &str,
    attribute: &dyn Fn(&str) -> Option<Vec<f64>>,
    datum: Datum,
    metres_per_unit: f64,
) -> Option<Projected> {
    let parallels = attribute(PARALLEL).map_or(0, |values| values.len());
    let method = match (name, parallels) {
        ("mercator", 0) => &MERCATOR_1SP,
        ("mercator", _) => &MERCATOR_2SP,
        ("lambert_conformal_conic", 2..) => &LAMBERT_CONFORMAL_2SP,
        ("lambert_conformal_conic", _) => &LAMBERT_CONFORMAL_1SP,
        ("polar_stereographic", 0) => &POLAR_A,
        ("polar_stereographic", _) => &POLAR_B,
        _ => {
            let others = [
                &TRANSVERSE_MERCATOR,
                &LAMBERT_AZIMUTHAL,
                &ALBERS,
                &AZIMUTHAL_EQUIDISTANT,
                &STEREOGRAPHIC,
                &SINUSOIDAL,
                &CYLINDRICAL_EQUAL_AREA,
            ];
            others.into_iter().find(|method| method.cf == name)?
        }
    };
    let has_place = |name: &str| method.parameters.iter().any(|p| p.cf == Some(name));
    for scale in [ORIGIN_SCALE, CENTRAL_SCALE] {
        if !has_place(scale) && attribute(scale).is_some_and(|k| k != [1.0]) {
            return None;
        }
    }
    let value = |p: &Parameter| {
        let values = p.cf.and_then(attribute).unwrap_or_default();
        // Two standard parallels are one attribute.
        let index = usize::from(p.proj == "lat_2");
        let value = values.get(index).copied().unwrap_or(p.default);
        match p.proj {
            "x_0" | "y_0" => value * metres_per_unit,
            _ => value,
        }
    };
    Some(Projected {
        datum,
        method,
        values: method.parameters.iter().map(value).collect(),
        metres_per_unit,
    })
}

fn datum<'a>(
    text: &impl Fn(&str) -> Option<&'a str>,
    number: &impl Fn(&str) -> Option<Option<f64>>,
) -> Option<Datum> {
    match text("datum") {
        Some("WGS84") => return Some(Datum::Wgs84),
        Some("NAD83") => return Some(Datum::Nad83),
        Some(_) => return None,
        None => {}
    }
    let sphere = |radius: f64| Ellipsoid {
        semi_major: radius,
        inverse_flattening: 0.0,
    };
    let ellipsoid = if let Some(radius) = number("R")? {
        sphere(radius)
    } else if let Some(a) = number("a")? {
        let inverse_flattening = match (number("rf")?, number("f")?, number("b")?) {
            (Some(rf), _, _) => rf,
            (None, Some(f), _) if f != 0.0 => 1.0 / f,
            (None, None, Some(b)) if b != a => a / (a - b),
            _ => 0.0,
        };
        Ellipsoid {
            semi_major: a,
            inverse_flattening,
        }
    } else {
        let of = |semi_major, inverse_flattening| Ellipsoid {
            semi_major,
            inverse_flattening,
        };
        match text("ellps") {
            // Without any word about it, PROJ takes GRS80 and proj4rs WGS84: the difference is 0.1 mm.
            None | Some("WGS84") => WGS84,
            Some("GRS80") => GRS80,
            Some("WGS72") => of(6_378_135.0, 298.26),
            Some("clrk66") => of(6_378_206.4, 294.978_698_213_898_2),
            Some("bessel") => of(6_377_397.155, 299.152_812_8),
            Some("intl") => of(6_378_388.0, 297.0),
            Some("krass") => of(6_378_245.0, 298.3),
            Some("sphere") => sphere(6_370_997.0),
            Some(_) => return None,
        }
    };
    let sane = ellipsoid.semi_major > 0.0
        && (ellipsoid.inverse_flattening == 0.0 || ellipsoid.inverse_flattening > 1.0);
    sane.then_some(Datum::Unknown(ellipsoid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projected(proj: &str) -> Projected {
        match parse(proj) {
            Some(Parsed::Projected(p)) => p,
            other => panic!("{proj}: {other:?}"),
        }
    }

    #[test]
    fn utm_is_transverse_mercator() {
        let p = projected("+proj=utm +zone=18 +south +datum=WGS84 +units=m +no_defs");
        assert_eq!(p.method.cf, "transverse_mercator");
        assert_eq!(p.values, [0.0, -75.0, 0.9996, 5e5, 1e7]);
    }

    #[test]
    fn false_eastings_are_in_the_units_of_the_coordinates() {
        let p = projected("+proj=laea +lat_0=52 +x_0=4321000 +units=km +ellps=GRS80");
        assert_eq!(p.datum, Datum::Unknown(GRS80));
        let easting = p.parameters().find(|(p, _)| p.proj == "x_0").unwrap().1;
        assert_eq!(easting, 4321.0);
    }

    #[test]
    fn variants_are_told_apart() {
        let method = |proj| projected(proj).method.wkt;
        assert_eq!(
            projected("+proj=stere +lat_0=90 +lat_ts=70").values[..3],
            [90.0, 70.0, 0.0]
        );
        assert_eq!(
            projected("+proj=stere +lat_0=-90 +k=0.994").values[..3],
            [-90.0, 0.0, 0.994]
        );
        assert_eq!(method("+proj=stere +lat_0=52"), "Stereographic");
        assert_eq!(method("+proj=merc +lat_ts=20"), "Mercator_2SP");
        assert_eq!(method("+proj=merc"), "Mercator_1SP");
        assert_eq!(
            method("+proj=lcc +lat_1=30 +lat_0=30"),
            "Lambert_Conformal_Conic_1SP"
        );
        assert_eq!(
            method("+proj=lcc +lat_1=30 +lat_2=60"),
            "Lambert_Conformal_Conic_2SP"
        );
    }

    #[test]
    fn what_the_tables_cannot_say_is_not_guessed() {
        for proj in [
            "+proj=robin",
            "+proj=utm +zone=99",
            "+proj=laea +towgs84=1,2,3",
            "+proj=laea +pm=paris",
            "+proj=laea +lat_0=x",
            "+proj=lcc +lat_1=30 +lat_0=31",
            "",
        ] {
            assert_eq!(parse(proj), None, "{proj}");
        }
    }

    #[test]
    fn the_string_parses_back_to_the_same() {
        for proj in [
            "+proj=tmerc +lat_0=1 +lon_0=2 +k=0.9 +x_0=3 +y_0=4 +datum=NAD83 +units=us-ft",
            "+proj=lcc +lat_1=30 +lat_2=60 +lat_0=38 +lon_0=126 +R=6371229",
            "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +datum=WGS84",
            "+proj=cea +lat_ts=30 +datum=WGS84 +to_meter=500",
        ] {
            let p = projected(proj);
            assert_eq!(projected(&p.proj_string()), p, "{proj}");
        }
    }
}
