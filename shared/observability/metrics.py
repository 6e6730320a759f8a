"""Prometheus metrics. Names start with `callwright_`; labels come from closed lists, never from people or addresses."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from shared.observability import names

http_seconds = Histogram(
    "callwright_http_seconds",
    "Time to answer a request",
    ["route", "method", "status_class"],
    buckets=names.HTTP_BUCKETS,
)
webhooks_rejected_total = Counter(
    "callwright_webhooks_rejected_total", "Webhooks and handshakes refused before anything was stored", ["reason"]
)
recordings_asked_total = Counter("callwright_recordings_asked_total", "Requests to Twilio to record a call", ["result"])
recorded_sentences_total = Counter(
    "callwright_recorded_sentences_total", "Fetches of sentences that a person has recorded", ["result"]
)
limited_total = Counter("callwright_limited_total", "What was refused because there was too much of it", ["kind"])
calls_total = Counter("callwright_calls_total", "Calls that came to an end", ["direction", "outcome"])
calls_active = Gauge("callwright_calls_active", "Calls in this process", ["state"])
slots_limit = Gauge("callwright_slots_limit", "Calls this voice process takes at once")
slots_free = Gauge("callwright_slots_free", "Calls this voice process may still be sent")
drain_moved_total = Counter("callwright_drain_moved_total", "Calls handed over to another process at a stop")
loop_lag_seconds = Histogram(
    "callwright_loop_lag_seconds", "How late the event loop was", buckets=names.OVERHEAD_BUCKETS
)
admissions_total = Counter(
    "callwright_admissions_total", "Calls that wanted a voice process, by what they were told", ["result", "reason"]
)
callers_held = Gauge("callwright_callers_held", "Callers who wait for a voice process, as this gateway knows it")
answer_seconds = Histogram(
    "callwright_answer_seconds",
    "From the end of the caller's turn to the first audio sent",
    ["origin"],
    buckets=names.ANSWER_BUCKETS,
)
stage_seconds = Histogram(
    "callwright_stage_seconds", "Time per stage of an answer", ["stage"], buckets=names.ANSWER_BUCKETS
)
overhead_seconds = Histogram(
    "callwright_overhead_seconds", "What the platform itself added to an answer", buckets=names.OVERHEAD_BUCKETS
)
bargein_clear_seconds = Histogram(
    "callwright_bargein_clear_seconds",
    "From the recogniser's speech event to `clear` on the wire",
    buckets=names.BARGE_IN_BUCKETS,
)
false_interruptions_total = Counter(
    "callwright_false_interruptions_total", "Pauses after which our speech went on: a cough, an echo, a listener's word"
)
likely_ends_total = Counter(
    "callwright_likely_ends_total", "Turns the recogniser called likely over, by what came of it", ["result"]
)
ahead_total = Counter(
    "callwright_ahead_total", "Work begun before a turn was decided, by kind and by what came of it", ["kind", "result"]
)
known_answers_total = Counter(
    "callwright_known_answers_total", "Questions that may have been answered before, by what was found", ["result"]
)
acknowledgements_total = Counter(
    "callwright_acknowledgements_total", "Sentences said while an answer was on its way, by what they say", ["kind"]
)
provider_results_total = Counter(
    "callwright_provider_results_total", "Results of calls to providers", ["provider", "capability", "result"]
)
speech_first_sound_seconds = Histogram(
    "callwright_speech_first_sound_seconds",
    "From a sentence to its first audible sample, by provider",
    ["provider"],
    buckets=names.ANSWER_BUCKETS,
)
speech_characters_total = Counter(
    "callwright_speech_characters_total", "Characters sent to be spoken, which is what is paid for", ["provider"]
)
speech_failovers_total = Counter(
    "callwright_speech_failovers_total",
    "Sentences that another try finished, by who failed and who was asked then",
    ["provider", "next_provider"],
)
degradation_level = Gauge(
    "callwright_degradation_level", "0 full model, 1 fast model, 2 rules and articles, 3 a person or a message"
)
kept_calls = Gauge("callwright_kept_calls", "Calls kept in Redis because the database is, or was, away")
breaker_state = Gauge("callwright_breaker_state", "0 closed, 1 half open, 2 open: left alone", ["provider"])
breaker_uncounted_total = Counter(
    "callwright_breaker_uncounted_total", "Failures seen by a process that was late itself", ["provider"]
)
breaker_transitions_total = Counter(
    "callwright_breaker_transitions_total",
    "Changes of a breaker's state, as this process saw them",
    ["provider", "state"],
)
knowledge_seconds = Histogram("callwright_knowledge_seconds", "Time of a search", ["part"], buckets=names.HTTP_BUCKETS)
knowledge_results_total = Counter("callwright_knowledge_results_total", "Searches by result", ["result"])
ws_closed_total = Counter("callwright_ws_closed_total", "Sockets closed, by our side's code", ["path", "code"])
frames_rejected_total = Counter("callwright_frames_rejected_total", "Frames from Twilio that broke a rule", ["reason"])
build_info = Gauge("callwright_build_info", "Always 1; the labels say what runs", ["version", "room"])
model_tokens_total = Counter(
    "callwright_model_tokens_total",
    "Tokens by kind: input, cached, cache_write, output; estimated for cancelled answers",
    ["model", "kind"],
)
outputs_blocked_total = Counter(
    "callwright_outputs_blocked_total", "Sentences of a model that were not spoken, by the rule they broke", ["rule"]
)
log_lines_lost_total = Counter("callwright_log_lines_lost_total", "Lines that standard output did not take")
disk_free_bytes = Gauge(
    "callwright_disk_free_bytes", "Room left where this process writes, and where it was told to look", ["directory"]
)
