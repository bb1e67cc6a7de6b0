"""Names from foreign files: made safe to print, and read for what they say of a model."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# 7b1 is 7.1b; a single letter before the number makes it something else (t5, a14b)
_SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:\.\d+)?)([kmbt])(\d*)(?![a-z0-9])")
_GLUED = re.compile(r"(?<=[a-z]{2})(\d+(?:\.\d+)?)([mb])()(?![a-z0-9])")
# points where a name can have none: 1p4b; an underscore is one only in a number that a dash sets
# off (stablelm-2-1_6b, but llama_2_7b)
_POINT = re.compile(r"(?:^|(?<=-))(\d)_(\d+[mb])(?![a-z0-9])")
_P = re.compile(r"(?<![a-z0-9.])(\d+)p(\d+[mb])(?![a-z0-9])")
# where a checkpoint stands in training; numbers behind it are tokens
_TRAINED = re.compile(r"-(?:intermediate-)?step-?\d")
_EXPERTS = re.compile(r"(?<![a-z0-9])(?:\d+x\d+(?:\.\d+)?[mb]?|[ae]?\d+(?:\.\d+)?b-a\d+(?:\.\d+)?b"
                      r"|[ae]\d+(?:\.\d+)?b|\d+e)(?![a-z0-9])")  # fmt: skip
# sizes as words, of families that are named so: elsewhere 'base' is a stage and 'large' a brand
_WORDS = re.compile(
    r"(?<![a-z0-9])((?:[a-z0-9]+-)*[a-z0-9]*(?:gpt-?[23]|t5|bert|bart|electra|xlnet|dialogpt))"
    r"-(?:tiny|mini|small|medium|base|large|huge|xl|xxl)(?![a-z0-9])"
)
# a date of release in front of a size is that size's own: olmo-2-1124-7b, olmo-2-0325-32b
_STAMP = re.compile(r"-\d{4}(?=-$)")
# how the weights are stored, which is not how they were trained
_STORED = re.compile(r"-(?:hf|bf16|fp16|fp32)(?![a-z0-9])")
# organisations that file names put in front of a model with a dash or an underscore
_ORGANISATION = re.compile(
    r"^(?:ai-forever|allenai|bigcode|bigscience|eleutherai|facebook|google|huggingfacetb|"
    r"huggyllama|meta-llama(?=-(?:meta-|code)?llama)|meta(?=-(?:llama|opt))|microsoft|mistralai|"
    r"openai-community|openlm-research|sberbank-ai|stabilityai|state-spaces|tiiuae)-"
    r"(?=[a-z])"
)
#: Fewest parameters that a name can state: below, the number is a length of context.
_LEAST = 1e5
# lengths of context, in thousands, that are also sizes above `_LEAST`
_CONTEXTS = (100, 128, 200, 256, 262, 512, 524, 1000, 1024, 1048)
_STEP = re.compile(r"(?<![a-z])step[-_=]?(\d+)(k(?![a-z0-9]))?", re.IGNORECASE)
_TOKENS = re.compile(r"(?<![a-z])tokens[-_=]?(\d+(?:\.\d+)?)([mbt])", re.IGNORECASE)
_UNIT = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_MAX_NAME = 500


def clean(text: object) -> str:
    """`text` as one line of composed Unicode without control or direction marks.

    Slashes, dots and leading signs stay: a name is data and never becomes a path.

    Examples
    --------
    >>> clean(" mmlu/../höhe\\n")
    'mmlu/../höhe'
    """
    return _clean(str(text))


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    plain = "".join(c for c in text if c.isspace() or c.isprintable())
    return " ".join(unicodedata.normalize("NFC", plain).split())[:_MAX_NAME].rstrip()


@lru_cache(maxsize=4096)
def key(name: str) -> str:
    """Name by which a model is looked up: no organisation, lower case, dashes.

    Examples
    --------
    >>> key("EleutherAI/pythia-v1.1-1.4b-deduped")
    'pythia-1.4b-deduped'
    >>> key("EleutherAI__Pythia_70M"), key("Qwen/Qwen-1_8B")
    ('pythia-70m', 'qwen-1.8b')
    """
    text = clean(name).replace("__", "/").rstrip("/").rsplit("/", 1)[-1].casefold()
    text = re.sub(r"[\s_]+", "-", _POINT.sub(r"\1.\2", text))
    text = _P.sub(r"\1.\2", text)
    while (bare := _ORGANISATION.sub("", text)) != text:  # meta-llama_Meta-Llama-3-8B
        text = bare
    return re.sub(r"^pythia-v[01](?:\.\d)?-", "pythia-", text).removesuffix("-hf")


@dataclass(frozen=True)
class Size:
    """Parameters that a name states, and the name without them."""

    params: float
    rest: str


@lru_cache(maxsize=4096)
def size_in_name(name: str) -> Size | None:
    """Parameters stated in a model's name; None if there are none or they are not one number.

    Lengths of context ('phi-3-mini-4k', 'qwen2.5-7b-1m') are no sizes. Mixtures
    of experts ('8x7b', '30b-a3b') state two numbers and give None.

    Examples
    --------
    >>> size_in_name("bigscience/bloom-7b1")
    Size(params=7100000000.0, rest='bloom')
    >>> size_in_name("01-ai/Yi-34B-200K")
    Size(params=34000000000.0, rest='yi-200k')
    >>> size_in_name("mixtral-8x7b") is None
    True
    """
    text = key(name)
    if _EXPERTS.search(text):
        return None
    found = _stated(text)
    if found is None:
        return None
    match, params = found
    return Size(params, _without(text, match.start(), match.end()))


@lru_cache(maxsize=4096)
def family_in_name(name: str) -> str:
    """Model's name without its size: what models that differ only in size share.

    What tells recipes apart stays (deduped, instruct, a version, a length of
    context); a mixture of experts is not of the family of its dense sisters.
    Empty if the name is nothing but a size.

    Examples
    --------
    >>> {family_in_name(name) for name in ("facebook/xglm-564M", "facebook/xglm-2.9B")}
    {'xglm'}
    >>> family_in_name("Qwen/Qwen3-30B-A3B"), family_in_name("Qwen/Qwen3-32B")
    ('qwen3-moe', 'qwen3')
    >>> family_in_name("google/flan-t5-xxl"), family_in_name("pythia-70m-deduped")
    ('flan-t5', 'pythia-deduped')
    """
    text = key(name)
    experts = _EXPERTS.search(text)
    if experts:
        rest = _without(text, experts.start(), experts.end())
        # gemma-3n-e4b is as large as 4b in effect, and no mixture
        mixture = not ("moe" in rest or experts.group().startswith("e"))
        return f"{rest}-moe".lstrip("-") if mixture else rest
    size = size_in_name(name)
    if size is not None:
        return size.rest
    return _without(_WORDS.sub(r"\1", text), 0, 0)


def _stated(text: str) -> tuple[re.Match[str], float] | None:
    """The one size among the numbers of a name, and its value; None if there is not one."""
    trained = _TRAINED.search(text)
    text = text[: trained.start()] if trained else text
    sizes = _sizes(_SIZE, text) or _sizes(_GLUED, text)
    if len(sizes) > 1 and sizes[0][0].group(2) in "mb":
        # behind a size, whole millions up to ten are a context (-7b-1m) and trillions tokens
        first, *others = sizes
        if all(
            match.group(2) in "kt" or (match.group(2) == "m" and params <= 1e7)
            for match, params in others
        ):
            sizes = [first]
    return sizes[0] if len(sizes) == 1 else None


def _sizes(pattern: re.Pattern[str], text: str) -> list[tuple[re.Match[str], float]]:
    found = [(match, _parameters(match)) for match in pattern.finditer(text)]
    return [(match, params) for match, params in found if params is not None]


def _parameters(match: re.Match[str]) -> float | None:
    """Value of a size in a name; None if it cannot be parameters."""
    number, unit, rest = match.groups()
    if rest and "." in number:
        return None
    params = round(float(f"{number}.{rest}" if rest else number) * _UNIT[unit], 3)
    if not _LEAST <= params <= 1e14:
        return None
    return None if unit == "k" and float(number) in _CONTEXTS else params


def _without(text: str, start: int, end: int) -> str:
    """`text` without what stands from `start` to `end`, and without how weights are stored."""
    left = _STAMP.sub("", text[:start]) + text[end:]
    return re.sub(r"-{2,}", "-", _STORED.sub("", left)).strip("-. ")


@dataclass(frozen=True)
class Revision:
    """Training step and tokens that a checkpoint's name states (None where it does not)."""

    step: float | None = None
    tokens: float | None = None


def revision(text: str) -> Revision:
    """Read a checkpoint's revision.

    Examples
    --------
    >>> revision("stage1-step140000-tokens294B")
    Revision(step=140000.0, tokens=294000000000.0)
    >>> revision("main")
    Revision(step=None, tokens=None)
    """
    step, tokens = _STEP.search(text), _TOKENS.search(text)
    return Revision(
        float(step.group(1)[:18]) * (1e3 if step.group(2) else 1.0) if step else None,
        float(tokens.group(1)) * _UNIT[tokens.group(2).lower()] if tokens else None,
    )
