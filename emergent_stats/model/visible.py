"""What of a change can be seen, and how small a change may be: the gate of every account but flat.

Accounts have to be told apart by what shows in the scores. The prior of every
account but flat is therefore restricted, smoothly, to changes of the expected
score that are large enough somewhere on the design: it is multiplied by
1/(1 + (v/Δ)⁴), where v is the smallest change that counts and Δ = (Σ_i |g_i|⁸)^⅛
the change at the models where it is largest (to within a factor of the eighth
root of their number), so that models added elsewhere do not make a change more
visible. The formulas are made of operators and NumPy ufuncs: they run on
arrays and on PyTensor variables.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Smallest change of the expected score, as a share of the way from chance to top (nats of log
#: cross-entropy for losses), by which a score that is not flat must move.
VISIBLE = 0.05
#: Smallest change of interest: what a break must do to the score at some model, in the same share.
SMALLEST_CHANGE = 0.2
#: Likewise for losses, in nats of log cross-entropy.
SMALLEST_LOSS_CHANGE = 0.05
#: Added to Σ g⁸, so that no change at all has a logarithm.
LEAST = 1e-80


def smallest_change(losses: bool) -> float:
    """Smallest change of interest where none is given: nats for losses, else a share."""
    return SMALLEST_LOSS_CHANGE if losses else SMALLEST_CHANGE


def eighth(gap: Any) -> Any:
    """Eighth power of changes of the expected score."""
    square = gap * gap
    fourth = square * square
    return fourth * fourth


def log_gate(total: Any, visible: float) -> Any:
    """Log of 1/(1 + (v/Δ)⁴) for Δ⁸ = `total`, the sum of `eighth` powers over the models."""
    return -np.log1p(visible**4 / np.sqrt(total + LEAST))
