//! Open files: what is in them, and their arrays as stored.

use crate::attributes;
use crate::errors::{Fault, Raise, exception};
use crate::inputs::{Input, dataset};
use crate::pool::{pool, reading};
use crate::watched::watched;
use numpy::{Element, PyArrayDyn, PyArrayMethods as _};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};
use std::ops::Range;
use std::sync::Arc;
use swathe::core::source::SwathSource as _;
use swathe::io::dataset::{Array, DataType, Dataset, Group, Variable};
use swathe::io::error::Error;
use swathe::io::granule;
use swathe::io::unpacking::{Real, Unpacking};
use swathe::job::{JobError, memory_available};

/// Elements that are read on the calling thread: waking others takes longer.
const LITTLE: usize = 1 << 13;

/// Fills, factor, offset, and whether the result is in double precision.
type Packed = (Vec<f64>, Option<f64>, Option<f64>, bool);

/// Any file that can be read, swath or not.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct File(Arc<Dataset>);

#[pymethods]
impl File {
    /// Whether it is HDF5; else it is classic netCDF.
    #[getter]
    fn is_hdf5(&self) -> bool {
        self.0.is_hdf5()
    }

    #[new]
    fn new(py: Python<'_>, input: Input) -> PyResult<Self> {
        let open = move |_: &_| dataset(&input);
        Ok(File(Arc::new(watched(py, None, open)?)))
    }

    /// The root group: `{"path", "dimensions", "attributes", "variables", "groups"}`.
    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        group(py, &self.0, self.0.root())
    }

    /// Elements of a slab, a range for every dimension: as they are stored, or, of packed ones, what they stand for.
    /// `packing`: fills, factor, offset, and whether the result is in double precision.
    #[pyo3(signature = (path, slab, packing=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        slab: Vec<(usize, usize)>,
        packing: Option<Packed>,
    ) -> PyResult<Bound<'py, PyAny>> {
        read(py, &self.0, path, slab, packing)
    }
}

/// A granule.
#[pyclass(frozen, module = "swathe._swathe")]
pub struct Granule(Arc<granule::Granule>);

#[pymethods]
impl Granule {
    #[new]
    fn new(py: Python<'_>, input: Input) -> PyResult<Self> {
        let open = move |_: &_| Ok::<_, Fault>(granule::Granule::from_dataset(dataset(&input)?)?);
        Ok(Granule(Arc::new(watched(py, None, open)?)))
    }

    /// Everything that `swathe info --json` prints of it, as JSON. Reads the geolocation, for the extent.
    fn info(&self, py: Python<'_>) -> PyResult<String> {
        let granule = self.0.clone();
        let info = watched(py, None, move |_| {
            let pool = pool(None)?;
            Ok::<_, Fault>(pool.install(|| granule.info())?)
        })?;
        serde_json::to_string(&info)
            .map_err(|error| exception(py, "SwatheError", &error.to_string(), None))
    }

    /// Longitude and latitude of about `count` points on each side of the swath, in a ring.
    fn outline(&self, py: Python<'_>, count: usize) -> PyResult<Vec<(f64, f64)>> {
        let granule = self.0.clone();
        watched(py, None, move |_| {
            let pool = pool(None)?;
            Ok::<_, Fault>(pool.install(|| outline(&granule, count))?)
        })
    }

    /// Base name of the file.
    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    /// (lines, pixels).
    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.0.shape()
    }

    /// First and last observation in milliseconds since 1970 UTC, where known.
    #[getter]
    fn time(&self) -> (Option<i64>, Option<i64>) {
        let time = self.0.time();
        (time.start, time.end)
    }

    /// Variables on the swath: path, and names of the dimensions.
    #[getter]
    fn variables(&self) -> Vec<(String, Vec<String>)> {
        let variables = self.0.variables().iter();
        variables
            .map(|v| (v.path().to_owned(), v.dims.clone()))
            .collect()
    }

    /// Names of the quality flags, and the path of their variable.
    #[getter]
    fn flags(&self) -> (Vec<String>, Option<String>) {
        let names = self
            .0
            .flag_table()
            .map(|table| table.names().map(str::to_owned).collect());
        (
            names.unwrap_or_default(),
            self.0.flag_path().map(str::to_owned),
        )
    }

    /// Paths of latitude and longitude.
    #[getter]
    fn geolocation(&self) -> (String, String) {
        let (latitude, longitude) = self.0.geolocation_paths();
        (latitude.to_owned(), longitude.to_owned())
    }

    /// As [`File::root`].
    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        group(py, self.0.dataset(), self.0.dataset().root())
    }

    /// As [`File::read`].
    #[pyo3(signature = (path, slab, packing=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        path: &str,
        slab: Vec<(usize, usize)>,
        packing: Option<Packed>,
    ) -> PyResult<Bound<'py, PyAny>> {
        read(py, self.0.dataset(), path, slab, packing)
    }
}

fn group<'py>(
    py: Python<'py>,
    dataset: &Dataset,
    group_of: &Group,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("path", &group_of.path)?;
    let dimensions = group_of.dimensions.iter();
    let dimensions: Vec<_> = dimensions.map(|d| (&d.name, d.len, d.unlimited)).collect();
    dict.set_item("dimensions", dimensions)?;
    dict.set_item("attributes", attributes::to_dict(py, &group_of.attributes)?)?;
    let variables = PyList::empty(py);
    for variable in &group_of.variables {
        let of = PyDict::new(py);
        of.set_item("path", &variable.path)?;
        let characters = dataset.is_characters(variable);
        let dtype = if characters {
            "char"
        } else {
            variable.dtype.name()
        };
        of.set_item("dtype", dtype)?;
        of.set_item("big_endian", dataset.is_big_endian(variable))?;
        of.set_item("dims", &variable.dims)?;
        of.set_item("shape", &variable.shape)?;
        of.set_item("attributes", attributes::to_dict(py, &variable.attributes)?)?;
        of.set_item("chunks", &variable.chunk_shape)?;
        let filters = dataset.filters(variable).into_iter();
        let filters: Vec<_> = filters.map(|f| (f.id, f.parameters)).collect();
        of.set_item("filters", filters)?;
        variables.append(of)?;
    }
    dict.set_item("variables", variables)?;
    let groups: PyResult<Vec<_>> = group_of
        .groups
        .iter()
        .map(|g| group(py, dataset, g))
        .collect();
    dict.set_item("groups", groups?)?;
    Ok(dict)
}

fn read<'py>(
    py: Python<'py>,
    dataset: &Dataset,
    path: &str,
    slab: Vec<(usize, usize)>,
    packing: Option<Packed>,
) -> PyResult<Bound<'py, PyAny>> {
    let variable = dataset.find(path).ok_or_else(|| Error::Missing {
        path: dataset.name().to_owned(),
        kind: "variable",
        name: path.to_owned(),
        hint: None,
    });
    let reading = Reading {
        dataset,
        variable: variable.map_err(|e| e.raise(py))?,
        slab: slab.into_iter().map(|(start, end)| start..end).collect(),
    };
    if let Some((fills, scale, offset, double)) = packing {
        let unpacking = Unpacking {
            fills,
            scale,
            offset,
        };
        return match double {
            false => reading.unpacked::<f32>(py, &unpacking),
            true => reading.unpacked::<f64>(py, &unpacking),
        };
    }
    match reading.variable.dtype {
        DataType::I8 => reading.numbers::<i8>(py),
        DataType::U8 => reading.numbers::<u8>(py),
        DataType::I16 => reading.numbers::<i16>(py),
        DataType::U16 => reading.numbers::<u16>(py),
        DataType::I32 => reading.numbers::<i32>(py),
        DataType::U32 => reading.numbers::<u32>(py),
        DataType::I64 => reading.numbers::<i64>(py),
        DataType::U64 => reading.numbers::<u64>(py),
        DataType::F32 => reading.numbers::<f32>(py),
        DataType::F64 => reading.numbers::<f64>(py),
        DataType::Text | DataType::Other(_) => reading.texts(py),
    }
}

/// A slab of a variable that is asked for.
struct Reading<'a> {
    dataset: &'a Dataset,
    variable: &'a Variable,
    slab: Vec<Range<usize>>,
}

impl Reading<'_> {
    /// The numbers as they are stored.
    fn numbers<'py, T: Element + bytemuck::Pod>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.filled(py, |out: &mut [T]| {
            let out = bytemuck::cast_slice_mut(out);
            self.dataset.read_into(self.variable, &self.slab, out)
        })
    }

    /// What packed numbers stand for.
    fn unpacked<'py, T: Element + Real>(
        &self,
        py: Python<'py>,
        unpacking: &Unpacking,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.filled(py, |out: &mut [T]| {
            unpacking.read_into(self.dataset, self.variable, &self.slab, out)
        })
    }

    fn texts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let texts = self.here_or_there(py, || self.dataset.read(self.variable, &self.slab))?;
        let Array::Text(texts) = texts else {
            return Ok(PyList::empty(py).into_any());
        };
        Ok(PyList::new(py, texts)?.into_any())
    }

    /// An array that numpy makes and `fill` writes over. numpy's large arrays are of large pages where the system has
    /// them, which are made ready in half of the time.
    fn filled<'py, T: Element>(
        &self,
        py: Python<'py>,
        fill: impl Fn(&mut [T]) -> Result<(), Error> + Send + Sync,
    ) -> PyResult<Bound<'py, PyAny>> {
        // Much that is not stored is given where there is room, as fills. The index of chunks may have to be read, by a
        // file object whose lock another thread has.
        let bytes = self
            .slab
            .iter()
            .try_fold(size_of::<T>() as u64, |bytes, range| {
                bytes.checked_mul(range.len() as u64)
            });
        if bytes.is_none_or(|bytes| bytes > memory_available()) {
            let fits = py.detach(|| self.dataset.check_size(self.variable, &self.slab));
            fits.map_err(|e| e.raise(py))?;
        }
        let shape = PyTuple::new(py, self.slab.iter().map(Range::len))?;
        let numpy = PyModule::import(py, intern!(py, "numpy"))?;
        let array = numpy.call_method1(intern!(py, "empty"), (shape, T::get_dtype(py)))?;
        {
            let array = array.cast::<PyArrayDyn<T>>()?;
            let mut written = array.readwrite();
            let out = written.as_slice_mut()?;
            self.here_or_there(py, || fill(out))?;
        }
        Ok(array)
    }

    /// What `read` gives, on this thread where it is little, else on those that decode; the interpreter is free.
    fn here_or_there<R: Send>(
        &self,
        py: Python<'_>,
        read: impl FnOnce() -> Result<R, Error> + Send,
    ) -> PyResult<R> {
        let little = self.slab.iter().map(Range::len).product::<usize>() <= LITTLE;
        let pool = reading().map_err(|e| e.raise(py))?;
        let read = py.detach(|| match little {
            true => read(),
            false => pool.install(read),
        });
        read.map_err(|e| e.raise(py))
    }
}

/// Longitude and latitude of about `count` points on each side of a swath, in a ring; what has no position
/// is passed over.
///
/// # Errors
/// When the geolocation cannot be read.
pub fn outline(granule: &granule::Granule, count: usize) -> Result<Vec<(f64, f64)>, JobError> {
    let (lines, pixels) = granule.shape();
    let geolocation = granule.geolocation(0..lines);
    let geolocation = geolocation.map_err(|error| JobError::Granule {
        name: granule.name().to_owned(),
        reason: error.to_string(),
    })?;
    let along = |len: usize| {
        let step = len.div_ceil(count.max(1)).max(1);
        (0..len.saturating_sub(1)).step_by(step)
    };
    let (last_line, last_pixel) = (lines.saturating_sub(1), pixels.saturating_sub(1));
    let ring = along(pixels)
        .map(|pixel| (0, pixel))
        .chain(along(lines).map(|line| (line, last_pixel)))
        .chain(along(pixels).map(|pixel| (last_line, last_pixel - pixel)))
        .chain(along(lines).map(|line| (last_line - line, 0)));
    let place = |(line, pixel): (usize, usize)| {
        let i = line * pixels + pixel;
        (geolocation.longitude.get(i), geolocation.latitude.get(i))
    };
    let located = |(lon, lat): &(f64, f64)| lon.abs() <= 360.0 && lat.abs() <= 90.0;
    Ok(ring.map(place).filter(located).collect())
}
