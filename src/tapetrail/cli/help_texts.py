"""What `--help` and `tapetrail help` say beside the options: examples, exit codes, variables."""

from typing import Final

from tapetrail.cli.failures import MEANINGS

# A line of its own with this sign keeps the lines below it as they are.
_AS_IS: Final = "\b\n"

VARIABLES: Final = {
    "TAPETRAIL_HOME": "the folder of server and blobs; otherwise ./.tapetrail",
    "TAPETRAIL_DATABASE_URL": "your own PostgreSQL server, 15 or newer; otherwise a private one",
    "TAPETRAIL_POSTGRES_BIN_DIR": "the folder of the private server's programs",
    "TAPETRAIL_ACTOR": "who acts, as the record names it; otherwise your user name",
    "TAPETRAIL_DEBUG": "1 shows the traceback of an error",
    "NO_COLOR": "anything but empty: no colours",
    "FORCE_COLOR": "anything but empty: colours in a pipe, too",
}
TOPICS: Final = ("exit-codes", "environment")


def examples(*lines: str) -> str:
    """Return the examples below a command's help."""
    return _AS_IS + "\n".join(["Examples:", *(f"  {line}" for line in lines)])


def epilog() -> str:
    """Return what stands below the help of `tapetrail` itself."""
    begin = examples(
        "tapetrail demo                           130 decisions on real bars",
        "tapetrail run mine.yaml --as-of 2012-08-03",
        "tapetrail decisions list --status failed",
        "tapetrail decisions show 130",
    )
    more = "Environment variables: tapetrail help environment"
    return f"{begin}\n\n{_AS_IS}{exit_codes()}\n\n{more}"


def exit_codes() -> str:
    """Return the exit codes and what they mean."""
    lines = [f"  {code:>3}  {meaning}" for code, meaning in MEANINGS.items()]
    return "\n".join(["Exit codes:", *lines])


def environment() -> str:
    """Return the environment variables and what they decide."""
    width = max(map(len, VARIABLES))
    lines = [f"  {name:<{width}}  {meaning}" for name, meaning in VARIABLES.items()]
    return "\n".join(["Environment:", *lines])
