"""Writes the texts of tests/text and what sacreBLEU, rouge_score and jiwer make of them, to which a test holds mlgate.

    python -m venv /tmp/text && /tmp/text/bin/pip install sacrebleu==2.6.0 rouge_score==0.1.2 jiwer==4.0.0 pyarrow==26.0.1
    /tmp/text/bin/python tests/text/make.py

The texts are random with a fixed seed. SQuAD's two metrics have no package of their own: they are computed here from
their definition, with Python's own `re` and `str`. `null` stands where mlgate gives no value: the word error rate
without a reference word, or against several references.
"""

import json
import pathlib
import random
import re
import string
from collections import Counter

import jiwer
import pyarrow
import pyarrow.parquet
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU, CHRF

HERE = pathlib.Path(__file__).parent
RANDOM = random.Random(20250601)

ENGLISH = """the a an of in to model data drift rows never always answer river green seven tower city walked quickly
house Don't it's e-mail state-of-the-art U.S. Mr. naïve café Zürich Œuvre İstanbul""".split()
NUMBERS = ["3", "1,000", "2.5", "-7", "10%", "$4.20", "1990-2000", "3.", ".5", "v1.2.3", "12:30", "½", "٣", "Ⅷ", "2²"]
CJK = ["東京", "です。", "模型", "、", "数据漂移", "한국어", "ไทย", "ａ１", "「はい」"]
SIGNS = ["!", "...", "?!", "(ok)", "[1]", "“so”", "—", "…", "&amp;", "&quot;", "<skipped>", "a/b", "x_y", "@me", "#1", "{}", "~"]
EMOJI = ["🙂", "👩‍🔬", "🇯🇵", "❤️", "e\u0301", "a\u0301", "\u212a", "ﬁ"]
SPACES = [" "] * 12 + ["  ", "\t", "\n", "-\n", "\u00a0", "\u3000", " \t ", "\u2028", "\x1c", "\u200b"]


def text(words, longest, spaces=SPACES):
    made = ""
    for _ in range(RANDOM.randint(1, longest)):
        made += RANDOM.choice(words) + RANDOM.choice(["", "", "", ",", ".", ";"]) + RANDOM.choice(spaces)
    return made if RANDOM.random() < 0.2 else made.strip()


def changed(reference, words, share=0.3):
    """The reference with some words replaced, left out, moved or said twice."""
    found = reference.split(" ")
    made = []
    for word in found:
        luck = RANDOM.random() / share
        if luck < 0.4:
            made.append(RANDOM.choice(words))
        elif luck < 0.6:
            made += [word, word]
        elif luck < 0.8:
            made.insert(RANDOM.randint(0, len(made)), word)
        elif luck >= 1:
            made.append(word)
    return " ".join(made)


def normalized(answer):
    answer = "".join(c for c in answer.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", answer).split()


def token_f1(reference, prediction):
    reference, prediction = normalized(reference), normalized(prediction)
    if not reference or not prediction:
        return float(reference == prediction)
    common = sum((Counter(reference) & Counter(prediction)).values())
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(reference)
    return 2 * precision * recall / (precision + recall)


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def metrics(rows):
    predictions = [prediction for _, prediction in rows]
    most = max(len(references) for references, _ in rows)
    streams = [[r[i] if i < len(r) else None for r, _ in rows] for i in range(most)]
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    rouge = [scorer.score_multi(references, prediction) for references, prediction in rows]
    best = lambda of: mean(max(of(r, prediction) for r in references) for references, prediction in rows)  # noqa: E731
    single = all(len(references) == 1 for references, _ in rows)
    words = single and any(references[0].split() for references, _ in rows)
    of_corpus = {"bleu": BLEU(), "chrf": CHRF(), "chrf_plus_plus": CHRF(word_order=2)}
    found = {name: metric.corpus_score(predictions, streams).score for name, metric in of_corpus.items()}
    found |= {
        "rouge1": mean(row["rouge1"].fmeasure for row in rouge),
        "rouge2": mean(row["rouge2"].fmeasure for row in rouge),
        "rougeL": mean(row["rougeL"].fmeasure for row in rouge),
        "exact_match": best(lambda r, p: float(r == p)),
        "squad_exact_match": best(lambda r, p: float(normalized(r) == normalized(p))),
        "token_f1": best(token_f1),
        "wer": jiwer.wer([r[0] for r, _ in rows], predictions) if words else None,
    }
    signatures = {name: metric.get_signature().format() for name, metric in of_corpus.items()}
    return {"metrics": found, "signatures": signatures}


def case(name, rows):
    with open(HERE / f"{name}.ndjson", "w") as file:
        for references, prediction in rows:
            print(json.dumps({"reference": references[0], "output": prediction}, ensure_ascii=False), file=file)
    return {"file": f"{name}.ndjson"} | metrics(rows)


def several_case(name, rows):
    columns = {"reference": [references for references, _ in rows], "output": [prediction for _, prediction in rows]}
    pyarrow.parquet.write_table(pyarrow.table(columns), HERE / f"{name}.parquet", compression="zstd")
    return {"file": f"{name}.parquet"} | metrics(rows)


def pairs(count, words, longest, share=0.3, spaces=SPACES):
    references = [text(words, longest, spaces) for _ in range(count)]
    return [([reference], changed(reference, words, share)) for reference in references]


def main():
    everything = ENGLISH * 3 + NUMBERS * 2 + CJK + SIGNS * 2 + EMOJI
    cases = [
        case("english", pairs(60, ENGLISH, 30, spaces=[" "])),
        case("punctuation", pairs(60, ENGLISH + NUMBERS * 2 + SIGNS * 3, 25)),
        case("cjk", pairs(40, CJK, 12)),
        case("mixed", pairs(120, everything, 30)),
        case("far_apart", pairs(40, everything, 20, 1.0)),
        case("one_word", [([RANDOM.choice(everything)], RANDOM.choice(everything)) for _ in range(60)]),
        case("repeated", [(["the " * RANDOM.randint(0, 9)], "the the " * RANDOM.randint(0, 5)) for _ in range(25)]),
        case("long", pairs(6, everything, 400)),
        case("empty", [([""], ""), (["the"], ""), ([""], "a b c"), ([" "], "\t"), (["a b c d e"], "a b c d f")]),
        case("only_empty", [([""], ""), ([""], "")]),
        case("nothing_common", [(["a b c d e"], "v w x y z"), (["1 2 3"], "4 5 6")]),
        case("perfect", [([reference], reference) for reference in (text(everything, 20) for _ in range(20))]),
        case("three_words", [(["one two three"], "one two three")]),
    ]
    several = []
    for _ in range(60):
        reference = text(everything, 20)
        references = [reference, changed(reference, everything), text(everything, 20)][: RANDOM.randint(1, 3)]
        several.append((references, changed(reference, everything)))
    several.append((["", "a b"], ""))
    several.append((["of the seven", "of seven"], "the of seven of"))
    cases.append(several_case("several", several))
    cases.append(several_case("always_two", [(r + [text(ENGLISH, 9)], p) for r, p in pairs(30, ENGLISH, 15)]))
    with open(HERE / "expected.json", "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
