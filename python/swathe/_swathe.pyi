from collections.abc import Callable
from os import PathLike
from typing import Any, TypedDict, final, type_check_only

__all__ = [
    "ArrayParts",
    "ArrayResults",
    "ArrayShare",
    "File",
    "Granule",
    "Grid",
    "LazyArray",
    "Opened",
    "Live",
    "Plan",
    "RandomGenerator",
    "Recorder",
    "Reducing",
    "Serving",
    "__version__",
    "add_bins",
    "carry_out",
    "collect",
    "combine",
    "command",
    "compare",
    "encode",
    "layers",
    "locator",
    "login",
    "map_bins",
    "memory_size",
    "merge",
    "nearest",
    "picture",
    "reduce",
    "search",
    "set_token",
    "simulate",
    "store",
]
__version__: str

_Path = str | PathLike[str]
_Packing = tuple[list[float], float | None, float | None, bool]
_Box = tuple[float, float, float, float]
_Label = tuple[str, list[float], float, str | None]
_Made = tuple[
    list[tuple[bytes, int, str, list[int]]],
    bytes,
    list[tuple[_Path, int | None]],
    list[list[tuple[bytes, list[int]]]],
]
_Progress = Callable[[int, int, int, str], object]

@type_check_only
class Options(TypedDict):
    purpose: str
    variables: list[str]
    grid: Grid
    method: str | None
    flags: str | None
    valid_range: str | None
    condition: str | None
    mask: str
    statistics: list[str]
    best: str | None
    every: str | None
    day: str | None
    preset: str | None
    weight: str | None
    scheme: str
    min_count: int
    min_granules: int
    min_coverage: float
    on_error: str
    allow_mixed: bool
    empty_maps: bool

@type_check_only
class MapOptions(TypedDict):
    variables: list[str]
    grid: Grid
    method: str
    statistics: list[str]
    min_count: int
    min_granules: int

@type_check_only
class PictureOptions(TypedDict):
    variable: str | None
    area: list[float] | None
    robust: bool
    limits: list[float] | None
    log: bool | None
    palette: str | None
    title: str | None
    width: int
    crs: str | None
    flags: str

@type_check_only
class ReductionOptions(TypedDict):
    variable: str
    over: str
    statistics: list[str]
    every: str | None
    weight: str
    bbox: list[float] | None
    memory: int | None
    threads: int | None

@type_check_only
class SimulationOptions(TypedDict):
    bbox: list[float] | None
    start: str
    days: int
    count: int | None
    suite: str
    version: str
    nrt: bool
    lines: int | None
    wavelengths: int
    clear: float
    seed: int
    overwrite: bool

@final
class Grid:
    @staticmethod
    def own(crs: str | None, resolution: str | None) -> Grid: ...
    @staticmethod
    def bbox(bbox: _Box, resolution: str, crs: str | None) -> Grid: ...
    @staticmethod
    def bounds(bounds: _Box, resolution: str, crs: str | None) -> Grid: ...
    @staticmethod
    def named(name: str, bbox: _Box | None = None) -> Grid: ...
    @staticmethod
    def file(path: _Path) -> Grid: ...
    @staticmethod
    def transform(crs: str, shape: tuple[int, int], transform: list[float]) -> Grid: ...
    @staticmethod
    def labels(y: _Label, x: _Label, lonlat: bool, mapping: dict[str, Any] | None) -> Grid: ...

_Fetchers = dict[str, Any]
_Cuts = list[int | list[int] | str]
_Number = bool | int | float
_Part = tuple[int | None, tuple[int | None, int | None, int] | None]

_Earlier = list[tuple[int, ArrayResults]]

@final
class ArrayShare:
    def __new__(cls, bytes: bytes) -> ArrayShare: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ArrayResults:
    def __new__(cls, values: list[Any]) -> ArrayResults: ...
    def __reduce__(self) -> tuple[Any, ...]: ...

@final
class ArrayParts:
    merged: int
    def __new__(cls, bytes: bytes, fetchers: _Fetchers) -> ArrayParts: ...
    @staticmethod
    def of(array: LazyArray) -> ArrayParts: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    def stages(self) -> list[tuple[str, int, int, int, list[int]]]: ...
    def bytes(self, stage: int) -> tuple[int, int]: ...
    def chunk(self, chunk: int, needed: _Earlier) -> Any: ...
    def apply(
        self, stage: int, chunk: int, shares: tuple[int, int], needed: _Earlier
    ) -> ArrayShare: ...
    def merge(self, stage: int, shares: list[ArrayShare]) -> ArrayShare: ...
    def finish(self, stage: int, chunk: int, share: ArrayShare) -> ArrayResults: ...
    def gather(self, stage: int, chunks: list[ArrayResults]) -> ArrayResults: ...
    def whole(self, stage: int, needed: _Earlier) -> ArrayResults: ...
    def values(self, chunk: int, results: ArrayResults) -> Any: ...
    def reads(
        self, stage: int, chunk: int, shares: tuple[int, int]
    ) -> list[tuple[str, list[list[int]]]]: ...

@final
class LazyArray:
    @staticmethod
    def full(shape: list[int], value: _Number, type: str | None, chunks: _Cuts) -> LazyArray: ...
    @staticmethod
    def scalar(value: _Number, type: str | None) -> LazyArray: ...
    @staticmethod
    def arange(
        start: float, stop: float, step: float, type: str, chunks: _Cuts
    ) -> LazyArray: ...
    @staticmethod
    def linspace(start: float, stop: float, count: int, chunks: _Cuts) -> LazyArray: ...
    @staticmethod
    def memory(values: Any, chunks: _Cuts) -> LazyArray: ...
    @staticmethod
    def stored(
        inputs: list[Any],
        variable: str,
        along: str | None,
        chunks: _Cuts | None,
        stored: bool,
    ) -> LazyArray: ...
    @property
    def shape(self) -> list[int]: ...
    @property
    def dtype(self) -> str: ...
    @property
    def chunks(self) -> list[list[int]]: ...
    @staticmethod
    def given(
        name: str, fetch: Any, shape: list[int], type: str, chunks: _Cuts
    ) -> LazyArray: ...
    @property
    def name(self) -> str: ...
    def to_bytes(self) -> bytes: ...
    @staticmethod
    def from_bytes(bytes: bytes, fetchers: _Fetchers) -> LazyArray: ...
    def fetchers(self) -> _Fetchers: ...
    @property
    def tasks(self) -> int: ...
    def unary(self, name: str) -> LazyArray: ...
    def binary(self, name: str, other: LazyArray) -> LazyArray: ...
    def binary_with(self, name: str, number: _Number, swapped: bool) -> LazyArray: ...
    def choose(self, yes: LazyArray, no: LazyArray) -> LazyArray: ...
    def cast(self, type: str) -> LazyArray: ...
    def slice(self, parts: list[_Part]) -> LazyArray: ...
    def transpose(self, axes: list[int]) -> LazyArray: ...
    def broadcast_to(self, shape: list[int]) -> LazyArray: ...
    @staticmethod
    def concatenate(arrays: list[LazyArray], axis: int) -> LazyArray: ...
    @staticmethod
    def stack(arrays: list[LazyArray], axis: int) -> LazyArray: ...
    def reduce(
        self,
        name: str,
        axes: list[int] | None,
        keep: bool,
        skip_missing: bool,
        number: float,
        edges: list[float],
    ) -> LazyArray: ...
    def weighted_mean(
        self, weights: LazyArray, axes: list[int] | None, keep: bool, skip_missing: bool
    ) -> LazyArray: ...
    def compute(
        self, threads: int | None, memory: int | None, progress: _Progress | None
    ) -> Any: ...
    def graph(self, form: str) -> str: ...

@final
class RandomGenerator:
    def __new__(
        cls,
        entropy: list[int],
        key: list[int],
        spawned: int,
        streams: str,
        state: tuple[int, int, int | None] | None,
    ) -> RandomGenerator: ...
    @property
    def spawned(self) -> int: ...
    def draw(
        self, name: str, numbers: tuple[float, float], shape: list[int], chunks: _Cuts
    ) -> LazyArray: ...
    def integers(
        self,
        low: int,
        high: int,
        endpoint: bool,
        type: str,
        shape: list[int],
        chunks: _Cuts,
    ) -> LazyArray: ...

@final
class Plan:
    def __new__(
        cls, inputs: list[Any], options: Options, threads: int | None, memory: int | None
    ) -> Plan: ...
    @property
    def notes(self) -> list[str]: ...
    @property
    def fields(self) -> list[str]: ...
    @property
    def method(self) -> str: ...
    @property
    def granules(self) -> int: ...
    @property
    def skipped(self) -> list[tuple[str, str]]: ...
    @property
    def crs(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def bounds(self) -> _Box: ...
    @property
    def box(self) -> list[float] | None: ...
    @property
    def memory(self) -> int | None: ...
    def outlines(self, most: int) -> list[list[tuple[float, float]]]: ...
    def estimate(self) -> list[tuple[str, int, tuple[int, int] | None, int, int, int, int]]: ...
    def graph(self, mermaid: bool) -> str: ...
    def run(
        self,
        progress: _Progress | None,
        outputs: list[_Path],
        overwrite: bool,
        keep: str | None,
        live: Live | None,
    ) -> dict[str, Any]: ...
    def spread(self, memory: int | None, keep: bool, finishing: str) -> _Made: ...
    def lazy_cube(self) -> tuple[dict[str, Any], list[tuple[str, str]], list[bytes]]: ...
    def open(self, outputs: list[_Path], overwrite: bool, keep: str | None) -> Opened: ...
    def collect(
        self,
        outputs: Opened,
        closing: bytes,
        parts: list[bytes | str],
        tiles: list[bytes | str] | None,
        receipts: list[bytes | str] | None,
        most: int,
        live: Live | None,
    ) -> dict[str, Any] | str: ...

@final
class Opened:
    def wanted(self) -> tuple[bool, str | None, bool]: ...
    def close(self) -> None: ...

def carry_out(
    assignment: bytes, memory: int | None, scratch: _Path, recorder: Recorder | None = None
) -> list[bytes]: ...
def encode(closing: bytes, order: bytes, parts: list[bytes | str]) -> bytes: ...
def store(closing: bytes, folder: _Path, came: bytes, encoded: list[bytes]) -> bytes: ...
def layers(step: bytes, shape: tuple[int, int], memory: int | None) -> list[Any]: ...
def combine(parts: list[bytes | str]) -> bytes: ...
def collect(closing: bytes, parts: list[bytes | str]) -> dict[str, Any]: ...

@final
class Live:
    def __new__(cls, at: str | None) -> Live: ...
    @property
    def link(self) -> str: ...
    @property
    def port(self) -> int: ...
    def begin(self, plan: Plan) -> int: ...
    def see_also(self, label: str, address: str) -> None: ...
    def take(self, worker: str, news: bytes) -> None: ...
    def ended(self, failure: str | None) -> None: ...

@final
class Recorder:
    def __new__(cls, stride: int) -> Recorder: ...
    def take(self) -> bytes | None: ...

@final
class Serving:
    def __new__(cls, file: _Path, variables: list[str], at: str | None) -> Serving: ...
    @property
    def link(self) -> str: ...
    @property
    def port(self) -> int: ...

@final
class File:
    def __new__(cls, input: Any) -> File: ...
    @property
    def is_hdf5(self) -> bool: ...
    def root(self) -> dict[str, Any]: ...
    def read(
        self, path: str, slab: list[tuple[int, int]], packing: _Packing | None = None
    ) -> Any: ...

@final
class Granule:
    def __new__(cls, input: Any) -> Granule: ...
    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def time(self) -> tuple[int | None, int | None]: ...
    @property
    def variables(self) -> list[tuple[str, list[str]]]: ...
    @property
    def flags(self) -> tuple[list[str], str | None]: ...
    @property
    def geolocation(self) -> tuple[str, str]: ...
    def info(self) -> str: ...
    def outline(self, count: int) -> list[tuple[float, float]]: ...
    def root(self) -> dict[str, Any]: ...
    def read(
        self, path: str, slab: list[tuple[int, int]], packing: _Packing | None = None
    ) -> Any: ...

def add_bins(
    parts: list[_Path], outputs: list[_Path], overwrite: bool
) -> tuple[dict[str, Any], list[str]]: ...
def command(words: list[str]) -> int: ...
def compare(
    first: _Path, second: _Path, variable: str | None, largest: int, picture: bool
) -> tuple[str, list[str], bytes | None]: ...
def locator(outlines: list[list[tuple[float, float]]], area: list[float] | None) -> str: ...
def login() -> tuple[str | None, str, str | None]: ...
def map_bins(
    bins: _Path, options: MapOptions, outputs: list[_Path], overwrite: bool
) -> tuple[dict[str, Any], list[str]]: ...
def merge(
    parts: list[_Path],
    outputs: list[_Path],
    overwrite: bool,
    allow_mixed: bool,
    memory: int | None,
    live: Live | None,
) -> tuple[dict[str, Any], list[str]]: ...
def memory_size(text: str) -> int | None: ...
def nearest(name: str, candidates: list[str]) -> str | None: ...
def picture(file: _Path, options: PictureOptions) -> bytes: ...
@final
class Reducing:
    def __new__(
        cls, inputs: list[Any], asked: ReductionOptions, outputs: list[_Path], overwrite: bool
    ) -> Reducing: ...
    def arrays(self) -> list[LazyArray]: ...
    def files(self) -> list[tuple[str, int | None]]: ...
    def finish(self, values: list[Any]) -> dict[str, Any]: ...

def reduce(
    inputs: list[Any],
    asked: ReductionOptions,
    outputs: list[_Path],
    overwrite: bool,
    progress: _Progress | None,
    live: Live | None,
) -> dict[str, Any]: ...
def search(asked: dict[str, Any]) -> str: ...
def set_token(token: str, origin: str) -> None: ...
def simulate(
    folder: _Path, options: SimulationOptions, progress: _Progress | None
) -> list[_Path]: ...
