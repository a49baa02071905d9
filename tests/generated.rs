//! The man page and the completions: as they are checked in, and as the real shells take them.

#![cfg(unix)]

#[path = "support/checked_in.rs"]
mod checked_in;
#[path = "support/child.rs"]
mod child;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use child::{Running, command, until};
use clap::{Arg, CommandFactory, ValueHint};
use support::Bench;
use terminal::Terminal;
use voxsift::cli::Cli;
use voxsift::cli::help::EXAMPLES;

/// What can be generated, and where it is checked in.
const FILES: [(&str, &str); 6] = [
    ("man", "man/voxsift.1"),
    ("complete-bash", "completions/voxsift.bash"),
    ("complete-zsh", "completions/_voxsift"),
    ("complete-fish", "completions/voxsift.fish"),
    ("complete-powershell", "completions/_voxsift.ps1"),
    ("complete-elvish", "completions/voxsift.elv"),
];

fn generated(what: &str) -> String {
    let done = Bench::new().voxsift(["--generate", what]).succeeds();
    assert!(done.stderr().is_empty(), "{}", done.show());
    String::from_utf8(done.stdout().to_vec()).expect("UTF-8")
}

// They name the networks of a default build.
#[cfg(not(feature = "deepfilternet"))]
#[test]
fn what_is_checked_in_is_what_is_generated() {
    for (what, file) in FILES {
        checked_in::is_file(file, &generated(what), "generated");
    }
    let all = |folder: &str| fs::read_dir(checked_in::repository(folder)).expect("the folder").count();
    assert_eq!(all("man") + all("completions"), FILES.len(), "nothing else is there");
}

#[test]
fn everything_that_can_be_generated_is_checked_in() {
    let command = Cli::command();
    let generate = command.get_arguments().find(|arg| arg.get_id() == "generate").expect("the option");
    let values = generate.get_possible_values();
    let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    assert_eq!(values, FILES.map(|(what, _)| what));
}

#[test]
fn generating_needs_nothing_and_does_nothing_else() {
    let bench = Bench::new();
    for (name, value) in [
        ("VOXSIFT_ENGINE", "nonsense"),
        ("ELEVENLABS_API_KEY", "no\nkey"),
        ("ELEVENLABS_BASE_URL", "nowhere"),
        ("HTTPS_PROXY", "::"),
        ("TERM", "dumb"),
        ("COLUMNS", "20"),
    ] {
        let done = bench.voxsift(["--generate", "man"]).env(name, value).succeeds();
        assert!(done.stdout().starts_with(b".ie ") && done.stderr().is_empty(), "{}", done.show());
    }
    bench.voxsift(["--generate", "man", "in.wav"]).exits(2).says("cannot be used with");
    bench.voxsift(["--generate", "complete-tcsh"]).exits(2).says("complete-zsh");
    assert!(bench.names().is_empty(), "{:?}", bench.names());
}

#[test]
fn whoever_reads_what_is_generated_may_leave() {
    let (read, write) = std::io::pipe().expect("a pipe");
    drop(read);
    let mut run = command(Path::new("/"), ["--generate", "complete-bash"]);
    let ended =
        Running::start_with(run.stdin(Stdio::null()).stdout(write).stderr(Stdio::piped())).end().with(0);
    assert_eq!(ended.stderr, "");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_said() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("the full device");
    let mut run = command(Path::new("/"), ["--generate", "complete-bash"]);
    Running::start_with(run.stdin(Stdio::null()).stdout(full).stderr(Stdio::piped()))
        .end()
        .failed(1, "space");
}

/// Whether a program is here, to be talked to.
fn is_here(program: &str) -> bool {
    let found =
        Command::new(program).arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok();
    if !found {
        eprintln!("not tried, because there is no {program} here");
    }
    found
}

#[test]
fn the_man_page_is_well_formed() {
    let page = generated("man");
    let mut sections = page.lines().filter_map(|line| line.strip_prefix(".SH "));
    for section in
        ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "ENVIRONMENT", "\"EXIT STATUS\"", "FILES"]
    {
        assert_eq!(sections.next(), Some(section));
    }
    assert_eq!(sections.next(), None);

    let bench = Bench::new();
    let file = bench.file("voxsift.1", &page);
    if is_here("groff") {
        let output = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-K", "utf8", "-P", "-cbou"])
            .arg(&file)
            .output();
        let output = output.expect("groff runs");
        let warnings = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && warnings.is_empty(), "{warnings}");
        let shown = String::from_utf8(output.stdout).expect("UTF-8");
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for arg in Cli::command().get_arguments().filter_map(Arg::get_long) {
            assert!(words.contains(&format!("--{arg}")), "--{arg}\n{shown}");
        }
        for line in EXAMPLES.iter().flat_map(|(command, _)| command.lines()) {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
    }
}

/// The command line with all that clap adds to it.
fn built() -> clap::Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// A shell that completes.
#[derive(Debug)]
enum Shell {
    Bash,
    /// With what distributions put around it.
    BashCompletion,
    Zsh,
    Fish,
}

/// Where bash-completion is.
const BASH_COMPLETION: &str = "/usr/share/bash-completion/bash_completion";

/// Recordings, and what else could be meant.
fn bench() -> Bench {
    let bench = Bench::new();
    fs::create_dir(bench.path("takes")).expect("a folder");
    for name in ["ta k.wav", "talk.wav", "out.flac", "it's.txt"] {
        bench.file(name, b"");
    }
    bench
}

/// A shell without the terminal that these tests may have been started on, which it would take over.
fn apart(shell: &str) -> Command {
    let mut start = Command::new("setsid");
    start.arg(shell);
    start
}

/// A running shell in a folder, with the completions loaded.
struct Session<'a> {
    bench: &'a Bench,
    shell: &'a Shell,
    terminal: Terminal,
    _running: Option<Running>,
    home: Bench,
}

impl<'a> Session<'a> {
    fn start(shell: &'a Shell, bench: &'a Bench) -> Self {
        let home = Bench::new();
        let terminal = Terminal::new();
        // `out` writes the words that it is given to a file, which appears when it is whole.
        let out = format!(
            "out() {{ printf '%s\\0' \"$@\" > '{0}.part'; mv '{0}.part' '{0}'; }}\n",
            home.path("words").display()
        );
        let scripts = home.path("");
        let start = match shell {
            Shell::Bash | Shell::BashCompletion => {
                home.file("voxsift.bash", generated("complete-bash"));
                let rc = format!(
                    "{}{out}. {}/voxsift.bash\nPS1='ready> '\nset +m\n",
                    if matches!(shell, Shell::BashCompletion) {
                        format!(". {BASH_COMPLETION}\n")
                    } else {
                        String::new()
                    },
                    scripts.display()
                );
                let rc = home.file("rc", rc);
                let mut start = apart("bash");
                start.args(["--noprofile", "--rcfile"]).arg(rc).arg("-i");
                Some(start)
            }
            Shell::Zsh => {
                home.file("_voxsift", generated("complete-zsh"));
                // The widget inserts all that was found before, in place of one after the other.
                home.file(
                    ".zshrc",
                    format!(
                        "{out}fpath=('{}' $fpath)\nautoload -U compinit && compinit -u -D\n\
                         zle -C all-matches complete-word _generic\nbindkey -e\nbindkey '^Xa' all-matches\n\
                         zstyle ':completion:all-matches::::' completer _all_matches _complete\n\
                         zstyle ':completion:all-matches:*' insert yes\n\
                         unsetopt prompt_sp\nPS1='ready> '\n",
                        scripts.display()
                    ),
                );
                let mut start = apart("zsh");
                start.args(["-o", "no_global_rcs", "-i"]);
                Some(start)
            }
            Shell::Fish => {
                home.file("voxsift.fish", generated("complete-fish"));
                None
            }
        };
        let running = start.map(|mut start| {
            start.current_dir(bench.path("")).env("HOME", home.path("")).env("ZDOTDIR", home.path(""));
            start.env("TERM", "xterm").env("INPUTRC", "/dev/null").env_remove("PROMPT_COMMAND");
            start.stdin(terminal.stdio()).stdout(terminal.stdio()).stderr(terminal.stdio());
            Running::start_with(&mut start)
        });
        Self { bench, shell, terminal, _running: running, home }
    }

    /// What the shell offers for the last word of a line, sorted; slashes behind folders are left out.
    fn completions(&self, line: &str) -> Vec<String> {
        let mut words = match self.shell {
            Shell::Fish => self.ask_fish(line),
            _ => self.insert_all(line),
        };
        for word in &mut words {
            *word = word.trim_end_matches('/').to_owned();
        }
        words.sort();
        words.dedup();
        words
    }

    fn ask_fish(&self, line: &str) -> Vec<String> {
        let script = format!("source {}; complete -C \"$argv[1]\"", self.home.path("voxsift.fish").display());
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script, line]).current_dir(self.bench.path(""));
        let output = fish.env("HOME", self.home.path("")).output().expect("fish runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        // Escapes are for the command line.
        text.lines().map(|line| line.split('\t').next().unwrap_or_default().replace('\\', "")).collect()
    }

    /// Lets the shell insert everything that it finds, and then read the line that came of it.
    fn insert_all(&self, line: &str) -> Vec<String> {
        let prompts = || self.terminal.shown().matches("ready> ").count();
        let before = prompts();
        until("a prompt", || (prompts() > 0).then_some(()));
        let all = if matches!(self.shell, Shell::Zsh) { "\x18a" } else { "\x1b*" };
        // To the begin of the line, and out with it.
        self.terminal.press(&format!("{line}{all}\x01out \r"));
        let answer = self.home.path("words");
        let words = until("an answer", || fs::read(&answer).ok());
        fs::remove_file(&answer).expect("it was there");
        until("the next prompt", || (prompts() > before.max(1)).then_some(()));
        let words = String::from_utf8(words).expect("UTF-8");
        let given = line.split(' ').count() - 1;
        words.split_terminator('\0').skip(given).map(str::to_owned).collect()
    }
}

fn shells() -> Vec<Shell> {
    let mut shells = Vec::new();
    let interactive = is_here("setsid");
    if interactive && is_here("bash") {
        shells.push(Shell::Bash);
        if Path::new(BASH_COMPLETION).exists() {
            shells.push(Shell::BashCompletion);
        } else {
            eprintln!("not tried, because there is no bash-completion here");
        }
    }
    shells.extend((interactive && is_here("zsh")).then_some(Shell::Zsh));
    shells.extend(is_here("fish").then_some(Shell::Fish));
    shells
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Expects what each of the shells here offers for the last word of these lines.
fn offers(cases: &[(String, Vec<String>)]) {
    for shell in shells() {
        let bench = bench();
        let session = Session::start(&shell, &bench);
        for (line, expected) in cases {
            let mut expected = expected.clone();
            expected.sort();
            assert_eq!(session.completions(line), expected, "{shell:?}: {line:?}");
        }
    }
}

#[test]
fn shells_complete_files_and_options() {
    let command = built();
    let options = command.get_arguments().filter_map(Arg::get_long).map(|long| format!("--{long}"));
    let options: Vec<String> = options.collect();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let files = vec!["it's.txt", "out.flac", "ta k.wav", "takes", "talk.wav"];
    let some = vec!["ta k.wav", "takes", "talk.wav"];
    let cases = [
        ("voxsift ", files.clone()),
        ("voxsift ta", some.clone()),
        ("voxsift it", vec!["it's.txt"]),
        ("voxsift talk.wav ", files),
        ("voxsift -r -j 2 ta", some.clone()),
        ("voxsift -- ta", some),
        ("voxsift -o ou", vec!["out.flac"]),
        ("voxsift talk.wav -o ou", vec!["out.flac"]),
        ("voxsift -d ", vec!["takes"]),
        ("voxsift -e l", vec!["local"]),
        ("voxsift talk.wav -t f", vec!["flac"]),
        ("voxsift --to=f", vec!["--to=flac"]),
        ("voxsift --sk", vec!["--skip-existing"]),
        ("voxsift --", options.clone()),
        ("voxsift talk.wav --", options),
    ];
    offers(&cases.map(|(line, expected)| (line.to_owned(), owned(&expected))));
}

#[test]
fn shells_know_what_the_values_of_each_option_are() {
    let command = built();
    let mut cases = Vec::new();
    for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
        let Some(long) = arg.get_long() else { continue };
        let name = arg.get_value_names().expect("a name").first().expect("one").as_str();
        let (begun, expected) = match (arg.get_value_hint(), name) {
            (ValueHint::AnyPath, "DIR") => ("ta", owned(&["takes"])),
            (ValueHint::AnyPath, _) => ("ta", owned(&["ta k.wav", "takes", "talk.wav"])),
            _ => ("", arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect()),
        };
        cases.push((format!("voxsift --{long} {begun}"), expected));
    }
    assert!(cases.iter().any(|(line, _)| line.starts_with("voxsift --output-dir ")), "{cases:?}");
    offers(&cases);
}
