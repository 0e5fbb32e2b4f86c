"""Footprints and searches on the sphere, written from the design's text alone: oracles for the geometry."""

import functools

import numpy as np
from scipy.spatial import cKDTree

R_KM = 6371.0088


def unit(lon, lat):
    """Unit vectors of coordinates in degrees, NaN where they name no place."""
    lon, lat = np.asarray(lon, float), np.asarray(lat, float)
    bad = ~((np.abs(lat) <= 90) & (lon >= -180) & (lon <= 360))
    a, b = np.radians(np.where(bad, np.nan, lon)), np.radians(np.where(bad, np.nan, lat))
    return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], -1)


def norm(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def chord(a, b):
    return np.linalg.norm(a - b, axis=-1)


class Swath:
    """Centres v (lines, pixels, 3); on demand, links between neighbours, and footprints."""

    def __init__(self, lon, lat):
        self.v = unit(lon, lat)
        self.shape = self.v.shape[:2]
        self.centres = self.v.reshape(-1, 3)
        self.located = np.flatnonzero(~np.isnan(self.centres[:, 0]))

    @functools.cached_property
    def tree(self):
        """Of the located centres."""
        return cKDTree(self.centres[self.located], balanced_tree=False, compact_nodes=False)

    def with_footprints(self):
        """Itself, with links, corners, radius and usable worked out."""
        if not hasattr(self, "corners"):
            with np.errstate(all="ignore"):
                self.find_links(self.v, *self.shape)
            self.find_footprints()
        return self

    def find_links(self, v, lines, pixels):
        """A step is an edge if it is zero, points backward, or is over three times what is usual."""
        along, across = np.diff(v, axis=0), np.diff(v, axis=1)
        size_along, size_across = np.linalg.norm(along, axis=-1), np.linalg.norm(across, axis=-1)
        usual = np.zeros(pixels)
        if lines > 1:
            known = ~np.isnan(size_along).all(0)
            usual[known] = np.nanmedian(size_along[:, known], axis=0)
        nan = np.full((lines, 1), np.nan)
        before, after = np.hstack([nan, size_across]), np.hstack([size_across, nan])
        pixel_across = np.fmin(before, after)
        # The line's direction: the median over nine lines.
        padded = np.pad(along, ((4, 4), (0, 0), (0, 0)), constant_values=np.nan)
        nine = np.sort([padded[k : len(along) + k] for k in range(9)], axis=0)
        middle = (9 - np.isnan(nine).sum(0) - 1) // 2
        direction = np.take_along_axis(nine, np.maximum(middle, 0)[None], 0)[0]
        limit = 3 * np.fmax(pixel_across[:-1], usual)
        forward = (along * direction).sum(-1) >= 0
        self.along = (size_along > 0) & (size_along <= limit) & forward
        next_steps = np.fmin(before[:, :-1], after[:, 1:])
        limit = 3 * np.fmax(next_steps, np.maximum(usual[:-1], usual[1:]))
        self.across = (size_across > 0) & (size_across <= limit)

    def linked(self, p, q):
        """Whether the step between two neighbouring pixels is no edge."""
        (i, j), (k, l) = min(p, q), max(p, q)
        lines, pixels = self.shape
        if i < 0 or j < 0 or k >= lines or l >= pixels or l < 0:
            return False
        return bool(self.across[i, j] if i == k else self.along[i, j])

    def step(self, p, di, dj):
        """The step that ends in p in direction (di, dj), where there is one."""
        q = (p[0] - di, p[1] - dj)
        return self.v[p] - self.v[q] if self.linked(p, q) else None

    def square_side(self, p, direction):
        """A step in the one direction there is, turned by a right angle to the left."""
        step = self.step(p, *direction)
        if step is None:
            step = self.step(p, -direction[0], -direction[1])
            if step is None:
                return None
            step = -step
        return np.cross(self.v[p], step)

    def corner(self, pixel, di, dj):
        """The corner of a pixel toward (di, dj), from the centres on its side and extrapolations."""
        places = {(a, b): (pixel[0] + a * di, pixel[1] + b * dj) for a in (0, 1) for b in (0, 1)}
        ring = [(0, 0), (0, 1), (1, 1), (1, 0)]
        side = {(0, 0)}
        for _ in range(3):
            for k in range(4):
                one, other = ring[k], ring[(k + 1) % 4]
                if (one in side) != (other in side) and self.linked(places[one], places[other]):
                    side |= {one, other}
        known = {place: self.v[places[place]] for place in side}
        found = dict(known)
        for a, b in ring:
            if (a, b) in known:
                continue
            estimates = []
            across_from, along_from = (a, 1 - b), (1 - a, b)
            if along_from in known:
                step = self.step(places[along_from], di if a else -di, 0)
                if step is not None:
                    estimates.append(known[along_from] + step)
            if across_from in known:
                step = self.step(places[across_from], 0, dj if b else -dj)
                if step is not None:
                    estimates.append(known[across_from] + step)
            if estimates:
                found[a, b] = np.mean(estimates, axis=0)
            elif len(known) == 3:
                found[a, b] = known[across_from] + known[along_from] - known[1 - a, 1 - b]
            elif along_from in known:
                # A line by itself: its pixels are squares of the spacing across.
                side = self.square_side(places[along_from], (0, 1))
                if side is not None:
                    found[a, b] = known[along_from] - (di if a else -di) * side
            elif across_from in known:
                side = self.square_side(places[across_from], (1, 0))
                if side is not None:
                    found[a, b] = known[across_from] + (dj if b else -dj) * side
        for a, b in ring:
            if (a, b) not in found:
                parts = [found.get(p) for p in ((a, 1 - b), (1 - a, b), (1 - a, 1 - b))]
                if any(p is None for p in parts):
                    return None
                found[a, b] = parts[0] + parts[1] - parts[2]
        return norm(sum(found.values()))

    def find_footprints(self):
        v, (lines, pixels) = self.v, self.shape
        self.corners = np.full((lines, pixels, 4, 3), np.nan)
        common = np.full((lines + 1, pixels + 1, 3), np.nan)
        if lines > 1 and pixels > 1:
            whole = (
                self.along[:, :-1] & self.along[:, 1:] & self.across[:-1] & self.across[1:]
            )
            mean = norm(v[:-1, :-1] + v[:-1, 1:] + v[1:, :-1] + v[1:, 1:])
            common[1:-1, 1:-1] = np.where(whole[..., None], mean, np.nan)
        for k, (i, j) in enumerate([(0, 0), (0, 1), (1, 1), (1, 0)]):
            self.corners[:, :, k] = common[i : lines + i, j : pixels + j]
        cut = np.isnan(self.corners[..., 0]) & ~np.isnan(v[..., :1])
        directions = [(-1, -1), (-1, 1), (1, 1), (1, -1)]
        for i, j, k in np.argwhere(cut):
            corner = self.corner((i, j), *directions[k])
            if corner is not None:
                self.corners[i, j, k] = corner
        self.corners = self.corners.reshape(-1, 4, 3)
        with np.errstate(all="ignore"):
            self.radius = chord(self.corners, self.centres[:, None]).max(1)
            self.usable = ~np.isnan(self.radius) & ~folded(self.corners)


def plane(at, points):
    """Gnomonic projection around `at`: great circles become straight lines."""
    pole = np.where(np.abs(at[..., 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    east = norm(np.cross(pole, at))
    north = np.cross(at, east)
    along = np.einsum("...kc,...c->...k", points, at)
    x = np.einsum("...kc,...c->...k", points, east) / along
    y = np.einsum("...kc,...c->...k", points, north) / along
    return np.stack([x, y], -1)


def wedge(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def folded(corners):
    """Whether an edge crosses the edge opposite to it."""
    flat = plane(norm(np.nan_to_num(corners).sum(-2)), corners)

    def crossing(a, b, c, d):
        def sides(p, q, r, s):
            return wedge(q - p, r - p) * wedge(q - p, s - p) < 0

        return sides(a, b, c, d) & sides(c, d, a, b)

    a, b, c, d = np.moveaxis(flat, -2, 0)
    return crossing(a, b, c, d) | crossing(b, c, d, a)


def contains(corners, x):
    """Whether points lie in quads: crossings of a ray, in the plane around each point."""
    flat = plane(x, corners)
    inside = np.zeros(len(x), bool)
    for k in range(4):
        p, q = flat[:, k], flat[:, (k + 1) % 4]
        cross = (p[:, 1] > 0) != (q[:, 1] > 0)
        with np.errstate(all="ignore"):
            at = p[:, 0] - p[:, 1] * (q[:, 0] - p[:, 0]) / (q[:, 1] - p[:, 1])
        inside ^= cross & (at > 0)
    return inside


def edge_distance(corners, x):
    """Distance of points from the outlines of quads."""
    flat = plane(x, corners)
    p, q = flat, np.roll(flat, -1, axis=1)
    step = q - p
    t = np.clip(-(p * step).sum(-1) / (step**2).sum(-1), 0, 1)
    return np.linalg.norm(p + t[..., None] * step, axis=-1).min(1)


def covered(swath, x, nearest):
    """Which points lie in a footprint; `nearest` are their nearest pixels (positions)."""
    lines, pixels = swath.shape
    inside = np.zeros(len(x), bool)
    for di in (0, -1, 1):
        for dj in (0, -1, 1):
            i, j = nearest // pixels + di, nearest % pixels + dj
            ok = (i >= 0) & (i < lines) & (j >= 0) & (j < pixels) & ~inside
            pixel = np.where(ok, i * pixels + j, 0)
            todo = np.flatnonzero(ok & swath.usable[pixel])
            inside[todo] |= contains(swath.corners[pixel[todo]], x[todo])
    rest = np.flatnonzero(~inside)
    for start in range(0, len(rest), 20_000):
        part = rest[start : start + 20_000]
        near = swath.tree.query_ball_point(x[part], np.nanmax(swath.radius[swath.usable]) * 1.000001)
        counts = np.array([len(n) for n in near])
        cell = np.repeat(part, counts)
        pixel = swath.located[np.concatenate([np.array(n, int) for n in near])] if counts.sum() else cell
        ok = swath.usable[pixel]
        cell, pixel = cell[ok], pixel[ok]
        ok = chord(swath.centres[pixel], x[cell]) <= swath.radius[pixel] * 1.000001
        cell, pixel = cell[ok], pixel[ok]
        inside[cell[contains(swath.corners[pixel], x[cell])]] = True
    return inside


def brute_force(centres, x, cells=512, pixels=4096):
    """Distance from each point to the nearest centre: all are tried, a block that fits the cache at a time."""
    distance = np.empty(len(x))
    for start in range(0, len(x), cells):
        part = x[start : start + cells]
        score, block = np.full(len(part), -2.0), np.zeros(len(part), int)
        for first in range(0, len(centres), pixels):
            best = (part @ centres[first : first + pixels].T).max(1)
            better = best > score
            score[better], block[better] = best[better], first
        for i, first in enumerate(block):
            distance[start + i] = chord(centres[first : first + pixels], part[i]).min()
    return distance
