"""Places a scenario's call on a phone network."""

from __future__ import annotations

from lab.caller.caller import SimulatedCaller
from lab.caller.scenario import Scenario
from lab.twilio.call import Call
from lab.twilio.faults import Faults
from lab.twilio.network import PhoneNetwork
from lab.twilio.records import CallRecord


def start(
    network: PhoneNetwork,
    scenario: Scenario,
    to_number: str | None = None,
    faults: Faults | None = None,
    speed: float | None = None,
) -> Call:
    """Dial, and return while it rings. Raises NoSuchNumber."""
    caller = SimulatedCaller(scenario)
    return network.call_in(
        scenario.persona.number, caller, to_number, scenario=scenario.name, faults=faults, speed=speed
    )


async def place(
    network: PhoneNetwork, scenario: Scenario, to_number: str | None = None, faults: Faults | None = None
) -> CallRecord:
    """Dial and wait until everything about the call is over. Raises NoSuchNumber."""
    call = start(network, scenario, to_number, faults)
    await call.over.wait()
    return call.record
