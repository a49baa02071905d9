//! The program: parse, run, exit code.

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};
use voxsift::cli::Cli;
use voxsift::error::Kind;
use voxsift::plan::{self, Plan, Surroundings};
use voxsift::report::{self, Report};
use voxsift::screen::Screen;
use voxsift::{batch, generate, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let around = Surroundings::look();
    match run(&cli, &around) {
        Ok(code) => code.into(),
        Err(error) => {
            let screen = Screen::none();
            let only =
                Some(cli.inputs.as_slice()).filter(|inputs| inputs.len() == 1).map(|inputs| &*inputs[0]);
            Report::new(plan::messages(&cli, &around), &screen).fatal(only, error).into()
        }
    }
}

fn run(cli: &Cli, around: &Surroundings) -> Result<u8> {
    if let Some(what) = cli.generate {
        report::print(&generate::text(what))?;
        return Ok(0);
    }
    interrupt::watch()?;
    match plan::plan(cli, around)? {
        Plan::ShortHelp => {
            report::help(&Cli::command().render_help());
            Ok(Kind::Usage.exit_code())
        }
        Plan::Run(run) => batch::run(&run),
    }
}
