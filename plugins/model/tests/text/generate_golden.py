"""Writes the golden files in tests/golden with scikit-learn 1.9.1, pandas and the standard library.

Run it as `/opt/venv/bin/python tests/generate_golden.py` from the root of the crate.
"""

import datetime
import json
import math
import pathlib
import re
import struct
import sys
import unicodedata

import pandas
import sklearn
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.utils import murmurhash3_32

GOLDEN = pathlib.Path(__file__).parent / "golden"
assert sklearn.__version__ == "1.9.1", sklearn.__version__

TEXTS = [
    "The quick brown fox jumps over the lazy dog",
    "the the the fox, THE FOX! the_fox fox_2 2fox",
    "Crème brûlée à la carte; ÉCOLE élève ça où",
    "Cre\u0300me bru\u0302le\u0301e",  # combining accents
    "ΟΔΟΣ ΣΊΣΥΦΟΣ ΑΣ' Σ ΣΣ",  # final sigma
    "İstanbul IĞDIR ıspanak STRASSE Straße ǅungla",
    "हिन्दी में कुछ शब्द हिन्दी",  # vowel signs are no word characters
    "ภาษาไทย สวัสดี שָׁלוֹם مُحَمَّد",
    "日本語 テキスト 日本 語 １２３ ⅷ ½ ² x² ⓐⓑⓒ 🄰🄱",
    "emoji 🦊🦊 fox🦊fox 👩‍👩‍👧 🇩🇪 ok👍🏽ok",
    "a b c d e x1 1 22 333 _ __ ___ a_ _b 3.14 1,000",
    "",
    "x",
    "é",
    "🦊",
    "   ",
    "\t",
    " lead and trail ",
    "tab\tone  two   three\n\nline\r\nend\u00a0nbsp\u2003em\u3000wide\x1cfs\x1f\x1eus\u200bzero\x0b\x85nel",
    "don't e-mail user_name@example.com https://example.com/a?b=c&d=1",
    "repeat repeat repeat repeat repeat repeat repeat",
    None,
    "the lazy dog sleeps, the quick fox jumps again and again",
    "null\x00byte and and",
]
OTHERS = [
    "the quick unknown words",
    None,
    "",
    "FOX fox fox jumps over élève",
    "nothing-of-that zzzz",
    "repeat",
    "हिन्दी 日本 x² and\tand",
    "🦊 🦊",
]
SETTINGS = [
    {},
    {"sublinear_tf": True},
    {"ngram_range": [1, 2]},
    {"ngram_range": [2, 3], "sublinear_tf": True},
    {"ngram_range": [5, 9]},
    {"min_df": 2},
    {"min_df": 2, "max_df": 3},
    {"min_df": 0.1},
    {"max_df": 0.1},
    {"min_df": 0.0, "max_df": 0.125, "ngram_range": [1, 2]},
    {"max_df": 1},
    {"max_features": 1},
    {"max_features": 3},
    {"max_features": 100000},
    {"analyzer": "char"},
    {"analyzer": "char", "ngram_range": [1, 3]},
    {"analyzer": "char", "ngram_range": [2, 5], "min_df": 2, "sublinear_tf": True},
    {"analyzer": "char", "ngram_range": [3, 3], "max_features": 2},
    {"analyzer": "char_wb"},
    {"analyzer": "char_wb", "ngram_range": [1, 4]},
    {"analyzer": "char_wb", "ngram_range": [3, 5], "min_df": 2, "max_df": 0.5},
    {"analyzer": "char_wb", "ngram_range": [6, 9], "sublinear_tf": True},
    {"analyzer": "char_wb", "ngram_range": [4, 12], "max_features": 1},
]


def filled(texts):
    """A missing text counts as an empty one."""
    return ["" if text is None else text for text in texts]


def rows(matrix):
    """The cells that are not zero as [row, column, value]."""
    matrix = matrix.tocoo()
    return [[int(r), int(c), float(v)] for r, c, v in zip(matrix.row, matrix.col, matrix.data) if v != 0]


def tf_idf_case(texts, others, settings):
    """One fit of TfidfVectorizer."""
    keywords = dict(settings)
    if "ngram_range" in keywords:
        keywords["ngram_range"] = tuple(keywords["ngram_range"])
    case = {"texts": texts, "others": others, "settings": settings}
    vectorizer = TfidfVectorizer(**keywords)
    try:
        fitted = vectorizer.fit_transform(filled(texts))
    except ValueError as error:
        return case | {"error": str(error)}
    if "max_features" in keywords:
        check_no_tie(texts, keywords)
    return case | {
        "vocabulary": vectorizer.get_feature_names_out().tolist(),
        "idf": vectorizer.idf_.tolist(),
        "fitted": rows(fitted),
        "applied": rows(vectorizer.transform(filled(others))),
    }


def check_no_tie(texts, keywords):
    """The golden file must not depend on how this processor's argsort orders equal counts."""
    from sklearn.feature_extraction.text import CountVectorizer

    plain = {k: v for k, v in keywords.items() if k in ("analyzer", "ngram_range", "min_df", "max_df")}
    totals = sorted(CountVectorizer(**plain).fit_transform(filled(texts)).sum(axis=0).ravel().tolist())[::-1]
    limit = keywords["max_features"]
    assert limit >= len(totals) or totals[limit - 1] > totals[limit], (keywords, totals[: limit + 2])


def tf_idf():
    """Fits of varied settings, with those that fail."""
    cases = [tf_idf_case(TEXTS, OTHERS, settings) for settings in SETTINGS]
    many = [text for index in range(3) for text in TEXTS[index::2]]  # with repeated texts
    cases += [tf_idf_case(many, OTHERS, settings) for settings in SETTINGS[:3] + SETTINGS[5:8]]
    cases += [
        tf_idf_case(["", "x", "🦊", None], OTHERS, {}),
        tf_idf_case([None, None], OTHERS, {"analyzer": "char"}),
        tf_idf_case(["", "  "], OTHERS, {"analyzer": "char_wb"}),
        tf_idf_case([], OTHERS, {}),
        tf_idf_case(TEXTS, OTHERS, {"min_df": 20}),
        tf_idf_case(TEXTS, OTHERS, {"min_df": 0.5, "max_df": 2}),
        tf_idf_case(["same words"] * 3, OTHERS, {"max_df": 2}),
        tf_idf_case(["one text only"], OTHERS, {}),
    ]
    return cases


def character_ranges(test):
    """The ranges of code points for which a test holds."""
    ranges = []
    for code in range(0x110000):
        if 0xD800 <= code < 0xE000 or not test(chr(code)):
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return ranges


def characters():
    """Python's classes of characters, and those that its Unicode version assigns."""
    return {
        "unicode": unicodedata.unidata_version,
        "assigned": character_ranges(lambda c: unicodedata.category(c) != "Cn"),
        "word": character_ranges(lambda c: re.match(r"\w", c) is not None),
        "space": character_ranges(lambda c: re.match(r"\s", c) is not None),
    }


def undo_block(hash_before, hash_after):
    """The four bytes that take the hash of MurmurHash3 from one state to the other."""
    mask = 0xFFFFFFFF
    state = (hash_after - 0xE6546B64) * pow(5, -1, 1 << 32) & mask
    state = (state >> 13 | state << 19) & mask
    block = (state ^ hash_before) * pow(0x1B873593, -1, 1 << 32) & mask
    block = (block >> 15 | block << 17) & mask
    return struct.pack("<I", block * pow(0xCC9E2D51, -1, 1 << 32) & mask)


def undo_shift(value, shift):
    """Undoes value ^= value >> shift."""
    result = value
    for _ in range(32 // shift + 1):
        result = value ^ result >> shift
    return result


def text_with_hash(wanted):
    """A printable text of eight bytes whose hash is `wanted`, by undoing the hash from its end."""
    mask = 0xFFFFFFFF
    state = undo_shift(wanted, 16)
    state = undo_shift(state * pow(0xC2B2AE35, -1, 1 << 32) & mask, 13)
    state = undo_shift(state * pow(0x85EBCA6B, -1, 1 << 32) & mask, 16) ^ 8
    for number in range(10000):
        first = f"{number:04d}".encode()
        before = state_after(first)
        text = first + undo_block(before, state)
        if all(33 <= byte < 127 for byte in text):
            return text.decode()
    raise ValueError(wanted)


def state_after(block):
    """The state of the hash with seed 0 after its first block."""
    mask = 0xFFFFFFFF
    value = struct.unpack("<I", block)[0] * 0xCC9E2D51 & mask
    value = (value << 15 | value >> 17) * 0x1B873593 & mask
    return ((value << 13 | value >> 19) & mask) * 5 + 0xE6546B64 & mask


def hashed():
    """Hashes of categories and terms."""
    extremes = [text_with_hash(wanted) for wanted in (0x80000000, 0x7FFFFFFF, 0xFFFFFFFF, 0, 1, 0x80000001)]
    assert murmurhash3_32(extremes[0], seed=0) == -(2**31)
    categories = [text for text in TEXTS if text is not None] + extremes + ["a", "ab", "abc", "abcd", "abcde"]
    cases = []
    for columns in (1, 2, 7, 16, 1024):
        hasher = FeatureHasher(n_features=columns, input_type="string", alternate_sign=True)
        cells = rows(hasher.transform([[text] for text in categories]))
        cases.append({"columns": columns, "texts": categories, "terms": None, "cells": cells})
        for terms in ({}, {"ngram_range": [1, 3]}, {"analyzer": "char", "ngram_range": [2, 3]},
                      {"analyzer": "char_wb", "ngram_range": [2, 4]}):
            keywords = dict(terms)
            if "ngram_range" in keywords:
                keywords["ngram_range"] = tuple(keywords["ngram_range"])
            vectorizer = HashingVectorizer(n_features=columns, norm=None, **keywords)
            cells = rows(vectorizer.transform(filled(TEXTS)))
            cases.append({"columns": columns, "texts": TEXTS, "terms": terms, "cells": cells})
    seeds = [0, 1, 42, 2**31, 2**32 - 1]
    hashes = [[text, seed, murmurhash3_32(text, seed=seed, positive=True)]
              for text in categories for seed in seeds]
    return {"cases": cases, "hashes": [[t, s, int(h)] for t, s, h in hashes], "smallest": extremes[0]}


STANDARD = [
    "2026-11-29", "2026-11-29 14:05", "2026-11-29T14:05:06.5+01:00", "20261129", "2024-02-29", "2023-02-28",
    "2000-02-29", "1900-02-28", "2020-12-31", "2021-01-01", "2021-01-03", "2021-01-04", "2026-12-31",
    "2027-01-01", "2027-01-03", "2015-12-31", "2016-01-03", "2009-12-31", "2010-01-03", "2019-12-30",
    "1969-12-31T23:59:59Z", "1969-12-31 23:59:59.25", "1970-01-01", "1970-01-01T00:00:00+05:30",
    "2026-01-01T00:30:00+14:00", "2025-12-31T23:30:00-12:00", "2024-12-31T23:59:59.999999Z",
    "2024-03-31T02:30:00+0200", "2024-10-27T02:30:00-03", "20240229T235959Z", "20240229T2359", "2024-04-30 08:00",
    "2024-04-30T08:00:00.123456789Z", "1677-09-22", "2262-04-11", "0001-01-01", "9999-12-31", "2004-12-27",
    "2024-07-06", "2024-07-07T12:34:56", "2024-07-08T00:00:01.000001-00:00", "2024-09-30T23:00", "1600-02-29",
]
FORMATS = [
    ("%d.%m.%Y", ["29.11.2026", "1.2.2024", "29.02.2024", "31.12.2020"]),
    ("%m/%d/%y %I:%M %p", ["11/29/26 02:05 PM", "01/01/70 12:00 AM", "12/31/68 12:59 PM"]),
    ("%Y%m%d%H%M%S", ["20261129140506"]),
    ("%Y-%m-%d %H:%M:%S.%f", ["2026-11-29 14:05:06.5", "2026-11-29 14:05:06.000001"]),
    ("%Y-%m-%dT%H:%M:%S%z", ["2026-11-29T14:05:06+0100", "2026-11-29T14:05:06-03:30", "2026-11-29T14:05:06Z"]),
    ("%d %B %Y", ["29 November 2026", "1 May 2020"]),
    ("%a, %d %b %Y %H:%M", ["Sun, 29 Nov 2026 14:05"]),
    ("%Y-%m", ["2026-11", "2024-02"]),
    ("%Y", ["2026"]),
    ("%Y-%j", ["2024-366", "2023-365", "2023-001"]),
    ("%G-W%V-%u", ["2020-W53-5", "2026-W01-1"]),
    ("%H Uhr am %d.%m.%Y", ["7 Uhr am 03.10.1990"]),
    ("%Y-%m-%d %I", ["2024-05-05 12", "2024-05-05 11"]),
]
PERIODS = {"month": 12, "weekday": 7, "day_of_year": 365.25, "hour": 24, "minute": 60}


def parts(stamp):
    """The parts of a datetime or timestamp by the standard library."""
    aware = stamp if stamp.tzinfo else stamp.replace(tzinfo=datetime.timezone.utc)
    nanosecond = getattr(stamp, "nanosecond", 0)
    delta = aware.to_pydatetime(warn=False) if isinstance(aware, pandas.Timestamp) else aware
    delta = delta - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    following = None if stamp.date() == datetime.date.max else stamp.date() + datetime.timedelta(days=1)
    result = {
        "year": stamp.year, "quarter": (stamp.month + 2) // 3, "month": stamp.month, "day": stamp.day,
        "week": stamp.isocalendar()[1], "weekday": stamp.weekday(), "day_of_year": stamp.timetuple().tm_yday,
        "hour": stamp.hour, "minute": stamp.minute, "second": stamp.second,
        "is_weekend": int(stamp.weekday() >= 5), "is_month_start": int(stamp.day == 1),
        "is_month_end": int(following is None or following.month != stamp.month),
        "epoch": delta.days * 86400 + delta.seconds + (delta.microseconds * 1000 + nanosecond) / 1e9,
    }
    if isinstance(stamp, pandas.Timestamp):
        assert result["is_month_end"] == int(stamp.is_month_end), stamp
        assert result["is_month_start"] == int(stamp.is_month_start), stamp
        assert result["quarter"] == stamp.quarter and result["week"] == stamp.week, stamp
    for name, period in PERIODS.items():
        step = result[name] - (name in ("month", "day_of_year"))
        result[f"{name}_sin"] = math.sin(2 * math.pi * step / period)
        result[f"{name}_cos"] = math.cos(2 * math.pi * step / period)
    return result


def dates():
    """Parts of dates without and with a format, and of each day of some decades."""
    cases = [{"format": None, "texts": STANDARD, "rows": [parts(pandas.Timestamp(text)) for text in STANDARD]}]
    for form, texts in FORMATS:
        expected = [parts(datetime.datetime.strptime(text, form)) for text in texts]
        cases.append({"format": form, "texts": texts, "rows": expected})
    days = [datetime.datetime(1999, 12, 25, 7, 8, 9) + datetime.timedelta(days=37 * n, minutes=37 * n)
            for n in range(300)]
    texts = [day.isoformat() for day in days]
    cases.append({"format": None, "texts": texts, "rows": [parts(day) for day in days]})
    for case in cases:
        names = list(case["rows"][0])
        case["columns"] = {name: [row[name] for row in case["rows"]] for name in names}
        del case["rows"]
    return cases


def main():
    """Writes each file."""
    GOLDEN.mkdir(exist_ok=True)
    contents = {"tf_idf": tf_idf(), "characters": characters(), "hashed": hashed(), "datetime": dates()}
    for name, content in contents.items():
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (GOLDEN / f"{name}.json").write_text(text + "\n")
        print(name, len(text), file=sys.stderr)


main()
