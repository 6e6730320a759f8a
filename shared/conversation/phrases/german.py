"""German, to a caller whom we address formally."""

from __future__ import annotations

from collections.abc import Mapping

from shared.conversation.phrases.keys import Phrase

PHRASES: Mapping[Phrase, tuple[str, ...]] = {
    Phrase.NOTICE: ("Ich bin ein KI-Assistent.",),
    Phrase.NOTICE_AGAIN: ("Nur damit Sie es wissen: Ich bin ein KI-Assistent.",),
    Phrase.RECORDED: ("Dieses Gespräch wird aufgezeichnet.",),
    Phrase.REACH_PERSON: ("Wenn Sie mit einem Menschen sprechen möchten, sagen Sie es einfach jederzeit.",),
    Phrase.REACH_CALL_BACK: ("Wenn Sie lieber zurückgerufen werden möchten, sagen Sie es einfach jederzeit.",),
    Phrase.HOW_CAN_I_HELP: (
        "Wie kann ich Ihnen helfen?",
        "Was kann ich für Sie tun?",
        "Bitte sagen Sie mir in einem Satz, wobei Sie Hilfe brauchen.",
    ),
    Phrase.WE_CALL: ("Guten Tag, ich bin {name}, der KI-Assistent von {company}.",),
    Phrase.RESUMED: ("Entschuldigung, wir waren kurz unterbrochen.",),
    Phrase.CLARIFY: (
        "Gern helfe ich Ihnen. Worum geht es, und was passiert genau?",
        "Damit ich das Richtige finde: Um welches Produkt oder welchen Dienst geht es, und was möchten Sie tun?",
    ),
    Phrase.SAY_AGAIN: (
        "Entschuldigung, das habe ich nicht ganz verstanden. Können Sie es anders sagen?",
        "Ich verstehe Sie leider nicht gut. Können Sie es in einem kurzen Satz sagen?",
    ),
    Phrase.CANNOT_UNDERSTAND: ("Es tut mir leid, ich verstehe nicht, was Sie brauchen.",),
    Phrase.ANYTHING_ELSE: (
        "Kann ich sonst noch etwas für Sie tun?",
        "Sonst noch etwas?",
        "Was kann ich noch für Sie tun?",
    ),
    Phrase.GO_AHEAD: ("Gern, bitte.",),
    Phrase.WELCOME: ("Gern geschehen.",),
    Phrase.FOUND_UNDER: ("Das habe ich unter {title} gefunden.",),
    Phrase.NOT_FOUND: (
        "Dazu habe ich in unseren Hilfeartikeln nichts gefunden.",
        "Auch dazu habe ich nichts gefunden.",
    ),
    Phrase.LOOK_UP_FAILED: ("Es tut mir leid, ich kann das gerade nicht nachsehen.",),
    Phrase.BROKEN_OFF: ("Es tut mir leid, ich kann das gerade nicht zu Ende erklären.",),
    Phrase.NOT_HELPED: ("Es tut mir leid, dass das nicht geholfen hat.",),
    Phrase.CANNOT_DO: ("Das kann ich nicht selbst für Sie erledigen.",),
    Phrase.PROMISE_FOLLOW_UP: (
        "Ich eröffne ein Ticket, und jemand aus unserem Team kümmert sich darum und meldet sich bei Ihnen.",
    ),
    Phrase.PROMISE_ADDED: ("Ich nehme es in Ihr Ticket auf, damit unser Team sich auch darum kümmert.",),
    Phrase.PROMISE_CALL_BACK: ("Ich eröffne ein Ticket und bitte unser Team, Sie zurückzurufen.",),
    Phrase.ALREADY_CALL_BACK: ("Ich habe notiert, dass unser Team Sie zurückruft.",),
    Phrase.NO_PERSON: ("Es tut mir leid, ich kann Sie gerade mit niemandem verbinden.",),
    Phrase.TRANSFER: ("Gern. Ich verbinde Sie jetzt mit jemandem aus unserem Team. Einen Moment, bitte.",),
    Phrase.IN_THIS_LANGUAGE: ("Gern, sprechen wir Deutsch.",),
    Phrase.NOT_THAT_LANGUAGE: ("Es tut mir leid, diese Sprache spreche ich nicht.",),
    Phrase.YES_AI: ("Ja, ich bin ein KI-Assistent und kein Mensch.",),
    Phrase.WHO: ("Ich bin {name}, der KI-Assistent von {company}.",),
    Phrase.OPT_OUT_ASK: ("Soll ich notieren, dass wir diese Nummer nie wieder anrufen?",),
    Phrase.OPT_OUT_NOTED: ("Ich habe es notiert. Wir rufen diese Nummer nicht mehr an.",),
    Phrase.OPT_OUT_KEPT: ("In Ordnung, dann lasse ich das, wie es ist.",),
    Phrase.HEAR_YOU: ("Ja, ich höre Sie.",),
    Phrase.TAKE_YOUR_TIME: ("Natürlich, lassen Sie sich Zeit.",),
    Phrase.STILL_HERE: ("Ich bin noch da. Sagen Sie einfach, wenn Sie so weit sind.",),
    Phrase.STILL_THERE: (
        "Sind Sie noch da?",
        "Ich kann Sie nicht hören. Wenn Sie da sind, sagen Sie bitte etwas.",
    ),
    Phrase.SILENT_GOODBYE: (
        "Ich höre leider immer noch nichts, deshalb beende ich das Gespräch. Rufen Sie jederzeit an. Auf Wiederhören.",
    ),
    Phrase.ASK_EMAIL: (
        "Unter welcher E-Mail-Adresse können wir Sie erreichen?",
        "Können Sie mir Ihre E-Mail-Adresse buchstabieren, Buchstabe für Buchstabe?",
        "Versuchen wir es noch einmal. Bitte langsam, zum Beispiel: A wie Anton, B wie Berta, at, gmail Punkt com.",
    ),
    Phrase.BEFORE_WE_FINISH: ("Noch eine Sache.",),
    Phrase.BACK_TO_EMAIL: ("Nun zurück zu meiner Frage.",),
    Phrase.WHY_EMAIL: (
        "Wir brauchen sie nur, um uns wegen dieses Anrufs bei Ihnen zu melden, und Sie müssen sie nicht angeben.",
    ),
    Phrase.GO_ON: ("Ja, weiter bitte.", "Ich höre zu.", "Und der Rest?"),
    Phrase.EMAIL_IMPOSSIBLE: (
        "Das kann keine ganze E-Mail-Adresse sein. Sie braucht einen Namen, dann at, dann etwas wie gmail Punkt com.",
    ),
    Phrase.READ_EMAIL: ("Ich habe {address} verstanden.", "Jetzt habe ich {address}."),
    Phrase.SPELL_EMAIL: ("Das ist {letters}.",),
    Phrase.EMAIL_RIGHT: ("Ist das richtig?", "Stimmt es jetzt?"),
    Phrase.EMAIL_WRONG: ("Entschuldigung.",),
    Phrase.EMAIL_NOTED: ("Danke, ich habe sie notiert.",),
    Phrase.EMAIL_SKIPPED: ("In Ordnung, es geht auch ohne.",),
    Phrase.EMAIL_GIVEN_UP: ("Ich bekomme die Adresse nicht ganz zusammen, deshalb machen wir ohne sie weiter.",),
    Phrase.RECAP_FOLLOW_UP: ("Jemand aus unserem Team meldet sich wegen Ihrer Frage bei Ihnen.",),
    Phrase.RECAP_CALL_BACK: ("Jemand aus unserem Team ruft Sie zurück.",),
    Phrase.GOODBYE: ("Danke für Ihren Anruf. Auf Wiederhören!", "Danke für Ihre Zeit. Auf Wiederhören!"),
    Phrase.TIME_WARNING: ("Nur zur Information: Wir haben noch etwa fünf Minuten für dieses Gespräch.",),
    Phrase.TIME_UP: (
        "Es tut mir leid, wir haben die längste Dauer für ein Gespräch erreicht, deshalb muss ich es hier beenden.",
    ),
    Phrase.LOOKING_UP: (
        "Ich sehe kurz nach.",
        "Mal sehen, was ich finde.",
        "Einen Moment, ich schaue nach.",
        "Das suche ich Ihnen heraus.",
    ),
    Phrase.CHECKING: (
        "Das prüfe ich kurz.",
        "Einen Moment, ich prüfe das.",
        "Das schaue ich eben nach.",
        "Ich werfe kurz einen Blick darauf.",
    ),
    Phrase.THINKING: ("Mal sehen.", "Einen Moment.", "Lassen Sie mich überlegen.", "Eine Sekunde."),
    Phrase.STILL_LOOKING: ("Ich suche noch.", "Noch einen Augenblick.", "Ich bin noch dabei, einen Moment bitte."),
    Phrase.APOLOGY: ("Entschuldigung, bei mir ist etwas schiefgegangen. Können Sie das noch einmal sagen?",),
}
