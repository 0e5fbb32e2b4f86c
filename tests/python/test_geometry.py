"""Which pixel gives to which cell, against searches and polygons of Python's own.

Short forms run always. SWATHE_LONG=1 runs the whole granules too.
"""

import dataclasses
import os
import subprocess

import numpy as np
import pyproj
import pytest
import shapely
from spherical import (
    R_KM,
    Swath,
    brute_force,
    chord,
    contains,
    covered,
    edge_distance,
    norm,
    plane,
    unit,
)

LONG = pytest.mark.skipif(not os.environ.get("SWATHE_LONG"), reason="SWATHE_LONG is not set")


# Input ------------------------------------------------------------------------------------------------


def read(path, latitude, longitude):
    netCDF4 = pytest.importorskip("netCDF4")
    with netCDF4.Dataset(path) as nc:
        return tuple(
            np.ma.filled(np.ma.asarray(nc[name][...]).astype(nc[name][...].dtype), np.nan)
            for name in (longitude, latitude)
        )


@pytest.fixture(scope="session")
def simulate(swathe, tmp_path_factory):
    """Geolocation of a simulated granule that touches a box."""
    done = {}

    def granule(box):
        if box not in done:
            folder = tmp_path_factory.mktemp("granule")
            command = [swathe, "simulate", "-d", folder, f"-b={box}", "--count", "1", "--days", "2"]
            subprocess.run([*command, "--start", "2024-08-03"], check=True, capture_output=True)
            (path,) = folder.glob("*.nc")
            done[box] = read(path, "navigation_data/latitude", "navigation_data/longitude")
        return done[box]

    return granule


@pytest.fixture(scope="session")
def load(simulate, request):
    """A swath's (longitude, latitude), and the same as a Swath, by name."""
    done = {}

    def arrays(name):
        if name == "whole granule":
            return simulate("-76,37,-74,40")
        if name == "granule":
            return tuple(values[700:1000] for values in simulate("-76,37,-74,40"))
        if name == "polar granule":
            return tuple(values[:400] for values in simulate("-50,72,-40,76"))
        if name == "whole polar granule":
            return simulate("-50,72,-40,76")
        if name in SYNTHETIC:
            return SYNTHETIC[name]()
        folder = request.getfixturevalue("shared_data")
        return read(folder / REAL[name][0], *REAL[name][1:])

    def named(name):
        if name not in done:
            lon_lat = arrays(name)
            done[name] = lon_lat, Swath(*lon_lat)
        return done[name]

    return named


REAL = {
    "aerosol": (
        "pace/PACE_OCI.20240323T052547.L2.UAA.devrun.nc",
        "geolocation_data/latitude",
        "geolocation_data/longitude",
    ),
    "modis": (
        "modis/MOD05_L2.A2019336.2325.061.2019337072403_stare.nc",
        "Latitude_5km",
        "Longitude_5km",
    ),
    "ascat": ("ascat/ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc", "lat", "lon"),
}


def scanner(lon, lat, heading, lines, pixels, km, lines_per_scan=1):
    """Lines across a great circle; of several lines a scan they overlap toward the ends."""
    at = unit(lon, lat)
    east = norm(np.array([-at[1], at[0], 0.0]))
    north = np.cross(at, east)
    angle = np.radians(heading)
    ahead = np.cos(angle) * north + np.sin(angle) * east
    side = np.cross(at, ahead)
    view = np.linspace(-1, 1, pixels)
    across = pixels * km / R_KM * (view + 0.5 * view**3) / 2
    line = np.arange(lines)
    scan, inside = line // lines_per_scan, line % lines_per_scan - (lines_per_scan - 1) / 2
    growth = 1 + (view**2 if lines_per_scan > 1 else 0 * view)
    forward = km / R_KM * ((scan * lines_per_scan)[:, None] + inside[:, None] * growth)[..., None]
    under = np.cos(forward) * at + np.sin(forward) * ahead
    v = np.cos(across)[:, None] * under + np.sin(across)[:, None] * side
    return np.degrees(np.arctan2(v[..., 1], v[..., 0])), np.degrees(np.arcsin(v[..., 2]))


def fill_lines():
    lon, lat = scanner(10, 45, 190, 120, 80, 4)
    lat[30:33], lon[60:62], lon[90, 17:20] = np.nan, -999.0, np.nan
    lat[0], lon[:, 0] = -32767.0, -32767.0
    return lon, lat


def repeated_lines():
    lon, lat = scanner(10, 45, 190, 120, 80, 4)
    for values in (lon, lat):
        values[41], values[80:83] = values[40], values[79]
    return lon, lat


def tilt_jump():
    lon, lat = scanner(10, 45, 190, 120, 80, 4)
    ahead_lon, ahead_lat = scanner(10, 40, 190, 120, 80, 4)
    back_lon, back_lat = scanner(10, 48, 190, 120, 80, 4)
    # Forward over a gap at line 50, back over lines already seen at line 90.
    lon[50:90], lat[50:90] = ahead_lon[50:90], ahead_lat[50:90]
    lon[90:], lat[90:] = back_lon[90:], back_lat[90:]
    return lon, lat


SYNTHETIC = {
    "bow-tie": lambda: scanner(10, 45, 190, 120, 80, 4, lines_per_scan=10),
    "bow-tie across 180": lambda: scanner(180, -20, 10, 120, 80, 4, lines_per_scan=10),
    "repeated lines": repeated_lines,
    "tilt jump": tilt_jump,
    "fill lines": fill_lines,
    "pole": lambda: scanner(40, 89, 10, 120, 80, 4),
    "across 180": lambda: scanner(179, 15, -170, 150, 100, 4),
}


# The program ------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Geometry:
    """What dump_geometry says."""

    crs: str
    shape: tuple
    origin: tuple
    step: tuple
    cells: np.ndarray
    pixels: np.ndarray
    weights: np.ndarray

    def centres(self, cells):
        """Longitudes and latitudes of cells."""
        x = self.origin[0] + (cells % self.shape[1] + 0.5) * self.step[0]
        y = self.origin[1] + (cells // self.shape[1] + 0.5) * self.step[1]
        if self.crs == "EPSG:4326":
            return x, y
        project = pyproj.Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        lon, lat = project.transform(x, y)
        back_x, back_y = project.transform(lon, lat, direction="INVERSE")
        there = np.hypot(back_x - x, back_y - y) < 1e-3 * self.step[0]
        return np.where(there, lon, np.nan), np.where(there, lat, np.nan)

    def vectors(self):
        """Unit vectors of all cells; NaN where there is no place."""
        lon, lat = self.centres(np.arange(self.shape[0] * self.shape[1]))
        # Axes may run past 180.
        return unit(np.where(lon > 180, lon - 360, lon), lat)


@pytest.fixture
def locate(examples, tmp_path):
    def run(swath, crs, place, resolution, method):
        for values, name in zip(swath, ("longitude", "latitude")):
            np.ascontiguousarray(values).tofile(tmp_path / name)
        assert {values.dtype for values in swath} in ({np.dtype("f4")}, {np.dtype("f8")})
        kind = f"f{8 * swath[0].itemsize}"
        words = [tmp_path, swath[0].shape[1], kind, crs, place, resolution, method]
        command = [examples / "dump_geometry", *map(str, words)]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        rows, columns, x0, dx, y0, dy = map(float, out.split()[:6])

        def result(name, kind):
            return np.fromfile(tmp_path / name, kind)

        if method == "bilinear":
            weights = result("weights", "f8").reshape(-1, 4)
        else:
            weights = result("weights", "u8") / 2.0**32
        return Geometry(
            crs,
            (int(rows), int(columns)),
            (x0, y0),
            (dx, dy),
            result("cells", "u4").astype(int),
            result("pixels", "u4").astype(int),
            weights,
        )

    return run


# Nearest ----------------------------------------------------------------------------------------------

NEAREST = [
    ("granule", "EPSG:4326", "bbox=-73,29,-71,31", "0.015"),
    ("granule", "EPSG:4326", "around", "0.1"),
    ("granule", "+proj=laea +lat_0=30 +lon_0=-72", "around", "10km"),
    ("polar granule", "EPSG:3413", "around", "10km"),
    ("aerosol", "EPSG:4326", "around", "0.1"),
    ("aerosol", "EPSG:6933", "around", "10km"),
    ("modis", "EPSG:4326", "around", "0.1"),
    ("modis", "EPSG:3857", "bounds=-20037508,-9000000,20037508,9000000", "40km"),
    ("ascat", "EPSG:4326", "bbox=-180,-90,180,90", "0.5"),
    ("ascat", "EPSG:3413", "bounds=-4000000,-4000000,4000000,4000000", "25km"),
    ("ascat", "EPSG:3031", "bounds=-3000000,-3000000,3000000,3000000", "20km"),
    *((name, "EPSG:4326", "around", "0.04") for name in SYNTHETIC if name != "pole"),
    ("pole", "EPSG:4326", "bbox=-180,86,180,90", "0.25"),
    ("pole", "EPSG:3413", "bounds=-400000,-400000,400000,400000", "3km"),
]
NEAREST_LONG = [
    ("whole granule", "EPSG:4326", "around", "0.015"),
    ("whole granule", "EPSG:4326", "around", "0.01"),
    ("whole granule", "+proj=laea +lat_0=30 +lon_0=-75", "around", "2km"),
    ("whole polar granule", "EPSG:3413", "around", "2km"),
    ("aerosol", "EPSG:4326", "around", "0.015"),
    ("modis", "EPSG:4326", "around", "0.015"),
    ("ascat", "EPSG:4326", "bbox=-180,-90,180,90", "0.1"),
]


@pytest.mark.parametrize(
    ("name", "crs", "place", "resolution"),
    [*NEAREST, *(pytest.param(*case, marks=LONG) for case in NEAREST_LONG)],
)
def test_nearest_is_nearest_and_fills_the_footprints(name, crs, place, resolution, load, locate):
    lon_lat, swath = load(name)
    swath.with_footprints()
    got = locate(lon_lat, crs, place, resolution, "nearest")
    assert len(np.unique(got.cells)) == len(got.cells) > 500
    assert (got.weights == 1).all()
    x = got.vectors()
    assert not np.isnan(x[got.cells]).any()

    # A KD-tree, for all cells.
    placed = np.flatnonzero(~np.isnan(x[:, 0]))
    best, index = swath.tree.query(x[placed])
    nearest = np.full(len(x), -1)
    nearest[placed] = swath.located[index]
    distance = np.full(len(x), np.inf)
    distance[placed] = best
    mine = chord(swath.centres[got.pixels], x[got.cells])
    assert np.abs(mine - distance[got.cells]).max() < 1e-9

    # Literal brute force: random cells, and those near an edge of the swath, 180 or a pole.
    centres = swath.centres[swath.located]
    rng = np.random.default_rng(0)
    near = np.isin(got.pixels, rim(swath, 2)) | beside_180_or_a_pole(swath, x[got.cells])
    chosen = np.flatnonzero(near)
    if not os.environ.get("SWATHE_LONG"):
        chosen = rng.permutation(chosen)[: 4_000_000_000 // len(centres) // 8]
    chosen = np.concatenate([chosen, rng.choice(len(mine), min(2000, len(mine)), replace=False)])
    tried = brute_force(centres, x[got.cells[chosen]])
    assert np.abs(mine[chosen] - tried).max() < 1e-9

    # Filled are the cells whose centre lies in a footprint, but for those on an edge.
    reach = np.nanmax(swath.radius[swath.usable])
    candidates = placed[distance[placed] <= reach * 1.000001]
    filled = np.zeros(len(x), bool)
    filled[got.cells] = True
    assert not np.delete(filled, candidates).any()
    expected = np.zeros(len(x), bool)
    expected[candidates] = covered(swath, x[candidates], nearest[candidates])
    odd = np.flatnonzero(filled != expected)
    for cell in odd:
        pixels = swath.located[swath.tree.query_ball_point(x[cell], 2 * reach)]
        pixels = pixels[swath.usable[pixels]]
        at = np.repeat(x[cell][None], len(pixels), axis=0)
        assert edge_distance(swath.corners[pixels], at).min() < 1e-9, (cell, len(odd))
    print(f"{name} {crs} {resolution}: {len(mine)} cells, {len(chosen)} by brute force, {len(odd)} on an edge")


def rim(swath, width):
    """Pixels within `width` pixels of an edge of the swath: of its ends, a gap or a jump."""
    lines, pixels = swath.shape
    whole = np.zeros((lines, pixels), bool)
    both = np.ones((lines, pixels), bool)
    both[:-1] &= swath.along
    both[1:] &= swath.along
    both[:, :-1] &= swath.across
    both[:, 1:] &= swath.across
    whole[1:-1, 1:-1] = both[1:-1, 1:-1]
    for _ in range(width - 1):
        inner = np.zeros_like(whole)
        inner[1:-1, 1:-1] = whole[1:-1, 1:-1] & whole[:-2, 1:-1] & whole[2:, 1:-1]
        inner[1:-1, 1:-1] &= whole[1:-1, :-2] & whole[1:-1, 2:]
        whole = inner
    return np.flatnonzero(~whole)


def beside_180_or_a_pole(swath, x):
    two_pixels = 4 * np.nanmedian(swath.radius)
    off_180 = np.where(x[:, 0] < 0, np.abs(x[:, 1]), 1.0)
    return (off_180 < two_pixels) | (np.hypot(x[:, 0], x[:, 1]) < two_pixels)


# Displacement -----------------------------------------------------------------------------------------


def displacement_km(got, swath):
    """East and north, from each cell's centre to the position gridded into it."""
    lon, lat = got.centres(got.cells)
    position = swath.centres[got.pixels] if got.weights.ndim == 1 else interpolated(got, swath)
    offset = plane(unit((lon + 180) % 360 - 180, lat), position[:, None])[:, 0]
    return offset * R_KM


def four(got, swath):
    below = swath.shape[1]
    return np.stack([got.pixels, got.pixels + 1, got.pixels + below + 1, got.pixels + below], -1)


def interpolated(got, swath):
    return norm((swath.centres[four(got, swath)] * got.weights[..., None]).sum(1))


def test_nearest_has_no_displacement(load, locate):
    lon_lat, swath = load("whole granule")
    got = locate(lon_lat, "EPSG:4326", "around", "0.015", "nearest")
    offset = displacement_km(got, swath)
    mean = offset.mean(0)
    print("whole granule, km east and north:", mean)
    assert np.abs(mean).max() < 0.01
    lon, lat = got.centres(got.cells)
    middle = lon.min() + 0.5 * np.ptp(lon), lat.min() + 0.5 * np.ptp(lat)
    for dx in (-6, -2, 2):
        for dy in (-5, 0):
            west, south = middle[0] + dx, middle[1] + dy
            box = (lon >= west) & (lon < west + 4) & (lat >= south) & (lat < south + 5)
            mean = offset[box].mean(0)
            print("box of", box.sum(), "cells:", mean)
            assert box.sum() > 50_000 and np.abs(mean).max() < 0.03


@pytest.mark.parametrize(
    ("name", "crs", "place", "resolution"),
    [
        ("granule", "EPSG:4326", "bbox=-74,28,-70,32", "0.015"),
        pytest.param("whole granule", "EPSG:4326", "around", "0.015", marks=LONG),
        ("modis", "EPSG:4326", "around", "0.05"),
        ("across 180", "EPSG:4326", "around", "0.03"),
        ("pole", "EPSG:3413", "bounds=-400000,-400000,400000,400000", "3km"),
        ("pole", "EPSG:4326", "bbox=-180,86,180,90", "0.1"),
        ("ascat", "EPSG:4326", "bbox=-180,-90,180,90", "0.25"),
    ],
)
def test_bilinear_reproduces_positions(name, crs, place, resolution, load, locate):
    lon_lat, swath = load(name)
    got = locate(lon_lat, crs, place, resolution, "bilinear")
    assert len(got.cells) > 3000 and len(np.unique(got.cells)) == len(got.cells)
    assert np.abs(got.weights.sum(1) - 1).max() < 1e-12 and got.weights.min() >= 0
    offset = displacement_km(got, swath)
    rms = np.sqrt((offset**2).sum(1).mean())
    print(f"{name} {crs}: {len(offset)} cells, rms {rms:.2e} km")
    assert rms < 0.003


def harmonics(x, degree, seed):
    """A smooth random field: real spherical harmonics, by the recursion of normalised Legendre functions."""
    rng = np.random.default_rng(seed)
    lon, s = np.arctan2(x[:, 1], x[:, 0]), x[:, 2]
    c = np.sqrt(1 - s * s)
    total, sectoral = np.zeros(len(x)), np.ones(len(x))
    for m in range(degree + 1):
        if m > 0:
            sectoral = sectoral * c * np.sqrt((2 * m + 1) / (2 * m))
        below, here = np.zeros(len(x)), sectoral
        for n in range(m, degree + 1):
            if n > m:
                a = np.sqrt((4 * n * n - 1) / (n * n - m * m))
                b = np.sqrt((2 * n + 1) * ((n - 1) ** 2 - m * m) / ((2 * n - 3) * (n * n - m * m))) if n > 1 else 0
                below, here = here, a * s * here - b * below
            total += here * (rng.normal() * np.cos(m * lon) + rng.normal() * np.sin(m * lon)) / (n + 1)
    return total


def reference_bilinear(swath, x, field):
    """Interpolation in the quad around each point: Newton's iteration in the plane tangent there."""
    pixels = swath.shape[1]
    nearest = swath.located[swath.tree.query(x)[1]]
    value = np.full(len(x), np.nan)
    for di in (-1, 0):
        for dj in (-1, 0):
            i, j = nearest // pixels + di, nearest % pixels + dj
            ok = (i >= 0) & (j >= 0) & (i < swath.shape[0] - 1) & (j < pixels - 1) & np.isnan(value)
            corner = (i * pixels + j)[ok]
            quad = np.stack([corner, corner + 1, corner + pixels + 1, corner + pixels], -1)
            inside = contains(swath.centres[quad], x[ok])
            where, quad = np.flatnonzero(ok)[inside], quad[inside]
            a, b, c, d = np.moveaxis(plane(x[where], swath.centres[quad]), 1, 0)
            s = t = np.full(len(where), 0.5)
            for _ in range(20):
                s_, t_ = s[:, None], t[:, None]
                f = a * (1 - s_) * (1 - t_) + b * s_ * (1 - t_) + c * s_ * t_ + d * (1 - s_) * t_
                fs, ft = (b - a) * (1 - t_) + (c - d) * t_, (d - a) * (1 - s_) + (c - b) * s_
                det = wedge2(fs, ft)
                s, t = s - wedge2(f, ft) / det, t - wedge2(fs, f) / det
            w = np.stack([(1 - s) * (1 - t), s * (1 - t), s * t, (1 - s) * t], -1)
            value[where] = (field[quad] * w).sum(-1)
    return value


def wedge2(a, b):
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


@pytest.mark.parametrize(
    ("name", "crs", "place", "resolution"),
    [
        ("granule", "EPSG:4326", "bbox=-73,29,-71,31", "0.015"),
        ("modis", "EPSG:4326", "around", "0.1"),
        ("pole", "EPSG:3413", "bounds=-400000,-400000,400000,400000", "6km"),
    ],
)
def test_bilinear_is_as_good_as_a_reference(name, crs, place, resolution, load, locate):
    lon_lat, swath = load(name)
    got = locate(lon_lat, crs, place, resolution, "bilinear")
    lon, lat = got.centres(got.cells)
    x = unit((lon + 180) % 360 - 180, lat)
    # Only the pixels that are used, and those around them, need a value.
    field = np.full(len(swath.centres), np.nan)
    near = swath.located[np.unique(swath.tree.query(x, k=9)[1])]
    used = np.unique(np.concatenate([near, four(got, swath).ravel()]))
    field[used] = harmonics(swath.centres[used], 40, seed=3)
    truth = harmonics(x, 40, seed=3)
    mine = (field[four(got, swath)] * got.weights).sum(1)
    other = reference_bilinear(swath, x, field)
    both = ~np.isnan(other)
    assert both.mean() > 0.9

    def rms(values):
        return np.sqrt(((values - truth)[both] ** 2).mean())

    print(f"{name}: error {rms(mine):.3e}, reference {rms(other):.3e}, field {truth.std():.2f}")
    assert rms(mine) <= 1.1 * rms(other)


# Footprint --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", ["0.004", "0.015", "0.15"])
@pytest.mark.parametrize("box", ["-74,28,-70,33", "-72.2,29.7,-71.1,30.6"])
def test_footprint_conserves_totals(box, resolution, load, locate):
    lon_lat, swath = load("granule")
    swath.with_footprints()
    got = locate(lon_lat, "EPSG:4326", f"bbox={box}", resolution, "footprint")
    values = np.random.default_rng(1).uniform(0.5, 1.5, len(swath.centres))
    area = abs(got.step[0] * got.step[1])
    total = (values[got.pixels] * got.weights).sum() * area

    # The footprints as polygons of longitude and latitude, edges in eight pieces of great circle.
    west, north = got.origin
    east, south = west + got.shape[1] * got.step[0], north + got.shape[0] * got.step[1]
    lon, lat = (a.astype(float).ravel() for a in lon_lat)
    near = (lon > west - 0.2) & (lon < east + 0.2) & (lat > south - 0.2) & (lat < north + 0.2)
    pixels = np.flatnonzero(near & swath.usable)
    polygons = polygons_of(swath.corners[pixels])
    given = shapely.area(shapely.intersection(polygons, shapely.box(west, south, east, north)))
    expected = (values[pixels] * given).sum()
    print(f"{resolution}: {len(got.cells)} overlaps, ratio {total / expected - 1:.1e}")
    assert abs(total / expected - 1) < 1e-6
    # Each pixel's own share too, but for bends that are too small to split, which neighbours share.
    mine = np.bincount(got.pixels, got.weights * area, len(values))[pixels]
    assert np.abs(mine - given).max() < 1e-4 * given.max()

    # Every cell that lies inside the swath is covered, once.
    cover = np.bincount(got.cells, got.weights, got.shape[0] * got.shape[1])
    inside = shapely.contains(shapely.Polygon(corner_ring(swath)), shapely.box(*cell_boxes(got)))
    assert inside.sum() > 20
    assert np.abs(cover[inside] - 1).max() < 1e-6
    assert cover.max() < 1 + 1e-6


def polygons_of(corners):
    share = np.arange(8)[:, None] / 8
    following = np.roll(corners, -1, axis=1)
    points = norm(corners[:, :, None] * (1 - share) + following[:, :, None] * share)
    points = points.reshape(len(corners), 32, 3)
    lon = np.degrees(np.arctan2(points[..., 1], points[..., 0]))
    return shapely.polygons(np.stack([lon, np.degrees(np.arcsin(points[..., 2]))], -1))


def corner_ring(swath):
    """The outline of the swath one pixel inside, as longitudes and latitudes."""
    lines, pixels = swath.shape
    index = np.arange(lines * pixels).reshape(lines, pixels)[1:-1, 1:-1]
    ring = np.concatenate([index[0], index[1:, -1], index[-1, -2::-1], index[-2:0:-1, 0]])
    v = swath.centres[ring]
    return np.degrees(np.stack([np.arctan2(v[:, 1], v[:, 0]), np.arcsin(v[:, 2])], -1))


def cell_boxes(got):
    cells = np.arange(got.shape[0] * got.shape[1])
    x = got.origin[0] + (cells % got.shape[1]) * got.step[0]
    y = got.origin[1] + (cells // got.shape[1]) * got.step[1]
    return x, y + got.step[1], x + got.step[0], y
