"""Sentences about trials that are right about them, and that contradict them, planted before the rule was written."""

from ste_graph.forms.evidence import NumberedCall, NumberedTrial

Call = tuple[str, str, bool]


def make_trials(action: str, *trials: tuple[str, *tuple[Call, ...]]) -> list[NumberedTrial]:
    """Trials of a tool: of each the request, and its calls with arguments, what they gave and whether they worked."""
    return [
        NumberedTrial(
            number=number,
            id=f"t{number}",
            query=query,
            calls=tuple(NumberedCall(action=action, arguments=a, observation=o, ok=ok) for a, o, ok in calls),
        )
        for number, (query, *calls) in enumerate(trials, start=1)
    ]


FLY = make_trials(
    "fly",
    ("Fly two of us from Oslo on 3 May 2025.", ('{"city": "Oslo", "seats": 2, "day": "2025-05-03"}', "booked", True)),
    (
        "Fly 30 of us from Rome.",
        ('{"city": "Rome", "seats": 30, "day": "2025-05-04"}', "seats must be at most 12", False),
    ),
    (
        "Four of us leave Bergen on 3 May 2025.",
        ('{"city": "Bergen", "seats": 4, "day": "3 May 2025"}', "day must be as YYYY-MM-DD", False),
        ('{"city": "Bergen", "seats": 4, "day": "2025-05-03"}', "booked", True),
    ),
    (
        "Twelve economy seats from New York on 1 June 2025.",
        ('{"city": "New York", "seats": 12, "day": "2025-06-01", "class": "economy"}', "booked", True),
    ),
)
CONVERT = make_trials(
    "convert",
    ("What are 100 euros in dollars?", ('{"amount": 100, "from": "EUR", "to": "USD"}', "108.2", True)),
    (
        "How many pounds is 12.50 euros?",
        ('{"amount": 12.5, "from": "euro", "to": "GBP"}', "unknown currency euro", False),
        ('{"amount": 12.5, "from": "EUR", "to": "GBP"}', "10.6", True),
    ),
    ("Change -5 USD into CHF.", ('{"amount": -5, "from": "USD", "to": "CHF"}', "amount must be positive", False)),
)
LEAP = make_trials(
    "leap_year",
    ("Was 1900 a leap year?", ('{"year": 1900}', "1900 is not a leap year", True)),
    ("Is 2024 a leap year?", ('{"year": 2024}', "2024 is a leap year", True)),
    ("Is MMXX a leap year?", ('{"year": "MMXX"}', "year must be an integer", False)),
)
SEARCH = make_trials(
    "search",
    ("Find a lamp, five at most.", ('{"query": "lamp", "limit": 5, "sort": "price"}', "3 found", True)),
    ("Is there a sofa?", ('{"query": "sofa"}', "no product is named sofa", False)),
    ("Show all.", ('{"query": "", "limit": 0}', "limit must be at least 1", False)),
    ("Which clocks are there?", ('{"query": "clock"}', "2 found", True)),
)

RIGHT = [
    (FLY, "`seats` of more than 12 are refused."),
    (FLY, "`seats` such as 30 are refused; 12 works."),
    (FLY, '`day` in words, such as "3 May 2025", fails; the same day as 2025-05-03 works.'),
    (FLY, "`day` is given as YYYY-MM-DD, not as 3 May 2025."),
    (FLY, "It does not book more than 12 seats."),
    (FLY, "`city` may be New York, and `seats` at most 12."),
    (FLY, "`class` is optional; economy works."),
    (FLY, "A request for 30 people from Rome fails because `seats` is too large."),
    (FLY, "Do not write `day` as 3 May 2025."),
    (FLY, "`seats` must not exceed 12."),
    (FLY, "If no `class` is given, it still books."),
    (FLY, "Write 2025-06-01 instead of 1 June 2025."),
    (CONVERT, "`from` is a code such as EUR; the word euro is refused."),
    (CONVERT, "Negative amounts such as -5 fail."),
    (CONVERT, "`amount` may have decimals, such as 12.5."),
    (CONVERT, "Use EUR, not euro."),
    (CONVERT, "The word euro is not supported, EUR is."),
    (CONVERT, "`amount` cannot be negative."),
    (CONVERT, "It is for requests that ask for 100 euros in dollars."),
    (CONVERT, "`amount` of -5 from USD to CHF was refused."),
    (LEAP, "1900 is not a leap year."),
    (LEAP, "`year` is a number such as 2024; MMXX is refused."),
    (LEAP, "`year` in Roman numerals, such as MMXX, does not work."),
    (LEAP, "For 1900 the result says that it is not a leap year."),
    (LEAP, "`year` must be an integer, never a text such as MMXX."),
    (SEARCH, "`query` is one word, such as lamp; for sofa nothing is found."),
    (SEARCH, "`limit` of 0 is refused."),
    (SEARCH, "`limit` may be left out, as for clock."),
    (SEARCH, "An unknown product such as sofa gives an error."),
    (SEARCH, "`sort` by price works with a `limit` of 5."),
    (SEARCH, "It cannot find what is not in the shop, such as a sofa."),
    (SEARCH, "`limit` below 1 is not allowed, 5 is."),
]

WRONG = [
    (FLY, "`seats` of 12 are refused."),
    (FLY, "`day` as 2025-05-03 fails."),
    (FLY, "`city` cannot be New York."),
    (FLY, "YYYY-MM-DD is not supported for `day`."),
    (FLY, "The `class` parameter is not supported."),
    (FLY, "`seats` may be 30."),
    (FLY, '`day` is given in words, such as "3 May 2025", which works.'),
    (FLY, "It does not work for Oslo."),
    (FLY, "Do not use 2025-06-01 for `day`."),
    (FLY, "Four `seats` are not allowed."),
    (FLY, "economy is an invalid `class`."),
    (FLY, "Bergen is rejected because the city is unknown."),
    (FLY, "A request for 30 seats is accepted."),
    (CONVERT, "EUR is not a supported currency."),
    (CONVERT, "`amount` with decimals such as 12.5 fails."),
    (CONVERT, "`from` may be euro."),
    (CONVERT, "GBP is refused as `to`."),
    (CONVERT, "Negative amounts such as -5 work."),
    (CONVERT, "The tool can't convert 100 EUR."),
    (CONVERT, "Never pass USD as `to`."),
    (CONVERT, "`to` is not accepted."),
    (LEAP, "`year` of 1900 is not valid."),
    (LEAP, "2024 causes an error."),
    (LEAP, "MMXX is a valid `year`."),
    (LEAP, "`year` as 2024 does not work, use MMXX."),
    (LEAP, "`year` works with Roman numerals such as MMXX."),
    (SEARCH, "`sort` is unsupported."),
    (SEARCH, "`limit` of 5 is too large and refused."),
    (SEARCH, "`query` such as sofa works."),
    (SEARCH, "A search for lamp gives an error."),
    (SEARCH, "`limit` may be 0."),
    (SEARCH, "Avoid clock as `query`."),
]


TIDE = make_trials(
    "high_water",
    ("Tides in Husum on 4 June 2025?", ('{"harbour": "Husum", "day": "4 June 2025"}', "bad day", False),
     ('{"harbour": "Husum", "day": "2025-06-04", "unit": "m"}', "05:12", True)),
    ("Tide for Cuxhaven tomorrow.", ('{"harbour": "Cuxhaven", "day": "tomorrow"}', "bad day", False)),
    ("Tide in Emden, in feet, 2025-06-09.", ('{"harbour": "Emden", "day": "2025-06-09", "unit": "ft"}', "06:40", True)),
    ("Heights for Atlantis.", ('{"harbour": "Atlantis", "day": "2025-06-09"}', "no harbour Atlantis", False)),
)  # fmt: skip
SHIP = make_trials(
    "ship",
    ("Send 25 kg to Chile by air.", ('{"country": "CL", "kilograms": 25, "express": true, "mode": "air"}', "51", True)),
    ("Send 80 kg to Peru.", ('{"country": "PE", "kilograms": 80, "mode": "sea"}', "at most 70 kg", False)),
    ("Send 3 kg to Peru.", ('{"country": "Peru", "kilograms": 3}', "country must be a code", False),
     ('{"country": "PE", "kilograms": 3}', "12", True)),
    ("Send 0 kg to Chile.", ('{"country": "CL", "kilograms": 0}', "nothing to send", False)),
    ("Parcels A-17 and B-20.", ('{"country": "PT", "kilograms": 1, "ids": ["A-17", "B-20"]}', "ok", True)),
)  # fmt: skip

RIGHT_LATER = [
    (TIDE, "`day` accepts dates like 2025-06-04 but rejects 4 June 2025."),
    (TIDE, "tomorrow is not understood as a `day`."),
    (TIDE, "Relative days, such as tomorrow, lead to a failure."),
    (TIDE, "Heights come in metres (m) or feet (ft), as `unit` says."),
    (TIDE, "There is no harbour named Atlantis, so the call fails."),
    (TIDE, "Husum and Emden are known harbours."),
    (TIDE, "Without `unit`, the tool was not seen to work."),
    (TIDE, "The tool does not know Atlantis on 2025-06-09."),
    (TIDE, "A date must be 2025-06-09, since tomorrow will not do."),
    (TIDE, "People ask when the tide is in, not how cold the water is in Husum."),
    (SHIP, "80 kilograms exceed the limit of 70."),
    (SHIP, "`country` is a code like PE; writing Peru out is an error."),
    (SHIP, "Parcels heavier than 70 kg are turned down."),
    (SHIP, "`kilograms` of 0 leaves nothing to send."),
    (SHIP, "It cannot ship 80 kg, while 25 kg go through."),
    (SHIP, "`mode` may be air; sea failed with 80 kg."),
    (SHIP, "`express` need not be given."),
    (SHIP, "Several `ids` such as A-17 and B-20 can be given at once."),
    (SHIP, "No more than 70 kg may be sent to PE."),
    (SHIP, "The full name Peru isn't accepted, only PE."),
]
WRONG_LATER = [
    (TIDE, "The date 2025-06-09 is rejected."),
    (TIDE, "Emden is not a known harbour."),
    (TIDE, "`unit` isn't supported."),
    (TIDE, "ft is no valid `unit`."),
    (TIDE, "`day` can be tomorrow."),
    (TIDE, "4 June 2025 is understood as a `day`."),
    (TIDE, "Atlantis is a harbour that works."),
    (TIDE, "Dates in the form YYYY-MM-DD lead to a failure."),
    (TIDE, "The tool will refuse Husum."),
    (TIDE, "`day` accepts 4 June 2025."),
    (SHIP, "`kilograms` of 25 is too heavy."),
    (SHIP, "Codes such as PE don't work for `country`."),
    (SHIP, "air is not available as a `mode`."),
    (SHIP, "80 kilograms are fine."),
    (SHIP, "`country` takes full names such as Peru."),
    (SHIP, "`ids` does not accept A-17."),
    (SHIP, "Shipping to CL is impossible."),
    (SHIP, "One can send 0 kilograms."),
    (SHIP, "PT raises an exception."),
    (SHIP, "The `express` option is not allowed."),
]

RIGHT_LAST = [
    (FLY, "Groups bigger than 12 cannot be booked."),
    (FLY, "`day` needs the form YYYY-MM-DD, else the call is turned down."),
    (FLY, "Rome was tried with 30 seats and that did not go through."),
    (CONVERT, "Currencies are three letters (EUR, USD, GBP); names such as euro are unknown to the tool."),
    (CONVERT, "People who write 12.50 get 12.5."),
    (LEAP, "Only whole numbers are taken; MMXX is none."),
    (LEAP, "The answer for 1900 is negative."),
    (SEARCH, "When nothing matches, as for sofa, there is an error instead of an empty list."),
    (SEARCH, "`sort` takes price."),
    (SEARCH, "A `limit` of zero is no use."),
    (TIDE, "Say 2025-06-04 where people say 4 June 2025."),
    (TIDE, "Atlantis is made up, and the tool says so."),
    (SHIP, "Give PE where the request says Peru."),
    (SHIP, "Up to 70 kg are sent; 80 was too much."),
    (SHIP, "25 kg to CL by air cost 51."),
]
WRONG_LAST = [
    (FLY, "Only small towns are served, Oslo is not."),
    (FLY, "`day` must not be in the form YYYY-MM-DD."),
    (FLY, "Bookings for 12 are turned down."),
    (CONVERT, "euro is fine for `from`."),
    (CONVERT, "It has no rates for GBP."),
    (CONVERT, "Amounts below zero, like -5, are accepted."),
    (LEAP, "Years before 1900, and 1900 itself, give an error."),
    (LEAP, "MMXX is read as 2020."),
    (SEARCH, "clock finds nothing."),
    (SEARCH, "Results cannot be ordered with `sort`."),
    (TIDE, "tomorrow works as `day`."),
    (TIDE, "Heights in ft are not offered."),
    (SHIP, "CL is not served."),
    (SHIP, "Write the name of the country, e.g. Peru."),
    (SHIP, "80 kg to PE is allowed by sea."),
]
