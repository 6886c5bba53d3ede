"""Every script that people call prints its usage for --help (exit code 0) and refuses an unknown argument (64), and does nothing else. Usage: scripts.py ROOT"""
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1])
# What a script would do its work with: these stand in for it and fail, so that one that does not stop does no harm.
TOOLS = ("cmake", "ctest", "ninja", "git", "clang-format-16", "apt-get", "sudo", "python3", "pip", "find", "curl", "mkdir")


def scripts():
    for path in (ROOT / "demo", ROOT / "test", *(path for top in ("benchmarks", "tests", "tools") for path in (ROOT / top).rglob("*"))):
        if path.is_file() and os.access(path, os.X_OK) and path.read_bytes().startswith(b"#!/usr/bin/env bash"):
            yield path


def main():
    wrong, seen = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for tool in TOOLS:
            stub = pathlib.Path(folder, tool)
            stub.write_text(f"#!/bin/sh\necho STUB {tool} >&2\nexit 99\n", encoding="utf-8")
            stub.chmod(0o755)
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        for script in scripts():
            seen += 1
            for argument, code in (("--help", 0), ("--nonsense", 64), ("", 64)):
                done = subprocess.run([script, argument], capture_output=True, text=True, timeout=30, env=environment, stdin=subprocess.DEVNULL, check=False)
                text, other = (done.stdout, done.stderr) if code == 0 else (done.stderr, done.stdout)
                if done.returncode != code or "sage:" not in text or other or "STUB" in text:
                    wrong.append(f"{script.relative_to(ROOT)} {argument!r}: exit code {done.returncode}, {text + other!r}")
    if seen < 10:
        wrong.append(f"only {seen} scripts were found")
    sys.exit("\n".join(wrong) or 0)


main()
