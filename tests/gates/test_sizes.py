"""Modules and functions stay small enough to be read in one go."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SRC_LINES_MAX: Final = 400
MODULE_LINES_MAX: Final = 500
FUNCTION_LINES_MAX: Final = 60
PARAMETERS_MAX: Final = 6
COMMANDS: Final = "src/tapetrail/cli"
RECORDING: Final = "src/tapetrail/sdk"
# Nobody reads what a tool writes: its source is what the tool reads.
WRITTEN: Final = ("src/tapetrail/core/records/columns.py", "src/tapetrail/store/models.py")


def sources() -> list[Path]:
    found = [path for folder in ("src", "tests", "benchmarks", "verifier", "tools")
             for path in (ROOT / folder).rglob("*.py")]  # fmt: skip
    assert len(found) > 50
    return found


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def test_no_module_is_longer_than_400_lines_in_src_and_500_elsewhere() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if str(path.relative_to(ROOT)) not in WRITTEN
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > lines_max(path)
    }
    assert long == {}


def lines_max(path: Path) -> int:
    return SRC_LINES_MAX if path.is_relative_to(ROOT / "src") else MODULE_LINES_MAX


def test_no_function_is_longer_than_60_lines() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources()
        for node in functions(path)
        if (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == {}


def test_no_function_takes_more_than_6_parameters() -> None:
    many = {
        f"{path.relative_to(ROOT)}:{node.name}": names
        for path in (ROOT / "src").rglob("*.py")
        for node in functions(path)
        if (names := parameters(node)) > PARAMETERS_MAX
        and not is_command(node, path)
        and not is_told(node, path)
    }
    assert many == {}


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> bool:
    # A command's parameters are the options that people type.
    return path.is_relative_to(ROOT / COMMANDS) and any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "command"
        for decorator in node.decorator_list
    )


def is_told(node: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> bool:
    # What a program may say of a decision are its own words, each by keyword.
    is_ours = path.is_relative_to(ROOT / RECORDING) or path.name == "interface.py"
    return is_ours and bool(node.args.kwonlyargs) and not node.name.startswith("_")


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in {"self", "cls"}])
