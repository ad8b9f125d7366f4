//! Runs the stages of `ci` and `nightly` within their budgets and prints the table.
//!
//! A stage writes what its commands print to `target/xtask/STAGE.log`, so that stages which run
//! side by side stay readable; the end of the log of a failed one is shown, and once more below the
//! table, since who reads the output of a long run sees its last lines.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

mod job;

pub(crate) use job::{Job, command_line};

/// Lines of a log that are shown once more below the table: few enough that several failed stages fit
/// into what is kept of a long run.
const LINES_BELOW: usize = 60;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stage {
    name: &'static str,
    load: Load,
    budget: Duration,
    work: Work,
}

/// What a stage does. Commands that it starts through the job are killed at the end of the budget.
pub(crate) type Work = fn(&Job<'_>) -> Result<Outcome>;

/// What a stage needs of the machine, and so when it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Load {
    /// Processor time: these run first, one after another.
    Busy,
    /// Mostly the passing of time: these run last, side by side.
    Waiting,
}

impl Stage {
    /// A stage that keeps the processor busy: one at a time. The budget is for a cold start on two
    /// cores.
    pub(crate) const fn busy(name: &'static str, budget: Duration, work: Work) -> Self {
        Self {
            name,
            load: Load::Busy,
            budget,
            work,
        }
    }

    /// A stage that mostly waits for time to pass: after the busy ones, side by side with its like.
    pub(crate) const fn waiting(name: &'static str, budget: Duration, work: Work) -> Self {
        Self {
            name,
            load: Load::Waiting,
            budget,
            work,
        }
    }
}

/// How a stage that did not fail ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Everything that it checks holds.
    Passed,
    /// The same, with something for a reader to know.
    PassedWith(String),
    /// This machine cannot run it, and why.
    Skipped(String),
}

/// Minutes as a duration, for the stage tables.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// Runs the stages that are named, or all if none is, and prints the table.
///
/// # Errors
/// An unknown name, a stage that failed or outran its budget, or a total above `total_budget`.
pub(crate) fn run_all(
    root: &Path,
    stages: &[Stage],
    names: &[&str],
    total_budget: Duration,
) -> Result {
    let chosen = choose(stages, names)?;
    let start = Instant::now();
    let mut rows = Vec::new();
    for stage in chosen.iter().filter(|stage| stage.load == Load::Busy) {
        rows.push(run_one(root, stage));
    }
    std::thread::scope(|scope| {
        let waiting: Vec<_> = chosen
            .iter()
            .filter(|stage| stage.load == Load::Waiting)
            .map(|stage| scope.spawn(|| run_one(root, stage)))
            .collect();
        for thread in waiting {
            rows.push(
                thread
                    .join()
                    .expect("a stage reports its failure as a value"),
            );
        }
    });
    let total = start.elapsed();
    print!("{}", table(&rows, total, total_budget));
    print!("{}", failures(&rows));
    verdict(&rows, total, total_budget)
}

/// The stages with these names in the order of the table, or all for no name.
fn choose<'a>(stages: &'a [Stage], names: &[&str]) -> Result<Vec<&'a Stage>> {
    let known = |name: &&&str| stages.iter().any(|stage| stage.name == **name);
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        let all: Vec<&str> = stages.iter().map(|stage| stage.name).collect();
        return Err(format!("no stage {unknown}; there are: {}", all.join(", ")).into());
    }
    let wanted = |stage: &&Stage| names.is_empty() || names.contains(&stage.name);
    Ok(stages.iter().filter(wanted).collect())
}

/// How one stage ended.
#[derive(Debug)]
struct Row {
    name: &'static str,
    budget: Duration,
    time: Duration,
    end: End,
    /// The end of its log.
    log: String,
}

#[derive(Debug)]
enum End {
    Done(Outcome),
    Failed(String),
    OverBudget,
}

fn run_one(root: &Path, stage: &Stage) -> Row {
    println!("-- {} (budget {})", stage.name, clock(stage.budget));
    let start = Instant::now();
    let (result, log) = match Job::new(root, stage.name, start + stage.budget) {
        Ok(job) => ((stage.work)(&job), job.log_end()),
        Err(error) => (Err(error), String::new()),
    };
    let time = start.elapsed();
    let end = match result {
        _ if time > stage.budget => End::OverBudget,
        Ok(outcome) => End::Done(outcome),
        Err(error) => End::Failed(error.to_string()),
    };
    let row = Row {
        name: stage.name,
        budget: stage.budget,
        time,
        end,
        log,
    };
    match failure(&row, usize::MAX) {
        None => println!("-- {} ended after {}", row.name, clock(time)),
        Some(failure) => println!("{failure}"),
    }
    row
}

/// The last `lines` of what is kept of a failed stage's log, and what failed.
fn failure(row: &Row, lines: usize) -> Option<String> {
    let what = match &row.end {
        End::Done(_) => return None,
        End::Failed(error) => format!("FAILED: {error}"),
        End::OverBudget => "is OVER ITS BUDGET".to_owned(),
    };
    let log: Vec<&str> = row.log.lines().collect();
    let log = log[log.len().saturating_sub(lines)..].join("\n");
    Some(format!("{log}\n-- {} {what}", row.name))
}

/// What stands below the table: every failure once more.
fn failures(rows: &[Row]) -> String {
    rows.iter()
        .filter_map(|row| failure(row, LINES_BELOW))
        .map(|failure| format!("\n{failure}\n"))
        .collect()
}

fn table(rows: &[Row], total: Duration, total_budget: Duration) -> String {
    let mut text = format!(
        "\n{:<20} {:<12} {:>6} {:>7}  note\n",
        "stage", "result", "time", "budget"
    );
    for row in rows {
        let (result, note) = match &row.end {
            End::Done(Outcome::Passed) => ("passed", ""),
            End::Done(Outcome::PassedWith(note)) => ("passed", note.as_str()),
            End::Done(Outcome::Skipped(why)) => ("skipped", why.as_str()),
            // The whole error stands below the table.
            End::Failed(error) => ("FAILED", error.lines().next().unwrap_or_default()),
            End::OverBudget => ("OVER BUDGET", ""),
        };
        text += &line(row.name, result, row.time, row.budget, note);
    }
    text + &line("total", "", total, total_budget, "")
}

fn line(name: &str, result: &str, time: Duration, budget: Duration, note: &str) -> String {
    let (time, budget) = (clock(time), clock(budget));
    let line = format!("{name:<20} {result:<12} {time:>6} {budget:>7}  {note}");
    format!("{}\n", line.trim_end())
}

fn verdict(rows: &[Row], total: Duration, total_budget: Duration) -> Result {
    let bad: Vec<&str> = rows
        .iter()
        .filter(|row| !matches!(row.end, End::Done(_)))
        .map(|row| row.name)
        .collect();
    if !bad.is_empty() {
        return Err(format!("not passed: {}", bad.join(", ")).into());
    }
    if total > total_budget {
        return Err(format!("{} is over the budget of all stages together", clock(total)).into());
    }
    Ok(())
}

/// Minutes and seconds, rounded down.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: &[Stage] = &[
        Stage::waiting("one", minutes(1), pass),
        Stage::busy("two", minutes(1), pass),
    ];

    fn pass(_: &Job<'_>) -> Result<Outcome> {
        Ok(Outcome::Passed)
    }

    fn row(end: End) -> Row {
        Row {
            name: "one",
            budget: minutes(1),
            time: Duration::from_secs(7),
            end,
            log: String::new(),
        }
    }

    #[test]
    fn stages_are_chosen_by_name_and_an_unknown_name_lists_the_known() {
        let names = |chosen: Vec<&Stage>| chosen.iter().map(|s| s.name).collect::<Vec<_>>();
        assert_eq!(names(choose(STAGES, &[]).unwrap()), ["one", "two"]);
        assert_eq!(names(choose(STAGES, &["two"]).unwrap()), ["two"]);
        let error = choose(STAGES, &["three"]).unwrap_err().to_string();
        assert_eq!(error, "no stage three; there are: one, two");
    }

    #[test]
    fn a_failed_or_late_stage_fails_the_run_and_a_skipped_one_does_not() {
        let run = |end| verdict(&[row(end)], minutes(1), minutes(2));
        assert!(run(End::Done(Outcome::Passed)).is_ok());
        assert!(run(End::Done(Outcome::Skipped("no target".into()))).is_ok());
        assert!(run(End::Failed("broken".into())).is_err());
        assert!(run(End::OverBudget).is_err());
        assert!(verdict(&[], minutes(3), minutes(2)).is_err());
    }

    #[test]
    fn the_table_shows_time_budget_and_reason() {
        let rows = [row(End::Done(Outcome::Skipped(
            "target not installable here".into(),
        )))];
        let text = table(&rows, Duration::from_secs(67), minutes(2));
        assert!(text.contains("one                  skipped        0:07    1:00  target not inst"));
        assert!(text.ends_with("total                               1:07    2:00\n"));
    }

    #[test]
    fn the_last_lines_say_what_failed_and_show_the_end_of_its_log() {
        let mut broken = row(End::Failed("`cargo x`: exit status: 1\nand why".into()));
        broken.log = (0..100).map(|n| format!("line {n}\n")).collect();
        let rows = [
            row(End::Done(Outcome::Passed)),
            broken,
            row(End::OverBudget),
        ];
        let text = failures(&rows);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["", "line 40"]);
        assert_eq!(
            lines[60..],
            [
                "line 99",
                "-- one FAILED: `cargo x`: exit status: 1",
                "and why",
                "",
                "",
                "-- one is OVER ITS BUDGET",
            ]
        );
        assert_eq!(failures(&rows[..1]), "");
    }

    #[test]
    fn a_stage_beyond_its_budget_is_killed_and_reported() {
        fn sleep(job: &Job<'_>) -> Result<Outcome> {
            let mut command = job.command("sleep");
            job.run(command.arg("60"))?;
            Ok(Outcome::Passed)
        }
        let budget = Duration::from_millis(100);
        let stage = Stage::busy("test-sleeps", budget, sleep);
        let dir = std::env::temp_dir().join(format!("xtask-stage-{}", std::process::id()));
        let row = run_one(&dir, &stage);
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(matches!(row.end, End::OverBudget), "{row:?}");
        assert!(row.time < Duration::from_secs(30));
    }
}
