"""The Merkle tree of RFC 6962 over the audit rows, kept as its right edge. Pure.

Only the roots of its complete subtrees are held, at most one for each power of two: a leaf costs
one more hash on average, and a million rows need twenty digests of memory.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field


def node(left: bytes, right: bytes) -> bytes:
    """The digest above two others."""
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(kw_only=True)
class Tree:
    """``size`` leaves; ``peaks`` are the roots of its complete subtrees, the largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def add(self, leaf: bytes) -> None:
        """One more leaf at the right."""
        self.size = count = self.size + 1
        pop, sha256 = self.peaks.pop, hashlib.sha256
        while not count & 1:
            leaf = sha256(b"\1" + pop() + leaf).digest()
            count >>= 1
        self.peaks.append(leaf)

    def grow(self, leaves: list[bytes]) -> None:
        """Many more at the right, a level at a time: half the cost of one after the other."""
        level, size, sha256 = leaves, self.size, hashlib.sha256
        self.size += len(leaves)
        alone: list[bytes] = []
        while level:
            if size & 1:
                level = [self.peaks.pop(), *level]
            size >>= 1
            if len(level) & 1:
                alone.append(level[-1])
            pairs = zip(level[::2], level[1::2], strict=False)
            level = [sha256(b"\1" + left + right).digest() for left, right in pairs]
        self.peaks += reversed(alone)

    def join(self, right: Tree) -> Tree:
        """The tree of these leaves and then those of ``right``, which had no leaf before it.

        Each complete subtree of ``right`` has to be one of the whole as well. Raises ValueError.
        """
        whole = Tree(size=self.size, peaks=list(self.peaks))
        rest = right.size
        for top in right.peaks:
            width = 1 << (rest.bit_length() - 1)
            rest -= width
            if whole.size % width:
                raise ValueError(f"a subtree of {width} leaves does not begin at {whole.size}")
            count, peak = (whole.size + width) // width, top
            while not count & 1:
                peak = node(whole.peaks.pop(), peak)
                count >>= 1
            whole.peaks.append(peak)
            whole.size += width
        return whole

    def root(self) -> bytes:
        """The Merkle tree hash of all leaves; of none, the digest of nothing (RFC 6962, 2.1)."""
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        top = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            top = node(left, top)
        return top
