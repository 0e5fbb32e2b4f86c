"""Makes the coastline files of this directory from the world-atlas package's TopoJSON files.

    python3 make_coastlines.py PACKAGE_DIRECTORY

PACKAGE_DIRECTORY holds land-110m.json, land-50m.json and land-10m.json of world-atlas 2.0.2
(Natural Earth 4.1, public domain). Only the standard library is needed.

A file is a sequence of unsigned LEB128 numbers: units in a degree, then for each ring its number of
points and the points, as zigzag differences of longitude and of latitude from the point before (the
first from the last point of the ring before, and the first of all from 0, 0). A difference of
longitude is the shorter way round, so that rings run on across 180. Rings are closed without
repeating their first point. Which rings are holes does not matter: land is where a ray crosses an
odd number of edges.
"""

import json
import pathlib
import sys

# Detail, and units in a degree: the package itself rounds to 1/278 degree.
DETAILS = {"110m": 100, "50m": 200, "10m": 250}


def rings(topology):
    """All rings, in degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)

    def ring(indices):
        points = []
        for index in indices:
            arc = arcs[index] if index >= 0 else arcs[~index][::-1]
            points += arc if not points else arc[1:]
        return points

    for geometry in topology["objects"]["land"]["geometries"]:
        polygons = geometry["arcs"] if geometry["type"] == "MultiPolygon" else [geometry["arcs"]]
        for polygon in polygons:
            for indices in polygon:
                points = ring(indices)
                # "Null Island", at 0, 0, is a maker's joke.
                if any(abs(lon) > 0.1 or abs(lat) > 0.1 for lon, lat in points):
                    yield points


def quantized(points, units):
    """Points in units: none twice in a row, none between two on the same straight line."""
    kept = []
    for lon, lat in points:
        # The package rounds the poles and the antimeridian away by some thousandths.
        lon = 180.0 if lon > 179.995 else -180.0 if lon < -179.995 else lon
        lat = -90.0 if lat < -89.99 else lat
        point = (round(lon * units), round(lat * units))
        if kept and (point[1] == kept[-1][1] and (point[0] - kept[-1][0]) % (360 * units) == 0):
            continue
        if len(kept) > 1:
            (ax, ay), (bx, by) = kept[-2:]
            dx, dy = point[0] - bx, point[1] - by
            if (bx - ax) * dy == (by - ay) * dx and (bx - ax) * dx + (by - ay) * dy > 0:
                kept.pop()
        kept.append(point)
    while len(kept) > 1 and kept[0] == kept[-1]:
        kept.pop()
    return kept


def encode(all_rings, units):
    """The file."""
    out = bytearray()

    def number(n):
        while n >= 0x80:
            out.append(n & 0x7F | 0x80)
            n >>= 7
        out.append(n)

    number(units)
    x = y = 0
    for points in all_rings:
        if len(points) < 3:
            continue
        number(len(points))
        for px, py in points:
            turn = 360 * units
            east = (px - x + turn // 2) % turn - turn // 2
            for difference in (east, py - y):
                number(difference * 2 if difference >= 0 else -difference * 2 - 1)
            x, y = px, py
    return bytes(out)


def main():
    """Writes coastline-*.bin beside this script."""
    package = pathlib.Path(sys.argv[1])
    for detail, units in DETAILS.items():
        topology = json.loads((package / f"land-{detail}.json").read_text())
        data = encode([quantized(points, units) for points in rings(topology)], units)
        (pathlib.Path(__file__).parent / f"coastline-{detail}.bin").write_bytes(data)
        print(detail, len(data), "bytes")


if __name__ == "__main__":
    main()
