"""A reply of the plain line as TwiML. Pure: the same reply gives the same bytes."""

from __future__ import annotations

from typing import Final

from twilio.twiml.voice_response import Gather, VoiceResponse

from services.gateway.plain_line.kept import KeptReply
from services.gateway.webhooks.phrases import Phrases
from services.gateway.webhooks.twiml import Addresses, say
from shared.conversation.ports import NextStep

SILENCE_S: Final = 5
"""How long a caller may say nothing before they are asked whether they are still there."""


def document_of(reply: KeptReply, addresses: Addresses, phrases: Phrases) -> str:
    """Say the reply, a verb a sentence, and listen; or, when nothing is to be said any more, ask what follows.

    Only the last sentence, mostly a question, can be talked over: the request that comes next then proves that
    everything before it was heard, and whoever answers a question has heard it.
    """
    response = VoiceResponse()
    following = addresses.plain(reply.turn + 1)
    if reply.step is not NextStep.LISTEN:
        for sentence in reply.sentences:
            say(response, phrases, [sentence])
        response.redirect(following, method="POST")
        return str(response)
    *first, last = reply.sentences or ("",)
    for sentence in first:
        say(response, phrases, [sentence])
    gather = Gather(
        input="dtmf speech", timeout=SILENCE_S, speech_timeout="auto", num_digits=1, finish_on_key="",
        language=phrases.code, action=following, method="POST", action_on_empty_result=True,
    )  # fmt: skip
    say(gather, phrases, [last])
    response.append(gather)
    response.redirect(following, method="POST")
    return str(response)
