"""Makes land_mask.bin from the land polygons of Natural Earth 1:10m.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python make_land_mask.py package/land-10m.json land_mask.bin          # needs numpy, rasterio
"""

import json
import sys
import zlib

import numpy as np
from rasterio.features import rasterize
from rasterio.transform import from_origin

CELLS_PER_DEGREE = 30


def polygons(topology):
    """GeoJSON polygons of the layer `land` of a TopoJSON topology, each at three longitudes."""
    scale = np.array(topology["transform"]["scale"])
    origin = np.array(topology["transform"]["translate"])
    arcs = [np.cumsum(arc, axis=0) * scale + origin for arc in topology["arcs"]]

    def ring(indices):
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        joined = np.concatenate([parts[0], *(part[1:] for part in parts[1:])])
        # The topology is joined across 180 degrees: longitudes run on there, ...
        jumps = np.diff(joined[:, 0])
        joined[1:, 0] -= 360 * np.cumsum(np.rint(jumps / 360))
        # ... and a ring that runs once around is closed over its pole, the southern.
        if abs(joined[-1, 0] - joined[0, 0]) > 180:
            joined = np.vstack([joined, [joined[-1, 0], -90], [joined[0, 0], -90], joined[0]])
        return joined

    for geometry in topology["objects"]["land"]["geometries"]:
        parts = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for part in parts:
            rings = [ring(indices) for indices in part]
            if len(rings[0]) < 4:  # islets that quantisation made lines of
                continue
            for shift in (-360, 0, 360):
                shifted = [(r + [shift, 0]).tolist() for r in rings if len(r) > 3]
                yield {"type": "Polygon", "coordinates": shifted}


def varints(numbers):
    """Seven bits a byte, the lowest first; the high bit says that more follow."""
    out = bytearray()
    for number in numbers.tolist():
        while number >= 128:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def main(source, target):
    with open(source) as file:
        land = [(polygon, 1) for polygon in polygons(json.load(file))]
    n = CELLS_PER_DEGREE
    mask = rasterize(
        land, (180 * n, 360 * n), 0, transform=from_origin(-180, 90, 1 / n, 1 / n), dtype="uint8"
    )
    # Each row as its difference from the row above, then the lengths of the runs of equal cells.
    mask[1:] ^= mask[:-1].copy()
    changes = np.flatnonzero(np.diff(np.concatenate([[0], mask.ravel()])))
    runs = varints(np.diff(changes, prepend=0))
    with open(target, "wb") as file:
        file.write(len(runs).to_bytes(4, "little") + zlib.compress(runs, 9))


if __name__ == "__main__":
    main(*sys.argv[1:])
