"""Whom the platform calls: a pure answer to toll fraud (security guide, section 7.8).

Countries are allowed, never calling codes: the Caribbean islands of +1 cost ten times what a call to New York costs.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType


class Refusal(StrEnum):
    """Why a number is not called."""

    NOT_A_NUMBER = "not_a_number"
    OWN_NUMBER = "own_number"
    """It would ring an assistant."""
    COUNTRY = "country"
    COSTLY = "costly"
    """Premium, shared cost, personal, universal access, voicemail, pager, satellite."""


_COSTLY = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
        PhoneNumberType.PAGER,
    }
)
_WORLD = "001"
"""What satellites and international services have for a country; some of them pass for mobile numbers."""

EXPLAINED = {
    Refusal.NOT_A_NUMBER: "is not a telephone number that can be called",
    Refusal.OWN_NUMBER: "is answered by an assistant of this deployment",
    Refusal.COUNTRY: "is in a country that may not be called: see OUTBOUND_COUNTRIES",
    Refusal.COSTLY: "is a premium, shared-cost, personal or satellite number",
}


def refusal_of(to_number: str, from_number: str, countries: Collection[str], own: Collection[str]) -> Refusal | None:
    """Why `to_number` may not be called, or None.

    Both are E.164; no `countries` means only the country of `from_number`; `own` are numbers that agents answer.
    """
    if to_number in own:
        return Refusal.OWN_NUMBER
    try:
        number = phonenumbers.parse(to_number)
    except phonenumbers.NumberParseException:
        return Refusal.NOT_A_NUMBER
    country = phonenumbers.region_code_for_number(number)
    if country == _WORLD or phonenumbers.number_type(number) in _COSTLY:
        return Refusal.COSTLY
    if country is None or not phonenumbers.is_valid_number(number):
        return Refusal.NOT_A_NUMBER
    home = phonenumbers.region_code_for_number(phonenumbers.parse(from_number))
    return None if country in (countries or (home,)) else Refusal.COUNTRY
