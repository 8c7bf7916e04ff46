//! Where the statistical methods come from. docs/statistics.md has the same sources; a test holds the two together.

/// A method by the name that verdicts and records have for it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    pub name: &'static str,
    /// Papers, with the section where it matters.
    pub source: &'static str,
}

pub const WILSON: &str = "Wilson's score interval";
pub const WILSON_JACCARD: &str = "Wilson's score interval of the share of hits";
pub const WILSON_MOVER: &str = "Wilson's score intervals of each class's recall, combined";
pub const COUNTS_BOOTSTRAP: &str = "bootstrap of the table of counts";
pub const DELONG: &str = "DeLong's variance on the logit scale";
pub const JACKKNIFE: &str = "derivatives in the rows' weights, on the logit scale";
pub const LOG_MEAN: &str = "t interval of the mean loss, on the log scale";
pub const MEAN: &str = "t interval of the mean";
pub const R2: &str = "delta method on ln(1 − r²)";
pub const ORDER_STATISTICS: &str = "between two order statistics";
pub const ROWS_BOOTSTRAP: &str = "bootstrap of rows";
pub const GROUPS_BOOTSTRAP: &str = "bootstrap of whole groups of rows";
pub const WILSON_EFFECTIVE: &str = "Wilson's score interval of as many rows as leave the same variance";
pub const WILSON_GROUPS: &str = "Wilson's intervals of each group's rate, combined over all pairs";
pub const DELTA: &str = "delta method, of rows' contributions";
pub const LOGIT_DELTA: &str = "delta method on the logit scale";
pub const DELONG_MEAN: &str = "DeLong's contributions to each area, averaged";
pub const MEAN_OF_QUERIES: &str = "t interval of the mean over queries";
pub const MEAN_OF_ITEMS: &str = "t interval of the mean over items";
pub const MEAN_OF_CLUSTERS: &str = "t interval of whole series, or of blocks of consecutive rows";
pub const BIN_NOISE: &str = "what noise alone makes of the bins, to both sides";
pub const WOODRUFF: &str = "Woodruff's interval of the median";
/// Said after another: how rows were drawn.
pub const IN_GROUPS: &str = "contributions of a group added up";
pub const IN_STRATA: &str = "error within each stratum only";
pub const WEIGHTED: &str = "as many rows as the weights are worth";
/// Of slices that were searched for.
pub const SEARCHED: &str = "each of all the slices that were searched, so that all hold at once (Bonferroni)";

/// Every method, the more particular of two names before the one that it begins with.
pub const METHODS: &[Method] = &[
    Method {
        name: WILSON_JACCARD,
        source: "Wilson 1927; F1 = 2j/(1+j) rises with j, the share of rows with truth and prediction positive among those with either",
    },
    Method { name: WILSON_MOVER, source: "Wilson 1927; MOVER: Zou & Donner 2008" },
    Method { name: WILSON_EFFECTIVE, source: "Dean & Pagano 2015; Wilson 1927" },
    Method {
        name: WILSON_GROUPS,
        source: "Newcombe 1998; MOVER: Zou & Donner 2008, ratios: Donner & Zou 2012; Dunn 1961",
    },
    Method { name: WILSON, source: "Wilson 1927; Brown, Cai & DasGupta 2001" },
    Method { name: COUNTS_BOOTSTRAP, source: "Efron 1979" },
    Method { name: DELONG, source: "DeLong et al. 1988; Sun & Xu 2014; logit: Pepe 2003" },
    Method { name: JACKKNIFE, source: "Jaeckel 1972, Efron 1982; logit: Boyd, Eng & Page 2013" },
    Method { name: LOG_MEAN, source: "Student's t; losses are skewed to the right, their logarithm less" },
    Method { name: MEAN_OF_QUERIES, source: "Student's t, a query a draw; at 0 or 1: Wilson 1927" },
    Method { name: MEAN_OF_ITEMS, source: "Student's t, an item a draw; at 0 or 1: Wilson 1927" },
    Method { name: MEAN_OF_CLUSTERS, source: "Student's t; batch means: Schmeiser 1982; Liang & Zeger 1986" },
    Method { name: MEAN, source: "Student's t" },
    Method { name: R2, source: "the delta method, of a ratio of two means" },
    Method { name: LOGIT_DELTA, source: "Jaeckel 1972, Efron 1982; at 0 or 1: Wilson 1927" },
    Method { name: DELTA, source: "Jaeckel 1972, Efron 1982" },
    Method { name: DELONG_MEAN, source: "DeLong et al. 1988, of the mean of several areas; Sun & Xu 2014" },
    Method { name: BIN_NOISE, source: "the triangle inequality; bins: Naeini, Cooper & Hauskrecht 2015" },
    Method { name: WOODRUFF, source: "Woodruff 1952" },
    Method { name: IN_GROUPS, source: "Liang & Zeger 1986, with the factor G / (G − 1)" },
    Method {
        name: IN_STRATA,
        source: "Cochran 1977, chapter 5; of contributions: Särndal, Swensson & Wretman 1992, 5.5",
    },
    Method { name: WEIGHTED, source: "Kish 1965, 11.7" },
    Method { name: ORDER_STATISTICS, source: "David & Nagaraja 2003" },
    Method { name: ROWS_BOOTSTRAP, source: "Koehn 2004" },
    Method { name: GROUPS_BOOTSTRAP, source: "Koehn 2004, of whole groups" },
    Method { name: "paired bootstrap", source: "Efron 1979; Agresti & Min 2005 for the two imagined rows" },
    Method { name: "Newcombe's paired interval", source: "Newcombe 1998, method 10 for paired proportions" },
    Method { name: "McNemar's exact p", source: "McNemar 1947" },
    Method { name: "paired DeLong test", source: "DeLong et al. 1988; Sun & Xu 2014" },
    Method { name: "paired t interval", source: "Student's t, of the mean difference of losses" },
    Method { name: "paired delta method", source: "Jaeckel 1972, Efron 1982" },
    Method { name: "two samples", source: "MOVER: Zou & Donner 2008; ratios: Donner & Zou 2012" },
    Method { name: "intervals of", source: "MOVER: Zou & Donner 2008; ratios: Donner & Zou 2012" },
    Method { name: "each of", source: "Bonferroni's inequality: Dunn 1961" },
];

/// Where a method comes from, by a text that begins with its name: `paired bootstrap over 228 rows joined on id`.
pub fn source_of(method: &str) -> Option<&'static str> {
    METHODS.iter().find(|known| method.starts_with(known.name)).map(|known| known.source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_particular_name_is_found() {
        for (i, method) in METHODS.iter().enumerate() {
            let hidden = METHODS[..i].iter().find(|earlier| method.name.starts_with(earlier.name));
            assert!(hidden.is_none(), "{} is never found, {} is", method.name, hidden.map_or("", |m| m.name));
        }
        assert_eq!(source_of("paired bootstrap over 12 rows joined on id"), source_of("paired bootstrap"));
        assert_eq!(source_of("by lot"), None);
    }
}
