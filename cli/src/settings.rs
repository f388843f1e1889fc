//! The settings file of `--config`: its values become the defaults of the flags they are named after.
//!
//! In: YAML, `kafka: localhost:9092`. Out: a command line whose flags and environment still win over it.
//! A key that no flag is named after is refused; of a value that its flag does not take, the file and the key are named.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};
use onpace_sinks::configuration::text;
use serde_yaml_ng::Value;

/// A settings file that was read.
pub struct Settings {
    file: PathBuf,
    /// The flags that it sets: how they are written and what clap calls them.
    flags: Vec<(String, String)>,
}

impl Settings {
    /// What to say of a command line that can't be understood, if it is the file that is at fault: `without` it, it could be.
    pub fn at_fault(&self, error: &clap::Error, without: Result<ArgMatches, clap::Error>) -> Option<String> {
        let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
        without.ok()?;
        let name = flag.trim_start_matches('-').split(' ').next().unwrap_or_default();
        let said = error.to_string();
        let said = said.split("\n\nFor more information").next().unwrap_or_default().trim_start_matches("error: ").trim_end();
        Some(format!("{}: `{name}`: {said}", self.file.display()))
    }

    /// Names the file and the key in an error that begins with a flag whose value is the file's.
    pub fn named(&self, error: anyhow::Error, matches: &ArgMatches) -> anyhow::Error {
        let text = error.to_string();
        let written = text.strip_prefix("--").map(|rest| rest.split([' ', ':']).next().unwrap_or_default());
        let Some((name, id)) = self.flags.iter().find(|(name, _)| written == Some(name)) else { return error };
        let used = matches.subcommand().map_or(matches, |(_, matches)| matches);
        let known = used.try_contains_id(id).is_ok();
        if known && used.value_source(id) == Some(ValueSource::DefaultValue) {
            return error.context(format!("{}: `{name}`", self.file.display()));
        }
        error
    }
}

/// The file named on the command line or in the environment, if one is: looked for before the command line is understood,
/// since it changes the defaults.
pub fn named_file(arguments: &[String], environment: Option<String>) -> Option<PathBuf> {
    let mut after = arguments.iter().skip_while(|argument| *argument != "--config").skip(1);
    let joined = arguments.iter().find_map(|argument| argument.strip_prefix("--config="));
    joined.or(after.next().map(String::as_str)).map(PathBuf::from).or(environment.map(PathBuf::from))
}

/// The command line with the file's values as defaults.
pub fn with_file(mut command: Command, file: &Path) -> Result<(Command, Settings)> {
    let text = text(file).map_err(|why| anyhow::anyhow!("can't read the settings file {}: {why}", file.display()))?;
    let settings: serde_yaml_ng::Mapping = if text.trim().is_empty() {
        serde_yaml_ng::Mapping::new()
    } else {
        serde_yaml_ng::from_str(&text).with_context(|| format!("{} is not a YAML mapping of flags to values", file.display()))?
    };
    let known = flags(&command);
    let mut set = Settings { file: file.to_owned(), flags: Vec::new() };
    for (key, value) in &settings {
        let Some(name) = key.as_str() else { bail!("{}: {key:?} is no name of a flag", file.display()) };
        let name = name.replace('_', "-");
        let Some(flag) = known.iter().find(|(flag, _)| *flag == name && name != "config") else {
            let nearest = known.iter().min_by_key(|(flag, _)| strsim::damerau_levenshtein(flag, &name));
            let hint = nearest.map(|(flag, _)| format!("; did you mean `{flag}`?")).unwrap_or_default();
            bail!("{}: no flag is named `{name}`{hint}", file.display());
        };
        set.flags.push(flag.clone());
        let values = strings(value)
            .with_context(|| format!("{}: `{name}` takes a text, a number, true or false, or a list of those", file.display()))?;
        command = default(command, &name, &values);
    }
    Ok((command, set))
}

/// How flags are written, and what clap calls them.
fn flags(command: &Command) -> Vec<(String, String)> {
    let own = command.get_arguments().filter_map(|argument| Some((argument.get_long()?.to_owned(), argument.get_id().to_string())));
    own.chain(command.get_subcommands().flat_map(flags)).collect()
}

fn strings(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(flag) => Some(vec![flag.to_string()]),
        Value::Sequence(list) => list.iter().map(|item| strings(item).filter(|one| one.len() == 1).map(|one| one.concat())).collect(),
        _ => None,
    }
}

fn default(mut command: Command, name: &str, values: &[String]) -> Command {
    let id = command.get_arguments().find(|argument| argument.get_long() == Some(name)).map(|argument| argument.get_id().clone());
    if let Some(id) = id {
        command = command.mut_arg(id, |argument| argument.default_values(values.to_vec()));
    }
    let subcommands: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for sub in subcommands {
        command = command.mut_subcommand(sub, |sub| default(sub, name, values));
    }
    command
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
    use clap::{CommandFactory, FromArgMatches};

    use super::*;
    use crate::args::{Cli, Command as Chosen};

    fn parse(yaml: &str, line: &[&str]) -> Result<Cli> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onpace.yaml");
        std::fs::write(&file, yaml).unwrap();
        let (command, _) = with_file(Cli::command(), &file)?;
        Ok(Cli::from_arg_matches(&command.try_get_matches_from(line)?)?)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let up = |yaml, line: &[&str]| match parse(yaml, line).unwrap().command {
            Chosen::Up(up) => up,
            other => panic!("{other:?}"),
        };
        let yaml = "kafka: there:9092\nredis_prefix: sales\nthreads: 3\n";
        let file = up(yaml, &["onpace", "up"]);
        assert_eq!((file.engine.kafka.kafka.as_deref(), file.threads), (Some("there:9092"), 3));
        assert_eq!(file.engine.redis.redis_prefix, "sales");
        let flag = up(yaml, &["onpace", "up", "--threads", "2"]);
        assert_eq!(flag.threads, 2);
        let many = parse("window: [7d, all]", &["onpace", "kpis"]).unwrap();
        assert!(matches!(many.command, Chosen::Kpis(kpis) if kpis.windows == ["7d", "all"]));
    }

    #[test]
    fn an_unknown_name_is_refused() {
        let error = parse("kafak: there:9092", &["onpace", "up"]).unwrap_err().to_string();
        assert!(error.contains("did you mean `kafka`"), "{error}");
    }

    #[test]
    fn of_a_wrong_value_file_and_key_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onpace.yaml");
        std::fs::write(&file, "partitions: many\ntime_zone: Nowhere\nwindow: 8d").unwrap();
        let (command, settings) = with_file(Cli::command(), &file).unwrap();
        let fault = |line: &[&str]| {
            let error = command.clone().try_get_matches_from(line).err()?;
            settings.at_fault(&error, Cli::command().try_get_matches_from(line))
        };
        let said = fault(&["onpace", "up"]).unwrap();
        assert!(said.contains("onpace.yaml: `partitions`: invalid value 'many'") && !said.contains("--help"), "{said}");
        assert_eq!(fault(&["onpace", "up", "--partitions", "many"]), None, "the command line's own fault");
        assert_eq!(fault(&["onpace", "up", "--partitions", "2"]), None);

        let named = |line: &[&str], error: &'static str| {
            let matches = command.clone().try_get_matches_from(line).unwrap();
            format!("{:#}", settings.named(anyhow::anyhow!(error), &matches))
        };
        let zone = "--time-zone Nowhere: no such zone";
        assert!(named(&["onpace", "kpis"], zone).ends_with("onpace.yaml: `time-zone`: --time-zone Nowhere: no such zone"));
        assert_eq!(named(&["onpace", "kpis", "--time-zone", "Nowhere"], zone), zone);
        assert!(named(&["onpace", "kpis"], "--window: there is no window `8d`").contains("onpace.yaml: `window`: "));
        assert_eq!(named(&["onpace", "kpis"], "--at: no time"), "--at: no time");
    }

    #[test]
    fn the_file_is_found_in_both_spellings() {
        let line = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(named_file(&line(&["onpace", "--config", "a.yaml", "up"]), None), Some("a.yaml".into()));
        assert_eq!(named_file(&line(&["onpace", "up", "--config=b.yaml"]), Some("c".into())), Some("b.yaml".into()));
        assert_eq!(named_file(&line(&["onpace", "up"]), Some("c".into())), Some("c".into()));
        assert_eq!(named_file(&line(&["onpace", "up"]), None), None);
    }
}
