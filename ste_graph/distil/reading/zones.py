"""Time zones by the places that people name: the city of an IANA zone, and large cities that keep its time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final
from zoneinfo import available_timezones

_CITIES: Final = {
    "UTC":
        "GMT, Universal Time, Zulu",
    "Europe/Berlin":
        "Munich, Hamburg, Frankfurt, Cologne, Stuttgart, Leipzig, Dresden, Düsseldorf, Bonn, Bremen, Hanover, "
        "Nuremberg",
    "Europe/London":
        "Manchester, Birmingham, Edinburgh, Glasgow, Liverpool, Leeds, Bristol, Cardiff, Oxford",
    "Europe/Paris":
        "Lyon, Marseille, Toulouse, Bordeaux, Nice, Strasbourg, Lille",
    "Europe/Madrid":
        "Barcelona, Seville, Sevilla, Valencia, Bilbao, Málaga",
    "Europe/Rome":
        "Milan, Naples, Turin, Florence, Venice, Bologna",
    "Europe/Zurich":
        "Geneva, Basel, Bern, Lausanne",
    "Europe/Vienna":
        "Salzburg, Graz, Innsbruck, Linz",
    "Europe/Amsterdam":
        "Rotterdam, The Hague, Utrecht",
    "Europe/Brussels":
        "Antwerp, Ghent, Bruges",
    "Europe/Warsaw":
        "Krakow, Kraków, Gdansk, Wroclaw",
    "Europe/Lisbon":
        "Porto",
    "Europe/Oslo":
        "Bergen, Trondheim",
    "Europe/Stockholm":
        "Gothenburg, Malmö",
    "Europe/Istanbul":
        "Ankara, Izmir",
    "Europe/Moscow":
        "Saint Petersburg, St Petersburg",
    "Europe/Kyiv":
        "Kiev, Lviv, Odesa",
    "Europe/Athens":
        "Thessaloniki",
    "Europe/Dublin":
        "Cork, Galway",
    "America/New_York":
        "Boston, Philadelphia, Washington, Miami, Atlanta, Orlando, Baltimore, Pittsburgh, Cleveland",
    "America/Chicago":
        "Houston, Dallas, Austin, San Antonio, New Orleans, Minneapolis, St Louis, Memphis, Nashville, Milwaukee",
    "America/Denver":
        "Salt Lake City, Albuquerque",
    "America/Los_Angeles":
        "San Francisco, San Diego, Seattle, Las Vegas, Sacramento, San Jose, Oakland",
    "America/Toronto":
        "Montreal, Ottawa, Quebec City",
    "America/Edmonton":
        "Calgary",
    "America/Sao_Paulo":
        "Rio de Janeiro, Brasilia, Brasília, Rio",
    "America/Guayaquil":
        "Quito",
    "America/Argentina/Buenos_Aires":
        "Buenos Aires",
    "America/Mexico_City":
        "Guadalajara, Puebla",
    "America/Bogota":
        "Medellín, Medellin, Cali",
    "Asia/Kolkata":
        "Mumbai, Delhi, New Delhi, Bangalore, Bengaluru, Chennai, Hyderabad, Pune, Calcutta, Bombay",
    "Asia/Shanghai":
        "Beijing, Shenzhen, Guangzhou, Chengdu, Wuhan, Nanjing",
    "Asia/Tokyo":
        "Osaka, Kyoto, Nagoya, Yokohama, Sapporo, Hiroshima",
    "Asia/Seoul":
        "Busan",
    "Asia/Karachi":
        "Lahore, Islamabad",
    "Asia/Dubai":
        "Abu Dhabi",
    "Asia/Qatar":
        "Doha",
    "Asia/Riyadh":
        "Jeddah, Mecca",
    "Asia/Ho_Chi_Minh":
        "Hanoi, Saigon",
    "Asia/Kathmandu":
        "Pokhara",
    "Asia/Jerusalem":
        "Tel Aviv, Haifa",
    "Africa/Cairo":
        "Alexandria, Giza",
    "Africa/Johannesburg":
        "Cape Town, Pretoria, Durban",
    "Africa/Lagos":
        "Abuja",
    "Africa/Casablanca":
        "Rabat, Marrakesh",
    "Australia/Sydney":
        "Canberra",
    "Australia/Brisbane":
        "Gold Coast",
    "Pacific/Auckland":
        "Wellington, Christchurch",
    "Pacific/Honolulu":
        "Hawaii",
}  # fmt: skip
_SAME: Final = {
    "Asia/Calcutta": "Asia/Kolkata",
    "Europe/Kiev": "Europe/Kyiv",
    "Etc/UTC": "UTC",
    "GMT": "UTC",
    "Etc/GMT": "UTC",
}
_AREAS: Final = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
_NO_CITIES: Final = frozenset(
    """ACT Acre Atikokan Beulah Canary Center Christmas Cocos Creston Currie Denison Easter Eastern Faeroe Faroe Jersey
    Knox Knox_IN LHI Lindeman Madeira Mahe Midway Mountain NSW Navajo New_Salem North Norfolk Pacific Queensland Regina
    Reunion Samoa South Stanley Tasmania Vincennes Victoria Virgin Wake Wallis West Yap Yancowinna""".split()  # noqa: SIM905
)
"""Last parts of names of zones that a request may well have in another sense, or that are no cities."""
_STATES: Final = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|"
    "Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|"
    "Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|"
    "New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|"
    "Rhode Island|South Carolina|South Dakota|Tennessee|Texas|Utah|Vermont|Virginia|Washington|"
    "West Virginia|Wisconsin|Wyoming|USA|Ontario|Quebec|Alberta|Manitoba|British Columbia|"
    "Nova Scotia|New Brunswick|Saskatchewan"
)
_IN_STATE: Final = re.compile(rf"(?:,| \(| in)? ?(?:{_STATES})\b")


@cache
def list_zones() -> frozenset[str]:
    """The names of all time zones."""
    return frozenset(available_timezones())


def place_names(zone: str) -> list[str]:
    """The places whose name stands for a time zone; empty for any other text."""
    if zone not in list_zones():
        return []
    cities = _CITIES.get(_SAME.get(zone, zone), "")
    city = [zone.rpartition("/")[2].replace("_", " ")] if "/" in zone else []
    return [*city, *(name.strip() for name in cities.split(",") if name.strip())]


def lies_elsewhere(zone: str, cased: str, end: int) -> bool:
    """True if the words after a city say that it is another one than a zone is named for: `Paris, Texas`."""
    return not zone.startswith(("America/", "US/", "Canada/", "Pacific/Hon")) and bool(_IN_STATE.match(cased, end))


def find_zone_places(cased: str) -> Iterator[tuple[int, int]]:
    """Yields the places of a text at which a time zone, or a city that represents one, is named."""
    yield from (match.span() for match in _pattern().finditer(cased))


@cache
def _pattern() -> re.Pattern[str]:
    parts = [zone.split("/") for zone in list_zones()]
    cities = {
        last.replace("_", " ")
        for area, *_, last in filter(lambda p: len(p) > 1, parts)
        if area in _AREAS and last not in _NO_CITIES
    }
    cities |= {name.strip() for text in _CITIES.values() for name in text.split(",")}
    names = {*cities, *(zone for zone in list_zones() if "/" in zone)}
    return re.compile(rf"(?<![\w/])(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})(?![\w/])")
