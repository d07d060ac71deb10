"""What a job gets and what comes back, over disks without a file system."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from oomsight_kernel_vm.disks import installed_metadata, job_script, read_results, working_tree, write_empty_disk, write_job_disk
from oomsight_kernel_vm.errors import MachineError

PYPROJECT = '[project]\nname = "example"\nversion = "1.2"\n'


def results_disk(disk: Path, files: dict[str, bytes]) -> Path:
    """As a machine's `tar -cf /dev/vdc -C /results .` leaves it: the archive, then what the disk held before."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    write_empty_disk(disk, 1 << 20)
    with disk.open("r+b") as file:
        file.write(archive.getvalue())
    return disk


def test_a_job_keeps_its_words_whatever_stands_in_them(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text(job_script(("printf", "%s|", "a b", "$HOME", "it's", ";"), {"WORD": "x y"}) + "\n")
    assert subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True).stdout == "a b|$HOME|it's|;|"


def test_the_project_is_on_the_jobs_path(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text(job_script(("sh", "-c", 'echo "$PYTHONPATH $OOMSIGHT_RESULTS $MORE"'), {"MORE": "mine"}))
    path, results, more = subprocess.run(["sh", str(script)], capture_output=True, text=True, check=True).stdout.split()
    assert "/src/node-agent" in path.split(":")
    assert (results, more) == ("/results", "mine")


def test_the_working_tree_is_handed_in_as_it_is_now(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=checkout, check=True)
    for name, content in {
        "pyproject.toml": PYPROJECT,
        ".gitignore": "*.log\n",
        "kept.py": "1",
        "gone.py": "2",
        "a.log": "3",
    }.items():
        (checkout / name).write_text(content)
    subprocess.run(["git", "add", "kept.py", "gone.py"], cwd=checkout, check=True)
    (checkout / "gone.py").unlink()
    write_job_disk(tmp_path / "job", checkout, working_tree(checkout), "echo hello\n")
    with tarfile.open(tmp_path / "job") as tar:
        script = tar.extractfile("job/run")
        assert script is not None
        assert script.read() == b"echo hello\n"
        names = {name for name in tar.getnames() if name.startswith("src/")}
    assert names == {"src/pyproject.toml", "src/.gitignore", "src/kept.py", "src/.metadata/example-1.2.dist-info/METADATA"}
    assert (tmp_path / "job").stat().st_size % 512 == 0


def test_outside_a_checkout_the_error_says_why(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="the project's files cannot be listed"):
        working_tree(tmp_path)


def test_the_version_is_known_without_an_installation() -> None:
    assert installed_metadata(PYPROJECT) == (
        "src/.metadata/example-1.2.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: example\nVersion: 1.2\n",
    )


def test_exit_code_and_files_come_back(tmp_path: Path) -> None:
    disk = results_disk(tmp_path / "results", {"exit-code": b"3\n", "deep/table.json": b"{}"})
    outcome = read_results(disk, tmp_path / "out")
    assert outcome is not None
    assert (outcome.exit_code, outcome.files) == (3, ("deep/table.json",))
    assert (tmp_path / "out" / "deep" / "table.json").read_bytes() == b"{}"


@pytest.mark.parametrize("files", [{}, {"table.json": b"{}"}, {"exit-code": b""}, {"exit-code": b"killed"}])
def test_a_machine_that_died_has_no_outcome(tmp_path: Path, files: dict[str, bytes]) -> None:
    assert read_results(results_disk(tmp_path / "results", files), tmp_path / "out") is None


def test_a_disk_that_was_never_written_has_no_outcome(tmp_path: Path) -> None:
    write_empty_disk(tmp_path / "results", 1 << 20)
    assert read_results(tmp_path / "results", None) is None


def test_no_file_leaves_the_results_folder(tmp_path: Path) -> None:
    disk = results_disk(tmp_path / "results", {"exit-code": b"0", "../outside": b"x"})
    assert read_results(disk, tmp_path / "out" / "deep") is None
    assert not (tmp_path / "out" / "outside").exists()
