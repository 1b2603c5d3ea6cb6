"""A model as an analyst: what it is sent, how it is reached, and what its bytes say and cost.

All but sending is pure. The same question gives the same bytes, so that a request can be made again
from the record; where the key is and where calls go is only looked up when one is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final

import simplejpeg

from tapetrail.analysts.models import bodies
from tapetrail.analysts.models.asking import Image, ModelRequest, Params
from tapetrail.analysts.models.endpoints import endpoint
from tapetrail.analysts.models.families import FAMILIES, Family
from tapetrail.analysts.models.keys import Access, access, key_name
from tapetrail.analysts.models.pricing import (
    LOCAL,
    STATED,
    PricedCall,
    UnitPrices,
    UnknownPrice,
    ceiling_usd,
    cost_usd,
    price_of,
)
from tapetrail.analysts.models.reading import GIVEN_UP, SUCCESSES, ReadReply
from tapetrail.analysts.models.token_bounds import ImageSize, input_tokens_max
from tapetrail.analysts.models.usage import Usage
from tapetrail.analysts.protocol import BrokenResponse, Demand, Identity, Request, Response
from tapetrail.core.analysis.analyses import ConsolidatedAnalysis
from tapetrail.core.analysis.answer_checks import check_answer, price_reference
from tapetrail.core.analysis.grounding import derive_grounding
from tapetrail.core.analysis.image_limits import drawing_size
from tapetrail.core.analysis.model_answers import answer_schema, parse_answer, re_ask
from tapetrail.core.analysis.parsed_answers import ParsedAnswer
from tapetrail.core.analysis.prompt_context import Shown, prompt_context
from tapetrail.core.analysis.prompts import Prompt
from tapetrail.core.analysis.questions import CONSOLIDATED, Question
from tapetrail.core.analysis.replies import Model
from tapetrail.core.canonical import FieldValue, JsonValue, storable_text
from tapetrail.core.errors import ErrorKind, InvalidInput
from tapetrail.core.strategy.analysts import AnalystSpec, Tier
from tapetrail.http.calls import BrokenOff, Limits, Received
from tapetrail.http.transport import Transport
from tapetrail.prompt_files import shipped_prompt

RE_ASKS_MAX: Final = 2
TOTAL_S: Final = 600
FLEX_S: Final = 900
_BYTES_A_TOKEN: Final = 3
"""For rates, which need no bound: text in English has four bytes a token, numbers fewer."""
JSON: Final = "application/json"
_UNKNOWN: Final = "unknown"
"""The key under which unit prices say why there is no cost."""
_REGION: Final = "inference_geo"
"""Where a provider that prices by region says which one it was, in its usage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointModel:
    """One model at one endpoint, as a strategy wants it asked."""

    spec: AnalystSpec
    family: Family
    environment: Mapping[str, str] = field(repr=False)
    transport: Transport = field(repr=False)
    re_asks_max: int = RE_ASKS_MAX

    @property
    def model(self) -> str:
        """The model's name at its provider."""
        return self.spec.analyst.partition(":")[2]

    @property
    def identity(self) -> Identity:
        """Return who the analyst is."""
        return Identity(
            name=self.spec.name, provider=self.family.word, model_name=self.model,
            params=self._params(images=self.spec.image),
        )  # fmt: skip

    def asked_as(self, question: Question) -> Model:
        """Return the model as it is asked this question, with all that shapes the answer."""
        return replace(self.identity, params=self._params(images=self._has_images(question)))

    def base_url(self) -> str:
        """Return where calls go. Raises `InvalidInput` as `keys.access` does."""
        return self._access().base_url

    def key_name(self) -> str | None:
        """Return the variable that its key is in, None where it needs none."""
        return key_name(self.family, self.environment, key_env=self.spec.key_env)

    def check(self) -> None:
        """Raise `InvalidInput` for what can be known before: a key, an address, a parameter."""
        self._access()
        self.family.wire.build(self._asking(Prompt(system="?", question="?"), schema=None))

    def image_size(self, width: int, height: int) -> tuple[int, int] | None:
        """Return the size in which an image travels: the largest that the model sees as it is."""
        if not self.spec.image:
            return None
        if self.spec.image_fit == "native":
            return width, height
        return drawing_size(self.model, width, height)

    def request(self, question: Question) -> Request:
        """Return the request that asks a question, the images in it as the question has them.

        Raises `InvalidInput` (`bad_prompt`).
        """
        prompt, images = self._prompt(question), tuple[Image, ...]()
        if self._has_images(question):
            images = tuple(
                Image(label=f"Chart {chart.timeframe}:", jpeg=chart.image)
                for chart in question.charts
            )
        schema = answer_schema(question.answer_kind) if self.spec.by_schema else None
        asked = replace(self._asking(prompt, schema=schema), images=images)
        body = self.family.wire.build(asked)
        text_bytes = len(body) - sum(bodies.base64_size(image.jpeg) for image in images)
        tokens = partial(
            input_tokens_max, self.family.word, self.model, images=[*map(_size, images)]
        )
        return Request(
            body=body,
            media_type=JSON,
            prompt_text=f"{prompt.system}\n\n{prompt.question}",
            input_tokens_max=tokens(text_bytes=text_bytes),
            input_tokens=tokens(text_bytes=text_bytes // _BYTES_A_TOKEN),
        )

    def demand(self, request: Request, *, at: datetime) -> Demand:
        """Return what a call asks of the world. Raises `InvalidInput` (`unknown_price`)."""
        return self._demand(request, at=at, output=self.spec.params.max_output_tokens)

    def most(
        self,
        *,
        text_bytes: int,
        images: Sequence[ImageSize],
        at: datetime,
        output_tokens: int | None = None,
    ) -> Demand:
        """Return what a call of so much text and such images asks of the world, at most.

        `output_tokens` is less than may be written. Raises as `demand` does.
        """
        tokens = input_tokens_max(
            self.family.word, self.model, text_bytes=text_bytes, images=images
        )
        request = Request(body=b"", media_type=JSON, input_tokens_max=tokens, input_tokens=tokens)
        most = self.spec.params.max_output_tokens
        return self._demand(request, at=at, output=min(output_tokens or most, most))

    def is_local(self) -> bool:
        """Return whether calls go to this machine, where they cost nothing unless it is stated."""
        return endpoint(self.family, self.base_url()).is_local

    def send(self, request: Request) -> Response:
        """Send a request once. Raises as `Transport.send` and `keys.access` do."""
        reached = self._access()
        call = reached.call(self.model, request.body)
        try:
            received = self.transport.send(call, self._limits())
        except BrokenOff as error:
            kind = error.kind or ErrorKind.CONNECTION_RESET
            response = _response(error.received, reached.base_url)
            raise BrokenResponse(error.message, kind=kind, response=response) from error
        return _response(received, reached.base_url)

    def read(self, response: Response) -> ReadReply:
        """Return what a response says, and what it cost by the prices at its instant."""
        status = response.http_status or 0
        found = self.family.wire.read(response.body, http_status=status, headers=response.headers)
        if found.counted is None:
            # Providers bill no call that they refuse. What others used, nobody says.
            is_free = status not in SUCCESSES and status not in GIVEN_UP
            return replace(found, cost_usd=Decimal(0)) if is_free else found
        priced = self._priced(found, found.counted, response)
        if isinstance(priced, UnknownPrice):
            return replace(found, unit_prices={_UNKNOWN: priced.reason})
        try:
            cost = cost_usd(found.counted, priced)
        except InvalidInput as error:
            said: dict[str, FieldValue] = {**priced.as_json(), _UNKNOWN: error.message}
            return replace(found, unit_prices=said)
        return replace(found, cost_usd=cost, unit_prices=priced.as_json())

    def parse(self, question: Question, text: str) -> ParsedAnswer:
        """Return the answer in a reply, held against its charts.

        Raises `InvalidInput` whose kind says in which way it is no answer.
        """
        answer = parse_answer(question.answer_kind, text)
        analysis = answer.analysis
        if isinstance(analysis, ConsolidatedAnalysis):
            reference = price_reference(question.charts[0].bars)
            check_answer(analysis, question.strategy.signal.settings(), reference)
        return ParsedAnswer(
            analysis=analysis,
            document=answer.document,
            parsed_from=answer.parsed_from,
            grounding=derive_grounding(analysis, question.charts, tick=question.tick_size),
        )

    def _demand(self, request: Request, *, at: datetime, output: int) -> Demand:
        reached = endpoint(self.family, self.base_url())
        call = PricedCall(
            endpoint=reached,
            model_asked=self.model,
            input_tokens=request.input_tokens_max,
            at=at,
            tier=self.spec.tier,
            stated=self.spec.price,
        )
        return Demand(
            endpoint=reached.key,
            provider=reached.provider,
            tokens=request.input_tokens + output,
            usd_max=ceiling_usd(call, output_tokens_max=output),
            timeout_s=self._limits().total_s,
        )

    def _limits(self) -> Limits:
        """Return how long a call may take: who pays half waits longer, if nothing is stated."""
        by_tier = FLEX_S if self.spec.tier is Tier.FLEX else TOTAL_S
        return Limits(total_s=self.spec.timeout_s or by_tier)

    def _access(self) -> Access:
        return access(
            self.family, self.environment, key_env=self.spec.key_env, base_url=self.spec.base_url
        )

    def _has_images(self, question: Question) -> bool:
        return self.spec.image and (self.spec.images or question.kind != CONSOLIDATED)

    def _params(self, *, images: bool) -> dict[str, FieldValue]:
        spec = self.spec
        tier: dict[str, FieldValue] = {"tier": spec.tier} if spec.tier else {}
        return {
            **spec.params.stated,
            **tier,
            "image": images,
            "numbers": spec.numbers,
            "image_fit": spec.image_fit,
            "schema": spec.by_schema,
        }

    def _prompt(self, question: Question) -> Prompt:
        names = question.strategy.prompt
        is_whole = question.kind == CONSOLIDATED
        template = question.template or shipped_prompt(
            names.consolidated if is_whole else names.chart
        )
        schema = None if self.spec.by_schema else answer_schema(question.answer_kind)
        shown = Shown(image=self._has_images(question), numbers=self.spec.numbers)
        prompt = template.render(prompt_context(question, shown, schema=schema))
        if question.refused is None:
            return prompt
        return replace(prompt, question=re_ask(prompt.question, question.refused))

    def _asking(self, prompt: Prompt, *, schema: Mapping[str, JsonValue] | None) -> ModelRequest:
        params = self.spec.params
        return ModelRequest(
            model=self.model,
            system=prompt.system,
            text=prompt.question,
            schema=schema,
            params=Params(
                max_output_tokens=params.max_output_tokens,
                temperature=params.temperature,
                top_p=params.top_p,
                seed=params.seed,
                reasoning_effort=params.reasoning_effort,
            ),
            tier=self.spec.tier,
        )

    def _priced(
        self, found: ReadReply, counted: Usage, response: Response
    ) -> UnitPrices | UnknownPrice:
        if response.sent_at is None or response.base_url is None:
            return UnknownPrice(reason="nobody says when the call was made, or where to")
        raw = (found.usage or {}).get("raw")
        region = raw.get(_REGION) if isinstance(raw, Mapping) else None
        priced = price_of(
            PricedCall(
                endpoint=endpoint(self.family, response.base_url),
                model_asked=self.model,
                model_reported=found.model_reported,
                input_tokens=counted.input_total,
                at=response.sent_at,
                tier=found.service_tier or self.spec.tier,
                region=region if isinstance(region, str) else None,
                stated=self.spec.price,
            )
        )
        is_said = found.service_tier is not None or self.spec.tier in {None, Tier.STANDARD}
        if is_said or isinstance(priced, UnknownPrice) or priced.source in {STATED, LOCAL}:
            return priced
        return UnknownPrice(reason=_unserved(self.spec))


class Models:
    """The families of model endpoints, reached with what `environment` says."""

    def __init__(self, environment: Mapping[str, str], *, transport: Transport) -> None:
        self._environment = environment
        self._transport = transport
        self._families = {family.word: family for family in FAMILIES}

    @property
    def words(self) -> frozenset[str]:
        """The families, as strategies write them."""
        return frozenset(self._families)

    def open(self, spec: AnalystSpec) -> EndpointModel:
        """Return the model that a strategy means. Raises `InvalidInput` for one without a name."""
        found = EndpointModel(
            spec=spec,
            family=self._families[spec.family],
            environment=self._environment,
            transport=self._transport,
        )
        if not found.model:
            raise InvalidInput(f"analyst {spec.analyst!r}: names no model, expected FAMILY:MODEL")
        return found


def _unserved(spec: AnalystSpec) -> str:
    return (
        f"{spec.analyst}: tier {spec.tier} was asked for, and the reply does not say which one was"
        " served; write what it costs under the analyst: price: {input: ..., output: ...}, in US"
        " dollars per million tokens"
    )


def _size(image: Image) -> ImageSize:
    height, width, *_ = simplejpeg.decode_jpeg_header(image.jpeg)
    return ImageSize(width=width, height=height)


def _response(received: Received, base_url: str) -> Response:
    return Response(
        base_url=base_url,
        body=received.body,
        media_type=received.media_type or "application/octet-stream",
        http_status=received.http_status,
        provider_request_id=received.provider_request_id,
        headers={name: storable_text(value) for name, value in received.headers.items()},
        sent_at=received.sent_at,
        first_byte_at=received.first_byte_at,
    )
