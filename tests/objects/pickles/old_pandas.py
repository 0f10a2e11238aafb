"""What pandas 2.3 and NumPy 1.26 wrote, as base64, and the expressions for it."""

from __future__ import annotations

OLD = {
    "pd.NaT": (
        "gASVNwAAAAAAAACMG3BhbmRhcy5fbGlicy50c2xpYnMubmF0dHlwZZSMDl9fbmF0X3VucGlja2xllJOUToWUUpQu"
    ),
    'pd.Timestamp("2026-01-01", tz="UTC")': (
        "gASVfQAAAAAAAACMHnBhbmRhcy5fbGlicy50c2xpYnMudGltZXN0YW1wc5SME191bnBpY2tsZV90aW1lc3RhbXCU"
        "k5QoSgC5VWlOjAhkYXRldGltZZSMCHRpbWV6b25llJOUaAOMCXRpbWVkZWx0YZSTlEsASwBLAIeUUpSFlFKUSwd0"
        "lFKULg=="
    ),
    'pd.Series(["a", None], dtype=pd.StringDtype("python", na_value=float("nan")))': (
        "gASVCwMAAAAAAACMEnBhbmRhcy5jb3JlLnNlcmllc5SMBlNlcmllc5STlCmBlH2UKIwEX21ncpSMHnBhbmRhcy5j"
        "b3JlLmludGVybmFscy5tYW5hZ2Vyc5SMElNpbmdsZUJsb2NrTWFuYWdlcpSTlCmBlChdlIwYcGFuZGFzLmNvcmUu"
        "aW5kZXhlcy5iYXNllIwKX25ld19JbmRleJSTlIwZcGFuZGFzLmNvcmUuaW5kZXhlcy5yYW5nZZSMClJhbmdlSW5k"
        "ZXiUk5R9lCiMBG5hbWWUTowFc3RhcnSUSwCMBHN0b3CUSwKMBHN0ZXCUSwF1hpRSlGFdlIwTcGFuZGFzLl9saWJz"
        "LmFycmF5c5SMHF9fcHl4X3VucGlja2xlX05EQXJyYXlCYWNrZWSUk5SMGnBhbmRhcy5jb3JlLmFycmF5cy5zdHJp"
        "bmdflIwZU3RyaW5nQXJyYXlOdW1weVNlbWFudGljc5STlEofBvEEToeUUpRoHIwLU3RyaW5nRHR5cGWUk5SMBnB5"
        "dGhvbpRHf/gAAAAAAACGlFKUjBVudW1weS5jb3JlLm11bHRpYXJyYXmUjAxfcmVjb25zdHJ1Y3SUk5SMBW51bXB5"
        "lIwHbmRhcnJheZSTlEsAhZRDAWKUh5RSlChLAUsChZRoKYwFZHR5cGWUk5SMAk84lImIh5RSlChLA4wBfJROTk5K"
        "/////0r/////Sz90lGKJXZQojAFhlEd/+AAAAAAAAGV0lGJ9lIeUYmFdlGgNaBB9lChoEk5oE0sAaBRLAmgVSwF1"
        "hpRSlGF9lIwGMC4xNC4xlH2UKIwEYXhlc5RoCowGYmxvY2tzlF2UfZQojAZ2YWx1ZXOUaCCMCG1ncl9sb2NzlIwI"
        "YnVpbHRpbnOUjAVzbGljZZSTlEsASwJLAYeUUpR1YXVzdJRijARfdHlwlIwGc2VyaWVzlIwJX21ldGFkYXRhlF2U"
        "jAVfbmFtZZRhjAVhdHRyc5R9lIwGX2ZsYWdzlH2UjBdhbGxvd3NfZHVwbGljYXRlX2xhYmVsc5SIc2hUTnViLg=="
    ),
    'pd.date_range("2026-01-01", periods=3, tz="UTC").as_unit("ns")': (
        "gASVQAIAAAAAAACMHXBhbmRhcy5jb3JlLmluZGV4ZXMuZGF0ZXRpbWVzlIwSX25ld19EYXRldGltZUluZGV4lJOU"
        "aACMDURhdGV0aW1lSW5kZXiUk5R9lCiMBGRhdGGUjBNwYW5kYXMuX2xpYnMuYXJyYXlzlIwcX19weXhfdW5waWNr"
        "bGVfTkRBcnJheUJhY2tlZJSTlIwccGFuZGFzLmNvcmUuYXJyYXlzLmRhdGV0aW1lc5SMDURhdGV0aW1lQXJyYXmU"
        "k5RKHwbxBE6HlFKUjBlwYW5kYXMuY29yZS5kdHlwZXMuZHR5cGVzlIwPRGF0ZXRpbWVUWkR0eXBllJOUKYGUfZQo"
        "jAR1bml0lIwCbnOUjAJ0epSMCGRhdGV0aW1llIwIdGltZXpvbmWUk5RoF4wJdGltZWRlbHRhlJOUSwBLAEsAh5RS"
        "lIWUUpR1YowVbnVtcHkuY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVudW1weZSMB25kYXJyYXmU"
        "k5RLAIWUQwFilIeUUpQoSwFLA4WUaCOMBWR0eXBllJOUjAJNOJSJiIeUUpQoSwSMATyUTk5OSv////9K/////0sA"
        "fZQoQwJuc5RLAUsBSwF0lIaUdJRiiUMYAAD67VFyhhgAAEl/5sCGGAAAmBB7D4cYlHSUYn2UjAVfZnJlcZSMG3Bh"
        "bmRhcy5fbGlicy50c2xpYnMub2Zmc2V0c5SMA0RheZSTlEsBiYaUUpRzh5RijARuYW1llE51hpRSlC4="
    ),
    'pd.DataFrame({"n": [1], "t": pd.Categorical(["x"]), "i": pd.array([None], dtype="Int8"), "f": [1.5]})': (
        "gASVJQUAAAAAAACMEXBhbmRhcy5jb3JlLmZyYW1llIwJRGF0YUZyYW1llJOUKYGUfZQojARfbWdylIwecGFuZGFz"
        "LmNvcmUuaW50ZXJuYWxzLm1hbmFnZXJzlIwMQmxvY2tNYW5hZ2VylJOUKIwWcGFuZGFzLl9saWJzLmludGVybmFs"
        "c5SMD191bnBpY2tsZV9ibG9ja5STlIwVbnVtcHkuY29yZS5tdWx0aWFycmF5lIwMX3JlY29uc3RydWN0lJOUjAVu"
        "dW1weZSMB25kYXJyYXmUk5RLAIWUQwFilIeUUpQoSwFLAUsBhpRoD4wFZHR5cGWUk5SMAmk4lImIh5RSlChLA4wB"
        "PJROTk5K/////0r/////SwB0lGKJQwgBAAAAAAAAAJR0lGKMCGJ1aWx0aW5zlIwFc2xpY2WUk5RLAEsBSwGHlFKU"
        "SwKHlFKUaAuME3BhbmRhcy5fbGlicy5hcnJheXOUjBxfX3B5eF91bnBpY2tsZV9OREFycmF5QmFja2VklJOUjB5w"
        "YW5kYXMuY29yZS5hcnJheXMuY2F0ZWdvcmljYWyUjAtDYXRlZ29yaWNhbJSTlEofBvEEToeUUpSMGXBhbmRhcy5j"
        "b3JlLmR0eXBlcy5kdHlwZXOUjBBDYXRlZ29yaWNhbER0eXBllJOUKYGUfZQojApjYXRlZ29yaWVzlIwYcGFuZGFz"
        "LmNvcmUuaW5kZXhlcy5iYXNllIwKX25ld19JbmRleJSTlGg1jAVJbmRleJSTlH2UKIwEZGF0YZRoDmgRSwCFlGgT"
        "h5RSlChLAUsBhZRoGIwCTziUiYiHlFKUKEsDjAF8lE5OTkr/////Sv////9LP3SUYoldlIwBeJRhdJRijARuYW1l"
        "lE51hpRSlIwHb3JkZXJlZJSJdWJoDmgRSwCFlGgTh5RSlChLAUsBhZRoGIwCaTGUiYiHlFKUKEsDaENOTk5K////"
        "/0r/////SwB0lGKJQwEAlHSUYn2Uh5RiaCJLAUsCSwGHlFKUSwKHlFKUaAuMGnBhbmRhcy5jb3JlLmFycmF5cy5p"
        "bnRlZ2VylIwMSW50ZWdlckFycmF5lJOUKYGUfZQojAVfZGF0YZRoDmgRSwCFlGgTh5RSlChLAUsBhZRoUolDAQGU"
        "dJRijAVfbWFza5RoDmgRSwCFlGgTh5RSlChLAUsBhZRoGIwCYjGUiYiHlFKUKEsDaENOTk5K/////0r/////SwB0"
        "lGKJaGZ0lGKMBl9jYWNoZZR9lIwFZHR5cGWUaFyMCUludDhEdHlwZZSTlCmBlHN1YmgiSwJLA0sBh5RSlEsCh5RS"
        "lGgLaA5oEUsAhZRoE4eUUpQoSwFLAUsBhpRoGIwCZjiUiYiHlFKUKEsDaBxOTk5K/////0r/////SwB0lGKJQwgA"
        "AAAAAAD4P5R0lGJoIksDSwRLAYeUUpRLAoeUUpR0lF2UKGg3aDl9lChoO2gOaBFLAIWUaBOHlFKUKEsBSwSFlGhC"
        "iV2UKIwBbpSMAXSUjAFplIwBZpRldJRiaEhOdYaUUpRoN4wZcGFuZGFzLmNvcmUuaW5kZXhlcy5yYW5nZZSMClJh"
        "bmdlSW5kZXiUk5R9lChoSE6MBXN0YXJ0lEsAjARzdG9wlEsBjARzdGVwlEsBdYaUUpRlhpRSlIwEX3R5cJSMCWRh"
        "dGFmcmFtZZSMCV9tZXRhZGF0YZRdlIwFYXR0cnOUfZSMBl9mbGFnc5R9lIwXYWxsb3dzX2R1cGxpY2F0ZV9sYWJl"
        "bHOUiHN1Yi4="
    ),
}
