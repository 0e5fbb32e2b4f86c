//! The netCDF data model, as read from HDF5/netCDF-4 or classic netCDF-3 files.

/// Type of a variable's elements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DataType {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// Text: fixed-length or variable-length strings, or netCDF-3 characters.
    Text,
    /// A type that is listed but not read: its HDF5 class.
    Other(String),
}

/// Value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum AttributeValue {
    Text(String),
    Texts(Vec<String>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Attributes in file order.
pub type Attributes = Vec<(String, AttributeValue)>;

/// Elements of a variable, row-major.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Array {
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
}

/// A dimension of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dimension {
    /// Name.
    pub name: String,
    /// Current length.
    pub len: usize,
    /// Whether it can grow.
    pub unlimited: bool,
}

/// A variable: what is known without reading its data.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Full path, `/geophysical_data/chlor_a`.
    pub path: String,
    /// Type of the elements as stored.
    pub dtype: DataType,
    /// Names of the dimensions, outermost first (`phony_dim_N` where the file gives none).
    pub dims: Vec<String>,
    /// Lengths of the dimensions.
    pub shape: Vec<usize>,
    /// Attributes, without netCDF-4's internal ones.
    pub attributes: Attributes,
    /// Shape of a storage chunk, where the data is chunked.
    pub chunk_shape: Option<Vec<usize>>,
}

/// A group: dimensions, variables, subgroups, attributes.
#[derive(Debug, Clone)]
pub struct Group {
    /// Full path, `/` for the root.
    pub path: String,
    /// Dimensions defined here.
    pub dimensions: Vec<Dimension>,
    /// Variables.
    pub variables: Vec<Variable>,
    /// Subgroups.
    pub groups: Vec<Group>,
    /// Attributes.
    pub attributes: Attributes,
}
