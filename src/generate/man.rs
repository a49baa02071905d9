//! The man page.

use clap::builder::StyledStr;
use clap::{Arg, Command, CommandFactory};
use roff::{Inline, Roff, bold, italic, roman};

use crate::cli::Cli;
use crate::cli::help::{ENVIRONMENT, EXAMPLES, EXIT_CODES, FILES};

/// How far a list within a list is set in, in characters.
const INDENT: &str = "4";

/// The whole page.
pub(super) fn page() -> String {
    let mut command = Cli::command();
    command.build();
    let name = command.get_name();
    let about = plain(command.get_about());
    let mut roff = Roff::new();
    let version = format!("{name} {}", command.get_version().unwrap_or_default());
    // Without a date: it would be that of the build, which says nothing.
    roff.control("TH", [name.to_uppercase().as_str(), "1", "\"\"", &version, "User Commands"]);
    // Names of options and variables must not be broken in two.
    roff.control("nh", []).control("ad", ["l"]);
    roff.control("SH", ["NAME"]).text([roman(format!("{name} - {about}"))]);
    let synopsis = [bold(name), roman(" ["), italic("OPTIONS"), roman("] ["), italic("INPUT"), roman("]...")];
    roff.control("SH", ["SYNOPSIS"]).text(synopsis);
    roff.control("SH", ["DESCRIPTION"]);
    for (index, paragraph) in plain(command.get_long_about()).split("\n\n").enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        text(&mut roff, paragraph);
    }
    options(&mut roff, &command);
    examples(&mut roff);
    list(&mut roff, "ENVIRONMENT", ENVIRONMENT);
    list(&mut roff, "EXIT STATUS", EXIT_CODES.map(|(code, what)| (code.to_string(), what)));
    list(&mut roff, "FILES", FILES);
    roff.render()
}

/// All options, in the groups that `--help` has.
fn options(roff: &mut Roff, command: &Command) {
    roff.control("SH", ["OPTIONS"]);
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    for arg in shown().filter(|arg| arg.get_help_heading().is_none()) {
        option(roff, arg);
    }
    let mut headings: Vec<&str> = Vec::new();
    for heading in shown().filter_map(Arg::get_help_heading) {
        if headings.contains(&heading) {
            continue;
        }
        headings.push(heading);
        roff.control("SS", [heading]);
        for arg in shown().filter(|arg| arg.get_help_heading() == Some(heading)) {
            option(roff, arg);
        }
    }
}

fn option(roff: &mut Roff, arg: &Arg) {
    let mut names: Vec<Inline> = Vec::new();
    if let Some(short) = arg.get_short() {
        names.push(bold(format!("-{short}")));
    }
    if let Some(long) = arg.get_long() {
        names.extend((!names.is_empty()).then(|| roman(", ")));
        names.push(bold(format!("--{long}")));
    }
    if arg.get_action().takes_values() {
        names.extend((!names.is_empty()).then(|| roman(" ")));
        names.extend(arg.get_value_names().unwrap_or_default().iter().map(|name| italic(name.as_str())));
        names.extend(arg.is_positional().then(|| roman("...")));
    }
    roff.control("TP", []).text(names);

    let help = plain(arg.get_long_help().or(arg.get_help()));
    let (first, rest) = help.split_once("\n\n").unwrap_or((&help, ""));
    let takes_values = arg.get_action().takes_values();
    let shown = takes_values && !arg.is_hide_default_value_set();
    let default = arg.get_default_values().first().filter(|_| shown);
    let default = default.map(|value| format!(" [default: {}]", value.to_string_lossy()));
    text(roff, &format!("{first}{}", default.unwrap_or_default()));
    for paragraph in rest.split("\n\n").filter(|paragraph| !paragraph.is_empty()) {
        roff.control("IP", []);
        text(roff, paragraph);
    }
    let values = arg.get_possible_values();
    if takes_values && !values.is_empty() {
        roff.control("RS", []);
        for value in values {
            roff.control("TP", []).text([bold(value.get_name())]).text([roman(plain(value.get_help()))]);
        }
        roff.control("RE", []);
    }
}

fn examples(roff: &mut Roff) {
    roff.control("SH", ["EXAMPLES"]);
    for (index, (command, what)) in EXAMPLES.into_iter().enumerate() {
        if index > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(sentence(what))]).control("RS", [INDENT]).control("EX", []);
        for line in command.lines() {
            roff.text([bold(line)]);
        }
        // The end of an example lets words be broken again.
        roff.control("EE", []).control("nh", []).control("RE", []);
    }
}

/// A section of names and what they mean.
fn list<T: Into<String>>(
    roff: &mut Roff,
    heading: &str,
    entries: impl IntoIterator<Item = (T, &'static str)>,
) {
    roff.control("SH", [heading]);
    for (name, what) in entries {
        roff.control("TP", []).text([bold(name)]).text([roman(sentence(what))]);
    }
}

/// A paragraph. What stands in backquotes becomes bold.
fn text(roff: &mut Roff, paragraph: &str) {
    let pieces = paragraph.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    let inlines = pieces.map(|(index, piece)| if index % 2 == 1 { bold(piece) } else { roman(piece) });
    roff.text(inlines.collect::<Vec<_>>());
}

/// With a capital, as all texts of options have.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn plain(text: Option<&StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}
