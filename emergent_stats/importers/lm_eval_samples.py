"""Per-sample records of lm-evaluation-harness: one pass, a few thousand in memory at a time.

A record holds the score of an answer and the log-likelihoods behind it, so one
file gives both a discontinuous and a continuous metric of the same outputs:
accuracy, and bits per byte and Brier score of the right answer. A million
records take seconds: only the fields that are needed are decoded. Whether a key
stands twice is told by length: if it does, the keys and values found do not add
up to the line. Such a line, and one with a bare NaN, is read again by the slow
reader, which raises or lets it pass.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emergent_stats.importers.likelihoods import Samples
from emergent_stats.importers.reading import parse_json, read_lines
from emergent_stats.results.extras import require
from emergent_stats.results.files import ResultsError

if TYPE_CHECKING:
    import msgspec
else:
    msgspec = require("msgspec", "samples", "reading lm-eval's samples")


class _Argument(msgspec.Struct):
    arg_1: str


_RECORD = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY = msgspec.json.Decoder()
#: Arguments and responses of a choice as versions since 0.4.3 write them.
_ARGUMENTS = msgspec.json.Decoder(dict[str, _Argument])
_PAIRS = msgspec.json.Decoder(list[tuple[str, str]])
_BITS = {b"0": 0.0, b"1": 1.0, b"0.0": 0.0, b"1.0": 1.0, b"false": 0.0, b"true": 1.0}
_TRUTH = (True, False, "True", "False")
#: What a record of another form makes of the decoders and conversions below.
_UNREADABLE = (msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError, OverflowError)
#: Keys of a record that are no metrics (versions before 0.4.9 do not list the metrics).
_OTHER = frozenset(
    [
        *("doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"),
        *("doc_hash", "prompt_hash", "target_hash"),
    ]
)

#: Metrics that say right or wrong, the first of which stands in the table of items.
_SCORES = ("acc", "exact_match")

_Record = dict[str, msgspec.Raw]


def read_samples(path: Path, keep: bool = False) -> dict[str, Samples]:
    """Summaries of a samples file by filter.

    Parameters
    ----------
    path : Path
        A samples_*.jsonl file.
    keep : bool
        Whether to keep what each record says as well (`Samples.items`).

    Raises
    ------
    ResultsError
        With file and line, where a record cannot be read.
    """
    reader = _Reader(keep)
    for number, line in read_lines(path):
        try:
            record = _RECORD.decode(line)
            if not _adds_up(line, record):
                record = _slow(line, path, number)
        except (msgspec.DecodeError, UnicodeDecodeError):
            record = _slow(line, path, number)
        try:
            reader.take(record)
        except _UNREADABLE as error:
            why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            raise ResultsError(
                f"{path}, line {number}: not a record of lm-eval's samples ({why}); is it from "
                "another tool?"
            ) from None
    if not reader.found:
        raise ResultsError(f"{path}: has no records; was the run cut short?")
    for samples in reader.found.values():
        samples.flush()
    return reader.found


def _adds_up(line: bytes, record: _Record) -> bool:
    """Whether the keys and values of `record` are all that stands in `line`."""
    first = len(next(iter(record), "")) + 4
    gap = 1 if line[first : first + 1] == b" " else 0
    count = len(record)
    inside = sum(map(len, record)) + sum(map(len, record.values()))
    size = len(line) - line.endswith(b"\n")
    return size == inside + count * (4 + 2 * gap) + 1 - gap


def _slow(line: bytes, path: Path, number: int) -> _Record:
    value = parse_json(line, str(path), number)
    if not isinstance(value, dict):
        raise ResultsError(f"{path}, line {number}: is no JSON object; is it from another tool?")
    try:
        return {
            key: msgspec.Raw(msgspec.json.encode(_writable(each))) for key, each in value.items()
        }
    except (UnicodeEncodeError, msgspec.MsgspecError, OverflowError) as error:
        raise ResultsError(
            f"{path}, line {number}: holds text that is no Unicode ({error})"
        ) from None


def _writable(value: Any) -> Any:
    """`value` with NaN, Infinity and huge integers as text, which msgspec can write."""
    if isinstance(value, dict):
        return {key: _writable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_writable(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    return value


class _Reader:
    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.found: dict[str, Samples] = {}
        self._by_raw: dict[bytes, Samples] = {}
        self._metrics: dict[bytes, tuple[str, ...]] = {}
        #: Whether a filter's records have likelihoods, as its first one does.
        self._chooses: dict[str, bool] = {}

    def take(self, record: _Record) -> None:
        """Add one record to the summary of its filter."""
        raw = bytes(record.get("filter", b'""'))
        samples = self._by_raw.get(raw)
        if samples is None:
            name = str(_ANY.decode(raw))
            samples = self._by_raw[raw] = self.found.setdefault(name, Samples(name, self.keep))
        metrics = self._listed(record)
        score = correct = None
        for metric in metrics:
            value = _number(record.get(metric))
            if value is not None:
                samples.value(metric, value)
                if metric == "acc":
                    correct = value
                if score is None or metric in _SCORES:
                    score = value
        values = self._likelihoods(samples.name, record)
        if values:
            if "acc_mutual_info" in metrics:  # each option is asked for a second time, alone
                values = values[: len(values) // 2]
            samples.likelihoods(values, correct)
            _put_target(record, samples, len(values))
        if samples.items is not None:
            doc = _ANY.decode(record["doc_id"]) if "doc_id" in record else samples.n
            samples.items.doc.append(doc)
            samples.items.score.append(math.nan if score is None else score)
        samples.done()

    def _listed(self, record: _Record) -> tuple[str, ...]:
        listed = record.get("metrics")
        if listed is None:
            return tuple(key for key in record if key not in _OTHER)
        raw = bytes(listed)
        names = self._metrics.get(raw)
        if names is None:
            names = self._metrics[raw] = tuple(dict.fromkeys(map(str, _ANY.decode(raw))))
        return names

    def _likelihoods(self, name: str, record: _Record) -> list[float]:
        """Log-likelihood of each option; empty where the answer is text and has none."""
        expected = self._chooses.get(name)
        if expected is False:
            return []
        values = _likelihoods(record["filtered_resps"])
        if expected is None:
            self._chooses[name] = bool(values)
        elif not values:
            raise ValueError("no likelihoods, which earlier records have")
        return values


def _number(raw: msgspec.Raw | None) -> float | None:
    if raw is None:
        return None
    text = bytes(raw)
    value = _BITS.get(text)
    if value is not None:
        return value
    if text[:1] in (b"[", b"{", b'"', b"n"):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _likelihoods(raw: msgspec.Raw) -> list[float]:
    try:
        return [float(value) for value, _ in _PAIRS.decode(raw)]
    except msgspec.ValidationError:
        pass
    responses = _ANY.decode(raw)
    pairs = isinstance(responses, list) and all(
        isinstance(pair, list) and len(pair) == 2 and pair[1] in _TRUTH for pair in responses
    )
    return [float(pair[0]) for pair in responses] if pairs else []


def _put_target(record: _Record, samples: Samples, count: int) -> None:
    """Note which option is right, under each reading that is still possible."""
    texts = _continuations(record["arguments"])
    if len(texts) < count:
        raise ValueError(f"{count} likelihoods of {len(texts)} texts")
    if count == 1:
        samples.by_text.possible = False
        samples.by_number.put(0, texts)
        return
    target = str(_ANY.decode(record["target"]))
    if samples.by_number.possible:
        number = int(target) if target.isdecimal() and len(target) < 9 else count
        samples.by_number.put(number if number < count else None, texts)
    if samples.by_text.possible:
        stripped = [text.strip() for text in texts[:count]]
        once = stripped.count(target.strip()) == 1
        samples.by_text.put(stripped.index(target.strip()) if once else None, texts)


def _continuations(raw: msgspec.Raw) -> list[str]:
    """Texts whose likelihood was asked for, in either of the two forms they are written in."""
    if memoryview(raw)[:1] == b"{":
        return [argument.arg_1 for argument in _ARGUMENTS.decode(raw).values()]
    return [str(pair[1]) for pair in _ANY.decode(raw)]
