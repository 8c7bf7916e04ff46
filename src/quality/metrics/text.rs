//! Texts.

use super::{Better, MetricInfo, corpus, of_texts};
use crate::model::Unit;
use crate::stats::rows::RowMetric;
use crate::stats::text::corpus::CorpusMetric;

pub const METRICS: &[MetricInfo] = &[
    corpus(
        "bleu",
        &["sacrebleu"],
        CorpusMetric::Bleu,
        "brevity · exp(mean ln pₙ) of runs of 1 to 4 tokens (13a), 0 to 100; Papineni et al. 2002, as sacreBLEU",
    ),
    corpus(
        "chrf",
        &["chrf2"],
        CorpusMetric::Chrf,
        "F₂ of runs of 1 to 6 characters, 0 to 100; Popović 2015, as sacreBLEU",
    ),
    corpus(
        "chrf_plus_plus",
        &["chrf2_plus_plus"],
        CorpusMetric::ChrfPlusPlus,
        "chrF++: chrF with runs of 1 and 2 words; Popović 2017, as sacreBLEU",
    ),
    of_texts("rouge1", &["rouge_1"], RowMetric::Rouge1, "mean F1 of words; Lin 2004, as rouge_score without a stemmer"),
    of_texts("rouge2", &["rouge_2"], RowMetric::Rouge2, "mean F1 of pairs of words; Lin 2004, as rouge_score"),
    of_texts(
        "rougeL",
        &["rouge_l", "rougel"],
        RowMetric::RougeL,
        "mean F1 of the longest common subsequence of words; Lin 2004, as rouge_score",
    ),
    of_texts("exact_match", &[], RowMetric::ExactMatch, "share of rows whose text is a reference to the byte"),
    of_texts(
        "squad_exact_match",
        &[],
        RowMetric::SquadExactMatch,
        "share of rows equal but for case, punctuation, articles and white space; Rajpurkar et al. 2016",
    ),
    of_texts("token_f1", &["squad_f1"], RowMetric::TokenF1, "mean F1 of words, as SQuAD; Rajpurkar et al. 2016"),
    MetricInfo {
        unit: Unit::Share,
        better: Better::Lower,
        highest: None,
        undefined: "no reference has a word, or a row has several references",
        ..corpus(
            "wer",
            &["word_error_rate"],
            CorpusMetric::WordErrorRate,
            "edits of words / words of the references, over all rows, as jiwer",
        )
    },
];
