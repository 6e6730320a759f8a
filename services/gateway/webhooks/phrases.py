"""What a caller hears from us when no voice process speaks: short, fixed sentences, read by Twilio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language's sentences, and the name Twilio has for the language."""

    code: str
    voice: str
    """Twilio's name for a voice of that language: without one a legacy voice speaks, or whatever the account has."""
    trouble: str
    connecting: str
    """Before ringing a person."""
    nobody_free: str
    will_call_back: str
    please_call_again: str
    not_in_service: str
    recorded: str
    """Before a recording of the call begins."""
    leave_message: str
    message_taken: str
    we_called: str
    """{company}; to an answering machine."""
    goodbye: str
    caller_waits: str
    """{company}; to the person who is rung."""
    it_is_about: str
    press_to_take: str
    one_moment: str
    lines_busy: str
    please_hold: str
    still_busy: str
    """To a caller who has waited already."""
    called_too_often: str
    """To a caller whose number has called too often within a minute."""
    press_for_call_back: str
    press_for_message: str


_ENGLISH = Phrases(
    code="en-US",
    voice="Polly.Joanna-Neural",
    trouble="I am sorry, we have a technical problem.",
    connecting="One moment please, I am putting you through to a colleague.",
    nobody_free="I am sorry, nobody is free to take your call right now.",
    will_call_back="We will call you back as soon as we can. Goodbye.",
    please_call_again="Please call us again a little later. Goodbye.",
    not_in_service="I am sorry, this number is not in service. Goodbye.",
    recorded="This call is recorded.",
    leave_message="Please leave a message after the tone. Press the hash key when you are done.",
    message_taken="Thank you, we have your message.",
    we_called="Hello, this is the AI assistant of {company}.",
    goodbye="Goodbye.",
    caller_waits="A caller of {company} would like to talk to you.",
    it_is_about="It is about:",
    press_to_take="Press 1 to take the call, or 2 to decline.",
    one_moment="One moment, please.",
    lines_busy="I am sorry, all our lines are busy at the moment.",
    please_hold="Please stay on the line, you will be served as soon as one is free.",
    still_busy="Thank you for waiting. All our lines are still busy.",
    called_too_often="We have had many calls from your number within a short time.",
    press_for_call_back="To be called back instead, press 1.",
    press_for_message="To leave a message, press 2.",
)

_BY_LANGUAGE = {
    "en": _ENGLISH,
    "de": Phrases(
        code="de-DE",
        voice="Polly.Vicki-Neural",
        trouble="Es tut mir leid, wir haben ein technisches Problem.",
        connecting="Einen Moment bitte, ich verbinde Sie mit einer Kollegin oder einem Kollegen.",
        nobody_free="Es tut mir leid, im Augenblick ist niemand frei.",
        will_call_back="Wir rufen Sie so bald wie möglich zurück. Auf Wiederhören.",
        please_call_again="Bitte rufen Sie etwas später noch einmal an. Auf Wiederhören.",
        not_in_service="Es tut mir leid, diese Nummer ist nicht vergeben. Auf Wiederhören.",
        recorded="Dieses Gespräch wird aufgezeichnet.",
        leave_message="Bitte hinterlassen Sie nach dem Ton eine Nachricht und drücken Sie danach die Rautetaste.",
        message_taken="Vielen Dank, wir haben Ihre Nachricht.",
        we_called="Guten Tag, hier ist die KI-Assistenz von {company}.",
        goodbye="Auf Wiederhören.",
        caller_waits="Jemand ruft bei {company} an und möchte mit Ihnen sprechen.",
        it_is_about="Es geht um:",
        press_to_take="Drücken Sie die 1, um das Gespräch anzunehmen, oder die 2, um abzulehnen.",
        one_moment="Einen Moment, bitte.",
        lines_busy="Es tut mir leid, im Augenblick sind alle Leitungen besetzt.",
        please_hold="Bitte bleiben Sie am Apparat, Sie kommen an die Reihe, sobald eine frei wird.",
        still_busy="Danke, dass Sie warten. Noch sind alle Leitungen besetzt.",
        called_too_often="Wir haben in kurzer Zeit viele Anrufe von Ihrer Nummer erhalten.",
        press_for_call_back="Für einen Rückruf drücken Sie die 1.",
        press_for_message="Um eine Nachricht zu hinterlassen, drücken Sie die 2.",
    ),
    "es": Phrases(
        code="es-ES",
        voice="Polly.Lucia-Neural",
        trouble="Lo siento, tenemos un problema técnico.",
        connecting="Un momento, por favor, le paso con una persona de nuestro equipo.",
        nobody_free="Lo siento, en este momento no hay nadie disponible.",
        will_call_back="Le devolveremos la llamada lo antes posible. Adiós.",
        please_call_again="Por favor, llámenos de nuevo un poco más tarde. Adiós.",
        not_in_service="Lo siento, este número no está en servicio. Adiós.",
        recorded="Esta llamada se graba.",
        leave_message="Por favor, deje un mensaje después de la señal y pulse almohadilla al terminar.",
        message_taken="Gracias, tenemos su mensaje.",
        we_called="Hola, le llama el asistente de inteligencia artificial de {company}.",
        goodbye="Adiós.",
        caller_waits="Alguien que llama a {company} quiere hablar con usted.",
        it_is_about="Se trata de:",
        press_to_take="Pulse 1 para aceptar la llamada o 2 para rechazarla.",
        one_moment="Un momento, por favor.",
        lines_busy="Lo siento, en este momento todas las líneas están ocupadas.",
        please_hold="Por favor, no cuelgue, le atenderemos en cuanto quede una libre.",
        still_busy="Gracias por esperar. Todas las líneas siguen ocupadas.",
        called_too_often="Hemos recibido muchas llamadas desde su número en poco tiempo.",
        press_for_call_back="Para que le devolvamos la llamada, pulse 1.",
        press_for_message="Para dejar un mensaje, pulse 2.",
    ),
    "fr": Phrases(
        code="fr-FR",
        voice="Polly.Lea-Neural",
        trouble="Je suis désolé, nous avons un problème technique.",
        connecting="Un instant, s'il vous plaît, je vous mets en relation avec un collègue.",
        nobody_free="Je suis désolé, personne n'est disponible pour le moment.",
        will_call_back="Nous vous rappellerons dès que possible. Au revoir.",
        please_call_again="Merci de nous rappeler un peu plus tard. Au revoir.",
        not_in_service="Je suis désolé, ce numéro n'est pas en service. Au revoir.",
        recorded="Cet appel est enregistré.",
        leave_message="Veuillez laisser un message après le signal, puis appuyez sur la touche dièse.",
        message_taken="Merci, nous avons bien reçu votre message.",
        we_called="Bonjour, ici l'assistant d'intelligence artificielle de {company}.",
        goodbye="Au revoir.",
        caller_waits="Une personne appelle {company} et souhaite vous parler.",
        it_is_about="C'est au sujet de :",
        press_to_take="Appuyez sur 1 pour prendre l'appel, ou sur 2 pour le refuser.",
        one_moment="Un instant, s'il vous plaît.",
        lines_busy="Je suis désolé, toutes nos lignes sont occupées pour le moment.",
        please_hold="Veuillez rester en ligne, nous vous répondrons dès que l'une d'elles sera libre.",
        still_busy="Merci de patienter. Toutes nos lignes sont encore occupées.",
        called_too_often="Nous avons reçu beaucoup d'appels de votre numéro en peu de temps.",
        press_for_call_back="Pour être rappelé, appuyez sur 1.",
        press_for_message="Pour laisser un message, appuyez sur 2.",
    ),
    "nl": Phrases(
        code="nl-NL",
        voice="Polly.Laura-Neural",
        trouble="Het spijt me, we hebben een technisch probleem.",
        connecting="Een ogenblik alstublieft, ik verbind u door met een collega.",
        nobody_free="Het spijt me, er is op dit moment niemand vrij.",
        will_call_back="We bellen u zo snel mogelijk terug. Tot ziens.",
        please_call_again="Belt u ons alstublieft iets later nog eens. Tot ziens.",
        not_in_service="Het spijt me, dit nummer is niet in gebruik. Tot ziens.",
        recorded="Dit gesprek wordt opgenomen.",
        leave_message="Spreek na de toon een bericht in en druk daarna op hekje.",
        message_taken="Dank u, we hebben uw bericht.",
        we_called="Hallo, dit is de AI-assistent van {company}.",
        goodbye="Tot ziens.",
        caller_waits="Iemand belt met {company} en wil u graag spreken.",
        it_is_about="Het gaat over:",
        press_to_take="Druk op 1 om het gesprek aan te nemen, of op 2 om te weigeren.",
        one_moment="Een ogenblik, alstublieft.",
        lines_busy="Het spijt me, op dit moment zijn al onze lijnen bezet.",
        please_hold="Blijft u alstublieft aan de lijn, u wordt geholpen zodra er een vrij is.",
        still_busy="Dank u voor het wachten. Al onze lijnen zijn nog bezet.",
        called_too_often="Wij hebben in korte tijd veel oproepen van uw nummer gekregen.",
        press_for_call_back="Toets 1 als u liever wordt teruggebeld.",
        press_for_message="Toets 2 om een bericht in te spreken.",
    ),
}


def phrases_for(language: str) -> Phrases:
    """The sentences in a BCP 47 language; English where we have none."""
    return _BY_LANGUAGE.get(language.partition("-")[0].lower(), _ENGLISH)
