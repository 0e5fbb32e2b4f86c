"""What notebooks show of granules and plans. Everything from files is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from swathe import _swathe

if TYPE_CHECKING:
    from swathe.array import Array
    from swathe._granule import Granule
    from swathe._plan import Plan

STYLE = """<style>
.swathe {display: flex; flex-wrap: wrap; gap: 1.5em; align-items: flex-start; font-size: 90%;}
.swathe > div {max-width: 52em;}
.swathe table {border-collapse: collapse; margin: 0 0 0.5em 0;}
.swathe td, .swathe th {text-align: left; padding: 0.1em 0.8em 0.1em 0; vertical-align: top; border: 0;}
.swathe th {font-weight: 600;}
.swathe summary {cursor: pointer; font-weight: 600;}
.swathe svg {border: 1px solid #c5ccd3;}
</style>"""

#: Granules of a plan whose outlines are drawn and whose costs are listed.
MOST = 50


def _rows(rows: list[tuple[str, Any]]) -> str:
    cells = "".join(
        f"<tr><th>{escape(str(name))}</th><td>{escape(str(value))}</td></tr>"
        for name, value in rows
        if value not in (None, "")
    )
    return f"<table>{cells}</table>"


def _table(head: list[str], rows: list[list[Any]]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _details(title: str, content: str, shown: bool = False) -> str:
    state = ' open="open"' if shown else ""
    return f"<details{state}><summary>{escape(title)}</summary>{content}</details>"


def granule(of: Granule) -> str:
    """Facts, variables and flags, beside a map of the outline."""
    info = of.info
    lines, pixels = of.shape
    instrument = " on ".join(str(info[key]) for key in ("instrument", "platform") if info.get(key))
    facts = _rows(
        [
            ("granule", of.name),
            ("suite", info.get("suite")),
            ("version", info.get("processing_version")),
            ("instrument", instrument),
            ("start", info.get("time_start")),
            ("end", info.get("time_end")),
            ("swath", f"{lines} lines of {pixels} pixels"),
        ]
    )
    variables = _table(
        ["variable", "units", ""],
        [[v["name"], v.get("units") or "", v.get("long_name") or ""] for v in info["variables"]],
    )
    parts = [
        facts,
        _details(f"{len(info['variables'])} variables", variables, shown=True),
    ]
    if of.flags:
        parts.append(_details(f"{len(of.flags)} flags", escape(", ".join(of.flags))))
    if info["warnings"]:
        notes = "".join(f"<div>{escape(warning)}</div>" for warning in info["warnings"])
        parts.append(_details("notes", notes))
    picture = _swathe.locator([of.outline()], None)
    return f'{STYLE}<div class="swathe"><div>{"".join(parts)}</div><div>{picture}</div></div>'


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def plan(of: Plan) -> str:
    """What will be done, beside a map of outlines and area, above the graph."""
    estimate = of.estimate()
    rows, columns = of.shape
    near = int((estimate.lines_near > 0).sum())
    facts = _rows(
        [
            ("variables", ", ".join(of.variables)),
            ("grid", f"{rows} x {columns} cells, {of.crs}"),
            ("method", of.method),
            ("granules", f"{of.granules}, {near} near the area"),
            ("to read", f"at most {_size(int(estimate.bytes_to_read.sum()))}"),
            ("decoded", f"at most {_size(int(estimate.bytes_decoded.sum()))}"),
            ("memory", "more than there is" if of.memory is None else f"at most {_size(of.memory)}"),
        ]
    )
    costs = _table(
        ["granule", "lines near the area", "tiles", "chunks", "to read"],
        [
            [name, f"{near} of {lines}", tiles, chunks, _size(int(read))]
            for name, near, lines, tiles, chunks, read in zip(
                estimate.granule.values[:MOST],
                estimate.lines_near.values,
                estimate.lines.values,
                estimate.tiles.values,
                estimate.storage_chunks.values,
                estimate.bytes_to_read.values,
                strict=False,
            )
        ],
    )
    parts = [facts]
    if of.notes:
        notes = "".join(f"<div>{escape(note)}</div>" for note in of.notes)
        parts.append(_details("chosen for you", notes, shown=True))
    more = of.granules - MOST
    title = "granules" if more <= 0 else f"granules ({more} more not shown)"
    parts.append(_details(title, costs))
    if of.skipped:
        rows_ = [[name, reason] for name, reason in of.skipped.items()]
        parts.append(_details("not used", _table(["granule", "reason"], rows_)))
    parts.append(_details("graph", of.graph()))
    picture = _swathe.locator(of._plan.outlines(MOST), of._plan.box)
    return f'{STYLE}<div class="swathe"><div>{"".join(parts)}</div><div>{picture}</div></div>'


def array(of: Array) -> str:
    """Shape, chunks and bytes, as a table and as a box that is cut, above the graph."""
    chunk = int(of.dtype.itemsize)
    for length in of.chunksize:
        chunk *= length
    table = _table(
        ["", "array", "chunk"],
        [
            ["bytes", _size(of.nbytes), _size(chunk)],
            ["shape", of.shape, of.chunksize],
            ["count", f"{of._lazy.tasks} tasks", f"{of.npartitions} chunks"],
            ["type", of.dtype, ""],
        ],
    )
    graph = _details("graph", of._lazy.graph("svg"))
    return f'{STYLE}<div class="swathe"><div>{table}{graph}</div><div>{_box(of)}</div></div>'


def _box(of: Array) -> str:
    """The last two axes with their cuts, as far as they can be told apart."""
    if not of.shape or 0 in of.shape:
        return ""
    rows, columns = ([(1,)] + list(of.chunks))[-2:]
    height, width = sum(rows), sum(columns)
    scale = 160 / max(height, width)
    sides = (max(width * scale, 12), max(height * scale, 12))
    lines = [f'<rect x="0" y="0" width="{sides[0]:.0f}" height="{sides[1]:.0f}" fill="#eef3f7" stroke="#1f5f8b"/>']
    for sizes, side, vertical in ((columns, sides[0], True), (rows, sides[1], False)):
        if len(sizes) > 80:
            continue
        at, total = 0, sum(sizes)
        for size in sizes[:-1]:
            at += size
            place = side * at / total
            ends = (place, 0, place, sides[1]) if vertical else (0, place, sides[0], place)
            lines.append('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="#1f5f8b"/>'.format(*ends))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sides[0] + 2:.0f}" height="{sides[1] + 2:.0f}" '
        f'viewBox="-1 -1 {sides[0] + 2:.0f} {sides[1] + 2:.0f}">{"".join(lines)}</svg>'
    )
