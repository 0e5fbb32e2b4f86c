"""Bins against those of NASA's l2bin and l3bin, run by run, where their files lie beside the project.

Every run without area weighting is here: equal, or left out for a defect of the reference that the files'
own notes name."""

import gzip
import pathlib
import subprocess

import numpy as np
import pytest

netCDF4 = pytest.importorskip("netCDF4")

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLD = ROOT.parent / "shared" / "gold"
FLAGS = "ATMFAIL,LAND,HILT,STRAYLIGHT,CLDICE,NAVFAIL"
A, B, C = (
    f"PACE_OCI.{stamp}.L2.OC_BGC.crop.nc"
    for stamp in ("20240802T165513", "20240803T173013", "20240805T170013")
)
CHLOROPHYLL = ["-v", "chlor_a"]
ROWS = {"1D": 180, "9": 2160, "4": 4320, "2": 8640}

pytestmark = pytest.mark.skipif(not GOLD.is_dir(), reason="no reference runs beside the project")


def run(files, *options, rows="4", flags=FLAGS):
    return [GOLD / "in" / file for file in files], [
        "--grid", f"isin-{ROWS[rows]}", "--flags", flags, *options,
    ]  # fmt: skip


RUNS = {
    "abc_r4_aw0": run([A, B, C], *CHLOROPHYLL),
    "abc_r9_aw0": run([A, B, C], *CHLOROPHYLL, rows="9"),
    "abc_r1D_aw0": run([A, B, C], *CHLOROPHYLL, rows="1D"),
    "abc_r4_box": run([A, B, C], *CHLOROPHYLL, "-b=-73.5,38,-71.5,39.5"),
    "abc_r4_geometric": run([A, B, C], *CHLOROPHYLL, "--scheme", "geometric"),
    "abc_r4_harmonic": run([A, B, C], *CHLOROPHYLL, "--scheme", "harmonic"),
    "abc_r4_quadratic": run([A, B, C], *CHLOROPHYLL, "--scheme", "quadratic"),
    "a_r4_aw0": run([A], *CHLOROPHYLL),
    "b_r4_aw0": run([B], *CHLOROPHYLL),
    "c_r4_aw0": run([C], *CHLOROPHYLL),
    "edge_points_r4": run(["edge_points.nc"], *CHLOROPHYLL),
    "edge_points_r9": run(["edge_points.nc"], *CHLOROPHYLL, rows="9"),
    "dateline_r4_aw0": run(["dateline.nc"], *CHLOROPHYLL, flags="CLDICE"),
    "packed_poc_r4": run(["packed.nc"], "-v", "poc"),
    "packed_Rrs_r4": run(["packed.nc"], "-v", "Rrs@442,555,670"),
}

# What the reference does wrong, in its own notes.
LEFT_OUT = {
    "qual_r4": "file numbers are not moved when pixels of bad quality are dropped",
    "nan_r4": "NaN passes the range test and makes the bin NaN",
    "dateline_box_cross_EMPTY": "a box across 180 degrees selects nothing",
}

# In these the pixel at (20, -200) is in a bin of the row below; ours has it at 160 E.
MOVED = {"edge_points_r4": 1, "edge_points_r9": 1}


def bins(path):
    """Bins by number: counts and weights, and the sums of every product."""
    with netCDF4.Dataset(path) as file:
        group = file["level-3_binned_data"]
        listed = group["BinList"][:]
        own = {"BinList", "BinIndex", "qual_l3"}
        sums = {name: v[:] for name, v in group.variables.items() if name not in own}
    return listed, sums


def close(ours, theirs, scale=0):
    return np.abs(ours.astype("f8") - theirs) <= 1e-6 * np.maximum(np.abs(theirs), scale)


def same(ours, theirs, moved=0, signed=False):
    (our_list, our_sums), (their_list, their_sums) = bins(ours), bins(theirs)
    _, i, j = np.intersect1d(our_list["bin_num"], their_list["bin_num"], return_indices=True)
    assert len(our_list) - len(i) <= moved and len(their_list) - len(j) <= moved
    different = np.zeros(len(i), dtype=bool)
    for name in ("nobs", "nscenes"):
        different |= our_list[name][i] != their_list[name][j]
    different |= ~close(our_list["weights"][i], their_list["weights"][j])
    assert set(our_sums) == set(their_sums)
    for product in their_sums:
        found, expected = our_sums[product][i], their_sums[product][j]
        different |= ~close(found["sum_squared"], expected["sum_squared"])
        # Logarithms of both signs may cancel: the reference rounds each file's sum to single precision.
        scale = np.sqrt(expected["sum_squared"] * their_list["weights"][j]) if signed else 0
        different |= ~close(found["sum"], expected["sum"], scale)
    assert different.sum() <= moved
    return len(i)


@pytest.mark.parametrize("name", RUNS)
def test_equal_to_l2bin(swathe, tmp_path, name):
    files, options = RUNS[name]
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "-o", out], check=True)
    reference = GOLD / "out" / f"{name}.nc"
    signed = "geometric" in options
    assert same(out, reference, MOVED.get(name, 0), signed) > 0
    # The index of rows is of the same grid, and agrees with the bins.
    with netCDF4.Dataset(out) as ours, netCDF4.Dataset(reference) as theirs:
        group, other = (f["level-3_binned_data"] for f in (ours, theirs))
        index, expected = group["BinIndex"][:], other["BinIndex"][:]
        assert index.dtype == expected.dtype
        assert group["BinList"].dtype == other["BinList"].dtype
        names = ("start_num", "max") if name in MOVED else index.dtype.names
        for field in names:
            assert np.array_equal(index[field], expected[field])
        assert set(group.cmptypes) == set(other.cmptypes)
        for attribute in theirs.ncattrs():
            if attribute.startswith(("northern", "southern", "eastern", "western", "geospatial_l")):
                a, b = ours.getncattr(attribute), theirs.getncattr(attribute)
                assert type(a) is type(b)
                if name in MOVED or "lon" in attribute:
                    continue
                assert a == b if isinstance(a, str) else a == pytest.approx(b, abs=1e-4)
