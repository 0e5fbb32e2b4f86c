"""Runs that are stopped: killed at any moment they go on, and end with the bytes of one that never was."""

import os
import random
import shutil
import signal
import subprocess
import time

import pytest

AREA = ["-b=-77,36,-73,41", "-r", "0.02"]
LONG = bool(os.environ.get("SWATHE_LONG"))


@pytest.fixture(scope="module")
def granules(swathe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("granules")
    count, lines = ("60", []) if LONG else ("8", ["--lines", "700"])
    days = "30" if LONG else "7"
    command = [swathe, "simulate", "-d", folder, "--count", count, "--days", days, *lines]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def average(swathe, granules, output, *options, **how):
    command = [swathe, "average", granules, "-v", "chlor_a", *AREA, "--stat", "mean,std"]
    return subprocess.run(
        [*command, "--progress", "none", "-o", output, *options],
        capture_output=True,
        text=True,
        timeout=600,
        **how,
    )


def journal(output):
    return output.parent / f".{output.name}.run"


@pytest.fixture(scope="module")
def expected(swathe, granules, tmp_path_factory):
    folder = tmp_path_factory.mktemp("expected")
    made = {}
    for suffix in ("nc", "swathe"):
        done = average(swathe, granules, folder / f"x.{suffix}")
        assert done.returncode == 0, done.stderr
        made[suffix] = (folder / f"x.{suffix}").read_bytes()
        assert not journal(folder / f"x.{suffix}").exists()
    return made


@pytest.mark.parametrize("suffix", ["nc", "swathe"])
def test_killed_at_any_moment(swathe, granules, expected, tmp_path, suffix):
    seed = random.Random(7)
    started = time.perf_counter()
    average(swathe, granules, tmp_path / f"whole.{suffix}")
    whole = time.perf_counter() - started
    resumed = 0
    for turn in range(20 if LONG else 5):
        output = tmp_path / f"{turn}.{suffix}"
        options = []
        for _ in range(100):
            command = [swathe, "average", granules, "-v", "chlor_a", *AREA, "--stat", "mean,std"]
            command += ["--progress", "none", "--threads", str(seed.choice([1, 2, 3])), "-o", output]
            run = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
            try:
                run.wait(timeout=whole * seed.uniform(0.05, 0.9))
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
            message = run.communicate()[1]
            if run.returncode == 0:
                break
            assert run.returncode == -signal.SIGKILL, message
            if output.exists():
                assert output.read_bytes() == expected[suffix], "it appears complete or not at all"
                if not journal(output).exists():
                    # All was done: it was killed on its way out.
                    break
            resumed += journal(output).exists()
            options = ["--resume"]
        assert output.read_bytes() == expected[suffix]
        assert not journal(output).exists()
    assert resumed > 0


def test_only_what_was_in_flight_is_done_again(swathe, granules, expected, tmp_path):
    output = tmp_path / "x.nc"
    broken = tmp_path / "granules"
    shutil.copytree(granules, broken)
    last = sorted(broken.iterdir())[-1]
    # Opens, but the chunks are damaged: the run stops at it.
    whole = last.read_bytes()
    middle = len(whole) // 2
    stamp = last.stat().st_mtime_ns
    last.write_bytes(whole[:middle] + bytes(len(whole) // 3) + whole[middle + len(whole) // 3 :])
    os.utime(last, ns=(stamp, stamp))
    done = average(swathe, broken, output, "--threads", "1")
    assert done.returncode == 1, done.stderr
    assert last.name in done.stderr
    assert not output.exists() and journal(output).exists()
    assert "--resume" in done.stderr
    last.write_bytes(whole)
    os.utime(last, ns=(stamp, stamp))
    done = average(swathe, broken, output, "--resume", "--verbose")
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == expected["nc"]
    # What was read is the metadata of all, and the arrays of those that were not done.
    read = [line for line in done.stderr.splitlines() if line.startswith("read:")]
    again = average(swathe, broken, tmp_path / "y.nc", "--verbose")
    all_read = [line for line in again.stderr.splitlines() if line.startswith("read:")]
    assert mebibytes(read[0]) < 0.5 * mebibytes(all_read[0]), (read, all_read)


def mebibytes(line):
    number, unit = line.split()[1:3]
    return float(number) * {"KiB": 1 / 1024, "MiB": 1, "GiB": 1024}[unit]


@pytest.mark.parametrize("change", ["option", "input", "granule"])
def test_another_run_is_refused_by_name(swathe, granules, expected, tmp_path, change):
    output = tmp_path / "x.nc"
    own = tmp_path / "granules"
    shutil.copytree(granules, own)
    stop(swathe, own, output)
    options = []
    changed = sorted(own.iterdir())[0]
    if change == "option":
        options = ["--weight", "granule"]
    elif change == "input":
        os.utime(changed)
    else:
        changed.unlink()
    before = journal(output).read_bytes()
    done = average(swathe, own, output, "--resume", *options)
    assert done.returncode == 2, done.stderr
    told = "--weight granule" if change == "option" else changed.name
    assert told in done.stderr and "--resume" in done.stderr
    assert journal(output).read_bytes() == before, "nothing is lost"
    # Without --resume it begins anew, and says so.
    done = average(swathe, own, output, *options)
    assert done.returncode == 0, done.stderr
    assert "given up" in done.stderr


def stop(swathe, granules, output, *options):
    """Leaves a journal with a granule or more in it, of a run that was killed."""
    for wait in (0.02, 0.04, 0.08, 0.16, 0.3, 0.6) * 5:
        command = [swathe, "average", granules, "-v", "chlor_a", *AREA, "--stat", "mean,std"]
        command += ["--progress", "none", "--threads", "1", "-o", output, *options]
        run = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        run.send_signal(signal.SIGKILL)
        run.wait()
        if journal(output).exists() and journal(output).stat().st_size > 10_000:
            return
        output.unlink(missing_ok=True)
    pytest.fail("no run could be stopped in its middle")


def test_windows_go_on(swathe, granules, tmp_path):
    options = ["--every", "rolling-3day"]
    done = average(swathe, granules, tmp_path / "whole.nc", *options)
    assert done.returncode == 0, done.stderr
    output = tmp_path / "x.nc"
    stop(swathe, granules, output, *options)
    # Other windows are another run.
    done = average(swathe, granules, output, "--resume", "--every", "day")
    assert done.returncode == 2 and "rolling-3day" in done.stderr
    done = average(swathe, granules, output, "--resume", *options)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == (tmp_path / "whole.nc").read_bytes()
    assert not journal(output).exists()


def test_a_second_run_beside_it_is_refused(swathe, granules, tmp_path):
    import fcntl

    output = tmp_path / "x.nc"
    stop(swathe, granules, output)
    with open(journal(output), "r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for options in ([], ["--resume"]):
            done = average(swathe, granules, output, *options)
            assert done.returncode == 1, done.stderr
            assert "another run" in done.stderr
    assert average(swathe, granules, output, "--resume").returncode == 0


def test_memory_and_threads_do_not_show(swathe, granules, expected, tmp_path):
    for n, options in enumerate(
        [
            ["--memory", "4GiB", "--threads", "1"],
            ["--memory", "200MiB", "--threads", "2"],
            ["--memory", "128MiB", "--threads", "8"],
        ]
    ):
        for suffix in ("nc", "swathe"):
            output = tmp_path / f"{n}.{suffix}"
            done = average(swathe, granules, output, *options)
            assert done.returncode == 0, done.stderr
            assert output.read_bytes() == expected[suffix], options


def test_a_limit_that_cannot_be_kept_is_refused_with_the_least_that_could(
    swathe, granules, tmp_path
):
    output = tmp_path / "x.nc"
    done = average(swathe, granules, output, "--memory", "1MiB")
    assert done.returncode == 2, done.stderr
    assert not journal(output).exists() and not output.exists()
    least = done.stderr.split("give --memory ")[1].split()[0]
    assert average(swathe, granules, output, "--memory", least).returncode == 0


def test_scratch_holds_the_journal(swathe, granules, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    output = tmp_path / "x.nc"
    done = average(swathe, granules, output, "--scratch", scratch)
    assert done.returncode == 0, done.stderr
    assert list(scratch.iterdir()) == []


def test_scratch_that_is_no_folder_is_named(swathe, granules, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for scratch, reason in ((tmp_path / "none", "No such file"), (file, "it is no folder")):
        for more in ([], ["--preset", "nasa-l3"], ["--dry-run"]):
            done = average(swathe, granules, tmp_path / "a.nc", "--scratch", scratch, *more)
            assert done.returncode == 2 and f"error: --scratch {scratch}: {reason}" in done.stderr, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("progress", [[], ["--progress", "json"]])
def test_long_arguments_are_not_repeated_whole(swathe, granules, tmp_path, progress):
    long = 100_000 * "x"
    output = ["-o", tmp_path / "a.nc", *progress]
    for words in (
        ["-v", long],
        ["-v", long, "-v", f"{long}@443"],
        ["--where", f"{long} > 1"],
        ["--where", "chlor_a > 1 and " * 8000],
        ["--method", long],
        ["--memory", long],
        ["--flags", long],
        ["--crs", long],
        [f"--{long}"],
        [long],
    ):
        command = [swathe, "average", granules, "-b", "-77,36,-73,41", "-r", "0.1", *output, *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode in (1, 2), words[0][:20]
        assert 20 < len(done.stderr) < 5000, (words[0][:20], len(done.stderr))
    # What is no longer than names of files and addresses are is said as it is.
    name = f"{200 * 'n'}/{180 * 'm'}.nc"
    done = subprocess.run([swathe, "info", name], capture_output=True, text=True)
    assert name in done.stderr
