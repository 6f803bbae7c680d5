//! What the parser refuses, in one line: which argument, what was found, what was expected, and what may have been meant.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, Error, ValueEnum as _};

use super::{Cli, ExperimentName, Model};
use crate::failure::{Failure, usage};

/// An error of the parser as one of the user's.
pub(crate) fn refusal(error: &Error) -> Failure {
    let context = Context(error);
    let said = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Some(format!("found no command, expected {}", commands()))
        }
        ErrorKind::InvalidSubcommand => context.unknown_command(),
        ErrorKind::MissingRequiredArgument => context.missing(),
        ErrorKind::UnknownArgument => context.unknown(),
        ErrorKind::InvalidValue => context.value(),
        ErrorKind::ValueValidation => context.value_out_of_range(),
        ErrorKind::TooManyValues => context.value_too_many(),
        ErrorKind::ArgumentConflict => context.conflict(),
        _ => None,
    };
    // What this command line never meets stays in the parser's words; a message is one line in any case.
    usage(said.unwrap_or_else(|| error.to_string()))
}

/// What the parser knows of an error.
struct Context<'a>(&'a Error);

impl Context<'_> {
    fn text(&self, kind: ContextKind) -> Option<&str> {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => Some(text),
            _ => None,
        }
    }

    /// One text or several.
    fn texts(&self, kind: ContextKind) -> Vec<&str> {
        match self.0.get(kind) {
            Some(ContextValue::String(text)) => vec![text],
            Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// How the command is called, as `flatmin solve [OPTIONS] <MODEL> <DATA>`.
    fn usage(&self) -> String {
        let usage = self.0.get(ContextKind::Usage).map(ToString::to_string);
        let usage = usage.as_deref().unwrap_or_default();
        usage.strip_prefix("Usage: ").unwrap_or(usage).to_owned()
    }

    /// What may have been meant, to end the line with.
    fn suggestion(&self, kind: ContextKind) -> String {
        let meant = self.texts(kind);
        match meant.last() {
            Some(meant) => format!("; did you mean {meant}?"),
            None => String::new(),
        }
    }

    fn unknown_command(&self) -> Option<String> {
        let found = self.text(ContextKind::InvalidSubcommand)?;
        // The name of a model or of an experiment, where that of the command was left out.
        let suggestion = if Model::from_str(found, true).is_ok() {
            format!("; did you mean solve {found}?")
        } else if ExperimentName::from_str(found, true).is_ok() {
            format!("; did you mean experiment {found}?")
        } else {
            self.suggestion(ContextKind::SuggestedSubcommand)
        };
        Some(format!("found {found:?}, expected {}{suggestion}", commands()))
    }

    fn missing(&self) -> Option<String> {
        let missing = self.texts(ContextKind::InvalidArg);
        (!missing.is_empty())
            .then(|| format!("found no {}, expected {}", missing.join(" and no "), self.usage()))
    }

    fn unknown(&self) -> Option<String> {
        let found = self.text(ContextKind::InvalidArg)?;
        if !found.starts_with('-') {
            return Some(format!(
                "found {found:?} after all arguments, expected {}",
                self.usage()
            ));
        }
        let usage = self.usage();
        let command: Vec<&str> = usage
            .split(' ')
            .take_while(|word| word.starts_with(char::is_alphabetic))
            .collect();
        let command = command.join(" ");
        if found[1..].starts_with(|c: char| c.is_ascii_digit()) {
            return Some(format!(
                "{found}: found a negative number, expected an option that {command} --help lists"
            ));
        }
        let suggestion = self.suggestion(ContextKind::SuggestedArg);
        if !command.contains(' ') {
            return Some(format!(
                "{found}: found before the command, expected after it: only --help and --version stand before{suggestion}"
            ));
        }
        Some(format!(
            "{found}: found no option of this name, expected one that {command} --help lists{suggestion}"
        ))
    }

    /// None where one is needed, or none of those that there are.
    fn value(&self) -> Option<String> {
        let argument = self.text(ContextKind::InvalidArg)?;
        let found = match self.text(ContextKind::InvalidValue)? {
            "" => "no value".to_owned(),
            found => format!("{found:?}"),
        };
        let expected = match listed(&self.texts(ContextKind::ValidValue)) {
            none if none.is_empty() => argument.to_owned(),
            values => values,
        };
        let suggestion = self.suggestion(ContextKind::SuggestedValue);
        Some(format!(
            "{}: found {found}, expected {expected}{suggestion}",
            name(argument)
        ))
    }

    fn value_out_of_range(&self) -> Option<String> {
        let argument = name(self.text(ContextKind::InvalidArg)?);
        let found = self.text(ContextKind::InvalidValue)?;
        let expected = std::error::Error::source(self.0)?;
        Some(format!("{argument}: found {found:?}, {expected}"))
    }

    fn value_too_many(&self) -> Option<String> {
        let argument = name(self.text(ContextKind::InvalidArg)?);
        let found = self.text(ContextKind::InvalidValue)?;
        Some(format!("{argument}: found the value {found:?}, expected none"))
    }

    fn conflict(&self) -> Option<String> {
        let argument = self.text(ContextKind::InvalidArg)?;
        let others = self.texts(ContextKind::PriorArg);
        let others: Vec<&str> = others.into_iter().map(name).collect();
        let argument = name(argument);
        Some(if others == [argument] {
            format!("{argument}: found more than once, expected once")
        } else {
            let others = others.join(" and ");
            format!("{argument}: found with {others}, expected one of them")
        })
    }
}

/// An argument without the name of its value: `--lambda` of `--lambda <V|auto>`, `MODEL` of `<MODEL>`.
fn name(argument: &str) -> &str {
    let name = argument.split(' ').next().unwrap_or(argument);
    name.trim_matches(['<', '>', '[', ']'])
}

/// The commands, and where they are explained.
fn commands() -> String {
    let cli = Cli::command();
    let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    format!("{} (flatmin --help explains them)", listed(&names))
}

/// "a, b or c".
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => names.concat(),
    }
}
