"""What goes wrong around a run: full disks, places that cannot be written, inputs that vanish or change. It ends with
a clear error, nothing under the final name, and what was done is kept."""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest
from test_resume import average, journal

SUFFIXES = ["nc", "zarr", "tif", "png", "swathe"]


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    """More than stay open at a time."""
    folder = tmp_path_factory.mktemp("granules")
    command = [swathe, "simulate", "-d", folder, "--count", "40", "--days", "30", "--lines", "200"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def expected(swathe, granules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    made = {}
    for suffix in SUFFIXES:
        done = average(swathe, granules, folder / f"x.{suffix}")
        assert done.returncode == 0, done.stderr
        made[suffix] = contents(folder / f"x.{suffix}")
    return made


def contents(path):
    if path.is_file():
        return path.read_bytes()
    return {file.relative_to(path): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def no_file_above(size):
    """What a process does before it becomes one that cannot write more than some bytes to a file."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_room(swathe, granules, expected, tmp_path, suffix):
    """Wherever the room ends, the run ends with the reason, and goes on where there is more."""
    failed = 0
    for size in [0, 1_000, 50_000, 150_000, 400_000, 1_000_000]:
        output = tmp_path / str(size) / f"x.{suffix}"
        output.parent.mkdir()
        done = average(swathe, granules, output, preexec_fn=no_file_above(size))
        if done.returncode == 0:
            assert contents(output) == expected[suffix]
            continue
        failed += 1
        assert done.returncode == 1, done.stderr
        message = done.stderr.strip().splitlines()
        assert any(str(output.parent) in line and "too large" in line for line in message), done.stderr
        assert not output.exists()
        again = average(swathe, granules, output, "--resume")
        assert again.returncode == 0, again.stderr
        assert contents(output) == expected[suffix]
        assert [entry.name for entry in output.parent.iterdir()] == [output.name], "nothing else is left"
    assert failed > 1


def test_a_full_disk(swathe, granules, expected, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("no disk of its own can be mounted here")
    try:
        done = average(swathe, granules, small / "x.nc")
        assert done.returncode == 1
        assert "No space left" in done.stderr and str(small) in done.stderr, done.stderr
        assert not (small / "x.nc").exists()
        subprocess.run(["mount", "-o", "remount,size=50m", small], check=True)
        done = average(swathe, granules, small / "x.nc", "--resume")
        assert done.returncode == 0, done.stderr
        assert contents(small / "x.nc") == expected["nc"]
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_place_that_cannot_be_written(swathe, granules, tmp_path, suffix):
    """Said before any work."""
    if os.geteuid() == 0:
        place = pathlib.Path("/sys")
        if not place.is_dir():
            pytest.skip("root may write everywhere")
    else:
        place = tmp_path / "mine"
        place.mkdir(mode=0o500)
    started = time.perf_counter()
    done = average(swathe, granules, place / f"x.{suffix}", "--verbose")
    assert done.returncode == 1
    assert str(place / f"x.{suffix}") in done.stderr
    assert "ermi" in done.stderr or "Read-only" in done.stderr, done.stderr
    assert "read:" not in done.stderr
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize("what", ["vanishes", "changes", "grows short"])
@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_an_input_that(swathe, granules, tmp_path, what, policy):
    """While the run stands still, after it has looked at all granules, something happens to the last one."""
    copies = tmp_path / "granules"
    shutil.copytree(granules, copies)
    last = sorted(copies.iterdir())[-1]
    output = tmp_path / "x.nc"
    command = [swathe, "average", copies, "-v", "chlor_a", "-b=-77,36,-73,41", "-r", "0.02", "--stat", "mean,std"]
    command += ["--threads", "1", "--on-error", policy, "--progress", "none", "-o", output]
    run = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not journal(output).exists() and run.poll() is None:
        time.sleep(0.001)
    run.send_signal(signal.SIGSTOP)
    if what == "vanishes":
        last.unlink()
    elif what == "changes":
        last.write_bytes(sorted(copies.iterdir())[0].read_bytes())
    else:
        os.truncate(last, last.stat().st_size // 2)
    run.send_signal(signal.SIGCONT)
    message = run.communicate(timeout=120)[1]
    if policy == "stop":
        assert run.returncode == 1, message
        assert last.name in message
        assert not output.exists() and journal(output).exists()
        assert "--resume" in message
    else:
        assert run.returncode == 3, message
        assert last.name in message
        assert output.exists() and not journal(output).exists()
