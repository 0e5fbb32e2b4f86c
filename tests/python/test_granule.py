"""Swath values, geolocation and flags of real granules: exactly netCDF4-python's."""

import json
import subprocess

import pytest

netCDF4 = pytest.importorskip("netCDF4")
np = pytest.importorskip("numpy")

# lines, pixels, number of swath variables, a suite or None, start
GRANULES = {
    "pace/PACE_OCI.20240323T052547.L2.UAA.devrun.nc": (244, 181, 30, "UAA", "2024-03-23T05:25:47.141Z"),
    "pace/PACE_OCI.20240323T121409.UAA_Interm.devrun.nc": (244, 400, 8, None, "2024-03-23T12:14:09.000Z"),
    "pace/PACE_OCI.20250305T160933.L2.OC_AOP.V3_1.crop10x10.nc": (10, 10, 9, "OC_AOP", "2025-03-05T16:09:33.101Z"),
    "ocean_color/O_L2_0001_SNS_2017105095839_v1.0.nc": (86, 100, 48, None, "2017-04-15T10:01:35.533Z"),
    "sst_l2p/SS_MODIS_A-JPL-L2P-v2014.0.nc": (1233, 455, 4, None, "2019-08-05T06:55:01.000Z"),
    "ascat/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2_subsetted.nc": (709, 42, 12, None, "2015-07-02T08:42:00.000Z"),
    "ascat/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc": (1632, 42, 12, None, "2015-07-02T08:42:00.000Z"),
    "ascat/ascat_20150702_102400_metopa_45146_eps_o_250_2300_ovw.l2.nc": (1632, 42, 12, None, "2015-07-02T10:24:00.000Z"),
    "tempo/TEMPO_NO2_L2_V03_20240601T211614Z_S012G02_subsetted.nc4": (132, 2048, 3, "TEMPO_NO2_L2", "2024-06-01T21:16:14.000Z"),
    "tropomi/s5p_co_20190913_2x215.nc": (2, 215, 4, None, "2019-09-13T12:34:34.000Z"),
    "gpm/2A-RW-BRS.GPM.Ku.V6-20160118.20141206-S095002-E095137.004383.V04A.HDF5": (137, 49, 11, "2AKu", "2014-12-06T09:50:02.500Z"),
    "modis/MOD05_L2.A2019336.2325.061.2019337072403_stare.nc": (406, 270, 3, None, "2019-12-02T23:25:00.000Z"),
}


def describe(examples, *arguments):
    """What dump_swath prints."""
    command = [examples / "dump_swath", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def decoded(variable):
    """netCDF4-python's automatic mask and scale, as doubles with NaN; infinities are missing too."""
    with np.errstate(all="ignore"):
        values = variable[...]
        values = np.ma.filled(np.ma.asarray(values).astype("f8"), np.nan)
    values[~np.isfinite(values)] = np.nan
    return values


def bands_first(values, lines, pixels):
    """(lines, pixels, bands...) with leading ones dropped, as a list of images."""
    while values.ndim > 2 and values.shape[0] == 1:
        values = values[0]
    assert values.shape[:2] == (lines, pixels)
    return values.reshape(lines, pixels, -1).transpose(2, 0, 1)


@pytest.mark.parametrize("name", GRANULES)
def test_values_equal_netcdf4_python(name, examples, shared_data, tmp_path):
    lines, pixels, count, suite, start = GRANULES[name]
    path = shared_data / name
    report = describe(examples, path, tmp_path)
    assert "error" not in report, report
    assert (report["lines"], report["pixels"], report["suite"]) == (lines, pixels, suite)
    assert report["time_start"] == start
    assert len(report["variables"]) == count

    dumped = {}
    for entry in report["written"]:
        values = np.fromfile(tmp_path / entry["file"], dtype="<f8")
        dumped.setdefault(entry["path"], []).append(values.reshape(lines, pixels))
    with netCDF4.Dataset(path) as file:
        for variable in report["variables"]:
            expected = bands_first(decoded(file[variable["path"]]), lines, pixels)
            found = np.array(dumped[variable["path"]])
            np.testing.assert_array_equal(found, expected, err_msg=variable["path"], strict=True)
        for kind, source in zip(("latitude", "longitude"), report["geolocation"]):
            expected = bands_first(decoded(file[source]), lines, pixels)
            np.testing.assert_array_equal(dumped[kind], expected, err_msg=source)
        if report["quality_flags"]:
            check_flags(file[report["quality_flags"]], dumped["flags"][0])


def check_flags(variable, found):
    """Raw bits; a declared fill has them all."""
    variable.set_auto_maskandscale(False)
    raw = variable[...].reshape(found.shape)
    expected = raw.astype("i8") & 0xFFFFFFFF
    if "_FillValue" in variable.ncattrs():
        expected[raw == variable.getncattr("_FillValue")] = 0xFFFFFFFF
    np.testing.assert_array_equal(found.astype("i8"), expected)


@pytest.mark.parametrize("name", GRANULES)
def test_every_granule_is_described(name, examples, shared_data):
    report = describe(examples, shared_data / name)
    extent = report["extent"]
    assert -180 <= extent["west"] <= 180 and -180 <= extent["east"] <= 180
    assert -90 <= extent["south"] < extent["north"] <= 90
    assert all(len(v["shape"]) == len(v["dims"]) for v in report["variables"])
    assert report["file"] in report["text"]


def test_extents_are_those_of_the_positions(examples, shared_data):
    uaa = describe(examples, shared_data / "pace/PACE_OCI.20240323T052547.L2.UAA.devrun.nc")["extent"]
    assert uaa["west"] == pytest.approx(102.5, abs=0.1) and uaa["east"] == pytest.approx(132.9, abs=0.1)
    assert uaa["south"] == pytest.approx(-36.9, abs=0.1) and uaa["north"] == pytest.approx(-14.1, abs=0.1)
    modis = describe(examples, shared_data / "modis/MOD05_L2.A2019336.2325.061.2019337072403_stare.nc")["extent"]
    assert modis["west"] > modis["east"], "across 180"


# The one sentence that each of these gets.
NOT_SWATHS = {
    "ascat/ascat_20211220_231800_metopb_48038_eps_o_250_3202_ovw.l2.nc4": "hold no value",
    "pace_l3/PACE_OCI.20240609.L3m.DAY.CHL.V2_0.chlor_a.0p1deg.NRT.nc": "a grid",
    "pace_l3/PACE_OCI.20240607.L3m.DAY.CHL.V2_0.chlor_a.0p1deg.NRT.nc": "a grid",
}


@pytest.mark.parametrize("name", NOT_SWATHS)
def test_what_is_no_swath_says_so_in_one_sentence(name, examples, shared_data):
    report = describe(examples, shared_data / name)
    assert NOT_SWATHS[name] in report["not_a_swath"]
    assert "\n" not in report["not_a_swath"] and report["variables"]
    assert "error" in describe(examples, shared_data / name, ".")


def test_the_zoo_is_described_or_refused_in_one_sentence(examples, shared_data):
    for path in sorted((shared_data / "hdf5_zoo").iterdir()):
        report = describe(examples, path)
        sentence = report.get("error") or report.get("not_a_swath")
        assert sentence and "\n" not in sentence, (path.name, report)


def test_wavelengths_are_found(examples, shared_data):
    def wavelengths(name, variable):
        report = describe(examples, shared_data / name)
        return next(v for v in report["variables"] if v["name"] == variable)["wavelengths"]

    aop = "pace/PACE_OCI.20250305T160933.L2.OC_AOP.V3_1.crop10x10.nc"
    with netCDF4.Dataset(shared_data / aop) as file:
        expected = file["/sensor_band_parameters/wavelength_3d"][...].tolist()
    assert wavelengths(aop, "Rrs") == expected
    uaa = "pace/PACE_OCI.20240323T052547.L2.UAA.devrun.nc"
    assert wavelengths(uaa, "Aerosol_Optical_Depth") == [354, 388, 480, 550, 670, 870, 1240, 1640, 2200]
