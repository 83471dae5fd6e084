"""The parts of the signed record: tree, notes, keys, the pure verifier and its size."""

from __future__ import annotations

import ast
import base64
import hashlib
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.auditor import signatures, standalone
from agents.auditor.keys import KeyProblem, KeyRing, PublicKey
from agents.auditor.notes import Checkpoint, NotANote, Note, Signature, notes_in
from agents.auditor.tree import Tree
from agents.ledger import chain

STANDALONE = Path(__file__).parents[2] / "agents" / "auditor" / "standalone.py"
NOW = datetime(2026, 11, 27, 1, 2, 3, 456789, tzinfo=UTC)


def merkle(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word for word: split at the largest power of two below the number."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:])).digest()


@given(st.integers(0, 300))
@settings(max_examples=60)
def test_the_tree_is_that_of_rfc_6962(count: int) -> None:
    leaves = [chain.leaf(str(n).encode()) for n in range(count)]
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf)
    assert (tree.size, tree.root()) == (count, merkle(leaves))


@given(st.lists(st.integers(0, 70), max_size=8))
@settings(max_examples=60)
def test_a_tree_grows_by_many_leaves_as_by_one_after_the_other(parts: list[int]) -> None:
    by_one, by_many, done = Tree(), Tree(), 0
    for count in parts:
        leaves = [chain.leaf(str(n).encode()) for n in range(done, done + count)]
        done += count
        for leaf in leaves:
            by_one.add(leaf)
        by_many.grow(leaves)
        assert by_many == by_one


@given(st.integers(0, 8), st.integers(1, 5), st.integers(0, 300))
@settings(max_examples=60)
def test_trees_that_stand_side_by_side_are_one(level: int, times: int, right: int) -> None:
    unit = 1 << level
    right = min(right, 2 * unit if times % 2 == 0 else unit)
    leaves = [chain.leaf(str(n).encode()) for n in range(times * unit + right)]
    first, second, whole = Tree(), Tree(), Tree()
    first.grow(leaves[: times * unit])
    second.grow(leaves[times * unit :])
    whole.grow(leaves)
    assert first.join(second) == whole


def test_trees_that_do_not_fit_side_by_side_are_not_joined() -> None:
    first, second = Tree(), Tree()
    first.grow([b"a", b"b", b"c"])
    second.grow([b"d", b"e"])
    with pytest.raises(ValueError, match="does not begin at 3"):
        first.join(second)


def a_note() -> Note:
    checkpoint = Checkpoint(origin="midwatch/abc", size=7, root=b"r" * 32, head=b"h" * 32, at=NOW)
    own = Signature(name="midwatch/abc", key_id=b"1234", signature=b"s" * 64)
    return Note(checkpoint=checkpoint, signatures=(own,))


@pytest.mark.parametrize(
    "around", ["{}", "words of a person\n{}\nmore words", "```\n{}```", "  {}  ", "{}{}"]
)
def test_a_note_is_found_in_what_a_person_pastes(around: str) -> None:
    text = around.replace("{}", a_note().text())
    assert list(notes_in(text)) == [a_note()] * around.count("{}")
    assert list(notes_in(text.replace("\n", "\r\n"))) == [a_note()] * around.count("{}")


def test_a_note_that_breaks_off_is_words_and_a_bent_one_is_refused() -> None:
    whole = a_note().text()
    assert list(notes_in(whole[: whole.index("—")])) == []
    assert list(notes_in(whole[:90] + "\n" + whole)) == [a_note()]
    with pytest.raises(NotANote):
        list(notes_in(whole.replace("\n7\n", "\nseven\n")))
    with pytest.raises(NotANote):
        list(notes_in(whole[:-5] + "\n"))


def test_a_key_in_words_is_read_back_and_a_damaged_one_is_not() -> None:
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    key = PublicKey(name="midwatch/abc", raw=raw)
    assert PublicKey.read(key.text()) == key
    for bent in (key.text()[:-4], key.text().replace("abc", "abd"), "a+b", "x", f"{key.text()}A"):
        with pytest.raises(KeyProblem):
            PublicKey.read(bent)


# RFC 8032, 7.1: secret key, public key and message of tests 1 to 3, with their signatures.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_pure_verifier_takes_the_vectors_of_the_rfc(key: str, message: str, signature: str) -> None:
    raw = bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature)
    assert standalone.signed_by(*raw)
    assert not standalone.signed_by(raw[0], raw[1] + b"x", raw[2])


@given(st.binary(max_size=80), st.integers(0, 511))
@settings(max_examples=10, deadline=None)
def test_the_pure_verifier_agrees_with_the_library(message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.generate()
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)
    assert standalone.signed_by(public, message, signature)
    bent = bytearray(signature)
    bent[bit // 8] ^= 1 << bit % 8
    try:
        assert not standalone.signed_by(public, message, bytes(bent))
    except ValueError:
        assert bit < 256, "only the first half is a point"


def test_a_signature_with_a_number_above_the_order_is_refused() -> None:
    private = Ed25519PrivateKey.generate()
    signature = private.sign(b"m")
    s = int.from_bytes(signature[32:], "little") + standalone.ORDER
    twin = signature[:32] + s.to_bytes(32, "little")
    assert not standalone.signed_by(private.public_key().public_bytes_raw(), b"m", twin)


def test_the_standalone_verifier_is_short_and_needs_only_the_standard_library() -> None:
    source = STANDALONE.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_hash_is_that_of_the_row_before_and_the_leaf() -> None:
    body = b'{"seq":1}'
    leaf = hashlib.sha256(b"\0" + body).digest()
    assert chain.leaf(body) == leaf
    assert chain.seal(chain.GENESIS, body) == hashlib.sha256(b"\2" + bytes(32) + leaf).hexdigest()
    assert base64.b64decode(a_note().checkpoint.text().splitlines()[2]) == b"r" * 32


def test_signatures_checked_by_a_process_of_their_own_say_the_same(tmp_path: Path) -> None:
    keys, others = KeyRing(folder=tmp_path / "own"), KeyRing(folder=tmp_path / "others")
    trust = keys.open(NOW)
    checkpoint = replace(a_note().checkpoint, origin=trust.origin)
    whole, foreign = keys.sign(checkpoint, trust), others.sign(checkpoint, others.open(NOW))
    another = replace(checkpoint, size=8)
    texts = [note.text() for note in (whole, foreign, replace(whole, checkpoint=another), a_note())]
    texts += ["no note", whole.text() * 2, whole.text()]
    for alone in (0, len(texts)):
        with signatures.checking(trust, texts, alone) as unsigned:
            pass
        assert unsigned() == [1, 2, 3, 4, 5]
    with signatures.checking(None, texts) as unsigned:
        pass
    assert unsigned() == []


def test_without_room_for_a_process_signatures_are_checked_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = KeyRing(folder=tmp_path).open(NOW)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "not there"))
    with signatures.checking(trust, [a_note().text()], alone=0) as unsigned:
        pass
    assert unsigned() == [0]
