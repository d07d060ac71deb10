"""A real Go program, which needs a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAM = """
package main

import (
	"fmt"
	"os"
	"runtime/debug"
)

var live, garbage [][]byte

func touched(size int) []byte {
	block := make([]byte, size)
	for at := 0; at < size; at += 4096 {
		block[at] = 1
	}
	return block
}

func main() {
	fmt.Println(debug.SetMemoryLimit(-1))
	for i := 0; i < 20; i++ {
		live = append(live, touched(1<<20))
	}
	for i := 0; i < 1600; i++ {
		garbage = [][]byte{touched(1 << 18)}
	}
	status, _ := os.ReadFile("/proc/self/status")
	fmt.Print(string(status))
}
"""
"""Prints the bound that the runtime has, and what it held at most with 20 MiB live and 400 MiB of garbage."""


@pytest.fixture(scope="session")
def churn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Go program."""
    if shutil.which("go") is None:
        pytest.skip("no Go compiler on this machine to compare with")
    folder = tmp_path_factory.mktemp("go")
    source, binary = folder / "churn.go", folder / "churn"
    source.write_text(PROGRAM)
    env = {**os.environ, "GO111MODULE": "off", "GOCACHE": str(folder / "cache"), "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    built = subprocess.run(["go", "build", "-o", binary, source], check=False, env=env, capture_output=True, text=True, timeout=110)
    if "undefined: debug.SetMemoryLimit" in built.stderr:
        pytest.skip("this machine's Go is older than 1.19, which knows no GOMEMLIMIT")
    assert built.returncode == 0, built.stderr
    return binary
