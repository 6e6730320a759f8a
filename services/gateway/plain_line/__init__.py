"""A conversation without a voice process: Twilio hears and speaks by `<Gather>` and `<Say>`, rules and articles answer.

A request's road: `line.py` reads what is kept (`record.py`), answers (`talk.py`), keeps that, and writes it as TwiML
(`document.py`).
"""
