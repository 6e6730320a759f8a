"""A chat request as it arrives, checked as the endpoint checks it: shape, then the rules of the model's family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from lab.openai.catalogue import ChatModel
from lab.openai.refusals import Refused, invalid

LEFT_ALONE = frozenset(
    {
        "frequency_penalty", "logit_bias", "logprobs", "metadata", "modalities", "moderation", "parallel_tool_calls",
        "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
        "safety_identifier", "seed", "service_tier", "stop", "store", "top_logprobs", "top_p", "user", "verbosity",
    }
)  # fmt: skip
"""Parameters that the endpoint knows and this stand-in has no use for."""


class Part(BaseModel):
    """A piece of a message's content."""

    type: Literal["text", "refusal"]
    text: str = ""
    refusal: str = ""


def _joined(content: object) -> object:
    """Content may come as a string or as a list of parts."""
    if isinstance(content, list):
        return "".join(part.text or part.refusal for part in (Part.model_validate(item) for item in content))
    return content


class FunctionCall(BaseModel):
    """What the model wanted to call."""

    name: str
    arguments: str


class ToolCall(BaseModel):
    """A call in an assistant's message."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class Message(BaseModel):
    """One message of the dialogue."""

    role: Literal["developer", "system", "user", "assistant", "tool"]
    content: Annotated[str | None, BeforeValidator(_joined)] = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """Its words."""
        return self.content or ""


class Function(BaseModel):
    """A tool's signature."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    strict: bool | None = None


class Tool(BaseModel):
    """A tool that may be called."""

    type: Literal["function"]
    function: Function


class NamedSchema(BaseModel):
    """The form an answer must have."""

    name: str
    description: str | None = None
    schema_: dict[str, JsonValue] = Field(default_factory=dict, alias="schema")
    strict: bool | None = None


class ResponseFormat(BaseModel):
    """Text, any JSON, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: NamedSchema | None = None


class StreamOptions(BaseModel):
    """What a stream carries besides the answer."""

    include_usage: bool = False
    include_obfuscation: bool = True


class FunctionName(BaseModel):
    """A tool's name."""

    name: str


class ToolChoice(BaseModel):
    """A tool that must be called."""

    type: Literal["function"]
    function: FunctionName


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    reasoning_effort: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    response_format: ResponseFormat | None = None
    n: int | None = None

    @property
    def schema_wanted(self) -> dict[str, JsonValue] | None:
        """The schema that the answer must follow."""
        wanted = self.response_format.json_schema if self.response_format is not None else None
        return wanted.schema_ if wanted is not None else None

    @property
    def most_tokens(self) -> int | None:
        """How long the answer may be, reasoning included."""
        return self.max_completion_tokens or self.max_tokens


def read(body: object) -> ChatRequest:
    """Check the shape. Raises Refused (400) that names the parameter."""
    if not isinstance(body, Mapping):
        raise invalid("We could not parse the JSON body of your request. The body must be a JSON object.", None)
    try:
        request = ChatRequest.model_validate({name: value for name, value in body.items() if name not in LEFT_ALONE})
    except ValidationError as error:
        raise _explained(error) from error
    _check_dialogue(request.messages)
    if request.stream_options is not None and not request.stream:
        raise invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    if request.n not in (None, 1):
        raise invalid("This stand-in gives one answer: leave 'n' out.", "n", "unsupported_value")
    return request


def _explained(error: ValidationError) -> Refused:
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    name = ".".join(f"[{step}]" if isinstance(step, int) else step for step in problem["loc"]).replace(".[", "[")
    match problem["type"]:
        case "missing":
            return invalid(f"Missing required parameter: '{name}'.", name, "missing_required_parameter")
        case "extra_forbidden":
            return invalid(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        case _:
            return invalid(f"Invalid value for '{name}': {problem['msg']}.", name, "invalid_value")


def _check_dialogue(messages: list[Message]) -> None:
    """Tool calls and their results stand together, in this order."""
    waiting: set[str] = set()
    for number, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                raise invalid(
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
                    "'tool_calls'.",
                    f"messages.[{number}].role",
                )
            waiting.discard(message.tool_call_id)
            continue
        _refuse_unanswered(waiting, number)
        waiting = {call.id for call in message.tool_calls or ()}
    _refuse_unanswered(waiting, len(messages))


def _refuse_unanswered(waiting: set[str], number: int) -> None:
    if waiting:
        raise invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            f"'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(sorted(waiting))}",
            f"messages.[{number - 1}].role",
        )


def check_family(request: ChatRequest, model: ChatModel) -> None:
    """The rules that differ between the families of models. Raises Refused (400)."""
    effort = request.reasoning_effort
    if effort is not None and not model.reasons:
        raise invalid("Unrecognized request argument supplied: reasoning_effort", None)
    if effort is not None and effort not in model.efforts:
        supported = ", ".join(f"'{value}'" for value in model.efforts)
        raise invalid(
            f"Unsupported value: '{effort}' is not supported with the '{model.id}' model. "
            f"Supported values are: {supported}.",
            "reasoning_effort",
            "unsupported_value",
        )
    if request.tools and model.tools_need_no_effort and effort != "none":
        raise invalid(
            f"Function tools with reasoning_effort are not supported for {model.id} in /v1/chat/completions. "
            "To use function tools, use /v1/responses or set reasoning_effort to 'none'.",
            "reasoning_effort",
        )
    if request.max_tokens is not None and model.reasons:
        raise invalid(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
            "unsupported_parameter",
        )
    if request.temperature not in (None, 1) and model.reasons and effort != "none":
        raise invalid(
            f"Unsupported value: 'temperature' does not support {request.temperature} with this model. "
            "Only the default (1) value is supported.",
            "temperature",
            "unsupported_value",
        )
    _check_tools(request)
    _check_schemas(request)


def _check_tools(request: ChatRequest) -> None:
    offered = {tool.function.name for tool in request.tools or ()}
    choice = request.tool_choice
    if choice is not None and not offered and choice != "none":
        raise invalid("'tool_choice' is only allowed when 'tools' are specified.", "tool_choice")
    if isinstance(choice, ToolChoice) and choice.function.name not in offered:
        raise invalid(f"Tool choice '{choice.function.name}' not found in 'tools' parameter.", "tool_choice")


def _check_schemas(request: ChatRequest) -> None:
    wanted = request.response_format
    if wanted is not None and wanted.type == "json_schema":
        if wanted.json_schema is None:
            raise invalid(
                "Missing required parameter: 'response_format.json_schema'.",
                "response_format.json_schema",
                "missing_required_parameter",
            )
        if wanted.json_schema.strict:
            complaint = strict_complaint(wanted.json_schema.schema_)
            if complaint:
                raise invalid(
                    f"Invalid schema for response_format '{wanted.json_schema.name}': {complaint}", "response_format"
                )
    for number, tool in enumerate(request.tools or ()):
        if tool.function.strict and (complaint := strict_complaint(tool.function.parameters)):
            raise invalid(
                f"Invalid schema for function '{tool.function.name}': {complaint}",
                f"tools[{number}].function.parameters",
                "invalid_function_parameters",
            )


def strict_complaint(schema: JsonValue, context: tuple[str, ...] = ()) -> str | None:
    """Why a schema is not strict: every property required, nothing else allowed, at every depth. None when it is."""
    if isinstance(schema, list):
        found = (strict_complaint(item, context) for item in schema)
        return next((complaint for complaint in found if complaint), None)
    if not isinstance(schema, dict):
        return None
    properties = schema.get("properties")
    if schema.get("type") == "object" or isinstance(properties, dict):
        if schema.get("additionalProperties") is not False:
            return f"In context={context}, 'additionalProperties' is required to be supplied and to be false."
        names, required = set(properties or {}) if isinstance(properties, dict) else set(), schema.get("required")
        missing = sorted(names - set(map(str, required if isinstance(required, list) else [])))
        if missing:
            return (
                f"In context={context}, 'required' is required to be supplied and to be an array including every key "
                f"in properties. Missing '{missing[0]}'."
            )
    for keyword, below in schema.items():
        nested = below.items() if keyword in ("properties", "$defs") and isinstance(below, dict) else ((None, below),)
        for name, inner in nested:
            if keyword in ("properties", "$defs", "items", "anyOf") and (
                complaint := strict_complaint(inner, (*context, keyword, *([name] if name else [])))
            ):
                return complaint
    return None
