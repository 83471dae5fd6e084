"""Text from strangers made safe: secrets cut out, invisible characters made visible.

``redact`` is deterministic and runs at every sink (prompt, card, ledger, log). What it finds
becomes ``[redacted:kind:hash8]``, the hash telling two secrets apart without telling either.
Anything that asks a model, a network or a list of known secrets may never enter here. Sources:
threats T24 to T27, property P22.
"""

from tools.redaction.inert import inert
from tools.redaction.scanner import RedactedText, redact, redacted, redacted_json

__all__ = ["RedactedText", "inert", "redact", "redacted", "redacted_json"]
