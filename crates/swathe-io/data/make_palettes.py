"""Makes the colour tables of this directory: palette-NAME.rgb, 256 colours of three bytes.

    pip install matplotlib cmocean; python3 make_palettes.py
"""

import pathlib

import cmocean
import matplotlib
import numpy as np

MATPLOTLIB = ["viridis", "cividis", "inferno", "turbo", "gray"]
CMOCEAN = ["algae", "thermal", "haline", "deep", "matter", "speed", "balance"]

for name in MATPLOTLIB + CMOCEAN:
    table = matplotlib.colormaps[name] if name in MATPLOTLIB else getattr(cmocean.cm, name)
    colours = np.round(table(np.linspace(0, 1, 256))[:, :3] * 255).astype(np.uint8)
    (pathlib.Path(__file__).parent / f"palette-{name}.rgb").write_bytes(colours.tobytes())
