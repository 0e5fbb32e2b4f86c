"""Projections against pyproj."""

import subprocess

import numpy as np
import pyproj
import pytest


@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [
        ("EPSG:32618", (-78, -72), (20, 60)),
        ("EPSG:3413", (-180, 180), (60, 89.9)),
        ("EPSG:3031", (-180, 180), (-89.9, -60)),
        ("EPSG:3857", (-179, 179), (-80, 80)),
        ("EPSG:6933", (-179, 179), (-80, 80)),
        ("EPSG:5070", (-120, -70), (25, 50)),
        ("+proj=laea +lat_0=38 +lon_0=-75 +datum=WGS84", (-90, -60), (20, 55)),
        ("+proj=aeqd +lat_0=38 +lon_0=-75 +datum=WGS84", (-90, -60), (20, 55)),
        ("+proj=sinu +datum=WGS84", (-179, 179), (-80, 80)),
        ("+proj=moll +datum=WGS84", (-179, 179), (-80, 80)),
    ],
)
def test_projects_as_pyproj(examples, crs, lon, lat):
    rng = np.random.default_rng(1)
    lon, lat = rng.uniform(*lon, 500), rng.uniform(*lat, 500)
    points = "".join(f"{a!r} {b!r}\n" for a, b in zip(lon.tolist(), lat.tolist()))
    out = subprocess.run(
        [examples / "project", crs], input=points, text=True, capture_output=True, check=True
    ).stdout
    x, y, back_lon, back_lat = np.array([row.split() for row in out.splitlines()], float).T
    forward = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    want_x, want_y = forward.transform(lon, lat)
    assert np.abs(x - want_x).max() < 1e-3
    assert np.abs(y - want_y).max() < 1e-3
    assert np.abs(back_lon - lon).max() < 1e-7
    assert np.abs(back_lat - lat).max() < 1e-7
