"""What this machine has for a model: processors and memory, within a container's limits."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CPUS = Path("/sys/devices/system/cpu")


def threads() -> int:
    """Return how many threads an engine should compute with: the physical cores that this process may use."""
    count = _physical_cores(_allowed())
    quota = _processor_quota()
    return max(1, count if quota is None else min(count, quota))


def available_memory() -> int | None:
    """Return the memory that a new process can take, in bytes, or None where that is unknown."""
    if sys.platform == "win32":
        return _windows_memory()
    known = [amount for amount in (_system_memory(), _container_memory()) if amount is not None]
    return min(known, default=None)


def total_memory() -> int | None:
    """Return the memory of this machine, or of the container that we are in, in bytes; None where that is unknown."""
    if sys.platform == "win32":
        return _windows_memory("total")
    known = []
    with contextlib.suppress(OSError, ValueError):
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError):
        known.append(int((_CGROUP / "memory.max").read_text()))
    return min(known, default=None)


def _allowed() -> list[int]:
    if sys.platform == "linux":
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _physical_cores(allowed: list[int]) -> int:
    """Count cores, each once however many threads it runs; where that is not told, count threads."""
    try:
        return len({(_CPUS / f"cpu{cpu}/topology/thread_siblings_list").read_text() for cpu in allowed})
    except OSError:
        return len(allowed)


def _processor_quota() -> int | None:
    with contextlib.suppress(OSError, ValueError):
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        return math.ceil(int(quota) / int(period))
    return None


def _system_memory() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    if sys.platform != "win32":  # on macOS only the whole is told, which is an upper bound
        with contextlib.suppress(OSError, ValueError):
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _container_memory() -> int | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        pairs = (line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # Cached file pages count as used, but are given up on demand.
        cached = int(dict(pairs)["inactive_file"])
        return limit - used + cached
    return None


def _windows_memory(which: str = "available") -> int | None:
    class MemoryStatus(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            *((name, ctypes.c_uint64) for name in ("total", "available", "a", "b", "c", "d", "e")),
        )

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    kernel: object = getattr(ctypes, "windll").kernel32  # noqa: B009 - absent elsewhere
    answered = kernel.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(getattr(status, which)) if answered else None
