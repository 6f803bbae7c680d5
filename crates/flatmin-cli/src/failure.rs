//! What ends a command early, and with which exit code.

use anyhow::anyhow;

use crate::input::Source;

/// An error, by whose it is.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or bad input: exit code 2.
    Input(anyhow::Error),
    /// Ours, or the machine's: exit code 1.
    Internal(anyhow::Error),
}

impl Failure {
    /// An error of the library about the data of `source`.
    pub(crate) fn about<'a>(source: impl Into<Source<'a>>, error: flatmin::Error) -> Self {
        match error {
            flatmin::Error::Numerical(_) => Failure::Internal(anyhow!("{}{error}", source.into().prefix())),
            // A setting is an option, which is in no file.
            flatmin::Error::Setting {
                name,
                found,
                expected,
            } => usage(format!("--{name}: found {found}, expected {expected}")),
            _ => usage(format!("{}{error}", source.into().prefix())),
        }
    }

    /// The exit code of the contract.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Input(_) => 2,
            Failure::Internal(_) => 1,
        }
    }

    /// One line, whatever the causes say.
    pub fn message(&self) -> String {
        let (Failure::Input(error) | Failure::Internal(error)) = self;
        format!("{error:#}").replace(char::is_control, " ")
    }
}

/// Wrong usage, in words.
pub(crate) fn usage(message: String) -> Failure {
    Failure::Input(anyhow!(message))
}

/// What is not known to be the user's is ours.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Internal(error)
    }
}

/// The step that reads what the user gave.
pub(crate) trait OrInput<T> {
    /// An error here is one of the input.
    fn or_input(self) -> Result<T, Failure>;
}

impl<T> OrInput<T> for anyhow::Result<T> {
    fn or_input(self) -> Result<T, Failure> {
        self.map_err(Failure::Input)
    }
}
