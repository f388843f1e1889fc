# Opportunities exported from a CRM, a row each, into events:
#
#   onpace import pipeline.csv --map examples/pipeline.jq --complete deal
#
# Columns: opportunity_id, sales_agent, product, account, deal_stage (Prospecting, Engaging, Won, Lost), engage_date,
# close_date, close_value (whole US dollars).
#
# - An export says what is, not since when. All but the stage is said `always`, blank cells too: a later export replaces it, field by
#   field, in whichever order they are imported (docs/importing.md, Exports are snapshots).
# - The stage has no date of its own: it counts as entered when an export first showed it.
# - The file has dates and no times. created_at and closed_at stay dates, so that a deal closed on the 31st is closed on the
#   31st in New York and in Auckland.
# - A row without a date is refused, unless you say what date to give it: --arg undated=2017-12-31
# - A product that the same CRM's price list spells otherwise gets the price list's name, so that the two can be compared.
# - A lost deal's value is 0 in this file and stays 0: what it would have been worth isn't known.

def created:
  (.engage_date | year_first) // ($ARGS.named.undated | year_first)
  // error("the row has no engage_date; give such rows a date of your choice by --arg undated=YYYY-MM-DD");

def product: {"GTXPro": "GTX Pro", "NimbusOne": "Nimbus One"}[.] // .;

(.deal_stage | required | among({"Prospecting": "open", "Engaging": "open", "Won": "won", "Lost": "lost"})) as $status
| {source: "crm", kind: "deal", entity: "pipeline:\(.opportunity_id | required)"} as $deal
| $deal + {
    id: "\(.opportunity_id)@\($as_of)",
    occurred_at: always,
    data: {
      rep: (.sales_agent | tidy),
      account,
      product: (.product | product),
      $status,
      amount: (if .close_value == "" then null else {value: .close_value, currency: "USD"} end),
      created_at: created,
      closed_at: (if $status == "open" then null else .close_date | required | year_first end),
    },
  },
  $deal + {id: "\(.opportunity_id)@\($as_of):stage", data: {stage: .deal_stage}}
