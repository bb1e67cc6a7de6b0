"""A verdict in a thumbnail: scores, the likeliest account's curve and chance, as a small <svg>."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from emergent_stats.model.trends import ACCOUNTS

if TYPE_CHECKING:
    from emergent_stats.verdict.comparison import Comparison

_WIDTH, _HEIGHT, _MARGIN = 132, 60, 4
#: Every so many points of a band's curve are drawn.
_EVERY = 2


def thumbnail(c: Comparison, colours: Mapping[str, str]) -> str:
    """Small figure of a comparison; the highest and lowest score are its rims.

    Parameters
    ----------
    c : Comparison
    colours : mapping
        Colour of each account.
    """
    curve = c.curve
    axis = curve.scale_axis
    best = max(ACCOUNTS, key=lambda a: np.nan_to_num(getattr(c, f"p_{a}"), nan=-1.0))
    band = c.bands.get(best)
    log = curve.metric == "perplexity"

    def height(score):
        return np.log(score) if log else np.asarray(score, float)

    places, scores = curve.x, height(curve.score)
    line_x, line_y = np.empty(0), np.empty(0)
    if band is not None:
        line_x = axis.x(np.asarray(band["x"])[::_EVERY])
        line_y = height(np.asarray(band["score_mid"])[::_EVERY])
        inside = (line_x >= places[0]) & (line_x <= places[-1]) & np.isfinite(line_y)
        line_x, line_y = line_x[inside], line_y[inside]
    seen = np.concatenate([scores, line_y])
    low, high = float(seen.min()), float(seen.max())
    if not curve.metric_object.continuous:
        low = 0.0
        high = 1.0 if high > 0.6 else max(1.15 * high, 1e-3)
    span_x, span_y = float(np.ptp(places)) or 1.0, (high - low) or 1.0

    def x(values):
        return _MARGIN + (values - places[0]) / span_x * (_WIDTH - 2 * _MARGIN)

    def y(values):
        return _HEIGHT - _MARGIN - (values - low) / span_y * (_HEIGHT - 2 * _MARGIN)

    said = f"scores from {curve.score[0]:.3g} to {curve.score[-1]:.3g}, most probable: {best}"
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{said}">']
    rim = f"M{_MARGIN / 2:g} {_MARGIN / 2:g}V{_HEIGHT - _MARGIN / 2:g}H{_WIDTH - _MARGIN / 2:g}"
    parts.append(f'<path d="{rim}" fill="none" stroke="#bfbfbf"/>')
    if np.isfinite(curve.chance) and low < curve.chance < high:
        level = float(y(curve.chance))
        parts.append(
            f'<path d="M{_MARGIN} {level:.1f}H{_WIDTH - _MARGIN}" stroke="#595959" '
            'stroke-dasharray="3 3" stroke-width=".8"/>'
        )
    if line_x.size:
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x(line_x), y(line_y), strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colours[best]}" stroke-width="2"/>'
        )
    parts += [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.3" fill="#1a1a1a"/>'
        for a, b in zip(x(places), y(scores), strict=True)
    ]
    return "".join(parts) + "</svg>"
