//! The arguments of `cargo xtask fuzz`.

use crate::Result;

use super::Target;

const USAGE: &str = "\
usage: cargo xtask fuzz [--minutes M | --seconds S] [--keep] [TARGET...]

  --minutes M   how long to run each target; one minute if nothing is said
  --seconds S   the same in seconds
  --keep        make what was found worth keeping the committed corpus, minimised";

/// What to do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Options {
    /// How long each target runs.
    pub(super) seconds: u64,
    /// Whether the committed corpus is to be replaced.
    pub(super) keep: bool,
    names: Vec<String>,
}

impl Options {
    pub(super) fn parse(args: &[&str]) -> Result<Self> {
        let mut options = Self {
            seconds: 60,
            keep: false,
            names: Vec::new(),
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut number = || -> Result<u64> { Ok(args.next().ok_or(USAGE)?.parse()?) };
            match *arg {
                "--minutes" => options.seconds = number()? * 60,
                "--seconds" => options.seconds = number()?,
                "--keep" => options.keep = true,
                flag if flag.starts_with('-') => return Err(USAGE.into()),
                name => options.names.push(name.into()),
            }
        }
        Ok(options)
    }

    /// The targets that were named, or all if none was.
    pub(super) fn choose(&self, all: Vec<Target>) -> Result<Vec<Target>> {
        let is_known = |name: &&String| all.iter().any(|target| target.name == **name);
        if let Some(unknown) = self.names.iter().find(|name| !is_known(name)) {
            let names: Vec<&str> = all.iter().map(|target| &*target.name).collect();
            return Err(format!("no target {unknown}; there are: {}", names.join(", ")).into());
        }
        let is_wanted =
            |target: &Target| self.names.is_empty() || self.names.contains(&target.name);
        Ok(all.into_iter().filter(is_wanted).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_names_are_understood_and_all_else_is_refused() {
        let options = Options::parse(&["--minutes", "3", "cert", "--keep"]).unwrap();
        assert_eq!((options.seconds, options.keep), (180, true));
        let target = |name: &str| Target {
            name: name.into(),
            max_len: "10".into(),
        };
        let all = vec![target("ack_codec"), target("cert")];
        assert_eq!(options.choose(all.clone()).unwrap(), [target("cert")]);
        assert!(Options::parse(&["other"]).unwrap().choose(all).is_err());
        assert!(Options::parse(&["--minutes"]).is_err());
        assert!(Options::parse(&["--fast"]).is_err());
    }
}
