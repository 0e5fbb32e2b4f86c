use super::*;

fn variable(dtype: DataType, attributes: Vec<(&str, AttributeValue)>) -> Variable {
    Variable {
        path: "/v".into(),
        dtype,
        dims: vec![],
        shape: vec![],
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        chunk_shape: None,
    }
}

fn decoded(dtype: DataType, attributes: Vec<(&str, AttributeValue)>, stored: Array) -> Values {
    Decoder::new(&variable(dtype, attributes), "a.nc")
        .expect("decodable")
        .decode(stored, None)
}

/// Bits, so that NaN equals NaN and the type counts.
fn bits(values: &Values) -> (bool, Vec<u64>) {
    match values {
        Values::F32(v) => (
            true,
            v.iter()
                .map(|v| {
                    if v.is_nan() {
                        u64::MAX
                    } else {
                        v.to_bits().into()
                    }
                })
                .collect(),
        ),
        Values::F64(v) => (
            false,
            v.iter()
                .map(|v| if v.is_nan() { u64::MAX } else { v.to_bits() })
                .collect(),
        ),
    }
}

fn assert_same(found: &Values, expected: &Values) {
    assert_eq!(bits(found), bits(expected), "{found:?} is not {expected:?}");
}

const NAN32: f32 = f32::NAN;

#[test]
fn plain_floats_lose_fill_range_nan_and_infinity() {
    let attributes = vec![
        ("_FillValue", AttributeValue::F32(vec![-32767.0])),
        ("valid_min", AttributeValue::F32(vec![0.001])),
        ("valid_max", AttributeValue::F32(vec![100.0])),
    ];
    let stored = vec![
        0.001,
        100.0,
        100.1,
        -999.0,
        -32767.0,
        NAN32,
        f32::INFINITY,
        5.0,
    ];
    let expected = vec![0.001, 100.0, NAN32, NAN32, NAN32, NAN32, NAN32, 5.0];
    assert_same(
        &decoded(DataType::F32, attributes, Array::F32(stored)),
        &Values::F32(expected),
    );
}

#[test]
fn the_default_fill_value_counts_only_without_an_own_one() {
    let default = 9.969_21e36_f32;
    let stored = || Array::F32(vec![default, 1.0]);
    assert_same(
        &decoded(DataType::F32, vec![], stored()),
        &Values::F32(vec![NAN32, 1.0]),
    );
    let own = vec![("_FillValue", AttributeValue::F32(vec![-1.0]))];
    assert_same(
        &decoded(DataType::F32, own, stored()),
        &Values::F32(vec![default, 1.0]),
    );
    let bytes = decoded(DataType::U8, vec![], Array::U8(vec![255, 254]));
    assert_same(&bytes, &Values::F32(vec![NAN32, 254.0]));
    let large = decoded(
        DataType::I64,
        vec![],
        Array::I64(vec![-9_223_372_036_854_775_806, 7]),
    );
    assert_same(&large, &Values::F64(vec![f64::NAN, 7.0]));
}

#[test]
fn limits_that_the_type_cannot_hold_are_no_limits() {
    // numpy: 0.001 in double precision is not a float32; 40000 is not an int16; text is no number.
    let float = vec![
        ("valid_min", AttributeValue::F64(vec![0.001])),
        ("_FillValue", AttributeValue::Text("-1".into())),
    ];
    assert_same(
        &decoded(DataType::F32, float, Array::F32(vec![-1.0])),
        &Values::F32(vec![-1.0]),
    );
    let integer = vec![
        ("valid_max", AttributeValue::I32(vec![40_000])),
        ("valid_min", AttributeValue::F64(vec![0.5])),
    ];
    assert_same(
        &decoded(DataType::I16, integer, Array::I16(vec![-3])),
        &Values::F32(vec![-3.0]),
    );
    // A valid_range of three is none, and does not hide valid_min.
    let three = vec![
        ("valid_range", AttributeValue::I16(vec![0, 1, 2])),
        ("valid_min", AttributeValue::I16(vec![1])),
    ];
    assert_same(
        &decoded(DataType::I16, three, Array::I16(vec![0, 9])),
        &Values::F32(vec![NAN32, 9.0]),
    );
}

#[test]
fn every_missing_value_is_missing() {
    let attributes = vec![
        ("missing_value", AttributeValue::I16(vec![-9999, -999])),
        ("_FillValue", AttributeValue::I16(vec![-32767])),
    ];
    let stored = Array::I16(vec![-9999, -999, -32767, -32768, 3]);
    assert_same(
        &decoded(DataType::I16, attributes, stored),
        &Values::F32(vec![NAN32, NAN32, NAN32, -32768.0, 3.0]),
    );
}

/// Oracle: numpy 2, `np.int16(v) * scale + offset` and so on.
#[test]
fn packing_follows_numpy_types() {
    let scaled = |dtype, scale, offset, stored| {
        decoded(
            dtype,
            vec![("scale_factor", scale), ("add_offset", offset)],
            stored,
        )
    };
    use AttributeValue::{F32, F64};
    let rrs = scaled(
        DataType::I16,
        F32(vec![2e-6]),
        F32(vec![0.05]),
        Array::I16(vec![-24_321]),
    );
    assert_same(&rrs, &Values::F32(vec![-24_321.0_f32 * 2e-6 + 0.05]));
    let aerosol = scaled(
        DataType::I16,
        F64(vec![0.001]),
        F64(vec![0.0]),
        Array::I16(vec![1234]),
    );
    assert_same(&aerosol, &Values::F64(vec![1.234]));
    let wide = scaled(
        DataType::I32,
        F32(vec![0.1]),
        F32(vec![0.0]),
        Array::I32(vec![3]),
    );
    assert_same(&wide, &Values::F64(vec![3.0 * f64::from(0.1_f32)]));
    let mixed = scaled(
        DataType::I16,
        F32(vec![0.1]),
        F64(vec![0.1]),
        Array::I16(vec![3]),
    );
    assert_same(
        &mixed,
        &Values::F64(vec![f64::from(3.0_f32 * 0.1_f32) + 0.1]),
    );
    let unit = scaled(
        DataType::F32,
        F64(vec![1.0]),
        F64(vec![0.0]),
        Array::F32(vec![0.1]),
    );
    assert_same(&unit, &Values::F64(vec![f64::from(0.1_f32)]));
    let narrow = scaled(
        DataType::I32,
        F32(vec![1.0]),
        F32(vec![0.0]),
        Array::I32(vec![16_777_217]),
    );
    assert_same(&narrow, &Values::F32(vec![16_777_216.0]));
    let only = decoded(
        DataType::U8,
        vec![("scale_factor", F32(vec![0.01]))],
        Array::U8(vec![50]),
    );
    assert_same(&only, &Values::F32(vec![50.0 * 0.01_f32]));
    let offset = decoded(
        DataType::I16,
        vec![("add_offset", F64(vec![0.5]))],
        Array::I16(vec![1]),
    );
    assert_same(&offset, &Values::F64(vec![1.5]));
    let text = decoded(
        DataType::I16,
        vec![("scale_factor", AttributeValue::Text("0.5".into()))],
        Array::I16(vec![3]),
    );
    assert_same(&text, &Values::F64(vec![1.5]));
}

#[test]
fn unsigned_applies_to_values_and_attributes() {
    let attributes = || {
        vec![
            ("_Unsigned", AttributeValue::Text("true".into())),
            ("_FillValue", AttributeValue::I8(vec![-1])),
            ("valid_min", AttributeValue::I8(vec![1])),
            ("valid_max", AttributeValue::I8(vec![-2])),
        ]
    };
    let stored = Array::I8(vec![-1, -2, 0, 127, -128]);
    assert_same(
        &decoded(DataType::I8, attributes(), stored),
        &Values::F32(vec![NAN32, 254.0, NAN32, 127.0, 128.0]),
    );
    let decoder = Decoder::new(&variable(DataType::I8, attributes()), "a.nc").expect("decodable");
    assert_eq!(decoder.valid_range(), Some((1.0, 254.0)));
}

#[test]
fn the_callers_range_takes_the_place_of_the_files() {
    let attributes = vec![
        ("valid_min", AttributeValue::F32(vec![0.0])),
        ("valid_max", AttributeValue::F32(vec![1.0])),
        ("_FillValue", AttributeValue::F32(vec![-1.0])),
    ];
    let decoder = Decoder::new(&variable(DataType::F32, attributes), "a.nc").expect("decodable");
    let stored = || Array::F32(vec![-2.0, -1.0, 0.1, 2.0, 3.0]);
    assert_same(
        &decoder.decode(stored(), Some((0.1, 2.0))),
        &Values::F32(vec![NAN32, NAN32, 0.1, 2.0, NAN32]),
    );
    let all = Some((f64::NEG_INFINITY, f64::INFINITY));
    assert_same(
        &decoder.decode(stored(), all),
        &Values::F32(vec![-2.0, NAN32, 0.1, 2.0, 3.0]),
    );
}

#[test]
fn valid_ranges_are_unpacked_and_turned_by_a_negative_factor() {
    let range = |scale: f64, low: Option<i16>, high: Option<i16>| {
        let mut attributes = vec![("scale_factor", AttributeValue::F64(vec![scale]))];
        attributes.extend(low.map(|v| ("valid_min", AttributeValue::I16(vec![v]))));
        attributes.extend(high.map(|v| ("valid_max", AttributeValue::I16(vec![v]))));
        Decoder::new(&variable(DataType::I16, attributes), "a.nc")
            .expect("decodable")
            .valid_range()
    };
    assert_eq!(range(0.5, Some(-2), Some(8)), Some((-1.0, 4.0)));
    assert_eq!(range(-0.5, Some(-2), Some(8)), Some((-4.0, 1.0)));
    assert_eq!(range(-0.5, Some(-2), None), Some((f64::NEG_INFINITY, 1.0)));
    assert_eq!(range(0.5, None, Some(8)), Some((f64::NEG_INFINITY, 4.0)));
    assert_eq!(range(0.5, None, None), None);
}

#[test]
fn senseless_packing_is_refused() {
    let refused = |attribute: AttributeValue| {
        let variable = variable(DataType::I16, vec![("scale_factor", attribute)]);
        Decoder::new(&variable, "a.nc")
            .expect_err("refused")
            .to_string()
    };
    assert!(refused(AttributeValue::F32(vec![0.0])).contains("scale_factor is 0"));
    assert!(refused(AttributeValue::F64(vec![f64::NAN])).contains("NaN"));
    assert!(refused(AttributeValue::F64(vec![1.0, 2.0])).contains("2 values"));
    assert!(refused(AttributeValue::Text("big".into())).contains("\"big\""));
    let text = variable(DataType::Text, vec![]);
    assert!(Decoder::new(&text, "a.nc").is_err());
}
