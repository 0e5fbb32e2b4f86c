"""What must work right after `pip install swathe`, with nothing else installed. Run by `cargo xtask wheel`."""

import importlib.metadata
import pathlib
import subprocess
import sys

import swathe
import xarray

here = pathlib.Path(sys.prefix)
assert pathlib.Path(swathe.__file__).is_relative_to(here), swathe.__file__
assert importlib.metadata.version("swathe") == swathe.__version__
installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
print("installed:", *sorted(installed))
assert not installed & {"dask", "netcdf4", "h5py", "rasterio", "matplotlib", "tqdm", "maturin"}

granules = swathe.simulate(here / "granules", count=2, lines=200, overwrite=True)
area = {"bbox": (-77, 36, -73, 41), "resolution": 0.1}
mean = swathe.average(granules, "chlor_a", **area, progress=True)
assert mean.chlor_a.shape == (50, 40)
assert swathe.open(granules[0]).to_xarray().chlor_a.shape == (200, 1272)
tree = xarray.open_datatree(granules[0], engine="swathe")
assert float(tree["geophysical_data/chlor_a"].max()) > 0

said = subprocess.run(["swathe", "--version"], capture_output=True, text=True, check=True)
assert said.stdout.strip() == f"swathe {swathe.__version__}", said.stdout
output = here / "mean.nc"
command = ["swathe", "average", *granules, "-v", "chlor_a", "-b", "-77,36,-73,41", "-r", "0.1"]
subprocess.run([*command, "-o", output, "--overwrite"], check=True)
assert output.stat().st_size > 0
outside = [
    "swathe",
    "average",
    *granules,
    "-b",
    "0,0,1,1",
    "-r",
    "0.1",
    "-o",
    output,
    "--overwrite",
]
assert subprocess.run(outside, capture_output=True).returncode == 4
assert subprocess.run(["swathe", "average"], capture_output=True).returncode == 2
print("the installed package works")
