//! What help and README say, compared with what the program does.

#![cfg(unix)]

#[path = "support/checked_in.rs"]
mod checked_in;
#[path = "support/child.rs"]
mod child;
#[path = "support/service.rs"]
mod service;
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeSet;

use checked_in::{is_block, text};
use serde_json::Value;
use service::KEY;
use support::{Audio, Bench};
use voxsift::cli::help::{ENVIRONMENT, EXAMPLES, EXIT_CODES};
use voxsift::error::{EXIT_INTERRUPTED, Kind};

/// The width of a terminal that nobody has made wider, and of paper.
const WIDTH: usize = 80;

/// The lines of one screen.
const HEIGHT: usize = 50;

fn help(option: &str) -> String {
    let done = Bench::new().voxsift([option]).succeeds();
    assert!(done.stderr().is_empty(), "{}", done.show());
    String::from_utf8(done.stdout().to_vec()).expect("UTF-8")
}

#[test]
fn help_fits() {
    let short = help("-h");
    assert!(short.lines().count() <= HEIGHT, "hide what is rarely used with hide_short_help:\n{short}");
    let long = help("--help");
    for line in short.lines().chain(long.lines()) {
        assert!(line.chars().count() <= WIDTH, "too wide: {line}");
    }
    for line in EXAMPLES.iter().flat_map(|(command, _)| command.lines()) {
        assert!(long.contains(line), "broken in two: {line}\n{long}");
    }
}

// It names the networks of a default build.
#[cfg(not(feature = "deepfilternet"))]
#[test]
fn readme_has_the_short_help() {
    is_block("README.md", "```text", "```", &format!("```text\n{}", help("-h")), "documentation");
}

#[test]
fn readme_has_the_environment() {
    let mut table = String::from("| variable | meaning |\n| --- | --- |\n");
    for (variables, what) in ENVIRONMENT {
        let words = what
            .split(' ')
            .map(|word| if word.starts_with("--") { format!("`{word}`") } else { word.into() });
        let what = words.collect::<Vec<String>>().join(" ");
        table.push_str(&format!("| `{}` | {what} |\n", variables.replace(", ", "`, `")));
    }
    is_block("README.md", "| variable | meaning |", "\n", &table, "documentation");
}

/// The words of a text that begin with a digit.
fn numbers(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| c.is_whitespace() || "|()*".contains(c));
    let words = words.map(|word| word.trim_end_matches(['.', ',', ';', ':']));
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).collect()
}

#[test]
fn readme_quotes_its_figures_from_the_benchmarks() {
    let (readme, benchmarks) = (text("README.md"), text("docs/benchmarks.md"));
    let section = readme.split("\n### How fast it is\n").nth(1).expect("a section in README");
    let section = section.split("\n#").next().unwrap_or_default();
    let (quoted, measured) = (numbers(section), numbers(&benchmarks));
    assert!(quoted.len() > 5, "no figures in {section}");
    let invented: Vec<_> = quoted.difference(&measured).collect();
    assert!(invented.is_empty(), "README says {invented:?}, which are not in docs/benchmarks.md");
}

/// The rows of the table in README whose first column is called this, cell by cell.
#[track_caller]
fn table(first: &str) -> Vec<Vec<String>> {
    let readme = text("README.md");
    let mut lines = readme.lines().skip_while(|line| !line.starts_with(&format!("| {first} |"))).skip(2);
    let rows: Vec<_> = lines
        .by_ref()
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            // A `\|` is no border.
            let line = line.trim_matches('|').replace("\\|", "\0");
            line.split('|').map(|cell| cell.trim().replace('\0', "|")).collect()
        })
        .collect();
    assert!(!rows.is_empty(), "no table with {first:?} in README");
    rows
}

/// The words in backquotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn readme_has_every_exit_code_and_kind() {
    let mut found = BTreeSet::new();
    for row in table("exit code") {
        let code: i32 = row[0].parse().expect("a number");
        let kinds = quoted(&row[1]);
        found.extend(kinds.iter().map(|kind| (code, kind.clone())));
        found.extend(kinds.is_empty().then(|| (code, String::new())));
    }
    let mut meant = BTreeSet::from([(0, String::new()), (EXIT_INTERRUPTED, String::new())]);
    // Who reads the output may leave, which is no failure.
    let failures = Kind::ALL.into_iter().filter(|kind| *kind != Kind::ReaderLeft);
    meant.extend(failures.map(|kind| (i32::from(kind.exit_code()), kind.name().to_owned())));
    assert_eq!(found, meant, "README's table of exit codes, and Kind in src/error.rs");

    let helped: BTreeSet<i32> = EXIT_CODES.iter().map(|(code, _)| i32::from(*code)).collect();
    let codes: BTreeSet<i32> = meant.into_iter().map(|(code, _)| code).collect();
    assert_eq!(helped, codes, "EXIT_CODES in src/cli/help.rs, and Kind in src/error.rs");
}

fn keys(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap_or_else(|| panic!("no object: {object}")).keys().cloned().collect()
}

#[test]
fn readme_has_every_field_of_json() {
    let bench = Bench::new();
    bench.file("in.wav", Audio::speechlike(16_000, 1, 40 * 16_000).wav16());
    let planned = bench.voxsift(["in.wav", "-n", "--json", "-e", "elevenlabs", "--split", "0.25"]);
    let planned = planned.env("ELEVENLABS_API_KEY", KEY).succeeds().json();
    let failed = bench.voxsift(["missing.wav", "--json"]).exits(4).json();

    let rows = table("field");
    let found: BTreeSet<String> = rows.iter().flat_map(|row| quoted(&row[0])).collect();
    assert_eq!(found, keys(&planned), "README's table of fields, and Record in src/report.rs");
    assert_eq!(keys(&planned), keys(&failed));

    let row = |field: &str| {
        let field = format!("`{field}`");
        rows.iter().find(|row| row[0] == field).map(|row| row[1].clone()).unwrap_or_else(|| panic!("{field}"))
    };
    let named = |field: &str, values: &[&str]| -> BTreeSet<String> {
        quoted(&row(field)).into_iter().filter(|word| !values.contains(&word.as_str())).collect()
    };
    assert_eq!(named("error", &["null"]), keys(&failed["error"]));
    assert_eq!(named("pieces", &["[]", "planned", "ok", "kept", "failed"]), keys(&planned["pieces"][0]));
}

/// What the program reads, seen from where it asks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod spied {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;
    use std::process::{Command, Stdio};

    use crate::child::{Running, command};
    use crate::service::KEY;
    use crate::support::{Audio, Bench};
    use crate::terminal::{Terminal, on_terminal};
    use voxsift::cli::help::ENVIRONMENT;

    /// Asked for by libraries, and of no consequence for a recording: the stacks of Rust's threads, colours and width of
    /// clap's messages, and what ureq would do if it were not told which proxy to take.
    const OF_LIBRARIES: [&str; 7] =
        ["RUST_MIN_STACK", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "HTTP_PROXY", "http_proxy"];

    /// `getenv` that notes what it is asked for.
    const SPY: &str = r#"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static char *value(const char *name) {
    size_t length = strlen(name);
    for (char **entry = environ; entry && *entry; entry++)
        if (!strncmp(*entry, name, length) && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

char *getenv(const char *name) {
    int notes = open(value("NOTES"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    dprintf(notes, "%s\n", name);
    close(notes);
    return value(name);
}
"#;

    /// The compiled spy, where there is a compiler.
    fn spy(bench: &Bench) -> Option<PathBuf> {
        let (source, library) = (bench.file("spy.c", SPY), bench.path("spy.so"));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source);
        match compiler.stdin(Stdio::null()).status() {
            Ok(status) => {
                assert!(status.success(), "the spy can be compiled");
                Some(library)
            }
            Err(error) => {
                eprintln!("not tried, because there is no cc here: {error}");
                None
            }
        }
    }

    #[test]
    fn every_variable_that_is_read_is_documented() {
        let tools = Bench::new();
        let Some(library) = spy(&tools) else { return };
        let notes = tools.path("notes");
        let bench = Bench::new();
        bench.file("in.wav", Audio::speechlike(16_000, 1, 16_000).wav16());
        let nowhere = "https://127.0.0.1:1";
        let upload = ["-e", "elevenlabs", "-o", "out.wav", "--base-url", nowhere];
        for (on, args, code) in [
            (true, vec!["in.wav"], 0),
            (true, vec!["--help"], 0),
            (false, vec!["--help"], 0),
            (false, vec!["--nonsense"], 2),
            (false, [&["in.wav", "--retries", "0"], &upload[..]].concat(), 5),
            (false, [&["-", "--retries", "1"], &upload[..]].concat(), 5),
        ] {
            let terminal = Terminal::new();
            let mut spied = command(&bench.path(""), &args);
            if on {
                spied = on_terminal(&bench, &terminal, &args);
            } else {
                spied.stderr(Stdio::piped());
            }
            spied.env("LD_PRELOAD", &library).env("NOTES", &notes).env("VOXSIFT_ENGINE", "local");
            spied.env("ELEVENLABS_API_KEY", KEY);
            let input = fs::File::open(bench.path("in.wav")).expect("the recording");
            Running::start_with(spied.stdin(input).stdout(Stdio::null())).end().with(code);
        }
        let notes = fs::read_to_string(notes).expect("the program asks for something");
        let known: BTreeSet<&str> = OF_LIBRARIES.into();
        let read: BTreeSet<&str> = notes.lines().filter(|name| !known.contains(name)).collect();
        let documented: BTreeSet<&str> =
            ENVIRONMENT.iter().flat_map(|(names, _)| names.split(", ")).collect();
        let proxies =
            documented.iter().filter(|name| name.ends_with("_PROXY")).map(|name| name.to_lowercase());
        let proxies: Vec<String> = proxies.collect();
        let documented: BTreeSet<&str> =
            documented.iter().copied().chain(proxies.iter().map(String::as_str)).collect();
        assert_eq!(read, documented, "what is read, and ENVIRONMENT in src/cli/help.rs");
    }
}
