"""What is known about domains: providers people name without a dot, and where a spelled domain ends."""

from __future__ import annotations

from shared.conversation.tables import words

PROVIDERS = {
    "gmail": "gmail.com",
    "googlemail": "googlemail.com",
    "hotmail": "hotmail.com",
    "outlook": "outlook.com",
    "yahoo": "yahoo.com",
    "icloud": "icloud.com",
    "aol": "aol.com",
    "msn": "msn.com",
    "protonmail": "protonmail.com",
    "fastmail": "fastmail.com",
    "comcast": "comcast.net",
    "verizon": "verizon.net",
    "btinternet": "btinternet.com",
}
"""A provider's name, said alone, and the domain it stands for."""

TOP_LEVEL = words(
    "com net org edu gov mil int info biz name pro io ai co app dev me tv cc xyz online shop store site tech cloud "
    "email "
    "support group agency studio design digital company solutions services systems network academy education institute "
    "foundation health care clinic legal consulting media news blog page link world global international london berlin "
    "paris nyc travel hotel restaurant bank finance insurance museum mobi coop at au be br ca ch cl cn cz de dk ee "
    "es eu "
    "fi fr gr hk hr hu ie il in is it jp kr li lt lu lv mx my nl no nz pe ph pl pt ro rs ru se sg si sk th tr tw "
    "ua uk us "
    "uy ve vn za"
)
"""Enough to see where a domain ends; others are taken as they are said."""

SECOND_LEVEL = words("co com org net ac gov edu ltd plc me sch nhs gob asn id")
COUNTRIES = words("uk au nz za in jp br mx ar il kr tr sg my hk tw th ph id pe co ke ng gh pk bd ua pl es pt at")
"""`co dot uk` is often said without its second dot."""
