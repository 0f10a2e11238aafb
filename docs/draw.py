"""Draws the pictures of the documents, into ``docs/pictures/``; ``make docs`` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from canvas import Canvas
from xxhash import xxh3_64_hexdigest

from dynafile.values import encode_key_value

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).resolve().parent / "pictures"


def keys() -> str:
    """Draw how an item becomes a key, and the keys the partitions."""
    canvas = Canvas(
        "An item becomes a key",
        "The key of an item is the hash of its partition key, the partition key and the sort key. "
        "Keys in their order form runs, one for each item collection. Partitions are ranges of "
        "keys.",
        404,
    )
    ada = _hash("customer#ada")
    canvas.text(20, 26, "An item", at="start", bold=True)
    canvas.box(
        20,
        42,
        720,
        34,
        '{"PK": "customer#ada", "SK": "rental#2026-03-01", "bike": 7, "minutes": 12}',
        mono=True,
        size=13,
    )
    canvas.text(20, 108, "is stored as a key and a value, both bytes", at="start", bold=True)
    for x, width, fill, text, note in (
        (20, 170, "violet", ada, "hash, 8 bytes"),
        (190, 160, "blue", "customer#ada", "partition key"),
        (350, 190, "green", "rental#2026-03-01", "sort key"),
        (560, 180, "plain", "83 a2 50 4b ...", "the item, MessagePack"),
    ):
        canvas.box(x, 124, width, 34, text, fill=fill, mono=True)
        canvas.text(x + width / 2, 172, note, soft=True, size=12)
    canvas.text(20, 212, "All keys of the table in their order", at="start", bold=True)
    collections = ["customer#bob", "bike#9", "customer#ada", "bike#7", "customer#eve"]
    widths, counts = [168, 92, 224, 92, 144], [3, 1, 5, 1, 2]
    left = 20.0
    for name, width, count in zip(sorted(collections, key=_hash), widths, counts, strict=True):
        canvas.box(left, 246, width, 34, fill="green")
        for number in range(1, count):
            cut = left + width * number / count
            canvas.line((cut, 246), (cut, 280))
        canvas.text(left + width / 2, 234, name, mono=True, size=11)
        left += width
    middle = 20.0 + sum(widths[:2]) + widths[2] * 3 / 5
    canvas.text(
        380, 296, "an item collection is one run of keys; a query reads a part of it",
        soft=True, size=12,
    )  # fmt: skip
    for left, right, begin, note in (
        (20.0, 280.0, "0000000000000000-1a7", "a partition"),
        (280.0, middle, f"{ada[:12]}...-5c0", "one half"),
        (middle, 740.0, f"{ada[:12]}...-5c1", "the other half, cut inside a collection"),
    ):
        canvas.box(left + 2, 318, right - left - 4, 44, fill="amber")
        wide = right - left > 200
        label = begin if wide else begin[:8] + "...-5c0"
        canvas.text((left + right) / 2, 332, label, mono=True, size=12)
        canvas.text((left + right) / 2, 350, note, soft=True, size=12)
    canvas.text(
        380, 382, "partitions are ranges of keys: a folder each, split when they grow over 128 KiB",
        soft=True, size=12,
    )  # fmt: skip
    return canvas.svg()


def put() -> str:
    """Draw the way of a put, and what holds from which step on."""
    canvas = Canvas(
        "The way of a put",
        "A put is encoded, queued, appended to the journal under the lock, synced, published and "
        "applied; then listeners hear of it and the call returns.",
        376,
    )
    steps = [
        ("1 encode", "item to\nbytes", "plain"),
        ("2 queue", "one thread\nfor all", "plain"),
        ("3 lock", "follow\nothers", "violet"),
        ("4 append", "a record\na commit", "violet"),
        ("5 sync", "once for\nthe group", "violet"),
        ("6 publish", "END in\nposition", "violet"),
        ("7 apply", "to memory", "violet"),
        ("8 return", "listeners\nfirst", "plain"),
    ]
    width, gap = 83, 8
    places = [20 + number * (width + gap) for number in range(len(steps))]
    canvas.text(20, 26, "db.put_item(item=...)", at="start", mono=True)
    canvas.text(
        (places[2] + places[6] + width) / 2, 26, "under the lock of the folder", soft=True, size=12
    )
    canvas.line((places[2], 44), (places[2], 38), (places[6] + width, 38), (places[6] + width, 44))
    for place, (name, does, fill) in zip(places, steps, strict=True):
        canvas.box(place, 50, width, 84, fill=fill)
        canvas.text(place + width / 2, 68, name, bold=True)
        for number, line in enumerate(does.split("\n")):
            canvas.text(place + width / 2, 94 + number * 18, line, size=12)
    for place in places[1:]:
        canvas.arrow((place - gap, 92), (place, 92))
    end = places[-1] + width
    canvas.text(20, 164, "What holds from which step on", at="start", bold=True)
    for row, (begin, text, fill) in enumerate(
        (
            (places[3] + width, "if the process dies, the next one finds it", "amber"),
            (places[4] + width, "a power cut does not take it back", "green"),
            (places[5] + width, "every read that begins sees it", "blue"),
        )
    ):
        y = 182 + row * 44
        canvas.line((begin, y - 4), (begin, y + 36), dashed=True)
        canvas.box(begin, y, end - begin, 32, fill=fill)
        canvas.text(begin - 12, y + 16, text, at="end")
    canvas.line((20, 320), (740, 320))
    canvas.text(
        20, 338, 'durability="relaxed" leaves out step 5: a sync follows within a second,',
        at="start", soft=True, size=12,
    )  # fmt: skip
    canvas.text(
        20, 355, "and until then the second bar does not hold.", at="start", soft=True, size=12
    )
    return canvas.svg()


def checkpoint() -> str:
    """Draw how pending operations move from the journal into snapshots."""
    canvas = Canvas(
        "A checkpoint",
        "A new segment begins. Each commit folds some partitions: what was pending goes into new "
        "snapshots. When none is left, the checkpoint file names the new segment and the old goes.",
        424,
    )
    stages = [
        ("Before", ["a", "b", "c"], True, False),
        ("Under way", ["c"], True, True),
        ("After", [], False, True),
    ]
    for column, (title, pending, old, new) in enumerate(stages):
        x = 20 + column * 246
        canvas.text(x, 28, title, at="start", bold=True, size=14)
        canvas.text(x, 56, "journal", at="start", soft=True, size=12)
        canvas.box(
            x,
            70,
            108,
            40,
            "segment 1" if old else "gone",
            fill="amber" if old else "none",
            dashed=not old,
        )
        if new:
            canvas.box(x + 118, 70, 108, 40, "segment 2", fill="blue")
        canvas.text(x, 132, "pending, in memory", at="start", soft=True, size=12)
        for number, name in enumerate("abc"):
            place = x + number * 76
            waits = name in pending
            canvas.box(
                place,
                146,
                70,
                36,
                "puts" if waits else "none",
                fill="amber" if waits else "none",
                dashed=not waits,
            )
            if waits and column == 1:
                canvas.arrow((place + 35, 182), (place + 35, 222))
        canvas.text(x, 208, "snapshots, on the disk", at="start", soft=True, size=12)
        for number, name in enumerate("abc"):
            folded = name not in pending
            canvas.box(
                x + number * 76, 224, 70, 44,
                f"{name}\n{'new' if folded else 'old'}", fill="green" if folded else "plain",
            )  # fmt: skip
        canvas.text(x, 296, "checkpoint", at="start", soft=True, size=12)
        canvas.box(x, 310, 226, 36, f"replay from segment {1 if old else 2}", fill="violet")
        if column:
            canvas.arrow((x - 17, 168), (x - 3, 168))
    for number, text in enumerate(
        (
            "To fold: sync the journal; write the new snapshot in tmp/, sync it, rename it;",
            "append a FOLD record, so that other processes drop what is pending there too.",
            "A crash at any moment leaves the old snapshot and its journal, or the new one.",
        )
    ):
        canvas.text(20, 370 + number * 18, text, at="start", soft=True, size=12)
    return canvas.svg()


def crash() -> str:
    """Draw a journal as a crash left it, and as the next opener leaves it."""
    canvas = Canvas(
        "A crash, and what the next opener does",
        "Records before END are kept. A whole record behind it is adopted. A torn one becomes "
        "zeros.",
        404,
    )
    canvas.text(20, 28, "The journal as a crash left it", at="start", bold=True)
    places = [
        (20, 96, "header", "plain", "segment 1"),
        (116, 130, "record", "green", "acknowledged"),
        (246, 130, "record", "green", "acknowledged"),
        (376, 130, "record", "amber", "not published"),
        (506, 90, "reco", "red", "torn"),
        (596, 144, "000000", "plain", "written ahead"),
    ]
    for x, width, text, fill, note in places:
        canvas.box(x, 62, width, 40, text, fill=fill, mono=True)
        canvas.text(x + width / 2, 116, note, soft=True, size=12)
    canvas.arrow((376, 44), (376, 60))
    canvas.text(366, 46, "END in position: published", at="end", size=12)
    canvas.text(20, 158, "The next one that opens it, or takes the lock", at="start", bold=True)
    rows = [
        ("green", "was published: kept. Damage to what was synced is an error, never skipped."),
        ("amber", "its length and checksum fit: adopted, and synced before it is published."),
        ("red", "was never acknowledged: overwritten with zeros, and said so in the log."),
    ]
    for number, (fill, text) in enumerate(rows):
        canvas.box(20, 176 + number * 30, 22, 22, fill=fill)
        canvas.text(54, 187 + number * 30, text, at="start")
    canvas.text(20, 288, "The journal afterwards", at="start", bold=True)
    for x, width, text, fill, _ in places[:3]:
        canvas.box(x, 322, width, 40, text, fill=fill, mono=True)
    canvas.box(376, 322, 130, 40, "record", fill="green", mono=True)
    canvas.box(506, 322, 234, 40, "0000000000000", mono=True)
    canvas.arrow((506, 304), (506, 320))
    canvas.text(496, 306, "END", at="end", size=12)
    canvas.text(
        20, 382, "Besides: tmp/ is emptied, and folders that no record names go.",
        at="start", soft=True, size=12,
    )  # fmt: skip
    return canvas.svg()


def follow() -> str:
    """Draw how a second process sees what a first one wrote."""
    canvas = Canvas(
        "A second process follows",
        "Process A appends and syncs a record and stores the new end in position. Process B "
        "compares that word with how far it has read, and reads the records between.",
        372,
    )
    canvas.box(20, 44, 170, 300)
    canvas.text(105, 28, "process A, writes", bold=True)
    canvas.box(570, 44, 170, 300)
    canvas.text(655, 28, "process B, reads", bold=True)
    canvas.text(380, 28, "the folder", bold=True)
    canvas.box(32, 62, 146, 44, "put_item(...)", fill="blue", mono=True)
    canvas.box(310, 92, 140, 58, "journal\n... | 300 | 391", fill="amber")
    canvas.box(310, 208, 140, 58, "position\nEND = 482", fill="violet")
    canvas.box(32, 280, 146, 44, "memory, as of 482", fill="green")
    canvas.box(582, 62, 146, 44, "get_item(...)", fill="blue", mono=True)
    canvas.box(582, 152, 146, 58, "memory, as of 391\nthen as of 482", fill="green")
    canvas.box(582, 280, 146, 44, "the answer", fill="blue")
    canvas.arrow((178, 84), (290, 84), (290, 121), (308, 121))
    canvas.text(204, 102, "1 append,", at="start", size=12)
    canvas.text(204, 120, "2 sync", at="start", size=12)
    canvas.arrow((105, 106), (105, 278))
    canvas.arrow((105, 237), (308, 237))
    canvas.text(204, 222, "3 store", at="start", size=12)
    canvas.text(62, 258, "4 apply", size=12)
    canvas.arrow((450, 237), (500, 237), (500, 192), (580, 192))
    canvas.text(462, 254, "5 compare", at="start", size=12)
    canvas.arrow((450, 121), (500, 121), (500, 168), (580, 168))
    canvas.text(462, 104, "6 read from 391", at="start", size=12)
    canvas.arrow((655, 106), (655, 150))
    canvas.arrow((655, 210), (655, 278))
    canvas.text(664, 244, "7 serve", at="start", size=12)
    canvas.text(380, 298, "Numbers are places in the", soft=True, size=12)
    canvas.text(380, 315, "journal, in bytes: LSNs.", soft=True, size=12)
    return canvas.svg()


def index() -> str:
    """Draw an index as a directory like that of the items, written in the same commit."""
    canvas = Canvas(
        "An index is a mirror directory",
        "One record of the journal holds the operation on the item and the operation on the index. "
        "Items and index entries lie in two directories of the same shape, in two orders.",
        388,
    )
    canvas.text(20, 28, "One commit, one record of the journal", at="start", bold=True)
    canvas.box(20, 44, 110, 44, "frame", fill="plain")
    canvas.box(130, 44, 300, 44, "PUT the item", fill="green")
    canvas.box(430, 44, 310, 44, "PUT its index entry", fill="blue")
    canvas.arrow((280, 88), (200, 146))
    canvas.arrow((585, 88), (560, 146))
    canvas.text(370, 112, "both, or neither", soft=True, size=12)
    for x, folder, fill, title, rows in (
        (
            20, "_partitions/", "green", "items, by partition and sort key",
            ("hash customer#bob rental#2026-03-04", "hash customer#ada rental#2026-03-01",
             "hash customer#ada rental#2026-03-04"),
        ),
        (
            390, "_ttl/_partitions/", "blue", "the index by expiry, in order of time",
            ("1772323200 + key of an item", "1772582400 + key of an item",
             "1772582460 + key of an item"),
        ),
    ):  # fmt: skip
        canvas.box(x, 150, 350, 186, fill="none")
        canvas.text(x + 14, 170, folder, at="start", mono=True, bold=True)
        canvas.text(x + 14, 192, title, at="start", soft=True, size=12)
        for number, row in enumerate(rows):
            canvas.box(x + 14, 210 + number * 38, 322, 30, row, fill=fill, mono=True, size=12)
    canvas.text(
        20, 362, "Both are split, folded and followed alike; neither knows what the other is for.",
        at="start", soft=True, size=12,
    )  # fmt: skip
    return canvas.svg()


def _hash(partition_key: str) -> str:
    return xxh3_64_hexdigest(encode_key_value(partition_key, attribute="PK", limit=2048))


PICTURES: Final[dict[str, Callable[[], str]]] = {
    "keys": keys,
    "put": put,
    "checkpoint": checkpoint,
    "crash": crash,
    "follow": follow,
    "index": index,
}


def main() -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
