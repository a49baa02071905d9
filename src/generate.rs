//! The man page and the completions, made from the definition of the command line.

mod man;

use clap::{Arg, CommandFactory, ValueHint};
use clap_complete::aot::{self, Shell};

use crate::cli::{Cli, Generate};

/// The text that was asked for.
#[must_use]
pub fn text(what: Generate) -> String {
    match what {
        Generate::Man => man::page(),
        Generate::CompleteBash => bash(&completions(Shell::Bash)),
        Generate::CompleteZsh => zsh(&completions(Shell::Zsh)),
        Generate::CompleteFish => completions(Shell::Fish),
        Generate::CompletePowerShell => completions(Shell::PowerShell),
        Generate::CompleteElvish => elvish(&completions(Shell::Elvish)),
    }
}

fn completions(shell: Shell) -> String {
    let mut command = Cli::command().mut_args(hinted);
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    aot::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Says of an argument what its values are. Without that, shells offer files for numbers, and break names at spaces.
fn hinted(arg: Arg) -> Arg {
    if !arg.get_action().takes_values() {
        return arg;
    }
    let names_folder = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "DIR"));
    let hint = match arg.get_value_hint() {
        ValueHint::AnyPath if names_folder => ValueHint::DirPath,
        ValueHint::AnyPath => ValueHint::FilePath,
        ValueHint::Unknown => ValueHint::Other,
        known => known,
    };
    arg.value_hint(hint)
}

/// What clap_complete leaves to wish for in bash: it offers options only where files are wanted, and takes the `=` of
/// `--to=flac`, which is a word of its own to bash, for the option.
fn bash(script: &str) -> String {
    const EQUALS: &str = r#"    prev="$3"
    if [[ "${cur}" == "=" ]]; then
        cur=""
    elif [[ "${prev}" == "=" ]]; then
        prev="${COMP_WORDS[COMP_CWORD-2]}"
    fi
"#;
    script
        .replace("    prev=\"$3\"\n", EQUALS)
        .replace(" || ${COMP_CWORD} -eq 1 ]]", " ]]")
        .replace("esac\n            COMPREPLY=( $(compgen -W \"${opts}\" -- \"${cur}\") )\n", "esac\n")
}

/// In zsh, it makes everything behind the first input an input.
fn zsh(script: &str) -> String {
    script.replace("\n'*::inputs", "\n'*:inputs")
}

/// In elvish, it takes inputs for subcommands that it does not know, and offers no files.
fn elvish(script: &str) -> String {
    const FILES: &str = r"    if (str:has-prefix $words[-1] '-') {
        $completions[voxsift]
    } else {
        edit:complete-filename $@words
    }
";
    script.replace("    $completions[$command]\n", FILES)
}
