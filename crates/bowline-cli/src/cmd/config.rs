//! `bowline config`: lists the settings.

use std::io::Write as _;
use std::process::ExitCode;

use bowline::ConfigKey;
use bowline::ConfigSpec;
use bowline::ConfigType;

use crate::error::Error;
use crate::settings::Settings;

/// The arguments of `bowline config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only settings whose names contain this.
    #[arg(value_name = "PART")]
    part: Option<String>,
    /// Also those that are for developers.
    #[arg(long)]
    dev: bool,
    #[command(flatten)]
    settings: Settings,
}

/// Prints one line per setting: name, value, range, meaning. With `--set` or `--config` it shows what they
/// come to.
pub(crate) fn run(args: &Args) -> Result<ExitCode, Error> {
    let config = args.settings.config()?;
    let part = args.part.as_deref().unwrap_or_default().to_lowercase();
    let mut out = std::io::stdout().lock();
    for key in ConfigKey::listed(args.dev) {
        let spec = key.spec();
        if !spec.name.to_lowercase().contains(&part) {
            continue;
        }
        let value = config.get(key).to_string();
        let value = if value.is_empty() { "-" } else { &value };
        let (range, doc) = (range(spec), spec.doc);
        writeln!(out, "{} = {value}  ({range})\n    {doc}", spec.name).map_err(Error::Output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn range(spec: &ConfigSpec) -> String {
    let facts = &spec.facts;
    let unit = facts.unit;
    match facts.kind {
        ConfigType::Float => {
            let (min, max) = facts.range_float;
            format!("{min} to {max} {unit}").trim_end().to_owned()
        }
        ConfigType::Int32 | ConfigType::Int64 => {
            let (min, max) = facts.range_int;
            format!("{min} to {max} {unit}").trim_end().to_owned()
        }
        _ => "text".to_owned(),
    }
}
