"""Runs the code cells of a MyST notebook in order, in one namespace, as Jupyter does; keeps the figures.

    run_tutorial.py NOTEBOOK FOLDER [TAG...]

Cells with a tag are run only if the tag is named.
"""

import ast
import pathlib
import re
import sys
import time

CELL = re.compile(r"^```\{code-cell\} ipython3\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def cells(text):
    """The code cells: line, tags, code."""
    for found in CELL.finditer(text):
        lines = found.group(1).splitlines()
        tags = set()
        while lines and lines[0].startswith(":"):
            name, _, value = lines.pop(0)[1:].partition(":")
            if name == "tags":
                tags |= {tag.strip() for tag in value.strip().strip("[]").split(",")}
        yield text[: found.start()].count("\n") + 1, tags, "\n".join(lines).strip()


def run(code, line, names):
    """Runs a cell, and shows what its last expression gives, as notebooks do."""
    if code.startswith("%%timeit"):
        # Such a cell leaves no names behind.
        _, _, code = code.partition("\n")
        names, start = dict(names), time.perf_counter()
        exec(compile(code, f"cell at line {line}", "exec"), names)
        print(f"{time.perf_counter() - start:.2f} s")
        return
    tree = ast.parse(code)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, f"cell at line {line}", "exec"), names)
    if last is not None:
        value = eval(compile(ast.Expression(last.value), f"cell at line {line}", "eval"), names)
        for form in ("_repr_html_", "_repr_svg_"):
            if hasattr(value, form):
                assert getattr(value, form)()
                break
        if value is not None:
            print(repr(value)[:500])


def main():
    notebook, folder, *wanted = sys.argv[1:]
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    figures = 0

    def keep(*_args, **_options):
        nonlocal figures
        for number in plt.get_fignums():
            plt.figure(number).savefig(folder / f"figure-{figures:02}.png", dpi=80)
            figures += 1
        plt.close("all")

    plt.show = keep
    names = {"__name__": "__main__"}
    done = 0
    for line, tags, code in cells(pathlib.Path(notebook).read_text()):
        if tags <= set(wanted):
            print(f"--- line {line}", flush=True)
            run(code, line, names)
            keep()
            done += 1
    print(f"{done} cells, {figures} figures")


if __name__ == "__main__":
    main()
