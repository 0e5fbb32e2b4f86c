"""Bins against those of NASA's l2bin and l3bin, run by run, where their files lie beside the project.

Every run without area weighting is here: equal, or left out for a defect of the reference that the files'
own notes name."""

import gzip
import pathlib
import subprocess

import exact_overlap
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
    "abc_r4_2prod": run(
        [A, B, C], *CHLOROPHYLL, "-v", "carbon_phyto", "--mask", "joint",
        "--where", "carbon_phyto >= 0 and carbon_phyto <= 15",
    ),  # fmt: skip
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

# At its noted defect: the number of scenes counts those that were replaced.
def test_the_greatest_value_of_a_bin_is_l2bins(swathe, tmp_path):
    files, options = RUNS["abc_r4_aw0"]
    out = tmp_path / "bins.nc"
    best = ["--best", "largest:chlor_a"]
    subprocess.run([swathe, "average", *files, *options, *best, "-o", out], check=True)
    (our_list, our_sums), (their_list, their_sums) = bins(out), bins(GOLD / "out" / "abc_r4_max.nc")
    for name in ("bin_num", "nobs", "weights"):
        np.testing.assert_array_equal(our_list[name], their_list[name])
    for name in ("sum", "sum_squared"):
        assert close(our_sums["chlor_a"][name], their_sums["chlor_a"][name]).all()
    assert (our_list["nscenes"] == 1).all()


def test_granules_of_unit_weight_are_l3bins(swathe, tmp_path):
    """Means of granules, and their squares, added up, as unit_wgt of l3bin does. Its weights stay one where several
    files meet, so that what is divided by them is no mean, but above the mean of every file: ours are the numbers of
    granules."""
    files, options = RUNS["abc_r4_aw0"]
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "--weight", "granule", "-o", out], check=True)
    (our_list, our_sums), (their_list, their_sums) = bins(out), bins(GOLD / "out" / "merge_r4_unitwgt.nc")
    for name in ("bin_num", "nobs", "nscenes"):
        np.testing.assert_array_equal(our_list[name], their_list[name])
    for name in ("sum", "sum_squared"):
        assert close(our_sums["chlor_a"][name], their_sums["chlor_a"][name]).all()
    np.testing.assert_array_equal(our_list["weights"], our_list["nscenes"])
    assert (their_list["weights"] == 1).all()
    least, most = {}, {}
    for letter in "abc":
        listed, sums = bins(GOLD / "out" / f"{letter}_r4_aw0.nc")
        for number, mean in zip(listed["bin_num"], sums["chlor_a"]["sum"] / listed["weights"]):
            least[number] = min(mean, least.get(number, np.inf))
            most[number] = max(mean, most.get(number, -np.inf))
    numbers, several = our_list["bin_num"], our_list["nscenes"] > 1
    least, most = (np.array([of[number] for number in numbers]) for of in (least, most))
    ours = our_sums["chlor_a"]["sum"] / our_list["weights"]
    assert (ours >= least * (1 - 1e-6)).all() and (ours <= most * (1 + 1e-6)).all()
    assert several.sum() > 2000 and (their_sums["chlor_a"]["sum"] > most)[several].all()


@pytest.mark.parametrize(
    ("day", "side"), [("2024214", "longitude < 0"), ("2024215", "longitude >= 0")]
)
def test_both_sides_of_180_degrees_are_l2bins_days(swathe, tmp_path, day, side):
    """The reference puts pixels east of 180 degrees into the day before: these bins. test_data_days.py has the same of
    --every day."""
    files, options = run(["dateline.nc"], *CHLOROPHYLL, "--where", side, rows="9", flags="CLDICE")
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "-o", out], check=True)
    assert same(out, GOLD / "out" / f"dateline_day_{day}.nc") > 0


# What the reference does wrong, in its own notes.
LEFT_OUT = {
    "qual_r4": "file numbers are not moved when pixels of bad quality are dropped",
    "nan_r4": "NaN passes the range test and makes the bin NaN",
    "dateline_box_cross_EMPTY": "a box across 180 degrees selects nothing",
}

# In these the pixel at (20, -200) is in a bin of the row below; ours has it at 160 E.
MOVED = {"edge_points_r4": 1, "edge_points_r9": 1}

# A run of which nothing comes, as there.
EMPTY = {"dateline_day_2024216": "a day before or after"}


def test_every_run_without_area_weighting_is_here():
    runs = (GOLD / "RUNS.md").read_text().splitlines()
    names = [words[1].strip() for line in runs if len(words := line.split("|")) > 4]
    listed = {n for n, line in zip(names, [l for l in runs if len(l.split("|")) > 4]) if "| l2bin |" in line}
    listed = {n for n in listed if not any(part in n for part in ("_aw1", "_aw2", "_aw3"))}
    own = {"abc_r4_max", "dateline_day_2024214", "dateline_day_2024215"}
    assert listed == set(RUNS) | set(LEFT_OUT) | set(EMPTY) | own


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


def test_bins_merged_over_time_are_those_of_l3bin(swathe, tmp_path):
    parts = []
    for name in ("a_r4_aw0", "b_r4_aw0", "c_r4_aw0"):
        files, options = RUNS[name]
        parts.append(tmp_path / f"{name}.nc")
        subprocess.run([swathe, "average", *files, *options, "-o", parts[-1]], check=True)
    merged = [tmp_path / "merged.nc", tmp_path / "again.nc"]
    subprocess.run([swathe, "merge", *parts, "-o", merged[0]], check=True)
    assert same(merged[0], GOLD / "out" / "merge_r4.nc") > 0
    # NASA's own files are read as well, and the order of arguments does not show.
    subprocess.run([swathe, "merge", *reversed(parts), "-o", merged[1]], check=True)
    assert merged[0].read_bytes() == merged[1].read_bytes()
    theirs = [GOLD / "out" / f"{name}.nc" for name in ("a_r4_aw0", "b_r4_aw0", "c_r4_aw0")]
    out = tmp_path / "theirs.nc"
    subprocess.run([swathe, "merge", *theirs, "-o", out], check=True)
    assert same(out, GOLD / "out" / "merge_r4.nc") > 0


MAP_GRID = ["--bounds=-74,37.5,-71,40", "-r", "0.041666666666666664"]


# Who made it, where, and under what name: a product of ours says that in its own way, or not at all.
MAKER = {
    "creator_email", "creator_name", "creator_url", "publisher_email", "publisher_name", "publisher_url", "institution",
    "license", "naming_authority", "project", "id", "product_name", "date_created", "standard_name_vocabulary",
}  # fmt: skip


def test_files_have_the_form_of_l2bins(swathe, tmp_path):
    """Groups, dimensions, types, variables, and names and types of attributes."""
    files, options = RUNS["abc_r4_aw0"]
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "-o", out], check=True)

    def form(path):
        with netCDF4.Dataset(path) as file:
            group = file["level-3_binned_data"]
            variables = {
                name: (v.dtype, v.dimensions, [(a, type(v.getncattr(a))) for a in v.ncattrs()])
                for name, v in group.variables.items()
            }
            dimensions = {name: len(of) for name, of in group.dimensions.items()}
            types = {name: of.dtype for name, of in group.cmptypes.items()}
            attributes = {name: type(file.getncattr(name)) for name in file.ncattrs()}
            return (file.data_model, set(file.groups), variables, dimensions, types), attributes

    (ours, our_attributes), (theirs, their_attributes) = form(out), form(GOLD / "out" / "abc_r4_aw0.nc")
    assert ours == theirs
    common = set(our_attributes) & set(their_attributes)
    assert set(their_attributes) - common == MAKER & set(their_attributes)
    assert {name: our_attributes[name] for name in common} == {name: their_attributes[name] for name in common}


def mapped(path, name):
    with netCDF4.Dataset(path) as file:
        values = file[name][:]
        return np.ma.filled(values.astype("f8"), np.nan), file["lat"][:], file["lon"][:]


def check_map(ours, theirs, spread=True):
    names = {"chlor_a": "chlor_a", "chlor_a_count": "chlor_a_nobs"}
    names["chlor_a_granules"] = "chlor_a_nscenes"
    for own, other in names.items():
        found, lat, lon = mapped(ours, own)
        with netCDF4.Dataset(theirs) as file:
            if other not in file.variables:
                continue
        expected, other_lat, other_lon = mapped(theirs, other)
        np.testing.assert_allclose(lat, other_lat, atol=1e-5)
        np.testing.assert_allclose(lon, other_lon, atol=1e-5)
        if own != "chlor_a":
            # Theirs has no count where there is none.
            expected = np.nan_to_num(expected)
        np.testing.assert_allclose(found, expected, rtol=1e-6, equal_nan=True)
    if spread:
        found, *_ = mapped(ours, "chlor_a_std")
        expected, *_ = mapped(theirs, "chlor_a_stdev")
        mean, *_ = mapped(theirs, "chlor_a")
        # Single precision of sums that nearly cancel.
        assert np.nanmax(np.abs(found - expected) / mean) < 2e-3
        assert (np.abs(found - expected) > 1e-5 * mean).mean() < 0.01


@pytest.mark.parametrize("bins_of", ["ours", "theirs"])
def test_nearest_maps_are_those_of_l3mapgen(swathe, tmp_path, bins_of):
    binned = GOLD / "out" / "abc_r4_aw0.nc"
    if bins_of == "ours":
        files, options = RUNS["abc_r4_aw0"]
        binned = tmp_path / "bins.nc"
        subprocess.run([swathe, "average", *files, *options, "-o", binned], check=True)
    out = tmp_path / "map.nc"
    subprocess.run([swathe, "map", binned, *MAP_GRID, "--stat", "mean,std", "-o", out], check=True)
    check_map(out, GOLD / "out" / "map_r4_nearest.nc")


def test_maps_of_other_schemes_are_those_of_l3mapgen(swathe, tmp_path):
    out = tmp_path / "map.nc"
    binned = GOLD / "out" / "abc_r4_geometric.nc"
    subprocess.run([swathe, "map", binned, *MAP_GRID, "-o", out], check=True)
    check_map(out, GOLD / "out" / "map_r4_geometric.nc", spread=False)


def map_by(tmp_path, swathe, method, name):
    out = tmp_path / "map.nc"
    binned = GOLD / "out" / "abc_r4_aw0.nc"
    words = ["-m", method, "--stat", "mean,std", "-o", out, "--overwrite"]
    subprocess.run([swathe, "map", binned, *MAP_GRID, *words], check=True)
    return mapped(out, name)[0]


def test_maps_of_shares_of_bins_are_those_of_l3mapgen(swathe, tmp_path):
    found = map_by(tmp_path, swathe, "area", "chlor_a")
    expected, *_ = mapped(GOLD / "out" / "map_r4_area.nc", "chlor_a")
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    ratio = np.abs(found / expected - 1)[np.isfinite(found)]
    # Edges of their cells are in single precision.
    assert np.median(ratio) < 3e-6 and np.quantile(ratio, 0.99) < 4e-5 and ratio.max() < 2e-4


def test_maps_of_bins_that_overlap_are_those_of_l3mapgen_but_for_bins_that_only_touch(swathe, tmp_path):
    """The edges of these cells are those of rows of bins. Ours take their own row. Theirs take a neighbour too where the
    edge that they round to lies in it: in one of three rows of cells it does not, in another it is the row to the
    north, in the third that to the south."""
    found = map_by(tmp_path, swathe, "bin", "chlor_a_count")
    expected, *_ = mapped(GOLD / "out" / "map_r4_bin.nc", "chlor_a_nobs")
    expected = np.nan_to_num(expected)
    with netCDF4.Dataset(GOLD / "out" / "abc_r4_aw0.nc") as file:
        listed = file["level-3_binned_data/BinList"][:]
    observations = dict(zip(listed["bin_num"].tolist(), listed["nobs"].tolist()))
    latitudes = (np.arange(4320) + 0.5) * (180 / 4320) - 90
    bins = (np.cos(np.radians(latitudes)) * 2 * 4320 + 0.5).astype(int)
    base = 1 + np.concatenate([[0], np.cumsum(bins)])
    edges = -74 + np.arange(73) / 24

    def of_row(row):
        places = bins[row] * (edges + 180) / 360
        spans = zip(np.floor(places[:-1] + 1e-6).astype(int), np.ceil(places[1:] - 1e-6).astype(int))
        return [sum(observations.get(int(base[row] + c), 0) for c in range(a, b)) for a, b in spans]

    south = round((37.5 + 90) * 24)
    rows = np.array([of_row(south + 60 - i) for i in range(62)])
    own, north, of_south = rows[1:-1], rows[:-2], rows[2:]
    np.testing.assert_array_equal(found, own)
    explained = [expected == own, expected == own + north, expected == own + of_south]
    assert np.any(explained, axis=0).mean() > 0.99
    assert [round(3 * one.mean()) for one in explained] == [1, 1, 1]
    # Where they take the same bins, the means are the same.
    same = (expected == own) & (own > 0)
    found = map_by(tmp_path, swathe, "bin", "chlor_a")
    expected, *_ = mapped(GOLD / "out" / "map_r4_bin.nc", "chlor_a")
    np.testing.assert_allclose(found[same], expected[same], rtol=2e-6)


def test_the_preset_is_the_chain(swathe, tmp_path):
    """Binned and mapped in one command, as by l2bin and l3mapgen."""
    files, _ = RUNS["abc_r4_aw0"]
    out = tmp_path / "map.nc"
    options = ["--preset", "nasa-l3", "--flags", FLAGS, "-v", "chlor_a", "--stat", "mean,std"]
    subprocess.run([swathe, "average", *files, *options, *MAP_GRID, "-o", out], check=True)
    check_map(out, GOLD / "out" / "map_r4_nearest.nc")


# Area weighting: (mean difference of means, in units of the mean; bins in common of theirs).
AREA = ["abc_r4_aw1", "abc_r4_aw2", "abc_r4_aw3", "abc_r9_aw1", "abc_r9_aw2", "abc_r9_aw3",
        "abc_r2_aw1", "abc_r2_aw2", "abc_r4_aw1_box", "a_r4_aw2", "c_r4_aw2",
        "dateline_r4_aw1", "dateline_r4_aw2", "dateline_r4_aw3"]  # fmt: skip


def area_run(name):
    files = {"a": [A], "c": [C], "d": ["dateline.nc"]}.get(name[0] if name[1] == "_" else name[0], None)
    files = [A, B, C] if name.startswith("abc") else files
    options = [*CHLOROPHYLL, "-m", "footprint"]
    if name.endswith("box"):
        options.append("-b=-73.5,38,-71.5,39.5")
    rows = name.split("_r")[1][0]
    return run(files, *options, rows=rows, flags="CLDICE" if name.startswith("d") else FLAGS)


@pytest.mark.parametrize("name", AREA)
def test_area_weighting_agrees(swathe, tmp_path, name):
    """Ours are exact overlaps of footprints with shared corners; theirs boxes (1), bounding boxes (2), or
    polygons of corners (3). Means of most bins agree."""
    files, options = area_run(name)
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "-o", out], check=True)
    (our_list, our_sums), (their_list, their_sums) = bins(out), bins(GOLD / "out" / f"{name}.nc")
    _, i, j = np.intersect1d(our_list["bin_num"], their_list["bin_num"], return_indices=True)
    mean = our_sums["chlor_a"]["sum"][i] / our_list["weights"][i]
    expected = their_sums["chlor_a"]["sum"][j] / their_list["weights"][j]
    ratio = np.abs(mean / expected - 1)
    print(f"\n{name}: ours {len(our_list)}, theirs {len(their_list)}, common {len(i)}, "
          f"means: median {np.median(ratio):.2e}, 90 % {np.quantile(ratio, 0.9):.2e}; weights: median "
          f"{np.median(our_list['weights'][i] / their_list['weights'][j]):.4f}")  # fmt: skip
    assert len(i) > 0.9 * len(their_list)
    assert np.median(ratio) < 0.05


def overlapping(rows):
    granules = []
    for name in (A, B, C):
        with netCDF4.Dataset(GOLD / "in" / name) as nc:
            nc.set_auto_mask(False)
            lat, lon = (nc[f"navigation_data/{n}"][:] for n in ("latitude", "longitude"))
            variable, flags = nc["geophysical_data/chlor_a"], nc["geophysical_data/l2_flags"]
            values, bits = variable[:].astype("f8"), flags[:].astype("i8")
            masks = dict(zip(flags.flag_meanings.split(), np.asarray(flags.flag_masks).astype("i8")))
            counts = (values >= np.float32(variable.valid_min)) & (values <= variable.valid_max)
            for flag in FLAGS.split(","):
                counts &= (bits & masks[flag]) == 0
        granules.append((lat, lon, values, counts))
    return exact_overlap.bins(granules, ROWS[rows])


@pytest.mark.parametrize("rows", ["9", "4"])
def test_area_weights_are_exact_overlaps(swathe, tmp_path, rows):
    """Ours are the overlaps of polygons that another program works out; the reference's are not."""
    pytest.importorskip("shapely")
    exact = overlapping(rows)
    files, options = run([A, B, C], *CHLOROPHYLL, "-m", "footprint", rows=rows)
    out = tmp_path / "bins.nc"
    subprocess.run([swathe, "average", *files, *options, "-o", out], check=True)

    def differences(path):
        listed, sums = bins(path)
        found = [i for i, number in enumerate(listed["bin_num"]) if int(number) in exact]
        weight, total = np.array([exact[int(listed["bin_num"][i])] for i in found]).T
        mean = (sums["chlor_a"]["sum"] / listed["weights"])[found]
        means = np.abs(mean / (total / weight) - 1)
        # Of bins that are only touched little is left after rounding.
        return set(listed["bin_num"].tolist()), means, np.abs(listed["weights"][found] - weight)

    numbers, means, weights = differences(out)
    assert numbers == set(exact)
    print(np.quantile(means, [0.5, 0.9, 0.99, 1]), np.quantile(weights, [0.5, 0.9, 0.99, 1]))
    assert np.quantile(means, 0.99) < 1e-6 and weights.max() < 1e-4
    for kind in "123":
        _, theirs, _ = differences(GOLD / "out" / f"abc_r{rows}_aw{kind}.nc")
        assert np.median(theirs) > 1000 * np.median(means)
