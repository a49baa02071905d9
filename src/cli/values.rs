//! Values that have names.

use std::sync::LazyLock;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::audio::encode::Format;
use crate::isolate::elevenlabs;

/// What can be made of the command line's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// The man page
    Man,
    /// Completions for bash
    CompleteBash,
    /// Completions for zsh
    CompleteZsh,
    /// Completions for fish
    CompleteFish,
    /// Completions for PowerShell
    #[value(name = "complete-powershell")]
    CompletePowerShell,
    /// Completions for elvish
    CompleteElvish,
}

/// The engines that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// elevenlabs when there is an API key, else local
    Auto,
    /// A neural network on this machine
    Local,
    /// The ElevenLabs Voice Isolator, a paid service
    #[value(name = "elevenlabs")]
    ElevenLabs,
}

/// What the audio can be declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// What its bytes are.
    Auto,
    /// This.
    Declared(elevenlabs::FileFormat),
}

impl ValueEnum for FileFormat {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<FileFormat>> =
            LazyLock::new(|| auto_or(FileFormat::Auto, FileFormat::Declared));
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Auto => Some(PossibleValue::new("auto").help("What its bytes are")),
            Self::Declared(format) => format.to_possible_value(),
        }
    }
}

/// `auto`, and everything that could be meant by it.
fn auto_or<T, All: ValueEnum>(auto: T, this: impl Fn(All) -> T) -> Vec<T> {
    std::iter::once(auto).chain(All::value_variants().iter().cloned().map(this)).collect()
}

/// Whether to pad what is too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pad {
    /// When it is shorter than the service takes
    Auto,
    /// Never: it is refused
    Never,
}

/// The formats that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// By the output's extension, else by the engine.
    Auto,
    /// This one.
    Format(Format),
}

impl ValueEnum for To {
    fn value_variants<'a>() -> &'a [Self] {
        static ALL: LazyLock<Vec<To>> = LazyLock::new(|| auto_or(To::Auto, To::Format));
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Auto => {
                Some(PossibleValue::new("auto").help("By the output's extension, else the engine's own"))
            }
            Self::Format(format) => format.to_possible_value(),
        }
    }
}

/// Whether to do something that is meant for terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Also where there is no terminal
    Always,
    /// Not even on a terminal
    Never,
}

impl When {
    /// The decision, where `auto` means `terminal`.
    #[must_use]
    pub fn decide(self, terminal: bool) -> bool {
        match self {
            Self::Auto => terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}
