//! A gate in quarantine warns until a day, and from then on errs until the entry is taken out.

use crate::model::*;
use chrono::NaiveDate;

/// Longer than a quarter is no quarantine but a gate that nobody wants.
pub const MOST_DAYS: i64 = 90;

/// What a quarantine is on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// With the days left after today.
    Active(i64),
    /// With the reason why it does not count.
    Void(String),
}

pub fn state(quarantine: &Quarantine, today: NaiveDate) -> State {
    let until = quarantine.until;
    match (until - today).num_days() {
        left if left < 0 => {
            let days = if left == -1 { "yesterday".to_string() } else { format!("{} days ago", -left) };
            State::Void(format!(
                "its quarantine ended on {until}, {days} ({}): mend the gate and take `quarantine` out",
                quarantine.reason
            ))
        }
        left if left > MOST_DAYS => State::Void(format!(
            "its quarantine ends on {until}, in {left} days: {MOST_DAYS} at most, so that somebody looks again"
        )),
        left => State::Active(left),
    }
}

/// What a gate in quarantine does: in force it only warns, void it errs, whatever was measured.
pub fn apply(gate: &Gate, verdicts: Vec<Verdict>, today: NaiveDate) -> Vec<Verdict> {
    let Some(quarantine) = &gate.quarantine else { return verdicts };
    let under = |verdict: Verdict| match state(quarantine, today) {
        State::Void(why) => {
            let blocking = gate.severity == Severity::Block;
            let found = format!("{}: {}", verdict.outcome, verdict.reason);
            Verdict { outcome: Outcome::Errored, blocking, reason: format!("{why}; {found}"), ..verdict }
        }
        State::Active(left) => {
            let outcome = if verdict.outcome == Outcome::Failed { Outcome::Warned } else { verdict.outcome };
            let days = if left == 1 { "day" } else { "days" };
            let until = quarantine.until;
            let reason =
                format!("{}; in quarantine until {until}, {left} {days} left ({})", verdict.reason, quarantine.reason);
            Verdict { outcome, blocking: false, reason, ..verdict }
        }
    };
    verdicts.into_iter().map(under).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_gate;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn gate(until: &str) -> Gate {
        let quarantine = Some(Quarantine { until: day(until), reason: "labels are late".into() });
        Gate { quarantine, ..parse_gate("f1 >= 0.7", Some(StageKind::Quality)).unwrap() }
    }

    fn verdict(outcome: Outcome) -> Verdict {
        let reason = "0.65 is not at or above 0.7".into();
        Verdict { outcome, blocking: true, reason, ..Verdict::new(StageKind::Quality, "quality.f1", "f1 >= 0.7") }
    }

    fn on(today: &str, until: &str, outcome: Outcome) -> Verdict {
        apply(&gate(until), vec![verdict(outcome)], day(today)).remove(0)
    }

    #[test]
    fn it_warns_to_its_last_day_and_says_how_long() {
        let found = on("2027-01-30", "2027-01-31", Outcome::Failed);
        assert_eq!((found.outcome, found.blocking), (Outcome::Warned, false));
        assert!(found.reason.ends_with("in quarantine until 2027-01-31, 1 day left (labels are late)"), "{found:?}");
        assert_eq!(on("2027-01-31", "2027-01-31", Outcome::Failed).outcome, Outcome::Warned);
        for outcome in [Outcome::Errored, Outcome::Inconclusive, Outcome::Passed] {
            let found = on("2027-01-31", "2027-01-31", outcome);
            assert_eq!((found.outcome, found.blocking), (outcome, false));
        }
    }

    #[test]
    fn when_it_has_ended_even_a_gate_that_holds_errs() {
        for outcome in [Outcome::Passed, Outcome::Failed] {
            let found = on("2027-02-01", "2027-01-31", outcome);
            assert_eq!((found.outcome, found.blocking), (Outcome::Errored, true));
            assert!(found.reason.contains("ended on 2027-01-31, yesterday"), "{found:?}");
        }
        assert!(on("2027-02-03", "2027-01-31", Outcome::Passed).reason.contains("3 days ago"));
    }

    #[test]
    fn it_does_not_last_for_ever() {
        assert_eq!(on("2027-01-01", "2027-04-01", Outcome::Failed).outcome, Outcome::Warned, "90 days");
        let long = on("2027-01-01", "2027-04-02", Outcome::Passed);
        assert_eq!((long.outcome, long.blocking), (Outcome::Errored, true));
        assert!(long.reason.contains("in 91 days: 90 at most"), "{long:?}");
    }
}
