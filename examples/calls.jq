# Calls exported from a call centre, a row each, into events:
#
#   onpace import calls.csv --map examples/calls.jq --arg zone_offset=+01:00
#
# Columns, with `;` between: Call Id, Agent, Date (31.12.2021), Time (a fraction of the day), Topic, Answered (Y/N), Resolved,
# Speed of answer in seconds, AvgTalkDuration (`12:02:23 AM`, meaning 00:02:23), Satisfaction rating; the rest is passed over.
#
# - The file says no time zone. Its times are taken for UTC unless you say where the clocks hung: --arg zone_offset=-05:00.
#   The same row always makes the same event: importing it again with the same offset changes nothing.
# - The file does not say who called whom. The direction is left out, which counts as outbound, so that answered calls are
#   connected calls. If they are customers calling in, say so, and they count as calls received: --arg direction=inbound
# - The talk is what AvgTalkDuration says, without the ringing before it (Speed of answer in seconds).

def two: tostring | if length < 2 then "0" + . else . end;

def day:
  split(".")
  | if length == 3 and (map(test("^[0-9]+$")) | all) and (.[2] | length) == 4 then "\(.[2])-\(.[1] | two)-\(.[0] | two)"
    else error("Date `\(join("."))` is not written as 31.12.2021") end;

# A fraction of the day, to the second.
def clock:
  (try (tonumber * 86400 + 0.5 | floor) catch -1) as $seconds
  | if $seconds < 0 or $seconds >= 86400 then error("Time `\(.)` is not a fraction of a day, 0 to 0.99999")
    else [$seconds / 3600, $seconds % 3600 / 60, $seconds % 60] | map(floor | two) | join(":") end;

# A duration shown as if it were a time of the day: past midnight, so the hour 12 AM is none.
def seconds:
  ([capture("^(?<h>[0-9]{1,2}):(?<m>[0-9]{2}):(?<s>[0-9]{2}) (?<half>AM|PM)$")] | first) as $shown
  | if $shown then
      ($shown.h | tonumber % 12) * 3600 + (if $shown.half == "PM" then 43200 else 0 end) + ($shown.m | tonumber) * 60 + ($shown.s | tonumber)
    else error("AvgTalkDuration `\(.)` is not written as 12:02:23 AM") end;

(.Date | day) as $day
| (.Time | clock) as $clock
| "\($day)T\($clock)\($ARGS.named.zone_offset // "Z")" as $started_at
| {
    id: .["Call Id"],
    source: "import:\($file)",
    kind: "call",
    entity: "calls:\(.["Call Id"])",
    occurred_at: $started_at,
    data: (
      {
        rep: .Agent,
        purpose: "service",
        started_at: $started_at,
        outcome: (if .["Answered (Y/N)"] == "Y" then "connected" elif .["Answered (Y/N)"] == "N" then "no_answer"
                  else error("Answered (Y/N) is `\(.["Answered (Y/N)"])`, neither Y nor N") end),
      }
      + (if .AvgTalkDuration != "" then {duration_s: (.AvgTalkDuration | seconds)} else {} end)
      + (if $ARGS.named.direction then {direction: $ARGS.named.direction} else {} end)
    ),
  }
