"""The ways in which this stand-in can be made to fail.

`where` is a glob over `METHOD /path model`, such as `POST /v1/chat/completions gpt-6-luna` or `* /v1/embeddings *`.
"""

from __future__ import annotations

from enum import StrEnum

from lab.wire.faults import Fault, Faults


class OpenAIFault(StrEnum):
    """What happens. `after` counts the tokens of a stream, or pieces of sound, that still arrive before it does."""

    REFUSE = "refuse"
    """The connection is closed without an answer."""
    HANG = "hang"
    """Nothing comes any more, and the connection stays open."""
    SLOW = "slow"
    """The first token comes `seconds` later."""
    ERROR_IN_STREAM = "error_in_stream"
    """An error event instead of the rest."""
    EARLY_CLOSE = "early_close"
    """The stream ends properly, without finish reason and `[DONE]`: it looks like success."""
    CUT = "cut"
    """The connection breaks in the middle of a chunk, or of a body."""
    GARBAGE_JSON = "garbage_json"
    """A chunk, or a body, that is no JSON."""
    INVALID_ARGUMENTS = "invalid_arguments"
    """A tool call whose arguments are no JSON."""
    EMPTY_ANSWER = "empty_answer"
    """A proper answer without a word."""
    WRONG_KEY = "wrong_key"
    RATE_LIMITED = "rate_limited"
    SLOW_DOWN = "slow_down"
    OUT_OF_CREDIT = "out_of_credit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_TOO_LONG = "context_too_long"


class OpenAIFaultSetting(Fault[OpenAIFault]):
    """A fault as `POST /lab/faults` takes it."""


OpenAIFaults = Faults[OpenAIFault]
