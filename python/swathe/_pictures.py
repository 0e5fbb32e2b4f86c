"""Pictures."""


def plot() -> None: ...


class Picture: ...
