"""Form posts of the protocol reference, section 9.6, as far as they concern calls: bodies as Twilio sends them."""

from __future__ import annotations

BODIES = {
    "G1": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=ringing&Called=%2B18005550101&CalledCity="
    "&CalledCountry=US&CalledState=CA&CalledZip=&Caller=%2B18005550100&CallerCity=SAN+FRANCISCO&CallerCountry=US"
    "&CallerState=CA&CallerZip=94105&Direction=inbound&From=%2B18005550100&FromCity=SAN+FRANCISCO&FromCountry=US"
    "&FromState=CA&FromZip=94105&To=%2B18005550101&ToCity=&ToCountry=US&ToState=CA&ToZip=",
    "G2": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=ringing&Called=%2B18005550101&Caller=%2B18005550100"
    "&Direction=inbound&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fexample.com%2Fvoice%2Fincoming&From=%2B18005550100"
    "&To=%2B18005550101",
    "G3": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&Called=%2B18005550101&Caller=%2B18005550100"
    "&Confidence=0.91&Direction=inbound&From=%2B18005550100&SpeechResult=I+want+to+talk+to+a+person"
    "&To=%2B18005550101",
    "G4": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&Called=%2B18005550101&Caller=%2B18005550100"
    "&Digits=1234&Direction=inbound&From=%2B18005550100&To=%2B18005550101",
    "G5": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&CallbackSource=call-progress-events"
    "&Called=%2B18005550101&Caller=%2B18005550100&Direction=outbound-api&From=%2B18005550100&SequenceNumber=2"
    "&Timestamp=Fri%2C+20+Nov+2026+08%3A23%3A41+%2B0000&To=%2B18005550101",
    "G6": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&CallDuration=82"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=completed&CallbackSource=call-progress-events"
    "&Called=%2B18005550101&Caller=%2B18005550100&Direction=outbound-api&Duration=2&From=%2B18005550100"
    "&SequenceNumber=3&SipResponseCode=200&Timestamp=Fri%2C+20+Nov+2026+08%3A25%3A03+%2B0000&To=%2B18005550101",
    "G7": "AccountSid=AC00000000000000000000000000000000&AnsweredBy=machine_start"
    "&CallSid=CA00000000000000000000000000000000&MachineDetectionDuration=4120",
    "G9": "AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&Called=%2B18005550101&Caller=%2B18005550100"
    "&DialBridged=false&DialCallSid=CA11111111111111111111111111111111&DialCallStatus=no-answer&Direction=inbound"
    "&From=%2B18005550100&To=%2B18005550101",
    "G10": "AccountSid=AC00000000000000000000000000000000&CallSid=CA00000000000000000000000000000000"
    "&StreamError=Stream+-+WebSocket+-+Close+Error&StreamEvent=stream-error"
    "&StreamName=MZ00000000000000000000000000000000&StreamSid=MZ00000000000000000000000000000000"
    "&Timestamp=2026-11-20T08%3A24%3A10.000Z",
    "G11": "AccountSid=AC00000000000000000000000000000000&ApplicationSid=AP00000000000000000000000000000000"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&Direction=inbound&From=client%3Acaller"
    "&HandoffData=%7B%22reason%22%3A+%22The+caller+requested+to+talk+to+a+real+person%22%7D&SessionDuration=25"
    "&SessionId=VX00000000000000000000000000000000&SessionStatus=ended&To=test%3Aconversationrelay",
    "G12": "AccountSid=AC00000000000000000000000000000000&ApplicationSid=AP00000000000000000000000000000000"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=in-progress&Direction=inbound&ErrorCode=39001"
    "&ErrorMessage=Network+connection+to+WebSocket+server+failed.&From=client%3Acaller&SessionDuration=10"
    "&SessionId=VX00000000000000000000000000000000&SessionStatus=failed&To=test%3Aconversationrelay",
    "G13": "AccountSid=AC00000000000000000000000000000000&ApplicationSid=AP00000000000000000000000000000000"
    "&CallSid=CA00000000000000000000000000000000&CallStatus=completed&Direction=inbound&From=client%3Acaller"
    "&SessionDuration=35&SessionId=VX00000000000000000000000000000000&SessionStatus=completed"
    "&To=test%3Aconversationrelay",
}
CALL_SID = "CA00000000000000000000000000000000"
