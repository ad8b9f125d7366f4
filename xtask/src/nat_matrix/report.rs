//! What is told of the cells in the end.

use std::time::Duration;

use crate::Result;
use crate::nat_matrix::play::{Found, Played};

/// Prints a table, as a page has it, or JSON; in the end a line that sums it up.
///
/// # Errors
/// A cell that differs from theory; what its hosts printed is printed before.
pub(crate) fn print(played: &[Played], is_json: bool, total: Duration) -> Result {
    if is_json {
        println!("{}", json(played));
    } else {
        print!("{}", table(played));
    }
    let wrong: Vec<&Played> = played.iter().filter(|one| !one.is_expected()).collect();
    for one in &wrong {
        eprint!("{}", one.told());
    }
    if !wrong.is_empty() {
        let names: Vec<&str> = wrong.iter().map(|one| one.cell.name.as_str()).collect();
        return Err(format!("not as theory has it: {}", names.join("; ")).into());
    }
    if !is_json {
        let count = played.len();
        println!(
            "\n{count} cells as theory has it, in {:.0} s",
            total.as_secs_f64()
        );
    }
    Ok(())
}

/// Of several runs of all cells, what is told of each cell: the first run that differs from theory, else that with
/// the median time.
pub(crate) fn summary(runs: Vec<Vec<Played>>) -> Vec<Played> {
    let cells = runs.first().map_or(0, Vec::len);
    let mut runs: Vec<_> = runs.into_iter().map(Vec::into_iter).collect();
    let of_cell = |runs: &mut Vec<std::vec::IntoIter<Played>>| {
        let mut played: Vec<Played> = runs.iter_mut().filter_map(Iterator::next).collect();
        if let Some(wrong) = played.iter().position(|one| !one.is_expected()) {
            return played.swap_remove(wrong);
        }
        played.sort_by_key(|one| one.found.after());
        played.swap_remove(played.len() / 2)
    };
    (0..cells).map(|_| of_cell(&mut runs)).collect()
}

fn table(played: &[Played]) -> String {
    let rows: Vec<[String; 5]> = played.iter().map(row).collect();
    let head = ["hosts", "theory", "found", "after", "note"].map(str::to_owned);
    let width = |column: usize| {
        let cells = rows.iter().chain([&head]).map(|row| row[column].len());
        cells.max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (text, width))| match column {
            3 => format!(" {text:>width$} |"),
            _ => format!(" {text:<width$} |"),
        });
        format!("|{}\n", cells.collect::<String>())
    };
    let rule: String = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            3 => format!("{:-<1$}:|", "", width + 1),
            _ => format!("{:-<1$}|", "", width + 2),
        })
        .collect();
    let mut text = format!("{}|{rule}\n", line(&head));
    for row in &rows {
        text += &line(row);
    }
    text
}

fn row(played: &Played) -> [String; 5] {
    let (found, after, note) = match &played.found {
        Found::Met {
            route,
            after,
            was_relayed,
            recovered,
        } => {
            let relayed = was_relayed.then(|| "by a relay at first".to_owned());
            let recovered = recovered.map(|time| format!("again after {}", clock(time)));
            let notes: Vec<String> = relayed.into_iter().chain(recovered).collect();
            (route.to_string(), clock(*after), notes.join(", "))
        }
        Found::NotMet { after, why } => ("not".to_owned(), clock(*after), why.clone()),
        Found::Broken(why) => ("broken".to_owned(), String::new(), why.clone()),
    };
    let theory = played.cell.expected.to_string();
    [played.cell.name.clone(), theory, found, after, note]
}

fn clock(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

fn json(played: &[Played]) -> String {
    let cells = played.iter().map(|one| {
        let (found, after, note) = match &one.found {
            Found::Met {
                route,
                after,
                was_relayed,
                ..
            } => (
                route.to_string(),
                Some(after),
                was_relayed.then(|| "by a relay at first".to_owned()),
            ),
            Found::NotMet { after, why } => ("not".to_owned(), Some(after), Some(why.clone())),
            Found::Broken(why) => ("broken".to_owned(), None, Some(why.clone())),
        };
        serde_json::json!({
            "hosts": one.cell.name,
            "theory": one.cell.expected.to_string(),
            "found": found,
            "after_ms": after.map(Duration::as_secs_f64).map(|secs| secs * 1e3),
            "recovered_ms": one.recovered().map(|time| time.as_secs_f64() * 1e3),
            "note": note,
            "is_expected": one.is_expected(),
        })
    });
    serde_json::Value::from(cells.collect::<Vec<_>>()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nat_matrix::cells::{Cell, Meeting, Servers};
    use crate::nat_matrix::theory::Route;

    fn played(expected: Route, found: Found) -> Played {
        Played {
            cell: Cell {
                name: "a x b".into(),
                hosts: ["a".into(), "b".into()],
                knows: Servers::Stun,
                meeting: Meeting::SignalServer,
                expected,
                change: None,
            },
            found,
            transcripts: String::new(),
        }
    }

    fn met(route: Route) -> Found {
        Found::Met {
            route,
            after: Duration::from_millis(123),
            was_relayed: false,
            recovered: None,
        }
    }

    #[test]
    fn what_differs_from_theory_fails() {
        let not_met = Found::NotMet {
            after: Duration::from_secs(10),
            why: "it has no way".into(),
        };
        let second = Duration::from_secs(1);
        for (expected, found, is_good) in [
            (Route::Direct, met(Route::Direct), true),
            (Route::Direct, met(Route::Relay), false),
            (Route::Relay, met(Route::Direct), false),
            (Route::None, met(Route::Direct), false),
            (Route::None, not_met.clone(), true),
            (Route::Relay, not_met, false),
            (Route::None, Found::Broken("it hangs".into()), false),
        ] {
            let cells = [played(expected, found)];
            assert_eq!(print(&cells, false, second).is_ok(), is_good, "{cells:?}");
        }
    }

    #[test]
    fn of_several_runs_the_median_is_told_or_what_is_wrong() {
        let after = |millis: u64| Found::Met {
            route: Route::Direct,
            after: Duration::from_millis(millis),
            was_relayed: false,
            recovered: None,
        };
        let runs = |times: [u64; 3]| times.map(|time| vec![played(Route::Direct, after(time))]);
        let told = summary(runs([300, 100, 200]).into());
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].found, after(200));
        let mut runs = Vec::from(runs([300, 100, 200]));
        runs[2] = vec![played(Route::Direct, met(Route::Relay))];
        assert_eq!(summary(runs)[0].found, met(Route::Relay));
    }

    #[test]
    fn the_table_is_one_of_a_page() {
        let text = table(&[played(Route::Direct, met(Route::Direct))]);
        assert_eq!(
            text,
            "| hosts | theory | found  |  after | note |\n\
             |-------|--------|--------|-------:|------|\n\
             | a x b | direct | direct | 123 ms |      |\n"
        );
    }

    #[test]
    fn the_time_after_a_change_of_networks_is_told() {
        let mut found = met(Route::Direct);
        if let Found::Met { recovered, .. } = &mut found {
            *recovered = Some(Duration::from_millis(1_500));
        }
        let text = table(&[played(Route::Direct, found.clone())]);
        assert!(text.contains("| again after 1.5 s |"), "{text}");
        let value = json(&[played(Route::Direct, found)]);
        assert!(value.contains("\"recovered_ms\":1500.0"), "{value}");
    }

    #[test]
    fn json_has_every_cell() {
        let text = json(&[played(Route::Relay, met(Route::Direct))]);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0]["found"], "direct");
        assert_eq!(value[0]["is_expected"], false);
        assert_eq!(value[0]["after_ms"], 123.0);
    }
}
