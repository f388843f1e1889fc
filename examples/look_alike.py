#!/usr/bin/env python3
"""Writes pipeline.csv and calls.csv: invented people, accounts and products, with the quirks that real exports have.

The same seed writes the same files, byte for byte: `examples/look_alike.py` in a clean checkout changes nothing.
"""

import csv
import datetime
import pathlib
import random

HERE = pathlib.Path(__file__).parent
AGENTS = ["Amina Okafor", "Bruno Keller", "Chloé Martin", "Dov Peretz", "Esra Demir", "Farid O'Neill", "Greta Lindqvist", "Hana Sato"]
ACCOUNTS = [
    "Alder Mills", "Brightwater", "Cobalt Freight", "Dunmore & Sons", "Eastgate Clinic", "Ferro Works", "Glasshouse 9", "Halcyon Bank",
    "Ivory Coast Coffee Trading Company", "Juniper-Labs", "Kestrel Air", "Lumen School", "mapleton", "Northpier",
]
# A product's name in the deals, and its list price. `NimbusOne` is "Nimbus One" in the price list: exports do that.
PRODUCTS = [("Nimbus Basic", 420), ("NimbusOne", 3900), ("Nimbus One Plus", 5150), ("Quill Mini", 60), ("Quill Studio", 2700), ("Harbour 90", 18400)]
CALLERS = ["Ines", "Jonas", "Karim", "Lotte", "Miguel", "Nadia"]
TOPICS = ["Delivery", "Invoice", "Set-up", "Contract", "Returns"]


def pipeline(chance: random.Random) -> None:
    ids, rows = set(), []
    start = datetime.date(2024, 3, 1)
    for number in range(300):
        key = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=8))
        while key in ids:
            key = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=8))
        ids.add(key)
        product, price = chance.choices(PRODUCTS, weights=[5, 4, 3, 5, 3, 1])[0]
        stage = chance.choices(["Won", "Lost", "Engaging", "Prospecting"], weights=[48, 28, 18, 6])[0]
        engaged = start + datetime.timedelta(days=number + chance.randrange(8))
        closed = engaged + datetime.timedelta(days=1 + int(chance.triangular(0, 140, 45)))
        account = chance.choice(ACCOUNTS)
        if stage in ("Engaging", "Prospecting") and chance.random() < 0.68:
            account = ""  # an open deal often has none
        won = str(round(price * chance.uniform(0.8, 1.2)))
        rows.append([
            key, chance.choice(AGENTS), product, account, stage,
            "" if stage == "Prospecting" else engaged.isoformat(),  # no date at all
            closed.isoformat() if stage in ("Won", "Lost") else "",
            {"Won": won, "Lost": "0"}.get(stage, ""),  # a lost deal says 0, an open one nothing
        ])
    rows.sort(key=lambda row: row[5] or "9999")
    with open(HERE / "pipeline.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow("opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value".split(","))
        writer.writerows(rows)


def calls(chance: random.Random) -> None:
    rows = []
    for day in range(60):
        date = datetime.date(2025, 1, 6) + datetime.timedelta(days=day)
        # Minutes of the day, some of them shared by two calls.
        minutes = sorted(chance.randrange(9 * 60, 18 * 60 + 1) for _ in range(5))
        for minute in minutes:
            # A spreadsheet's time: the fraction of the day, some a second off the minute.
            seconds = minute * 60 - (1 if chance.random() < 0.2 else 0)
            answered = chance.random() < 0.81
            resolved = answered and chance.random() < 0.9
            talk = chance.randrange(30, 421)
            rows.append([
                chance.choice(CALLERS), date.strftime("%d.%m.%Y"), f"{seconds / 86400:.14f}".rstrip("0").rstrip("."), chance.choice(TOPICS),
                "Y" if answered else "N", "Y" if resolved else "N",
                str(chance.randrange(10, 126)) if answered else "",
                f"12:{talk // 60:02}:{talk % 60:02} AM" if answered else "",  # 12:02:23 AM is 2 minutes and 23 seconds
                str(chance.choices([1, 2, 3, 4, 5], weights=[1, 1, 4, 4, 3])[0]) if answered else "",
                "Y" if answered else "N", "",
            ])
    # Totals that somebody left beside the table, in the first and the third row.
    rows[0][-1] = str(sum(row[4] == "Y" for row in rows))
    rows[2][-1] = str(sum(row[5] == "Y" for row in rows))
    with open(HERE / "calls.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(
            "Call Id;Agent;Date;Time;Topic;Answered (Y/N);Resolved;Speed of answer in seconds;AvgTalkDuration;Satisfaction rating;"
            "Calls Answered (Y);Total Calls Resolved".split(";")
        )
        writer.writerows([f"C{number:04}", *row] for number, row in enumerate(rows, 1))


if __name__ == "__main__":
    pipeline(random.Random(2024))
    calls(random.Random(2025))
