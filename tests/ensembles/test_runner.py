"""Toys on many processes: killed, resumed, merged, failed, and always the same store."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import zarr

import cevns_bayes as cb
from cevns_bayes.ensembles.store import DONE, FAILED, MISSING, STATE, Store, merge

SCRIPT = Path(__file__).with_name("jobs.py")
SPEC = importlib.util.spec_from_file_location("jobs_of_toys", SCRIPT)
jobs = importlib.util.module_from_spec(SPEC)
sys.modules["jobs_of_toys"] = jobs
SPEC.loader.exec_module(jobs)
cloudpickle.register_pickle_by_value(jobs)

TASKS = jobs.POINTS * 3
LARGE_KB = 10_000


def content(folder):
    """Bytes of all files of a store."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The store of a run in this process."""
    path = tmp_path_factory.mktemp("undisturbed") / "store"
    cb.Runner(store=path).run(jobs.Squares(), jobs.TOYS)
    return path


def started(store, workers, log):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(store), str(workers), str(log)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process):
    text, _ = process.communicate(timeout=120)
    assert "done True" in text, text


def lines(log, count, process):
    """Tasks that have begun, as soon as there are so many."""
    end = time.monotonic() + 90
    while time.monotonic() < end and process.poll() is None:
        found = log.read_text().splitlines() if log.exists() else []
        if len(found) >= count:
            return found
        time.sleep(0.02)
    pytest.fail(f"not {count} tasks: {process.communicate()[0] if process.poll() else 'too slow'}")


def test_an_interrupt_says_where_the_toys_are(tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as interrupt:
        cb.Runner(store=tmp_path / "store", progress=stop).run(jobs.Squares(), jobs.TOYS)
    assert f"toys are kept in {tmp_path / 'store'}" in interrupt.value.__notes__[0]


def test_results_are_those_of_the_seeds(undisturbed):
    store = Store.opened(undisturbed, "toys", jobs.Squares(), jobs.TOYS)
    assert not store.missing()
    square = store.read()["square"]
    expected = np.random.default_rng(jobs.Squares().seeds(2, [7])[0]).normal() ** 2
    assert square[2, 7] == expected
    assert len(np.unique(square)) == square.size == jobs.POINTS * jobs.TOYS


def test_killed_workers_lose_and_repeat_nothing(undisturbed, tmp_path):
    store, log = tmp_path / "store", tmp_path / "log"
    process = started(store, 2, log)
    victim = lines(log, 3, process)[-1].split(",")[2]
    os.kill(int(victim), signal.SIGKILL)
    finished(process)
    assert content(store) == content(undisturbed)
    tasks = [line.rpartition(",")[0] for line in log.read_text().splitlines()]
    assert len({*tasks}) == TASKS
    assert len(tasks) <= TASKS + 1  # the one that it was doing


def test_a_killed_run_goes_on_where_it_was(undisturbed, tmp_path):
    store, log = tmp_path / "store", tmp_path / "log"
    process = started(store, 2, log)
    lines(log, 6, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = Store.opened(store, "toys", jobs.Squares(), jobs.TOYS)
    left = len(before.missing())
    assert 0 < left < TASKS
    time.sleep(2)  # Workers notice that they are alone.
    log.unlink()
    finished(started(store, 3, log))
    assert content(store) == content(undisturbed)
    assert len(log.read_text().splitlines()) == left


def test_a_store_whose_making_was_killed_is_made(undisturbed, tmp_path):
    for name in ("begun", "other", "target"):
        zarr.open_group(tmp_path / name).create_group("toys")
    cb.Runner(store=tmp_path / "begun").run(jobs.Squares(), jobs.TOYS)
    assert content(tmp_path / "begun") == content(undisturbed)
    merge(tmp_path / "target", [tmp_path / "other", undisturbed])
    assert content(tmp_path / "target") == content(undisturbed)


def test_more_toys_are_added_to_those_there(tmp_path):
    work = jobs.Squares()
    few = cb.Runner(store=tmp_path / "few").run(work, 250).read()
    log = str(tmp_path / "log")
    many = cb.Runner(store=tmp_path / "few").run(jobs.Squares(log=log), 600).read()
    np.testing.assert_array_equal(many["pair"][:, :250], few["pair"])
    assert many["pair"].shape == (jobs.POINTS, 750, 2)
    assert len(Path(log).read_text().splitlines()) == jobs.POINTS * 2


def test_stores_of_several_jobs_are_merged(undisturbed, tmp_path):
    whole = Store.opened(undisturbed, "toys", jobs.Squares(), jobs.TOYS)
    columns = whole.read()
    parts = [tmp_path / "one", tmp_path / "two"]
    for number, path in enumerate(parts):
        part = Store.opened(path, "toys", jobs.Squares(), jobs.TOYS)
        for task in part.missing()[number::2]:
            part.write(task, {n: columns[n][task.place] for n in ("square", "pair")}, {})
    merge(tmp_path / "all", parts)
    assert content(tmp_path / "all") == content(undisturbed)
    merge(parts[0], parts[1:])
    assert content(parts[0]) == content(undisturbed)
    with pytest.raises(cb.InputError, match="no store of toys"):
        merge(tmp_path / "all", [tmp_path / "nothing"])
    cb.Runner(store=tmp_path / "other").run(jobs.Squares(seed=2), 250)
    with pytest.raises(cb.InputError, match="toys of other settings"):
        merge(tmp_path / "all", [tmp_path / "other"])


@pytest.mark.parametrize("workers", [1, 2])
def test_failed_toys_are_recorded_and_the_others_are_there(workers, tmp_path):
    work = jobs.Squares(lost=((1, 3),), nan=((2, 200),))
    store = cb.Runner(workers, store=tmp_path / "store").run(work, jobs.TOYS)
    state = store.read()["state"]
    assert [*map(tuple, np.argwhere(state == FAILED))] == [(1, 3), (2, 200)]
    assert (np.delete(state.ravel(), [753, 1700]) == DONE).all()
    assert not (state == MISSING).any()
    assert store.failures == {
        (1, 3): "ValueError: this toy is lost",
        (2, 200): "the result is no finite number",
    }


def test_if_every_toy_fails_the_run_does():
    lost = tuple((point, toy) for point in range(jobs.POINTS) for toy in range(250))
    with pytest.raises(cb.InputError, match="every toy failed: ValueError: this toy is lost"):
        cb.Runner().run(jobs.Squares(lost=lost), 250)


def test_a_store_of_other_settings_is_refused(undisturbed):
    before = content(undisturbed)
    with pytest.raises(cb.InputError, match=r'toys of other settings: settings {"seed": 1}, not'):
        cb.Runner(store=undisturbed).run(jobs.Squares(seed=2), jobs.TOYS)
    assert content(undisturbed) == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear all")
    with pytest.raises(cb.InputError, match="is no store of toys"):
        cb.Runner(store=tmp_path).run(jobs.Squares(), 250)


def test_an_unreachable_scheduler_is_one_line(monkeypatch):
    monkeypatch.setattr("cevns_bayes.ensembles.runner.TIMEOUT_S", 1)
    with pytest.raises(cb.InputError, match=r"no Dask scheduler at tcp://127.0.0.1:1:"):
        cb.Runner(scheduler="tcp://127.0.0.1:1").run(jobs.Squares(), 250)


def test_lost_workers_are_one_line(monkeypatch):
    def cancelled(futures):
        for future in futures:
            future.cancel()
            yield future

    monkeypatch.setattr("distributed.as_completed", cancelled)
    with pytest.raises(cb.InputError, match="the workers were lost: the same command goes on"):
        cb.Runner(workers=2).run(jobs.Squares(), 20)


def test_a_scheduler_of_ones_own(undisturbed, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        cb.Runner(scheduler=address, store=tmp_path / "store").run(jobs.Squares(), jobs.TOYS)
    assert content(tmp_path / "store") == content(undisturbed)


@pytest.fixture
def batch_system():
    """Address of a scheduler whose workers, jobs of a batch system, come after five seconds."""
    pytest.importorskip("dask_jobqueue")
    script, pipe = SCRIPT.with_name("batch_system.py"), subprocess.PIPE
    with subprocess.Popen([sys.executable, script, "5"], stdin=pipe, stdout=pipe, text=True) as run:
        yield run.stdout.readline().strip()
        run.communicate()


@pytest.mark.slow
def test_toys_of_a_batch_system_whose_workers_come_late(
    cevns_bayes, tmp_path, batch_system, monkeypatch
):
    monkeypatch.setattr("cevns_bayes.ensembles.runner.TIMEOUT_S", 2)
    command = ("coverage", "weak-mixing-angle", "--truth", "sin2_theta_w=0.23", "--toys", 20)
    command = (*command, "--kind", "profile", "--no-progress", "--store")
    code, out, err = cevns_bayes(*command, tmp_path / "jobs", "--scheduler", batch_system)
    assert code == 0, err
    code, local, err = cevns_bayes(*command, tmp_path / "local", "--workers", 2)
    assert (code, local) == (0, out), err
    assert content(tmp_path / "jobs") == content(tmp_path / "local")


@pytest.fixture
def disk(tmp_path):
    """A folder, and a function that sets its size [kB]; only root may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid():
        pytest.skip("only root mounts a file system")

    def mount(option, size_kb):
        command = ["mount", "-t", "tmpfs", "-o", f"{option}size={size_kb}k", "tmpfs", folder]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    if mount("", LARGE_KB).returncode:
        pytest.skip("this system mounts no file system")
    yield folder, lambda size_kb: mount("remount,", size_kb).check_returncode()
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(("size_kb", "done"), [(4, 0), (16, 0), (64, 3), (132, 9)])
def test_a_run_goes_on_after_a_full_disk(size_kb, done, disk, undisturbed):
    """However early it was: before the store is whole, too."""
    folder, resize = disk
    resize(size_kb)
    with pytest.raises(OSError, match="No space left on device"):
        cb.Runner(store=folder / "store").run(jobs.Squares(), jobs.TOYS)
    resize(LARGE_KB)
    log = folder / "log"
    cb.Runner(store=folder / "store").run(jobs.Squares(log=str(log)), jobs.TOYS)
    assert content(folder / "store") == content(undisturbed)
    assert len(log.read_text().splitlines()) == TASKS - done


@pytest.mark.slow
def test_a_full_disk_of_workers(disk, undisturbed):
    folder, resize = disk
    resize(80)
    with pytest.raises(OSError, match="No space left on device"):
        cb.Runner(workers=2, store=folder / "store").run(jobs.Squares(), jobs.TOYS)
    resize(LARGE_KB)
    cb.Runner(store=folder / "store").run(jobs.Squares(), jobs.TOYS)
    assert content(folder / "store") == content(undisturbed)


def test_a_full_disk_is_one_line_of_the_command(cevns_bayes, disk, tmp_path):
    folder, resize = disk
    command = ("goodness-of-fit", "sm", "--toys", 1000, "--no-progress", "--store")
    resize(48)
    code, out, err = cevns_bayes(*command, folder / "store")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1] == "cevns-bayes: error: [Errno 28] No space left on device"
    (stage,) = (path for path in (folder / "store").iterdir() if path.is_dir())
    done = (Store.found(stage, 1000).read()[STATE] == DONE).sum()
    assert 0 < done < 1000
    resize(LARGE_KB)
    code, again, _ = cevns_bayes(*command, folder / "store")
    assert code == 0
    code, undisturbed, _ = cevns_bayes(*command, tmp_path / "undisturbed")
    assert (code, again) == (0, undisturbed)
    assert content(folder / "store") == content(tmp_path / "undisturbed")
