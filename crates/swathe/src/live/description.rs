//! What the page must know of maps to draw them.

use serde_json::{Value, json};
use swathe_core::geobox::GeoBox;
use swathe_io::dataset::Attributes;
use swathe_io::picture::{Limits, MapPicture, Palette, Sketch, SketchLine, Steps};
use swathe_io::product::{Statistic, TimeStep};

/// Points of a coast: in a page, and for one that asks for more.
const FEW: usize = 12_000;
const MANY: usize = 120_000;

/// Maps on one grid.
#[derive(Debug, Clone)]
pub struct Maps {
    pub geobox: GeoBox,
    pub layers: Vec<Look>,
    /// What the steps of time are called.
    pub steps: Vec<String>,
    /// Their times, seconds since 1970; NaN where unknown.
    pub times: Vec<f64>,
    /// Levels that there are: at level `k` one number stands for a square of 2^k x 2^k cells.
    pub levels: Vec<u32>,
    /// Whether that is the mean of those that are there; otherwise it is one of them.
    pub mean: bool,
}

/// How a layer is shown.
#[derive(Debug, Clone)]
pub struct Look {
    name: String,
    label: String,
    units: String,
    log: bool,
    limits: Option<(f64, f64)>,
    palette: &'static str,
    /// How it is called beside the value of another; such layers are always read out.
    beside: Option<&'static str>,
}

impl Look {
    /// As a variable's attributes ask for it.
    pub fn new(
        geobox: &GeoBox,
        name: &str,
        attributes: &Attributes,
        statistic: Option<Statistic>,
    ) -> Self {
        let picture = MapPicture::of_variable(geobox, &[], name, attributes);
        let limits = match picture.limits {
            Limits::Given(low, high) => Some((low, high)),
            Limits::Auto | Limits::Robust => None,
        };
        let beside = match statistic {
            Some(Statistic::Count) => Some("count"),
            Some(Statistic::Granules) => Some("granules"),
            _ => None,
        };
        let around = limits.unwrap_or((0.0, 1.0));
        let palette = Palette::for_variable(name, picture.standard_name.as_deref(), around);
        Look {
            name: picture.name,
            label: picture.title,
            units: picture.units,
            log: picture.steps == Steps::Log && beside.is_none(),
            limits: limits.filter(|_| beside.is_none()),
            palette: if beside.is_some() {
                "cividis"
            } else {
                palette.name()
            },
            beside,
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "units": self.units,
            "log": self.log,
            "low": self.limits.map(|limits| limits.0),
            "high": self.limits.map(|limits| limits.1),
            "palette": self.palette,
            "role": if self.beside.is_some() { "count" } else { "value" },
            "read": self.beside.is_some(),
            "short": self.beside,
        })
    }
}

impl Maps {
    /// As the page takes it, with a coast of few points.
    pub fn json(&self) -> Value {
        let (rows, columns) = self.geobox.shape();
        let edge = |axis: &swathe_core::geobox::Axis| json!([axis.at(0.0), axis.step()]);
        json!({
            "rows": rows,
            "columns": columns,
            "x": edge(&self.geobox.x),
            "y": edge(&self.geobox.y),
            "crs": self.geobox.crs.to_string(),
            "lonlat": self.geobox.crs.is_lonlat(),
            "layers": self.layers.iter().map(Look::json).collect::<Vec<_>>(),
            "steps": self.steps,
            "times": self.times.iter().map(|time| time.is_finite().then_some(*time)).collect::<Vec<_>>(),
            "levels": self.levels,
            "mean": self.mean,
            "coast": lines(&Sketch::new(&self.geobox).coast(FEW)),
        })
    }

    /// The coast with more points, for a page that can ask for it when it is there.
    pub fn coast(&self) -> Value {
        lines(&Sketch::new(&self.geobox).coast(MANY))
    }
}

/// Lines as the page takes them: x and y by turns, to a twentieth of a cell.
pub fn lines(lines: &[SketchLine]) -> Value {
    let rounded = |v: f32| (f64::from(v) * 20.0).round() / 20.0;
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        let mut numbers: Vec<f64> = Vec::with_capacity(2 * line.len());
        for (x, y) in line {
            let (x, y) = (rounded(*x), rounded(*y));
            if !numbers.ends_with(&[x, y]) {
                numbers.extend([x, y]);
            }
        }
        if numbers.len() > 2 {
            out.push(numbers);
        }
    }
    json!(out)
}

/// What a step of time is called.
pub fn step_name(step: &TimeStep) -> String {
    match (period_name((step.start, step.end)), &step.granule) {
        (period, _) if !period.is_empty() => period,
        (_, granule) => granule.clone().unwrap_or_default(),
    }
}

/// What a period is called, of its start and end in seconds since 1970 UTC; nothing where they are not known.
pub(super) fn period_name((start, end): (f64, f64)) -> String {
    let milliseconds = |seconds: f64| seconds.is_finite().then_some((seconds * 1e3) as i64);
    swathe_io::picture::time_line(milliseconds(start), milliseconds(end)).unwrap_or_default()
}
