"""What a caller hears from us when no voice process speaks: short, fixed sentences, read by Twilio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences, and the name Twilio has for the language."""

    code: str
    trouble: str
    connecting: str
    """Before ringing a person."""
    nobody_free: str
    will_call_back: str
    please_call_again: str
    not_in_service: str


_ENGLISH = Phrases(
    code="en-US",
    trouble="I am sorry, we have a technical problem.",
    connecting="One moment please, I am putting you through to a colleague.",
    nobody_free="I am sorry, nobody is free to take your call right now.",
    will_call_back="We will call you back as soon as we can. Goodbye.",
    please_call_again="Please call us again a little later. Goodbye.",
    not_in_service="I am sorry, this number is not in service. Goodbye.",
)

_BY_LANGUAGE = {
    "en": _ENGLISH,
    "de": Phrases(
        code="de-DE",
        trouble="Es tut mir leid, wir haben ein technisches Problem.",
        connecting="Einen Moment bitte, ich verbinde Sie mit einer Kollegin oder einem Kollegen.",
        nobody_free="Es tut mir leid, im Augenblick ist niemand frei.",
        will_call_back="Wir rufen Sie so bald wie möglich zurück. Auf Wiederhören.",
        please_call_again="Bitte rufen Sie etwas später noch einmal an. Auf Wiederhören.",
        not_in_service="Es tut mir leid, diese Nummer ist nicht vergeben. Auf Wiederhören.",
    ),
    "es": Phrases(
        code="es-ES",
        trouble="Lo siento, tenemos un problema técnico.",
        connecting="Un momento, por favor, le paso con una persona de nuestro equipo.",
        nobody_free="Lo siento, en este momento no hay nadie disponible.",
        will_call_back="Le devolveremos la llamada lo antes posible. Adiós.",
        please_call_again="Por favor, llámenos de nuevo un poco más tarde. Adiós.",
        not_in_service="Lo siento, este número no está en servicio. Adiós.",
    ),
    "fr": Phrases(
        code="fr-FR",
        trouble="Je suis désolé, nous avons un problème technique.",
        connecting="Un instant, s'il vous plaît, je vous mets en relation avec un collègue.",
        nobody_free="Je suis désolé, personne n'est disponible pour le moment.",
        will_call_back="Nous vous rappellerons dès que possible. Au revoir.",
        please_call_again="Merci de nous rappeler un peu plus tard. Au revoir.",
        not_in_service="Je suis désolé, ce numéro n'est pas en service. Au revoir.",
    ),
    "nl": Phrases(
        code="nl-NL",
        trouble="Het spijt me, we hebben een technisch probleem.",
        connecting="Een ogenblik alstublieft, ik verbind u door met een collega.",
        nobody_free="Het spijt me, er is op dit moment niemand vrij.",
        will_call_back="We bellen u zo snel mogelijk terug. Tot ziens.",
        please_call_again="Belt u ons alstublieft iets later nog eens. Tot ziens.",
        not_in_service="Het spijt me, dit nummer is niet in gebruik. Tot ziens.",
    ),
}


def phrases_for(language: str) -> Phrases:
    """The sentences in a BCP 47 language; English where we have none."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _ENGLISH)
