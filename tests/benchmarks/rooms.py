"""List the rooms of the package: their modules, their lines, and the arrows between them, imports for types counted.

python tests/benchmarks/rooms.py [FOLDER]     the checkout to look at; without it this one
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def targets(path: Path, module: str, known: set[str]) -> set[str]:
    """Give the modules of the package that a module imports, anywhere in it."""
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            head = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*head, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base for alias in node.names]
        found |= {name for name in names if name in known and name != module}
    return found


def main() -> None:
    files = {name_of(path): path for path in sorted((ROOT / "qwen_magic").rglob("*.py"))}
    arrows = {module: targets(path, module, set(files)) for module, path in files.items()}
    lines: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    between: Counter[tuple[str, str]] = Counter()
    for module, path in files.items():
        lines[room_of(module)] += len(path.read_text(encoding="utf-8").splitlines())
        modules[room_of(module)] += 1
        between.update((room_of(module), room_of(one)) for one in arrows[module] if room_of(one) != room_of(module))
    print(f"{len(files)} modules, {sum(lines.values()):,} lines, {sum(map(len, arrows.values()))} arrows")
    for room, _ in lines.most_common():
        to = ", ".join(f"{other} {number}" for (one, other), number in sorted(between.items()) if one == room)
        print(f"{room:12} {modules[room]:3} modules {lines[room]:6,} lines  -> {to or 'nobody'}")
    both = sorted({tuple(sorted(pair)) for pair in between if pair[::-1] in between})
    print("both ways:", ", ".join(" and ".join(pair) for pair in both) or "none")


main()
