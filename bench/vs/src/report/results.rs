//! The results of a run, by entrant, workload and settings.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Result;

/// What the lines of a results file say.
#[derive(Debug)]
pub(super) struct Results {
    head: Value,
    runs: BTreeMap<Key, Vec<Value>>,
}

/// Entrant, workload and settings.
type Key = (String, String, String);

impl Results {
    /// Reads the lines: the head, then one for each run.
    pub(super) fn read(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let head = serde_json::from_str(lines.next().ok_or("there are no results")?)?;
        let mut runs: BTreeMap<Key, Vec<Value>> = BTreeMap::new();
        for line in lines {
            let run: Value = serde_json::from_str(line)?;
            let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
            let key = (text("peer"), text("workload"), text("settings"));
            runs.entry(key).or_default().push(run);
        }
        Ok(Self { head, runs })
    }

    /// The run as a whole: seconds, rounds, machine.
    pub(super) const fn head(&self) -> &Value {
        &self.head
    }

    /// Whether an entrant ran a workload at all.
    pub(super) fn has(&self, entrant: &str, workload: &str) -> bool {
        self.runs
            .keys()
            .any(|(peer, name, _)| peer == entrant && name == workload)
    }

    /// Whether every run of these failed.
    pub(super) fn failed(&self, entrant: &str, workload: &str, settings: &str) -> bool {
        let runs = self.of(entrant, workload, settings);
        !runs.is_empty() && runs.iter().all(|run| run["error"].is_string())
    }

    /// The median of a figure over the rounds that yield it.
    pub(super) fn median(
        &self,
        entrant: &str,
        workload: &str,
        settings: &str,
        figure: &str,
    ) -> Option<f64> {
        let runs = self.of(entrant, workload, settings);
        median(
            runs.iter()
                .filter_map(|run| run["figures"][figure].as_f64())
                .collect(),
        )
    }

    fn of(&self, entrant: &str, workload: &str, settings: &str) -> &[Value] {
        let key = (entrant.to_owned(), workload.to_owned(), settings.to_owned());
        self.runs.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// The value in the middle, or between the two there; `None` of nothing.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let lower = if values.len().is_multiple_of(2) {
        values[middle - 1]
    } else {
        upper
    };
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }

    #[test]
    fn rounds_are_joined_and_failures_stay_out_of_the_median() {
        let text = r#"{"secs": 1}
            {"peer": "a", "workload": "w", "settings": "opened", "error": null, "figures": {"x": 1}}
            {"peer": "a", "workload": "w", "settings": "opened", "error": "no", "figures": {}}
            {"peer": "a", "workload": "w", "settings": "opened", "error": null, "figures": {"x": 3}}
            {"peer": "b", "workload": "w", "settings": "defaults", "error": "no", "figures": {}}"#;
        let results = Results::read(text).unwrap();
        assert_eq!(results.median("a", "w", "opened", "x"), Some(2.0));
        assert!(!results.failed("a", "w", "opened") && results.failed("b", "w", "defaults"));
        assert!(results.has("b", "w") && !results.has("b", "v"));
        assert!(!results.failed("b", "w", "opened"));
        assert!(Results::read("").is_err());
    }
}
