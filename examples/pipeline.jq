# Opportunities exported from a CRM, a row each, into events:
#
#   onpace import pipeline.csv --map examples/pipeline.jq
#
# Columns: opportunity_id, sales_agent, product, account, deal_stage (Prospecting, Engaging, Won, Lost), engage_date,
# close_date, close_value (whole US dollars).
#
# - The file has dates and no times. created_at and closed_at stay dates, so that a deal closed on the 31st is closed on the
#   31st in New York and in Auckland. Where an event needs an instant (occurred_at) it takes 12:00 UTC of the date, which is where
#   a date stands among instants; a closing a microsecond later, so that it comes after whatever was said on the same day.
#   The same row always makes the same events: importing it again changes nothing.
# - A row without a date is refused, unless you say what date to give it: --arg undated=2017-12-31
# - A product that the same CRM's price list spells otherwise gets the price list's name, so that the two can be compared.
# - A lost deal's value is 0 in this file and stays 0: what it would have been worth isn't known.

def date($column):
  if test("^[0-9]{4}-[0-9]{2}-[0-9]{2}$") then . else error("\($column) `\(.)` is no date; write one such as 2017-03-01") end;

def created:
  if .engage_date != "" then .engage_date | date("engage_date")
  elif $ARGS.named.undated then $ARGS.named.undated | date("--arg undated")
  else error("the row has no engage_date; give such rows a date of your choice by --arg undated=YYYY-MM-DD") end;

def product: {"GTXPro": "GTX Pro", "NimbusOne": "Nimbus One"}[.] // .;

def said($what; $occurred_at; $data):
  {
    id: "\(.opportunity_id):\($what)",
    source: "import:\($file)",
    kind: "deal",
    entity: "pipeline:\(.opportunity_id)",
    occurred_at: $occurred_at,
    data: ($data | with_entries(select(.value != ""))),
  };

created as $created
| said("engaged"; "\($created)T12:00:00Z";
    {
      rep: .sales_agent,
      account,
      product: (.product | product),
      stage: (if .deal_stage == "Prospecting" then "Prospecting" else "Engaging" end),
      created_at: $created,
    }),
  (if .deal_stage == "Won" or .deal_stage == "Lost" then
     (.close_date | date("close_date")) as $closed
     | said("closed"; "\($closed)T12:00:00.000001Z";
         {
           status: (.deal_stage | ascii_downcase),
           stage: .deal_stage,
           closed_at: $closed,
           amount: (if .close_value == "" then "" else {value: .close_value, currency: "USD"} end),
         })
   elif .deal_stage == "Engaging" or .deal_stage == "Prospecting" then empty
   else error("deal_stage `\(.deal_stage)` is not known; the map knows Prospecting, Engaging, Won and Lost") end)
