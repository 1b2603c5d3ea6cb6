"""What `--help` and `tapetrail help` show beside the options: examples, exit codes, variables."""

from typing import Final

from tapetrail.cli.terminal.failures import MEANINGS
from tapetrail.listing import ANALYSES, CHARTS, DECISIONS, EXECUTIONS, SIGNALS, ListSpec
from tapetrail.listing.spec import Numbered

# A line of its own with this sign keeps the lines below it as they are.
_AS_IS: Final = "\b\n"

VARIABLES: Final = {
    "TAPETRAIL_HOME": "the folder of server and blobs; otherwise ./.tapetrail",
    "TAPETRAIL_DATABASE_URL": "your own PostgreSQL server, 15 or newer; otherwise a private one",
    "TAPETRAIL_BLOBS": "s3://BUCKET/PREFIX for blobs; otherwise a folder of the home",
    "TAPETRAIL_S3_ENDPOINT": "http(s)://HOST:PORT; otherwise AWS_ENDPOINT_URL, or MINIO_ENDPOINT",
    "TAPETRAIL_S3_REGION": "the bucket's region; otherwise AWS_REGION, or us-east-1",
    "TAPETRAIL_S3_ACCESS_KEY": "with TAPETRAIL_S3_SECRET_KEY; otherwise AWS_*, or MINIO_*",
    "TAPETRAIL_S3_SECRET_KEY": "the key's secret; TAPETRAIL_S3_SESSION_TOKEN where it has one",
    "TAPETRAIL_S3_SESSION_TOKEN": "the token of a key that ends",
    "TAPETRAIL_S3_CHECKSUMS": "0 for a store that knows no SHA-256 of a put",
    "TAPETRAIL_S3_CONDITIONAL_PUTS": "0 for a store that cannot refuse to overwrite",
    "TAPETRAIL_POSTGRES_BIN_DIR": "the folder of the private server's programs",
    "TAPETRAIL_ACTOR": "who acts, as the record names it; otherwise your user name",
    "TAPETRAIL_KEYS_FILE": "a file with the keys of models, mode 0600; the environment goes first",
    "TAPETRAIL_BUDGET_DAY_USD": "what all models may cost in a day (UTC); otherwise no limit",
    "TAPETRAIL_DEBUG_MODE": "1: runs take bars from the cache alone and ask nobody",
    "TAPETRAIL_SERVER": "http(s)://HOST:PORT of a server that recorders tell to",
    "TAPETRAIL_SERVER_KEY": "what lets in there: a key of `tapetrail keys create`",
    "TAPETRAIL_ALLOWED_ORIGINS": "sites whose pages may ask your server, with commas between",
    "TAPETRAIL_DEBUG": "1 shows the traceback of an error, and changes nothing else",
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


def list_help(listed: ListSpec[Numbered]) -> str:
    """Return the help of a list."""
    columns = ", ".join(listed.column_names)
    said = "A filter given twice means one or the other."
    return f"List {listed.name}, newest first.\n\n{said} Columns: {columns}."


def list_examples(listed: ListSpec[Numbered]) -> str:
    """Return the examples of a list."""
    return _LIST_EXAMPLES.get(listed.name) or examples(f"tapetrail {listed.name} list --limit 5")


_LIST_EXAMPLES: Final = {
    EXECUTIONS.name: examples(
        "tapetrail executions list --status completed_with_errors",
        "tapetrail executions list --since 2026-11-01 --until 2026-12-01 --local",
    ),
    DECISIONS.name: examples(
        "tapetrail decisions list --symbol AAPL --limit 5",
        "tapetrail decisions list --status failed --columns id,symbol,error_message",
        "tapetrail decisions list --all --jsonl | jq .risk_reward_ratio",
        "tapetrail decisions list --all --csv > decisions.csv",
    ),
    CHARTS.name: examples(
        "tapetrail charts list --timeframe 1w",
        "tapetrail charts list --symbol AAPL --all -q | xargs -n 1 tapetrail charts save",
    ),
    ANALYSES.name: examples(
        "tapetrail analyses list --chart 3",
        "tapetrail analyses list --all --csv --columns analyst,latency_ms,cost_usd",
    ),
    SIGNALS.name: examples(
        "tapetrail signals list --execution 1",
        "tapetrail signals list --since 2026-11-20T14:30Z --json",
    ),
}
COMPLETION_EXAMPLES: Final = examples(
    'bash        eval "$(tapetrail completion bash)"        in ~/.bashrc',
    'zsh         eval "$(tapetrail completion zsh)"         in ~/.zshrc, after compinit',
    "fish        tapetrail completion fish | source         in ~/.config/fish/config.fish",
    "powershell  tapetrail completion powershell | Out-String | Invoke-Expression    in $PROFILE",
)
