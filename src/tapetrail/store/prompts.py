"""Prompt templates: those on record, by their words, and the rows of those a strategy names."""

from typing import TYPE_CHECKING, Final

from psycopg.rows import class_row

from tapetrail.core.canonical import Digest
from tapetrail.prompt_files import prompt_named, word_of
from tapetrail.store.connections import Connection, driver_connection
from tapetrail.wire import RecordedPrompt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from tapetrail.core.analysis.prompts import PromptTemplate
    from tapetrail.core.records.base import Stored
    from tapetrail.core.strategy.strategies import StrategySpec

_RECORDED: Final = """
    SELECT t.id, t.name, t.version, t.body, t.body_digest,
           (SELECT count(*) FROM tapetrail.llm_analyses a
            WHERE a.prompt_template_id = t.id) AS analyses
    FROM tapetrail.prompt_templates t ORDER BY t.name, t.version
"""
_CHART_REPLIES: Final = """
    SELECT a.timeframe, a.response_text FROM tapetrail.llm_analyses a
    WHERE a.decision_id = %s AND a.kind = 'chart' AND a.role = 'deciding' AND a.sample_no = 1
      AND a.status = 'completed'
    ORDER BY a.id
"""


def recorded(connection: Connection) -> list[RecordedPrompt]:
    """Return every recorded version of every prompt, by name and version."""
    with connection.cursor(row_factory=class_row(RecordedPrompt)) as cursor:
        return cursor.execute(_RECORDED).fetchall()


def bodies(connection: Connection) -> dict[str, str]:
    """Return the body of every recorded prompt by the word that names it."""
    found = connection.execute("SELECT name, version, body FROM tapetrail.prompt_templates")
    return {word_of(name, version): body for name, version, body in found}


def chart_replies(connection: Connection, decision_id: int) -> list[tuple[str, str]]:
    """Return timeframe and text of what a decision's deciding analyst answered about each chart."""
    found = connection.execute(_CHART_REPLIES, [decision_id])
    return [(timeframe, text) for timeframe, text in found]


def recorded_templates(
    session: "Session", spec: "StrategySpec"
) -> "Mapping[str, tuple[Stored, PromptTemplate]]":
    """Return the prompts that a strategy names, by the kind of question, those that are on record.

    They were recorded with the first row of whatever they are needed for.
    """
    from tapetrail.core.analysis.prompts import PromptTemplate  # noqa: PLC0415 # as below
    from tapetrail.core.records.base import Stored  # noqa: PLC0415 # as below

    found = driver_connection(session).execute(
        "SELECT name, version, body, id, record_digest FROM tapetrail.prompt_templates"
        " WHERE name || '-v' || version = ANY(%s)",
        [[*spec.prompt.named.values()]],
    )
    known = {
        word_of(name, version): (
            Stored(number, Digest(digest)),
            PromptTemplate(name=name, version=version, body=body),
        )
        for name, version, body, number, digest in found
    }
    return {kind: known[word] for kind, word in spec.prompt.named.items() if word in known}


def templates_of(
    session: "Session", spec: "StrategySpec"
) -> "Mapping[str, tuple[Stored, PromptTemplate]]":
    """Return the prompts that a strategy names, by the kind of question, each with its row.

    A shipped one is recorded where it is not yet. Raises as `prompt_named` does.
    """
    from tapetrail.store import appends  # noqa: PLC0415 # readers do without

    known = bodies(driver_connection(session))
    templates = {kind: prompt_named(word, known) for kind, word in spec.prompt.named.items()}
    return {
        kind: (appends.append_template(session, template), template)
        for kind, template in templates.items()
    }
