"""The benchmarks of `bench/micro/`: kernels and paths beside the best peer that can be installed.

They lie in the repository, not in the package, and want the extra `bench`. Each runs in a process of its own, on one
thread, and compares itself with its peers in that one run.
"""

import ast
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import nova
from nova.app.bench.figures import Figure, Result
from nova.platform.errors import Internal

_ROOT: Final = Path(nova.__file__).resolve().parents[1]
_PREFIX: Final = "bench_"


def sentences() -> Mapping[str, str]:
    """Return what each benchmark measures, by name; none where the repository is not beside the package."""
    files = sorted((_ROOT / "bench" / "micro").glob(f"{_PREFIX}*.py"))
    modules = {file.stem.removeprefix(_PREFIX): ast.parse(file.read_text()) for file in files}
    return {name: _sentence(module) for name, module in modules.items() if _compares(module)}


async def measure(name: str) -> Result:
    """Run a benchmark to its end. Raises `Internal` when it breaks off."""
    module = f"bench.micro.{_PREFIX}{name}"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--json", cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    # An engine of the benchmark may have logged a line before.
    found = [line for line in said.splitlines() if line.startswith(b'{"machine"')]
    if not found:
        raise Internal(f"The benchmark broke off: `python -m {module}` shows how.")
    return _result(name, json.loads(found[-1]))


def _result(name: str, said: Mapping[str, Any]) -> Result:
    figures = [figure for line in said["lines"] for figure in _figures(line)]
    figures += [Figure(**figure) for figure in said["figures"]]
    absent = {peer for missing in said["missing"].values() for peer in missing}
    where = {**said["machine"], **({"missing": ", ".join(sorted(absent))} if absent else {})}
    return Result(benchmark=name, machine=where, figures=figures)


def _figures(line: Mapping[str, Any]) -> list[Figure]:
    """Return a line of the harness as figures: our time, or our ratios to a peer."""
    name = f"{line['case']} / {line['contender']}"
    time, ratio = ("cpu_us", "cpu_ratio") if line["by_cpu"] else ("min_us", "ratio")
    if line[ratio] is None:
        return [Figure(name=name, value=line[time], unit="µs", goal=line["goal_us"])]
    figures = [Figure(name=name, value=line[ratio], unit="×", goal=line["goal"])]
    if line["cpu_goal"] is not None:
        figures.append(Figure(name=f"{name}, CPU", value=line["cpu_ratio"], unit="×", goal=line["cpu_goal"]))
    return figures


def _compares(module: ast.Module) -> bool:
    """Whether a module has cases for the harness: some have bounds of their own instead of peers."""
    return any(isinstance(part, ast.FunctionDef) and part.name == "cases" for part in module.body)


def _sentence(module: ast.Module) -> str:
    return (ast.get_docstring(module) or "").partition("\n")[0]
