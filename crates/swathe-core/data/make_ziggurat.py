"""Makes ziggurat.bin: the tables of the ziggurat method for normal and exponential numbers (Marsaglia and
Tsang, 2000) with 256 strips, as numpy draws them.

    python make_ziggurat.py ziggurat.bin

Little endian: for each strip of the normal distribution the limit (u64) and the width (f64), then the heights
(f64); the same for the exponential distribution. `f` is the density without its factor, `r` where the tail
begins, `area` the area of a strip: x[255] = r, f(x[i]) = area / x[i+1] + f(x[i+1]).
"""

import decimal
import math
import pathlib
import struct
import sys

STRIPS = 256


def normal():
    """In double precision, with numpy's area; a draw has 52 bits. One height is one unit in its last place above the
    correctly rounded one: so it is in numpy's table, and what follows from it."""
    r, area, scale = 3.6541528853610088, 0.0049286732339746519, 2.0**52
    x, f = [0.0] * STRIPS, [1.0] * STRIPS
    x[-1], f[-1] = r, math.exp(-0.5 * r * r)
    for i in reversed(range(1, STRIPS - 1)):
        x[i] = math.sqrt(-2.0 * math.log(area / x[i + 1] + f[i + 1]))
        f[i] = math.exp(-0.5 * x[i] * x[i])
        if i == 38:
            f[i] = math.nextafter(f[i], 1.0)
    limits = [round(r * f[-1] / area * scale), 0] + [
        round(x[i - 1] / x[i] * scale) for i in range(2, STRIPS)
    ]
    return limits, [area / f[-1] / scale] + [v / scale for v in x[1:]], f


def exponential():
    """In many digits; a draw has 53 bits, of which a limit is even."""
    decimal.getcontext().prec = 50
    r, scale = decimal.Decimal("7.6971174701310497140446280481"), decimal.Decimal(2) ** 52
    area = (r + 1) * (-r).exp()
    x = [decimal.Decimal(0)] * STRIPS
    x[-1] = r
    for i in reversed(range(1, STRIPS - 1)):
        x[i] = -(area / x[i + 1] + (-x[i + 1]).exp()).ln()
    limits = [r * (-r).exp() / area, decimal.Decimal(0)] + [x[i - 1] / x[i] for i in range(2, STRIPS)]
    limits = [2 * int(limit * scale) for limit in limits]
    widths = [area / (-r).exp()] + x[1:]
    return limits, [float(w / scale / 2) for w in widths], [float((-v).exp()) for v in x]


def main(path):
    with pathlib.Path(path).open("wb") as file:
        for limits, widths, heights in (normal(), exponential()):
            for limit, width in zip(limits, widths):
                file.write(struct.pack("<Qd", limit, width))
            file.write(struct.pack(f"<{STRIPS}d", *heights))


if __name__ == "__main__":
    main(sys.argv[1])
