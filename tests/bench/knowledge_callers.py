"""Questions to the sample company in callers' words: with the article that answers each, and such as none answers."""

from __future__ import annotations

from pathlib import Path

ARTICLES = Path(__file__).resolve().parents[2] / "lab" / "sample" / "articles"

ANSWERED: tuple[tuple[str, str], ...] = (
    ("my internet box is stuck how can I reboot it", "restart-router"),
    ("the internet is down what should I do first", "restart-router"),
    ("how do I turn the modem off and on again", "restart-router"),
    ("can I reset the router without losing my wifi password", "restart-router"),
    ("there's an orange light on my router", "orange-light"),
    ("the little lamp on the box is amber and it won't go away", "orange-light"),
    ("what does the red light mean", "orange-light"),
    ("my wifi is really slow in the bedroom", "slow-wifi"),
    ("netflix keeps buffering on my tv", "slow-wifi"),
    ("how can I get a better signal upstairs", "slow-wifi"),
    ("can I pay on a different day of the month", "change-billing-date"),
    ("I'd like to move my payment date to the fifteenth", "change-billing-date"),
    ("I want to leave Fernway how do I end my contract", "cancel-contract"),
    ("how much does it cost to cancel early", "cancel-contract"),
    ("do I have to give the router back when I quit", "cancel-contract"),
    ("I'm moving to a new apartment next month", "move-house"),
    ("what happens with my internet when I move house", "move-house"),
    ("we had no internet for three days can I get money back", "refund-after-outage"),
    ("do I get compensation for the outage", "refund-after-outage"),
    ("how long until the credit shows up on my bill", "refund-after-outage"),
    ("how can I stop my kids from being online at night", "parental-controls"),
    ("can you block adult websites for my son", "parental-controls"),
    ("why is there an extra seven fifty on my bill", "late-fee"),
    ("I forgot to pay my bill what happens now", "late-fee"),
    ("I can't afford to pay this month", "late-fee"),
    ("I'd rather get my invoice in the mail", "paper-bill"),
    ("can I have bills on paper", "paper-bill"),
    ("the technician is coming tomorrow but I won't be home", "reschedule-engineer-visit"),
    ("I need to change the appointment with the engineer", "reschedule-engineer-visit"),
    ("your engineer never showed up", "reschedule-engineer-visit"),
    ("I just got a new router how do I install it", "set-up-router"),
    ("how do I connect the router for the first time", "set-up-router"),
    ("I forgot my wifi password", "change-wifi-password"),
    ("how do I change the name of my network", "change-wifi-password"),
    ("when are you open", "contact-hours"),
    ("can I talk to a real person", "contact-hours"),
    ("what is your email address", "contact-hours"),
)

UNANSWERED: tuple[str, ...] = (
    "how do I get a static IP address for my business",
    "do you offer television packages",
    "can I port my phone number to you",
    "do you sell mobile phones",
    "how do I set up a VPN on my laptop",
    "what plans do you have and what do they cost",
    "is there a discount for students",
    "can I use my own modem instead of yours",
    "how do I set up email forwarding",
    "do you support IPv6",
    "can I get a second line for my office",
    "my printer does not print",
    "how do I bake a chocolate cake",
    "what's the weather tomorrow",
    "who won the football game last night",
    "tell me a joke",
    "I'd like to book a flight to Paris",
    "what is the capital of Mongolia",
    "my cat is sick",
    "can you recommend a good restaurant",
    "how do I open a bank account",
    "what is your return policy for shoes",
    "is my laptop still under warranty",
    "how do I uninstall windows",
    "hello",
    "thank you goodbye",
)


def sample_files() -> list[tuple[str, bytes]]:
    """The sample company's public articles in English."""
    texts = {path.name: path.read_bytes() for path in sorted(ARTICLES.glob("*.md"))}
    hidden = (b"status: DRAFT", b"visibility: AGENTS")
    english = ((name, data) for name, data in texts.items() if b"\nlocale: en" in data)
    return [(name, data) for name, data in english if not any(mark in data for mark in hidden)]
