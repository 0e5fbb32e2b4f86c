"""Bins by exact overlap of pixels' polygons with the boxes of bins, by shapely: slow and plain."""

import numpy as np


def corners(lat, lon):
    """Means on the sphere of the four centres around each corner; at edges by linear extrapolation."""
    lat, lon = np.radians(lat.astype("f8")), np.radians(lon.astype("f8"))
    v = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    v = np.concatenate([2 * v[:1] - v[1:2], v, 2 * v[-1:] - v[-2:-1]], 0)
    v = np.concatenate([2 * v[:, :1] - v[:, 1:2], v, 2 * v[:, -1:] - v[:, -2:-1]], 1)
    c = v[:-1, :-1] + v[1:, :-1] + v[:-1, 1:] + v[1:, 1:]
    c /= np.linalg.norm(c, axis=-1, keepdims=True)
    return np.degrees(np.arcsin(c[..., 2])), np.degrees(np.arctan2(c[..., 1], c[..., 0]))


def bins(granules, rows):
    """Weights and sums by bin number. `granules`: latitudes, longitudes, values, and which pixels count."""
    import shapely

    height, total = 180 / rows, {}
    for lat, lon, values, counts in granules:
        y, x = corners(lat, lon)
        ring = [(slice(None, -1), slice(None, -1)), (slice(None, -1), slice(1, None)),
                (slice(1, None), slice(1, None)), (slice(1, None), slice(None, -1))]  # fmt: skip
        quads = np.stack([np.stack([x[i], y[i]], -1) for i in ring], 2)[counts]
        polygons, values = shapely.polygons(quads), values[counts]
        low, high = quads.min(1), quads.max(1)
        first = np.floor((low[:, 1] + 90) / height).astype(int)
        last = np.floor((high[:, 1] + 90) / height).astype(int)
        own = {}
        for step in range((last - first).max() + 1):
            row = first + step
            middle = (row + 0.5) * height - 90
            width = 360 / (np.cos(np.radians(middle)) * 2 * rows + 0.5).astype(int)
            left = np.floor((low[:, 0] + 180) / width).astype(int)
            right = np.floor((high[:, 0] + 180) / width).astype(int)
            for along in range((right - left).max() + 1):
                column = left + along
                meets = (row <= last) & (column <= right)
                r, c, w = row[meets], column[meets], width[meets]
                south, west = r * height - 90, c * w - 180
                boxes = shapely.box(west, south, west + w, south + height)
                area = shapely.area(shapely.intersection(polygons[meets], boxes)) / (height * w)
                for key, share, value in zip(zip(r, c), area, values[meets]):
                    if share > 1e-9:
                        sums = own.setdefault(key, [0.0, 0.0])
                        sums[0] += share
                        sums[1] += share * value
        for key, (weight, weighted) in own.items():
            sums = total.setdefault(key, [0.0, 0.0])
            sums[0] += np.sqrt(weight)
            sums[1] += weighted / np.sqrt(weight)
    middles = (np.arange(rows) + 0.5) * height - 90
    counts = (np.cos(np.radians(middles)) * 2 * rows + 0.5).astype(int)
    base = np.concatenate([[1], 1 + np.cumsum(counts)])
    return {int(base[row] + column): tuple(sums) for (row, column), sums in total.items()}
