"""The language model as a writer of summaries, over chat completions with a strict schema."""

from __future__ import annotations

import openai
from openai import OpenAI
from openai.types.chat import ChatCompletion
from openai.types.shared_params import ResponseFormatJSONSchema
from pydantic import ValidationError

from services.ticketing.domain.conversation import Conversation
from services.ticketing.domain.model_summary import INSTRUCTIONS, ModelSummary, accepted, dialogue
from services.ticketing.domain.summary import Summary
from shared.errors import Permanent, Transient
from shared.observability.logs import get_logger
from shared.rates.usage import Meter, Product, tokens_by_price
from shared.resilience.breaker import Breaker
from shared.settings import OpenAISettings

log = get_logger(__name__)

DEADLINE_S = 6.0
"""The ticket waits eight seconds for its summary."""
MOST_TOKENS = 900
FORMAT: ResponseFormatJSONSchema = {
    "type": "json_schema",
    "json_schema": {"name": "ticket_summary", "strict": True, "schema": ModelSummary.model_json_schema()},
}
MONEY_CODES = frozenset(
    {
        "insufficient_quota",
        "credit_balance_exhausted",
        "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded",
        "organization_usage_limit_exceeded",
    }
)
"""Codes of 429 that no waiting heals."""


class ModelAway(Transient):
    """The model did not answer in time or not completely."""


class ModelRefused(Permanent):
    """The provider refuses as things are set: key, model name, money."""


class OpenAISummaries:
    """Implements `SummaryModel`. Keep one per process."""

    def __init__(self, settings: OpenAISettings, key: str, breaker: Breaker, deadline_s: float = DEADLINE_S) -> None:
        self._model = settings.openai_summary_model
        self._effort = settings.openai_reasoning_effort
        self._breaker = breaker
        self._client = OpenAI(api_key=key, base_url=settings.openai_base_url, timeout=deadline_s, max_retries=0)

    def summarise(self, conversation: Conversation, meter: Meter) -> Summary | None:
        self._breaker.enter()
        try:
            completion = self._ask(conversation)
        except openai.APIStatusError as error:
            raise self._refusal(error) from error
        except (openai.OpenAIError, ValueError) as error:  # a body that is no JSON comes out of the SDK as it is
            self._breaker.failed(type(error).__name__)
            raise ModelAway(f"the model did not answer ({type(error).__name__})") from error
        self._breaker.succeeded()
        self._count(completion, meter)
        return accepted(_read(completion), conversation, self._model)

    def _count(self, completion: ChatCompletion, meter: Meter) -> None:
        usage = completion.usage
        if usage is None:
            return
        details = usage.prompt_tokens_details
        tokens = tokens_by_price(
            usage.prompt_tokens,
            usage.completion_tokens,
            cached=(details.cached_tokens or 0) if details is not None else 0,
            written=(details.cache_write_tokens or 0) if details is not None else 0,
        )
        for unit, count in tokens.items():
            if count:
                meter.add(Product("openai", self._model), unit, count)

    def _ask(self, conversation: Conversation) -> ChatCompletion:
        return self._client.chat.completions.create(
            model=self._model,
            messages=[
                {"role": "system", "content": INSTRUCTIONS},
                {"role": "user", "content": dialogue(conversation)},
            ],
            response_format=FORMAT,
            max_completion_tokens=MOST_TOKENS,
            reasoning_effort=openai.omit if self._effort is None else self._effort,
            prompt_cache_key="ticket-summary-1",
            store=False,
        )

    def _refusal(self, error: openai.APIStatusError) -> Transient | Permanent:
        """What a status means for us; the provider's prose stays out: it may quote what we sent."""
        name = f"{error.status_code} {error.code or ''}".strip()
        log.warning(
            "model_refused",
            provider="openai",
            status=error.status_code,
            error_code=error.code or "",
            provider_request_id=error.request_id or "",
        )
        if error.status_code >= 500 or error.status_code == 408:
            self._breaker.failed(str(error.status_code))
            return ModelAway(f"the model answered {name}")
        self._breaker.succeeded()
        if error.status_code in (409, 429) and error.code not in MONEY_CODES:
            return ModelAway(f"the model answered {name}", _seconds(error.response.headers.get("retry-after")))
        return ModelRefused(f"the model answered {name}")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _read(completion: ChatCompletion) -> ModelSummary:
    """The answer in our form. Raises ModelAway when it is cut short, refused or of another form."""
    choice = completion.choices[0] if completion.choices else None
    if choice is None or choice.finish_reason != "stop" or choice.message.refusal or not choice.message.content:
        raise ModelAway(f"the model gave no summary ({choice.finish_reason if choice else 'nothing'})")
    try:
        return ModelSummary.model_validate_json(choice.message.content)
    except ValidationError as error:
        raise ModelAway("the model's summary has another form") from error


def _seconds(retry_after: str | None) -> float | None:
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        return None
