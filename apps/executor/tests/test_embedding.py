"""The embedding: the same digits everywhere, and near texts near each other."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import executor_embedding
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

APP = Path(__file__).resolve().parents[1]
VECTORS = json.loads((APP / "embedding-vectors.json").read_text())["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["because"][:30] for vector in VECTORS])
def test_the_published_vectors_hold(vector):
    found = executor_embedding.millionths(vector["text"])

    assert vector["words"] == [word for word in executor_embedding.words(vector["text"]) if word], "step 1 to 3"
    assert vector["first_8_millionths"] == found[:8], "step 4 to 7"
    assert vector["sha256"] == executor_embedding.fingerprint(vector["text"]), vector["because"]


def test_another_process_with_another_hash_seed_gives_the_same_answer(run_api):
    task = json.dumps({"type": "embed_local", "text": VECTORS[1]["text"]}).encode()
    answers = [json.loads(run_api(task, env={"PYTHONHASHSEED": seed})[1])["result"] for seed in ("1", "2")]
    millionths = [round(number * 1_000_000) for number in answers[0]["embedding"]]

    assert answers[0] == answers[1], "no part depends on hash()"
    assert VECTORS[1]["first_8_millionths"] == millionths[:8], "the answer's numbers are the published ones"


def test_related_texts_are_nearer_than_unrelated_ones():
    def near(first, second):
        return sum(
            a * b for a, b in zip(executor_embedding.embed(first), executor_embedding.embed(second), strict=True)
        )

    query = "restart the backup server"
    related = near(query, "how to restart our backup servers at night")
    unrelated = near(query, "grandmother's recipe for apple pie")

    assert related > 0.3 > unrelated, f"related {related:.2f}, unrelated {unrelated:.2f}"


def test_upper_case_and_punctuation_change_nothing():
    assert executor_embedding.embed("Größe: 12 ŒUVRE") != executor_embedding.embed("größe 12"), "the control"
    assert executor_embedding.embed("GRÖßE -- Привет!") == executor_embedding.embed("größe привет"), (
        "folded and split alike"
    )


def test_words_that_cancel_out_still_give_a_unit_vector(monkeypatch):
    monkeypatch.setattr(executor_embedding, "features", lambda _: iter([("w:a", 4), ("w:a", -4)]))

    assert executor_embedding.millionths("") == executor_embedding.millionths("a"), "the one feature of an empty text"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_every_text_has_a_unit_vector_of_384_numbers(text):
    vector = executor_embedding.embed(text)

    assert 384 == len(vector), "the database column's size"
    assert math.isclose(1.0, math.sqrt(sum(number * number for number in vector)), abs_tol=2e-5), "length 1"


@pytest.mark.parametrize("text", ["a " * 32_000, "a" * 65_000, "\u0301\u0316" * 16_000, "\u6771" * 21_000])
def test_the_largest_texts_take_less_than_the_processor_limit(text, run_api):
    program = f"import sys; sys.path.insert(0, {str(APP)!r}); import executor_embedding as e; e.embed(sys.stdin.read())"
    subprocess.run([sys.executable, "-c", program], input=text.encode(), timeout=180, check=True)
    status, _, _ = run_api(json.dumps({"type": "embed_local", "text": text}, ensure_ascii=False).encode())

    assert 0 == status, "the worst input within 64 KiB is done within 10 s of processor time and 256 MiB"
