#!/usr/bin/env python3
"""Writes holidays.txt, the public holidays of every country, and regions.txt, what its regions have otherwise, from the
Python package `holidays`.

    python3 -m venv venv
    venv/bin/pip install holidays==0.109 python-dateutil
    venv/bin/python generate.py

The same version writes the same bytes. A newer one: change VERSION, run, read the difference, commit both.
"""

import pathlib
import sys
import warnings

import holidays

VERSION = "0.109"
YEARS = range(2015, 2041)

HEADER = """\
# Public holidays by country and year.
#
# Source: the Python package `holidays`, version {version}, https://github.com/vacanza/holidays
# Licence: MIT, as follows.
#
#   Copyright (c) Vacanza Team and individual contributors (see CONTRIBUTORS file)
#   Copyright (c) dr-prodigy <dr.prodigy.github@gmail.com>, 2017-2023
#   Copyright (c) ryanss <ryanssdev@icloud.com>, 2014-2017
#
#   All rights reserved.
#
#   Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
#   files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
#   modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
#   Software is furnished to do so, subject to the following conditions:
#
#   The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.
#
#   THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
#   WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
#   COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
#   ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
#
# Written by generate.py; don't edit. A line: country (ISO 3166-1, and XK), year, days as month and day.
# In it: the default category, for the country as a whole, with the days on which a holiday is observed instead.
# Not in it: holidays of regions, states and cantons, which are in regions.txt; half days; holidays of banks, schools or offices only; holidays of a
# religion or community only; weekends worked in exchange. Days set by the moon or decreed late are estimates in years to come.
# `unknown`: the package says nothing of that year. No day after a year: it knows of no holiday in force.
# Unknown: {unknown}.
"""


REGIONS = """\
# What regions, states and cantons have otherwise than their country has in holidays.txt.
#
# Source and licence: as holidays.txt, version {version}.
# Written by generate.py; don't edit. A region: `= country`, its code, and its other names if any, with | between. Below it: days that it has in every year
# of holidays.txt, then years with theirs, `+` a day more than the country, `-` a day less. A region without such lines has its country's days.
"""


def regions() -> str:
    lines = []
    for country in sorted(holidays.list_supported_countries(include_aliases=False)):
        entity = getattr(holidays, country)
        names = entity.get_subdivision_aliases() if entity.subdivisions else {}
        for code in entity.subdivisions:
            years = {}
            for year in YEARS:
                whole, part = holidays.country_holidays(country, years=year), holidays.country_holidays(country, subdiv=code, years=year)
                if part.start_year <= year <= part.end_year:
                    more, less = ({day.strftime("%m%d") for day in a if day.year == year and day not in b} for a, b in ((part, whole), (whole, part)))
                    years[year] = {f"+{day}" for day in more} | {f"-{day}" for day in less}
            always = set.intersection(*years.values()) if len(years) == len(YEARS) else set()
            lines.append("= " + "|".join([country, code, *dict.fromkeys(name for name in names.get(code, []) if name != code)]))
            if always:
                lines.append(" ".join(sorted(always)))
            for year, days in years.items():
                if days - always:
                    lines.append(" ".join([str(year), *sorted(days - always)]))
    return REGIONS.format(version=VERSION) + "\n".join(lines) + "\n"


def main() -> None:
    if holidays.__version__ != VERSION:
        sys.exit(f"this is holidays {holidays.__version__}; install {VERSION}, or change VERSION")
    # It warns of years that it only partly knows; what it doesn't know at all is written down below.
    warnings.simplefilter("ignore")
    lines = []
    unknown = {}
    for country in sorted(holidays.list_supported_countries(include_aliases=False)):
        for year in YEARS:
            days = holidays.country_holidays(country, years=year)
            if not days.start_year <= year <= days.end_year:
                unknown.setdefault(country, []).append(year)
                lines.append(f"{country} {year} unknown")
                continue
            # A holiday may be observed in the year before or after; it stands under the year it is observed in.
            written = sorted(day for day in days if day.year == year)
            if len(written) != len(days):
                sys.exit(f"{country} {year}: days of another year")
            lines.append(" ".join([country, str(year), *(day.strftime("%m%d") for day in written)]))
    spans = ", ".join(f"{country} {years[0]} to {years[-1]}" if years[1:] else f"{country} {years[0]}" for country, years in unknown.items())
    target = pathlib.Path(__file__).with_name("holidays.txt")
    target.write_text(HEADER.format(version=VERSION, unknown=spans) + "\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    target.with_name("regions.txt").write_text(regions(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
