"""Simulated granules: structure as PACE users know it, geometry recomputed from the published orbit."""

import datetime
import re
import subprocess

import pytest

np = pytest.importorskip("numpy")
netCDF4 = pytest.importorskip("netCDF4")
xr = pytest.importorskip("xarray")


def simulate(swathe, folder, *options):
    command = [swathe, "simulate", "-d", folder, "--count", "1", *options]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = folder.glob("*.nc")
    return path


@pytest.fixture(scope="module")
def bgc(swathe, tmp_path_factory):
    """A whole granule."""
    return simulate(swathe, tmp_path_factory.mktemp("bgc"))


@pytest.fixture(scope="module", params=["3.1", "3.2"])
def aop(swathe, tmp_path_factory, request):
    """The first lines of a granule with spectra, and its version."""
    options = ["--suite", "aop", "--lines", "300", "--wavelengths", "50"]
    options += ["--processing", request.param]
    return simulate(swathe, tmp_path_factory.mktemp("aop"), *options), request.param


LINE = ["year", "day", "msec", "time", "detnum", "mside"]
LINE += ["slon", "clon", "elon", "slat", "clat", "elat", "csol_z"]
BANDS = ["vcal_gain", "vcal_offset", "F0", "aw", "bbw", "k_oz", "k_no2", "Tau_r", "wavelength"]
BGC = ["chlor_a", "carbon_phyto", "poc", "chlor_a_unc", "carbon_phyto_unc", "l2_flags"]
L3 = 0x0669D73B


def test_groups_variables_and_storage(bgc):
    with netCDF4.Dataset(bgc) as nc:
        assert {"number_of_lines", "pixels_per_line", "number_of_bands"} <= set(nc.dimensions)
        assert len(nc.dimensions["number_of_lines"]) in (1709, 1710)
        assert len(nc.dimensions["pixels_per_line"]) == 1272
        assert not nc.variables
        assert set(nc["sensor_band_parameters"].variables) == set(BANDS)
        assert set(nc["scan_line_attributes"].variables) == set(LINE)
        assert set(nc["navigation_data"].variables) == {"longitude", "latitude", "tilt"}
        assert set(nc["geophysical_data"].variables) == set(BGC)
        control = nc["processing_control"]
        assert set(control.groups) == {"input_parameters", "flag_percentages"}
        for group, names, chunks in [
            ("geophysical_data", BGC, [256, 1272]),
            ("navigation_data", ["longitude", "latitude"], [256, 1272]),
            ("scan_line_attributes", LINE, [32]),
        ]:
            for name in names:
                variable = nc[group][name]
                assert variable.chunking() == chunks, name
                filters = variable.filters()
                assert filters["zlib"] and filters["shuffle"] and filters["complevel"] == 5
        assert nc["navigation_data/latitude"].dtype == np.float32
        assert nc["navigation_data/latitude"].getncattr("_FillValue") == -999
        poc = nc["geophysical_data/poc"]
        assert (poc.dtype, round(float(poc.scale_factor), 6), poc.add_offset) == ("i2", 0.2, 6400)
        flags = nc["geophysical_data/l2_flags"]
        assert flags.dtype == np.int32 and "_FillValue" not in flags.ncattrs()
        assert len(flags.flag_masks) == 32 and flags.flag_masks[31] == -(2**31)
        assert flags.flag_meanings.split()[:4] == ["ATMFAIL", "LAND", "PRODWARN", "HIGLINT"]


def test_global_attributes(bgc):
    with netCDF4.Dataset(bgc) as nc:
        assert nc.product_name == bgc.name
        assert (nc.instrument, nc.platform, nc.processing_version) == ("OCI", "PACE", "3.2")
        assert (nc.startDirection, nc.day_night_flag, nc.cdm_data_type) == (
            "Ascending",
            "Day",
            "swath",
        )
        moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
        assert moment.fullmatch(nc.time_coverage_start) and moment.fullmatch(nc.time_coverage_end)
        compact = re.sub("[-:]", "", nc.time_coverage_start)[:15]
        assert bgc.name == f"PACE_OCI.{compact}.L2.OC_BGC.V3_2.nc"
        latitude = nc["navigation_data/latitude"][:]
        assert nc.geospatial_lat_min == latitude.min() and nc.geospatial_lat_max == latitude.max()
        assert nc.orbit_number > 0
        # A granule says that it is none of the agency's.
        assert "simulated" in nc.source


def test_the_names_are_those_of_a_real_granule(aop, shared_data):
    path, version = aop
    (real,) = (shared_data / "pace").glob("*OC_AOP*")
    # Nothing of these a simulation can know, or should claim.
    agency = {"license", "naming_authority", "creator_email", "creator_url", "publisher_name"}
    agency |= {"publisher_url", "publisher_email", "identifier_product_doi_authority"}
    agency |= {"identifier_product_doi"}
    with netCDF4.Dataset(real) as theirs, netCDF4.Dataset(path) as ours:
        assert set(theirs.ncattrs()) - agency <= set(ours.ncattrs())
        assert set(theirs.groups) == set(ours.groups)
        for name, group in theirs.groups.items():
            expected, found = set(group.variables), set(ours[name].variables)
            if version == "3.1":
                assert expected == found
            for variable in expected & found:
                a, b = group[variable], ours[name][variable]
                assert (a.dtype, a.ndim) == (b.dtype, b.ndim), variable
                if version == "3.1":
                    assert a.dimensions == b.dimensions, variable
                notes = {"reference", "comment", "dtype", "calendar"}
                assert set(a.ncattrs()) - notes <= set(b.ncattrs()) | {"standard_name"}, variable
                for attribute in ("units", "long_name", "scale_factor", "add_offset", "_FillValue"):
                    if attribute in a.ncattrs():
                        assert a.getncattr(attribute) == b.getncattr(attribute), variable
                for attribute in ("valid_min", "valid_max"):
                    if attribute in a.ncattrs() and name == "geophysical_data":
                        assert a.getncattr(attribute) == b.getncattr(attribute), variable
        meanings = [nc["geophysical_data/l2_flags"].flag_meanings for nc in (theirs, ours)]
        assert meanings[0] == meanings[1]


def test_spectra_are_packed_and_chunked(aop):
    path, version = aop
    with netCDF4.Dataset(path) as nc:
        rrs = nc["geophysical_data/Rrs"]
        assert rrs.dtype == np.int16 and rrs.chunking() == [32, 256, 40]
        assert (rrs.shape[0], rrs.shape[2]) == (300, 50)
        third = "wavelength" if version == "3.2" else "wavelength_3d"
        assert rrs.dimensions[2] == third
        group = "geophysical_data" if version == "3.2" else "sensor_band_parameters"
        wavelength = nc[group][third][:]
        assert (int(wavelength[0]), int(wavelength[-1])) == (346, 719)
        values = rrs[:]
        assert 0.02 < 1 - np.ma.getmaskarray(values).mean() < 0.9
        assert values.min() > -0.01 and values.max() < 0.05


def test_the_tutorial_opens_it(bgc):
    with xr.open_datatree(bgc) as tree:
        dataset = xr.merge(tree.to_dict().values())
        dataset = dataset.set_coords(("latitude", "longitude"))
        chlorophyll = dataset["chlor_a"]
        assert chlorophyll.dims == ("number_of_lines", "pixels_per_line")
        share = float(chlorophyll.notnull().mean())
        assert 0.1 < share < 0.6
        valid = ((dataset["l2_flags"].values & L3) == 0).mean()
        assert 0.2 <= valid <= 0.3
        # 13 MB in the mean; this one has much sea.
        assert 11e6 <= bgc.stat().st_size <= 16e6


# The orbit and the telescope, written down a second time from FORMATS' numbers and textbook formulas.
A, F = 6378137.0, 1 / 298.257223563
RADIUS = A + 676500.0
MU, J2 = 3.986004418e14, 1.08262668e-3
EPOCH = datetime.datetime(2024, 3, 5, 0, 0, 13, tzinfo=datetime.timezone.utc).timestamp()


def rotation_z(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def rotation_x(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def sidereal(unix):
    return np.radians(280.46061837 + 360.98564736629 * ((unix - 946728000) / 86400))


def platform(unix):
    """Matrix of the unit vectors up, forward, left in the Earth-fixed frame at a moment."""
    rate = np.sqrt(MU / RADIUS**3)
    inclination = np.radians(98.092)
    drift = -1.5 * J2 * (A / RADIUS) ** 2 * rate * np.cos(inclination)
    mean_sun = 280.460 + 0.9856474 * ((EPOCH - 946728000) / 86400)
    node = np.radians(mean_sun + 15) + drift * (unix - EPOCH)
    turned = rotation_z(node - sidereal(unix)) @ rotation_x(inclination)
    return turned @ rotation_z(rate * (unix - EPOCH))


def test_pixels_lie_on_the_ellipsoid_along_their_line_of_sight(bgc):
    pyproj = pytest.importorskip("pyproj")
    to_earth = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    with netCDF4.Dataset(bgc) as nc:
        latitude = nc["navigation_data/latitude"][:].filled()
        longitude = nc["navigation_data/longitude"][:].filled()
        time = nc["scan_line_attributes/time"][:].filled()
        tilt = np.radians(nc["navigation_data/tilt"][:].filled())
    for line in range(0, len(time), 171):
        for pixel in (0, 1, 300, 635, 636, 1000, 1270, 1271):
            scan = 56.5 * (2 * pixel / 1271 - 1)
            moment = time[line] + scan / 360 / 5.737
            frame = platform(moment)
            # In the frame up, forward, left: down, tilted forward, swept from left to right.
            sight = np.array(
                [
                    -np.cos(tilt[line]) * np.cos(np.radians(scan)),
                    np.sin(tilt[line]) * np.cos(np.radians(scan)),
                    -np.sin(np.radians(scan)),
                ]
            )
            place = frame @ [RADIUS, 0, 0]
            sight = frame @ sight
            where = (float(longitude[line, pixel]), float(latitude[line, pixel]))
            ground = np.array(to_earth.transform(*where, 0.0))
            seen = ground - place
            assert sight @ seen > 0, "on the near side"
            # Seen from 680 to 1500 km, off the line by what single precision rounds: up to a metre.
            off = np.linalg.norm(np.cross(sight, seen))
            assert off < 1.5, (line, pixel, off)


def test_lines_follow_at_the_speed_of_the_platform(bgc):
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    with netCDF4.Dataset(bgc) as nc:
        latitude = nc["navigation_data/latitude"][:].filled().astype("f8")
        longitude = nc["navigation_data/longitude"][:].filled().astype("f8")

    def metres(a, b):
        return geod.inv(longitude[a], latitude[a], longitude[b], latitude[b])[2]

    middle = latitude.shape[0] // 2
    assert metres((middle, 635), (middle, 636)) == pytest.approx(1130, rel=0.02)
    assert metres((middle, 0), (middle, 1)) == pytest.approx(7000, rel=0.04)
    assert metres((middle, 0), (middle, -1)) == pytest.approx(2663e3, rel=0.02)
    assert metres((0, 636), (-1, 636)) == pytest.approx(2040e3, rel=0.02)


def test_line_extents_and_percentages_are_those_of_the_arrays(bgc):
    with netCDF4.Dataset(bgc) as nc:
        lines = nc["scan_line_attributes"]
        for prefix, column in [("s", 0), ("c", 636), ("e", 1271)]:
            for suffix, name in [("lon", "longitude"), ("lat", "latitude")]:
                expected = nc["navigation_data"][name][:, column]
                assert (lines[prefix + suffix][:] == expected).all()
        flags = nc["geophysical_data/l2_flags"][:]
        percentages = nc["processing_control/flag_percentages"]
        for name, bit in [("LAND", 2), ("CLDICE", 512), ("HISATZEN", 32), ("STRAYLIGHT", 256)]:
            expected = 100 * ((flags & bit) != 0).mean()
            assert percentages.getncattr(name) == pytest.approx(expected, rel=1e-6)
        milliseconds = lines["msec"][:]
        steps = np.diff(milliseconds)
        assert set(steps.tolist()) <= {175, 176}
        assert (lines["time"][:] % 86400 * 1000).round().astype(int).tolist() == (
            milliseconds.tolist()
        )


def test_the_command_names_its_files_and_does_not_replace_them(swathe, tmp_path):
    options = ["--lines", "20", "--nrt", "-b=-10,30,0,40", "--start", "2025-01-15"]
    path = simulate(swathe, tmp_path, *options)
    assert re.fullmatch(r"PACE_OCI\.2025011\dT\d{6}\.L2\.OC_BGC\.V3_2\.NRT\.nc", path.name)
    before = path.read_bytes()
    command = [swathe, "simulate", "-d", tmp_path, "--count", "1", *options]
    refused = subprocess.run(command, capture_output=True, text=True)
    assert refused.returncode == 1
    assert "it exists" in refused.stderr and "--overwrite" in refused.stderr
    subprocess.run([*command, "--overwrite"], check=True, capture_output=True)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    nothing = subprocess.run([*command, "--days", "0"], capture_output=True)
    assert nothing.returncode == 4
