"""Pixels of a granule, read by netCDF4."""

import numpy as np
import pytest

netCDF4 = pytest.importorskip("netCDF4")


def chlorophyll(path):
    """Latitudes, longitudes, values of `chlor_a` in double precision, and which values are valid."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        latitude, longitude = (file[f"navigation_data/{name}"][:].astype("f8") for name in ("latitude", "longitude"))
        variable = file["geophysical_data/chlor_a"]
        values = variable[:].astype("f8")
        valid = (values >= np.float32(variable.valid_min)) & (values <= variable.valid_max)
    return latitude, longitude, values, valid
