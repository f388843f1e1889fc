# Calls exported from a call centre, a row each, into events:
#
#   onpace import calls.csv --map examples/calls.jq --arg zone=Europe/Paris
#
# Columns, with `;` between: Call Id, Agent, Date (31.12.2021), Time (a fraction of the day), Topic, Answered (Y/N), Resolved,
# Speed of answer in seconds, AvgTalkDuration (`12:02:23 AM`, meaning 00:02:23), Satisfaction rating; the rest is passed over.
#
# - All is said `always`: a later export of the same calls replaces it (docs/importing.md, Exports are snapshots).
# - The file says no time zone. Its times are taken for UTC unless you say where the clocks hung: --arg zone=America/New_York
#   The same row always makes the same event: importing it again with the same zone changes nothing.
# - The file does not say who called whom. The direction is left out, which counts as outbound, so that answered calls are
#   connected calls. If they are customers calling in, say so, and they count as calls received: --arg direction=inbound
# - The talk is what AvgTalkDuration says, without the ringing before it (Speed of answer in seconds).

{
  id: "\(.["Call Id"])@\($as_of)",
  source: "call_centre",
  kind: "call",
  entity: "calls:\(.["Call Id"] | required)",
  occurred_at: always,
  data: {
    rep: (.Agent | tidy),
    purpose: "service",
    started_at: ("\(.Date | required | day_first)T\(.Time | required | day_fraction)" | in_zone($ARGS.named.zone // "UTC")),
    outcome: (.["Answered (Y/N)"] | required | among({"Y": "connected", "N": "no_answer"})),
    duration_s: (.AvgTalkDuration | duration),
    direction: $ARGS.named.direction,
  },
}
