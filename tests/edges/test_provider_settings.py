"""Limits of providers and the day's budget in files of settings: tables, numbers, refusals."""

from decimal import Decimal
from pathlib import Path

import pytest

from tapetrail.analysts.models.endpoints import PROVIDERS as BY_FAMILY
from tapetrail.analysts.models.families import FAMILIES
from tapetrail.core.errors import InvalidInput
from tapetrail.settings import PROVIDERS, ProviderLimits, Settings, read_settings
from tapetrail.settings_files import read_files, write_setting
from tapetrail.usecases.children import SETTINGS


def settings(*files: Path, **environment: str) -> Settings:
    found = read_files(files)
    return read_settings({"USER": "ada", **environment}, working_folder=Path("/x"), files=found)


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_word_fifty_calls_are_in_flight_at_whatever_rate() -> None:
    found = settings()
    assert found.limits("openai") == ProviderLimits(
        max_in_flight=50, requests_per_minute=None, tokens_per_minute=None
    )
    assert found.budget_day_usd is None


def test_a_table_a_provider_and_each_key_counts_where_it_stands_first(tmp_path: Path) -> None:
    near = written(
        tmp_path / "near.toml",
        "budget_day_usd = 12.50\n[providers.openai]\nmax_in_flight = 5\n",
    )
    far = written(
        tmp_path / "far.toml",
        'budget_day_usd = "99"\n[providers]\ngoogle = {requests_per_minute = 60}\n'
        "[providers.openai]\nmax_in_flight = 9\ntokens_per_minute = 1_000_000\n",
    )
    found = settings(near, far)
    assert found.budget_day_usd == Decimal("12.50")
    assert found.providers == {
        "openai": ProviderLimits(max_in_flight=5, tokens_per_minute=1_000_000),
        "google": ProviderLimits(requests_per_minute=60),
    }
    assert settings(near, TAPETRAIL_BUDGET_DAY_USD="3").budget_day_usd == 3
    told = settings(near, TAPETRAIL_KEYS_FILE="keys")
    assert told.keys_file == Path("/x/keys")
    for each in (found, told):
        assert SETTINGS.validate_json(SETTINGS.dump_json(each)) == each


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[providers.openai]\nmax_in_fligt = 5\n",
            "no setting 'providers.openai.max_in_fligt'; did you mean providers.openai.max_in",
        ),
        ("[providers.opnai]\nmax_in_flight = 5\n", "no setting 'providers.opnai'"),
        ("providers = 5\n", "no setting 'providers'"),
        ("[providers.openai.max_in_flight]\nx = 5\n", "max_in_flight: expected a number"),
        ("[providers.openai]\nmax_in_flight = true\n", "max_in_flight: expected a number"),
        ("[providers.openai]\nmax_in_flight = 0\n", "expected a whole number from 1 to"),
        ("[providers.openai]\nmax_in_flight = 2.5\n", "expected a whole number from 1 to"),
        ('[providers.openai]\nmax_in_flight = "many"\n', "found 'many'"),
        ("[providers.openai]\ntokens_per_minute = 10_000_000_000\n", "found '10000000000'"),
        ("budget_day_usd = -1\n", "budget_day_usd: expected US dollars, 0 to 1,000,000"),
        ("budget_day_usd = nan\n", "budget_day_usd: expected US dollars"),
        ('budget_day_usd = "lots"\n', "found 'lots'"),
        ("budget_day_usd = [1]\n", "budget_day_usd: expected a number"),
    ],
)
def test_what_is_no_limit_is_refused_with_its_place(text: str, says: str, tmp_path: Path) -> None:
    file = written(tmp_path / "tapetrail.toml", text)
    with pytest.raises(InvalidInput) as caught:
        settings(file)
    assert says in caught.value.message
    assert str(file) in caught.value.message


def test_a_limit_is_written_into_its_table(tmp_path: Path) -> None:
    file = written(tmp_path / "tapetrail.toml", 'actor = "ann"  # who\n')
    write_setting(file, "providers.openai.max_in_flight", "7")
    write_setting(file, "providers.openai.requests_per_minute", "500")
    write_setting(file, "budget_day_usd", "2.50")
    assert file.read_text() == (
        'actor = "ann"  # who\nbudget_day_usd = "2.50"\n\n[providers.openai]\n'
        "max_in_flight = 7\nrequests_per_minute = 500\n"
    )
    assert settings(file).limits("openai") == ProviderLimits(
        max_in_flight=7, requests_per_minute=500
    )
    with pytest.raises(InvalidInput, match="expected a whole number"):
        write_setting(file, "providers.openai.max_in_flight", "none")


def test_every_family_has_a_provider_that_settings_know() -> None:
    assert {BY_FAMILY[family.word] for family in FAMILIES} == set(PROVIDERS)
